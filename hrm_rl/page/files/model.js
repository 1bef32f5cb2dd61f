// One segment of an HRM or a TRM on one puzzle, in plain JavaScript: the forward pass of
// hrm_rl/models (hrm.py, trm.py, blocks.py, layers.py, units.py) for a batch of one.
//
// Arrays are Float32Array, rows after each other: x is L positions x D width; a weight has one row
// for each output, as in torch. Sums are in double precision, as JavaScript's numbers are.
// L positions (prefix first, then cells), D width, K head width, V vocabulary.
"use strict";

const EPSILON = 1e-5; // of rms_norm
const SUM_OF_TWO = 0.707106781; // of a token's and its position's embedding, as in models/base.py

/** Half precision numbers, little endian, as bytes -> single precision. */
function fromHalf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(bytes.byteLength / 2);
  for (let i = 0; i < out.length; i++) {
    const bits = view.getUint16(2 * i, true);
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    out[i] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
  }
  return out;
}

/** The text of base64 as bytes. */
function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** Weights by name, each with its shape, cut out of the one block that the page holds. */
function unpacked(packed) {
  const numbers = fromHalf(fromBase64(packed.half));
  const weights = {};
  let start = 0;
  for (const [name, shape] of packed.shapes) {
    const size = shape.reduce((a, b) => a * b, 1);
    weights[name] = { data: numbers.subarray(start, start + size), shape };
    start += size;
  }
  return weights;
}

/** x (rows x inputs) times the transpose of a weight (outputs x inputs), in tiles of 2 x 4 sums. */
function linear(x, rows, weight) {
  const w = weight.data;
  const [outputs, inputs] = weight.shape;
  const y = new Float32Array(rows * outputs);
  const wide = outputs - (outputs % 4);
  for (let r = 0; r < rows; r += 2) {
    const a = r * inputs;
    const b = r + 1 < rows ? a + inputs : a; // an odd last row is computed twice
    for (let o = 0; o < wide; o += 4) {
      const w0 = o * inputs, w1 = w0 + inputs, w2 = w1 + inputs, w3 = w2 + inputs;
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      for (let i = 0; i < inputs; i++) {
        const xa = x[a + i], xb = x[b + i];
        const u0 = w[w0 + i], u1 = w[w1 + i], u2 = w[w2 + i], u3 = w[w3 + i];
        a0 += xa * u0; a1 += xa * u1; a2 += xa * u2; a3 += xa * u3;
        b0 += xb * u0; b1 += xb * u1; b2 += xb * u2; b3 += xb * u3;
      }
      const p = r * outputs + o;
      y[p] = a0; y[p + 1] = a1; y[p + 2] = a2; y[p + 3] = a3;
      if (b !== a) {
        const q = p + outputs;
        y[q] = b0; y[q + 1] = b1; y[q + 2] = b2; y[q + 3] = b3;
      }
    }
    for (let o = wide; o < outputs; o++) {
      for (let s = r; s < Math.min(r + 2, rows); s++) {
        let sum = 0;
        for (let i = 0; i < inputs; i++) sum += x[s * inputs + i] * w[o * inputs + i];
        y[s * outputs + o] = sum;
      }
    }
  }
  return y;
}

/** rms_norm(x + y), row by row. */
function addedAndNormed(x, y, rows) {
  const width = x.length / rows;
  const out = new Float32Array(x.length);
  for (let r = 0; r < rows; r++) {
    const start = r * width;
    let squares = 0;
    for (let i = start; i < start + width; i++) {
      out[i] = x[i] + y[i];
      squares += out[i] * out[i];
    }
    const scale = 1 / Math.sqrt(squares / width + EPSILON);
    for (let i = start; i < start + width; i++) out[i] *= scale;
  }
  return out;
}

/** down(silu(gate(x)) * up(x)). */
function swiglu(x, rows, gateUp, down) {
  const inner = gateUp.shape[0] / 2;
  const both = linear(x, rows, gateUp);
  const mixed = new Float32Array(rows * inner);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < inner; i++) {
      const gate = both[2 * r * inner + i];
      mixed[r * inner + i] = (gate / (1 + Math.exp(-gate))) * both[(2 * r + 1) * inner + i];
    }
  }
  return linear(mixed, rows, down);
}

/** For each head and position, the positions that it sees: all, or its unit and the prefix. */
function whoSeesWhom(config) {
  const { prefix, cells, heads, rows, boxes } = config;
  const all = Array.from({ length: prefix + cells }, (_, i) => i);
  if (!boxes.length) return Array.from({ length: heads }, () => all.map(() => all));
  const columns = cells / rows;
  return Array.from({ length: heads }, (_, head) => {
    const [down, across] = boxes[Math.floor(head / (heads / boxes.length))];
    const unit = (cell) => [Math.floor(Math.floor(cell / columns) / down), Math.floor((cell % columns) / across)].join();
    return all.map((at) =>
      at < prefix ? all : all.filter((other) => other < prefix || unit(other - prefix) === unit(at - prefix)));
  });
}

/** Turn queries and keys by their positions, in place, the two halves of the head width paired. */
function rotate(qkv, L, D, K) {
  const half = K / 2;
  for (let at = 0; at < L; at++) {
    for (let start = at * 3 * D; start < at * 3 * D + 2 * D; start += K) {
      for (let i = 0; i < half; i++) {
        const angle = at * 10000 ** ((-2 * i) / K);
        const cos = Math.cos(angle), sin = Math.sin(angle);
        const first = qkv[start + i], second = qkv[start + half + i];
        qkv[start + i] = first * cos - second * sin;
        qkv[start + half + i] = second * cos + first * sin;
      }
    }
  }
}

/** Multi-head attention of positions over those that they see; qkv_proj and o_proj by the prefix of their names. */
function attention(x, L, weights, name, config, seen) {
  const D = config.width, K = D / config.heads;
  const qkv = linear(x, L, weights[name + "qkv_proj.weight"]);
  if (config.positions === "rotary") rotate(qkv, L, D, K);
  const mixed = new Float32Array(L * D);
  const p = new Float64Array(L);
  for (let head = 0; head < config.heads; head++) {
    for (let at = 0; at < L; at++) {
      const others = seen[head][at], query = at * 3 * D + head * K;
      let highest = -Infinity;
      for (let j = 0; j < others.length; j++) {
        const key = others[j] * 3 * D + D + head * K;
        let sum = 0;
        for (let i = 0; i < K; i++) sum += qkv[query + i] * qkv[key + i];
        p[j] = sum / Math.sqrt(K);
        if (p[j] > highest) highest = p[j];
      }
      let total = 0;
      for (let j = 0; j < others.length; j++) total += p[j] = Math.exp(p[j] - highest);
      const to = at * D + head * K;
      for (let j = 0; j < others.length; j++) {
        const share = p[j] / total, value = others[j] * 3 * D + 2 * D + head * K;
        for (let i = 0; i < K; i++) mixed[to + i] += share * qkv[value + i];
      }
    }
  }
  return linear(mixed, L, weights[name + "o_proj.weight"]);
}

/** A model that thinks about one puzzle: `deal` starts, `segment` goes on and shows what it finds. */
class Thinker {
  constructor(packed) {
    this.config = packed.config;
    this.weights = unpacked(packed);
    this.seen = whoSeesWhom(this.config);
    this.L = this.config.prefix + this.config.cells;
  }

  /** Start on a puzzle, given by its tokens. */
  deal(tokens) {
    const { width: D, prefix } = this.config, { weights, L } = this;
    const table = weights["embed_tokens.embedding_weight"].data;
    const x = new Float32Array(L * D);
    if (prefix) x.set(weights["puzzle_emb.weights"].data.subarray(0, weights["puzzle_emb.weights"].shape[1]));
    tokens.forEach((token, i) => x.set(table.subarray(token * D, (token + 1) * D), (prefix + i) * D));
    if (this.config.positions === "learned") {
      const places = weights["embed_pos.embedding_weight"].data;
      for (let i = 0; i < x.length; i++) x[i] = SUM_OF_TWO * (x[i] + places[i]);
    }
    this.x = x.map((value) => value * Math.sqrt(D));
    [this.zH, this.zL] = ["H_init", "L_init"].map((name) => {
      const z = new Float32Array(L * D);
      for (let at = 0; at < L; at++) z.set(weights[name].data, at * D);
      return z;
    });
  }

  /** One segment: {logits (cells x V), q ([halt, continue])}. */
  segment() {
    const { H_cycles, L_cycles, slow, prefix, width: D } = this.config;
    for (let cycle = 0; cycle < H_cycles; cycle++) {
      for (let step = 0; step < L_cycles; step++) {
        this.zL = this.level("L_level", this.zL, this.zH, this.x);
      }
      this.zH = this.level(slow, this.zH, this.zL);
    }
    const logits = linear(this.zH.subarray(prefix * D), this.config.cells, this.weights["lm_head.weight"]);
    const bias = this.weights["q_head.bias"].data;
    const q = linear(this.zH.subarray(0, D), 1, this.weights["q_head.weight"]);
    return { logits, q: [q[0] + bias[0], q[1] + bias[1]] };
  }

  /** A recurrent module: what comes in is added to the state, then come the blocks. */
  level(name, state, ...injected) {
    let z = state.slice();
    for (let i = 0; i < z.length; i++) {
      let sum = 0;
      for (const other of injected) sum += other[i];
      z[i] += sum;
    }
    for (let layer = 0; layer < this.config.layers[name]; layer++) {
      const of = `${name}.layers.${layer}.`;
      z = addedAndNormed(z, attention(z, this.L, this.weights, of + "self_attn.", this.config, this.seen), this.L);
      const [gateUp, down] = ["gate_up_proj", "down_proj"].map((part) => this.weights[`${of}mlp.${part}.weight`]);
      z = addedAndNormed(z, swiglu(z, this.L, gateUp, down), this.L);
    }
    return z;
  }
}

// In a worker it answers messages; in node it is a module.
if (typeof module !== "undefined") module.exports = { Thinker, linear, fromHalf };
else if (typeof WorkerGlobalScope !== "undefined") {
  let thinker;
  onmessage = ({ data }) => {
    if (data.packed) thinker = new Thinker(data.packed);
    if (data.tokens) thinker.deal(data.tokens);
    if (!data.id) return;
    const started = performance.now();
    const shown = thinker.segment();
    postMessage({ id: data.id, ...shown, ms: performance.now() - started });
  };
}

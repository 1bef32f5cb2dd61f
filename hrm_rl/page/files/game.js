// The game's rules, without the page: rounds, returns, and what is right in a Sudoku.
"use strict";

/** Numbers of [0, 1), the same for one seed (mulberry32). */
function randoms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many of the indices, none twice. */
function drawn(indices, count, seed) {
  const left = indices.slice(), random = randoms(seed);
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(Math.floor(random() * left.length), 1)[0]);
}

/** Return of an episode: 1 if right, less the step cost of each segment after the first. */
function worth(right, segments, stepCost) {
  return (right ? 1 : 0) - stepCost * (segments - 1);
}

/** A text as digits, 0 for a blank; throws an Error that says what is wrong. */
function parsed(text, { size }) {
  const cells = [...text.replace(/[\s|+-]/g, "")];
  const wrong = cells.find((letter) => !/[.0_*]/.test(letter) && !(letter >= "1" && letter <= String(size)));
  if (wrong) throw new Error(`“${wrong}” is no cell: write 1 to ${size}, and . or 0 for a blank.`);
  if (cells.length !== size * size) {
    throw new Error(`A puzzle has ${size * size} cells, and this text has ${cells.length}: write . or 0 for each blank.`);
  }
  return cells.map((letter) => Number(letter) || 0);
}

/** Rows, columns and boxes, each a list of cells. */
function unitsOf({ size, boxRows, boxColumns }) {
  const numbers = Array.from({ length: size }, (_, i) => i);
  const across = size / boxColumns;
  return numbers.flatMap((u) => [
    numbers.map((i) => u * size + i),
    numbers.map((i) => i * size + u),
    numbers.map((i) =>
      (Math.floor(u / across) * boxRows + Math.floor(i / boxColumns)) * size + (u % across) * boxColumns + (i % boxColumns)),
  ]);
}

/** Cells whose digit another cell of a unit has too. */
function conflicts(digits, game) {
  const found = new Set();
  for (const unit of unitsOf(game)) {
    for (const cell of unit) {
      if (digits[cell] && unit.some((other) => other !== cell && digits[other] === digits[cell])) found.add(cell);
    }
  }
  return found;
}

/** Whether an answer keeps the givens and the rules, with no blank. */
function solves(givens, answer, game) {
  return answer.every((digit, i) => digit && (!givens[i] || givens[i] === digit)) && conflicts(answer, game).size === 0;
}

/** The most likely token of each cell, and its probability. */
function predicted(logits, cells) {
  const vocab = logits.length / cells;
  const tokens = [], sure = [];
  for (let cell = 0; cell < cells; cell++) {
    const row = Array.from(logits.subarray(cell * vocab, (cell + 1) * vocab));
    const highest = Math.max(...row);
    tokens.push(row.indexOf(highest));
    sure.push(1 / row.reduce((total, logit) => total + Math.exp(logit - highest), 0));
  }
  return { tokens, sure };
}

/** The segments, counted from 1, after which the answer is right, in words. */
function whenRight(right) {
  const first = right.indexOf("1") + 1;
  if (!first) return `it is never right within ${right.length} segments`;
  const lost = right.indexOf("0", first);
  return lost < 0 ? `it is right from segment ${first} on` : `it is right after segment ${first}, and loses the answer after segment ${lost + 1}`;
}

if (typeof module !== "undefined") {
  module.exports = { randoms, drawn, worth, parsed, unitsOf, conflicts, solves, predicted, whenRight };
}

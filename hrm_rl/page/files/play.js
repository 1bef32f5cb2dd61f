// The page: deals puzzles to the network in a worker, draws what it shows, and keeps the score.
"use strict";

const $ = (id) => document.getElementById(id);
const DATA = JSON.parse($("data").textContent);
const { game, maxSegments, stepCost, puzzles, policies } = DATA;
const CELLS = game.size * game.size, ROUND = 10;
const worker = new Worker(URL.createObjectURL(new Blob([$("model").textContent], { type: "text/javascript" })));
worker.postMessage({ packed: DATA.model });

let round = null; // { number, set, indices, ended: [{ index, right, segments }] }
let live = null; // the puzzle on the board: { id, givens, answer, index, shown: [segment], busy, over, right }
let deals = 0;
const times = [];

// --- playing --------------------------------------------------------------------------------------

function newRound(number, set) {
  const indices = puzzles.map((_, i) => i).filter((i) => !set || puzzles[i].source === set);
  round = { number, set, indices: drawn(indices, ROUND, number), ended: [] };
  history.replaceState(null, "", `#${new URLSearchParams({ round: number, ...(set && { set }) })}`);
  $("set").value = set;
  dealNext();
}

function dealNext() {
  const index = round.indices[round.ended.length];
  const { givens, answer } = puzzles[index];
  deal(parsed(givens, game), parsed(answer, game), index);
}

/** Put a puzzle on the board and run its first segment; without an answer the rules judge. */
function deal(givens, answer, index = null) {
  live = { id: ++deals, givens, answer, index, shown: [], busy: false, over: false, right: false };
  $("verdict").textContent = "";
  think(givens.map((digit) => digit + 1)); // token 0 is padding, 1 a blank
}

function think(tokens) {
  live.busy = true;
  worker.postMessage({ id: live.id, tokens });
  draw();
}

worker.onmessage = ({ data }) => {
  if (data.id !== live.id) return; // of a puzzle that was left
  const { tokens, sure } = predicted(data.logits, CELLS);
  const last = live.shown.at(-1);
  const digits = tokens.map((token) => Math.max(0, token - 1));
  const changed = digits.map((digit, i) => !last || digit !== last.digits[i]);
  live.shown.push({ digits, changed, sure: Math.min(...sure), q: data.q });
  live.busy = false;
  times.push(data.ms);
  if (live.shown.length >= maxSegments) return halt(true);
  draw();
  const [now, later] = data.q.map((q) => sigmoid(q).toFixed(2)); // for who listens
  $("told").textContent = `${$("segment").textContent}. Q of halting ${now}, of going on ${later}. ${$("changed").textContent}`;
};

worker.onerror = (error) => {
  $("verdict").textContent = `The network cannot run in this browser: ${error.message || "its worker failed"}.`;
};

const mayDecide = () => live && !live.busy && !live.over && live.shown.length > 0;

function goOn() {
  if (mayDecide()) think();
}

function halt(forced = false) {
  if (!mayDecide()) return;
  const { digits } = live.shown.at(-1), segments = live.shown.length;
  live.over = true;
  live.right = live.answer ? digits.every((digit, i) => digit === live.answer[i]) : solves(live.givens, digits, game);
  if (live.index !== null) round.ended.push({ index: live.index, right: live.right, segments });
  const how = forced ? `Segment ${segments} is the last. ` : "";
  $("verdict").textContent = how + (live.index === null ? ownVerdict() : roundVerdict(segments));
  draw();
}

function roundVerdict(segments) {
  const { digits } = live.shown.at(-1);
  const wrong = digits.filter((digit, i) => digit !== live.answer[i]).length;
  const points = shownPoints(worth(live.right, segments, stepCost));
  const what = live.right ? "Right" : `Wrong in ${wrong} ${wrong === 1 ? "cell" : "cells"}`;
  const verdict = `${what}: ${points} points. On this puzzle ${whenRight(puzzles[live.index].right)}.`;
  return round.ended.length < round.indices.length ? verdict : `${verdict} ${roundEnd()}`;
}

function roundEnd() {
  const mine = total(round.ended.map((one) => worth(one.right, one.segments, stepCost)));
  const rule = total(round.ended.map(({ index }) => policyWorth(0, index)));
  const than = mine > rule + 1e-9 ? "more than" : mine < rule - 1e-9 ? "less than" : "as many as";
  return `The round is over: ${shownPoints(mine)} points, ${than} the ${policies[0].name} (${shownPoints(rule)}).`;
}

function ownVerdict() {
  const rule = live.shown.findIndex(({ q }) => q[0] > q[1]) + 1;
  const q = rule ? `The Q rule halts after segment ${rule}.` : "The Q rule would have gone on.";
  return `${live.right ? "Right by the rules." : "Not a solution yet."} ${q}`;
}

function next() {
  if (!live.over) return;
  if (round.ended.length < round.indices.length) dealNext();
  else newRound(round.number + 1, round.set);
}

// --- scores ---------------------------------------------------------------------------------------

const total = (values) => values.reduce((a, b) => a + b, 0);
const shownPoints = (value) => String(Math.round(1000 * value) / 10).replace("-", "\u2212");
const policyRight = (policy, index) => puzzles[index].right[puzzles[index].halts[policy] - 1] === "1";
const policyWorth = (policy, index) => worth(policyRight(policy, index), puzzles[index].halts[policy], stepCost);

function drawScore() {
  const ended = round.ended, rows = [row("th", ["", "points", ...round.indices.map((_, i) => i + 1), "mean round"])];
  rows.push(scoreRow("You", ended.map(({ right, segments }) => ({ right, segments })), "", "you"));
  policies.forEach(({ name, mean }, p) => {
    const marks = ended.map(({ index }) => ({ right: policyRight(p, index), segments: puzzles[index].halts[p] }));
    rows.push(scoreRow(name, marks, String(Math.round(100 * ROUND * mean))));
  });
  $("score").replaceChildren(...rows);
}

function scoreRow(name, marks, all, kind = "") {
  const points = total(marks.map(({ right, segments }) => worth(right, segments, stepCost)));
  const squares = round.indices.map((_, i) => {
    const mark = marks[i], td = element("td", mark ? mark.segments : "", mark ? (mark.right ? "right" : "wrong") : "empty");
    if (mark) td.setAttribute("aria-label", `${mark.right ? "right" : "wrong"} after ${mark.segments} segments`);
    return td;
  });
  const head = element("th", name);
  head.scope = "row";
  const tr = element("tr", "", kind);
  tr.append(head, element("td", marks.length ? shownPoints(points) : "", "sum"), ...squares, element("td", all, "sum"));
  return tr;
}

// --- drawing --------------------------------------------------------------------------------------

function element(tag, text = "", kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = kind;
  return made;
}

function row(tag, texts) {
  const tr = element("tr");
  tr.append(...texts.map((text) => element(tag, text)));
  return tr;
}

function buildBoard() {
  for (let r = 0; r < game.size; r++) {
    const tr = element("tr");
    for (let c = 0; c < game.size; c++) tr.append(element("td"));
    $("board").append(tr);
  }
}

function drawBoard() {
  const shown = live.shown.at(-1), digits = shown ? shown.digits : live.givens;
  const clashes = $("verify").checked || (live.over && !live.answer) ? conflicts(digits, game) : new Set();
  $("board").classList.toggle("over", live.over);
  $("board").querySelectorAll("td").forEach((td, i) => {
    const r = Math.floor(i / game.size), c = i % game.size;
    const given = live.givens[i] > 0, wrong = live.answer ? digits[i] !== live.answer[i] : clashes.has(i);
    td.textContent = digits[i] || "";
    td.className = Object.entries({
      "box-right": (c + 1) % game.boxColumns === 0 && c + 1 < game.size,
      "box-bottom": (r + 1) % game.boxRows === 0 && r + 1 < game.size,
      given: given && digits[i] === live.givens[i],
      changed: !live.over && live.shown.length > 1 && shown.changed[i],
      conflict: clashes.has(i),
      good: live.over && !wrong && !given && digits[i],
      bad: live.over && wrong,
    }).filter(([, on]) => on).map(([name]) => name).join(" ");
  });
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

function drawQ() {
  const all = live.shown.map(({ q }) => q.map(sigmoid)), now = all.at(-1) || [0, 0];
  [$("q-halt"), $("q-continue")].forEach((bar, k) => {
    bar.firstElementChild.style.width = `${100 * now[k]}%`;
    bar.setAttribute("aria-valuenow", now[k].toFixed(2));
    bar.nextElementSibling.value = all.length ? now[k].toFixed(2) : "";
  });
  const x = (m) => 14 + (m * 300) / Math.max(1, maxSegments - 1), y = (q) => 66 - 60 * q;
  const line = (k, kind) => {
    const [px, py] = [x(all.length - 1), y(now[k])];
    return `<polyline class="${kind}" points="${all.map((q, m) => `${x(m)},${y(q[k])}`).join(" ")}"/>` +
      (all.length ? `<circle class="${kind}" cx="${px}" cy="${py}" r="3.2"/>` : "");
  };
  $("history").innerHTML = `<line x1="14" x2="314" y1="66" y2="66"/><line x1="14" x2="314" y1="6" y2="6"/>` +
    `<text x="0" y="69">0</text><text x="0" y="9">1</text><text x="14" y="80">segment 1</text>` +
    `<text x="314" y="80" text-anchor="end">${maxSegments}</text>${line(1, "other")}${line(0, "")}`;
}

function drawFacts() {
  const m = live.shown.length, shown = live.shown.at(-1);
  $("segment").textContent = m ? `Segment ${m} of ${maxSegments}` : "Thinking…";
  $("thinking").hidden = !(live.busy && m);
  $("dots").replaceChildren(...Array.from({ length: maxSegments }, (_, i) => element("li", "", i < m ? "done" : "")));
  const changed = m > 1 ? shown.changed.filter(Boolean).length : 0;
  $("changed").textContent = m > 1 ? `${changed} ${changed === 1 ? "cell" : "cells"} changed` : "";
  $("sure").textContent = m ? `least certain cell: ${Math.round(100 * shown.sure)} %` : "";
  $("speed").textContent = m ? `${Math.round(times.at(-1))} ms a segment` : "";
  const own = live.index === null;
  const at = round.ended.length + (live.over && !own ? 0 : 1);
  $("where").textContent = own ? "Your own puzzle" : `Puzzle ${at} of ${round.indices.length}`;
  const { source, rating } = own ? {} : puzzles[live.index];
  $("source").textContent = live.over && !own ? `${source}, rating ${rating}` : own ? "" : `round ${round.number}`;
}

function drawButtons() {
  const focused = document.activeElement?.id;
  for (const name of ["continue", "halt"]) {
    $(name).hidden = live.over;
    $(name).setAttribute("aria-disabled", live.shown.length === 0); // not disabled: that loses the focus
  }
  $("next").hidden = !live.over;
  $("next-name").textContent =
    round.ended.length >= round.indices.length ? "New round" : live.index === null ? "Back to the round" : "Next puzzle";
  if (live.over && ["continue", "halt"].includes(focused)) $("next").focus(); // what is hidden hands it on
  if (!live.over && focused === "next") $("continue").focus();
}

function draw() {
  drawButtons();
  drawBoard();
  drawQ();
  drawFacts();
  drawScore();
}

// --- hands ----------------------------------------------------------------------------------------

const ACTIONS = { continue: goOn, halt: () => halt(), next };

for (const [name, act] of Object.entries(ACTIONS)) {
  $(name).addEventListener("mousedown", (event) => event.preventDefault()); // the keys stay the page's
  $(name).addEventListener("click", act);
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("button, select, textarea, input, summary, a")) return; // theirs
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  if (live.over) next();
  else if (event.key === " ") goOn();
  else halt();
});

$("verify").addEventListener("change", draw);
$("set").addEventListener("change", () => newRound(round.number, $("set").value));
$("new").addEventListener("click", () => newRound(round.number + 1, round.set));
$("think").addEventListener("click", () => {
  $("text-error").textContent = "";
  try {
    const givens = parsed($("text").value, game);
    if (conflicts(givens, game).size) throw new Error("A digit is twice in a row, column or box: mend the givens.");
    deal(givens, null);
    document.querySelector(".play").scrollIntoView({ block: "start" });
  } catch (error) {
    $("text-error").textContent = error.message;
  }
});

function start() {
  buildBoard();
  const sets = [...new Set(puzzles.map(({ source }) => source))].sort();
  $("set").append(...["", ...sets].map((name) => new Option(name || "of all kinds", name)));
  $("set").disabled = sets.length < 2;
  $("cost").textContent = `${shownPoints(stepCost)}`;
  $("about").textContent = DATA.about;
  $("policies").append(...policies.flatMap(({ name, note }) => [element("dt", name), element("dd", note)]));
  const asked = new URLSearchParams(location.hash.slice(1));
  const set = sets.includes(asked.get("set")) ? asked.get("set") : "";
  newRound(Number.parseInt(asked.get("round")) || 1 + Math.floor(Math.random() * 9999), set);
}

start();

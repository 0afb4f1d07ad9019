// The review page: one record at a time, everything by keyboard. A decision is shown as saved once the server has it on the disk.
import { $, element } from "./dom.js";
import { Editor } from "./editor.js";
import { Draft } from "./draft.js";
import { draw, points, units, whole } from "./marks.js";
import { bindKeys } from "./keys.js";
import { hover, renderFindings, renderLabels, renderRows, renderVersions } from "./panels.js";

const token = document.body.dataset.token;
const query = new URLSearchParams(location.search);
const state = { who: query.get("annotator") ?? "", queue: null, record: null, draft: null, row: 0, began: 0, spent: 0, done: [], undone: [] };

// --- the server ---

async function call(method, name, values) {
  const address = new URL(`/api/${name}`, location.origin);
  const options = { method, headers: { "x-review-token": token } };
  if (method === "GET") for (const [key, value] of Object.entries({ ...values, annotator: state.who })) address.searchParams.set(key, value);
  else Object.assign(options, { body: JSON.stringify({ ...values, annotator: state.who }), headers: { ...options.headers, "content-type": "application/json" } });
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw Object.assign(new Error("The page's program does not answer. Nothing was saved: keep this tab, start make review again under the same name, and go on."), { gone: true });
  }
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), answer);
  return answer;
}

function notice(text) {
  $("#notice").textContent = text;
  $("#notice").hidden = !text;
}

async function attempt(work) {
  try {
    notice("");
    return await work();
  } catch (error) {
    notice(error.message);
    if (error.name === true) $("#annotator").focus();
    return null;
  }
}

// --- the queue ---

async function loadQueue(at = state.record?.id ?? "") {
  const wanted = Object.fromEntries([...new FormData($("#filters"))].filter(([, value]) => value));
  state.queue = await call("GET", "queue", { ...wanted, at });
  const { rows, first, ids, total, done } = state.queue;
  document.body.classList.toggle("blind", state.queue.blind);
  const list = rows.map((row) => {
    const button = element("button", { type: "button" }, element("span", { className: "name", lang: row.lang, textContent: row.begins }));
    const count = row.reasons.length ? `${row.reasons.length} finding${row.reasons.length > 1 ? "s" : ""}` : "";
    const said = drafts.has(row.id) ? "not saved" : row.state === "open" ? "" : row.state;
    button.append(element("span", { className: "meta", textContent: [row.id, count, said, row.deciders.join(", ")].filter(Boolean).join(" · ") }));
    button.title = row.reasons.join(", ");
    button.addEventListener("click", () => open(row.id));
    if (row.id === at) button.setAttribute("aria-current", "true");
    return element("li", { className: drafts.has(row.id) ? "unsaved" : row.state }, button);
  });
  $("#queue").start = first + 1;
  const more = ids.length ? (ids.length > rows.length ? `${ids.length} in all: filter, or go on with n` : "") : "No record answers these filters.";
  $("#queue").replaceChildren(...list, element("li", { className: "quiet", textContent: more }));
  $("#queue [aria-current]")?.scrollIntoView({ block: "nearest" });
  $("#progress progress").max = Math.max(total, 1);
  $("#progress progress").value = done;
  const left = state.queue.seconds_left;
  const time = left === null ? "" : left < 5400 ? ` · ${Math.ceil(left / 60)} min left` : ` · ${(left / 3600).toFixed(1)} h left`;
  $("#progress span").textContent = `${done} of ${total}${time}`;
  const choices = { lang: state.queue.langs, subset: state.queue.subsets, decided_by: ["nobody", ...state.queue.annotators], state: ["open", "decided", "conflict"] };
  choices.reason = state.queue.reasons.map(({ code, words, count }) => [code, `${words} (${count})`]);
  for (const [name, values] of Object.entries(choices)) {
    const select = $(`#filters [name=${name}]`);
    const chosen = select.value;
    const options = values.map((value) => (Array.isArray(value) ? element("option", { value: value[0], textContent: value[1] }) : element("option", { value, textContent: value })));
    select.replaceChildren(element("option", { value: "", textContent: "all" }), ...options);
    select.value = chosen;
  }
  return ids;
}

function open(id) {
  const there = id === state.record?.id;
  if (there) $("#target").focus({ preventScroll: true });
  return inTurn(() => load(id), !there);
}

async function load(id) {
  const record = (ahead.id === id && (await ahead.record)) || (await call("GET", "record", { id }));
  if (told(record) === state.shown) arrived(turn); // it is there already: caret, selection and draft stay
  else {
    keep();
    show(record);
  }
  const ids = await loadQueue(id);
  look(ids[ids.indexOf(id) + 1]);
}

/** The next record is fetched ahead; if it changes until it is shown, its hash tells when a decision about it is sent. */
let ahead = { id: null };
function look(id) {
  ahead = { id: id ?? null, record: id ? call("GET", "record", { id }).catch(() => null) : null };
}

async function step(way) {
  const ids = state.queue?.ids ?? [];
  const at = ids.indexOf(state.record?.id);
  const next = at < 0 ? ids[0] : ids[at + way];
  if (next) await load(next);
  else notice(ids.length ? "This is the last one under these filters." : "No record answers these filters.");
}

/** What is asked of the server goes one after the other. Until its record is shown, keys and buttons do nothing: what is typed for the
 * next record must not reach the one before. */
let turns = Promise.resolve();
let turn = null;
const awaited = new Set(); // the turns whose record is not shown yet
function inTurn(work, waiting = true) {
  const own = {};
  if (waiting) awaited.add(own);
  busy();
  turns = turns.then(() => ((turn = own), attempt(work))).finally(() => arrived(own));
  return turns;
}

function arrived(one) {
  awaited.delete(one);
  busy();
}

function busy() {
  state.busy = awaited.size > 0;
  $("#record").setAttribute("aria-busy", String(state.busy));
}

// --- one record ---

/** What a record says of itself; its findings come when they are ready. */
const told = ({ findings, ...record }) => JSON.stringify(record);

const drafts = new Map(); // what was typed and not saved, by record: looking elsewhere loses nothing

function keep() {
  finishEdit();
  const comment = $("#comment").value;
  if (state.record && (state.draft?.touched() || comment)) drafts.set(state.record.id, { hash: state.record.hash, draft: state.draft, comment });
}

function show(record) {
  const kept = drafts.get(record.id);
  drafts.delete(record.id);
  state.record = record;
  state.draft = kept?.hash === record.hash ? kept.draft : new Draft(record);
  Object.assign(state, { row: 0, began: performance.now(), spent: 0, shown: told(record) });
  $("#comment").value = kept?.comment ?? "";
  $("#record").hidden = false;
  $("#source").lang = record.source?.lang ?? "";
  $("#target").lang = record.lang;
  $("#target").dir = $("#source").dir = "auto";
  editor.edit(false);
  render();
  if (!document.activeElement?.closest("#filters")) {
    $("#target").focus({ preventScroll: true });
    editor.select(0);
  }
  arrived(turn);
  if (!state.queue?.blind) setTimeout(() => state.record === record && locate(record), 150); // who only leafs through waits for no check
}

/** The checks take a moment: the record is shown first, what they find at its place when they are done. */
async function locate(record) {
  try {
    const answer = await call("GET", "findings", { id: record.id });
    if (state.record !== record || answer.hash !== record.hash) return;
    record.findings = answer.findings;
    if (!editor.composing) change(() => {});
  } catch {
    // the reasons are shown; a server that is gone is told at the next step
  }
}

/** Selects what a finding is about in the translation. */
function goTo(finding) {
  if (!finding.target || state.draft.text !== state.record.text) return;
  $("#target").focus();
  editor.select(...finding.target.map((point) => units(state.draft.text, point)));
}

let pointed = null; // the finding under the pointer
function pointAt(finding) {
  if (pointed === finding) return; // drawn anew under the pointer, it is entered once more
  pointed = finding;
  render();
}

/** Draws the record anew; who had a button of it has the button in its place after that, or else the translation. */
function render(caret = null) {
  const panel = document.activeElement?.closest("#labels, #text-labels, #pairs, #findings, #versions");
  const at = panel ? [...panel.querySelectorAll("button")].indexOf(document.activeElement) : -1;
  redraw(caret);
  if (panel && !panel.contains(document.activeElement)) (panel.querySelectorAll("button")[at] ?? $("#target")).focus({ preventScroll: true });
}

function redraw(caret) {
  const { record, draft } = state;
  const rows = draft.rows();
  const held = caret === null && document.activeElement === $("#target") ? editor.ends() : null;
  state.row = Math.min(state.row, Math.max(rows.length - 1, 0));
  $("#record-id").textContent = record.id;
  $("#status").textContent = record.status === "in" ? "" : record.status;
  $("#deciders").textContent = record.deciders.length ? `decided by ${record.deciders.join(", ")}` : "";
  $("#mode").textContent = editor.editing ? "editing: Esc ends it" : draft.touched() ? "changed, not saved" : "";
  const marks = { source: [], target: [] };
  rows.forEach((row, n) => {
    for (const side of ["source", "target"]) {
      for (const span of row[side]?.spans ?? []) {
        const classes = ["span", n === state.row ? "current" : "", row.missing ? "missing" : "", side === "source" && !row.target && !row.missing ? "alone" : ""];
        if (span.start !== null) marks[side].push({ start: span.start, end: span.end, class: classes.filter(Boolean).join(" "), number: n + 1, row: n });
      }
    }
  });
  const findings = state.queue?.blind ? [] : record.findings;
  for (const side of ["source", "target"]) {
    const text = side === "source" ? (record.source?.text ?? "") : draft.text;
    for (const finding of findings) {
      if (finding[side] && (side === "source" || draft.text === record.text)) {
        const [start, end] = finding[side].map((point) => units(text, point));
        marks[side].push({ start, end, class: pointed === finding ? "finding flash" : "finding" });
      }
    }
    draw($(`#${side}`), text, marks[side]);
  }
  if (caret !== null) editor.select(caret);
  else if (held) editor.select(...held);
  $("#source-label").textContent = record.source?.text_label ?? "";
  renderLabels(state, acts, change);
  renderRows(state, rows, acts);
  renderFindings(state, findings, pointAt, goTo);
  renderVersions(state, change, settle);
  for (const name of ["undo", "redo"]) $(`[data-act=${name}]`).disabled = !(name === "undo" ? draft.canUndo() || state.done.length : draft.canRedo() || state.undone.length);
  $("[data-act=save]").disabled = !draft.touched();
  $("[data-act=accept]").firstChild.textContent = record.status === "in" ? "Accept " : "Restore ";
}

// --- what a person does ---

function change(work, caret = null) {
  if (state.busy) return;
  work();
  render(caret);
  announce();
}

function focusRow(n) {
  if (state.busy) return;
  const rows = state.draft.rows();
  if (rows.length) state.row = (n + rows.length) % rows.length;
  render();
  const span = state.draft.rows()[state.row]?.target?.spans[0];
  $("#target").focus({ preventScroll: true });
  if (span && span.start !== null) editor.select(span.start);
}

/** The words that are chosen, whole characters without blanks at the ends; null where none are. */
function chosen() {
  const selection = state.draft && editor.selection();
  if (!selection || selection[0] === selection[1]) return null;
  const { text } = state.draft;
  const [start, end] = state.draft.trimmed(...whole(text, ...selection));
  return start < end ? { start, end, words: text.slice(start, end) } : null;
}

function label_(n, all = false) {
  const { record, draft } = state;
  const span = chosen();
  if (record.kind === "event") return change(() => draft.setRole(state.row, record.roles[n], span));
  const label = record.labels[n];
  if (label === undefined) return null;
  return change(() => (all ? draft.labelAll(state.row, span, label) : (state.row = draft.setLabel(state.row, span, label))));
}

function otherLabel() {
  const label = prompt("Label, in the language of the translation:")?.trim();
  const span = chosen();
  if (label) change(() => (state.row = state.draft.setLabel(state.row, span, label)));
}

const argument = (name) => change(() => state.draft.setArgument(name, chosen()));
const addEvent = () => change(() => (state.row = state.draft.addEvent(chosen())));
const place = () => change(() => (state.row = state.draft.place(state.row, chosen())));
const noCounterpart = () => change(() => state.draft.toggleMissing(state.row));
const remove = () => change(() => state.draft.remove(state.row));

function announce() {
  const span = chosen();
  const { text } = state.draft ?? { text: "" };
  $("#selection").textContent = span ? `“${span.words}”, characters ${points(text, span.start)}–${points(text, span.end)}` : (state.draft?.pending() ?? "");
}

function startEdit() {
  if (state.busy) return;
  editor.edit(true);
  state.draft.beginEdit();
  render(editor.selection()?.[0] ?? 0);
  $("#target").focus();
}

function finishEdit() {
  if (!editor?.editing) return;
  const caret = editor.selection()?.[0] ?? 0;
  editor.edit(false);
  state.draft.endEdit();
  render(caret);
}

function seconds() {
  return state.spent + Math.min(performance.now() - state.began, 120000) / 1000;
}

async function decide(decision) {
  finishEdit();
  const { record, draft } = state;
  if (!record || state.busy) return null;
  const fields = decision === "reject" ? {} : draft.fields();
  if (!decision && !draft.touched()) return notice("Nothing was changed: a accepts the record as it is.");
  const sent = { id: record.id, base_hash: record.hash, decision, fields, comment: $("#comment").value, seconds: seconds(), missing: draft.missingItems() };
  return inTurn(() => save(sent));
}

/** The server's answer, or null: then nothing was saved, and the page says why. */
async function send(name, sent) {
  $("#saved").textContent = "saving …";
  $("#saved").className = "";
  if (ahead.id === sent.id) look(null);
  try {
    const answer = await call("POST", name, sent);
    notice("");
    return answer;
  } catch (error) {
    $("#saved").textContent = "not saved";
    $("#saved").className = "bad";
    notice(error.message);
    if (error.changed) {
      const mine = { who: state.who, why: "(your version, not saved)", ...sent.fields };
      drafts.delete(sent.id);
      show({ ...error.record, versions: [mine, ...error.record.versions] });
      $("#comment").value = sent.comment;
    } else if (error.name === true) $("#annotator").focus();
    return null;
  }
}

/** Saves a decision or an edit; after a decision the next record is shown. True if it was saved. */
async function save(sent) {
  const answer = await send("decide", sent);
  if (!answer) return false;
  state.done.push(sent);
  state.undone = [];
  Object.assign(state, { record: answer.record, draft: new Draft(answer.record) });
  $("#comment").value = "";
  drafts.delete(sent.id);
  try {
    const ids = await loadQueue(sent.id);
    if (!sent.decision || ids.at(-1) === sent.id || !ids.length) show(answer.record);
    if (sent.decision) await step(1);
  } finally {
    $("#saved").textContent = `saved: ${sent.decision || "edit"}, ${sent.id}`;
  }
  return true;
}

async function undo() {
  if (state.busy) return null;
  if (state.draft?.canUndo()) return change(() => state.draft.undo());
  const last = state.done.at(-1);
  if (!last) return notice("There is nothing to undo.");
  return inTurn(async () => {
    const answer = await send("undo", { id: last.id });
    if (!answer) return;
    state.undone.push(state.done.pop());
    show(answer.record);
    await loadQueue(last.id);
    $("#saved").textContent = "undone";
  });
}

async function redo() {
  if (state.busy) return null;
  if (state.draft?.canRedo()) return change(() => state.draft.redo());
  const again = state.undone.at(-1);
  if (!again) return notice("There is nothing to redo.");
  const rest = state.undone.slice(0, -1);
  return inTurn(async () => {
    show(await call("GET", "record", { id: again.id }));
    state.undone = (await save(again)) ? rest : [...rest, again];
  });
}

/** Lets the record stand as it is: the version in conflict is taken back. */
function settle(version) {
  const { id } = state.record;
  return inTurn(async () => {
    const answer = await send("settle", { id, patch: version.patch, comment: $("#comment").value });
    if (!answer) return;
    keep();
    show(answer.record);
    await loadQueue(id);
    $("#saved").textContent = `saved: settled, ${id}`;
  });
}

/** Back to the translation; from the filters, to the first record that answers them. */
function home(filtered) {
  $("#target").focus();
  if (filtered) applyFilters();
}

const acts = {
  accept: () => decide("accept"), reject: () => decide("reject"), save: () => decide(""), undo, redo, next: () => inTurn(() => step(1)), previous: () => inTurn(() => step(-1)),
  edit: startEdit, endEdit: finishEdit, label: label_, textLabel: (n) => state.record.text_labels[n] && change(() => state.draft.setTextLabel(state.record.text_labels[n])),
  row: (way) => focusRow(state.row + way), choose: focusRow, place, remove, noCounterpart, addEvent, argument, otherLabel: () => state.record.open_labels && otherLabel(),
  comment: () => $("#comment").focus(), search: () => $("#filters [name=text]").focus(), help: () => $("#help").showModal(), home,
};

const editor = new Editor(
  $("#target"),
  (from, to, put) => change(() => state.draft.edit(from, to, put), from + put.length),
  announce,
);

// --- events ---

bindKeys(acts, () => ({ editing: editor.editing, target: $("#target"), ready: state.record !== null, kind: state.record?.kind }), $("#keys"));
for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => acts[button.dataset.act]());
$("#help-button").addEventListener("click", acts.help);
$("#queue-toggle").addEventListener("click", () => {
  const shown = document.body.classList.toggle("queue-open");
  $("#queue-toggle").setAttribute("aria-expanded", String(shown));
});
$("#filters").addEventListener("submit", (event) => event.preventDefault());
let timer = 0;
function applyFilters() {
  clearTimeout(timer);
  return attempt(async () => {
    const ids = await loadQueue();
    if (!ids.includes(state.record?.id) && ids.length && document.activeElement?.name !== "text") await inTurn(() => load(ids[0]));
  });
}
$("#filters").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(applyFilters, 120);
});
$("#target").addEventListener("dblclick", () => announce());
for (const one of ["#labels", "#text-labels", "footer"]) { // a button takes no selection away
  $(one).addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());
}
for (const side of ["#source", "#target"]) {
  $(side).addEventListener("click", (event) => {
    const rows = event.target.closest?.("[data-rows]")?.dataset.rows.split(" ");
    if (rows && document.getSelection().isCollapsed) {
      const at = editor.selection();
      state.row = Number(rows.at(-1));
      render(side === "#target" && at ? at[0] : null);
    }
  });
  $(side).addEventListener("pointerover", (event) => event.target.dataset?.rows?.split(" ").forEach((n) => hover(n, true)));
  $(side).addEventListener("pointerout", (event) => event.target.dataset?.rows?.split(" ").forEach((n) => hover(n, false)));
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) state.spent = seconds();
  state.began = document.hidden ? Infinity : performance.now();
});
$("#annotator").value = state.who;
$("#annotator").addEventListener("change", () => start($("#annotator").value.trim()));
window.addEventListener("beforeunload", (event) => (state.draft?.touched() || drafts.size) && event.preventDefault());

async function start(who) {
  Object.assign(state, { who, done: [], undone: [], record: null, draft: null });
  query.set("annotator", who);
  history.replaceState(null, "", `?${query}`);
  await inTurn(async () => {
    const ids = await loadQueue();
    const first = state.queue.rows.find((row) => row.state !== "decided")?.id ?? ids[0];
    if (first) await load(first);
    else notice("There is nothing to review.");
  });
}

if (state.who) start(state.who);
else {
  notice("Type your name as the reviewer: it stands in every decision.");
  $("#annotator").focus();
}

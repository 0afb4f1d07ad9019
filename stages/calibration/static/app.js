// The review page: one record at a time, everything by keyboard. A decision is shown as saved once the server has it on the disk.
import { $, element } from "./dom.js";
import { Clock } from "./clock.js";
import { Editor } from "./editor.js";
import { Draft, Drafts } from "./draft.js";
import { points, units, whole } from "./marks.js";
import { bindKeys } from "./keys.js";
import { marking } from "./marking.js";
import { bindTexts, renderFindings, renderLabels, renderRows, renderTexts, renderVersions } from "./panels.js";
import { bindFilters, openQueue, renderQueue, wanted } from "./queue.js";
import { ask } from "./server.js";
import { Turns } from "./turns.js";

const query = new URLSearchParams(location.search);
const state = { who: query.get("annotator") ?? "", queue: null, record: null, draft: null, row: 0, done: [], undone: [] };
const clock = new Clock();

const call = (method, name, values) => ask(method, name, state.who, values);

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

/** The queue under the filters; drawn unless the queue was asked for again meanwhile. */
let asked = 0;
async function loadQueue(at = state.record?.id ?? "") {
  const own = ++asked;
  const answer = await call("GET", "queue", { ...wanted(), at });
  if (own !== asked) return answer;
  state.queue = answer;
  document.body.classList.toggle("blind", state.queue.blind);
  renderQueue(state.queue, at, (id) => drafts.has(id), (id) => (openQueue(false), open(id)));
  return answer;
}

/** The queue is drawn when it comes: nobody waits for it who goes on. */
function refreshQueue(at) {
  loadQueue(at).catch((error) => notice(error.message));
}

function open(id) {
  const there = id === state.record?.id;
  if (there) $("#target").focus({ preventScroll: true });
  return inTurn(() => load(id), !there);
}

/** Shows a record, and the queue around it. */
async function load(id) {
  const record = (ahead.id === id && (await ahead.record)) || (await call("GET", "record", { id }));
  if (told(record) === state.shown) turns.shown(); // it is there already: caret, selection and draft stay
  else {
    keep();
    show(record);
  }
  refreshQueue(id);
  look(neighbour(1));
}

/** The next record is fetched ahead; if it changes until it is shown, its hash tells when a decision about it is sent. */
let ahead = { id: null };
function look(id) {
  ahead = { id: id ?? null, record: id ? call("GET", "record", { id }).catch(() => null) : null };
}

/** The record so many places on in the queue as it is drawn; the first one if the present one is not in it. */
function neighbour(way) {
  const ids = state.queue?.ids ?? [];
  const at = ids.indexOf(state.record?.id);
  return at < 0 ? ids[0] : ids[at + way];
}

const last = () => notice(state.queue?.ids.length ? "This is the last one under these filters." : "No record answers these filters.");

async function step(way) {
  const next = neighbour(way);
  if (next) await load(next);
  else last();
}

const turns = new Turns(attempt, (busy) => {
  state.busy = busy;
  $("#record").setAttribute("aria-busy", String(busy));
});
const inTurn = (work, waiting) => turns.run(work, waiting);

// --- one record ---

/** What a record says of itself; its findings come when they are ready. */
const told = ({ findings, ...record }) => JSON.stringify(record);

const drafts = new Drafts();

function keep() {
  finishEdit();
  drafts.keep(state.record, state.draft, $("#comment").value, state.who);
}

function show(record) {
  state.shown = told(record);
  const { draft, comment, versions } = drafts.take(record);
  Object.assign(state, { record: { ...record, versions }, draft, row: 0 });
  clock.restart();
  record = state.record;
  $("#comment").value = comment;
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
  turns.shown();
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
  const findings = state.queue?.blind ? [] : record.findings;
  renderTexts(state, rows, findings, pointed);
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

async function decide(decision) {
  finishEdit();
  const { record, draft } = state;
  if (!record || state.busy) return null;
  const fields = decision === "reject" ? {} : draft.fields();
  if (!decision && !draft.touched()) return notice("Nothing was changed: a accepts the record as it is.");
  const sent = { id: record.id, base_hash: record.hash, decision, fields, comment: $("#comment").value, seconds: clock.seconds(), missing: draft.missingItems() };
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
      drafts.put(error.record.id, { hash: sent.base_hash, fields: sent.fields, comment: sent.comment, who: state.who });
      show(error.record);
    } else if (error.name === true) $("#annotator").focus();
    return null;
  }
}

/** Saves a decision or an edit; after a decision the next record is shown, the next in the queue as it was: a filter may not show the
 * one that was decided any more. True if it was saved. */
async function save(sent) {
  const answer = await send("decide", sent);
  if (!answer) return false;
  const next = sent.decision ? neighbour(1) : undefined;
  state.done.push(sent);
  state.undone = [];
  drafts.drop(sent.id);
  Object.assign(state, { record: answer.record, draft: new Draft(answer.record) });
  $("#comment").value = "";
  try {
    if (next && next !== sent.id) return await load(next), true;
  } catch (error) {
    show(answer.record);
    throw error;
  } finally {
    $("#saved").textContent = `saved: ${sent.decision || "edit"}, ${sent.id}`;
  }
  show(answer.record);
  refreshQueue(sent.id);
  if (sent.decision) last();
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
    refreshQueue(last.id);
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
    refreshQueue(id);
    $("#saved").textContent = `saved: settled, ${id}`;
  });
}

/** Back to the translation; from the filters, to the first record that answers them. */
function home(filtered) {
  $("#target").focus();
  if (filtered) applyFilters();
}

const acts = {
  ...marking(state, change, chosen),
  accept: () => decide("accept"), reject: () => decide("reject"), save: () => decide(""), undo, redo, next: () => inTurn(() => step(1)), previous: () => inTurn(() => step(-1)),
  edit: startEdit, endEdit: finishEdit, row: (way) => focusRow(state.row + way), choose: focusRow,
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
$("#queue-toggle").addEventListener("click", () => openQueue(!document.body.classList.contains("queue-open")));
function applyFilters() {
  return attempt(async () => {
    const { ids } = await loadQueue();
    if (!ids.includes(state.record?.id) && ids.length && document.activeElement?.name !== "text") await inTurn(() => load(ids[0]));
  });
}
bindFilters(applyFilters);
$("#target").addEventListener("dblclick", () => announce());
for (const one of ["#labels", "#text-labels", "footer"]) { // a button takes no selection away
  $(one).addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());
}
bindTexts((side, rows) => {
  const at = editor.selection();
  state.row = rows.at(-1);
  render(side === "target" && at ? at[0] : null);
});
$("#annotator").value = state.who;
$("#annotator").addEventListener("change", () => start($("#annotator").value.trim()));
window.addEventListener("beforeunload", (event) => (state.draft?.touched() || drafts.unsaved()) && event.preventDefault());

async function start(who) {
  keep(); // a name that is corrected loses nothing that was typed
  Object.assign(state, { who, done: [], undone: [], record: null, draft: null });
  query.set("annotator", who);
  history.replaceState(null, "", `?${query}`);
  await inTurn(async () => {
    const { ids, rows, total } = await loadQueue();
    const first = rows.find((row) => row.state !== "decided")?.id ?? ids[0];
    if (first) await load(first);
    else notice(total ? "No record answers these filters." : "There is nothing to review.");
    $("#record").hidden = !state.record;
  });
}

if (state.who) start(state.who);
else {
  notice("Type your name as the reviewer: it stands in every decision.");
  $("#annotator").focus();
}

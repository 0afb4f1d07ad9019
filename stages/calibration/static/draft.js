// What a person has changed of a record and not saved yet: text, label, annotations, with its own undo. Places are UTF-16 units.
import { edited, fromRecord, places, settled, toRecord, trimmed } from "./marks.js";

export class Draft {
  constructor(record) {
    this.record = record;
    this.state = { text: record.text, text_label: record.text_label, items: fromRecord(record.text, record.extractions), missing: [], pending: {} };
    record.partners.forEach(([source, target]) => (this.state.items[target].pair = source));
    this.source = record.source ? fromRecord(record.source.text, record.source.extractions) : [];
    this.first = this.key();
    this.past = [];
    this.future = [];
  }

  get text() { return this.state.text; }
  get text_label() { return this.state.text_label; }
  key() { return JSON.stringify([this.state.text, this.state.text_label, toRecord(this.state.text, this.state.items), this.state.missing]); }
  touched() { return this.key() !== this.first; }
  canUndo() { return this.past.length > 0; }
  canRedo() { return this.future.length > 0; }
  trimmed(start, end) { return trimmed(this.text, start, end); }

  change(work) {
    const before = structuredClone(this.state);
    work(this.state);
    if (JSON.stringify(before) === JSON.stringify(this.state)) return;
    this.past.push(before);
    this.future = [];
  }
  undo() { this.future.push(this.state); this.state = this.past.pop(); }
  redo() { this.past.push(this.state); this.state = this.future.pop(); }

  /** Pairs as they are shown: the source's annotations in their order, then those that only the translation has. */
  rows() {
    const { items, missing } = this.state;
    const rows = this.source.map((source, n) => ({ source, index: n, target: items.find((item) => item.pair === n) ?? null, missing: missing.includes(n) }));
    return [...rows, ...items.filter((item) => item.pair === undefined || item.pair === null).map((target) => ({ source: null, index: null, target, missing: false }))];
  }
  rowOf(item) { return Math.max(0, this.rows().findIndex((row) => row.target === item)); }

  beginEdit() { this.editing = structuredClone(this.state); }
  edit(from, to, put) {
    if (from === to && !put) return;
    const { state } = this;
    if (!this.editing) this.beginEdit();
    state.text = state.text.slice(0, from) + put + state.text.slice(to);
    for (const item of state.items) item.spans = item.spans.map((span) => this.worded(edited(span, from, to, put)));
    this.past.push(this.editing);
    this.future = [];
    this.editing = structuredClone(state);
  }
  worded(span) { return span.start === null || span.start === span.end ? span : { ...span, words: this.state.text.slice(span.start, span.end) }; }
  endEdit() {
    this.editing = null;
    for (const item of this.state.items) item.spans = item.spans.map((span) => settled(span, this.state.text));
  }

  /** A span of the text as it is chosen. */
  spanOf(chosen, role) { return { words: chosen.words, start: chosen.start, end: chosen.end, ...(role ? { role } : {}) }; }
  insert(state, item) {
    const start = (one) => one.spans[0].start ?? -1;
    const at = state.items.findIndex((other) => start(other) > start(item));
    if (this.record.kind !== "span" || at < 0) state.items.push(item);
    else state.items.splice(at, 0, item);
  }

  /** The label of the chosen words, which become an annotation, or else of the row; gives the row that has it. */
  setLabel(row, chosen, label) {
    let at = row;
    this.change((state) => {
      const { target, index } = this.rows()[row] ?? {};
      const same = chosen && state.items.find((item) => item.spans.length === 1 && item.spans[0].start === chosen.start && item.spans[0].end === chosen.end);
      let item = this.record.kind === "span" && chosen ? same : target;
      const { head, tail } = state.pending;
      const spans = this.record.kind === "span" ? chosen && !item && [this.spanOf(chosen)] : head && tail && [head, tail];
      if (spans) {
        item = { label, spans, pair: target || index === undefined ? null : index };
        state.pending = {};
        state.missing = state.missing.filter((n) => n !== index);
        this.insert(state, item);
      }
      if (!item) return;
      item.label = label;
      at = this.rowOf(item);
    });
    return at;
  }

  /** The same label on all of these: every place of the chosen words, or of the row's. */
  labelAll(row, chosen, label) {
    const words = chosen?.words ?? this.rows()[row]?.target?.spans[0].words;
    if (!words || this.record.kind !== "span") return;
    this.change((state) => {
      for (const start of places(state.text, words)) {
        const end = start + words.length;
        const same = state.items.find((item) => item.spans[0].start === start && item.spans[0].end === end);
        if (same) same.label = label;
        else if (!state.items.some((item) => item.spans[0].start !== null && item.spans[0].start < end && start < item.spans[0].end)) this.insert(state, { label, spans: [{ words, start, end }], pair: null });
      }
    });
  }

  /** Puts the row's span at the chosen words; a row without one gets one, under the counterpart of its label. */
  place(row, chosen) {
    const { target, source } = this.rows()[row] ?? {};
    const { head, tail } = this.state.pending;
    if (target && (head || tail)) {
      this.change((state) => {
        target.spans = [head ?? target.spans[0], tail ?? target.spans[1]];
        state.pending = {};
      });
      return row;
    }
    if (!chosen) return row;
    if (!target) {
      const label = this.record.labels[this.record.source_labels.indexOf(source?.label)] ?? (this.record.open_labels ? source?.label : null);
      return label && this.record.kind === "span" ? this.setLabel(row, chosen, label) : row;
    }
    this.change(() => {
      const lost = Math.max(0, target.spans.findIndex((span) => span.start === null));
      target.spans[lost] = this.spanOf(chosen, target.spans[lost].role);
    });
    return this.rowOf(target);
  }

  /** Head or tail: with the other one and a label they make a relation, with `place` they correct the row's. */
  setArgument(name, chosen) {
    if (this.record.kind !== "relation" || !chosen) return;
    this.change((state) => (state.pending = { ...state.pending, [name]: this.spanOf(chosen) }));
  }

  addEvent(chosen) {
    if (this.record.kind !== "event" || !chosen) return 0;
    const item = { label: null, spans: [this.spanOf(chosen, "trigger")], pair: null };
    this.change((state) => this.insert(state, item));
    return this.rowOf(this.state.items.at(-1));
  }

  /** A role of the row's event at the chosen words; without words the role is taken away. */
  setRole(row, role, chosen) {
    const { target } = this.rows()[row] ?? {};
    if (!target || !role) return;
    this.change(() => {
      const rest = target.spans.filter((span) => span.role !== role);
      const spans = chosen ? [...rest, this.spanOf(chosen, role)] : rest;
      if (spans.length) target.spans = spans.sort((a, b) => this.record.roles.indexOf(a.role) - this.record.roles.indexOf(b.role));
    });
  }

  /** The source's annotation has no counterpart in the translation, or has one after all. */
  toggleMissing(row) {
    const { index, target } = this.rows()[row] ?? {};
    if (index === null || index === undefined) return;
    this.change((state) => {
      if (state.missing.includes(index)) state.missing = state.missing.filter((n) => n !== index);
      else {
        state.missing = [...state.missing, index];
        state.items = state.items.filter((item) => item !== target);
      }
    });
  }

  remove(row) {
    const { target } = this.rows()[row] ?? {};
    if (target) this.change((state) => (state.items = state.items.filter((item) => item !== target)));
  }

  setTextLabel(label) { this.change((state) => (state.text_label = label)); }

  take(version) {
    this.change((state) => {
      if (version.text !== undefined) state.text = version.text;
      if (version.text_label !== undefined) state.text_label = version.text_label;
      if (version.extractions) state.items = fromRecord(state.text, version.extractions).map((item, n) => ({ ...item, pair: n < this.source.length && version.extractions.length === this.source.length ? n : null }));
    });
  }

  pending() {
    const { head, tail } = this.state.pending;
    return head || tail ? `head: ${head?.words ?? "?"}, tail: ${tail?.words ?? "?"}; a number makes a relation of them, Enter puts them into this one` : "";
  }

  missingItems() { return this.state.missing.map((n) => this.record.source.extractions[n]); }

  /** What is sent: the fields that differ from the record. */
  fields() {
    const { text, text_label, items } = this.state;
    const found = {};
    const extractions = toRecord(text, items);
    if (text !== this.record.text) found.text = text;
    if (text_label !== this.record.text_label) found.text_label = text_label;
    if (found.text !== undefined || JSON.stringify(extractions) !== JSON.stringify(this.record.extractions)) found.extractions = extractions;
    return found;
  }
}

/** What was typed and not saved, by record: looking elsewhere loses nothing. What was typed on a record that is another by now stands
 * beside it as a version of one's own, and stays until something else is typed or saved there. */
export class Drafts {
  constructor() {
    this.kept = new Map();
    this.beside = null; // what stands beside the record that is shown
  }

  has(id) { return this.kept.has(id); }
  unsaved() { return this.kept.size > 0 || this.beside !== null; }
  put(id, kept) { this.kept.set(id, kept); }
  drop(id) {
    this.kept.delete(id);
    this.beside = null;
  }

  /** Puts away what was typed on the record that is shown. */
  keep(record, draft, comment, who) {
    if (!record) return;
    if (draft.touched() || comment) this.put(record.id, { hash: record.hash, draft, fields: draft.fields(), comment, who });
    else if (this.beside) this.put(record.id, this.beside);
    this.beside = null;
  }

  /** The draft of a record that is going to be shown, the comment, and the versions beside it. */
  take(record) {
    const kept = this.kept.get(record.id);
    this.drop(record.id);
    if (!kept) return { draft: new Draft(record), comment: "", versions: record.versions };
    const { draft, fields, comment, who } = kept;
    if (draft && kept.hash === record.hash) return { draft, comment, versions: record.versions };
    if (!Object.keys(fields).length) return { draft: new Draft(record), comment, versions: record.versions };
    this.beside = { ...kept, draft: null };
    return { draft: new Draft(record), comment, versions: [{ who, why: "(your version, not saved)", ...fields }, ...record.versions] };
  }
}

// The translation's text as an element in which one selects by mouse and by keyboard, character by character, and edits. Outside an
// edit it takes the caret but no input. Every change goes out as (from, to, put); IME compositions go out once they are over.

export class Editor {
  constructor(element, onEdit, onSelect) {
    Object.assign(this, { element, onEdit, onSelect, editing: false, composing: null });
    element.contentEditable = "plaintext-only";
    element.spellcheck = false;
    element.addEventListener("beforeinput", (event) => this.beforeInput(event));
    element.addEventListener("compositionstart", () => {
      this.composing = { before: element.textContent, range: this.selection() };
    });
    element.addEventListener("compositionend", () => this.composed());
    element.addEventListener("drop", (event) => event.preventDefault());
    document.addEventListener("selectionchange", () => {
      if (!this.composing && this.has(document.getSelection()?.anchorNode)) this.onSelect();
    });
  }

  has(node) {
    return node && (node === this.element || this.element.contains(node));
  }

  offset(node, offset) {
    const range = document.createRange();
    range.setStart(this.element, 0);
    range.setEnd(node, offset);
    return range.toString().length;
  }

  /** [start, end) of the selection, in UTF-16 units; null where it is elsewhere. */
  selection() {
    const selection = document.getSelection();
    if (!selection?.rangeCount || !this.has(selection.anchorNode) || !this.has(selection.focusNode)) return null;
    const range = selection.getRangeAt(0);
    return [this.offset(range.startContainer, range.startOffset), this.offset(range.endContainer, range.endOffset)];
  }

  /** Where the selection was begun and where it ends, which may be before it; null where it is elsewhere. */
  ends() {
    const selection = document.getSelection();
    if (!this.selection()) return null;
    return [this.offset(selection.anchorNode, selection.anchorOffset), this.offset(selection.focusNode, selection.focusOffset)];
  }

  /** Puts caret or selection there. */
  select(start, end = start) {
    const place = (offset) => {
      const walker = document.createTreeWalker(this.element, NodeFilter.SHOW_TEXT);
      let node = walker.nextNode();
      let last = null;
      while (node) {
        if (offset <= node.length) return [node, offset];
        offset -= node.length;
        last = node;
        node = walker.nextNode();
      }
      return last ? [last, last.length] : [this.element, 0];
    };
    document.getSelection().setBaseAndExtent(...place(start), ...place(end));
  }

  beforeInput(event) {
    if (event.inputType === "insertCompositionText" && this.editing) return;
    event.preventDefault();
    if (!this.editing) return;
    const place = this.range(event);
    if (!place) return;
    const breaks = event.inputType === "insertLineBreak" || event.inputType === "insertParagraph";
    const put = breaks ? "\n" : (event.data ?? event.dataTransfer?.getData("text/plain") ?? "");
    if (event.inputType.startsWith("history") || event.inputType.startsWith("format")) return;
    this.onEdit(...place, put.replace(/\r\n?/g, "\n"));
  }

  /** [from, to) that an input replaces. Browsers do not always say: then it is the selection, or what lies beside the caret. */
  range(event) {
    const [told] = event.getTargetRanges();
    if (told) return [this.offset(told.startContainer, told.startOffset), this.offset(told.endContainer, told.endOffset)];
    const selection = this.selection();
    if (!selection || selection[0] !== selection[1] || !event.inputType.startsWith("delete")) return selection;
    const [at] = selection;
    const text = this.element.textContent;
    const forward = event.inputType.endsWith("Forward");
    const line = event.inputType.includes("Line");
    const cuts = line ? [0, text.length] : [...new Intl.Segmenter(undefined, { granularity: event.inputType.includes("Word") ? "word" : "grapheme" }).segment(text)].map((one) => one.index).concat(text.length);
    return forward ? [at, cuts.find((cut) => cut > at) ?? at] : [cuts.findLast((cut) => cut < at) ?? at, at];
  }

  /** What a composition changed, by what is the same before and after it. */
  composed() {
    const { before, range } = this.composing ?? { before: this.element.textContent, range: null };
    this.composing = null;
    const after = this.element.textContent;
    if (!this.editing || before === after) {
      if (before !== after) this.onEdit(0, 0, "");
      return;
    }
    const most = Math.min(before.length, after.length, range ? range[0] : Infinity);
    let from = 0;
    while (from < most && before[from] === after[from]) from++;
    let tail = 0;
    while (tail < Math.min(before.length, after.length) - from && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
    this.onEdit(from, before.length - tail, after.slice(from, after.length - tail));
  }

  edit(on) {
    this.editing = on;
    this.element.setAttribute("aria-readonly", String(!on));
    this.element.classList.toggle("editing", on);
  }
}

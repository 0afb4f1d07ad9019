// The keys of the page, in one table that is also the help. Letters work outside inputs and outside an edit of the text.

export const digit = (n) => "1234567890-="[n] ?? "";
const codes = ["Digit1", "Digit2", "Digit3", "Digit4", "Digit5", "Digit6", "Digit7", "Digit8", "Digit9", "Digit0", "Minus", "Equal"];

const table = [
  ["a", "accept; of a quarantined record, restore", (acts) => acts.accept()],
  ["s", "save the edit without accepting", (acts) => acts.save()],
  ["r", "reject", (acts) => acts.reject()],
  ["u", "undo: the last change, then the last decision", (acts) => acts.undo()],
  ["y", "redo", (acts) => acts.redo()],
  ["n", "next record", (acts) => acts.next()],
  ["p", "previous record", (acts) => acts.previous()],
  ["e", "edit the text; Esc ends it", (acts) => acts.edit()],
  [",", "previous pair", (acts) => acts.row(-1)],
  [".", "next pair", (acts) => acts.row(1)],
  ["x", "the translation has no counterpart of this", (acts) => acts.noCounterpart()],
  ["Enter", "put this pair's span at the selection", (acts) => acts.place()],
  ["Delete", "remove this annotation", (acts) => acts.remove()],
  ["Backspace", null, (acts) => acts.remove()],
  ["[", "of a relation: the selection is its head", (acts) => acts.argument("head")],
  ["]", "of a relation: the selection is its tail", (acts) => acts.argument("tail")],
  ["+", "new event with the selection as trigger", (acts) => acts.addEvent()],
  ["o", "another label, where labels are open", (acts) => acts.otherLabel()],
  ["c", "comment", (acts) => acts.comment()],
  ["/", "search", (acts) => acts.search()],
  ["?", "these keys", (acts) => acts.help()],
];
const more = [
  ["1 … =", "label of the selection or of this pair; of an event, a role"],
  ["Shift + 1 …", "the same label on all of these words"],
  ["t, then 1 …", "label of the whole text"],
  ["arrows, Shift + arrows", "move, select character by character"],
  ["Enter or Esc", "in a filter or the comment: back to the translation"],
];

export function bindKeys(acts, where, list) {
  for (const [key, words] of [...table, ...more]) {
    if (!words) continue;
    const name = document.createElement("dt");
    const said = document.createElement("dd");
    name.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    said.textContent = words;
    list.append(name, said);
  }
  let afterT = false;
  document.addEventListener("keydown", (event) => {
    const { editing, target, ready, kind } = where();
    const typing = event.target.closest?.("input, select, textarea, dialog") || event.isComposing;
    const input = !event.isComposing && event.target.closest?.("#filters input, #filters select, #comment");
    if (event.key === "Escape" && !event.isComposing) {
      if (editing) acts.endEdit();
    }
    if (input && (event.key === "Escape" || (event.key === "Enter" && !event.target.closest("select")))) {
      event.preventDefault(); // what is typed there stays
      acts.home(event.target.closest("#filters") !== null);
    }
    if (event.key === "Escape") return;
    if (typing || !ready) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      const key = event.key.toLowerCase();
      if (key === "z" || key === "y") {
        event.preventDefault();
        (key === "y" || event.shiftKey ? acts.redo : acts.undo)();
      }
      return;
    }
    if (editing || event.altKey) return;
    const onButton = event.target.closest?.("button, a");
    if (onButton && (event.key === "Enter" || event.key === " ")) return;
    const n = codes.indexOf(event.code);
    if (n >= 0 && !(kind === "event" && event.key === "+")) {
      event.preventDefault();
      if (afterT) acts.textLabel(n);
      else acts.label(n, event.shiftKey);
      afterT = false;
      return;
    }
    afterT = event.key === "t";
    const found = table.find(([key]) => key === event.key);
    if (found) {
      event.preventDefault();
      found[2](acts);
    } else if (event.target === target && event.key.length === 1) event.preventDefault();
  });
}

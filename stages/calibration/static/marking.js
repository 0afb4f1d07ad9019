// What a key or a button does to the annotations: labels, places, pairs, with the words that are chosen.

/** The acts by name. `state`: the record, its draft and the row; `change(work)` does something and draws it; `chosen()`: the words, or null. */
export function marking(state, change, chosen) {
  const label = (n, all = false) => {
    const { record, draft } = state;
    const span = chosen();
    if (record.kind === "event") return change(() => draft.setRole(state.row, record.roles[n], span));
    const name = record.labels[n];
    if (name === undefined) return null;
    return change(() => (all ? draft.labelAll(state.row, span, name) : (state.row = draft.setLabel(state.row, span, name))));
  };
  const otherLabel = () => {
    if (!state.record.open_labels) return;
    const span = chosen();
    const name = prompt("Label, in the language of the translation:")?.trim();
    if (name) change(() => (state.row = state.draft.setLabel(state.row, span, name)));
  };
  const textLabel = (n) => {
    const name = state.record.text_labels[n];
    if (name) change(() => state.draft.setTextLabel(name));
  };
  return {
    label, otherLabel, textLabel,
    argument: (name) => change(() => state.draft.setArgument(name, chosen())),
    addEvent: () => change(() => (state.row = state.draft.addEvent(chosen()))),
    place: () => change(() => (state.row = state.draft.place(state.row, chosen()))),
    noCounterpart: () => change(() => state.draft.toggleMissing(state.row)),
    remove: () => change(() => state.draft.remove(state.row)),
  };
}

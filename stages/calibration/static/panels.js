// The two texts and what stands around them: labels, pairs, findings, versions, each drawn anew from the state. What a button does is an act of the page.

import { $, element } from "./dom.js";
import { digit } from "./keys.js";
import { draw, toRecord, units } from "./marks.js";

/** Source and translation with their spans, and the findings at their places, of which one may be `pointed` at. */
export function renderTexts(state, rows, findings, pointed) {
  const { record, draft } = state;
  const marks = { source: [], target: [] };
  rows.forEach((row, n) => {
    for (const side of ["source", "target"]) {
      for (const span of row[side]?.spans ?? []) {
        const classes = ["span", n === state.row ? "current" : "", row.missing ? "missing" : "", side === "source" && !row.target && !row.missing ? "alone" : ""];
        if (span.start !== null) marks[side].push({ start: span.start, end: span.end, class: classes.filter(Boolean).join(" "), number: n + 1, row: n });
      }
    }
  });
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
}

/** `onChoose(side, rows)`: a span of these rows was clicked. The pointer over a span shows its pair. */
export function bindTexts(onChoose) {
  const rowsOf = (target) => target.closest?.("[data-rows]")?.dataset.rows.split(" ").map(Number) ?? [];
  for (const side of ["source", "target"]) {
    $(`#${side}`).addEventListener("click", ({ target }) => {
      if (rowsOf(target).length && document.getSelection().isCollapsed) onChoose(side, rowsOf(target));
    });
    $(`#${side}`).addEventListener("pointerover", ({ target }) => rowsOf(target).forEach((n) => hover(n, true)));
    $(`#${side}`).addEventListener("pointerout", ({ target }) => rowsOf(target).forEach((n) => hover(n, false)));
  }
}

export function renderLabels({ record, draft }, acts, change) {
  $("#text-labels").replaceChildren(
    ...record.text_labels.map((label, n) => {
      const button = element("button", { type: "button", textContent: label }, element("kbd", { textContent: `t ${digit(n)}` }));
      button.setAttribute("aria-pressed", String(label === draft.text_label));
      button.addEventListener("click", () => change(() => draft.setTextLabel(label)));
      return button;
    }),
  );
  const names = record.kind === "event" ? record.roles : record.labels;
  const buttons = names.map((label, n) => {
    const button = element("button", { type: "button" }, element("kbd", { textContent: digit(n) }), ` ${label}`);
    button.title = record.kind === "span" ? "Click, or press the number; with Shift, on all of these words" : "Click, or press the number";
    button.addEventListener("click", (event) => acts.label(n, event.shiftKey));
    return button;
  });
  if (record.kind === "relation") buttons.unshift(...["head", "tail"].map((name, n) => act(`${name} `, "[]"[n], () => acts.argument(name))));
  if (record.kind === "event") buttons.push(act("new event ", "+", () => acts.addEvent()));
  if (record.open_labels) buttons.push(act("other … ", "o", () => acts.otherLabel()));
  const pair = element("span", { className: "pair" }, act("place here ", "Enter", () => acts.place()), act("no counterpart ", "x", () => acts.noCounterpart()), act("remove ", "Del", () => acts.remove()));
  pair.setAttribute("role", "group");
  pair.setAttribute("aria-label", "This pair");
  $("#labels").replaceChildren(...buttons, pair);
}

function act(words, key, work) {
  const button = element("button", { type: "button", textContent: words }, key ? element("kbd", { textContent: key }) : null);
  button.addEventListener("click", work);
  return button;
}

export function renderRows(state, rows, acts) {
  const words = (item) => (item ? item.spans.map((span) => (span.role ? `${span.role}: ` : "") + span.words).join(" → ") : "");
  $("#pairs tbody").replaceChildren(
    ...rows.map((row, n) => {
      const lost = row.target?.spans.some((span) => span.start === null);
      const said = row.missing ? "no counterpart" : row.target ? words(row.target) : "not annotated";
      const line = element("tr", { className: [n === state.row ? "current" : "", lost || (!row.target && !row.missing) ? "lost" : ""].join(" ") });
      line.style.setProperty("--hue", `var(--hue-${(n + 1) % 8})`);
      const pick = element("button", { type: "button", className: "number", textContent: String(n + 1), title: "Choose this pair ( , and . )" });
      pick.addEventListener("click", () => acts.choose(n));
      if (n === state.row) pick.setAttribute("aria-current", "true");
      const away = element("button", { type: "button", textContent: "✕", title: "Remove the annotation (Del)" });
      away.setAttribute("aria-label", `Remove annotation ${n + 1}`);
      away.addEventListener("click", () => (acts.choose(n), acts.remove()));
      line.append(
        element("td", {}, pick),
        element("td", { lang: state.record.source?.lang ?? "", textContent: words(row.source) }),
        element("td", { lang: state.record.lang, textContent: said + (lost ? " (not in the text)" : "") }),
        element("td", { textContent: row.target?.label ?? row.source?.label ?? "" }),
        element("td", {}, row.target ? away : null),
      );
      line.addEventListener("pointerenter", () => hover(n, true));
      line.addEventListener("pointerleave", () => hover(n, false));
      return line;
    }),
  );
}

/** Shows a pair on both sides, under the pointer. */
function hover(n, on) {
  for (const span of document.querySelectorAll(".text [data-rows]")) {
    if (span.dataset.rows.split(" ").includes(String(n))) span.classList.toggle("hover", on);
  }
  $("#pairs tbody").children[n]?.classList.toggle("hover", on);
}

/** `onPoint(finding or null)`: the pointer or the focus is on one, or on none; `onChoose(finding)`: to its place. */
export function renderFindings(state, findings, onPoint, onChoose) {
  const unlike = state.draft.text !== state.record.text;
  $("#findings ul").replaceChildren(
    ...findings.map((finding) => {
      const line = element("li", { title: finding.code });
      const words = finding.target && !unlike ? element("button", { type: "button", textContent: finding.words, title: "Select it in the translation" }) : element("span", { textContent: finding.words });
      words.addEventListener("click", () => onChoose(finding));
      line.append(words);
      if (finding.what) line.append(element("q", { textContent: finding.what }));
      for (const [event, on] of [["pointerenter", true], ["pointerleave", false]]) {
        line.addEventListener(event, () => onPoint(on ? finding : null));
      }
      return line;
    }),
    ...(unlike && findings.length ? [element("li", { className: "quiet", textContent: "as the checks saw it, before your edit" })] : []),
  );
  $("#findings").hidden = !findings.length;
}

/** A version's annotations in words, of which those are marked that the record has not, and those struck out that it alone has. */
function compared(extractions, own) {
  const key = (item) => JSON.stringify([item.label, item.spans.map((span) => [span.text, span.start, span.role])]);
  const words = (item) => [item.label, ...item.spans.map((span) => (span.role ? `${span.role} ` : "") + span.text)].filter(Boolean).join(": ");
  const [theirs, ours] = [new Set(extractions.map(key)), new Set(own.map(key))];
  const parts = extractions.map((item) => element(ours.has(key(item)) ? "span" : "mark", { textContent: words(item) }));
  parts.push(...own.filter((item) => !theirs.has(key(item))).map((item) => element("del", { textContent: words(item) })));
  return parts.flatMap((part, n) => (n ? [" | ", part] : [part]));
}

/** `onSettle(version)`: the record stays, and this version in conflict is taken back. */
export function renderVersions(state, change, onSettle) {
  $("#versions").hidden = !state.record.versions.length;
  const own = toRecord(state.draft.text, state.draft.state.items);
  $("#versions ul").replaceChildren(
    ...state.record.versions.map((version) => {
      const line = element("li", {}, element("strong", { textContent: version.who }), ` ${version.why}`);
      if (version.rejected) line.append(" — rejects it");
      if (version.text !== undefined && version.text !== state.draft.text) line.append(element("blockquote", { textContent: version.text }));
      if (version.text_label !== undefined) line.append(element("div", {}, "Label: ", element(version.text_label === state.draft.text_label ? "span" : "mark", { textContent: version.text_label })));
      if (version.extractions) line.append(element("div", {}, ...compared(version.extractions, own)));
      if (version.text !== undefined || version.text_label !== undefined || version.extractions) {
        line.append(act("Take this version ", "", () => change(() => state.draft.take(version))));
      }
      if (version.patch) line.append(act("Set it aside: the record stays ", "", () => onSettle(version)));
      return line;
    }),
  );
}

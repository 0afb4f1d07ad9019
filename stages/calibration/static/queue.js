// The queue beside the record: its lines, the progress, and what its filters offer.

import { $, element } from "./dom.js";

/** What the filters say. */
export const wanted = () => Object.fromEntries([...new FormData($("#filters"))].filter(([, value]) => value));

/** `onChange()` is called a moment after a filter was changed. */
export function bindFilters(onChange) {
  let timer = 0;
  $("#filters").addEventListener("submit", (event) => event.preventDefault());
  $("#filters").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, 120);
  });
}

/** On a narrow screen the queue is opened, and closed again once a record is chosen. */
export function openQueue(on) {
  document.body.classList.toggle("queue-open", on);
  $("#queue-toggle").setAttribute("aria-expanded", String(on));
}

/** Draws the server's answer, with `at` as the record that is shown; `unsaved(id)`: was something typed there and not saved? */
export function renderQueue({ rows, first, ids, ...queue }, at, unsaved, onOpen) {
  const list = rows.map((row) => {
    const button = element("button", { type: "button" }, element("span", { className: "name", lang: row.lang, textContent: row.begins }));
    const count = row.reasons.length ? `${row.reasons.length} finding${row.reasons.length > 1 ? "s" : ""}` : "";
    const said = unsaved(row.id) ? "not saved" : row.state === "open" ? "" : row.state;
    button.append(element("span", { className: "meta", textContent: [row.id, count, said, row.deciders.join(", ")].filter(Boolean).join(" · ") }));
    button.title = row.reasons.join(", ");
    button.addEventListener("click", () => onOpen(row.id));
    if (row.id === at) button.setAttribute("aria-current", "true");
    return element("li", { className: unsaved(row.id) ? "unsaved" : row.state }, button);
  });
  $("#queue").start = first + 1;
  const more = ids.length ? (ids.length > rows.length ? `${ids.length} in all: filter, or go on with n` : "") : "No record answers these filters.";
  $("#queue").replaceChildren(...list, element("li", { className: "quiet", textContent: more }));
  $("#queue [aria-current]")?.scrollIntoView({ block: "nearest" });
  renderProgress(queue);
  renderChoices(queue);
}

function renderProgress({ total, done, seconds_left }) {
  $("#progress progress").max = Math.max(total, 1);
  $("#progress progress").value = done;
  const time = seconds_left === null ? "" : seconds_left < 5400 ? ` · ${Math.ceil(seconds_left / 60)} min left` : ` · ${(seconds_left / 3600).toFixed(1)} h left`;
  $("#progress span").textContent = `${done} of ${total}${time}`;
}

function renderChoices({ langs, subsets, annotators, reasons }) {
  const choices = { lang: langs, subset: subsets, decided_by: ["nobody", ...annotators], state: ["open", "decided", "conflict"] };
  choices.reason = reasons.map(({ code, words, count }) => [code, `${words} (${count})`]);
  for (const [name, values] of Object.entries(choices)) {
    const select = $(`#filters [name=${name}]`);
    const chosen = select.value;
    const options = values.map((value) => (Array.isArray(value) ? element("option", { value: value[0], textContent: value[1] }) : element("option", { value, textContent: value })));
    select.replaceChildren(element("option", { value: "", textContent: "all" }), ...options);
    select.value = chosen;
  }
}

// Texts, places and marks: pure functions, no page. Inside the page places count UTF-16 units, as the DOM does; what is sent
// and received counts code points, and `units` and `points` stand between the two.

/** The UTF-16 place of a code point place. */
export function units(text, point) {
  let unit = 0;
  for (let n = 0; n < point && unit < text.length; n++) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
  return unit;
}

/** The code point place of a UTF-16 place. */
export function points(text, unit) {
  let n = 0;
  for (let at = 0; at < unit; n++) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return n;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** [start, end) widened to whole grapheme clusters, so that no emoji or accent is cut. */
export function whole(text, start, end) {
  if (start === end) return [start, end];
  for (const { index, segment } of segmenter.segment(text)) {
    const stop = index + segment.length;
    if (index < start && start < stop) start = index;
    if (index < end && end < stop) end = stop;
    if (index >= end) break;
  }
  return [start, end];
}

/** [start, end) without white space at its ends. */
export function trimmed(text, start, end) {
  const words = text.slice(start, end);
  const left = words.length - words.trimStart().length;
  return words.trim() ? [start + left, start + left + words.trim().length] : [start, start];
}

/** Every place of `words`, not overlapping. */
export function places(text, words) {
  const found = [];
  for (let at = text.indexOf(words); words && at >= 0; at = text.indexOf(words, at + words.length)) found.push(at);
  return found;
}

/** Spans after [from, to) of the text became `put`. A span that is typed over keeps what is typed; one whose words are gone stays
 * empty at its place, so that new words can be typed there, until `settled`. */
export function edited(span, from, to, put) {
  if (span.start === null) return span;
  const grown = put.length - (to - from);
  const { start, end } = span;
  const over = from <= start && to >= end && to > from;
  if (over && from === start && to === end) return { ...span, end: start + put.length, sticky: true };
  if (over) return { ...span, start: from, end: from, sticky: from === to };
  if (from === to && from === end && (span.sticky || start === end)) return { ...span, end: end + grown, sticky: true };
  if (to <= start) return { ...span, start: start + grown, end: end + grown, sticky: false };
  if (from >= end) return { ...span, sticky: false };
  if (from >= start && to <= end) return { ...span, end: end + grown, sticky: to === end };
  return from < start ? { ...span, start: from + put.length, end: end + grown } : { ...span, end: from };
}

/** The span once the edit is over: without white space at its ends, without a place if nothing is left of it. */
export function settled(span, text) {
  if (span.start === null) return span;
  const [start, end] = trimmed(text, span.start, span.end);
  return start === end ? { ...span, start: null, end: null } : { ...span, start, end, words: text.slice(start, end), sticky: false };
}

/** A record's extractions for the page, and back. */
export function fromRecord(text, extractions) {
  return extractions.map((item) => ({
    label: item.label,
    spans: item.spans.map((span) => {
      const start = span.start === null ? null : units(text, span.start);
      return { words: span.text, start, end: start === null ? null : start + span.text.length, role: span.role };
    }),
  }));
}

export function toRecord(text, items) {
  return items.map((item) => ({
    label: item.label,
    spans: item.spans.map((span) => ({
      text: span.start === null ? span.words : text.slice(span.start, span.end),
      start: span.start === null ? null : points(text, span.start),
      ...(span.role ? { role: span.role } : {}),
    })),
  }));
}

/** The text in pieces, each with the marks that lie on it. */
export function pieces(text, marks) {
  const cuts = [...new Set([0, text.length, ...marks.flatMap((mark) => [mark.start, mark.end])])].sort((a, b) => a - b);
  const found = [];
  for (let n = 0; n + 1 < cuts.length; n++) {
    const [start, end] = [cuts[n], cuts[n + 1]];
    found.push({ start, end, marks: marks.filter((mark) => mark.start <= start && end <= mark.end) });
  }
  return found;
}

/** Writes the text into an element, marked. Numbers and colours are drawn by the style, so that the element's text stays the text. */
export function draw(element, text, marks) {
  const parts = pieces(text, marks).map((piece) => {
    const words = document.createTextNode(text.slice(piece.start, piece.end));
    if (!piece.marks.length) return words;
    const span = document.createElement("span");
    const spans = piece.marks.filter((mark) => mark.number);
    span.className = piece.marks.map((mark) => mark.class).join(" ");
    if (spans.length) {
      const inner = spans.reduce((a, b) => (b.end - b.start < a.end - a.start ? b : a));
      span.dataset.rows = spans.map((mark) => mark.row).join(" ");
      span.style.setProperty("--hue", `var(--hue-${inner.number % 8})`);
      const begins = spans.filter((mark) => mark.start === piece.start).map((mark) => mark.number);
      if (begins.length) span.dataset.number = [...new Set(begins)].join(",");
      if (spans.length > 1) span.classList.add("nested");
    }
    span.append(words);
    return span;
  });
  element.replaceChildren(...parts);
}

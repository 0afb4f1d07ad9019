"use strict";
(() => {
  const { records, charts } = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement, byName = (id) => document.getElementById(id);

  // Records are data of strangers: they reach the page as text nodes only.
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "style") node.style.setProperty("--h", value); else if (value != null) node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child != null));
    return node;
  }

  // --- theme and charts
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  function draw() {
    const [ink, soft, line] = ["--ink", "--soft", "--line"].map(css);
    const langs = { ja: css("--ja"), en: css("--en"), zh: css("--zh") };
    const config = {
      background: null, font: "system-ui, sans-serif", view: { stroke: null },
      axis: { labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: 500 },
      legend: { labelColor: ink, titleColor: soft, orient: "bottom", columns: 5 }, header: { labelColor: ink, titleColor: soft },
      text: { color: soft },
    };
    return Promise.all([...document.querySelectorAll("[data-chart]")].map((place) => {
      const spec = JSON.parse(JSON.stringify(charts[place.dataset.chart]));
      const colour = (node) => {
        if (!node || typeof node !== "object") return;
        if (node.color && node.color.field === "lang") {
          const present = [...new Set(spec.data.values.map((row) => row.lang))];
          node.color.scale = { domain: present, range: present.map((lang) => langs[lang] || css("--other")) };
        }
        Object.entries(node).forEach(([key, child]) => key !== "data" && colour(child));
      };
      colour(spec);
      if (spec.width !== "container") spec.width = Math.max(160, place.clientWidth - 150);  // rows of small charts cannot fill it themselves
      return window.vegaEmbed(place, { $schema: "https://vega.github.io/schema/vega-lite/v6.json", config, ...spec },
        { actions: false, renderer: "svg", ast: true }).catch((error) => { place.textContent = String(error); });
    }));
  }
  function theme(name) { root.dataset.theme = name; return draw(); }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  byName("theme").addEventListener("click", () => theme(root.dataset.theme === "dark" ? "light" : "dark"));
  const ready = theme(dark.matches ? "dark" : "light");

  // --- the list
  const list = byName("list");
  if (!list) return;
  const HEIGHT = 60, index = new Map(records.map((row, n) => [row.i, n]));
  const controls = Object.fromEntries(["query", "kind", "lang", "subset", "fate", "reason", "result"].map((id) => [id, byName(id)]));
  const verdictOf = (row) => { const own = row.g || row.gt; return own ? (own.a ? "right" : "wrong") : ""; };
  const values = {
    kind: (row) => [row.k], lang: (row) => [row.l], subset: (row) => [row.u], fate: (row) => (row.f ? [row.f] : []),
    reason: (row) => row.r || [], result: (row) => (verdictOf(row) ? [verdictOf(row)] : []),
  };
  const titles = { kind: "any kind", lang: "any language", subset: "any sub-dataset", fate: "any fate", reason: "any reason", result: "any prediction" };
  for (const [name, of] of Object.entries(values)) {
    const counts = new Map();
    for (const row of records) for (const value of of(row)) counts.set(value, (counts.get(value) || 0) + 1);
    controls[name].append(el("option", { value: "" }, titles[name]),
      ...[...counts].sort().map(([value, n]) => el("option", { value }, `${value} (${n})`)));
    controls[name].hidden = counts.size < 1;
  }
  const hay = records.map((row) => {
    const own = [row.i, row.x, row.b, row.q ? row.q.x : "", row.s != null && index.has(row.s) ? records[index.get(row.s)].x : ""];
    for (const [label, spans] of row.e || []) own.push(label, ...spans.map((span) => span[1]));
    return own.join("\n").toLowerCase();
  });
  let shown = records.map((_, n) => n), selected = -1, drawn = "";

  function filter() {
    const words = controls.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.entries(values).map(([name, of]) => [controls[name].value, of]).filter(([value]) => value);
    shown = [];
    records.forEach((row, n) => {
      if (words.every((word) => hay[n].includes(word)) && wanted.every(([value, of]) => of(row).includes(value))) shown.push(n);
    });
    byName("spacer").style.height = `${shown.length * HEIGHT}px`;
    byName("count").textContent = `${shown.length.toLocaleString("en")} of ${records.length.toLocaleString("en")}`;
    list.scrollTop = 0;
    drawn = "";
    paint();
  }

  // Only the rows in sight are in the document.
  function paint() {
    const from = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 4);
    const to = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + 4);
    const key = `${from} ${to} ${selected}`;
    if (key === drawn) return;
    drawn = key;
    const rows = [];
    for (let place = from; place < to; place += 1) {
      const n = shown[place], row = records[n], said = verdictOf(row);
      const node = el("div", { class: `row lang-${row.l}${n === selected ? " on" : ""}`, role: "option", "aria-selected": n === selected, "data-n": n },
        el("div", { class: "id" }, el("span", { class: "mark" }, `${row.f || row.k}${said === "right" ? " ✓" : said ? " ✗" : ""}`), row.i),
        el("div", {}, row.x || row.w || "no text"));
      node.style.top = `${place * HEIGHT}px`;
      rows.push(node);
    }
    list.replaceChildren(byName("spacer") || el("div", { id: "spacer" }), ...rows);
  }

  // --- one record
  const hue = (n) => (n * 137.5 + 10) % 360;
  function marked(text, extractions, seen = []) {
    const characters = [...text], inside = [], box = el("p", { class: "text" });
    (extractions || []).forEach(([label, spans], n) => spans.forEach(([start, part, role]) => {
      if (start != null) inside.push({ start, end: start + [...part].length, n, title: [label, role].filter(Boolean).join(", ") });
    }));
    const cuts = [...new Set([0, characters.length, ...inside.flatMap((one) => [one.start, one.end]), ...seen.flatMap((one) => one.place)])].filter((at) => at <= characters.length).sort((a, b) => a - b);
    for (let k = 0; k + 1 < cuts.length; k += 1) {
      const piece = characters.slice(cuts[k], cuts[k + 1]).join("");
      const over = inside.filter((one) => one.start <= cuts[k] && one.end >= cuts[k + 1]).sort((a, b) => (a.end - a.start) - (b.end - b.start));
      const found = seen.filter((one) => one.place[0] <= cuts[k] && one.place[1] >= cuts[k + 1]).map((one) => one.title);
      const flagged = found.length ? el("span", { class: "seen", title: [...new Set(found)].join("\n") }, piece) : piece;
      if (!over.length) { box.append(flagged); continue; }
      const begins = over.filter((one) => one.start === cuts[k]).map((one) => one.n + 1);
      box.append(el("span", { class: "span", style: hue(over[0].n), title: over.map((one) => one.title).join(" · "), "data-k": over.map((one) => one.n).join(" ") },
        begins.length ? el("sup", {}, begins.join(",")) : null, flagged));
    }
    return box;
  }
  function chips(extractions) {
    const box = el("div", { class: "chips" });
    (extractions || []).forEach(([label, spans], n) => {
      const parts = spans.map(([start, part, role]) => (role ? `${role}: ` : "") + part + (start == null ? " (not in the text)" : ""));
      box.append(el("span", { class: `chip${spans.some((span) => span[0] == null) ? " bad" : ""}`, style: hue(n), "data-k": n }, el("sup", {}, String(n + 1)), `${label || "event"} · ${parts.join(" → ")}`));
    });
    return box;
  }
  // What the checks found, at its place in the source (side 1) or the translation (side 2).
  const places = (row, side) => (row.n || []).filter((one) => one[side]).map((one) => ({ place: one[side], title: `${one[0]}${one[3] ? `: ${one[3]}` : ""}` }));
  function part(title, body, seen) {
    if (!body || body.x == null) return [];
    return [el("h4", {}, title + (body.b ? ` · ${body.b}` : "")), marked(body.x, body.e, seen), chips(body.e)];
  }
  function compared(title, own) {
    if (!own) return [];
    const [gold, said] = own.l, line = (items, good, bad) => el("div", { class: "chips" }, ...items.map(([fields, found]) => el("span", { class: `chip ${found ? good : bad}` }, fields.join(" ; "))));
    return [el("h4", {}, `${title} · ${own.a ? "right" : "wrong"}`),
      el("div", { class: "chips" }, el("span", { class: `chip ${gold === said ? "good" : "bad"}` }, `${said || "no label"}${gold === said ? "" : `, gold ${gold}`}`),
        ...own.d.map((kind) => el("span", { class: "chip bad" }, kind))),
      el("h4", {}, "gold"), line(own.g, "good", "bad"), el("h4", {}, "predicted"), line(own.p, "good", "bad"), el("p", {}, el("code", {}, own.o))];
  }
  function open(n, jump) {
    selected = n;
    const row = records[n], origin = row.s != null && index.has(row.s) ? records[index.get(row.s)] : null;
    const facts = [];
    if (row.f) facts.push(el("span", { class: `chip ${row.f === "quarantined" ? "bad" : "good"}` }, row.f));
    for (const reason of row.r || []) facts.push(el("span", { class: "chip bad" }, reason));
    for (const [step, count] of Object.entries(row.st || {})) facts.push(el("span", { class: "chip", title: "spans found by this step of the projection" }, `${step} ${count}`));
    for (const name of row.m || []) facts.push(el("span", { class: "chip" }, name.replace("_", ", ")));
    for (const patch of row.c || []) facts.push(el("span", { class: "chip" }, `patch ${patch}`));
    if (row.v) facts.push(el("span", { class: `chip ${row.v[0] ? "good" : "bad"}` }, `reader: ${row.v[0] ? "adequate" : "inadequate"} ${row.v[1]}`));
    const link = el("a", { href: `#${encodeURI(row.i)}`, title: "link to this record" }, "#");
    byName("record").replaceChildren(el("h3", {}, row.i, " ", link), el("div", { class: "chips" }, ...facts),
      ...(origin ? part("source", origin, places(row, 1)) : []), ...part(row.k, row, places(row, 2)),
      ...(row.n && row.n.length ? [el("h4", {}, "what the checks found"), el("div", { class: "chips" }, ...row.n.map((one) => el("span", { class: "chip bad" }, one[0] + (one[3] ? `: ${one[3]}` : ""))))] : []),
      ...part("after people's corrections", row.q),
      ...(row.x == null ? [el("p", {}, `No translation: ${row.w || "none"}`)] : []),
      ...part("hand-made reference", row.h), ...compared("prediction, frozen test set", row.g), ...compared("prediction, translated test set", row.gt));
    byName("record").scrollTop = 0;
    if (jump) {
      let place = shown.indexOf(n);
      if (place < 0) { for (const control of Object.values(controls)) control.value = ""; filter(); place = shown.indexOf(n); }
      list.scrollTop = Math.max(0, place * HEIGHT - list.clientHeight / 3);
      byName("s-records").scrollIntoView();
    }
    drawn = "";
    paint();
  }
  function follow() {
    let id = location.hash.slice(1);
    try { id = decodeURIComponent(id); } catch { return; }
    if (index.has(id)) open(index.get(id), true);
  }
  list.addEventListener("scroll", paint, { passive: true });
  new ResizeObserver(paint).observe(list);
  list.addEventListener("click", (event) => {
    const row = event.target.closest("[data-n]");
    if (row) { open(Number(row.dataset.n)); history.replaceState(null, "", `#${encodeURI(records[selected].i)}`); }
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!step) return;
    event.preventDefault();
    const place = Math.min(shown.length - 1, Math.max(0, shown.indexOf(selected) + step));
    if (shown.length) { open(shown[place]); list.scrollTop = Math.max(0, place * HEIGHT - list.clientHeight / 3); history.replaceState(null, "", `#${encodeURI(records[selected].i)}`); }
  });
  // A part and its number light up together, in every text of the record.
  byName("record").addEventListener("mouseover", (event) => {
    const keys = event.target.closest("[data-k]")?.dataset.k.split(" ") || [];
    for (const node of byName("record").querySelectorAll("[data-k]")) node.classList.toggle("lit", node.dataset.k.split(" ").some((key) => keys.includes(key)));
  });
  byName("filters").addEventListener("input", filter);
  byName("filters").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", follow);
  filter();
  if (records.length) open(0);
  follow();
  ready.then(() => { if (index.has(decodeURI(location.hash.slice(1)))) byName("s-records").scrollIntoView(); });
})();

"""The review page in a browser: marking, editing, undoing, two people, and whatever a text may hold."""

from __future__ import annotations

import re
from pathlib import Path

from stages.core.files import iter_jsonl, write_jsonl
from tests.support.browser import (
    FAMILY,
    GAGI,
    JAPANESE,
    KUME,
    MUSEUM,
    TEXT,
    Open,
    expect,
    press,
    saved,
    selected,
    show,
    withheld,
)
from tests.support.review import lines_of


def test_a_span_is_marked_by_keyboard_and_no_character_is_cut(visit: Open, data: Path) -> None:
    tab = visit(JAPANESE)
    press(tab, "Home", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")  # the family is one step
    start = TEXT.index(GAGI)
    selected(tab, GAGI, f"{start}–{start + 4}")
    press(tab, "1", "a")
    saved(tab)
    edit, accept = lines_of(data / "calibration")
    assert edit["after"][0] == {"label": "場所", "spans": [{"text": GAGI, "start": start}]}
    assert (len(edit["after"]), accept["op"]) == (2, "accept")


def test_a_span_is_marked_by_mouse_to_the_character(visit: Open, data: Path) -> None:
    tab = visit(JAPANESE)
    words = "𠮷野🎉"
    boxes = tab.evaluate(
        """words => {
          const target = document.querySelector("#target"), at = target.textContent.indexOf(words);
          const place = (offset) => {
            const walker = document.createTreeWalker(target, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
              if (offset < node.length) {
                const range = document.createRange();
                range.setStart(node, offset); range.setEnd(node, offset + 1);
                return range.getBoundingClientRect();
              }
              offset -= node.length;
            }
          };
          const first = place(at), last = place(at + words.length);
          return [first.left + 1, first.top + first.height / 2, last.left + 1];
        }""",
        words,
    )
    tab.mouse.move(boxes[0], boxes[1])
    tab.mouse.down()
    tab.mouse.move(boxes[2], boxes[1], steps=8)
    tab.mouse.up()
    selected(tab, words)
    press(tab, "1", "s")
    saved(tab)
    (patch,) = lines_of(data / "calibration")
    assert {"label": "場所", "spans": [{"text": words, "start": TEXT.index(words)}]} in patch["after"]


def test_a_selection_that_would_cut_a_character_is_widened(visit: Open) -> None:
    tab = visit(JAPANESE)
    tab.evaluate(
        """() => {
          const node = document.querySelector("#target").firstChild;
          document.getSelection().setBaseAndExtent(node, 2, node, 4);
        }"""
    )
    selected(tab, FAMILY, "0–5")


def test_spans_follow_an_edit_and_undo_and_redo_walk_through_it(visit: Open, data: Path) -> None:
    tab = visit(MUSEUM)
    press(tab, "e", "Home")
    tab.keyboard.type("Look: ")
    press(tab, "Escape")
    assert tab.text_content("#target").startswith("Look: The Nada")
    press(tab, *["u"] * 6)
    assert tab.text_content("#target").startswith("The Nada")
    press(tab, *["y"] * 6)
    press(tab, "s")
    saved(tab)
    (patch,) = lines_of(data / "calibration")
    assert patch["after"]["extractions"] == [{"label": "Location", "spans": [{"text": "Nada ward", "start": 37}]}]
    press(tab, "u")  # the decision itself
    expect(tab.locator("#target")).to_have_text(re.compile("^The Nada"))
    press(tab, "y")
    expect(tab.locator("#target")).to_have_text(re.compile("^Look"))
    assert [patch["op"] for patch in lines_of(data / "calibration")] == ["edit", "withdraw", "edit"]


def test_a_name_is_typed_over_and_its_span_takes_what_is_typed(visit: Open, data: Path) -> None:
    tab = visit(MUSEUM)
    press(tab, "e", "Home", *["ArrowRight"] * 31, *["Shift+ArrowRight"] * 9)
    tab.keyboard.type("Sumi👩‍👩‍👧")
    press(tab, "Backspace", "Backspace")  # the family goes at once
    tab.keyboard.type("a ward")
    press(tab, "Escape", "s")
    saved(tab)
    (patch,) = lines_of(data / "calibration")
    assert patch["after"]["text"] == "The Nada ward museum stands in Suma ward, Kobe."
    assert patch["after"]["extractions"][0]["spans"] == [{"text": "Suma ward", "start": 31}]


def test_japanese_is_typed_through_an_ime(visit: Open, data: Path) -> None:
    tab = visit(JAPANESE)
    press(tab, "e", "Home", "ArrowRight")
    devtools = tab.context.new_cdp_session(tab)
    for typed in ("み", "みな", "みんな"):
        devtools.send(
            "Input.imeSetComposition", {"text": typed, "selectionStart": len(typed), "selectionEnd": len(typed)}
        )
    devtools.send("Input.insertText", {"text": "皆"})
    press(tab, "Escape", "s")
    saved(tab)
    (patch,) = lines_of(data / "calibration")
    assert patch["after"]["text"] == TEXT.replace("は", "皆は", 1)
    assert patch["after"]["extractions"][0]["spans"] == [{"text": "𠮷野", "start": TEXT.index("𠮷野") + 1}]


def test_no_counterpart_labels_and_the_same_label_on_all_of_these(visit: Open, data: Path) -> None:
    tab = visit(KUME)
    press(tab, ".", "x")  # 松江 has none
    assert tab.text_content("#pairs tbody tr.current td:nth-child(3)") == "no counterpart"
    press(tab, "a")
    saved(tab)
    (restored,) = lines_of(data / "calibration")
    assert restored["missing"] == [{"label": "地名", "spans": [{"text": "松江", "start": 9}]}]
    show(tab, MUSEUM)
    press(tab, "Control+End", *["ArrowLeft"] * 7, *["Shift+ArrowLeft"] * 9)
    selected(tab, "Nada ward")
    press(tab, "Shift+6", "t", "5", "s")
    expect(tab.locator("#mode")).to_have_text("")
    saved(tab)
    after = lines_of(data / "calibration")[-1]["after"]
    assert after["text_label"] == "Nature"
    assert [(item["label"], item["spans"][0]["start"]) for item in after["extractions"]] == [
        ("Facility", 4),
        ("Facility", 31),
    ]


def test_keys_while_a_decision_is_on_its_way_reach_no_record(visit: Open, data: Path) -> None:
    tab = visit(MUSEUM)
    queue, decide = withheld(tab, "queue"), withheld(tab, "decide")
    show(tab, KUME)
    press(tab, "a", "r", "x", "a")  # while the queue of the record that is shown is on its way, and then the decision
    queue()
    tab.wait_for_timeout(200)  # until the decision is sent
    press(tab, "r", "x", "a")
    decide()
    saved(tab)
    assert [patch["op"] for patch in lines_of(data / "calibration")] == ["restore"]
    expect(tab.locator("#record-id")).not_to_have_text(KUME)
    expect(tab.locator("#mode")).to_have_text("")


def test_who_opens_a_record_that_is_opening_keeps_what_is_selected(visit: Open) -> None:
    tab = visit(MUSEUM)
    go_on = withheld(tab, "record")
    press(tab, "Home", "Shift+ArrowRight", "Shift+ArrowRight")
    show(tab, MUSEUM)
    press(tab, "Shift+ArrowRight")
    go_on()
    tab.wait_for_timeout(200)  # the answer is there, the page draws it
    selected(tab, "The")


def test_findings_that_come_late_do_not_turn_a_selection_round(visit: Open) -> None:
    tab = visit(KUME)
    go_on = withheld(tab, "findings")
    show(tab, MUSEUM)
    press(tab, "Control+End", *["ArrowLeft"] * 7, *["Shift+ArrowLeft"] * 4)
    go_on()
    tab.wait_for_timeout(200)
    press(tab, *["Shift+ArrowLeft"] * 5)
    selected(tab, "Nada ward")


def test_a_new_translation_under_an_open_page_is_a_conflict_and_nothing_typed_is_lost(visit: Open, data: Path) -> None:
    tab = visit(MUSEUM)
    press(tab, "e", "Home")
    tab.keyboard.type("Mine: ")
    path = data / "filtered/en.jsonl"
    records = list(iter_jsonl(path))
    records[0] |= {"text": "A museum stands in Nada ward.", "extractions": []}
    write_jsonl(path, records)
    press(tab, "Escape", "s")
    tab.wait_for_selector("#notice:not([hidden])")
    assert "nothing was saved" in tab.text_content("#notice")
    assert tab.text_content("#target") == "A museum stands in Nada ward."
    assert "Mine: The Nada" in tab.text_content("#versions")
    tab.click("#versions button")
    assert tab.text_content("#target").startswith("Mine: The Nada")
    assert lines_of(data / "calibration") == []


def test_two_annotators_on_one_record(visit: Open, data: Path) -> None:
    kei, aya = visit(MUSEUM), visit(MUSEUM, "aya")
    press(kei, "t", "5", "s")
    saved(kei)
    press(aya, "t", "3", "s")
    aya.wait_for_selector("#notice:not([hidden])")
    assert [patch["annotator"] for patch in lines_of(data / "calibration")] == ["kei"]
    assert aya.text_content("#deciders") == "decided by kei"


def test_text_is_text_whatever_is_in_it_and_a_server_that_is_gone_is_told(visit: Open, data: Path) -> None:
    path = data / "filtered/en.jsonl"
    nasty = "<img src=x onerror=alert(1)><script>alert(2)</script> & \u202eevil"
    write_jsonl(path, [{**record, "text": nasty, "extractions": []} for record in iter_jsonl(path)])
    tab = visit(MUSEUM)
    assert tab.text_content("#target") == nasty
    assert tab.query_selector("#target img, #target script") is None
    tab.route("**/api/decide", lambda route: route.abort())
    press(tab, "a")
    tab.wait_for_selector("#notice:not([hidden])")
    assert "does not answer" in tab.text_content("#notice")
    assert tab.text_content("#saved") == "not saved"


def test_keys_and_focus_for_those_who_see_nothing(visit: Open) -> None:
    tab = visit(MUSEUM)
    assert tab.evaluate("document.activeElement.id") == "target"
    unnamed = tab.evaluate(
        """[...document.querySelectorAll("button, input, select, [role=textbox]")].filter((one) =>
          !(one.textContent.trim() || one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.closest("label"))).length"""
    )
    assert unnamed == 0
    press(tab, "?")
    assert tab.is_visible("#help")
    press(tab, "Escape", "c")
    assert tab.evaluate("document.activeElement.id") == "comment"
    tab.keyboard.type("a r u")  # letters are letters here
    press(tab, "Escape", "/")
    assert tab.evaluate("document.activeElement.name") == "text"
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert min(tab.evaluate(CONTRASTS)) >= 4.5


# The contrast of every text that is seen with the ground that it stands on, as WCAG 2 computes it.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under) => { canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const luminance = (c) => c.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, n) => s + v * [0.2126, 0.7152, 0.0722][n], 0);
  const found = [];
  for (const one of document.querySelectorAll("#record *, header label, footer label, #queue span, #queue button")) {
    if (one.closest(":disabled, kbd") || !one.checkVisibility() || ![...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    let ground = "rgb(255, 255, 255)";
    for (const at of [...(function* () { for (let e = one; e; e = e.parentElement) yield e; })()].reverse()) ground = `rgb(${rgb(getComputedStyle(at).backgroundColor, ground).join()})`;
    const [a, b] = [luminance(rgb(getComputedStyle(one).color, ground)), luminance(rgb(ground, ground))];
    found.push((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return found;
}"""

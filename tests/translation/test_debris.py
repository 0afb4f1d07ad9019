"""What machines leave in a translation: through the stage and the filter, all checks on or off, with offsets right."""

from __future__ import annotations

from typing import Any

import pytest

from stages.checks import Checks
from stages.core import config
from stages.records.record import Record
from stages.translation.debris import debris
from stages.translation.filter import Filter, filter_records
from tests.support.openai_server import ROOT, record
from tests.support.tagged import Stage, only, says, spans

TEXT = "詩人の白鳥ゆかりは1900年に盛岡市で生まれた。"
SOURCE = record("SCNM", "NER", "own", TEXT, "社会", [("人名", "白鳥ゆかり"), ("地名", "盛岡市")])
PLAIN = "The poet Yukari Shiratori was born in Morioka in 1900."
PARTS = {"e1": "Yukari Shiratori", "e2": "Morioka"}
GOOD = "The poet <e1>Yukari Shiratori</e1> was born in <e2>Morioka</e2> in 1900."


def judged(line: dict[str, Any], source: Record) -> list[str]:
    """The reasons of the filter, with all the checks of params.yaml."""
    switches = config.read("checks", Checks, ROOT / "params.yaml")
    return list(filter_records([source], [line], "en", Filter(True, "record"), switches)[2][0]["reasons"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (GOOD, PARTS),
        (GOOD.replace("<e1>", "<E1>").replace("</e1>", "</E1>"), PARTS),
        (GOOD.replace("<", "＜").replace(">", "＞"), PARTS),
        ("The poet [e1]Yukari Shiratori[/e1] was born in {e2}Morioka{/e2} in 1900.", PARTS),
        (GOOD.replace("<", "&lt;").replace(">", "&gt;"), PARTS),
        # In pieces: the listed part says what belongs together, or nothing stands between them.
        (GOOD.replace("Yukari Shiratori", "Yukari</e1> <e1>Shiratori"), PARTS),
        (GOOD.replace("Yukari Shiratori", "Yukari</e1> <e1>Shiratori"), {}),
        # The tag is in the listed part only.
        (GOOD.replace("<e1>", "").replace("</e1>", ""), {"e1": "<e1>Yukari Shiratori</e1>", "e2": "Morioka"}),
        # Invisible characters, also inside spans and at the ends of parts.
        ("\ufeff" + GOOD.replace("Yukari", "Yu\u200bkari"), PARTS),
        (GOOD.replace("Morioka", "Mori\u00adoka\u202c"), PARTS),
        (GOOD.replace("Morioka", "Morioka\n"), {"e1": "Yukari Shiratori\ufeff", "e2": "Morioka\n"}),
    ],
)
def test_what_can_be_read_is_kept_with_right_places(stage: Stage, text: str, parts: dict[str, str]) -> None:
    line = only(stage([SOURCE], lambda body: says(text, **parts)))
    assert line["record"]["text"].split() == PLAIN.split()
    assert spans(line) == [("Yukari Shiratori", 9), ("Morioka", 38)]
    assert judged(line, SOURCE) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[e7]The poet <e1>Yukari Shiratori</e1> was born in <e2>Morioka</e2> in 1900.", "tag_left"),
        (GOOD.replace("<e2>", "<e3 ").replace("</e2>", "</e3"), "tag_left"),
        (f"<p>{GOOD}</p>", "html_left"),
        (GOOD.replace(" in 1900", "<br/>in 1900"), "html_left"),
        (GOOD.replace("The poet ", "The&nbsp;poet "), "html_left"),
        (GOOD.replace("<e1>Yukari Shiratori</e1>", "**Yukari Shiratori**"), "markdown_left"),
        (GOOD.replace("The poet", "The *poet*"), "markdown_left"),
        ("## " + GOOD, "markdown_left"),
        (GOOD.replace("<e2>Morioka</e2>", "[<e2>Morioka</e2>](https://example.com)"), "markdown_left"),
        (GOOD + "<|im_end|>", "token_left"),
        (GOOD + "<｜end▁of▁sentence｜>", "token_left"),
        (GOOD + " [/INST]", "token_left"),
        (GOOD + "<end_of_turn>", "html_left"),
        (GOOD.replace("in 1900", "\\nin 1900"), "escape_left"),
        (GOOD.replace("Morioka", "Mori\\u014dka"), "escape_left"),
        (GOOD.replace("<e1>", "“e1”: ").replace("</e1>", ""), "tag_left"),
        (GOOD.replace("<e1>", "$e1$").replace("</e1>", "$/e1$"), "tag_left"),
        (GOOD.replace("<e1>", "<e①>").replace("</e1>", "</e①>"), "tag_left"),
        (GOOD.replace("<e1>", "<x:e1>").replace("</e1>", "</x:e1>"), "html_left"),
        (GOOD.replace("</e1>", "</>"), "html_left"),
        (GOOD.replace("<e1>", "&amp;lt;e1&amp;gt;"), "tag_left"),
        (GOOD + "\nassistant", "line_added"),
        (GOOD + "\n\nUser: thank you", "line_added"),
        (GOOD.replace("1900", "$1900$"), "markdown_left"),
        (GOOD + "[1]", "markdown_left"),
        (GOOD + " :smile:", "markdown_left"),
        (GOOD.replace("poet", "𝐩𝐨𝐞𝐭"), "broken_character"),
        (GOOD.replace("poet", "cafÃ© poet"), "broken_character"),
        (GOOD.replace("poet", "p\u0336o\u0336e\u0336t\u0336"), "broken_character"),
        (GOOD.replace("Morioka", "Mor\ufffdoka"), "broken_character"),
        (GOOD.replace("</e1> was", "</e1>\0 was"), "broken_character"),
        (GOOD.replace("poet", "poet\x1b"), "broken_character"),
    ],
)
def test_what_is_left_over_is_a_reason(stage: Stage, text: str, reason: str) -> None:
    line = only(stage([SOURCE], lambda body: says(text, **PARTS)))
    assert reason in judged(line, SOURCE)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("HTMLの<e1>要素を盛岡市の会社が1999年に使う。", "The HTML element <e1> is used by a firm in <e1>Morioka</e1> in 1999."),
        ("盛岡市の<br>と**太字**と\\nを1999年に使う。", "In <e1>Morioka</e1> &lt;br> and **bold** and \\n are used in 1999."),
        ("盛岡市の店が［１］を$5から$6の間で1999年に使う。", "In <e1>Morioka</e1> a shop uses [1] from $5 to $6 in 1999."),
        ("盛岡市の「Ｅ５」を1999年に使う。", "In <e1>Morioka</e1> “E5” is used (E5) in 1999."),
        ("盛岡市の<|im_end|>を1999年に使う。", "In <e1>Morioka</e1> &lt;|im_end|> is used in 1999."),
    ],
)  # fmt: skip
def test_what_the_source_has_itself_is_no_debris(stage: Stage, source: str, text: str) -> None:
    own = record("SCNM", "NER", "own", source, "社会", [("地名", "盛岡市")])
    line = only(stage([own], lambda body: says(text, e1="Morioka")))
    assert [words for words, _ in spans(line)] == ["Morioka"]
    assert list(debris(own, line["record"])) == []

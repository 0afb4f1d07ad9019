"""Which spans of a record are names, and of what kind: by label, and for events, which have none, by the analyser."""

from __future__ import annotations

from typing import NamedTuple

import regex

from stages.records.record import Record
from stages.records.tasks import subset
from stages.text.readings import proper_nouns

KINDS = {
    **dict.fromkeys(("人名", "person"), "person"),
    **dict.fromkeys(("地名", "city", "country", "river", "region", "island", "mountain", "state", "lake"), "place"),
    **dict.fromkeys(("法人名", "政治的組織名", "その他の組織名", "施設名", "製品名", "イベント名"), "other"),
    **dict.fromkeys(("organization", "company", "government agency", "university", "facility", "sports team"), "other"),
    **dict.fromkeys(("political party", "event"), "other"),
    # of open labels in Japanese and Chinese, as a translation has them
    **dict.fromkeys(("人物", "选手", "選手", "作家"), "person"),
    **dict.fromkeys(
        ("都市", "城市", "国", "国家", "川", "河流", "地域", "地区", "島", "岛屿", "山", "山脉", "州", "湖", "湖泊"),
        "place",
    ),
    **dict.fromkeys(
        ("組織", "组织", "企業", "公司", "政府機関", "政府机构", "大学", "施設", "设施", "スポーツチーム", "运动队"),
        "other",
    ),
    **dict.fromkeys(("政党", "イベント", "活动", "団体"), "other"),
}
RELATIONS = {  # kinds of head and tail; "" where it is no name
    "所属": ("other", "other"),
    "役職": ("person", ""),
    "代表": ("other", "person"),
    "所在地": ("other", "place"),
    "出身地": ("other", "place"),  # of a firm too
    "開発元": ("other", "other"),
    "親会社": ("other", "other"),
    "家族": ("person", "person"),
    "主催者": ("other", "other"),
    "作者": ("other", "person"),
    "提携先": ("other", "other"),
    "所有者": ("", "other"),
}
_DIGIT = regex.compile(r"\d")
_TITLE = regex.compile(
    r"^(?:(?:Drs?|Mrs?|Ms|Prof|Sir|Dame|Lord|Lady|Doctor|Professor|Captain|King|Queen|Princess|Prince|Emperor|Empress|President|Judge|Justice"
    r"|Senator|General|Colonel|Major|Sergeant|Saint|Pope|Bishop|Father|Sister|Brother|Uncle|Aunt|Count|Duke|Baron|Mayor|Governor|Inspector|Coach|Nurse)\b\.? ?)+(?=\p{Lu})"
    r"|(?<=[\p{Han}\p{Katakana}ー]{2})(?:医生|先生|女士|博士|教授|夫人|小姐|爵士|勋爵|公爵|伯爵|男爵|皇帝|国王|女王|王子|公主|总统|总理|议员|法官|上校|将军|船长|神父|主教"
    r"|さん|氏|卿|君|様|医師|監督|選手|議員|判事|大統領|首相|王|女王|王子|皇帝|将軍|船長|神父|容疑者|被告)$"
)


class Name(NamedTuple):
    """A span and what it names: "person", "place", "other" (a body, a work, an event), or "" for what is not known to be a name."""

    text: str
    kind: str


def names_of(record: Record, source_lang: str) -> list[Name]:
    """The names of a record, without titles, sorted by text.

    Args:
        source_lang: the language of the sources, in whose words a closed label is looked up.
    """
    table, task, kinds = subset(record["subset"]), record["task"], dict[str, str]()
    for extraction in record["extractions"]:
        label, spans = extraction["label"], extraction["spans"]
        if label is None:
            given = [_by_analyser(span["text"]) if record["lang"] == "ja" else "" for span in spans]
        else:
            if table.word_labels[task] is not None:
                label = table.word_label(task, label, record["lang"], source_lang)
            given = list(RELATIONS.get(label, ()))
            if len(given) != len(spans):
                given = [KINDS.get(label, "")] * len(spans)
        for span, kind in zip(spans, given, strict=True):
            text = _TITLE.sub("", span["text"])
            if kind and (kind == "person" or text not in kinds):
                kinds[text] = kind
    return [Name(text, kind) for text, kind in sorted(kinds.items())]


def _by_analyser(text: str) -> str:
    """The kind of a Japanese span that is a person's or a place's name from end to end."""
    found = proper_nouns(text)
    if len(found) != 1 or len(found[0][0]) < max(2, len(text) - 1):
        return ""
    return "person" if found[0][2] == "人名" else "place"


def span_texts(record: Record) -> list[str]:
    """The spans of a record that hold no digit, each once, sorted."""
    spans = {span["text"] for extraction in record["extractions"] for span in extraction["spans"]}
    return sorted(span for span in spans if not _DIGIT.search(span))


def spans_of(record: Record, source_lang: str) -> list[Name]:
    """The names of a record, then its other spans as names of no kind: a label may be another word for a known one."""
    names = names_of(record, source_lang)
    known = {name.text for name in names}
    rest = dict.fromkeys(_TITLE.sub("", span) for span in span_texts(record))
    return names + [Name(span, "") for span in rest if span not in known]

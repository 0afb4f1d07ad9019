"""The Hironsan corpus: Japanese news with IOB2 tags, as TCONER records without a text label (`tconer` gives one).

Reads the sdist `hironsancorpus-0.1.2.tar.gz` of PyPI (Hironsan, MIT; SHA-256
9ea6a147c7f62433c19492eeaef1da846e038722e01f7c8dc40c406ee7504ae1) straight from the tar, or the folder it unpacks to; a
pin is then that of the one file read, `hironsan/corpus/iob_sents.txt`: UTF-8, one token a line, columns parted by
tabs, the first the token, the last its tag, a blank line after each sentence. (The sdist's pickle is never opened.)

A text is its tokens joined without spaces, as Japanese is written; a Latin name of several words so loses its spaces.
The tags are IREX's eight classes, kept whole under their Japanese names as open labels: SCNM's table has no place for
dates or amounts, and parts organisations by three kinds that ORG does not tell apart. An I- tag that continues nothing
starts an entity. A native id is the hash of the text; the second of two equal ones ends in `-2`. The package's own
split, the first nine tenths of the file, is by position and not taken. `source.limit` takes the first sentences.
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from stages.core.errors import UserError
from stages.core.files import read_bytes
from stages.records.record import Record, group_of
from stages.sources.common import Natives, Source, check_text, make_record, pinned

FILE = "hironsan/corpus/iob_sents.txt"
LABELS = {
    "ORG": "組織名",
    "PSN": "人名",
    "LOC": "地名",
    "ART": "固有物名",
    "DAT": "日付",
    "TIM": "時間",
    "MON": "金額",
    "PER": "割合",
}
_TAG = re.compile(rf"O|[BI]-(?:{'|'.join(LABELS)})")
Token = tuple[str, str]  # the token and its tag


def _content(source: Source) -> str:
    """The corpus file out of the sdist or its folder, checked against the pin."""
    if Path(source.path).is_dir():
        data = read_bytes(pinned(replace(source, path=str(Path(source.path) / FILE))))
    else:
        try:
            with tarfile.open(pinned(source), "r:gz") as tar:
                member = next((m for m in tar if m.isfile() and m.name.endswith(f"/{FILE}")), None)
                file = None if member is None else tar.extractfile(member)
                if file is None:
                    raise UserError(source.path, f"holds no {FILE}", "take the sdist of hironsancorpus 0.1.2")
                data = file.read()
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise UserError(source.path, f"broken tar.gz: {error}", "download the sdist again") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{source.path}: {FILE}:{line}", "is no UTF-8", "download the sdist again") from error


def _sentences(content: str, place: str) -> Iterator[tuple[int, list[Token]]]:
    """(line of its first token, tokens) of each sentence."""
    tokens = list[Token]()
    for number, line in enumerate([*content.split("\n"), ""], 1):
        line = line.removesuffix("\r")
        if line:
            token, tab, rest = line.partition("\t")
            tag = rest.rpartition("\t")[2]
            if not token or not tab or not _TAG.fullmatch(tag):
                remedy = f"a token, a tab, columns, a tag: O, B- or I- and one of {', '.join(LABELS)}"
                raise UserError(f"{place}:{number}", f"no tagged token: {line[:40]!r}", remedy)
            tokens.append((token, tag))
        elif tokens:
            yield number - len(tokens), tokens
            tokens = []


def _entities(tokens: list[Token]) -> list[tuple[str, int, int]]:
    """(type, start, end) of each entity, in code points of the joined text."""
    found, start, before = list[tuple[str, int, int]](), 0, "O"
    for token, tag in tokens:
        end = start + len(token)
        if tag[0] == "I" and before[2:] == tag[2:]:
            found[-1] = (*found[-1][:2], end)
        elif tag != "O":
            found.append((tag[2:], start, end))
        start, before = end, tag
    return found


def records(source: Source) -> list[Record]:
    """One record a sentence; prints how many, and the entities by tag."""
    result, natives, count = list[Record](), Natives(), Counter[str]()
    for number, (line, tokens) in enumerate(_sentences(_content(source), f"{source.path}: {FILE}")):
        if number == source.limit:
            break
        text = check_text("".join(token for token, _ in tokens), f"{source.path}: {FILE}:{line}")
        entities = _entities(tokens)
        count.update(kind for kind, _, _ in entities)
        record = make_record(
            subset_name="TCONER",
            task="NER",
            source=source.name,
            native=natives.apart(group_of(text)),
            lang="ja",
            text=text,
            text_label=None,
            extractions=[
                {"label": LABELS[kind], "spans": [{"text": text[start:end], "start": start}]}
                for kind, start, end in entities
            ],
        )
        result.append(record)
    if not result and source.limit != 0:
        raise UserError(source.path, "holds no sentence", "take the sdist of hironsancorpus 0.1.2")
    print(f"{source.name}: {len(result)} sentences; " + " ".join(f"{kind} {count[kind]}" for kind in LABELS))
    return result

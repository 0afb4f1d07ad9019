"""What the free steps of span projection cost on a long text with many lost spans, beside folding the text once.

    python -m benchmarks.projection

Sixty spans that no step finds, the dearest case, in 300 and in 3,000 words (characters, in Chinese) of seeded random text.
Writes `benchmarks/results/projection.json`: seconds, and as figures that mean something on another machine, how many times
the text could have been folded in that time, and what ten times the text costs.
"""

from __future__ import annotations

import random

from benchmarks.common import print_table, seconds, write_results
from stages.translation import projection

SPANS, SHORT, LONG, ROUNDS, SEED = 60, 300, 3_000, 3, 0
SYLLABLES = "ka mo ri to shi na be lu en da so tu vi ra gen ost".split()  # noqa: SIM905


def text_of(rng: random.Random, lang: str, size: int) -> str:
    """So many made-up words, or Chinese characters."""
    if lang == "zh":
        return "".join(chr(rng.randrange(0x4E00, 0x5E00)) for _ in range(size))
    return " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(size)) + "."


def look(text: str, parts: list[str], lang: str) -> None:
    """Looks for all parts in a text that was not seen before."""
    projection.index.cache_clear()
    for part in parts:
        projection.find(text, part, lang, [], projection.STEPS, part)


def main() -> None:
    rng, rows, result = random.Random(SEED), list[list[object]](), {}
    for lang in ("en", "zh"):
        parts = [text_of(rng, lang, rng.randint(2, 4) if lang == "en" else 6).rstrip(".") for _ in range(SPANS)]
        short, long = text_of(rng, lang, SHORT), text_of(rng, lang, LONG)
        took = seconds(
            {
                "short": lambda text=short, parts=parts, lang=lang: look(text, parts, lang),  # type: ignore[misc]
                "long": lambda text=long, parts=parts, lang=lang: look(text, parts, lang),  # type: ignore[misc]
                "fold": lambda text=long: projection.fold(text),  # type: ignore[misc]
            },
            ROUNDS,
        )
        result[lang] = {
            "seconds": round(took["long"], 3),
            "foldings": round(took["long"] / took["fold"], 1),
            "ten_times_the_text": round(took["long"] / took["short"], 1),
        }
        rows.append([lang, *result[lang].values()])
    print_table(["into", "seconds", "foldings of the text", "ten times the text costs"], rows)
    write_results("projection", {"spans": SPANS, "words": LONG, "languages": result})


if __name__ == "__main__":
    main()

"""CoNLL's column files, a token and its tag on a line: IOB2 (CoNLL-2003) and BILOU.

`# id = …` and `# text = …` stand before a sentence; a tab parts token and tag; a blank line ends it. Read back by the adapter
`conll`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from stages.exports.tokens import flat, in_tokens, places, tokenise
from stages.records.record import Record


def iob2(label: str, n: int, last: int) -> str:
    """The tag of the nth token of an annotation whose last one is `last`."""
    return f"{'I' if n else 'B'}-{label}"


def bilou(label: str, n: int, last: int) -> str:
    """The same in BILOU."""
    return f"{'U' if last == 0 else 'B' if n == 0 else 'L' if n == last else 'I'}-{label}"


def lines(records: Sequence[Record], tag: Callable[[str, int, int], str]) -> Iterator[str]:
    """The lines of a file."""
    for record in records:
        text, spans = record["text"], flat(places(record["extractions"]))
        tokens = tokenise(text, spans)
        tags = ["O"] * len(tokens)
        for span in spans:
            first, last = in_tokens(span, tokens) or (0, -1)
            for n in range(first, last + 1):
                tags[n] = tag(span.label, n - first, last - first)
        yield f"# id = {record['id']}"
        yield "# text = " + " ".join(text.splitlines())
        yield from (f"{text[start:end]}\t{found}" for (start, end), found in zip(tokens, tags, strict=True))
        yield ""

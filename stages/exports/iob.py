"""CoNLL's column files, a token and its tag on a line: IOB2 and BILOU.

A tab parts token and tag; a blank line ends a sentence. `# id = …` and `# text = …` stand before it, which keep the way back; the
readers of CoNLL-2003's form (`spacy convert`) take them for tokens, so there is a form without. Read back by the adapter `conll`.
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


def lines(records: Sequence[Record], tag: Callable[[str, int, int], str], comments: bool = True) -> Iterator[str]:
    """The lines of a file."""
    for record in records:
        text, spans = record["text"], flat(places(record["extractions"]))
        tokens = tokenise(text, spans)
        tags = ["O"] * len(tokens)
        for span in spans:
            first, last = in_tokens(span, tokens) or (0, -1)
            for n in range(first, last + 1):
                tags[n] = tag(span.label, n - first, last - first)
        if comments:
            yield f"# id = {record['id']}"
            yield "# text = " + " ".join(text.splitlines())
        yield from (f"{text[start:end]}\t{found}" for (start, end), found in zip(tokens, tags, strict=True))
        yield ""

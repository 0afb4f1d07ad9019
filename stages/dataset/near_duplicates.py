"""Near-duplicate texts across two collections: an exact join by Jaccard similarity of character trigrams.

No pair at or above the threshold is missed. Two sets with similarity t share ceil(t n) trigrams or more, n the size of
either; so of a set in one global order, the first k shared ones are among its first n - ceil(t n) + k. Texts are compared
only where these prefixes meet k times (prefix filter: for k = 1 Bayardo, Ma, Srikant, "Scaling Up All Pairs Similarity
Search", WWW 2007; for more Wang, Li, Feng, "Can We Beat the Prefix Filtering?", SIGMOD 2012). The rarest come first.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from stages.records.record import normalise

SIZE = 3  # three code points of 21 bits fill one 64-bit word: exact, no hashing
BITS = 22  # of the frequency table at most; two trigrams in one bucket only share their rank
MEETINGS = 4  # k: of 5,000 random texts against 5,000, 200 pairs were compared to find 199; at k = 1, 95,000
BATCH = 4096
Tokens = NDArray[np.uint64]


def trigrams(text: str) -> Tokens:
    """The distinct character trigrams of the normalised, case-folded text as sorted 64-bit words; of a shorter text, the
    text itself."""
    codes = np.frombuffer(normalise(text).casefold().ljust(SIZE, "\0").encode("utf-32-le"), "<u4").astype(np.uint64)
    tokens = np.sort(codes[:-2] << np.uint64(42) | codes[1:-1] << np.uint64(21) | codes[2:])
    fresh = np.empty(tokens.size, bool)  # np.unique, at half its time
    fresh[0] = True
    np.not_equal(tokens[1:], tokens[:-1], out=fresh[1:])
    return tokens[fresh]


def jaccard(left: Tokens, right: Tokens) -> float:
    """The size of the intersection over that of the union."""
    shared = np.intersect1d(left, right, assume_unique=True).size
    return shared / (left.size + right.size - shared)


def _bucket(tokens: Tokens, bits: int) -> NDArray[np.int64]:
    return (tokens * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - bits)).astype(np.int64)


def _frequencies(texts: Sequence[str], bits: int) -> NDArray[np.int64]:
    counts = np.zeros(1 << bits, np.int64)
    for start in range(0, len(texts), BATCH):
        tokens = np.concatenate([trigrams(text) for text in texts[start : start + BATCH]])
        counts += np.bincount(_bucket(tokens, bits), minlength=counts.size)
    return counts


def pairs(left: Sequence[str], right: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """(place in `left`, place in `right`, similarity) of every pair with similarity `threshold` (above 0) or more.

    Time is near linear where texts differ, quadratic in the size of a cluster of like texts; memory is the right texts'
    prefixes.
    """
    bits = min(BITS, sum(map(len, chain(left, right))).bit_length() + 1)
    counts = _frequencies([*left, *right], bits)

    def read(text: str) -> tuple[Tokens, int, list[int]]:
        """(trigrams, how many a text like it shares at least, those by which it is looked up, rarest first)."""
        tokens = trigrams(text)
        shared = math.ceil(threshold * tokens.size - 1e-9)
        order = np.lexsort((tokens, counts[_bucket(tokens, bits)]))
        return tokens, shared, tokens[order[: tokens.size - shared + MEETINGS]].tolist()

    index: dict[int, list[int]] = defaultdict(list)
    needed: list[int] = []
    for n, text in enumerate(right):
        _, shared, prefix = read(text)
        needed.append(shared)
        for token in prefix:
            index[token].append(n)
    for k, text in enumerate(left):
        tokens, shared, prefix = read(text)
        met = Counter(chain.from_iterable(index[token] for token in prefix if token in index))
        for n in sorted(n for n, times in met.items() if times >= min(MEETINGS, shared, needed[n])):
            similarity = jaccard(tokens, trigrams(right[n]))
            if similarity >= threshold:
                yield k, n, similarity

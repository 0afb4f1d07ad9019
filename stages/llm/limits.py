"""When to ask: rates a minute, how long to wait after a fault, and when to stop asking at all.

Nothing here sleeps or reads a clock: every function takes the time (monotonic seconds), so that the client decides what
to do while it waits, and a test needs none.
"""

from __future__ import annotations

import email.utils
import random
from collections.abc import Mapping

# Full jitter: a wait is uniform between 0 and BASE_S * 2^n, at most CAP_S
# (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
BASE_S, CAP_S = 0.5, 30.0
# Failures in a row, over all workers, with no answer between them, of more than one request: no longer one's bad luck.
IN_A_ROW = 5


class Pace:
    """At most so much a minute, evenly spaced: no minute, wherever it begins, holds more than the limit and one piece.

    Places are given in order and ahead of time, so no more waiting workers are needed than the pace can feed.
    """

    def __init__(self, per_minute: int | None) -> None:
        self.per_minute = per_minute
        self.free_at = 0.0

    def place(self, amount: float, now: float) -> float:
        """Seconds to wait until `amount` (requests or tokens) may go out; its place is then taken."""
        if self.per_minute is None:
            return 0.0
        at = max(self.free_at, now)
        self.free_at = at + amount * 60 / self.per_minute
        return at - now

    def give_back(self, amount: float) -> None:
        """So much of what was taken is not used; negative where more was used."""
        if self.per_minute is not None:
            self.free_at -= amount * 60 / self.per_minute


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures (from 1) of one request, by full jitter."""
    return random.uniform(0, min(CAP_S, BASE_S * 2 ** min(failures - 1, 16)))


def retry_after(headers: Mapping[str, str], epoch: float) -> float | None:
    """Seconds that an answer asks to wait: `retry-after-ms`, else `Retry-After` as seconds or an HTTP date (RFC 9110
    10.2.3); None where it says nothing that can be read. `epoch`: now, in seconds since 1970."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - epoch)
    except (ValueError, OverflowError):
        return None


class Circuit:
    """Opens after `IN_A_ROW` failures, of two requests or more, without an answer between them. While it is open one request at a time goes out as
    a probe, each after a pause; an answer closes it. After `give_up_s` of failures only, it is given up."""

    def __init__(self, give_up_s: float) -> None:
        self.give_up_s = give_up_s
        self.failures = self.probes = 0
        self.since = self.probe_at = 0.0
        self.failing: set[str] = set()  # keys of the requests that failed since the last answer

    @property
    def open(self) -> bool:
        """Whether only probes go out."""
        return self.failures >= IN_A_ROW and len(self.failing) > 1

    @property
    def given_up(self) -> bool:
        """Whether the next probe would come later than `give_up_s` after the first failure."""
        return self.open and self.probe_at - self.since > self.give_up_s

    def worked(self) -> None:
        """An answer came."""
        self.failures = self.probes = 0
        self.failing.clear()

    def failed(self, now: float, wait: float, probe: bool, key: str) -> None:
        """The request of that key failed and may pass the next time; `wait`: the seconds that the endpoint asked for, or 0."""
        if not self.failures:
            self.since, self.probe_at = now, now
        self.failures += 1
        self.failing.add(key)
        self.probes += probe
        if self.open:
            # Requests that were under way fail in one burst: only probes make the pause longer.
            self.probe_at = max(self.probe_at, now + wait + backoff(self.probes + 1))

"""Two runs set side by side: what is counted, and when a difference may be chance."""

from __future__ import annotations

from stages.project.compare import Run, judged, paired


def kept(pattern: str) -> dict[str, bool]:
    """Texts 0, 1, …, each kept (1) or not (0); a blank is none."""
    return {str(n): mark == "1" for n, mark in enumerate(pattern) if mark != " "}


def test_only_texts_of_both_runs_are_counted() -> None:
    assert paired(kept("1100 "), kept("10 11")) == (3, 2, 2, 1, 1, 1.0)
    assert paired({}, kept("1"))[0] == 0


def test_p_is_mcnemar_s_and_six_texts_on_one_side_are_the_least_that_tells() -> None:
    assert paired(kept("000001"), kept("111111"))[-1] == 0.0625  # 2 / 2 ** 5
    assert paired(kept("000000"), kept("111111"))[-1] == 0.03125
    assert paired(kept("1111"), kept("1111"))[-1] == 1.0


def test_judgements_are_of_the_translation_that_was_read() -> None:
    run = Run(kept("11"), {"0": "a", "1": "b"})
    assert judged(run, {"a": True, "c": False}) == {"0": True}

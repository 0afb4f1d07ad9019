"""What the tests share: a hypothesis profile that gives the same examples everywhere, and the sample's records."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from stages.records.record import Record
from stages.sources import sample as adapter
from stages.sources.common import Source

# Before torch, numpy and the stages that tests start: a thread a process. Workers whose threads share two cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = Source("sample", "sample", str(ROOT / "data" / "sample"), None, None)

# No deadline: the machine may be busy. No database: what an earlier run met must not change this one.
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: left out of `make check`, part of `make test`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, those with slow tests and then by their number of tests: with a file a worker, both end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, -tests[item.path], item.path))


@pytest.fixture(scope="session")
def records() -> list[Record]:
    """The sample's source records. Tests copy what they change."""
    return adapter.records(SAMPLE)


@pytest.fixture(scope="session")
def references() -> list[Record]:
    """The sample's references."""
    return adapter.references(SAMPLE)


@pytest.fixture(scope="session")
def sample(records: list[Record], references: list[Record]) -> list[Record]:
    """Every record of the sample in all languages, source texts first."""
    return records + references

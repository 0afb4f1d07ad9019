"""The licence gate: every adapter has its row, what is not known or forbids a use is refused by name, with the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import yaml

from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.sources.common import Source
from stages.sources.licences import TABLE, USES, gate, of_model, of_source, read_table, table
from tests.support.pipeline import ROOT


def source(name: str, adapter: str, licence: str | None = None) -> Source:
    return Source(name, adapter, "data/external/x", None, None, licence=licence)  # type: ignore[arg-type]


def test_every_adapter_has_a_row_and_no_row_is_left_over() -> None:
    assert set(table().sources) == set(get_args(get_type_hints(Source)["adapter"]))


def test_the_projects_own_sources_pass() -> None:
    parts = gate([source("sample", "sample"), source("corpus", "corpus")])
    assert [part.licence.name for part in parts] == ["CC-BY-4.0", "CC-BY-4.0"]
    assert all(Path(ROOT / part.read).read_text(encoding="utf-8").count("Licence: CC BY 4.0") == 1 for part in parts)


@pytest.mark.parametrize("adapter", sorted(name for name, row in table().sources.items() if row["licence"] is None))
def test_a_source_of_unknown_licence_is_refused_by_name_until_it_states_one(adapter: str) -> None:
    with pytest.raises(UserError, match=r"raw\.sources: mine: its licence is not known") as told:
        gate([source("mine", adapter)])
    assert "--without mine" in str(told.value)
    assert gate([source("mine", adapter, "CC0-1.0")])[0].read == "params.yaml"
    with pytest.raises(UserError, match="unknown licence 'CC-BY'"):
        gate([source("mine", adapter, "CC-BY")])


def test_what_forbids_a_use_is_refused_by_name_with_the_remedy() -> None:
    with pytest.raises(UserError) as told:
        gate([source("sample", "sample"), source("pile", "pile"), source("news", "conll", "CC-BY-ND-2.1-JP")])
    said = f"{told.value.fault} ({told.value.remedy})"
    assert "pile (CC-BY-NC-4.0) forbids commercial use" in said
    assert "news (CC-BY-ND-2.1-JP) forbids passing on what is made of it" in said
    assert said.endswith("(leave out: --without pile --without news)")
    with pytest.raises(UserError, match="--without pile or, if nobody sells it, --non-commercial"):
        gate([source("pile", "pile")])
    assert gate([source("pile", "pile")], [use for use in USES if use != "commerce"])


def test_what_a_source_says_goes_before_the_table() -> None:
    assert of_source(source("mine", "wikipedia", "own")).licence.name == "own"
    assert of_source(source("wiki", "wikipedia")).licence.name == "CC-BY-SA-3.0"


@pytest.mark.parametrize("path", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_base_of_every_profile_is_in_the_table(path: Path) -> None:
    overrides = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    found = overrides.get("base", {}).get("source")
    for name in [found] if isinstance(found, str) else found or []:
        assert of_model(name), name


def test_a_broken_table_is_one_line(tmp_path: Path) -> None:
    raw = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    raw["sources"]["pile"]["licence"] = "WTFPL"
    path = tmp_path / "licences.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError, match="no licence 'WTFPL'"):
        read_table(path)
    del raw["licences"]["MIT"]["commerce"]
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError, match="'commerce' is a required property"):
        read_table(path)

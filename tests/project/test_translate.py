"""The command that carries a file into other languages: what it lays out, and what it refuses in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import write_jsonl
from stages.project import compose
from stages.project.new import main as new
from stages.project.run import main as run_project
from stages.project.translate import agreed, main, parser_of, plan
from stages.report.price import options_of
from stages.sources.raw import Raw
from tests.support.pipeline import ROOT

ROWS = [{"id": 1, "text": "花子は京都で電池を買った。", "label": [[0, 2, "人"], [3, 5, "地名"]]}]
TABLE: dict[str, Any] = {
    "subset": "CARE", "source_lang": "ja", "text_labels": {"ja": ["医療", "介護"], "en": ["Medicine", "Care"]},
    "tasks": {"NER": {"kind": "span", "word": "Care NER", "labels": {"ja": ["薬", "病"], "en": ["Drug", "Disease"]}}},
}  # fmt: skip
GIVEN = ["--lang", "ja", "--subset", "SCNM", "--task", "NER", "--labels", "人=人名", "--to", "en", "--model", "loop-1"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    write_jsonl(path, ROWS)
    return path


def refused(*words: object) -> str:
    with pytest.raises(UserError) as error:
        main([str(word) for word in words])
    return str(error.value)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study, laid out."""
    folder = tmp_path_factory.mktemp("new") / "study"
    new([str(folder), "--languages", "ja", "en"])
    return folder


@pytest.mark.parametrize("names", [compose.TRANSLATE, compose.STUDY])
def test_every_dep_of_a_project_is_given_or_made_by_it(names: tuple[str, ...]) -> None:
    chosen = yaml.safe_load(compose.pipeline(names))["stages"]
    assert set(names) <= chosen.keys()
    made = {path for entry in chosen.values() for path in compose._made(entry)}
    for name, entry in chosen.items():
        for _, stage in compose._items(entry):
            for path in compose._paths(stage, "deps"):
                given = path.startswith(("stages/", "schemas/", "prompts/")) or path in compose.GIVEN
                assert given or any(other == path or other.startswith(f"{path}/") for other in made), (name, path)
                assert "sample" not in path
                assert "corpus" not in path
            assert "--metrics metrics/second" not in stage["cmd"]


@pytest.mark.parametrize("names", [compose.TRANSLATE, compose.STUDY])
def test_a_project_s_stages_are_those_of_this_repository(names: tuple[str, ...]) -> None:
    house = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, entry in compose.stages(names).items():
        if name in house:
            ours, theirs = entry.get("do", entry), house[name].get("do", house[name])
            assert ours["cmd"] == theirs["cmd"].replace("stages/prompts/", "prompts/")
            assert ours.get("params") == theirs.get("params")


def test_the_knobs_are_those_that_the_stages_read_with_their_comments() -> None:
    text = compose.knobs(compose.TRANSLATE, {"llm.model": "mine", "raw.sources": [], "languages": ["ja", "ko"]})
    knobs = yaml.safe_load(text)
    assert (knobs["llm"]["model"], knobs["raw"]["sources"], knobs["languages"]) == ("mine", [], ["ja", "ko"])
    assert knobs.keys() == compose.sections(compose.TRANSLATE) | {"export"}  # which dvc.yaml itself reads
    assert {"reading", "export", "review"} <= knobs.keys()
    assert knobs["raw"]["second"] is None
    assert not {"train", "mix", "base", "llm_baseline"} & knobs.keys()
    assert "# the account's limits for the model" in text


def test_a_project_has_its_own_tables_prompts_and_no_path_of_this_machine(project: Path) -> None:
    assert (project / "stages").resolve() == ROOT / "stages"
    assert not (project / "schemas/labels").is_symlink()
    assert (project / "prompts/translate/v2.yaml").read_bytes() == (
        ROOT / "stages/prompts/translate/v2.yaml"
    ).read_bytes()
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    tracked = subprocess.check_output(["git", "ls-files"], cwd=project, text=True).split()
    assert {"dvc.yaml", "params.yaml", "schemas/labels/SCNM.json", "data/responses.jsonl.gz.dvc"} <= set(tracked)
    assert not any(name == "stages" or name.startswith("schemas/records") for name in tracked)
    for name in tracked:
        assert str(ROOT).encode() not in (project / name).read_bytes(), name


def test_a_label_table_of_the_project_is_known_in_it_alone(project: Path) -> None:
    (project / "schemas/labels/CARE.json").write_text(json.dumps(TABLE), encoding="utf-8")
    code = "from stages.records.tasks import SUBSETS; print('CARE' in SUBSETS)"
    told = [subprocess.check_output([sys.executable, "-c", code], cwd=at, text=True).strip() for at in (project, ROOT)]
    (project / "schemas/labels/CARE.json").unlink()
    assert told == ["True", "False"]


def test_dvc_reads_the_pipeline_of_a_project(project: Path) -> None:
    said = subprocess.check_output(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"], cwd=project, text=True
    )
    assert {"raw", "translate@en", "reading", "export@parquet", "mix", "evaluate@evaluation"} <= set(said.split())
    assert "translate@zh" not in said


def test_a_project_that_lost_its_links_is_linked_again(project: Path) -> None:
    (project / "stages").unlink()
    new(["--link", str(project)])
    assert (project / "stages").resolve() == ROOT / "stages"
    assert (project / "schemas/records/record.schema.json").exists()


def test_the_repository_is_no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="is no project"):
        run_project(["--estimate"])


@pytest.mark.slow
def test_a_study_without_a_source_or_a_model_is_told_what_to_write(
    project: Path, monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    monkeypatch.chdir(project)
    before = Path("params.yaml").read_text(encoding="utf-8")
    assert "1. Files into `data/external/`" in Path("README.md").read_text(encoding="utf-8")
    try:
        with pytest.raises(UserError, match="raw: sources: give no record .put files into data/external/"):
            run_project(["--yes"])
        source = {"adapter": "doccano", "name": "own", "path": "data/external/own.jsonl", "pin": None, "limit": None,
                  "lang": "ja", "subset": "SCNM", "task": "NER", "labels": {"人": "人名"}}  # fmt: skip
        Path("data/external/own.jsonl").write_bytes(own.read_bytes())
        Path("params.yaml").write_text(compose.with_values(before, {"raw.sources": [source]}), encoding="utf-8")
        with pytest.raises(UserError, match="llm: model: is still 'your-model'"):
            run_project(["--yes"])
    finally:
        Path("params.yaml").write_text(before, encoding="utf-8")
        Path("data/external/own.jsonl").unlink(missing_ok=True)


def test_a_path_through_a_folder_that_is_not_there_is_where_it_leads(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is there already"):
        new([f"{tmp_path}/none/.."])
    assert not list(tmp_path.iterdir())


def test_a_project_that_is_there_is_not_made_again(project: Path) -> None:
    with pytest.raises(UserError, match="is there already"):
        new([str(project)])


def test_no_folder_is_left_of_a_project_that_could_not_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="git: is not installed"):
        new([str(tmp_path / "study")])
    assert os.listdir(tmp_path) == []


def test_what_is_given_becomes_knobs(own: Path) -> None:
    files, values = plan_of([str(own), *GIVEN, "--budget", "2.5", "--formats", "gliner"])
    knobs = yaml.safe_load(compose.knobs(compose.TRANSLATE, values))
    assert files == [own]
    assert knobs["languages"] == ["ja", "en"]
    (source,) = config.build(knobs["raw"], Raw, "raw").sources
    assert (source.adapter, source.path, source.labels, source.lang) == (
        "doccano",
        "data/external/own.jsonl",
        {"人": "人名"},
        "ja",
    )
    assert (knobs["translate"]["budget_usd"], knobs["export"]["formats"]) == (2.5, ["gliner"])


def plan_of(words: list[str]) -> tuple[list[Path], dict[str, Any]]:
    return plan(parser_of().parse_args(words))


def test_unified_records_say_their_language_and_source_themselves(tmp_path: Path) -> None:
    path = tmp_path / "care.jsonl"
    write_jsonl(
        path,
        [
            {
                "id": "SCNM/NER/mine/1/ja",
                "subset": "SCNM",
                "task": "NER",
                "source": "mine",
                "lang": "ja",
                "extractions": [],
            }
        ],
    )
    _, values = plan_of([str(path), "--to", "en"])
    assert values["languages"] == ["ja", "en"]
    assert values["raw.sources"][0]["name"] == "mine"
    assert "say their lang themselves" in refused(path, "--to", "en", "--lang", "ja")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.jsonl", "--to", "en"], "missing.jsonl: no such file"),
        (["FILE", "--to", "en", "--model", "m"], "does not say its language (add --lang"),
        (["FILE", "--lang", "ja", "--to", "en"], "--model: is missing"),
        (["FILE", "--lang", "ja", "--to", "ja", "--model", "m"], "--to: names no language"),
        (["FILE", "--lang", "ja", "--to", "English", "--model", "m"], "--to"),
        (["FILE", "--lang", "ja", "--to", "en", "--model", "m", "--labels", "人"], "--labels: '人' is no pair"),
        (["FILE", "--lang", "ja", "--to", "en", "--model", "m", "--prompt", "v9"], "there is no prompt 'v9'"),
        (["FILE", "--lang", "ja", "--to", "zh", "--model", "m", "--table", "CARE.json"], "has no labels in 'zh'"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    own: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(own.parent)
    (own.parent / "CARE.json").write_text(json.dumps(TABLE), encoding="utf-8")
    told = refused(*[own if word == "FILE" else word for word in words])
    assert said in told
    assert "\n" not in told
    assert sorted(os.listdir(own.parent)) == ["CARE.json", "own.jsonl"]


def test_a_file_in_no_known_form_is_told_with_the_forms(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("only words\n", encoding="utf-8")
    assert "--adapter: sample, jsonl" in refused(path, "--to", "en", "--lang", "ja")


def test_a_command_that_says_otherwise_than_the_project_is_refused(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    (folder / "data/external").mkdir(parents=True)
    files, values = plan_of([str(own), *GIVEN])
    (folder / "params.yaml").write_text(compose.knobs(compose.TRANSLATE, values), encoding="utf-8")
    with pytest.raises(UserError, match="differs from"):
        agreed(folder, files, values)
    (folder / "data/external/own.jsonl").write_bytes(own.read_bytes())
    agreed(folder, files, values)
    with pytest.raises(UserError, match=r"llm\.model: is 'loop-1', not 'other'"):
        agreed(folder, files, {**values, "llm.model": "other"})


def test_a_stage_that_dvc_yaml_does_not_have_has_no_options(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(compose.pipeline(compose.TRANSLATE), encoding="utf-8")
    assert options_of("llm_baseline", tmp_path / "dvc.yaml") == {}
    assert options_of("translate", tmp_path / "dvc.yaml")["prompt"] == ["prompts/translate/_.yaml"]


def test_entities_and_relations_of_one_file_are_two_sources(own: Path, tmp_path: Path) -> None:
    table = {**TABLE, "tasks": {**TABLE["tasks"], "RE": {"kind": "relation", "word": "Care RE", "labels": None}}}
    path = tmp_path / "CARE.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    given = [str(own), "--lang", "ja", "--table", str(path), "--to", "en", "--model", "m"]
    _, values = plan_of([*given, "--task", "NER", "RE"])
    sources = [(entry["name"], entry["subset"], entry["task"]) for entry in values["raw.sources"]]
    assert sources == [("own", "CARE", "NER"), ("own-RE", "CARE", "RE")]
    _, values = plan_of(given)  # the first task of one's own table
    assert [entry["task"] for entry in values["raw.sources"]] == ["NER"]


def test_unified_records_may_come_with_a_table_of_one_s_own(tmp_path: Path) -> None:
    record = {"id": "CARE/NER/mine/1/ja", "subset": "CARE", "task": "NER", "source": "mine", "lang": "ja", "extractions": []}  # fmt: skip
    write_jsonl(tmp_path / "care.jsonl", [record])
    (tmp_path / "CARE.json").write_text(json.dumps(TABLE), encoding="utf-8")
    _, values = plan_of([str(tmp_path / "care.jsonl"), "--table", str(tmp_path / "CARE.json"), "--to", "en"])
    assert "subset" not in values["raw.sources"][0]


def test_a_name_of_a_file_that_is_no_name_of_a_source_becomes_one(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "my notes (2).jsonl", ROWS)
    _, values = plan_of([str(tmp_path / "my notes (2).jsonl"), *GIVEN])
    assert values["raw.sources"][0]["name"] == "my_notes_2_"


def test_another_task_than_the_project_s_is_told(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    (folder / "data/external").mkdir(parents=True)
    (folder / "data/external/own.jsonl").write_bytes(own.read_bytes())
    files, values = plan_of([str(own), *GIVEN])
    (folder / "params.yaml").write_text(compose.knobs(compose.TRANSLATE, values), encoding="utf-8")
    (entry,) = values["raw.sources"]
    with pytest.raises(UserError, match=r"has no data/external/own\.jsonl, subset 'SCNM', task 'RE'"):
        agreed(folder, files, {**values, "raw.sources": [{**entry, "task": "RE"}]})


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "is empty"), (b" \n", "is empty"), (b'{"text": "caf\xe9"}\n', "is not UTF-8 at byte 13")]
)
def test_an_empty_file_and_another_encoding_are_told_as_such(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "own.jsonl").write_bytes(data)
    assert said in refused(tmp_path / "own.jsonl", "--lang", "ja", "--to", "en", "--model", "m")


@pytest.mark.slow
def test_no_folder_is_left_of_files_that_could_not_be_read(own: Path, tmp_path: Path) -> None:
    (tmp_path / "CARE.json").write_text(json.dumps(TABLE), encoding="utf-8")
    given = ["--lang", "ja", "--table", str(tmp_path / "CARE.json"), "--to", "en", "--model", "m", "--estimate"]
    words = [sys.executable, "-m", "stages.project.translate", str(own), "--into", str(tmp_path / "p"), *given]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LLM_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "label_not_in_table:人" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "p").exists()  # so the same command, put right, begins anew

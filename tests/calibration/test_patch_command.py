"""The commands that make patches: the sheet there and back, an edited copy, conflicts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.calibration.calibrate import calibrate
from stages.calibration.desk import open_desk
from stages.calibration.patch import main
from stages.calibration.patches import content, read
from stages.calibration.sheet import export, patches_of, read_list, write_list
from stages.core.errors import UserError
from stages.core.files import iter_jsonl, write_jsonl
from stages.records.record import Record
from stages.records.tasks import task_of

Command = Callable[..., tuple[int, str]]
LANGUAGES = ("ja", "en", "zh")


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def save(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    table.writeheader()
    table.writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))


@pytest.fixture
def command(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `python -m stages.calibration.patch` in the project, in this process: exit code, and all that it prints."""
    monkeypatch.chdir(project)

    def call(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        try:
            main(words)
        except UserError as error:
            return 1, str(error)
        said = capsys.readouterr()
        return 0, said.out + said.err

    return call


def test_a_sheet_that_nobody_touched_makes_no_patch(project: Path, sample: list[Record]) -> None:
    desk = open_desk(project / "data", LANGUAGES)
    export(desk, list(desk.cases), project / "s.csv")
    assert patches_of(desk, project / "s.csv", "a", None) == []
    for record in sample:  # every task and label of the sample, with its delimiters and repeated words
        assert read_list(write_list(record), record, record["text"]) == record["extractions"]
        assert task_of(record["subset"], record["task"])


def test_a_sheet_is_filled_in_and_its_patches_hold(project: Path, command: Command) -> None:
    assert command("sheet", "--lang", "en", "--out", "s.csv", "--all")[0] == 0
    rows = rows_of(project / "s.csv")
    museum, kume, katsura, kamo = (next(r for r in rows if f"/{n}/" in r["id"]) for n in (1, 2, 4, 5))
    assert museum["extractions"] == ":Location;Nada ward@@2"
    assert kume["findings"] == "name_changed"
    museum |= {
        "text": museum["text"].replace("stands", "is"),
        "text_label": "Academia",
        "reason": "typo",
        "seconds": "12.5",
    }
    kume |= {
        "decision": "Restore",
        "extractions": kume["extractions"] + ":Location;Matsue",
        "reason": "Matsue was lost",
    }
    katsura |= {"decision": "reject", "reason": "half of it"}
    kamo |= {
        "decision": "restore",
        "text": "The Kamo is long, too.",
        "extractions": ":Location;Kamo",
        "reason": "by hand",
    }
    save(project / "s.csv", rows, delimiter=";")  # as some spreadsheets save it
    code, said = command("from-sheet", "s.csv", "--annotator", "kei")
    assert (code, said.strip()) == (0, "data/calibration: 4 patches added")
    desk = open_desk(project / "data", LANGUAGES)
    assert [line["outcome"] for line in desk.report] == ["applied"] * 4
    cases = {name.split("/")[3]: case for name, case in desk.cases.items() if name.endswith("/en")}
    assert cases["1"].record["text_label"] == "Academia"
    assert cases["1"].record["extractions"][0]["spans"] == [{"text": "Nada ward", "start": 27}]
    assert [item["spans"][0]["text"] for item in cases["2"].record["extractions"]] == ["Kume", "Matsue"]
    assert {n: case.status for n, case in cases.items()} == {
        "1": "in",
        "2": "in",
        "3": "in",
        "4": "rejected",
        "5": "in",
    }
    assert desk.lines[0].patch
    assert desk.lines[0].patch["seconds"] == 12.5


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"decision": "maybe"}, "none of accept, reject, restore"),
        ({"text_label": "Politics", "reason": "r"}, "unknown label"),
        ({"text_label": "Nature"}, "no reason is given"),
        ({"extractions": ":Location;Nada ward", "reason": "r"}, "stands 2 times"),
        ({"extractions": ":Location;Osaka", "reason": "r"}, "no place 1"),
        ({"extractions": "Location Kobe", "reason": "r"}, "list_start"),
        ({"text": "", "reason": "r"}, "should be non-empty"),
        ({"decision": "accept", "base_hash": "0" * 64, "reason": "r"}, "export it again"),
        ({"id": "SCNM/NER/own/77/en", "decision": "accept"}, "no record"),
        ({"decision": "accept", "reason": "r", "seconds": "-3"}, "no number"),
        ({"decision": "accept", "reason": "r", "seconds": "nan"}, "no number"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_and_nothing_is_written(
    project: Path, command: Command, cells: dict[str, str], said: str
) -> None:
    desk = open_desk(project / "data", LANGUAGES)
    export(desk, ["SCNM/NER/own/1/en", "SCNM/NER/own/3/en"], project / "s.csv")
    rows = rows_of(project / "s.csv")
    rows[0] |= cells
    rows[1] |= {"decision": "accept", "reason": "right"}
    save(project / "s.csv", rows)
    code, printed = command("from-sheet", "s.csv", "--annotator", "kei")
    assert code == 1
    assert "row 2" in printed
    assert said in printed
    assert "Traceback" not in printed
    assert read(project / "data/calibration") == []


def test_a_sheet_is_read_however_a_spreadsheet_saved_it(project: Path) -> None:
    """Columns in another order and spelling, a decimal comma, empty rows below, the line that tells the delimiter."""
    desk = open_desk(project / "data", LANGUAGES)
    export(desk, ["SCNM/NER/own/1/en", "SCNM/NER/own/3/en"], project / "s.csv")
    rows = rows_of(project / "s.csv")
    filled = {"decision": "accept", "reason": "right", "seconds": "12,5"}
    turned = [{f" {key.title()}": (row | filled)[key] for key in reversed(row)} for row in rows]
    save(project / "s.csv", [*turned, dict.fromkeys(turned[0], ""), dict.fromkeys(turned[0], "")], "utf-8", ";")
    (project / "s.csv").write_text("sep=;\n" + (project / "s.csv").read_text(encoding="utf-8"), encoding="utf-8")
    made = patches_of(desk, project / "s.csv", "a", None)
    assert [(patch["op"], patch["seconds"]) for patch in made] == [("accept", 12.5)] * 2


def test_what_is_no_sheet_is_told(project: Path) -> None:
    desk = open_desk(project / "data", LANGUAGES)
    for data, said in (
        (b"a,b\n1,2\n", "not the columns"),
        (b"", "is empty"),
        ("桂".encode("cp932"), "not UTF-8"),
        (b"PK\x03\x04\x14", "an office document"),
    ):
        (project / "s.csv").write_bytes(data)
        with pytest.raises(UserError, match=said):
            patches_of(desk, project / "s.csv", "a", None)


def test_a_cell_is_no_formula_in_a_spreadsheet(project: Path) -> None:
    records = list(iter_jsonl(project / "data/filtered/en.jsonl"))
    records[0] |= {
        "text": "=HYPERLINK(1) Nada ward",
        "extractions": [{"label": "Location", "spans": [{"text": "Nada ward", "start": 14}]}],
    }
    records[1] |= {"text": "'+1", "extractions": []}
    write_jsonl(project / "data/filtered/en.jsonl", records)
    desk = open_desk(project / "data", LANGUAGES)
    export(desk, [record["id"] for record in records], project / "s.csv")
    assert [row["text"] for row in rows_of(project / "s.csv")] == ["'=HYPERLINK(1) Nada ward", "''+1"]
    assert patches_of(desk, project / "s.csv", "a", "r") == []


def test_an_edited_copy_of_the_records(project: Path, command: Command) -> None:
    records = list(iter_jsonl(project / "data/filtered/en.jsonl"))
    records[0]["text"] = records[0]["text"].replace("stands", "is")  # the span's place is not touched
    records[1]["text_label"] = "Society"
    write_jsonl(project / "copy.jsonl", records)
    words = ("from-records", "copy.jsonl", "--annotator", "久米", "--reason", "second reading")
    assert command(*words) == (0, "data/calibration: 2 patches added\n")
    assert command(*words) == (0, "data/calibration: 0 patches added\n")  # it is so already
    desk = open_desk(project / "data", LANGUAGES)
    case = desk.cases["SCNM/NER/own/1/en"]
    assert case.record["extractions"][0]["spans"][0]["start"] == 27
    # the copy of an untouched record undoes nothing
    assert command("from-records", "data/filtered/en.jsonl", "--annotator", "b", "--reason", "r")[1].endswith(
        "0 patches added\n"
    )
    write_jsonl(project / "copy.jsonl", [{**records[1], "id": "SCNM/NER/own/77/en"}])
    assert command(*words)[0] == 1


def test_after_another_prompt_and_back_no_patch_is_lost(project: Path, command: Command) -> None:
    filtered = project / "data/filtered/en.jsonl"
    first = list(iter_jsonl(filtered))
    edited = [{**record, "text_label": "Academia"} for record in first]
    write_jsonl(project / "copy.jsonl", edited)
    assert command("from-records", "copy.jsonl", "--annotator", "a", "--reason", "r")[0] == 0

    def outcomes() -> list[str]:
        return [line["outcome"] for line in open_desk(project / "data", LANGUAGES).report]

    assert outcomes() == ["applied", "applied"]
    write_jsonl(filtered, [first[0], {**first[1], "text": "Yoshino watched a bird.", "extractions": []}])
    assert outcomes() == ["applied", "conflict"]
    code, said = command("conflicts")
    assert code == 0
    assert "a.jsonl:2: text_label of SCNM/NER/own/3/en by a: its record changed since" in said
    assert "Yoshino watched a bird." in said
    write_jsonl(filtered, first)
    assert outcomes() == ["applied", "applied"]


def test_a_name_that_is_no_file_name_and_an_unknown_language_are_refused(project: Path, command: Command) -> None:
    write_jsonl(
        project / "copy.jsonl", [{**next(iter_jsonl(project / "data/filtered/en.jsonl")), "text_label": "Nature"}]
    )
    for name in ("../up", "a/b", "", ".hidden"):
        assert command("from-records", "copy.jsonl", "--annotator", name, "--reason", "r")[0] == 1
    assert not list(project.glob("**/up*"))
    assert command("sheet", "--lang", "xx", "--out", "s.csv")[0] == 1


def test_the_desk_has_what_the_stage_makes(project: Path) -> None:
    desk = open_desk(project / "data", LANGUAGES)
    assert desk.cases["SCNM/NER/own/5/en"].record["text"] == ""
    assert desk.sources["SCNM/NER/own/5/en"]["text"] == "鴨川も長い。"
    assert desk.reasons["SCNM/NER/own/4/en"] == ["too_short", "clause_lost"]
    records, _ = calibrate(list(desk.cases.values()), [])
    assert json.dumps(content(records[0]))

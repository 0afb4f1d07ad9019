"""docs/tutorial.md, command by command: in a fresh clone, with an empty HOME, against a loopback endpoint.

What is run is what the file says, block by block, in one shell's state. The endpoint translates from a table; under the model and
prompt of the first run it leaves one word untranslated, and the other model another one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chat_server import ChatServer, chat_server
from tests.support.environment import layered

pytestmark = pytest.mark.slow  # the longest, so the first to start beside the others
ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?:<!-- (\w+) -->\n)?```sh\n(.*?)```", re.S)
# What pip says where PyPI cannot be reached, which skips what the block is for and nothing else.
UNREACHABLE = "No matching distribution found|Could not fetch URL|Connection(Error| refused)"
NO_PYPI = "PyPI cannot be reached"
# By source text, its translations with the tags of its spans, which are numbered in the order of the source.
TEXTS = {
    "父は風邪で薬局の咳止めを2錠飲んだ。": {
        "English": "Father had <e1>a cold</e1> and took 2 tablets of <e2>cough medicine</e2> from the pharmacy.",
        "Chinese": "父亲得了<e1>感冒</e1>，吃了2片药店的<e2>止咳药</e2>。",
        "Korean": "아버지는 <e1>감기</e1>로 약국의 <e2>기침약</e2>을 2알 먹었다.",
    },
    "祖母は糖尿病のため毎朝インスリンを打つ。": {
        "English": "Because of her <e1>diabetes</e1>, Grandmother injects <e2>insulin</e2> every morning.",
        "Chinese": "祖母因为<e1>糖尿病</e1>，每天早上注射<e2>胰岛素</e2>。",
        "Korean": "할머니는 <e1>당뇨병</e1> 때문에 매일 아침 <e2>인슐린</e2>을 맞는다.",
    },
    "花粉症がひどく、目薬を1日4回さした。": {
        "English": "My <e1>hay fever</e1> was so bad that I used <e2>eye drops</e2> 4 times a day.",
        "Chinese": "<e1>花粉症</e1>很严重，一天点了4次<e2>眼药水</e2>。",
        "Korean": "<e1>꽃가루 알레르기</e1>가 심해서 <e2>안약</e2>을 하루 4번 넣었다.",
    },
    "頭痛が続いたので鎮痛剤をもらった。": {
        "English": "My <e1>headache</e1> went on, so I was given a <e2>painkiller</e2>.",
        "Chinese": "<e1>头痛</e1>一直不好，于是开了<e2>止痛药</e2>。",
        "Korean": "<e1>두통</e1>이 계속되어 <e2>진통제</e2>를 받았다.",
    },
    "母は認知症の父を家で支えている。": {
        "English": "Mother supports Father, who has <e1>dementia</e1>, at home.",
        "Chinese": "母亲在家照顾患有<e1>痴呆症</e1>的父亲。",
        "Korean": "어머니는 <e1>치매</e1>인 아버지를 집에서 돌본다.",
    },
    "施設では入浴の前に血圧の薬を確認する。": {
        "English": "At the home, staff check the <e1>blood pressure medicine</e1> before bathing.",
        "Chinese": "在养老院，洗澡前要确认<e1>降压药</e1>。",
        "Korean": "시설에서는 목욕 전에 <e1>혈압약</e1>을 확인한다.",
    },
    "喘息の発作で吸入薬を使った。": {
        "English": "I used an <e2>inhaler</e2> for an attack of <e1>asthma</e1>.",
        "Chinese": "因为<e1>哮喘</e1>发作，用了<e2>吸入药</e2>。",
        "Korean": "<e1>천식</e1> 발작으로 <e2>흡입약</e2>을 썼다.",
    },
    "胃炎は胃薬で治った。": {
        "English": "The <e1>gastritis</e1> was cured with <e2>stomach medicine</e2>.",
        "Chinese": "<e1>胃炎</e1>用<e2>胃药</e2>治好了。",
        "Korean": "<e1>위염</e1>은 <e2>위약</e2>으로 나았다.",
    },
    "発熱のため解熱剤を3回飲んだ。": {
        "English": "For <e1>the fever</e1> I took <e2>a fever reducer</e2> 3 times.",
        "Chinese": "因为<e1>发烧</e1>，吃了3次<e2>退烧药</e2>。",
        "Korean": "<e1>열</e1>이 나서 <e2>해열제</e2>를 3번 먹었다.",
    },
}  # fmt: skip


class Endpoint:
    """Answers from the table. While `holding`, it answers six requests and holds the others until it is released."""

    def __init__(self) -> None:
        self.holding, self.reached, self.released, self.answered = False, threading.Event(), threading.Event(), 0

    def __call__(self, body: dict[str, Any]) -> str:
        self.answered += 1
        if self.holding and self.answered > 6:
            self.reached.set()
            self.released.wait(600)
        system, question = body["messages"][0]["content"], body["messages"][-1]["content"]
        if "into" not in system:
            return json.dumps({"class": "医療"}, ensure_ascii=False)
        language = next(
            name for name in ("English", "Chinese", "Korean") if f"into {name}" in system.replace("Simplified ", "")
        )
        said = TEXTS[re.sub(r"</?e\d+>", "", question)][language]
        if body["model"] == "other-model":
            said = said.replace("a cold", "風邪")
        elif "medical" not in system:
            said = said.replace("hay fever", "花粉症")
        return json.dumps({"text": said, "parts": {}}, ensure_ascii=False)


class Reader:
    """A reader at a shell: blocks run in its state, which `export -p` and `pwd` carry from one to the next."""

    def __init__(self, folder: Path, server: ChatServer, endpoint: Endpoint) -> None:
        self.folder, self.server, self.endpoint = folder, server, endpoint
        self.clone, self.state = folder / "clone", folder / "state"
        (folder / "home").mkdir()
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("OPENAI_", "LLM_", "XDG_", "GIT_", "VIRTUAL_"))
        }
        self.environment = {**kept, "HOME": str(folder / "home")}
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.clone)], check=True)
        environment = self.clone / ".venv"  # as `make install PART=data` leaves it
        environment.symlink_to(layered(ROOT / ".venv-spacy"))
        (environment / "with-data").touch()
        self.state.write_text(f"cd {self.clone}\n", encoding="utf-8")

    def run(self, text: str, mark: str) -> str:
        text = text.replace("http://localhost:8000/v1", self.server.url)
        script = f'set -euo pipefail\n. {self.state}\n{text}\n{{ export -p; echo cd "$PWD"; }} > {self.state}\n'
        self.endpoint.holding, self.endpoint.answered = mark == "killed", 0
        process = subprocess.Popen(
            ["bash", "-c", script], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )  # fmt: skip
        if mark == "killed":
            assert self.endpoint.reached.wait(600)
            os.killpg(process.pid, signal.SIGKILL)
            self.endpoint.released.set()
        out, _ = process.communicate(timeout=600)
        if mark == "pypi" and process.returncode and re.search(UNREACHABLE, out):
            return NO_PYPI
        assert (process.returncode == 0) == (mark != "killed"), f"{text}\n{out}"
        assert "Traceback" not in out, f"{text}\n{out}"
        return out


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reader, dict[str, str]]]:
    """The reader after the last block, and what each section printed; the requests after each section as `asked …`."""
    endpoint = Endpoint()
    said: dict[str, str] = {}
    with chat_server(endpoint) as server:
        reader = Reader(tmp_path_factory.mktemp("tutorial"), server, endpoint)
        text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
        for part in text.split("\n## ")[1:]:
            title = part.partition(".")[0]
            for mark, block in BLOCK.findall(part):
                said[title] = said.get(title, "") + reader.run(block, mark)
            said[f"asked {title}"] = str(len(server.bodies))
        yield reader, said


def lines(reader: Reader, path: str) -> list[dict[str, Any]]:
    text = (reader.clone / "projects/care" / path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def at(reader: Reader, revision: str, path: str) -> Any:
    data = subprocess.check_output(["git", "show", f"{revision}:{path}"], cwd=reader.clone / "projects/care")
    return json.loads(data)


def test_the_estimate_asks_nothing_and_a_killed_run_asks_nothing_twice(told: tuple[Reader, dict[str, str]]) -> None:
    reader, said = told
    told = dict(re.findall(r"^(all|all, at most) {2,}(\d+) ", said["3"], re.M))
    assert told == {
        "all": "18",
        "all, at most": "34",
    }  # two classes, eight texts twice, and their spans should tags be lost
    assert said["asked 3"] == "0"
    first = [json.dumps(body, sort_keys=True) for body in reader.server.bodies[: int(said["asked 4"])]]
    again = sum(number - 1 for number in Counter(first).values())
    assert len(set(first)) == 2 + 2 * 8  # two texts without a class, eight texts into two languages
    assert again <= 4  # what was under way when it was killed
    assert said["asked 4"] == said["asked 5"] == said["asked 6"]


def test_what_is_left_untranslated_is_refused_and_the_corrections_come_through(
    told: tuple[Reader, dict[str, str]],
) -> None:
    reader, said = told
    assert "3 patches added" in said["5"]
    headline = [at(reader, f"HEAD~{n}", "metrics/headline/translation.json") for n in (2, 1)]
    assert [row["en"]["kept"] for row in headline] == [7, 7]  # the filter's; people's come after it
    counted = at(reader, "HEAD~1", "metrics/calibration.json")
    assert (counted["edited"], counted["restored"], counted["conflicts"]) == (3, 1, 0)
    texts = {line["text"]: line for line in lines(reader, "data/calibrated/en.jsonl")}
    assert "My hay fever was so bad that I used eye drops 4 times a day." in texts
    assert "My father had a cold and took 2 tablets of cough medicine from the pharmacy." in texts
    assert texts["At the home, staff check the blood pressure medicine before bathing."]["text_label"] == "Medicine"


def test_the_reading_has_intervals(told: tuple[Reader, dict[str, str]]) -> None:
    reader, _ = told
    row = at(reader, "HEAD~1", "metrics/headline/reading.json")["en"]
    assert (row["drawn"], row["read"], row["adequate"], row["adequate_high"]) == (8, 8, 100.0, 100.0)
    assert 60 < row["adequate_low"] < 80
    assert at(reader, "HEAD~2", "metrics/headline/reading.json")["en"] == {"drawn": 8, "read": 0}


def test_prompts_and_models_are_compared_paired(told: tuple[Reader, dict[str, str]]) -> None:
    _, said = told
    found = [line.split() for line in said["7"].splitlines() if re.match(r"(en|zh)\s+kept", line)]
    assert found == [
        ["en", "kept", "8", "7", "8", "0", "1", "1.000"],
        ["zh", "kept", "8", "8", "8", "0", "0", "1.000"],
        ["en", "kept", "8", "7", "7", "1", "1", "1.000"],
        ["zh", "kept", "8", "8", "8", "0", "0", "1.000"],
    ]
    assert "en.retention" in said["7"]


def test_tools_read_the_exports(told: tuple[Reader, dict[str, str]]) -> None:
    _, said = told
    assert "'text_label': 'Medicine'" in said["8"]
    assert re.search(r'"(疾病|药物)"', said["8"])  # of doccano's lines
    assert re.search(r"\[\[\d+, \d+, '(疾病|药物)'\]", said["8"])
    assert "'labels': ['Disease']" in said["8"]
    assert "exports/iepile/en.CARE.NER.jsonl: 8 records" in said["8"]


def test_gliner_s_rows_are_in_the_form_of_its_training_data(told: tuple[Reader, dict[str, str]]) -> None:
    """As GLiNER's README has it: tokens, and [first token, last token, type] of each entity, both ends within."""
    reader, _ = told
    rows = lines(reader, "exports/gliner/en.CARE.NER.jsonl")
    found = [
        sorted((label, "".join(row["tokenized_text"][first : last + 1])) for first, last, label in row["ner"])
        for row in rows
    ]
    wanted = [
        sorted((item["label"], item["spans"][0]["text"].replace(" ", "")) for item in line["extractions"])
        for line in lines(reader, "data/calibrated/en.jsonl")
    ]
    assert sorted(found) == sorted(wanted)
    assert len(found) >= 8


def test_spacy_reads_its_own_form_and_conll_columns(told: tuple[Reader, dict[str, str]]) -> None:
    _, said = told
    if NO_PYPI in said["8"]:
        pytest.skip(f"spaCy is an extra, and {NO_PYPI}")
    assert "{'Medicine': 1.0} [('a cold', 'Disease'), ('cough medicine', 'Drug')]" in said["8"]
    assert "{} [('感 冒', '疾病'), ('止 咳 药', '药物')]" in said["8"]  # of tokens alone


def test_korean_comes_chinese_goes_and_the_new_line_alone_is_asked_for(told: tuple[Reader, dict[str, str]]) -> None:
    reader, said = told
    assert int(said["asked 9"]) - int(said["asked 8"]) == 9 + 1  # nine texts into Korean, the new one into English
    korean = lines(reader, "data/ledger/ko.jsonl")
    assert len(korean) == 9
    exported = sorted(path.name for path in (reader.clone / "projects/care/exports/conll").iterdir())
    assert exported == [f"{lang}.CARE.NER.conll" for lang in ("en", "ja", "ko") if lang != "ko" or any(line["outcome"] != "quarantined" for line in korean)]  # fmt: skip
    assert "my headache" in json.dumps([line["text"].lower() for line in lines(reader, "data/calibrated/en.jsonl")])


def test_nothing_of_the_sample_is_in_the_project_and_nothing_of_the_project_in_the_clone(
    told: tuple[Reader, dict[str, str]],
) -> None:
    reader, _ = told
    project = reader.clone / "projects/care"
    ours = [
        json.loads(line)["text"]
        for path in (ROOT / "data/sample").glob("*.jsonl")
        for line in path.open(encoding="utf-8")
    ]
    assert len(ours) > 100
    made = [
        path
        for top in ("data", "metrics", "sheets", "exports")
        for path in (project / top).rglob("*")
        if path.is_file()
    ]
    assert len(made) > 30
    for path in made:
        data = path.read_bytes()
        assert not [text for text in ours if text.encode() in data], path
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=reader.clone, capture_output=True, text=True, check=True
    )
    assert {line[3:] for line in done.stdout.splitlines()} <= {"visits.jsonl", "hospital.conll", "CARE.json"}
    assert (reader.clone / "projects/study/params.yaml").exists()

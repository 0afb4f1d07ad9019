"""`params.yaml`, read section by section into the dataclass that stands beside the step it steers.

    knobs = config.read("mix", Mix)      # Mix: a frozen dataclass in the step's own module

Unknown, missing and wrongly typed keys are refused by name; a bound stands in the field's type, as in
`epochs: Annotated[float, Gt(0)]`. The file is read as DVC writes it: YAML 1.2, so that 1e-05 is a number and `on` a word;
keys given twice, octals (017 is 15 to some readers), NaN and infinity are refused. What a knob does is said in `params.yaml` itself.
"""

from __future__ import annotations

import copy
import json
import math
import re
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode

from stages.core.errors import UserError

PATH = Path("params.yaml")
SEE = "see the comments in params.yaml"
T = TypeVar("T")

# Bounds that several steps share.
Count = Annotated[int, Field(ge=1)]  # of things, at least one
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Languages = Annotated[list[Language], Field(min_length=1)]


def _money(value: Any) -> Any:
    """A sum of money from a number or a string; through `str`, so that 0.1 is a tenth."""
    try:
        number = Decimal("nan" if isinstance(value, bool) else str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or number < 0:
        raise ValueError("a sum of money is a decimal from 0, as a number or a string")
    return number


Money = Annotated[Decimal, BeforeValidator(_money)]


class _Constructor(SafeConstructor):
    """ruamel's, but for whole numbers that readers of YAML disagree on."""

    def construct_yaml_int(self, node: ScalarNode) -> int:
        if re.match(r"[-+]?0o?[0-9_]", node.value):
            raise ConstructorError(None, None, f"{node.value} is octal to some readers of YAML", node.start_mark)
        return int(super().construct_yaml_int(node))


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)


def parse_yaml(text: str, place: str) -> Any:
    """The plain value of YAML 1.2 text; UserError in one line where it is broken or says a key twice."""
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = _Constructor
    try:
        value = reader.load(text)
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error)
        where = f"{place}:{mark.line + 1}" if mark else place
        raise UserError(where, "broken YAML: " + " ".join(said.split())[:200], "fix this line") from error
    except RecursionError as error:
        raise UserError(place, "nests too deep", SEE) from error
    try:
        _refuse_foreign(value, place)
    except RecursionError as error:
        raise UserError(place, "holds itself, by an alias", "write the value out") from error
    return value


def _refuse_foreign(value: Any, at: str) -> None:
    """UserError names a number that is none, and a key that is no word."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, tuple | dict | list):
                raise UserError(at, f"{_shown(key)} is no key", SEE)
            _refuse_foreign(item, f"{at}: {key}")
    elif isinstance(value, list):
        for n, item in enumerate(value):
            _refuse_foreign(item, f"{at}[{n}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(at, f"{value!r} is no finite number", SEE)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    config = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
    if hasattr(kind, "__dataclass_fields__"):
        kind.__pydantic_config__ = config
        return TypeAdapter(kind)
    return TypeAdapter(kind, config=config)


def _spelled(place: str, location: tuple[int | str, ...]) -> str:
    """`params.yaml: raw: sources[0]: name`."""
    for part in location:
        place += f"[{part}]" if isinstance(part, int) else f": {part}"
    return place


def _told(error: ErrorDetails, kind: Any, place: str) -> UserError:
    """A fault that pydantic found, in this project's words."""
    at, value, context = _spelled(place, error["loc"]), error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return UserError(at, "missing key", "every key is written out; take it from git's params.yaml")
        case "unexpected_keyword_argument":
            return UserError(at, "unknown key", f"one of {', '.join(_known(kind, error['loc'][:-1]))}")
        case "dataclass_type" | "dataclass_exact_type":
            return UserError(at, "is no mapping", SEE)
        case "list_type":
            return UserError(at, "is no list", "write it as a YAML list")
        case "literal_error":
            allowed = context["expected"].replace("'", "").replace(" or ", ", ")
            return UserError(at, f"{_shown(value)} is not allowed", f"one of {allowed}")
        case "int_type" | "float_type" | "string_type" | "bool_type" | "int_from_float":
            name = {"int": "int", "float": "float", "string": "str", "bool": "bool"}[error["type"].split("_")[0]]
            return UserError(at, f"{_shown(value)} is no {name}", SEE)
        case _:
            said = error["msg"].removeprefix("Value error, ")
            return UserError(at, f"{_shown(value)} is not allowed: {said[0].lower()}{said[1:]}", SEE)


def _shown(value: Any) -> str:
    """A value as a message shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _known(kind: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys that a section, or a section in it, has."""
    schema = _adapter(kind).json_schema()
    node = schema
    for part in location:
        node = _resolved(node, schema)
        named = node.get("properties", {})
        node = (
            node["items"] if isinstance(part, int) else named[part] if part in named else node["additionalProperties"]
        )
    return list(_resolved(node, schema).get("properties", {}))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return dict(schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]) if "$ref" in node else node


def build(value: Any, kind: type[T], place: str) -> T:
    """`value` as a `kind`, a frozen dataclass or a type of its fields; UserError names the first wrong key."""
    try:
        # As JSON: strict mode then takes a mapping for a dataclass, and 2 where 2.0 may stand.
        result: T = _adapter(cast(Any, kind)).validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        # A misspelt key is also a missing one: the unknown name says more.
        told = sorted(error.errors(), key=lambda fault: fault["type"] != "unexpected_keyword_argument")
        raise _told(told[0], kind, place) from error
    return result


@lru_cache(maxsize=4)
def _parsed(text: str, place: str) -> Any:
    """A stage reads several sections of one file: it is parsed once."""
    return parse_yaml(text, place)


def load(path: Path = PATH) -> dict[str, Any]:
    """The plain sections of a params file; UserError where it is no YAML mapping in UTF-8."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UserError(str(path), "no such file", "run this from the project's top folder") from error
    except UnicodeDecodeError as error:
        raise UserError(str(path), f"is not UTF-8, at byte {error.start}", "save it as UTF-8") from error
    sections = _parsed(text, str(path))
    if not isinstance(sections, dict):
        raise UserError(str(path), "is no mapping of sections", "take it from git's params.yaml")
    return copy.deepcopy(sections)


def read(section: str, kind: Any, path: Path = PATH) -> Any:
    """One section of the project's `params.yaml`, or one key of it (`mix.view`), as a `kind`; nothing else is looked at."""
    value, place = load(path), str(path)
    for part in section.split("."):
        place += f": {part}"
        if not isinstance(value, dict) or part not in value:
            raise UserError(place, "missing key", "every key is written out; take it from git's params.yaml")
        value = value[part]
    return build(value, kind, place)

"""Reads TOML into plain values with their places.

Dates and times are refused: no policy key and no JSON body holds them.
"""

import math
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from proxy.policy.complaint import Complaint
from proxy.policy.document import MAX_DEPTH, KeyPath, Source, Tree
from proxy.policy.toml_scan import TomlScanner

_AT = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")
_SYNTAX = "check the quotes, brackets and '=' before this place"


def read_toml(source: Source, complaints: list[Complaint]) -> Tree | None:
    """The file's values; None, with the complaint added, when it is no TOML at all."""
    text = source.text.replace("\r\n", "\n")
    try:
        value = tomllib.loads(text)
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        problem, line, column = _problem(error, text)
        wrong = f"this is no valid TOML: {problem}"
        complaints.append(Complaint(source.path, line, column, wrong, _SYNTAX))
        return None
    scanner = TomlScanner(text)
    scanner.scan()
    refused = frozenset(_not_json(value, ()))
    for place in refused:
        line, column = scanner.values[place]
        wrong = "this is a date, a time, or no finite number"
        right = "write text in quotes, or a number"
        complaints.append(Complaint(source.path, line, column, wrong, right))
    return Tree(value, scanner.keys, scanner.values, refused)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        tables = [inner for outer in level if isinstance(outer, dict) for inner in outer.values()]
        level = tables + [inner for outer in level if isinstance(outer, list) for inner in outer]
        if not level:
            return
    raise RecursionError


def _problem(error: Exception, text: str) -> tuple[str, int, int]:
    if isinstance(error, RecursionError):
        return "nested too deep", 1, 1
    if not isinstance(error, tomllib.TOMLDecodeError):  # int() of thousands of digits
        return "a number is too large", 1, 1
    message = str(error)
    found = _AT.search(message)
    if found is None:
        return message, 1, 1
    problem = message[: found.start()].strip()
    problem = problem[:1].lower() + problem[1:]
    if found[1] is None:
        return problem, text.count("\n") + 1, len(text) - text.rfind("\n")
    return problem, int(found[1]), int(found[2])


def _not_json(value: Any, place: KeyPath) -> Iterator[KeyPath]:
    """The places of values that JSON has no form for."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_json(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _not_json(inner, (*place, index))
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield place
    elif not isinstance(value, str | int):
        yield place

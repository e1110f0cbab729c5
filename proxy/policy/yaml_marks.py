"""Reads YAML into plain values with their places.

YAML 1.2's core schema (10.3.2), so `on`, `yes` and `1:30` are words. No tags but its own, no merge
keys, one document a file; aliases are followed within bounds.
"""

import re
from typing import Any

import yaml

from proxy.policy.complaint import Complaint
from proxy.policy.document import MAX_DEPTH, KeyPath, Position, Source, Tree

MAX_NODES = 50_000  # a thousand routes; more is an alias that doubles itself
_MAX_DIGITS = 300  # beyond any double

_TAG = "tag:yaml.org,2002:"
_PLAIN = (
    ("null", re.compile(r"~|null|Null|NULL|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")),
)
_SYNTAX = "check the quotes, brackets and indentation before this place"


class _Loader(yaml.SafeLoader):
    """PyYAML up to its nodes, which know their places."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "nested too deep", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is not yaml.ScalarNode:
            return _TAG + ("seq" if kind is yaml.SequenceNode else "map")
        if implicit[0]:
            for name, pattern in _PLAIN:
                if pattern.fullmatch(value):
                    return _TAG + name
        return _TAG + "str"


def read_yaml(source: Source, complaints: list[Complaint]) -> Tree | None:
    """The file's values; None, with the complaint added, when it is no YAML at all."""

    def broken(line: int, column: int, problem: str) -> None:
        wrong = f"this is no valid YAML: {problem}"
        complaints.append(Complaint(source.path, line, column, wrong, _SYNTAX))

    try:
        loader = _Loader(source.text)
    except yaml.reader.ReaderError as error:
        before = source.text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        broken(line, column, "a character that YAML does not allow")
        return None
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        broken(mark.line + 1, mark.column + 1, error.problem or "it cannot be read")
        return None
    except (ValueError, OverflowError):  # PyYAML lets those of chr() and int() through
        mark = loader.get_mark()
        broken(mark.line + 1, mark.column + 1, "a number or escape out of range")
        return None
    finally:
        loader.dispose()
    builder = _Builder(source.path, complaints)
    value = {} if node is None else builder.build(node, ())
    return Tree(value, builder.keys, builder.values, frozenset(builder.refused))


class _Builder:
    """Walks nodes, following aliases, and notes places."""

    def __init__(self, path: str, complaints: list[Complaint]) -> None:
        self.keys: dict[KeyPath, Position] = {}
        self.values: dict[KeyPath, Position] = {}
        self.refused: set[KeyPath] = set()
        self._path = path
        self._complaints = complaints
        self._count = 0

    def _complain(self, node: yaml.Node, wrong: str, right: str) -> None:
        line, column = _position(node)
        self._complaints.append(Complaint(self._path, line, column, wrong, right))

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._count += 1
        if self._count > MAX_NODES or len(path) > MAX_DEPTH:
            if self._count <= MAX_NODES + 1:
                wrong = f"more than {MAX_NODES} values, or nested deeper than {MAX_DEPTH}"
                self._complain(node, wrong, "split the file, or write out what aliases repeat")
            self._count = MAX_NODES + 1
            self.refused.add(path)
            return None
        self.values[path] = _position(node)
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and kind in ("str", "null", "bool", "int", "float"):
            return self._scalar(node, kind, path)
        self._complain(node, f"the tag '{node.tag}' means nothing here", "leave it out")
        self.refused.add(path)
        return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, "a key is no plain word", "write it as 'key: value'")
                continue
            key = key_node.value
            if key == "<<":
                self._complain(
                    key_node,
                    "merge keys are not supported",
                    "write the keys out, or put what upstreams share in 'defaults'",
                )
                continue
            if key in found:
                first = self.keys[(*path, key)].line
                wrong = f"the key '{key}' stands here again, after line {first}"
                self._complain(key_node, wrong, "keep one of them")
                continue
            self.keys[(*path, key)] = _position(key_node)
            found[key] = self.build(value_node, (*path, key))
        return found

    def _scalar(self, node: yaml.ScalarNode, kind: str, path: KeyPath) -> Any:
        text: str = node.value
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        try:
            value = _number(kind, text)
        except (ValueError, OverflowError):
            self._complain(node, "this is no number that JSON could carry", "write a smaller one")
            self.refused.add(path)
            return None
        return value


def _number(kind: str, text: str) -> int | float:
    if len(text) > _MAX_DIGITS:
        raise OverflowError
    if kind == "int":
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise OverflowError
    return value


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)

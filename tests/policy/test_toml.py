"""TOML says the same as YAML, with the place of every key and value."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from proxy.policy.complaint import Complaint
from proxy.policy.document import KeyPath, Position, Source, Tree
from proxy.policy.toml_marks import read_toml
from tests.policy.loading import loaded, refused

TEXT = '''# places
version = 1
[upstreams.openai]
"dialect" = "openai" # " ]
retry.backoff = {max = "1s", 'initial' = """
2s"""}
hosts = [
  "a.example", # [
  'b.example',
]

[[routes]]
name = "one"
targets = ["openai", { upstream = "local", on = "all" }]

[routes.match]
model = "x"

[[routes]]
name = """a""" # two
[[routes.targets]]
upstream = "openai"
[[routes.targets]]
upstream = 'local'
'''


def read(text: str) -> Tree:
    complaints: list[Complaint] = []
    tree = read_toml(Source("a.toml", text), complaints)
    assert not complaints
    assert tree is not None
    return tree


def places(value: Any, place: KeyPath = ()) -> list[KeyPath]:
    """Every key and item within `value`."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for step, inner in pairs:
        found.append((*place, step))
        if isinstance(inner, dict | list):
            found += places(inner, (*place, step))
    return found


def test_places_of_keys_and_values() -> None:
    tree = read(TEXT)
    openai: KeyPath = ("upstreams", "openai")
    assert tree.keys["upstreams",] == Position(3, 2)
    assert tree.keys[openai] == Position(3, 12)
    assert tree.keys[*openai, "dialect"] == Position(4, 1)
    assert tree.values[*openai, "dialect"] == Position(4, 13)
    assert tree.keys[*openai, "retry", "backoff"] == Position(5, 7)
    assert tree.values[*openai, "retry", "backoff", "max"] == Position(5, 24)
    assert tree.keys[*openai, "retry", "backoff", "initial"] == Position(5, 30)
    assert tree.values[*openai, "hosts", 1] == Position(9, 3)
    assert tree.values["routes", 0] == Position(12, 1)
    assert tree.values["routes", 0, "targets", 1, "upstream"] == Position(14, 35)
    assert tree.keys["routes", 0, "match", "model"] == Position(17, 1)
    assert tree.values["routes", 1, "name"] == Position(20, 8)
    assert tree.values["routes", 1, "targets", 1] == Position(23, 1)
    assert tree.values["routes", 1, "targets", 1, "upstream"] == Position(24, 12)


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n")])
def test_every_key_and_value_has_a_place(text: str) -> None:
    tree = read(text)
    for place in places(tree.value):
        assert place in tree.values or place in tree.keys, place


word = some.text("ab'\"\\ #[]{}=,.\n\té", max_size=6)
value: Any = some.recursive(
    word | some.integers(-9, 9) | some.booleans(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(word, inner, max_size=3),
    max_leaves=8,
)


def written(value: Any) -> str:
    """`value` in TOML, with tables in line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[ # x\n" + ",\n".join(written(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(signs.get(sign, sign) for sign in text) + '"'


@given(some.dictionaries(word, value, max_size=4))
def test_the_scanner_agrees_with_tomllib(table: dict[str, Any]) -> None:
    text = "".join(f"{quoted(key)} = {written(inner)} # '\n" for key, inner in table.items())
    assert tomllib.loads(text) == table
    tree = read(text)
    lines = text.split("\n")
    for place in places(table):
        line, column = tree.values[place]
        inner = table
        for step in place:
            inner = inner[step]  # type: ignore[index]
        begin = written(inner).split("\n")[0]
        assert lines[line - 1][column - 1 :].startswith(begin)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a = 1\nb = ", "2:5: this is no valid TOML: invalid value"),
        ("a = 1\na = 2", "2:6: this is no valid TOML: cannot overwrite a value"),
        ('a = "x', "1:7: this is no valid TOML: unterminated string"),
        ("a = " + "[" * 40 + "]" * 40, "1:1: this is no valid TOML: nested too deep"),
        ("a = " + "[" * 9000 + "]" * 9000, "1:1: this is no valid TOML: nested too deep"),
        ("a = " + "9" * 5000, "1:1: this is no valid TOML: a number is too large"),
        ("a = 1\nb = [2020-01-01]", "2:6: this is a date, a time, or no finite number; write"),
        ("a = {b = nan}", "1:10: this is a date, a time, or no finite number; write text in quo"),
    ],
)
def test_what_is_refused(text: str, complaint: str) -> None:
    complaints: list[Complaint] = []
    read_toml(Source("a.toml", text), complaints)
    assert str(complaints[0]).startswith(f"a.toml:{complaint}")
    assert len(complaints) == 1


def test_complaints_have_their_place() -> None:
    text = TEXT.replace("max =", "maxi =").replace('model = "x"', 'modle = "x"\nupstream = "no"')
    text = text.replace('on = "all"', 'on = ["al"]').replace('"b.', '"b b.') + "set = {x = inf}\n"
    assert refused(text, suffix="toml") == [
        "a.toml:3:12: the key 'url' is missing; add 'url' (What the path of a request is appended "
        "to)",
        "a.toml:5:18: unknown key 'maxi'; did you mean 'max'?",
        "a.toml:14:50: unknown word 'al' for 'on'; did you mean 'all'?",
        "a.toml:17:1: unknown key 'modle'; did you mean 'model'?",
        "a.toml:18:12: unknown upstream 'no'; known upstreams: openai",
        "a.toml:26:7: 'local' has one model and no settings of a call; take 'set' out; see "
        "'backend'",
        "a.toml:26:12: this is a date, a time, or no finite number; write text in quotes, or a "
        "number",
    ]


def test_both_languages_give_the_same_snapshot() -> None:
    yaml = """
version: 1
upstreams: {u: {dialect: openai, url: http://x, retry: {on: timeout, backoff: {max: 2s}}}}
routes: [{name: r, match: {model: [a, b]}, targets: [u, local], cache: {ttl: 1m}}]
backend: {type: numpy}
"""
    toml = """
version = 1
upstreams.u = { dialect = "openai", url = "http://x", retry.on = "timeout" }
backend.type = "numpy"
[[routes]]
name = "r"
match.model = ["a", "b"]
targets = ["u", "local"]
cache.ttl = "60s"
"""
    toml = toml.replace('retry.on = "timeout"', 'retry = {on = ["timeout"], backoff.max = "2s"}')
    assert loaded(yaml).digest == loaded(toml, suffix="toml").digest

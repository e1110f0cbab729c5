"""YAML is read as YAML 1.2 says, with the place of every key and value, and nothing explodes."""

import pytest

from proxy.policy.complaint import Complaint
from proxy.policy.document import Position, Source, Tree
from proxy.policy.yaml_marks import read_yaml
from tests.policy.loading import OPENAI, loaded, refused


def read(text: str) -> Tree:
    complaints: list[Complaint] = []
    tree = read_yaml(Source("a.yaml", text), complaints)
    assert not complaints
    assert tree is not None
    return tree


def test_words_of_older_yaml_are_words() -> None:
    tree = read("on: [on, off, yes, No, 1:30, 2020-01-01, 0o17, 0x1F, 1e3, -2, .5, ~, '', '1']")
    assert tree.value == {
        "on": [
            "on",
            "off",
            "yes",
            "No",
            "1:30",
            "2020-01-01",
            15,
            31,
            1000.0,
            -2,
            0.5,
            None,
            "",
            "1",
        ]
    }


def test_places_of_keys_and_values() -> None:
    tree = read("a:\n  b: [x, {c: 1}]\n  'd e': >\n    folded\n")
    assert tree.keys == {
        ("a",): Position(1, 1),
        ("a", "b"): Position(2, 3),
        ("a", "b", 1, "c"): Position(2, 11),
        ("a", "d e"): Position(3, 3),
    }
    assert tree.values[("a",)] == Position(2, 3)
    assert tree.values[("a", "b", 0)] == Position(2, 7)
    assert tree.values[("a", "b", 1, "c")] == Position(2, 14)
    assert tree.values[("a", "d e")] == Position(3, 10)


def test_an_empty_file_says_nothing() -> None:
    assert read("# nothing\n").value == {}
    assert not loaded(OPENAI, "").routes


def test_aliases_are_followed() -> None:
    text = (
        "routes:\n- {name: a, targets: &t [local]}\n- {name: b, match: {model: x}, targets: *t}\n"
    )
    assert [route.targets[0].local for route in loaded(OPENAI, text).routes] == [True, True]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1,\nb: 2", "2:5: this is no valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: b: c", "1:5: this is no valid YAML: mapping values are not allowed here"),
        ("a: 'x", "1:6: this is no valid YAML: found unexpected end of stream"),
        ("a: 1\n\tb: 2", "2:1: this is no valid YAML: found character '\\t' that cannot start "),
        ("a: *b", "1:4: this is no valid YAML: found undefined alias 'b'"),
        ("a: 1\n---\nb: 2", "2:1: this is no valid YAML: but found another document"),
        ("a:\n  \x07", "2:3: this is no valid YAML: a character that YAML does not allow"),
        ('a: "\\U00FFFFFF"', "1:7: this is no valid YAML: a number or escape out of range"),
        ("[" * 40, "1:33: this is no valid YAML: nested too deep"),
        (
            "a: &a [*a]",
            "1:4: more than 50000 values, or nested "
            "deeper than 32; split the file, or write out what aliases repeat",
        ),
        ("x: 1\nx: 2", "2:1: the key 'x' stands here again, after line 1; keep one of them"),
        ("? [a]\n: b", "1:3: a key is no plain word; write it as 'key: value'"),
        ("<<: {a: 1}", "1:1: merge keys are not supported; write the keys out, or put"),
        ("a: !!python/name:os.system x", "1:4: the tag 'tag:yaml.org,2002:python/name:os.system'"),
        ("a: !secret x", "1:4: the tag '!secret' means nothing here; leave it out"),
        ("a: 1e999", "1:4: this is no number that JSON could carry; write a smaller one"),
        ("a: " + "9" * 5000, "1:4: this is no number that JSON could carry; write a smaller one"),
    ],
)
def test_what_is_refused(text: str, complaint: str) -> None:
    complaints: list[Complaint] = []
    read_yaml(Source("a.yaml", text), complaints)
    assert str(complaints[0]).startswith(f"a.yaml:{complaint}")
    assert len(complaints) == 1


def test_aliases_that_double_themselves_end_soon() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    complaints: list[Complaint] = []
    read_yaml(Source("a.yaml", "\n".join(lines)), complaints)
    assert [one.wrong for one in complaints] == ["more than 50000 values, or nested deeper than 32"]


def test_a_refused_value_is_complained_of_once() -> None:
    text = "version: 1\nupstreams: {u: {dialect: !x raw, url: 'http://x'}}\n"
    assert refused(text) == ["a.yaml:2:26: the tag '!x' means nothing here; leave it out"]

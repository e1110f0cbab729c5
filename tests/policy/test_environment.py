"""Variables are filled into texts, missing ones are told, and no value of one is ever shown."""

import pytest

from tests.policy.loading import loaded, refused

KEYED = "version: 1\nupstreams: {one: {dialect: openai, url: 'http://x', api_key: '${KEY}'}}\n"


def url(text: str, **environ: str) -> str:
    file = f'version: 1\nupstreams: {{one: {{dialect: raw, url: "{text}"}}}}\n'
    return loaded(file, **environ).upstreams["one"].url


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://${HOST}", "http://a.example"),
        ("http://${HOST}:${PORT}/x", "http://a.example:80/x"),
        ("http://${NONE:-b.example}", "http://b.example"),
        ("http://${EMPTY:-b.example}", "http://b.example"),
        ("http://${HOST:-b.example}/${EMPTY}", "http://a.example"),
        ("${NONE:-http://c}", "http://c"),
        ("http://x/$${HOST}/$5", "http://x/${HOST}/$5"),
    ],
)
def test_what_is_filled_in(text: str, found: str) -> None:
    assert url(text, HOST="a.example", PORT="80", EMPTY="") == found


def test_numbers_and_durations_may_come_from_variables() -> None:
    text = (
        "version: 1\nupstreams: {one: {dialect: raw, url: 'http://x', timeout: {idle: '${IDLE}'}, "
        "retry: {attempts: '${ATTEMPTS:-4}'}}}\n"
    )
    one = loaded(text, IDLE="7s").upstreams["one"]
    assert (one.timeout.idle, one.retry.attempts) == (7.0, 4)


def test_keys_of_mappings_are_left_alone() -> None:
    text = "version: 1\nupstreams: {one: {dialect: openai, url: 'http://x', models: {'${A}': b}}}\n"
    assert loaded(text, A="a").upstreams["one"].models == {"${A}": "b"}


def test_an_unset_variable_is_told_once() -> None:
    text = "version: 1\nupstreams: {one: {dialect: raw, url: '${URL}'}}\n"
    text += "backend: {model: '${A}${B}'}\n"
    assert refused(text, A="a") == [
        "a.yaml:2:38: the environment variable URL is not set; set it, or write ${URL:-default}",
        "a.yaml:3:18: the environment variable B is not set; set it, or write ${B:-default}",
    ]


@pytest.mark.parametrize("text", ["${", "x${HOST", "${a-b}", "${}", "${1A}", "${HOST:=x}"])
def test_what_is_no_variable(text: str) -> None:
    file = f"version: 1\nbackend: {{model: '{text}'}}\n"
    assert refused(file, HOST="x") == [
        "a.yaml:2:18: '${' begins no variable here; write ${NAME} or ${NAME:-default}, or $${ for "
        "a plain ${"
    ]


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": " "}])
def test_an_api_key_that_is_not_set_is_a_warning(environ: dict[str, str]) -> None:
    snapshot = loaded(KEYED, **environ)
    assert snapshot.upstreams["one"].api_key is None
    assert snapshot.upstreams["one"].missing_key == "KEY"
    assert snapshot.warnings == (
        "a.yaml:2:62: upstream one has no api_key (KEY is not set); it is passed over as a "
        "fallback",
    )


def test_an_api_key_that_is_set() -> None:
    snapshot = loaded(KEYED, KEY="sk-1")
    key = snapshot.upstreams["one"].api_key
    assert key is not None
    assert key.reveal() == "sk-1"
    assert snapshot.upstreams["one"].missing_key == ""
    assert not snapshot.warnings


def test_what_needs_no_key_lacks_none() -> None:
    one = loaded("version: 1\nupstreams: {one: {dialect: raw, url: 'http://x'}}\n").upstreams["one"]
    assert (one.api_key, one.missing_key) == (None, "")


def test_nothing_shows_a_secret() -> None:
    text = KEYED.replace("}}", ", headers: {x-key: '${HEADER}'}}}")
    snapshot = loaded(text, KEY="sk-secret", HEADER="hush")
    key = snapshot.upstreams["one"].api_key
    assert snapshot.upstreams["one"].headers == {"x-key": "hush"}
    for shown in (repr(snapshot), str(snapshot), f"{key}", f"{key!r}", str([key])):
        assert "secret" not in shown
        assert "hush" not in shown


def test_complaints_show_what_was_written_and_not_what_was_filled_in() -> None:
    text = (
        "version: 1\nupstreams: {one: {dialect: '${S}', url: 'http://x', timeout: {idle: '${S}'}, "
        "retry: {attempts: '${S}'}, hosts: ['${S}'], headers: {a: '${N}'}, api_key: '${N}'}}\n"
        "routes: [{name: r, targets: ['${S}']}]\n"
    )
    told = refused(text, S="secret: hush", N="secret\nhush")
    assert len(told) == 7
    assert "secret" not in "".join(told)
    assert "a.yaml:3:30: unknown upstream '${S}' (filled in); known upstreams: one" in told
    shown = "a.yaml:2:28: unknown word '${S}' (filled in) for 'dialect'; the words are: openai, "
    assert any(complaint.startswith(shown) for complaint in told)


def test_text_that_is_no_unicode() -> None:
    assert refused("version: 1\nbackend: {model: '${A}'}\n", A="\udcff") == [
        "a.yaml:2:18: this text is no valid Unicode; write or set it in UTF-8"
    ]

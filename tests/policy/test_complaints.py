"""Every kind of mistake is told with its place, what is wrong and what would be right."""

import pytest

from proxy.policy.load import load
from tests.policy.loading import OPENAI, loaded, refused

UPSTREAM = "version: 1\nupstreams:\n  one:\n    dialect: openai\n    url: https://one\n"
ROUTE = OPENAI + "routes:\n  - name: r\n    targets: [openai]\n"
FORM = "write a number and a unit, like 250ms, 5s, 2m, 1h or 1d"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            UPSTREAM + "    retires: {}\n",
            "a.yaml:6:5: unknown key 'retires'; did you mean 'retry'?",
        ),
        (
            UPSTREAM + "flavour: sweet\n",
            "a.yaml:6:1: unknown key 'flavour'; allowed here: version, mode, passthrough, "
            "connect_ports, on_pinning, replay_limit, defaults, upstreams, routes, backend",
        ),
        (
            UPSTREAM + "mode: cloud_frist\n",
            "a.yaml:6:7: unknown word 'cloud_frist' for 'mode'; did you mean 'cloud_first'?",
        ),
        (
            UPSTREAM + "    retry: {backoff: {initail: 1s}}\n",
            "a.yaml:6:23: unknown key 'initail'; did you mean 'initial'?",
        ),
        (
            "version: 1\nupstreams: {one: {dialect: openapi, url: 'http://x'}}\n",
            "a.yaml:2:28: unknown word 'openapi' for 'dialect'; did you mean 'openai'?",
        ),
        (
            UPSTREAM + "    retry: {on: [network, slow]}\n",
            "a.yaml:6:27: unknown word 'slow' for 'on'; the words are: all, timeout, rate_limit, "
            "quota, auth, unavailable, timeout.connect, timeout.first_byte, timeout.idle, "
            "timeout.total, network, broken_stream, malformed, model_not_found, context_length, "
            "content_filter, bad_request, circuit_open, limit",
        ),
        (
            UPSTREAM + "    timeout: {idle: 5}\n",
            f"a.yaml:6:21: 5 is no duration; {FORM}",
        ),
        (
            UPSTREAM + "    timeout: {idle: 5 s}\n",
            f"a.yaml:6:21: '5 s' is no duration; {FORM}",
        ),
        (
            UPSTREAM + "    timeout: {idle: 0s}\n",
            "a.yaml:6:21: '0s' is no time at all; write more than 0, like 250ms or 5s",
        ),
        (
            UPSTREAM + "    breaker: {open: 1000d}\n",
            "a.yaml:6:21: '1000d' is longer than a year; write at most 366d",
        ),
        (
            UPSTREAM + "    retry: {attempts: 0}\n",
            "a.yaml:6:23: 0 is too small for 'attempts'; write at least 1",
        ),
        (
            UPSTREAM + "    retry: {attempts: 1.5}\n",
            "a.yaml:6:23: 'attempts' wants a whole number, not 1.5; write one like 2",
        ),
        (
            UPSTREAM + "    retry: {attempts: true}\n",
            "a.yaml:6:23: true is no number; write a number, like 2",
        ),
        (
            UPSTREAM + "    breaker: {failure_rate: 50}\n",
            "a.yaml:6:29: 50 is too large for 'failure_rate'; write at most 1",
        ),
        (
            UPSTREAM + "    breaker: {failure_rate: 0}\n",
            "a.yaml:6:29: 0 is too small for 'failure_rate'; write more than 0",
        ),
        (
            UPSTREAM + "    models: {a: 4}\n",
            "a.yaml:6:17: 'a' wants text, not 4; write it in quotes",
        ),
        (
            UPSTREAM + "    retry: 3\n",
            "a.yaml:6:12: 'retry' wants a mapping, not 3; write 'key: value' pairs",
        ),
        (
            UPSTREAM + "routes: {}\n",
            "a.yaml:6:9: 'routes' wants a list, not a mapping; write [a, b], or one item a line",
        ),
        (
            "version: 1\nupstreams:\n  one:\n    url: https://one\n",
            "a.yaml:3:3: the key 'dialect' is missing; add 'dialect' (The API it speaks, or raw: "
            "relay and resilience, no reading of bodies)",
        ),
        (
            "version: 1\nupstreams: {One: {dialect: raw, url: 'http://x'}}\n",
            "a.yaml:2:13: 'One' is no name for an upstream; use lower-case letters, digits, - and "
            "_, a letter or digit first",
        ),
        (
            "version: 1\nupstreams: {local: {dialect: raw, url: 'http://x'}}\n",
            "a.yaml:2:13: 'local' is the target that makes vectors in this process; give this "
            "upstream another name",
        ),
        ("version: 2\n", "a.yaml:1:10: 'version' cannot be 2; write 1"),
        ("upstreams: {}\n", "a.yaml:1:1: no file says its version; put 'version: 1' at its top"),
        ("- version\n", "a.yaml:1:1: a policy file is a mapping; begin it with 'version: 1'"),
        (
            OPENAI + "routes: [{name: r, targets: []}]\n",
            "a.yaml:3:29: 'targets' is empty; name at least one",
        ),
        (
            OPENAI + "routes: [{name: r, targets: [openia]}]\n",
            "a.yaml:3:30: unknown upstream 'openia'; did you mean 'openai'?",
        ),
        (
            OPENAI + "routes: [{name: r, targets: [{upstream: groq}]}]\n",
            "a.yaml:3:41: unknown upstream 'groq'; known upstreams: openai",
        ),
        (
            OPENAI + "routes: [{name: r, match: {upstream: open}, targets: [local]}]\n",
            "a.yaml:3:38: unknown upstream 'open'; did you mean 'openai'?",
        ),
        (
            OPENAI + "routes: [{name: r, match: {operation: embedding}, targets: [local]}]\n",
            "a.yaml:3:39: unknown word 'embedding' for 'operation'; did you mean 'embeddings'?",
        ),
        (
            ROUTE + "    last_resort: queue\n",
            "a.yaml:6:18: unknown word 'queue' for 'last_resort'; the words are: none, mock",
        ),
        (
            ROUTE + "    cache: {}\n",
            "a.yaml:6:5: the key 'ttl' is missing; add 'ttl' (How long an answer is fresh)",
        ),
        (
            ROUTE + "    match: {operation: [models, other]}\n    cache: {ttl: 5s}\n",
            "a.yaml:7:12: answers for models or other are never kept; take 'cache' out",
        ),
        (
            OPENAI + "routes: [{name: r, match: {operation: chat}, targets: [openai, local]}]\n",
            "a.yaml:3:64: 'local' makes embeddings only, but this route is for chat; take it out",
        ),
        (
            OPENAI + "routes: [{name: r, targets: [{upstream: local, model: x}]}]\n",
            "a.yaml:3:55: 'local' has one model and no settings of a call; take 'model' out; see "
            "'backend'",
        ),
        (
            OPENAI + "routes: [{name: r, targets: [openai, local, openai]}]\n",
            "a.yaml:3:45: the target 'openai' stands here again, with the same settings; keep one "
            "of them",
        ),
        (
            OPENAI + "routes: [{name: r, targets: [{upstream: openai, set: {stream: true}}]}]\n",
            "a.yaml:3:63: 'stream' is not for a target to set; an answer has the form that the app "
            "asked for",
        ),
        (
            ROUTE + "  - {name: r, targets: [local]}\n",
            "a.yaml:6:6: route 'r' is defined twice: it is also at a.yaml:4; give one of them "
            "another name",
        ),
    ],
)
def test_one_mistake(text: str, complaint: str) -> None:
    assert refused(text) == [complaint]


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("ftp://x", "is no http or https URL"),
        ("api.openai.com", "is no http or https URL"),
        ("https://", "has no valid host"),
        ("https://x:0", "has no valid host"),
        ("https://x:99999", "is no URL"),
        ("https://x y", "is no URL"),
        ("https://[::1", "is no URL"),
        ("https://me:secret@x", "holds a user or password"),
        ("https://x/?key=secret", "has a query or fragment"),
        ("https://x/#", "has a query or fragment"),
    ],
)
def test_urls(url: str, wrong: str) -> None:
    (complaint,) = refused(f"version: 1\nupstreams: {{u: {{dialect: raw, url: '{url}'}}}}\n")
    assert complaint.startswith(f"a.yaml:2:36: 'url' {wrong}; ")
    assert "secret" not in complaint


@pytest.mark.parametrize(
    ("extra", "at", "complaint"),
    [
        ("hosts: ['https://x']", "'https://x'", "'https://x' is no host; write one like "),
        ("headers: {'a b': x}", "'a b'", "'a b' is no header name; "),
        ("headers: {TE: x}", "TE", "'TE' is not for a policy to set; leave this header out"),
        ('headers: {a: "se\\nret"}', '"se', "'a' has a line break or control character; "),
        ("headers: {a: 345}", "345", "'a' wants text, not this value; "),
        ("api_key: ''", "''", "'api_key' is empty; "),
        ("api_key: 12", "12", "'api_key' is no text; "),
        ('api_key: "seret\\n"', '"seret', "'api_key' has a space at its end, a line break or "),
    ],
)
def test_hosts_headers_and_keys(extra: str, at: str, complaint: str) -> None:
    line = f"upstreams: {{u: {{dialect: raw, url: 'https://other', {extra}}}}}"
    (found,) = refused(f"version: 1\n{line}\n")
    assert found.startswith(f"a.yaml:2:{line.index(at) + 1}: {complaint}")
    assert "ret" not in found
    assert "345" not in found


def test_a_host_has_one_upstream() -> None:
    text = (
        "version: 1\nupstreams:\n"
        "  a: {dialect: raw, url: 'http://a', hosts: [x.example, Same.example]}\n"
        "  b: {dialect: raw, url: 'http://b', hosts: same.example}\n"
    )
    assert refused(text) == [
        "a.yaml:4:45: the host 'same.example' is claimed by upstream 'a' already; a host leads to "
        "one upstream"
    ]


def test_a_target_speaks_the_dialect_of_the_call() -> None:
    text = (
        "version: 1\nupstreams:\n"
        "  openai: {dialect: openai, url: 'http://o'}\n"
        "  anthropic: {dialect: raw, url: 'http://a'}\n"
        "routes:\n"
        "  - {name: r, match: {upstream: openai}, targets: [openai, anthropic]}\n"
        "  - {name: any, targets: [openai, anthropic]}\n"
    )
    assert refused(text) == [
        "a.yaml:6:60: upstream 'anthropic' speaks raw, but the calls of this route are for "
        "'openai', which speaks openai; name a target of the same dialect: requests are not "
        "translated"
    ]


def test_what_reads_bodies_is_not_for_raw() -> None:
    text = (
        "version: 1\nupstreams:\n"
        "  x: {dialect: raw, url: 'http://x', models: {a: b}}\n"
        "routes:\n"
        "  - name: r\n"
        "    match: {upstream: x, operation: embeddings, model: a*}\n"
        "    targets: [{upstream: x, set: {a: 1}}, local]\n"
        "    cache: {ttl: 5s}\n"
        "    last_resort: mock\n"
    )
    told = [line.partition(" ")[0] for line in refused(text)]
    assert told == [
        f"a.yaml:{at}:" for at in ("3:46", "6:37", "6:56", "7:34", "7:43", "8:12", "9:18")
    ]


def test_all_complaints_of_all_files_come_at_once_and_sorted() -> None:
    complaints = refused(
        "version: 1\nroutes: [{name: r, strategy: best, targets: [two, three]}]\n",
        "upstreams:\n  two: {dialect: raw}\n  b: [\n",
        "upstreams:\n  three: {dialect: raw, url: 'http://x', x: 1, a: 1}\nroutes: 5\n",
    )
    assert [line.partition(" ")[0] for line in complaints] == [
        "a.yaml:2:30:",
        "b.yaml:4:1:",
        "c.yaml:2:42:",
        "c.yaml:2:48:",
        "c.yaml:3:9:",
    ]


def test_names_are_checked_in_routes_with_other_mistakes() -> None:
    complaints = refused(OPENAI + "routes: [{name: r, match: {upstream: x}, targets: [y], z: 1}]\n")
    assert [line.partition(" ")[2].partition(";")[0] for line in complaints] == [
        "unknown upstream 'x'",
        "unknown upstream 'y'",
        "unknown key 'z'",
    ]


def test_what_is_said_in_two_files_names_both_places() -> None:
    one = "version: 1\nbackend: {type: numpy}\nupstreams:\n  u: {dialect: raw, url: 'http://x'}\n"
    two = "version: 1\nupstreams:\n  u: {dialect: raw, url: 'http://y'}\nbackend: {}\n"
    assert refused(one, two) == [
        "b.yaml:3:3: upstream 'u' is defined twice: it is also at a.yaml:4; give one of them "
        "another name",
        "b.yaml:4:1: key 'backend' is defined twice: it is also at a.yaml:2; keep it in one of the "
        "two files",
    ]


def test_a_complaint_is_one_line_and_short() -> None:
    (complaint,) = refused(OPENAI + "passthrough: |\n  one\n  two\n" + "  x" * 99)
    assert complaint.startswith("a.yaml:3:14: 'one\\ntwo\\n")
    assert len(complaint) < 200


def test_no_file_at_all() -> None:
    with pytest.raises(Exception, match="there is no policy file"):
        load([], {})


def test_what_does_nothing_is_a_warning() -> None:
    snapshot = loaded(
        OPENAI + "routes:\n"
        "  - {name: all, match: {upstream: [openai], model: ['gpt*', x]}, targets: [openai]}\n"
        "  - {name: some, match: {upstream: openai, model: x, headers: {a: b}}, targets: [local]}\n"
        "  - {name: rest, targets: [{upstream: openai, on: all}]}\n"
        "  - {name: never, targets: [openai]}\n"
    )
    assert snapshot.warnings == (
        "a.yaml:5:12: route 'some' is never reached; route 'all' at a.yaml:4 takes all its "
        "requests first",
        "a.yaml:6:51: the first target has none before it whose failures could lead to it; its "
        "'on' is not used",
        "a.yaml:7:12: route 'never' is never reached; route 'rest' at a.yaml:6 takes all its "
        "requests first",
    )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("timeout: {tokens_per_second: 'inf'}", "wants a number, not 'inf'; write one like 0.5"),
        ("retry: {backoff: {factor: '1e309'}}", "wants a number, not '1e309'; write one like 0.5"),
        (
            "retry: {budget: {min_per_second: 'nan'}}",
            "wants a number, not 'nan'; write one like 0.5",
        ),
        ("limit: {learn: maybe}", "'learn' wants true or false, not 'maybe'; write one of them"),
        ("prefill: 2", "'prefill' wants true or false, not 2; write one of them"),
        ("retry: {budgets: {}}", "unknown key 'budgets'; did you mean 'budget'?"),
        ("breaker: {open_credential: 0s}", "'0s' is no time at all"),
        ("health: {probe_path: v1/models}", "'v1/models' is no path; write one like /v1/models"),
        ("limit: {concurrency: 0}", "0 is too small for 'concurrency'; write at least 1"),
    ],
)
def test_what_resilience_is_told(settings: str, complaint: str) -> None:
    (said,) = refused(OPENAI.replace("}}", "', " + settings + "}}").replace("''", "'"))
    assert complaint in said


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ("timeout: {first_byte: 20m}", "'first_byte' is longer than total (600 s)"),
        ("timeout: {total: 1s, connect: 2s}", "'connect' is longer than total (1 s)"),
        ("retry: {backoff: {initial: 9s}}", "'initial' is longer than max (8 s)"),
        ("breaker: {slow_rate: 0.5}", "'slow_rate' says nothing without 'slow_call'"),
        ("health: {probe_path: /v1/models}", "'probe_path' says nothing without 'probe'"),
    ],
)
def test_what_does_nothing_is_doubted(settings: str, warning: str) -> None:
    (said,) = loaded(OPENAI.replace("}}", ", " + settings + "}}")).warnings
    assert warning in said


@pytest.mark.parametrize(
    ("route", "warning"),
    [
        ("targets: [openai, local], hedge_after: 2s", "is not used by the strategy sequential"),
        ("targets: [openai, {upstream: local, weight: 2}]", "'weight' is not used"),
        ("targets: [openai], strategy: fastest", "has one target to choose from"),
        ("targets: [openai], mid_stream: resume", "'resume' needs a second target"),
        (
            "targets: [openai, {upstream: local, on: quota}], strategy: fastest",
            "'local' is never asked beside another: its 'on' lacks timeout.first_byte",
        ),
    ],
)
def test_what_a_strategy_does_not_use_is_doubted(route: str, warning: str) -> None:
    (said,) = loaded(OPENAI + "routes: [{name: r, " + route + "}]\n").warnings
    assert warning in said

"""Real traffic passes through unchanged: by all three ways in, whole and cut up."""

import base64
import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from random import Random

import pytest

from proxy.drill.faults.canned import Canned
from proxy.drill.server.turn import Request
from tests.outside.policies import HOST, Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.ways import FACES, Way
from tests.outside.wire import Fields, Response, chunked, request
from tests.provider import Provider

FILE = Path(__file__).parents[2].parent / "shared" / "recordings" / "openai.jsonl"
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"}
HOP_BY_HOP |= {"upgrade", "proxy-authenticate", "proxy-authorization"}
OURS = {"content-length", "date", "proxy-status"}
VIA = ("via", "1.1 understudy")
_OUR_ID = re.compile(r" \([0-9a-f]{8}\)")


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("recordings"), one(providers))) as running:
        yield running


class Recording:
    """A request and its answer as they were, made into HTTP again."""

    def __init__(self, kept: dict[str, object]) -> None:
        asked, answered = kept["request"], kept["response"]
        assert isinstance(asked, dict)
        assert isinstance(answered, dict)
        self.id = str(kept["id"])
        self.method = str(asked["method"])
        self.path = "/" + str(asked["url"]).partition("://")[2].partition("/")[2]
        self.request_fields = _fields(asked)
        self.request_body = _body(asked)
        self.status = int(answered["status"])
        self.fields = _fields(answered)
        self.body = _body(answered)
        if answered.get("content_encoding_removed"):
            self.fields = [pair for pair in self.fields if pair[0].lower() != "content-encoding"]

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What of the request's fields has to arrive. `Expect` is answered on the way."""
        gone = HOP_BY_HOP | {"host", "expect"}
        return [pair for pair in self.request_fields if pair[0].lower() not in gone]

    def sent(self, target: str) -> bytes:
        """As the app sends it that thinks the provider is called `HOST`."""
        others = [pair for pair in self.request_fields if pair[0].lower() != "host"]
        fields = [("Host", HOST), *others]
        return request(self.method, target, fields, self.request_body or None)

    def answer(self, random: Random | None) -> tuple[bytes, ...]:
        """The answer's packets: one, or cut at random places, in chunks where it was chunked."""
        framed = any(name.lower() == "transfer-encoding" for name, _ in self.fields)
        fields = self.fields
        if not framed and self.status != 204:
            fields = [*fields, ("Content-Length", str(len(self.body)))]
        head = "\r\n".join(
            [f"HTTP/1.1 {self.status} OK", *(f"{name}: {value}" for name, value in fields), "", ""]
        ).encode()
        if random is None:
            return (head + (chunked(self.body) if framed and self.body else chunked()
                            if framed else self.body),)  # fmt: skip
        pieces = [piece for piece in _cut(self.body, random) if piece]
        if framed:
            return (head, *(chunked(piece).removesuffix(b"0\r\n\r\n") for piece in pieces),
                    b"0\r\n\r\n")  # fmt: skip
        return (head, *pieces)


def _fields(message: dict[str, object]) -> list[tuple[str, str]]:
    kept = message["headers"]
    assert isinstance(kept, list)
    return [(name, value.strip()) for name, value in kept if name.lower() != "content-length"]


def _body(message: dict[str, object]) -> bytes:
    if message.get("body_base64") is not None:
        return base64.b64decode(str(message["body_base64"]))
    return str(message.get("body") or "").encode()


def _cut(body: bytes, random: Random) -> list[bytes]:
    places = sorted(random.randrange(len(body) + 1) for _ in range(random.randrange(1, 12)))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def _recordings() -> list[Recording]:
    if not FILE.is_file():
        pytest.skip("the recordings of real traffic are not beside this repository")
    kept = [json.loads(line) for line in FILE.read_text().splitlines()]
    return [
        Recording(record)
        for record in kept
        if record["request"]["body_exact"] and record["response"]["body_exact"]
    ]


def _names_lowered(fields: Fields, but: set[str]) -> list[tuple[str, str]]:
    """aiohttp's parser spells names that it knows its own way; they are the same (RFC 9110 5.1)."""
    return [(name.lower(), value) for name, value in fields if name.lower() not in but]


def _problems(recording: Recording, seen: Request, response: Response) -> list[str]:
    """What came out otherwise than it went in."""
    wanted_fields = _names_lowered(recording.fields, HOP_BY_HOP)
    ours = OURS - {name for name, _ in wanted_fields}
    got_fields = [
        pair
        for pair in _names_lowered(response.fields, HOP_BY_HOP | ours)
        if not pair[0].startswith("x-understudy-") and pair != VIA
    ]
    compared = {
        "path": (seen.target, recording.path),
        "request fields": (
            [
                (name, _OUR_ID.sub("", value) if name == "via" else value)
                for name, value in _names_lowered(
                    seen.fields, HOP_BY_HOP | {"host", "content-length"}
                )
            ],
            [*_names_lowered(recording.asked, HOP_BY_HOP), VIA],
        ),
        "request body": (seen.body, recording.request_body),
        "status": (response.status, recording.status),
        "fields": (got_fields, wanted_fields),
        "body": (response.body, recording.body),
        "whole": (response.whole, True),
    }
    return [
        f"{recording.id} {recording.path} {what}: {_first_difference(got, wanted)}"
        for what, (got, wanted) in compared.items()
        if got != wanted
    ]


def _first_difference(got: object, wanted: object) -> str:
    if isinstance(got, list) and isinstance(wanted, list):
        pairs = zip_longest(got, wanted)
        got, wanted = next((one, other) for one, other in pairs if one != other)
    return f"{str(got)[:300]} is not {str(wanted)[:300]}"


@FACES
@pytest.mark.parametrize("seed", [None, 1, 2], ids=["whole", "cut up", "cut up otherwise"])
def test_recorded_traffic_passes_unchanged(
    proxy: Serving, first: Provider, way: Way, seed: int | None
) -> None:
    random = None if seed is None else Random(seed)
    problems = []
    recordings = _recordings()
    assert len(recordings) > 300
    with way.wire(proxy) as wire:
        for recording in recordings:
            first.plays(Canned(recording.answer(random)))
            wire.send(recording.sent(way.prefix + recording.path))
            response = wire.response(recording.method)
            assert first.requests, (recording.id, recording.path, response)
            problems += _problems(recording, first.requests[0], response)
            assert not first.errors
    assert not problems, "\n".join(problems[:10])

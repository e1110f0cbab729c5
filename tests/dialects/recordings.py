"""Real traffic of providers, where it lies beside the repository; and ways to cut it up."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from multidict import CIMultiDict

FOLDER = Path(__file__).parents[2].parent / "shared" / "recordings"


@dataclass(frozen=True, slots=True)
class Recording:
    """One interaction. `label` is there on errors only."""

    id: str
    provider: str
    method: str
    path: str
    request: bytes
    status: int
    headers: CIMultiDict[str]
    body: bytes
    label: dict[str, Any] | None


def recordings(*providers: str) -> list[Recording]:
    """Everything recorded with `providers` (all of them where none is named) whose answer is kept;
    skips the test where there are no recordings."""
    if not FOLDER.is_dir():
        pytest.skip("the recordings of real traffic are not beside this repository")
    names = providers or sorted(path.stem for path in FOLDER.glob("*.jsonl"))
    return [recording for name in names for recording in _read(FOLDER / f"{name}.jsonl")]


def _read(path: Path) -> Iterator[Recording]:
    for line in path.read_text().splitlines():
        kept = json.loads(line)
        request, response = kept["request"], kept["response"]
        body = _body(response)
        if body is None:
            continue
        # The source kept the bytes opened, also where it kept the header that says otherwise.
        headers = [(k, v) for k, v in response["headers"] if k.lower() != "content-encoding"]
        yield Recording(
            id=kept["id"],
            provider=kept["provider"],
            method=request["method"],
            path="/" + request["url"].partition("://")[2].partition("/")[2],
            request=(request.get("body") or "").encode(),
            status=response["status"],
            headers=CIMultiDict(headers),
            body=body,
            label=kept.get("label"),
        )


def _body(response: dict[str, Any]) -> bytes | None:
    if response.get("body") is not None:
        return str(response["body"]).encode()
    packed = response.get("body_base64")
    return None if packed is None else b64decode(packed)


def cuts(body: bytes, seed: int) -> Iterator[list[bytes]]:
    """`body` whole, byte by byte, in lines, and cut at random places three times."""
    yield [body]
    yield [body[at : at + 1] for at in range(len(body))]
    yield body.splitlines(keepends=True)
    random = Random(seed)
    for _ in range(3):
        places = sorted(random.randrange(len(body) + 1) for _ in range(random.randrange(1, 40)))
        starts, ends = [0, *places], [*places, len(body)]
        yield [body[start:end] for start, end in zip(starts, ends, strict=True)]

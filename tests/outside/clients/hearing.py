"""What a client program says that it heard. Each of its lines is one of these, or passed over:

    x-understudy-target: openai      of the answer that follows
    text Hello from the first.       a whole answer
    word  from                       a piece of a stream, said as soon as it is there
    vector 0.5 -0.5
    {"choices": ...                  whole answers and pieces as they are, of who reads no JSON
    data: {"choices": ...

Header fields come before the answer that they are of.
"""

import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from proxy.drill.server.turn import Turn

LOOK_S = 0.01
WITHIN_S = 40.0


@dataclass
class Answer:
    target: str | None
    said: str


class Held:
    """Streams what opens it and the first word, and the rest once somebody has that word: with an
    app that is given a stream in one piece, it never ends."""

    def __init__(self) -> None:
        self._heard = threading.Event()

    def heard(self) -> None:
        self._heard.set()

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        for piece in turn.good.pieces[:2]:
            await turn.send(piece)
        while not self._heard.is_set():
            await turn.clock.sleep(LOOK_S)
        for piece in turn.good.pieces[2:]:
            await turn.send(piece)
        await turn.end()


@dataclass(frozen=True)
class Finished:
    """The status that a program ended with, and its stderr."""

    status: int
    err: str


class Hearing:
    """`held` are the streams that it hears, in order."""

    def __init__(self, held: Iterable[Held]) -> None:
        self.answers: list[Answer] = []
        self._held = iter(held)
        self._target: str | None = None
        self._within: Answer | None = None

    def run(self, command: list[str], environ: Mapping[str, str], folder: Path) -> Finished:
        """Listen to `command`, which has `environ` and nothing else, from its start to its end.
        `folder` is for a file of its."""
        err = folder / "stderr"
        with (
            err.open("w") as stderr,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environ
            ) as process,
        ):
            ending = threading.Timer(WITHIN_S, process.kill)
            ending.start()
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    self.take(line)
            finally:
                ending.cancel()
        return Finished(process.returncode, err.read_text())

    def take(self, line: str) -> None:
        line = line.rstrip("\r\n")
        name, _, value = line.partition(":")
        if name.strip().lower() == "x-understudy-target":
            self._target, self._within = value.strip(), None
        elif line.startswith("data: {"):
            self._word(_word_in(line.removeprefix("data: ")))
        elif line.startswith("{"):
            self._whole(_text_in(line))
        else:
            kind, _, said = line.partition(" ")
            if kind == "word":
                self._word(said)
            elif kind in ("text", "vector"):
                self._whole(said)

    def _whole(self, said: str) -> None:
        self.answers.append(Answer(self._target, said))
        self._target = self._within = None

    def _word(self, said: str) -> None:
        if not said:
            return
        if self._within is None:
            next(self._held).heard()
            self._whole("")
            self._within = self.answers[-1]
        self._within.said += said


def _text_in(body: str) -> str:
    said = orjson.loads(body)
    if "choices" in said:
        return str(said["choices"][0]["message"]["content"])
    return " ".join(map(str, said["data"][0]["embedding"]))


def _word_in(event: str) -> str:
    return orjson.loads(event)["choices"][0]["delta"].get("content") or ""

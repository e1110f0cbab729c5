"""Documents a second, ours beside sentence-transformers on the same processor and weights.

Both encode the same texts in the same run, in turn, each in a process of its own: threads that one
leaves spinning would slow the other. sentence-transformers is taken from this Python, or from the
one that UNDERSTUDY_BENCH_ST_PYTHON names; it runs in float32 on all cores with whichever of some
batch sizes is its fastest.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from time import perf_counter

from proxy.embeddings.embedder import Embedder
from proxy.embeddings.model_files import find_model

MODEL = "all-MiniLM-L6-v2"
ROUNDS = 4
BATCH_SIZES = (4, 8, 16, 32)
WORDS = (
    "the of and a in to is was it for with as his on be at by had not are but from or have they "
    "which one you were all her she there would their we him been has when who will no more if out "
    "so up said what its about than into them can only other time new some could these two may "
    "first then do any like my now over such our man me even most made after also did many off "
    "before must well back through years where much your way down should because long each just"
)
"""Words that are one token each."""

OTHER_SIDE = """
import json, sys, time
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
for line in sys.stdin:
    asked = json.loads(line)
    began = time.perf_counter()
    model.encode(asked["texts"], batch_size=asked["batch_size"])
    print(json.dumps(time.perf_counter() - began), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Load:
    """Some texts, and how many tokens they have on average."""

    mean_tokens: int
    texts: list[str]


def loads() -> list[Load]:
    """Texts of 30 and 150 tokens give or take a third, and of 256 each (the longest allowed)."""
    dice = random.Random(7)
    words = WORDS.split()
    made = []
    for tokens, count in ((30, 256), (150, 64), (256, 32)):
        spread = 0 if tokens == 256 else tokens // 3
        lengths = [tokens - 2 + dice.randint(-spread, spread) for _ in range(count)]
        texts = [" ".join(dice.choices(words, k=length)) for length in lengths]
        made.append(Load(tokens, texts))
    return made


class SentenceTransformers:
    """sentence-transformers in another process."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._process = subprocess.Popen(
            (python, "-c", OTHER_SIDE, str(find_model(MODEL).folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def encode_s(self, texts: list[str], batch_size: int) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = json.dumps({"texts": texts, "batch_size": batch_size})
        try:
            self._process.stdin.write(asked + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise SystemExit(
                f"sentence-transformers does not run in {self._python}: "
                "try `import sentence_transformers` there"
            )
        return float(json.loads(answer))

    def best_batch_size(self, texts: list[str]) -> int:
        self.encode_s(texts[:16], 16)
        return min(BATCH_SIZES, key=lambda size: self.encode_s(texts, size))

    def close(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        with suppress(BrokenPipeError), self._process:
            pass


def other_python() -> str | None:
    if named := os.environ.get("UNDERSTUDY_BENCH_ST_PYTHON"):
        return named
    return sys.executable if find_spec("sentence_transformers") else None


def measure(load: Load, ours: Embedder, other: SentenceTransformers | None) -> str:
    """One line: the median of documents a second of each side, and of the rounds' ratios."""
    count = len(load.texts)

    def encode_s() -> float:
        began = perf_counter()
        assert sum(1 for _ in ours.vectors(load.texts)) == count
        return perf_counter() - began

    sides: list[Callable[[], float]] = [encode_s]
    if other is not None:
        size = other.best_batch_size(load.texts)
        sides.append(lambda: other.encode_s(load.texts, size))
    encode_s()
    rounds = [[count / side() for side in sides] for _ in range(ROUNDS)]
    line = f"{load.mean_tokens:>12} {median(speeds[0] for speeds in rounds):>10.1f}"
    if other is not None:
        line += f" {median(speeds[1] for speeds in rounds):>22.1f} (batches of {size:>2})"
        line += f" {median(speeds[0] / speeds[1] for speeds in rounds):>8.2f}"
    return line


def main() -> None:
    """Prints the table. Takes about a minute on two cores."""
    print(f"Local embeddings, {MODEL}, documents a second ({os.cpu_count()} cores)")
    python = other_python()
    if python is None:
        print(
            "sentence-transformers is not installed here, so there is nothing to compare with: "
            "install it, or set UNDERSTUDY_BENCH_ST_PYTHON to a Python that has it"
        )
    print(f"{'mean tokens':>12} {'numpy':>10} {'sentence-transformers':>22} {'ratio':>24}")
    other = SentenceTransformers(python) if python else None
    try:
        with Embedder(MODEL) as ours:
            for load in loads():
                print(measure(load, ours, other), flush=True)
    finally:
        if other is not None:
            other.close()


if __name__ == "__main__":
    main()

"""`understudy embed`: local vectors on the command line."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from proxy.cli.flags import Flags
from proxy.core.failure import Failure
from proxy.embeddings.embedder import Embedder
from proxy.policy.schema import Backend

_BAR_CELLS = 40


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("embed", help="make local vectors of texts")
    parser.add_argument("text", nargs="*", metavar="TEXT", help="default: the lines of stdin")
    flags = Flags(parser, environ)
    flags.add("--backend", "auto", "what computes", choices=["auto", "numpy"])
    flags.add("--device", "auto", "where it computes", choices=["auto", "cpu"])
    flags.add("--model", Backend().model, "a folder or an installed model", metavar="MODEL")
    parser.add_argument("--json", action="store_true", help="an object a line, with its text")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0 with one vector a line; 1 when the model cannot be used."""
    texts: Sequence[str] = chosen.text or [line.rstrip("\r\n") for line in sys.stdin]
    try:
        with Embedder(chosen.model) as embedder:
            vectors = embedder.vectors(texts)
            for text, vector in zip(texts, _watched(vectors, len(texts)), strict=True):
                row: Any = {"text": text, "embedding": vector} if chosen.json else vector
                print(orjson.dumps(row).decode())
    except Failure as failure:
        print(f"understudy embed: {failure.message}", file=sys.stderr)
        return 1
    return 0


def _watched(vectors: Iterable[Sequence[float]], total: int) -> Iterator[Sequence[float]]:
    """The vectors, with a bar on stderr where somebody looks at it and the vectors go elsewhere."""
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    for done, vector in enumerate(vectors, 1):
        yield vector
        if shown and (done == total or done % 64 == 0):
            bar = "#" * (done * _BAR_CELLS // total)
            end = "\n" if done == total else ""
            print(f"\r[{bar:<{_BAR_CELLS}}] {done}/{total}", end=end, file=sys.stderr, flush=True)

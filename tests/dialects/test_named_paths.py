"""Models are found in paths, and exchanged without touching anything else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.named_paths import Named, named_in, renamed

VERTEX = "/v1/projects/p/locations/l/publishers"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (
            "/v1beta/models/gemini-2.5-flash:generateContent",
            ("gemini-2.5-flash", "generateContent"),
        ),
        ("/v1beta/tunedModels/mine:generateContent?key=k", ("mine", "generateContent")),
        ("/v1beta/models/a/b:embedContent", ("a/b", "embedContent")),
        (f"{VERTEX}/anthropic/models/claude@1:rawPredict", ("claude@1", "rawPredict")),
        (f"{VERTEX}/anthropic/models/claude%401%3ArawPredict", ("claude@1", "rawPredict")),
        ("/v1/projects/p/locations/l/endpoints/7:predict", ("7", "predict")),
        ("/v1beta/models/gemini-2.5-flash", None),
        ("/v1beta/models", None),
        ("/v1beta/files/x:download", None),
        ("/v1/messages?x=/models/y:z", None),
        ("", None),
    ],
)
def test_named_in(path: str, named: tuple[str, str] | None) -> None:
    assert named_in(path) == (None if named is None else Named(*named))


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/gemini/v1beta/models/a:generateContent", "/gemini/v1beta/models/n:w@1:generateContent"),
        ("/v1beta/models/a%40b:x?alt=sse&q=:y", "/v1beta/models/n:w@1:x?alt=sse&q=:y"),
        ("/v1beta/models/a%3Ax", "/v1beta/models/n:w@1%3Ax"),
        ("/v1beta/models/a", None),
    ],
)
def test_renamed(path: str, changed: str | None) -> None:
    assert renamed(path, "n:w@1") == changed


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_what_was_put_in_is_found(start: str, model: str) -> None:
    path = renamed("/models/x:do", model)
    assert path is not None
    assert named_in(path) == Named(model, "do")
    assert named_in(start) is None or renamed(start, model) is not None


@pytest.mark.parametrize("word", ["/models/", "/models/a:", ":", "%3A", "/endpoints/x%3Ay"])
def test_the_longest_path_is_read_at_once(word: str) -> None:
    path = "/v1/models/" + word * (64_000 // len(word)) + "/"
    started = time.perf_counter()
    assert named_in(path) is None
    assert time.perf_counter() - started < 0.2

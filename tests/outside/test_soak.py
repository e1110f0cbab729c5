"""A short soak: what `python -m tests.bench.soak` does with many more calls."""

import pytest

from tests.bench import soak


def test_many_calls_with_faults_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(600, 50) == 0, capsys.readouterr().out
    assert "none lost, none mixed up, nothing in flight" in capsys.readouterr().out

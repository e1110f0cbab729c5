"""The real model, read once for all tests of the room; and a tiny one in a folder of its own."""

from pathlib import Path

import pytest

from proxy.embeddings.encoder import Model
from proxy.embeddings.loading import load_model
from tests.embeddings.tiny import write_tiny


@pytest.fixture(scope="session")
def real() -> Model:
    return load_model("all-MiniLM-L6-v2")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    write_tiny(folder)
    return folder

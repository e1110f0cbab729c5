"""What a configuration asks is either honoured, or refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.embeddings.layout import read_layout
from proxy.embeddings.model_files import ModelUnusable, find_model
from tests.embeddings.tiny import change


def test_the_real_model() -> None:
    layout = read_layout(find_model("all-MiniLM-L6-v2").folder)
    assert (layout.layers, layout.heads, layout.max_tokens) == (6, 12, 256)
    assert layout.normalize
    assert layout.epsilon == 1e-12


@pytest.mark.parametrize(
    ("file", "changes", "named"),
    [
        ("config.json", {"model_type": "xlm-roberta"}, "model_type = 'xlm-roberta'"),
        ("config.json", {"model_type": None}, "model_type = None"),
        ("config.json", {"hidden_act": "gelu_new"}, "hidden_act = 'gelu_new'"),
        (
            "config.json",
            {"position_embedding_type": "relative_key"},
            "position_embedding_type = 'relative_key'",
        ),
        ("config.json", {"is_decoder": True}, "is_decoder = True"),
        ("config.json", {"num_attention_heads": "12"}, "num_attention_heads must be a whole"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "['cls', 'mean']"),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "pooling_mode = 'lasttoken'"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case = True"),
        ("sentence_bert_config.json", {"max_seq_length": 13}, "max_seq_length 13 is more than"),
        (
            "sentence_bert_config.json",
            {"transformer_task": "fill-mask"},
            "transformer_task = 'fill-mask'",
        ),
        (
            "config_sentence_transformers.json",
            {"default_prompt_name": "query", "prompts": {"query": "query: "}},
            "default_prompt_name = 'query'",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    tiny: Path, file: str, changes: dict[str, Any], named: str
) -> None:
    change(tiny / file, **changes)
    with pytest.raises(ModelUnusable) as refused:
        read_layout(tiny)
    assert named in str(refused.value)
    assert str(tiny) in str(refused.value)


def test_a_module_that_is_not_built_here(tiny: Path) -> None:
    modules = json.loads((tiny / "modules.json").read_text())
    modules.insert(2, {"path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (tiny / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelUnusable, match="Transformer > Pooling > Dense > Normalize"):
        read_layout(tiny)


def test_prompts_that_are_not_used_by_default_change_nothing(tiny: Path) -> None:
    change(
        tiny / "config_sentence_transformers.json",
        prompts={"query": "query: ", "document": ""},
        default_prompt_name=None,
    )
    assert read_layout(tiny).max_tokens == 10


def test_pooling_as_newer_versions_spell_it(tiny: Path) -> None:
    (tiny / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    assert read_layout(tiny).normalize


def test_without_max_seq_length_tokenizer_and_network_decide(tiny: Path) -> None:
    (tiny / "sentence_bert_config.json").unlink()
    assert read_layout(tiny).max_tokens == 12
    change(tiny / "tokenizer_config.json", model_max_length=7)
    assert read_layout(tiny).max_tokens == 7
    change(tiny / "tokenizer_config.json", model_max_length=1e30)  # transformers' word for none
    assert read_layout(tiny).max_tokens == 12


@pytest.mark.parametrize("file", ["modules.json", "config.json", "1_Pooling/config.json"])
def test_a_missing_or_broken_file_is_named(tiny: Path, file: str) -> None:
    (tiny / file).write_text("{")
    with pytest.raises(ModelUnusable, match=f"{file} cannot be read as JSON"):
        read_layout(tiny)
    (tiny / file).write_text("3")
    with pytest.raises(ModelUnusable, match=f"{file} is no"):
        read_layout(tiny)
    (tiny / file).unlink()
    with pytest.raises(ModelUnusable, match=f"{file} is missing: not a whole model"):
        read_layout(tiny)

"""What the configuration of a model in sentence-transformers layout asks for.

    modules.json                     Transformer, Pooling and perhaps Normalize, each with its path
    config.json                      the network (of the Transformer)
    sentence_bert_config.json        how long a text may be
    config_sentence_transformers.json   prompts
    1_Pooling/config.json            how token vectors become one

What would change the vectors and is not built here is refused by name. Not read: what only matters
for training, dropout included.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.embeddings.model_files import ModelUnusable

_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""How sentence-transformers before 6 spelled `pooling_mode`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The numbers and files that a network is read with. `max_tokens` is of one text."""

    weights: Path
    tokenizer: Path
    layers: int
    heads: int
    epsilon: float
    max_tokens: int
    normalize: bool


def read_layout(folder: Path) -> Layout:
    """What the model in `folder` asks for. Raises `ModelUnusable`."""
    modules = _read(folder / "modules.json")
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelUnusable(f"{folder / 'modules.json'} is no list of modules")
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise _unsupported(folder, "the modules", " > ".join(kinds) or "none")
    root, pooling = (folder / str(module.get("path", "")) for module in modules[:2])
    config = _object(root / "config.json")
    _check_network(root, config)
    _check_pooling(pooling)
    _check_prompts(folder)
    return Layout(
        weights=root / "model.safetensors",
        tokenizer=root / "tokenizer.json",
        layers=_number(root, config, "num_hidden_layers"),
        heads=_number(root, config, "num_attention_heads"),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        max_tokens=_max_tokens(root, _number(root, config, "max_position_embeddings")),
        normalize="Normalize" in kinds,
    )


def _check_network(root: Path, config: dict[str, Any]) -> None:
    for key, usual, wanted in (
        ("model_type", None, "bert"),
        ("hidden_act", "gelu", "gelu"),
        ("position_embedding_type", "absolute", "absolute"),
        ("is_decoder", False, False),
        ("add_cross_attention", False, False),
    ):
        if (asked := config.get(key, usual)) != wanted:
            raise _unsupported(root, key, asked)


def _check_pooling(folder: Path) -> None:
    config = _object(folder / "config.json")
    asked = config.get("pooling_mode")
    if asked is None:
        asked = [mode for key, mode in _POOLINGS.items() if config.get(key)] or ["mean"]
    if asked not in ("mean", ["mean"]):
        raise _unsupported(folder, "pooling_mode", asked)


def _check_prompts(folder: Path) -> None:
    path = folder / "config_sentence_transformers.json"
    if not path.exists():
        return
    config = _object(path)
    name = config.get("default_prompt_name")
    if name is not None and (config.get("prompts") or {}).get(name):
        raise _unsupported(folder, "default_prompt_name", name)


def _max_tokens(root: Path, positions: int) -> int:
    """`max_seq_length`, or, as sentence-transformers does without one, what tokenizer and network
    can take."""
    path = root / "sentence_bert_config.json"
    config = _object(path) if path.exists() else {}
    if config.get("do_lower_case"):
        raise _unsupported(root, "do_lower_case", True)
    if (task := config.get("transformer_task", "feature-extraction")) != "feature-extraction":
        raise _unsupported(root, "transformer_task", task)
    if config.get("max_seq_length") is not None:
        asked = _number(root, config, "max_seq_length")
        if asked > positions:
            raise ModelUnusable(
                f"{path}: max_seq_length {asked} is more than the {positions} positions "
                "(max_position_embeddings) that the network has"
            )
        return asked
    path = root / "tokenizer_config.json"
    longest = _object(path).get("model_max_length") if path.exists() else None
    return min(positions, int(longest)) if longest is not None else positions


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelUnusable(
            f"{path} is missing: not a whole model in sentence-transformers layout"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{path} cannot be read as JSON: {error}") from error


def _object(path: Path) -> dict[str, Any]:
    read = _read(path)
    if not isinstance(read, dict):
        raise ModelUnusable(f"{path} is no JSON object")
    return read


def _number(root: Path, config: dict[str, Any], key: str) -> int:
    number = config.get(key)
    if type(number) is not int or number < 1:
        raise ModelUnusable(f"{root}: {key} must be a whole number of 1 or more, not {number!r}")
    return number


def _unsupported(folder: Path, what: str, asked: object) -> ModelUnusable:
    return ModelUnusable(
        f"the model in {folder} asks for {what} = {asked!r}, which local embeddings do not "
        "support: choose another model (supported: bert, gelu, absolute positions, mean pooling)"
    )

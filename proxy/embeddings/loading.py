"""From a model's name to a model in memory."""

from proxy.embeddings.encoder import Model, cores
from proxy.embeddings.layout import read_layout
from proxy.embeddings.model_files import ModelUnusable, find_model


def load_model(name: str) -> Model:
    """The model that `name` (a folder, or an installed model) stands for. Takes about half a second
    and 100 MiB for a small one. Raises `ModelUnusable`."""
    # Imported here: a process that makes no vectors is spared their memory and start.
    from proxy.embeddings.on_numpy import NumpyEncoder
    from proxy.embeddings.tokens import Tokens
    from proxy.embeddings.weights import read_network

    files = find_model(name)
    layout = read_layout(files.folder)
    tokens = Tokens(layout.tokenizer, layout.max_tokens)
    network = read_network(layout)
    if tokens.vocabulary > len(network.words):
        raise ModelUnusable(
            f"{layout.tokenizer} knows {tokens.vocabulary} tokens, but {layout.weights} has words "
            f"for {len(network.words)}: they are not of one model"
        )
    return Model(files.name, tokens, NumpyEncoder(network, cores()))

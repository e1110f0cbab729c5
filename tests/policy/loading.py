"""How the tests of this room load texts."""

import pytest

from proxy.policy.complaint import PolicyError
from proxy.policy.document import Source
from proxy.policy.load import load
from proxy.policy.snapshot import Snapshot

OPENAI = "version: 1\nupstreams: {openai: {dialect: openai, url: 'https://api.openai.com'}}\n"


def loaded(*texts: str, suffix: str = "yaml", **environ: str) -> Snapshot:
    """The snapshot of files a, b, ... with these texts."""
    return load(_sources(texts, suffix), environ)


def refused(*texts: str, suffix: str = "yaml", **environ: str) -> list[str]:
    """The complaints about files a, b, ... with these texts, a line each."""
    with pytest.raises(PolicyError) as error:
        load(_sources(texts, suffix), environ)
    assert str(error.value).splitlines() == [str(one) for one in error.value.complaints]
    return [str(one) for one in error.value.complaints]


def _sources(texts: tuple[str, ...], suffix: str) -> list[Source]:
    return [Source(f"{name}.{suffix}", text) for name, text in zip("abcdef", texts, strict=False)]

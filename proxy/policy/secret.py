"""A text that must not show: API keys."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from proxy.policy.words import wrong


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Shows as `***` wherever it is printed. Only `reveal` gives the text."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise wrong("is no text", "write it in quotes, or as ${NAME}")
    if not value:
        raise wrong("is empty", "leave it out when this upstream needs none")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise wrong(
            "has a space at its end, a line break or a sign that no header can carry",
            "look for a stray line break in the variable or file that it comes from",
        )
    return Secret(value)


ApiKey = Annotated[Secret, PlainValidator(_secret), WithJsonSchema({"type": "string"})]

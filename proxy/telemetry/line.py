"""What a log line of ours is made of."""

from collections.abc import Mapping
from typing import NamedTuple

LOGGER = "understudy"
FIELDS = "fields"
"""The attribute of a log record that holds its fields."""

Field = str | int | float | bool


class Line(NamedTuple):
    """`level` is a number of Python's logging; `message` is fit to be kept."""

    level: int
    message: str
    fields: Mapping[str, Field]


def milliseconds(duration_s: float) -> float:
    return round(duration_s * 1000, 1)

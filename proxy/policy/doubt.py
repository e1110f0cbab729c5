"""What a policy set may say and yet does nothing: told as warnings."""

from collections.abc import Iterator

from proxy.policy.complaint import Complaint
from proxy.policy.gather import PolicySet
from proxy.policy.schema import RouteSettings

MOST_COMPARED = 100
"""Earlier routes that a route is held against: thousands are written by a program, which needs no
advice, and must be in force within a second all the same."""


def doubts(policies: PolicySet) -> Iterator[Complaint]:
    """A warning for each key that is not used and each route that is never reached."""
    for index, route in enumerate(policies.routes):
        if "on" in route.settings.targets[0].model_fields_set:
            wrong = "the first target has none before it whose failures could lead to it"
            yield route.complain(wrong, "its 'on' is not used", "targets", 0, "on")
        for earlier in policies.routes[: min(index, MOST_COMPARED)]:
            if _covers(earlier.settings, route.settings):
                where = f"{earlier.document.path}:{earlier.document.line(earlier.place)}"
                wrong = f"route '{route.name}' is never reached"
                right = f"route '{earlier.name}' at {where} takes all its requests first"
                yield route.complain(wrong, right, "name")
                break


def _covers(earlier: RouteSettings, later: RouteSettings) -> bool:
    """Whether every request of `later` is surely one of `earlier` too."""

    def wider(wide: tuple[str, ...] | None, narrow: tuple[str, ...] | None) -> bool:
        return wide is None or "*" in wide or (narrow is not None and set(narrow) <= set(wide))

    first, second = earlier.match, later.match
    values = {name.lower(): words for name, words in second.headers.items()}
    return (
        wider(first.upstream, second.upstream)
        and wider(first.operation, second.operation)
        and wider(first.model, second.model)
        and all(
            name.lower() in values and wider(words, values[name.lower()])
            for name, words in first.headers.items()
        )
    )

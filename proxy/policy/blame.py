"""Says in our words what pydantic found wrong with a file: which word, and what would be right."""

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from proxy.policy.complaint import Complaint, cut, nearest
from proxy.policy.document import Document, KeyPath
from proxy.policy.schema import PolicyFile
from proxy.policy.words import listed

_KEY = "[key]"  # how pydantic marks an error of a mapping's key
_KINDS = {
    "string_type": ("text", "write it in quotes"),
    "model_type": ("a mapping", "write 'key: value' pairs"),
    "dict_type": ("a mapping", "write 'key: value' pairs"),
    "mapping_type": ("a mapping", "write 'key: value' pairs"),
    "tuple_type": ("a list", "write [a, b], or one item a line"),
    "int_type": ("a whole number", "write one like 2"),
    "int_parsing": ("a whole number", "write one like 2"),
    "int_parsing_size": ("a whole number", "write one like 2"),
    "int_from_float": ("a whole number", "write one like 2"),
    "bool_type": ("true or false", "write one of them"),
    "bool_parsing": ("true or false", "write one of them"),
    "finite_number": ("a number", "write one like 0.5"),
    "float_type": ("a number", "write one like 0.5"),
    "float_parsing": ("a number", "write one like 0.5"),
}
_BOUNDS = {
    "greater_than": ("gt", "too small", "more than"),
    "greater_than_equal": ("ge", "too small", "at least"),
    "less_than_equal": ("le", "too large", "at most"),
}


def blame(document: Document, error: ValidationError) -> list[Complaint]:
    """A complaint for each thing wrong, but for those that another complaint explains already."""
    details = error.errors(include_url=False)
    within = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    complaints = []
    for detail in details:
        place = detail["loc"]
        emptied = detail["type"] == "too_short" and place in within
        if not emptied and not document.settled(place):
            complaints.append(_complaint(document, detail))
    return complaints


def _complaint(document: Document, detail: ErrorDetails) -> Complaint:
    at_key = detail["type"] in ("extra_forbidden", "missing") or detail["loc"][-1:] == (_KEY,)
    place = detail["loc"]
    if detail["type"] == "missing" or place[-1:] == (_KEY,):
        place = place[:-1]
    wrong, right = _words(document, detail, place)
    return document.complain(place, wrong, right, at_key=at_key)


def _words(document: Document, detail: ErrorDetails, place: KeyPath) -> tuple[str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    key = next((str(step) for step in reversed(place) if isinstance(step, str)), "the file")
    at_key = detail["loc"][-1:] == (_KEY,)
    quoted = f"'{cut(str(value))}'" if at_key else document.quoted(place, value)
    if kind == "policy":
        subject = quoted if context["quote"] else f"'{key}'"
        return f"{subject} {context['wrong']}", context["right"]
    if kind == "extra_forbidden":
        right = nearest(key, _allowed(place[:-1]), "allowed here")
        return f"unknown key '{cut(key)}'", right
    if kind == "missing":
        name = str(detail["loc"][-1])
        return f"the key '{name}' is missing", f"add '{name}'{_meaning(detail['loc'])}"
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]]
        if not isinstance(value, str):
            return f"'{key}' cannot be {quoted}", f"write {listed(words)}"
        return f"unknown word {quoted} for '{key}'", nearest(value, words, "the words are")
    if kind in ("too_short", "string_too_short"):
        return f"'{key}' is empty", "name at least one"
    if kind in _BOUNDS:
        name, what, bound = _BOUNDS[kind]
        return f"{quoted} is {what} for '{key}'", f"write {bound} {context[name]:g}"
    if kind == "string_pattern_mismatch":
        right = "use lower-case letters, digits, - and _, a letter or digit first"
        return f"{quoted} is no name for an upstream", right
    if kind in _KINDS:
        what, right = _KINDS[kind]
        return f"'{key}' wants {what}, not {quoted}", right
    return f"'{key}' is wrong: {detail['msg']}", "see what `understudy schema` prints"


def _meaning(place: KeyPath) -> str:
    annotation = _annotation(place[:-1])
    field = annotation.model_fields.get(str(place[-1])) if annotation else None
    return f" ({field.description.rstrip('.')})" if field and field.description else ""


def _allowed(place: KeyPath) -> tuple[str, ...]:
    model = _annotation(place)
    return tuple(model.model_fields) if model else ()


def _annotation(place: KeyPath) -> type[BaseModel] | None:
    """The model that the mapping at `place` of a policy file has to follow."""
    current: Any = PolicyFile
    for step in place:
        model = _bare(current)
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(step))
            current = field.annotation if field else None
        else:  # a mapping or a list: its values
            current = next((arg for arg in reversed(get_args(model)) if arg is not ...), None)
    found = _bare(current)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and `| None`."""
    while True:
        arguments = get_args(annotation)
        if hasattr(annotation, "__metadata__") or type(None) in arguments:
            annotation = next(arg for arg in arguments if arg is not type(None))
        else:
            return annotation

"""The JSON Schema of policy files, for editors: completion, descriptions and red lines."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from proxy.policy.schema import PolicyFile
from proxy.policy.size import SIZE_PATTERN, spell_size
from proxy.policy.words import DURATION_PATTERN, spell


class _Generator(GenerateJsonSchema):
    """Defaults as a policy file would say them: `5s`, `8MiB`, and failure words in order."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if isinstance(default, frozenset):
            return {**found, "default": sorted(default)}
        if isinstance(default, float) and found.get("pattern") == DURATION_PATTERN:
            return {**found, "default": spell(default)}
        if isinstance(default, int) and found.get("pattern") == SIZE_PATTERN:
            return {**found, "default": spell_size(default)}
        return super().default_schema(schema)


def json_schema() -> dict[str, Any]:
    """A new JSON Schema, draft 2020-12, of one policy file."""
    schema = PolicyFile.model_json_schema(schema_generator=_Generator)
    return {"$schema": _Generator.schema_dialect, **schema, "title": "Understudy policy file"}

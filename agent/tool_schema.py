"""The part of JSON schema that tools need: an object of strings, numbers, booleans and choices. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["transfer_to_operator", "hang_up", "send_sms", "call_back", "http_webhook"]
"""What a tool does."""
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def fault_of_schema(schema: object) -> str:
    """What is wrong with a tool's ``parameters``; empty: nothing."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return 'type must be "object"'
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        return "properties must be a table"
    for name, each in properties.items():
        if not isinstance(each, Mapping) or each.get("type") not in TYPES:
            return f"{name}: type must be one of {', '.join(TYPES)}"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(name in properties for name in required):
        return "required must be a list of names that properties has"
    return ""


def fault_of_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What is wrong with a model's arguments, in words for the model; empty: nothing."""
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if arguments.get(name) in (None, ""):
            return f"{name} is missing; ask the caller for it"
    for name, value in arguments.items():
        known = properties.get(name)
        if known is None:
            return f"there is no argument {name}"
        if not isinstance(value, TYPES[known["type"]]) or (isinstance(value, bool) and known["type"] != "boolean"):
            return f"{name} must be of type {known['type']}"
        if "enum" in known and value not in known["enum"]:
            return f"{name} must be one of {', '.join(map(str, known['enum']))}"
    return ""

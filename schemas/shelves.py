"""Names the shelf that slots lie on: the key under which a service's slots and questions for them meet."""

from collections.abc import Mapping
from typing import Any

PREFIX = "slots|"
"""No pseudonym begins like this."""


def shelf_key(institution: Mapping[str, Any], service: Mapping[str, Any]) -> str:
    """The key of the slots of one service at one institution or department (``Institution``, ``Code``).

    A service that the bus has no value for is known by its source's code.
    """
    return PREFIX + "|".join(
        (institution["system"], institution["id"], institution["department"] or "", service_name(service))
    )


def service_name(service: Mapping[str, Any]) -> str:
    """The bus's value for a service; without one, code system and code; empty when there is neither."""
    mapped: str = service["mapped"]
    if mapped not in ("", "UNKNOWN"):
        return mapped
    return f"{service['system']}:{service['code']}" if service["code"] else ""

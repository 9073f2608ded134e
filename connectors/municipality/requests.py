"""A request as the JSON document that the municipality's system gets. Pure.

It names the citizen nowhere: the system knows its own appointments.
"""

from typing import Any

import orjson

from connectors.kit import times
from schemas.records import AgencyRequest, RequestedMove


def document(request: AgencyRequest) -> bytes:
    """``request`` as UTF-8 JSON, described in ``docs/connectors/municipality.md``."""
    return orjson.dumps(
        {
            "samband": "request",
            "requestId": request["request_id"],
            "proposalId": request["proposal_id"],
            "sequence": request["sequence"],
            "action": request["action"],
            "deadline": times.rfc3339(request["deadline"]),
            "protection": request["protection"],
            "moves": [_move(move) for move in request["moves"]],
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def _move(move: RequestedMove) -> dict[str, Any]:
    return {
        "appointment": dict(move["appointment"]),
        "institution": dict(move["institution"]),
        "oldStart": times.rfc3339(move["old_start"]),
        "slot": move["slot"],
        "start": times.rfc3339(move["start"]),
        "end": times.rfc3339(move["end"]),
        "resource": move["resource"],
        "place": move["place"],
    }

"""OneRoster's code lists in the bus's words. Codes outside a list pass as UNKNOWN, with a remark."""

from connectors.school.settings import SchoolSettings
from schemas.records import Code, Protection

UNKNOWN_CODE = "code.unknown"
NO_NATIONAL_ID = "id.local_only"
UNREADABLE_TIME = "time.doubtful"
DISABLED = "enabledUser=false"
"""Stands for the status of a user who is switched off."""

_STATUS = "oneroster:status"
_ROLE = "oneroster:role"
_ACTIVE = frozenset({"", "active"})
_ENDED = frozenset({"tobedeleted", "inactive"})
"""``inactive`` is not in the standard, and common."""

# OneRoster 1.1 RoleType and 1.2 RoleEnum.
_PERSON_ROLES = {
    "student": "PUPIL",
    "teacher": "TEACHER",
    "parent": "GUARDIAN",
    "guardian": "GUARDIAN",
    "relative": "OTHER",
    "administrator": "STAFF",
    "aide": "STAFF",
    "counselor": "STAFF",
    "districtadministrator": "STAFF",
    "principal": "STAFF",
    "proctor": "STAFF",
    "siteadministrator": "STAFF",
    "systemadministrator": "STAFF",
}
_PROTECTION: dict[str, Protection] = {
    "": "NONE",
    "none": "NONE",
    "ingen": "NONE",
    "ugradert": "NONE",
    "confidential": "CONFIDENTIAL",
    "sekretessmarkering": "CONFIDENTIAL",
    "kode 7": "CONFIDENTIAL_ADDRESS",
    "fortrolig": "CONFIDENTIAL_ADDRESS",
    "confidential_address": "CONFIDENTIAL_ADDRESS",
    "skyddad folkbokföring": "STRICTLY_CONFIDENTIAL_ADDRESS",
    "kode 6": "STRICTLY_CONFIDENTIAL_ADDRESS",
    "strengt fortrolig": "STRICTLY_CONFIDENTIAL_ADDRESS",
    "strictly_confidential_address": "STRICTLY_CONFIDENTIAL_ADDRESS",
}


def is_active(status: str) -> bool:
    """Whether a row counts; an unknown status counts, since nothing says that the row has ended."""
    return status.casefold() not in _ENDED


def enrollment_status(status: str) -> Code:
    """ACTIVE, ENDED or UNKNOWN."""
    return {"code": status, "system": _STATUS, "mapped": _mapped(status, "ENDED")}


def person_status(status: str) -> Code:
    """ACTIVE, INACTIVE or UNKNOWN."""
    mapped = "INACTIVE" if status == DISABLED else _mapped(status, "INACTIVE")
    return {"code": status, "system": _STATUS, "mapped": mapped}


def is_standard_status(status: str) -> bool:
    """Whether the standard has this status (blank is right in bulk files)."""
    return status == DISABLED or status.casefold() in {"", "active", "tobedeleted"}


def person_role(role: str) -> str:
    """PUPIL, TEACHER, GUARDIAN, STAFF or OTHER."""
    return _PERSON_ROLES.get(role.casefold(), "OTHER")


def is_standard_role(role: str) -> bool:
    """Whether the standard has this role."""
    return role.casefold() in _PERSON_ROLES


def enrollment_role(role: str) -> Code:
    """PUPIL, TEACHER, GUARDIAN, STAFF, OTHER or UNKNOWN."""
    return {"code": role, "system": _ROLE, "mapped": _PERSON_ROLES.get(role.casefold(), "UNKNOWN")}


def protection(marking: str) -> tuple[Protection, bool]:
    """The marking, and whether it is known. One that is not known counts as the strictest."""
    known = _PROTECTION.get(marking.casefold())
    return known or "STRICTLY_CONFIDENTIAL_ADDRESS", known is not None


def exam_kind(title: str, settings: SchoolSettings) -> str:
    """EXAM or TEST when a category's title says so, else empty."""
    said = title.casefold()
    if any(part.casefold() in said for part in settings.exam_titles):
        return "EXAM"
    return "TEST" if any(part.casefold() in said for part in settings.test_titles) else ""


def _mapped(status: str, ended: str) -> str:
    if status.casefold() in _ACTIVE:
        return "ACTIVE"
    return ended if status.casefold() in _ENDED else "UNKNOWN"

"""What is stored of a citizen for planning, and how other parts of the router ask for a plan.

Whoever finds that better times may be possible marks it due; the plan is made at the next tick. What was
refused stays out of later plans until its time has come. One bundle is open at a time: it belongs to the
agreement (``router/agreement``), which is given the Proposal and marks a plan due when a bundle has ended.
"""

import msgspec

NEVER = -1
AT_ONCE = 0
"""As a time to plan: at the next tick, whichever it is."""


class Outlook(msgspec.Struct, array_like=True, gc=False, omit_defaults=True):
    """All that planning knows of one citizen. Instants in microseconds."""

    due: int = NEVER
    """When to plan; `NEVER` while nothing asks for it."""
    refused: dict[str, int] = {}
    """Slots that this citizen is not to be asked again, ``slot_name``, with the start of each."""


def slot_name(agency: str, slot: str) -> str:
    """A slot's id among those of all agencies."""
    return f"{agency}|{slot}"


def mark_due(outlook: Outlook | None) -> Outlook:
    """Ask for a plan at the next tick; gives what is to be stored."""
    found = outlook or Outlook()
    found.due = AT_ONCE
    return found


def refuse_slot(outlook: Outlook | None, name: str, start: int) -> Outlook:
    """Leave a slot out of this citizen's plans from now on; gives what is to be stored."""
    found = outlook or Outlook()
    found.refused[name] = start
    return found


def joined(one: Outlook | None, other: Outlook | None) -> Outlook | None:
    """What is known of two citizens who are found to be one: all of it, and nothing that both share."""
    if one is None or other is None:
        found = one or other
        return None if found is None else Outlook(found.due, dict(found.refused))
    due = [each.due for each in (one, other) if each.due != NEVER]
    refused = dict(one.refused)
    for name, start in other.refused.items():
        refused[name] = max(start, refused.get(name, start))
    return Outlook(min(due, default=NEVER), refused)

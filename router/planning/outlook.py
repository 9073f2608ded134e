"""What is stored of a citizen for planning, and how other parts of the router ask for a plan.

Whoever finds that better times may be possible marks it due; the plan is made at the next tick. What was
refused stays out of later plans until its time has come. One bundle is open at a time: it belongs to the
agreement (``router/agreement``), which is given the Proposal and marks a plan due when a bundle has ended.
"""

import msgspec

NEVER = -1
AT_ONCE = 0
"""As a time to plan: at the next tick, whichever it is."""
_FIRST_PAUSE = 1
_MOST_SEEN = 24
_MOST_REFUSED = 400


class Found(msgspec.Struct, array_like=True, gc=False):
    """A slot that a shelf has. Instants in microseconds."""

    id: str
    start: int
    end: int
    resource: str | None
    place: str | None
    until: int


class Round(msgspec.Struct, array_like=True, gc=False):
    """A question to some shelves that is not answered by all of them yet."""

    minute: int
    shelves: dict[str, list[Found] | None]


class Matter(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One thing that a citizen said matters, see ``matters.py``."""

    kind: int
    weight: int
    weekdays: int
    """A bit for each, Monday the lowest."""
    minute: int


class Outlook(msgspec.Struct, array_like=True, gc=False):
    """All that planning knows of one citizen. Instants in microseconds."""

    due: int = NEVER
    """When to plan; `NEVER` while nothing asks for it."""
    pause: int = _FIRST_PAUSE
    """Minutes until it is tried again after this time, when nothing better was found."""
    refused: dict[str, int] = {}
    """Slots that this citizen is not to be asked again, ``slot_name``, with the start of each."""
    round: int = 0
    """Number of the last question."""
    asked: Round | None = None
    seen: list[bytes] = []
    """Digests of what was planned for and of what was proposed, the oldest first."""
    matters: dict[bytes, list[Matter]] = {}
    """What statements said, by the fact's id."""


def slot_name(agency: str, slot: str) -> str:
    """A slot's id among those of all agencies."""
    return f"{agency}|{slot}"


def mark_due(outlook: Outlook | None) -> Outlook:
    """Ask for a plan at the next tick; gives what is to be stored."""
    found = outlook or Outlook()
    found.due, found.pause = AT_ONCE, _FIRST_PAUSE
    return found


def refuse_slot(outlook: Outlook | None, name: str, start: int) -> Outlook:
    """Leave a slot out of this citizen's plans from now on; gives what is to be stored."""
    found = outlook or Outlook()
    if name not in found.refused and len(found.refused) >= _MOST_REFUSED:
        del found.refused[min(found.refused, key=lambda each: (found.refused[each], each))]
    found.refused[name] = start
    return found


def remember(outlook: Outlook, digest: bytes) -> bool:
    """Keep a digest; False if it was there."""
    if digest in outlook.seen:
        return False
    outlook.seen = [*outlook.seen, digest][-_MOST_SEEN:]
    return True


def joined(one: Outlook | None, other: Outlook | None) -> Outlook | None:
    """What is known of two citizens who are found to be one: all of it, and nothing that both share.

    A question under way is asked again, since its answers may have gone elsewhere.
    """
    both = [each for each in (one, other) if each is not None]
    if not both:
        return None
    due = [AT_ONCE if each.asked else each.due for each in both if each.asked or each.due != NEVER]
    found = Outlook(min(due, default=NEVER), min(each.pause for each in both))
    found.round = max(each.round for each in both)
    for each in both:
        for name, start in each.refused.items():
            refuse_slot(found, name, max(start, found.refused.get(name, start)))
        for digest in each.seen:
            remember(found, digest)
        found.matters.update(each.matters)
    return found

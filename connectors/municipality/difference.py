"""Compares what a document says with what was said before: only the difference goes over the bus. Pure.

The source gives its events no ids, so an event is known by the digest of its fact and by which of equal
ones it is. Publishing can be cut off at any moment. What was perhaps published is therefore part of the
state, as SENDING or LEAVING, until Kafka has confirmed all of a document::

    absent ──► SENDING ──► SENT ──► LEAVING ──► absent (and one generation older)

Whatever is not settled is said again with the next document, under the same event ids. The laws that the
tests hold it to: the same document twice changes nothing; after any sequence of documents, with any of
them cut off, the facts that stand are those of the last one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

from connectors.kit import times
from connectors.kit.outcomes import Fact
from connectors.municipality.facts import CaseFact
from schemas.records import Identifier, Protection

Phase = Literal["SENDING", "SENT", "LEAVING"]
Digest = Callable[[bytes], str]
EventId = Callable[[str, str], str]
"""From identity and content of a fact to its event id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact that stands, or may stand, on the bus. Holds pseudonyms and digests only."""

    event_id: str
    record: str
    slot: str
    """Digest of the fact's slot."""
    identifiers: tuple[Identifier, ...]
    protection: Protection
    phase: Phase = "SENDING"
    supersedes: str | None = None
    successor: str = ""
    """Key of the entry that corrects this one, while it is LEAVING."""


@dataclass(frozen=True, slots=True)
class State:
    """What was said about one case."""

    revision: int = 0
    """Counts the documents that differ from the one before."""
    document: str = ""
    """Keyed digest of the last document."""
    system: str = ""
    """The name of the source system in the case's first document; event ids depend on it."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """By digest of the fact and which of equal ones it is, in causal order."""
    generations: dict[str, int] = field(default_factory=dict)
    """How often a key's fact was withdrawn: said again, it is a new event."""
    applicant: Identifier | None = None
    """Whom the case is about by the last document that said it."""
    first_applicant: Identifier | None = None
    """Whom it was about by the first: the person as whose number the case's id was listed."""

    def confirmed(self) -> "State":
        """The state once Kafka has confirmed everything."""
        standing = {key: entry for key, entry in self.entries.items() if entry.phase != "LEAVING"}
        return replace(
            self,
            entries={key: replace(entry, phase="SENT", supersedes=None) for key, entry in standing.items()},
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be said, and the state while it is being said."""

    facts: tuple[Fact, ...]
    state: State


@dataclass(frozen=True, slots=True)
class Named:
    """How facts of one case get their names."""

    case: str
    system: str
    digest: Digest
    event_id: EventId


def difference(state: State, facts: Sequence[CaseFact], document: str, received: int, names: Named) -> Change:
    """What to say so that exactly ``facts`` stand. ``document`` is the document's digest.

    Withdrawals come first, then new facts in their order.
    """
    wanted = _keyed(facts, names)
    entries, generations = dict(state.entries), Counter(state.generations)
    leaving = {key: entry for key, entry in entries.items() if entry.phase == "LEAVING"}
    for key, entry in entries.items():
        if key not in wanted and entry.phase != "LEAVING":
            leaving[key] = replace(entry, phase="LEAVING", successor="")
            generations[key] += 1
    candidates: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for key, entry in leaving.items():
        if entries[key].phase == "SENT":  # one that perhaps never came cannot be corrected, only withdrawn
            candidates[entry.slot, entry.record, entry.identifiers[0]["pseudonym"]].append(key)
    standing: dict[str, Entry] = {}
    gone: dict[str, Entry] = {}
    said: list[Fact] = []
    for key, item in wanted.items():
        known = entries.get(key)
        if known is not None and known.phase != "LEAVING":
            standing[key] = known
            if known.phase == "SENDING":
                said.append(_named(item.fact, key, generations[key], names, known.supersedes))
            continue
        if known is not None:  # it was being withdrawn: that is finished first, then it is said anew
            gone[f"{key}@{generations[key]}"] = leaving.pop(key)
        slot = names.digest(item.slot.encode())
        corrected = _first(candidates[slot, item.fact.record, item.fact.identifiers[0]["pseudonym"]], leaving)
        supersedes = leaving[corrected].event_id if corrected else None
        fact = _named(item.fact, key, generations[key], names, supersedes)
        standing[key] = Entry(
            names.event_id(fact.identity, fact.content),
            fact.record,
            slot,
            fact.identifiers,
            fact.protection,
            supersedes=supersedes,
        )
        if corrected:
            leaving[corrected] = replace(leaving[corrected], successor=key)
        said.append(fact)
    withdrawn = {**gone, **leaving}
    retractions = [
        _retraction(entry, received, names)
        for entry in withdrawn.values()
        if not _corrects(standing.get(entry.successor), entry)
    ]
    revision = state.revision + (document != state.document)
    after = replace(
        state,
        revision=revision,
        document=document,
        system=names.system,
        entries={**withdrawn, **standing},
        generations=dict(generations),
    )
    return Change((*retractions, *said), after)


def _keyed(facts: Iterable[CaseFact], names: Named) -> dict[str, CaseFact]:
    counted: Counter[str] = Counter()
    keyed = {}
    for item in facts:
        digest = names.digest(_canonical(item.fact))
        keyed[f"{digest}#{counted[digest]}"] = item
        counted[digest] += 1
    return keyed


def _canonical(fact: Fact) -> bytes:
    everything: dict[str, Any] = {
        "record": fact.record,
        "identifiers": fact.identifiers,
        "occurred": fact.occurred,
        "body": fact.body,
        "sensitivity": fact.sensitivity,
        "protection": fact.protection,
        "remarks": fact.remarks,
    }
    return orjson.dumps(everything, option=orjson.OPT_SORT_KEYS)


def _named(fact: Fact, key: str, generation: int, names: Named, supersedes: str | None) -> Fact:
    identity = f"{names.case}/{key}/{generation}"
    return replace(fact, identity=identity, content=key.partition("#")[0], supersedes=supersedes)


def _retraction(entry: Entry, received: int, names: Named) -> Fact:
    withdrawn = times.doubtful("", received)  # the source does not say when; it was seen now
    return Fact(
        record="FactRetracted",
        identifiers=entry.identifiers,
        occurred=withdrawn,
        recorded=withdrawn,
        body={
            "record": entry.record,
            "reason": {"code": "", "system": "digisos:hendelser", "mapped": "NO_LONGER_LISTED"},
        },
        protection=entry.protection,
        remarks=("time.doubtful",),
        retracts=entry.event_id,
        identity=f"{names.case}/withdrawn/{entry.event_id}",
        content=entry.event_id,
    )


def _corrects(successor: Entry | None, entry: Entry) -> bool:
    """Whether ``successor`` still names ``entry``; one that was withdrawn and is said anew does not."""
    return successor is not None and successor.supersedes == entry.event_id


def _first(keys: list[str], leaving: dict[str, Entry]) -> str:
    return next((key for key in keys if key in leaving and not leaving[key].successor), "")

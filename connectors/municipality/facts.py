"""Maps the events of a document to facts: one for each event, in causal order. Pure.

Which event becomes which fact, and why: ``docs/connectors/municipality.md`` and
``docs/adr/0007-municipal-events.md``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from connectors.kit.outcomes import Fact
from connectors.municipality import vocabulary
from connectors.municipality.meetings import meeting, service_request
from connectors.municipality.order import Placed, in_order
from connectors.municipality.parse import Document
from connectors.municipality.subject import CaseHead, Context, head_of
from connectors.municipality.work import Body, Work, agency, citizen
from schemas.records import Code, Time


@dataclass(frozen=True, slots=True)
class CaseFact:
    """A fact, and what tells which earlier fact it corrects."""

    fact: Fact
    slot: str
    """Type, own reference and time of the event: what stands in the same slot later is its correction."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the document says in all about the parts of the case."""

    hidden: frozenset[str]
    """Parts whose last status is IKKE_INNSYN: the citizen is not to see them."""
    taken_back: frozenset[str]
    """Parts whose last status is FEILREGISTRERT: they were never meant."""
    by_payment: dict[str, str]
    """Payment reference to part."""


def facts_of(document: Document, received: int, context: Context) -> list[CaseFact]:
    """The facts that hold as of this document, in causal order.

    Raises:
        PoisonError: an event lacks what its fact needs; ``where`` is a JSON pointer.
    """
    head = head_of(document, received, context)
    events = in_order(document.events, context.zone)
    parts = _parts(events)
    made = []
    for event in events:
        part = _part(event, parts)
        if part in parts.taken_back:
            continue
        work = Work(event.node, event.time, head, context, received, set(head.remarks), part)
        record, body = _READERS.get(event.kind, _unknown)(work)
        fact = _fact(record, body, work, hidden=part in parts.hidden)
        # Events of one instant are common: without their rank, readers would have to order them by id.
        made.append(CaseFact(replace(fact, sequence=event.rank), _slot(event, part)))
    return made


def _fact(record: str, body: Body, work: Work, *, hidden: bool) -> Fact:
    if hidden:
        # What the citizen is not to see keeps its words at the municipality.
        body = {**body, "details": None}
    remarks = work.remarks | _about_time(work.time)
    return Fact(
        record=record,
        identifiers=work.head.identifiers,
        occurred=work.time,
        recorded=work.time,
        body=body,
        sensitivity="SENSITIVE",
        protection=_protection(work.head, hidden=hidden),
        remarks=tuple(sorted(remarks)),
    )


def _protection(head: CaseHead, *, hidden: bool) -> Any:
    return "CONFIDENTIAL" if hidden and head.protection == "NONE" else head.protection


_REMARK_OF_TIME: Final = {
    "NO_ZONE": "time.no_zone",
    "DATE_ONLY": "time.date_only",
    "DOUBTFUL": "time.doubtful",
}


def _about_time(time: Time) -> set[str]:
    remark = _REMARK_OF_TIME.get(time["confidence"])
    return set() if remark is None else {remark}


def _parts(events: list[Placed]) -> Parts:
    last: dict[str, str] = {}
    by_payment: dict[str, str] = {}
    for event in events:
        if event.kind == "saksStatus" and (part := event.node.reference("referanse")):
            last[part] = event.node.code("status").upper()
        if event.kind == "utbetaling" and (part := event.node.reference("saksreferanse")):
            by_payment.update(dict.fromkeys(event.node.references("utbetalingsreferanse"), part))
    return Parts(
        hidden=frozenset(part for part, status in last.items() if status == "IKKE_INNSYN"),
        taken_back=frozenset(part for part, status in last.items() if status == "FEILREGISTRERT"),
        by_payment=by_payment,
    )


def _part(event: Placed, parts: Parts) -> str | None:
    node = event.node
    if event.kind in {"saksStatus", "vedtakFattet"}:
        return node.reference("referanse")
    if found := node.reference("saksreferanse"):
        return found
    known = {
        parts.by_payment[name] for name in node.references("utbetalingsreferanse") if name in parts.by_payment
    }
    return known.pop() if len(known) == 1 else None


_OWN_REFERENCES: Final = (
    "utbetalingsreferanse", "vilkarreferanse", "dokumentasjonkravreferanse", "rammevedtaksreferanse",
    "moteid", "navKontor",
)  # fmt: skip


def _slot(event: Placed, part: str | None) -> str:
    own = [",".join(event.node.references(name)) for name in _OWN_REFERENCES]
    return "\x1f".join((event.kind, str(event.time["instant"]), part or "", *own))


# -- one reader for each type of event


def _application(work: Work) -> tuple[str, Body]:
    status = work.node.code("status")
    if status.upper() == "MOTTATT":
        body = work.body(kind=work.head.kind, holder=agency(work.head.institution))
        return "CaseOpened", {**body, "case": {**work.case, "part": None}}
    step = vocabulary.coded(status, "soknadsStatus", vocabulary.APPLICATION, work.remarks)
    closes = step["mapped"] == "FINISHED"
    holder = agency(work.head.institution) if step["mapped"] == "IN_PROGRESS" else None
    return _step(work, step, holder=holder, closes=closes)


def _office(work: Work) -> tuple[str, Body]:
    office = work.node.reference("navKontor")
    institution = work.head.institution
    if office is not None:
        institution = {"system": vocabulary.NAV_OFFICE, "id": office, "department": None}
    return _step(work, _named("tildeltNavKontor", "ASSIGNED"), holder=agency(institution))


def _read(work: Work) -> tuple[str, Body]:
    return _step(work, _named("soknadLest", "READ"), holder=agency(work.head.institution))


def _case_part(work: Work) -> tuple[str, Body]:
    work.node.text("referanse")
    status = work.node.code("status") or "UNDER_BEHANDLING"  # the format's own default
    step = vocabulary.coded(status, "saksStatus", vocabulary.PART, work.remarks)
    return _step(work, step, details=work.details(title="tittel"))


def _documents_wanted(work: Work) -> tuple[str, Body]:
    wanted = list(work.node.children("dokumenter"))
    due = [time for item in wanted if (time := item.optional_time("innsendelsesfrist", work.context.zone))]
    words = [
        ": ".join(filter(None, (item.optional("dokumenttype"), item.optional("tilleggsinformasjon"))))
        for item in wanted
    ]
    # An empty list takes an earlier request back (the format's own way), and the agency goes on.
    body = work.body(
        holder=citizen() if wanted else agency(work.head.institution),
        due=min(due, key=_instant) if due else None,
        count=len(wanted),
        details={"title": None, "text": None, "items": [word for word in words if word]}
        if any(words)
        else None,
    )
    return "InformationRequested", body


def _interim(work: Work) -> tuple[str, Body]:
    return _step(work, _named("forelopigSvar", "INTERIM_ANSWER"))


def _decision(work: Work) -> tuple[str, Body]:
    told = work.node.value.get("utfall")
    code = work.node.child("utfall").code("utfall") if isinstance(told, dict) else work.node.code("utfall")
    outcome = vocabulary.coded(code, "utfall", vocabulary.OUTCOME, work.remarks)
    return "DecisionMade", work.body(outcome=outcome, details=work.details(title="tittel"))


def _framework(work: Work) -> tuple[str, Body]:
    outcome = vocabulary.coded("rammevedtak", "hendelse", {}, work.remarks)
    return "DecisionMade", work.body(outcome=outcome, details=work.details(text="beskrivelse"))


def _payment(work: Work) -> tuple[str, Body]:
    step = vocabulary.coded(work.node.code("status"), "utbetaling", vocabulary.PAYMENT, work.remarks)
    due = (
        work.node.optional_time("forfallsdato", work.context.zone)
        if step["mapped"] == "PAYMENT_PLANNED"
        else None
    )
    return _step(work, step, expected_by=due, details=work.details(text="beskrivelse"))


def _condition(work: Work) -> tuple[str, Body]:
    step = _demand(work, "vilkar")
    return _step(work, step, details=work.details(title="tittel", text="beskrivelse"))


def _documentation_demand(work: Work) -> tuple[str, Body]:
    step = _demand(work, "dokumentasjonkrav")
    open_ = step["mapped"] == "CONDITION_SET"
    return _step(
        work,
        step,
        holder=citizen() if open_ else None,
        expected_by=work.node.optional_time("frist", work.context.zone) if open_ else None,
        details=work.details(title="tittel", text="beskrivelse"),
    )


def _unknown(work: Work) -> tuple[str, Body]:
    return _step(work, vocabulary.coded(work.node.code("type"), "hendelse", {}, work.remarks))


_READERS: Final[dict[str, Callable[[Work], tuple[str, Body]]]] = {
    "soknadsStatus": _application,
    "tildeltNavKontor": _office,
    "soknadLest": _read,
    "saksStatus": _case_part,
    "dokumentasjonEtterspurt": _documents_wanted,
    "forelopigSvar": _interim,
    "vedtakFattet": _decision,
    "rammevedtak": _framework,
    "utbetaling": _payment,
    "vilkar": _condition,
    "dokumentasjonkrav": _documentation_demand,
    "foresporselSendt": service_request,
    "moteinnkalling": meeting,
}


def event_types() -> Iterator[str]:
    """The types of events that have a meaning on the bus."""
    yield from _READERS


def _demand(work: Work, system: str) -> Code:
    step = vocabulary.coded(work.node.code("status"), system, vocabulary.DEMAND, work.remarks)
    return step if step["code"] else {**step, "code": system, "system": "digisos:hendelse"}


def _named(code: str, mapped: str) -> Code:
    return {"code": code, "system": "digisos:hendelse", "mapped": mapped}


def _step(work: Work, step: Code, **more: Any) -> tuple[str, Body]:
    return "CaseStepCompleted", work.body(step=step, **more)


def _instant(time: Time) -> int:
    return time["instant"]

"""How the municipality's case system tells it: a Digisos document with all of a case, again and again."""

from datetime import datetime
from typing import Any

from connectors.municipality.testing import CaseFile
from samband.simulation.history import CaseEvent, CaseStep
from samband.simulation.places import HOSPITAL, MUNICIPAL_CODE

_PLAIN: dict[CaseEvent, dict[str, Any]] = {
    CaseEvent.APPLIED: {"type": "soknadsStatus", "status": "MOTTATT"},
    CaseEvent.READ: {"type": "soknadLest"},
    CaseEvent.ASSIGNED: {"type": "tildeltNavKontor", "navKontor": "0314"},
    CaseEvent.STARTED: {"type": "soknadsStatus", "status": "UNDER_BEHANDLING"},
    CaseEvent.GRANTED: {"type": "vedtakFattet", "utfall": {"utfall": "INNVILGET"}},
    CaseEvent.REJECTED: {"type": "vedtakFattet", "utfall": {"utfall": "AVSLATT"}},
    CaseEvent.FINISHED: {"type": "soknadsStatus", "status": "FERDIGBEHANDLET"},
}


class CaseSystem:
    """Keeps each case's document."""

    def __init__(self) -> None:
        """No cases yet."""
        self._files: dict[str, CaseFile] = {}

    def document(self, step: CaseStep) -> bytes:
        """The case's document with one more step in it."""
        kind = "AVLASTNING" if step.respite_care else "OKONOMISK_SOSIALHJELP"
        known = self._files.setdefault(
            step.case,
            CaseFile(
                step.case,
                fnr=step.person.national_id,
                kommunenummer="9999",
                envelope={"sakstype": kind, "institusjon": MUNICIPAL_CODE},
                system="Granvik sak",
            ),
        )
        event = {"hendelsestidspunkt": _stamp(step.happened), **_event(step)}
        if step.corrects:
            known.events[:] = [old for old in known.events if not _same_place(old, event)]
        return known.add(event).payload()


def _same_place(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return all(old[name] == new[name] for name in ("type", "hendelsestidspunkt"))


def _event(step: CaseStep) -> dict[str, Any]:
    if step.event is CaseEvent.DOCUMENTS_WANTED and step.due:
        wanted = {"dokumenttype": "Bank statement", "innsendelsesfrist": _stamp(step.due)}
        return {"type": "dokumentasjonEtterspurt", "dokumenter": [wanted]}
    if step.event is CaseEvent.ASSESSMENT_WANTED and step.due:
        return {
            "type": "foresporselSendt",
            "tjeneste": "SPESIALISTVURDERING",
            "mottaker": HOSPITAL.code,
            "svarfrist": _stamp(step.due),
        }
    if step.event is CaseEvent.MEETING and step.start and step.end:
        guardians = [{"rolle": "FORESATT", "fnr": guardian.national_id} for guardian in step.guardians]
        return {
            "type": "moteinnkalling",
            "moteid": step.meeting,
            "start": _stamp(step.start),
            "slutt": _stamp(step.end),
            "sted": "RADHUSET",
            "tittel": "Interdisciplinary meeting",
            "deltakere": [
                {"rolle": "SOKER"},
                *guardians,
                {"rolle": "INSTITUSJON", "institusjon": HOSPITAL.code},
            ],
        }
    return _PLAIN[step.event]


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")

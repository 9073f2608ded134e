"""What a citizen reads of an agreement, step by step, written down by hand."""

import io
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from samband import page, views
from samband.citizen_view import CitizenView
from samband.page import Viewer
from samband.texts import Texts
from tests.router.agreement.building import HOUR, KEY, MINUTE, agency_says, citizen_says, move, proposal
from tests.router.agreement.rig import Rig
from tests.router.building import appointment, at, place

if TYPE_CHECKING:
    from schemas.records import Proposal

HOSPITAL, SCHOOL = "hospital.b", "school.c"
NAME = "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a01"
TOLD = {
    "nb": """\
man. 2. mars 08:00 Du har fått et forslag til bedre timer - samband
    Nå er det du som må gjøre noe
    Neste: du svarer på forslaget
    Ventet innen tor. 5. mars 08:00
man. 2. mars 08:20 Du sa ja til et forslag - du
man. 2. mars 08:21 Kontorene er bedt om å holde av de nye timene til deg - samband
    Venter på kontorene
    Neste: de nye timene blir holdt av
    Ventet innen man. 2. mars 12:21
man. 2. mars 09:21 Alle de nye timene er holdt av til deg; timene dine blir flyttet - samband
    Venter på kontorene
    Neste: de nye timene blir bekreftet
    Ventet innen man. 2. mars 16:21
man. 2. mars 10:21 Alle de nye timene er bekreftet: timene dine er flyttet - samband""",
    "en": """\
Mon 2 Mar 08:00 Better times are proposed to you - samband
    Now it is up to you
    Next: you answer the proposal
    Expected by Thu 5 Mar 08:00
Mon 2 Mar 08:20 You accepted a proposal - you
Mon 2 Mar 08:21 The agencies are asked to keep the new times for you - samband
    Waiting for the agencies
    Next: the new times are kept for you
    Expected by Mon 2 Mar 12:21
Mon 2 Mar 09:21 All new times are kept for you; your appointments are being moved - samband
    Waiting for the agencies
    Next: the new times are confirmed
    Expected by Mon 2 Mar 16:21
Mon 2 Mar 10:21 All new times are confirmed: your appointments are moved - samband""",
}


def settled() -> Rig:
    rig, moves = Rig(minute=at("2026-03-02 08:00")), []
    for agency, where in ((HOSPITAL, "hospital"), (SCHOOL, "school")):
        old, new = at("2026-03-09 09:00"), at("2026-03-11 12:00")
        rig.take(appointment(KEY, f"at {agency}", old, source=(agency, "HIS"), recorded="2026-03-01 08:00"))
        moves.append(
            {**move(agency, f"at {agency}", old, f"slot {agency}", new), "institution": place(where)}
        )
    rig.offer(proposal(NAME, moves, rig.minute))
    rig.pass_to(rig.minute + 20 * MINUTE)
    rig.take(citizen_says(NAME, "ACCEPTED", rig.minute))
    rig.pass_to(rig.minute + MINUTE)
    for said in ("HELD", "CONFIRMED"):
        rig.pass_to(rig.minute + HOUR)
        for request in rig.requests()[-2:]:
            rig.take(agency_says(request, said, rig.minute))
    return rig


@pytest.mark.parametrize("language", TOLD)
def test_each_step_says_whose_turn_it_is_what_comes_and_by_when(language):
    view = CitizenView()
    for output in settled().said:
        view.add(output.record, output.value)
    names = {"hospital": "Fjordheim", "school": "Granly"}
    viewer = Viewer(ZoneInfo("Europe/Oslo"), lambda each: names[each["id"]], Texts(language))
    shown = [
        line
        for row, entry in zip(page.entries(view, viewer.in_year_of(view)), view.timeline(), strict=True)
        if entry["kind"] in {"Proposal", "ProposalAnswered"}
        for line in (f"{row.when} {row.what} - {row.who}", *(f"    {note}" for note in row.notes))
    ]
    assert "\n".join(shown) == TOLD[language]


def test_a_proposal_is_shown_with_old_and_new_times_and_how_it_stands():
    rig, names = settled(), {"hospital": "Fjordheim", "school": "Granly"}
    viewer = Viewer(ZoneInfo("Europe/Oslo"), lambda each: names[each["id"]], Texts("en"))
    shown = []
    for value in rig.values("Proposal"):
        console = Console(width=100, file=io.StringIO())
        console.print(views.proposal(cast("Proposal", value), viewer))
        lines = cast("io.StringIO", console.file).getvalue().splitlines()
        shown.append([" ".join(line.split()) for line in lines if line.strip(" ─━")])
    table = [
        "What is proposed",
        "Now New time Where",
        "Mon 9 Mar 09:00 Wed 11 Mar 12:00 Fjordheim",
        "Mon 9 Mar 09:00 Wed 11 Mar 12:00 Granly",
        "One day instead of 2",
    ]
    assert shown == [
        [*table, "Answer by Thu 5 Mar 08:00"],
        [*table, "Accepted; the agencies are asked"],
        [*table, "All new times are confirmed: your appointments are moved"],
    ]

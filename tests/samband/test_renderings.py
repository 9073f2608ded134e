"""Whole stories as a citizen reads them, each written down by hand from its facts, in every language."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.kit.assembly import AssemblyContext, assemble
from connectors.kit.outcomes import Publish, SourceInput
from connectors.kit.pseudonyms import Pseudonyms
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.subject import Context
from connectors.municipality.translate import translate
from router.events import Event
from tests.router.building import (
    CODEC,
    MUNICIPALITY,
    appointment,
    case,
    code,
    fact,
    holder,
    id_of,
    place,
    retracted,
    stay,
    step_done,
    time,
)
from tests.samband.rendering import rendered

GRANVIK = place("municipality")
RECEIVED = 1_539_500_000_000_000
"""14 October 2018, two days after the last event of the Digisos example."""

DIGISOS = """\
2018
tor. 4. okt. 15:37 Søknaden er mottatt - Oslo kommune
    Nå hos Oslo kommune
tor. 4. okt. 15:42 Et kontor har fått saken - Oslo kommune
    Nå hos Nav Frogner
man. 8. okt. 23:47 Et kontor har fått saken - Oslo kommune
    Nå hos Nav Majorstuen
ons. 10. okt. 15:42 Saken er under behandling - Oslo kommune
    Nå hos Oslo kommune
tor. 11. okt. 15:42 Du blir bedt om å sende inn noe - Oslo kommune
    Nå er det du som må gjøre noe
    Neste: du sender det som er etterspurt
    Ventet innen lør. 20. okt. 09:37
fre. 12. okt. 09:37 Foreløpig svar er sendt - Oslo kommune
fre. 12. okt. 15:37 En del av saken vises ikke her - Oslo kommune
fre. 12. okt. 15:37 Saken er under behandling: Nødhjelp - Oslo kommune
fre. 12. okt. 15:37 Søknaden er innvilget - Oslo kommune
fre. 12. okt. 15:37 Utbetaling er planlagt - Oslo kommune
fre. 12. okt. 15:37 Det er satt et vilkår - Oslo kommune
fre. 12. okt. 15:37 Saken er ferdig behandlet - Oslo kommune
= Økonomisk sosialhjelp, avsluttet, kommune.test, fre. 12. okt. 15:37
    ferdig behandlet >  > """

HEART = "Hjerteafdelingen på Herlev og Gentofte hospital"
MEDCOM = {
    "STAA": f"""\
2022
tors. 1. dec. 09.00 Indlagt - {HEART}""",
    "STIN": f"""\
2022
ons. 7. dec. 11.00 Indlagt - {HEART}""",
    "STIN AN_STIN": f"""\
2022
~ ons. 7. dec. 11.00 Indlagt - {HEART}
    Trukket tilbage: dette var ikke rigtigt, se ons. 7. dec. 14.00
ons. 7. dec. 14.00 Blev alligevel ikke indlagt - {HEART}
    Trækker det tilbage, der blev sagt ons. 7. dec. 11.00""",
    "STIN STOR SLHJ_inpatient": f"""\
2022
ons. 7. dec. 11.00 Indlagt - {HEART}
tirs. 13. dec. 13.00 På orlov - {HEART}
søn. 18. dec. 08.45 Opholdet er afsluttet - {HEART}""",
    "STIN MORS_inpatient": f"""\
2022
ons. 7. dec. 11.00 Indlagt - {HEART}
fre. 9. dec. 08.45 Opholdet er afsluttet - {HEART}
fre. 9. dec. 08.45 Et dødsfald er registreret - medcom""",
}
"""By the messages that came. The samples' +02:00 is summer time, so Danish clocks show an hour less."""

RESPITE = {
    "en": """\
2026
Mon 2 Mar 09:00 Application received - Granvik
    Now with Granvik
    Expected by Mon 4 May
Mon 2 Mar 10:05 Application read - Granvik
Mon 2 Mar 11:00 Inquiry sent to a specialist - Granvik
    Waiting for Fjordheim
    Next: the answer comes
    Expected by Mon 16 Mar
Mon 2 Mar 12:00 You are asked for something - Granvik
    Now it is up to you
    Next: you send what is asked for
    Expected by Mon 9 Mar
~ Mon 2 Mar 13:00 Being worked on - Granvik
    Withdrawn: this was not so; see Mon 2 Mar 14:00
Mon 2 Mar 14:00 Something said before was withdrawn - municipality.lillehammer
    Withdraws what was said on Mon 2 Mar 13:00
Tue 3 Mar 12:00 Invited to a meeting [Tue 10 Mar 10:00] - Granvik
    with you, 2 parents or guardians, Fjordheim
    Next: the meeting takes place
Tue 3 Mar 13:00 Appointment booked: Nevropsykologi [Tue 10 Mar 09:30] - Fjordheim, NEVR
! critical: At the same time (15 mins)
    Tue 10 Mar 09:30  Fjordheim, NEVR
    Tue 10 Mar 10:00  Granvik
= Respite care, open, you, Mon 2 Mar 12:00
    meeting called > the meeting takes place > Tue 10 Mar 10:00""",
    "nn": """\
2026
må. 2. mars 09:00 Søknaden er motteken - Granvik
    No hos Granvik
    Venta innan må. 4. mai
må. 2. mars 10:05 Søknaden er lesen - Granvik
må. 2. mars 11:00 Ein fagperson er spurd om ei vurdering - Granvik
    Ventar på Fjordheim
    Neste: svaret kjem
    Venta innan må. 16. mars
må. 2. mars 12:00 Du blir beden om å sende inn noko - Granvik
    No er det du som må gjere noko
    Neste: du sender det som er etterspurt
    Venta innan må. 9. mars
~ må. 2. mars 13:00 Saka er under behandling - Granvik
    Trekt tilbake: dette stemte ikkje, sjå må. 2. mars 14:00
må. 2. mars 14:00 Noko som var sagt før, er trekt tilbake - municipality.lillehammer
    Trekkjer tilbake det som vart sagt må. 2. mars 13:00
ty. 3. mars 12:00 Invitert til møte [ty. 10. mars 10:00] - Granvik
    saman med deg, 2 foreldre eller verjer, Fjordheim
    Neste: møtet blir halde
ty. 3. mars 13:00 Avtale sett opp: Nevropsykologi [ty. 10. mars 09:30] - Fjordheim, NEVR
! viktig: Samstundes (15 min)
    ty. 10. mars 09:30  Fjordheim, NEVR
    ty. 10. mars 10:00  Granvik
= Avlasting, pågår, deg, må. 2. mars 12:00
    kalla inn til møte > møtet blir halde > ty. 10. mars 10:00""",
    "sv": """\
2026
mån 2 mars 09:00 Ansökan har kommit in - Granvik
    Nu hos Granvik
    Väntas senast mån 4 maj
mån 2 mars 10:05 Ansökan är läst - Granvik
mån 2 mars 11:00 En specialist har ombetts göra en bedömning - Granvik
    Väntar på Fjordheim
    Härnäst: svaret kommer
    Väntas senast mån 16 mars
mån 2 mars 12:00 Du ombeds att skicka in något - Granvik
    Nu är det din tur
    Härnäst: du skickar in det som efterfrågas
    Väntas senast mån 9 mars
~ mån 2 mars 13:00 Ärendet handläggs - Granvik
    Tillbakadraget: det här stämde inte, se mån 2 mars 14:00
mån 2 mars 14:00 Något som sagts tidigare har tagits tillbaka - municipality.lillehammer
    Tar tillbaka det som sades mån 2 mars 13:00
tis 3 mars 12:00 Inbjuden till möte [tis 10 mars 10:00] - Granvik
    tillsammans med dig, 2 föräldrar eller vårdnadshavare, Fjordheim
    Härnäst: mötet hålls
tis 3 mars 13:00 Tid bokad: Nevropsykologi [tis 10 mars 09:30] - Fjordheim, NEVR
! viktigt: Samtidigt (15 min)
    tis 10 mars 09:30  Fjordheim, NEVR
    tis 10 mars 10:00  Granvik
= Avlastning, pågår, dig, mån 2 mars 12:00
    möte utlyst > mötet hålls > tis 10 mars 10:00""",
    "fi": """\
2026
ma 2.3. 9.00 Hakemus on vastaanotettu - Granvik
    Nyt vuorossa: Granvik
    Odotetaan viimeistään: ma 4.5.
ma 2.3. 10.05 Hakemus on luettu - Granvik
ma 2.3. 11.00 Asiantuntijalta on pyydetty arviota - Granvik
    Odotetaan vastausta: Fjordheim
    Seuraavaksi: vastaus saapuu
    Odotetaan viimeistään: ma 16.3.
ma 2.3. 12.00 Sinulta pyydetään lisätietoja - Granvik
    Nyt on sinun vuorosi
    Seuraavaksi: lähetät pyydetyt tiedot
    Odotetaan viimeistään: ma 9.3.
~ ma 2.3. 13.00 Asiaa käsitellään - Granvik
    Peruttu: tämä ei pitänyt paikkaansa, ks. ma 2.3. 14.00
ma 2.3. 14.00 Jokin aiemmin ilmoitettu on peruttu - municipality.lillehammer
    Peruu aiemman tiedon: ma 2.3. 13.00
ti 3.3. 12.00 Kutsu tapaamiseen [ti 10.3. 10.00] - Granvik
    mukana: sinä, 2 huoltajaa, Fjordheim
    Seuraavaksi: tapaaminen pidetään
ti 3.3. 13.00 Aika on varattu: Nevropsykologi [ti 10.3. 9.30] - Fjordheim, NEVR
! tärkeää: Samaan aikaan (15 min)
    ti 10.3. 9.30  Fjordheim, NEVR
    ti 10.3. 10.00  Granvik
= Tilapäinen hoitoapu, kesken, sinulla, ma 2.3. 12.00
    tapaaminen sovittu > tapaaminen pidetään > ti 10.3. 10.00""",
}


def test_the_digisos_example_in_bokmal(samples: Path) -> None:
    settings = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "0301"})
    context = Context("kommune.test", settings, Pseudonyms(b"k" * 32, "1"))
    document = (samples / "digisos" / "komplett.json").read_bytes()
    source = SourceInput(payload=document, received=RECEIVED)
    made = translate(source, context, "komplett")
    assert isinstance(made, Publish)
    records = assemble(made.facts, source, AssemblyContext("municipality", "kommune.test", "test", "test"))
    read = [CODEC.decode(CODEC.encode(each.record, each.value)) for each in records]
    events = [
        Event(each.topic, each.key, decoded.record, decoded.value, b"")
        for each, decoded in zip(records, read, strict=True)
    ]
    names = {"0301": "Oslo kommune", "0314": "Nav Frogner", "0315": "Nav Majorstuen"}
    assert rendered(events, "nb", names) == DIGISOS
    assert rendered(events[::-1], "nb", names) == DIGISOS


@pytest.mark.parametrize("messages", MEDCOM)
def test_the_medcom_admissions_in_danish(samples: Path, messages: str) -> None:
    folder = samples / "medcom_hn" / "json"
    events = [
        event
        for name in messages.split()
        for event in notified(json.loads((folder / f"{name}.json").read_text()))
    ]
    names = {"265161000016000": HEART}
    copenhagen = ZoneInfo("Europe/Copenhagen")
    assert rendered(events, "da", names, copenhagen) == MEDCOM[messages]
    assert rendered(events[::-1], "da", names, copenhagen) == MEDCOM[messages]


def notified(bundle: Any) -> list[Event]:
    """The facts of a MedCom HospitalNotification, by its newest Provenance."""
    parts: dict[str, list[Any]] = {}
    for entry in bundle["entry"]:
        parts.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    (encounter,), (patient,) = parts["Encounter"], parts["Patient"]
    newest = max(parts["Provenance"], key=lambda each: datetime.fromisoformat(each["recorded"]))
    activity = newest["activity"]["coding"][0]["code"]
    message = newest["target"][0]["reference"]
    recorded = instant(newest["recorded"])
    key, name = patient["identifier"][0]["value"], encounter["episodeOfCare"][0]["identifier"]["value"]
    more: Any = {"recorded": recorded, "source": ("medcom", "HN"), "id": message}

    def said(record: str, occurred: int, **body: Any) -> Event:
        where = {"institution": place("265161000016000", system="SOR")}
        return stay(record, key, name, {**where, **body}, occurred=occurred, **more)

    end = encounter["period"].get("end")
    if patient.get("deceasedBoolean"):
        dead: dict[str, Any] = {
            "status": code("DECEASED"),
            "roles": [],
            "relations": [],
            "institution": None,
            "details": None,
        }
        death = fact("PersonUpdated", key, dead, **{**more, "id": f"{message}/death"})
        return [said("StayEnded", instant(end), end=time(instant(end)), disposition=code("DECEASED")), death]
    if activity.startswith("cancel-"):
        more["retracts"] = newest["entity"][0]["what"]["reference"]
        return [said("StayCorrected", recorded, correction="ADMISSION_CANCELLED", other_key=None)]
    if activity.startswith("start-leave-"):
        return [said("StayOnLeave", recorded, phase="STARTED", at=time(recorded), expected_return=None)]
    if activity.startswith("discharge-"):
        return [said("StayEnded", instant(end), end=time(instant(end)), disposition=None)]
    start = instant(encounter["period"]["start"])
    kind = {"IMP": "INPATIENT", "EMER": "EMERGENCY"}[encounter["class"]["code"]]
    return [said("StayStarted", start, start=time(start), kind=code(kind), ward=None)]


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def invitee(kind: str, where: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "person": None, "institution": place(where) if where else None}


def respite_care() -> list[Event]:
    """A family applies, three parties have to act, one step was said by mistake, and a meeting collides."""
    day = {name: time(f"2026-{name} 00:00", "DATE_ONLY") for name in ("03-09", "03-16", "05-04")}
    opened = {"kind": code("RESPITE_CARE"), "expected_by": day["05-04"], "holder": holder("AGENCY", GRANVIK)}
    inquiry = {
        "service": code("SPECIALIST_ASSESSMENT"), "recipient": place("hospital"),
        "expected_by": day["03-16"], "holder": holder("THIRD_PARTY", place("hospital")),
    }  # fmt: skip
    asked = {"due": day["03-09"], "count": 2, "holder": holder("CITIZEN")}
    meeting = {
        "meeting": "m1", "start": time("2026-03-10 10:00"), "end": time("2026-03-10 11:00"), "place": None,
        "invited": [invitee("CITIZEN"), *[invitee("GUARDIAN")] * 2, invitee("INSTITUTION", "hospital")],
    }  # fmt: skip
    wrong = step_done("N1", "c1", "IN_PROGRESS", recorded="2026-03-02 13:00")
    return [
        case("CaseOpened", "N1", "c1", opened, recorded="2026-03-02 09:00"),
        step_done("N1", "c1", "READ", recorded="2026-03-02 10:05"),
        case("ServiceRequested", "N1", "c1", inquiry, recorded="2026-03-02 11:00"),
        case("InformationRequested", "N1", "c1", asked, recorded="2026-03-02 12:00"),
        wrong,
        retracted("N1", "CaseStepCompleted", wrong, recorded="2026-03-02 14:00", source=MUNICIPALITY),
        case("MeetingInvited", "N1", "c1", meeting, recorded="2026-03-03 12:00"),
        appointment(
            "N1", "a1", "2026-03-10 09:30", "2026-03-10 10:15", where=place("hospital", "NEVR"),
            title="Nevropsykologi", recorded="2026-03-03 13:00",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("language", RESPITE)
def test_the_story_of_respite_care(language: str) -> None:
    names = {"municipality": "Granvik", "hospital": "Fjordheim"}
    assert rendered(respite_care(), language, names) == RESPITE[language]
    assert rendered(respite_care()[::-1], language, names) == RESPITE[language]


def test_what_was_corrected_says_what_holds_instead() -> None:
    first = step_done("N1", "c1", "READ", recorded="2025-12-31 10:00")
    second = step_done("N1", "c1", "IN_PROGRESS", recorded="2026-01-02 10:00", supersedes=id_of(first))
    odd = step_done(
        "N1", "c1", "FINISHED", occurred="9999-12-31 10:00", recorded="2026-01-03 10:00", closes=True
    )
    assert (
        rendered([first, second, odd], "en", {"municipality": "Granvik"})
        == """\
2025
~ Wed 31 Dec 10:00 Application read - Granvik
    Corrected: this no longer holds; see Fri, 2 Jan 2026 10:00
2026
Fri 2 Jan 10:00 Being worked on - Granvik
    Corrects what was said on Wed, 31 Dec 2025 10:00
Sat 3 Jan 10:00 (uncertain) Finished - Granvik
= Another case, closed, municipality.lillehammer, Sat 3 Jan 10:00
    finished >  > """
    )

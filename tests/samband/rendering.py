"""A citizen's page as plain lines, so that a whole story can be written down by hand and compared."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from router.events import Event
from samband import page
from samband.citizen_view import CitizenView
from samband.texts import Texts
from schemas.records import Institution
from tests.router.world import World

OSLO = ZoneInfo("Europe/Oslo")


def rendered(events: Iterable[Event], language: str, names: dict[str, str], zone: ZoneInfo = OSLO) -> str:
    """What a reader sees after the router was told these facts, in this order, on one partition."""
    world = World()
    for event in events:
        world.put([event])
        world.run()
    view = CitizenView()
    for output in world.outputs:
        view.add(output.record, output.value)
    return "\n".join(_lines(view, _viewer(language, names, zone).in_year_of(view)))


def _viewer(language: str, names: dict[str, str], zone: ZoneInfo) -> page.Viewer:
    def name_of(institution: Institution) -> str:
        return names[institution["id"]]

    return page.Viewer(zone, name_of, Texts(language))


def _lines(view: CitizenView, viewer: page.Viewer) -> Iterable[str]:
    """``~`` before what no longer stands."""
    for row in page.entries(view, viewer):
        if row.year:
            yield str(row.year)
        what = f"{row.what}: {row.title}" if row.title else row.what
        planned = f" [{row.planned}]" if row.planned else ""
        yield f"{'' if row.stands else '~ '}{row.when} {what}{planned} - {row.who}"
        yield from (f"    {note}" for note in row.notes)
    for found in page.findings(view.open_findings(), viewer):
        yield f"! {found.severity}: {found.what}"
        yield from (f"    {each}" for each in found.between)
    for case in page.cases(sorted(view.cases.values(), key=lambda each: each["case"]), viewer):
        yield f"= {case.kind}, {case.state}, {case.held_by}, {case.since}"
        yield f"    {case.last_step} > {case.next_step} > {case.expected}"

"""What entries, steps and findings are called in one of the languages, by their text key.

A coded value that has no words of its own falls back to the sentence without it, never to a code.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo

from babel import Locale
from babel.dates import format_skeleton, format_time
from babel.numbers import format_decimal
from babel.units import format_unit

from samband.catalogues import catalogue
from schemas.records import Finding, Holder, Institution, Invitee, Proposal, Time

_LOCALES = {"en": "en_GB"}
"""Where the language alone would give the forms of another continent."""
_HOUR = 60
_EARLIEST, _LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2, 9999))
"""What a calendar can show in any zone; a source may say anything."""


class Texts:
    """One language.

    Raises:
        CatalogueError: its catalogue is wrong (on construction).
    """

    def __init__(self, language: str) -> None:
        self._catalogue = catalogue(language)
        self._locale = Locale.parse(_LOCALES.get(language, language))

    def say(self, key: str, **figures: int | str) -> str:
        """The text of a key, with its figures; a number named ``minutes…`` is a length of time.

        Raises:
            KeyError: there is no such key, or a figure is not given.
        """
        count = figures.get(self._catalogue.phrases[key].counts)
        shown = {name: self._figure(name, value) for name, value in figures.items()}
        return self._catalogue.text(key, shown, count if isinstance(count, int) else None)

    def entry(self, key: str) -> str:
        """The sentence for a timeline entry."""
        return self._known(key, key.rpartition(".")[0], "entry.other")

    def step(self, mapped: str) -> str:
        """A step or outcome of a case."""
        return self._known(f"step.{mapped.lower()}", "step.unknown")

    def kind(self, mapped: str) -> str:
        """A kind of case."""
        return self._known(f"kind.{mapped.lower()}", "kind.unknown")

    def _known(self, *keys: str) -> str:
        """The text of the first of these keys that there is."""
        return self.say(next(key for key in keys if key in self._catalogue.phrases))

    def finding(self, finding: Finding) -> str:
        """The sentence for a finding, with its figures."""
        try:
            return self.say(finding["reason"], **finding["numbers"])
        except KeyError:
            return self.say("finding.other")

    def gain(self, key: str, proposal: Proposal) -> str:
        """What a proposal saves, with its figures; empty for what has no words."""
        figures = dict(proposal["numbers"])
        if "travel_minutes_before" in figures:
            figures["minutes_saved"] = figures["travel_minutes_before"] - figures["travel_minutes_after"]
        try:
            return self.say(key, **figures)
        except KeyError:
            return ""

    def invited(self, invited: Iterable[Invitee], name_of: Callable[[Institution], str]) -> str:
        """Who is on the list of a meeting: the citizen, the others by their number or their institution."""
        counted = Counter(_invitee(each, name_of) for each in invited)
        return ", ".join(self._counted(key, who, count) for (key, who), count in counted.items())

    def _counted(self, key: str, who: str, count: int) -> str:
        if key:
            return self.say(key, count=count)
        return who if count == 1 else self.say("who.several", who=who, count=count)

    def holder(self, holder: Holder | None, name_of: Callable[[Institution], str], agency: str) -> str:
        """Who has to act next, for a column with that heading."""
        if holder is not None and holder["kind"] == "CITIZEN":
            return self.say("who.holds.you")
        return name_of(holder["institution"]) if holder and holder["institution"] else agency

    def moment(self, time: Time, zone: tzinfo, *, year: int | None = None) -> str:
        """A time in a zone, without its year if that is ``year``; only the day if the source gave no more."""
        local = local_time(time, zone)
        day = format_skeleton("MMMEd" if local.year == year else "yMMMEd", local, locale=self._locale)
        if time["confidence"] == "DATE_ONLY":
            return day
        clock = format_time(local.replace(tzinfo=None), self.clock, locale=self._locale)
        shown = f"{day} {clock}"
        return self.say("time.doubtful", when=shown) if time["confidence"] == "DOUBTFUL" else shown

    @property
    def clock(self) -> str:
        """The pattern of a time of day, e.g. ``HH:mm``."""
        return str(self._locale.time_formats["short"].pattern)

    def _figure(self, name: str, value: int | str) -> str:
        if isinstance(value, str):
            return value
        return (
            self._duration(value)
            if name.startswith("minutes")
            else format_decimal(value, locale=self._locale)
        )

    def _duration(self, minutes: int) -> str:
        """Hours and minutes, short."""
        hours, rest = divmod(minutes, _HOUR)
        parts = [(hours, "hour")] if hours else []
        if rest or not hours:
            parts.append((rest, "minute"))
        return " ".join(format_unit(n, unit, length="short", locale=self._locale) for n, unit in parts)


def local_time(time: Time, zone: tzinfo) -> datetime:
    """An instant of the bus on the clock of a zone."""
    seconds = min(max(time["instant"] // 1_000_000, _EARLIEST), _LATEST)
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone)


def _invitee(invitee: Invitee, name_of: Callable[[Institution], str]) -> tuple[str, str]:
    """A text key, or an institution's name."""
    if invitee["kind"] == "CITIZEN":
        return "who.you", ""
    if invitee["kind"] == "GUARDIAN":
        return "who.guardian", ""
    return ("", name_of(invitee["institution"])) if invitee["institution"] else ("who.professional", "")

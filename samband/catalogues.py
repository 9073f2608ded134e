"""Reads the message catalogues in ``translations``, and refuses one that would leave a reader without words.

A catalogue is a PO file for each language; the key stands where other projects have the English sentence. It
is read as it lies there: nothing is compiled (docs/adr/0019-texts.md). A text names its figures in braces.
Where ``msgid_plural`` stands, it names the figure that chooses between the forms. English says which keys and
figures there are. ``python -m samband.catalogues`` lists everything that is wrong.
"""

import re
import string
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po

from samband.languages import Language
from schemas.errors import FatalError

FOLDER = Path(__file__).with_name("translations")
REFERENCE = "en"
_KEY = re.compile(r'msgid "(.+)"')
_KEY_FORM = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")


class CatalogueError(FatalError):
    """A text is missing or wrong. The message names file, line and key."""


class Phrase(NamedTuple):
    """The texts of one key."""

    forms: tuple[str, ...]
    """One, or as many as the language has plural forms."""
    counts: str
    """The figure that chooses the form; empty when there is one form."""
    line: int


class Catalogue(NamedTuple):
    """All texts of one language."""

    language: str
    phrases: Mapping[str, Phrase]
    plural: Callable[[int], int]
    """Which form a count takes."""

    def text(self, key: str, figures: Mapping[str, str], count: int | None = None) -> str:
        """The text with its figures, as they are to be shown. ``count`` chooses the plural form.

        Raises:
            KeyError: there is no such key, or a figure is not given.
        """
        forms = self.phrases[key].forms
        template = forms[0] if len(forms) == 1 else forms[self.plural(count or 0)]
        return template.format_map(figures)


@cache
def catalogue(language: str, folder: Path = FOLDER) -> Catalogue:
    """The texts of a language, checked.

    Raises:
        CatalogueError: a file cannot be read, or is wrong; the message says the first place and why.
    """
    found = list(problems(language, folder))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise CatalogueError(found[0] + more, fix="Mend the text; `make lint` lists all that is wrong.")
    return _read(language, folder)


def problems(language: str, folder: Path = FOLDER) -> Iterator[str]:
    """What is wrong with a language's texts: ``file:line: key: why``."""
    try:
        reference, own = _read(REFERENCE, folder), _read(language, folder)
    except CatalogueError as error:
        yield str(error)
        return
    for key, phrase in own.phrases.items():
        for why in _wrong_with(key, phrase, reference.phrases.get(key)):
            yield f"{_path(language, folder)}:{phrase.line}: {key}: {why}"
    for key in reference.phrases.keys() - own.phrases.keys():
        where = f"{REFERENCE}.po has it in line {reference.phrases[key].line}"
        yield f"{_path(language, folder)}: {key}: is missing ({where})"


def _wrong_with(key: str, phrase: Phrase, wanted: Phrase | None) -> Iterator[str]:
    if wanted is None:
        yield f"is not among the keys of {REFERENCE}.po"
        return
    if not _KEY_FORM.fullmatch(key):
        yield "a key is words in lower case, joined by dots"
    if phrase.counts != wanted.counts:
        yield f"msgid_plural must be the same as in {REFERENCE}.po"
    for form in phrase.forms:
        yield from _wrong_with_text(form)
    try:
        figures, wanted_figures = _figures(phrase), _figures(wanted)
    except ValueError:
        return
    if figures != wanted_figures:
        names = ", ".join(sorted(wanted_figures)) or "none"
        yield f"must use the figures that {REFERENCE}.po uses: {names}"


def _wrong_with_text(form: str) -> Iterator[str]:
    if not form.strip():
        yield "has no text"
    elif form != form.strip() or not form.isprintable():
        yield "has blanks at an end, or characters that cannot be shown"
    try:
        names = _figures(Phrase((form,), "", 0))
    except ValueError:
        yield "a figure is written as its name in braces, and a brace as two"
    else:
        if not all(name.isidentifier() for name in names):
            yield "a figure is a name, with nothing after it"


def _figures(phrase: Phrase) -> set[str]:
    """The names in braces. A form for one thing may leave its count out."""
    found = set()
    for form in phrase.forms:
        for _, name, spec, conversion in string.Formatter().parse(form):
            if spec or conversion:
                raise ValueError(name)
            if name is not None:
                found.add(name)
    return found


def _path(language: str, folder: Path) -> str:
    return f"{folder.name}/{language}.po"


@cache
def _read(language: str, folder: Path) -> Catalogue:
    """The file as it is.

    Raises:
        CatalogueError: it cannot be read.
    """
    path = folder / f"{language}.po"
    try:
        _refuse_twins(path, language, folder)
        with path.open("rb") as file:
            catalog: Catalog = read_po(file, locale=language, abort_invalid=True)
        plural = c2py(catalog.plural_expr)
    except PoFileError as error:
        raise CatalogueError(f"{_path(language, folder)}:{error.lineno + 1}: {error.args[0]}") from None
    except (OSError, ValueError) as error:
        why = f"{_path(language, folder)}: cannot be read ({type(error).__name__})"
        raise CatalogueError(why, fix="Is the installation whole?") from None
    phrases = {}
    for message in catalog:
        if message.id:
            found = _phrase(message, catalog.num_plurals)
            if isinstance(found, str):
                raise CatalogueError(f"{_path(language, folder)}:{message.lineno}: {found}")
            phrases[_key(message)] = found
    return Catalogue(language, phrases, plural)


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _phrase(message: Message, forms: int) -> Phrase | str:
    """The texts of a message, or why it has none."""
    key, line = _key(message), message.lineno or 0
    if message.fuzzy:
        return f"{key}: is marked as fuzzy, so nobody has said that it is right"
    texts = message.string
    if isinstance(texts, str) or texts is None:
        return Phrase((texts or "",), "", line)
    if len(texts) != forms or not all(texts):
        return f"{key}: needs {forms} plural forms"
    return Phrase(tuple(texts), message.id[1], line)


def _refuse_twins(path: Path, language: str, folder: Path) -> None:
    """Babel keeps one of two messages with the same key and says nothing."""
    seen = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = _KEY.fullmatch(line)
        if found and found[1] in seen:
            raise CatalogueError(f"{_path(language, folder)}:{number}: {found[1]}: is there twice")
        seen.add(found[1] if found else "")


def main() -> int:
    """Print what is wrong with any catalogue; 1 if anything is."""
    found = [problem for language in Language for problem in problems(language)]
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

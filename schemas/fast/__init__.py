"""Reads and writes values of one schema in compiled code: a tenth of fastavro's time.

It knows what fits. For anything else (bytes that are not what the schema says, values that do not fit, and
rare ones that are and do) it raises one of ``DOUBT`` or ``MISFIT``, and the caller asks fastavro, which says
what is wrong and where; so no rule of what is right stands here only.

``reading.pyx`` and ``writing.pyx`` are compiled when the project is installed (``tools/native.py``). Where
there was no compiler, there are no readers and writers here, and fastavro does all of the work. Why there is
native code of our own: ADR 26.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.fast.tree import Tree, Unread
from schemas.sources import Schema

try:
    from schemas.fast import reading, writing
except ImportError:
    COMPILED = False
else:
    COMPILED = True

DOUBT = (ValueError, LookupError)
"""What a reader raises for bytes that are not its own to read."""

MISFIT = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""What a writer raises for a value that is not its own to write."""

Read = Callable[[bytes, int], dict[str, Any]]
"""Takes bytes and where to begin; gives the value that ends where they end."""

Write = Callable[[bytes, Mapping[str, Any]], bytes]
"""Takes what goes in front and the value."""


def fast_reader(schema: Schema, unread: Iterable[str] = ()) -> Read | None:
    """The reader of a record schema; None when only fastavro can read it.

    ``unread`` are paths of fields that its values are to be without, e.g. ``meta.hops``; through a list or an
    optional record a path goes on as if these were not there. What the schema does not have is let be. Of a
    text that nobody reads, only the length is looked at.
    """
    if not COMPILED:
        return None
    try:
        return reading.Reader(Tree(reading, schema).node(schema, _tree(unread))).read
    except NotImplementedError:
        return None


def fast_writer(schema: Schema) -> Write | None:
    """The writer of a record schema; None when only fastavro can write it."""
    if not COMPILED:
        return None
    try:
        return writing.Writer(Tree(writing, schema).node(schema, {})).write
    except NotImplementedError:
        return None


def _tree(paths: Iterable[str]) -> Unread:
    tree: Unread = {}
    for path in sorted(paths, key=len, reverse=True):  # a field after the fields in it, so that it wins
        *above, last = path.split(".")
        node = tree
        for name in above:
            node = node.setdefault(name, {})
        node[last] = {}
    return tree

# cython: language_level=3, boundscheck=False, wraparound=False
"""Reads values of one schema, without a look at the schema for each of them.

A schema becomes a tree of nodes once; a node reads what stands at the cursor, or steps over it where nobody
wants the value. It gives what fastavro gives, or raises ValueError: for bytes that are not what the schema
says, and for rare ones that are (blocks with their size in front). No byte beyond the end is looked at.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Copy, PyDict_SetItem
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end


cdef int doubt() except -1:
    raise ValueError("not what the schema says")


cdef inline int whole(Cursor* cursor, int64_t* number) except -1:
    """A whole number: zigzag, then 7 bits a byte, the lowest first (Avro 1.12, Binary encoding)."""
    cdef uint64_t found = 0
    cdef int shift = 0
    cdef uint8_t byte
    while True:
        if cursor.at == cursor.end or shift > 63:
            doubt()
        byte = cursor.at[0]
        cursor.at += 1
        found |= <uint64_t>(byte & 127) << shift
        if byte < 128:
            break
        shift += 7
    if shift == 63 and byte > 1:
        doubt()
    number[0] = <int64_t>(found >> 1) ^ -<int64_t>(found & 1)
    return 0


cdef inline Py_ssize_t length(Cursor* cursor) except -1:
    """How many bytes or items follow. There are at least so many bytes, and no item takes none."""
    cdef int64_t number = 0
    whole(cursor, &number)
    if number < 0 or number > cursor.end - cursor.at:
        doubt()
    return <Py_ssize_t>number


cdef class Node:
    """A type of the schema."""

    cdef object read(self, Cursor* cursor):
        """The value that stands here."""
        raise NotImplementedError

    cdef int skip(self, Cursor* cursor) except -1:
        """Step over the value that stands here."""
        raise NotImplementedError


cdef class Int(Node):
    cdef object read(self, Cursor* cursor):
        cdef int64_t number = 0
        whole(cursor, &number)
        return number

    cdef int skip(self, Cursor* cursor) except -1:
        cdef int64_t number = 0
        return whole(cursor, &number)


cdef class Long(Int):
    pass


cdef class Bytes(Node):
    cdef object read(self, Cursor* cursor):
        cdef Py_ssize_t size = length(cursor)
        cursor.at += size
        return PyBytes_FromStringAndSize(<const char*>cursor.at - size, size)

    cdef int skip(self, Cursor* cursor) except -1:
        cursor.at += length(cursor)
        return 0


cdef class String(Bytes):
    cdef object read(self, Cursor* cursor):
        cdef Py_ssize_t size = length(cursor)
        cursor.at += size
        return PyUnicode_DecodeUTF8(<const char*>cursor.at - size, size, NULL)


cdef class Boolean(Node):
    cdef object read(self, Cursor* cursor):
        self.skip(cursor)
        return (cursor.at - 1)[0] == 1

    cdef int skip(self, Cursor* cursor) except -1:
        if cursor.at == cursor.end or cursor.at[0] > 1:
            doubt()
        cursor.at += 1
        return 0


cdef class Enum(Node):
    cdef tuple symbols

    def __init__(self, list symbols):
        self.symbols = tuple(symbols)

    cdef Py_ssize_t number(self, Cursor* cursor) except -1:
        cdef int64_t number = 0
        whole(cursor, &number)
        if not 0 <= number < len(self.symbols):
            doubt()
        return <Py_ssize_t>number

    cdef object read(self, Cursor* cursor):
        return self.symbols[self.number(cursor)]

    cdef int skip(self, Cursor* cursor) except -1:
        self.number(cursor)
        return 0


cdef class Optional(Node):
    """A union of null and one other type."""

    cdef Node inner
    cdef int64_t nothing

    def __init__(self, Node inner, int64_t nothing):
        self.inner, self.nothing = inner, nothing

    cdef bint is_there(self, Cursor* cursor) except -1:
        cdef int64_t branch = 0
        whole(cursor, &branch)
        if branch != self.nothing and branch != 1 - self.nothing:
            doubt()
        return branch != self.nothing

    cdef object read(self, Cursor* cursor):
        return self.inner.read(cursor) if self.is_there(cursor) else None

    cdef int skip(self, Cursor* cursor) except -1:
        return self.inner.skip(cursor) if self.is_there(cursor) else 0


cdef class Array(Node):
    cdef Node item

    def __init__(self, Node item):
        self.item = item

    cdef int one(self, Cursor* cursor, object items) except -1:
        """Take the next item into ``items``, or step over it where that is None."""
        if items is None:
            return self.item.skip(cursor)
        (<list>items).append(self.item.read(cursor))
        return 0

    cdef int every(self, Cursor* cursor, object items) except -1:
        """The items of all blocks, one after the other."""
        cdef Py_ssize_t number, left = length(cursor)
        while left:
            for number in range(left):
                self.one(cursor, items)
            left = length(cursor)
        return 0

    cdef object read(self, Cursor* cursor):
        cdef list items = []
        self.every(cursor, items)
        return items

    cdef int skip(self, Cursor* cursor) except -1:
        return self.every(cursor, None)


cdef class Map(Array):
    cdef String key

    def __init__(self, Node item):
        super().__init__(item)
        self.key = String()

    cdef int one(self, Cursor* cursor, object items) except -1:
        if items is None:
            self.key.skip(cursor)
            return self.item.skip(cursor)
        key = self.key.read(cursor)
        (<dict>items)[key] = self.item.read(cursor)
        return 0

    cdef object read(self, Cursor* cursor):
        cdef dict items = {}
        self.every(cursor, items)
        return items


cdef class Record(Node):
    cdef tuple names
    """Of each field; None for one that nobody reads."""
    cdef tuple fields
    cdef dict blank
    """All that are read, with no values: its copy has room for them."""

    def __init__(self, list names, list fields):
        self.names, self.fields = tuple(names), tuple(fields)
        self.blank = dict.fromkeys(name for name in names if name is not None)

    cdef object read(self, Cursor* cursor):
        cdef dict value = PyDict_Copy(self.blank)
        cdef Py_ssize_t number
        for number in range(len(self.fields)):
            name = self.names[number]
            if name is None:
                (<Node>self.fields[number]).skip(cursor)
            else:
                PyDict_SetItem(value, name, (<Node>self.fields[number]).read(cursor))
        return value

    cdef int skip(self, Cursor* cursor) except -1:
        for field in self.fields:
            (<Node>field).skip(cursor)
        return 0


cdef class Reader:
    """Reads records of one schema."""

    cdef Node record

    def __init__(self, Node record):
        self.record = record

    def read(self, bytes data not None, Py_ssize_t at):
        """The record that stands in ``data`` from ``at`` to the end. ValueError if none does."""
        cdef Cursor cursor
        if not 0 <= at <= PyBytes_GET_SIZE(data):
            doubt()
        cursor.at = <const uint8_t*>PyBytes_AS_STRING(data) + at
        cursor.end = <const uint8_t*>PyBytes_AS_STRING(data) + PyBytes_GET_SIZE(data)
        value = self.record.read(&cursor)
        if cursor.at != cursor.end:
            doubt()
        return value

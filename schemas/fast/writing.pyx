# cython: language_level=3, boundscheck=False, wraparound=False
"""Writes values of one schema, without a look at the schema for each of them.

A schema becomes a tree of nodes once; a node adds its value's bytes to the buffer. It writes what fastavro
writes, byte for byte, or raises ValueError, TypeError, OverflowError or LookupError: for a value that does
not fit, and for the rare one that fastavro bends until it does (a field left out for its default, a mapping
that is no dict). No Python code runs between the first byte and the last.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next, PyDict_Size
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_Check
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    void* PyUnicode_DATA(object text)

cdef enum:
    SMALL = 4096
    MOST_OF_NUMBER = 10


cdef struct Buffer:
    uint8_t* data
    Py_ssize_t size
    Py_ssize_t room
    bint grown  # whether ``data`` is from the heap; it begins on the stack


cdef int misfit() except -1:
    raise TypeError("does not fit")


cdef int grow(Buffer* buffer, Py_ssize_t more) except -1:
    cdef Py_ssize_t room = 2 * (buffer.size + more)
    cdef uint8_t* data
    if buffer.grown:
        data = <uint8_t*>PyMem_Realloc(buffer.data, room)
    else:
        data = <uint8_t*>PyMem_Malloc(room)
    if data == NULL:
        raise MemoryError
    if not buffer.grown:
        memcpy(data, buffer.data, buffer.size)
    buffer.data, buffer.room, buffer.grown = data, room, True
    return 0


cdef inline int make_room(Buffer* buffer, Py_ssize_t more) except -1:
    return grow(buffer, more) if buffer.room - buffer.size < more else 0


cdef inline int add_number(Buffer* buffer, int64_t number) except -1:
    """Zigzag, then 7 bits a byte, the lowest first (Avro 1.12, Binary encoding)."""
    cdef uint64_t left = (<uint64_t>number << 1) ^ <uint64_t>(number >> 63)
    make_room(buffer, MOST_OF_NUMBER)
    while left > 127:
        buffer.data[buffer.size] = <uint8_t>(left & 127 | 128)
        buffer.size += 1
        left >>= 7
    buffer.data[buffer.size] = <uint8_t>left
    buffer.size += 1
    return 0


cdef inline int add(Buffer* buffer, const void* data, Py_ssize_t size) except -1:
    make_room(buffer, size)
    memcpy(buffer.data + buffer.size, data, size)
    buffer.size += size
    return 0


cdef inline int add_text(Buffer* buffer, object text) except -1:
    cdef bytes encoded
    if not PyUnicode_Check(text):
        misfit()
    if PyUnicode_IS_COMPACT_ASCII(text):
        add_number(buffer, PyUnicode_GET_LENGTH(text))
        return add(buffer, PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text))
    encoded = PyUnicode_AsUTF8String(text)
    add_number(buffer, PyBytes_GET_SIZE(encoded))
    return add(buffer, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))


cdef class Node:
    """A type of the schema."""

    cdef int write(self, Buffer* buffer, object value) except -1:
        """Add the bytes of ``value``."""
        raise NotImplementedError


cdef class Long(Node):
    cdef int write(self, Buffer* buffer, object value) except -1:
        if type(value) is not int:
            misfit()
        return add_number(buffer, <int64_t>value)


cdef class Int(Node):
    cdef int write(self, Buffer* buffer, object value) except -1:
        cdef int64_t number
        if type(value) is not int:
            misfit()
        number = <int64_t>value
        if number < -0x80000000 or number > 0x7FFFFFFF:
            misfit()
        return add_number(buffer, number)


cdef class String(Node):
    cdef int write(self, Buffer* buffer, object value) except -1:
        return add_text(buffer, value)


cdef class Bytes(Node):
    cdef int write(self, Buffer* buffer, object value) except -1:
        if type(value) is not bytes:
            misfit()
        add_number(buffer, PyBytes_GET_SIZE(value))
        return add(buffer, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef class Boolean(Node):
    cdef int write(self, Buffer* buffer, object value) except -1:
        if value is not True and value is not False:
            misfit()
        return add_number(buffer, -1 if value is True else 0)


cdef class Enum(Node):
    cdef dict numbers

    def __init__(self, list symbols):
        self.numbers = {symbol: number for number, symbol in enumerate(symbols)}

    cdef int write(self, Buffer* buffer, object value) except -1:
        if type(value) is not str:
            misfit()
        return add_number(buffer, <int64_t>self.numbers[value])


cdef class Optional(Node):
    """A union of null and one other type."""

    cdef Node inner
    cdef int64_t nothing

    def __init__(self, Node inner, int64_t nothing):
        self.inner, self.nothing = inner, nothing

    cdef int write(self, Buffer* buffer, object value) except -1:
        if value is None:
            return add_number(buffer, self.nothing)
        add_number(buffer, 1 - self.nothing)
        return self.inner.write(buffer, value)


cdef class Array(Node):
    cdef Node item

    def __init__(self, Node item):
        self.item = item

    cdef int write(self, Buffer* buffer, object value) except -1:
        if type(value) is not list and type(value) is not tuple:
            misfit()
        if value:
            add_number(buffer, len(value))
            for item in value:
                self.item.write(buffer, item)
        return add_number(buffer, 0)


cdef class Map(Array):
    cdef int write(self, Buffer* buffer, object value) except -1:
        cdef Py_ssize_t place = 0
        cdef PyObject* key
        cdef PyObject* item
        if type(value) is not dict:
            misfit()
        if value:
            add_number(buffer, PyDict_Size(value))
            while PyDict_Next(value, &place, &key, &item):
                add_text(buffer, <object>key)
                self.item.write(buffer, <object>item)
        return add_number(buffer, 0)


cdef class Record(Node):
    cdef tuple names
    cdef tuple fields

    def __init__(self, list names, list fields):
        self.names, self.fields = tuple(names), tuple(fields)

    cdef int write(self, Buffer* buffer, object value) except -1:
        cdef Py_ssize_t number
        cdef PyObject* found
        if type(value) is not dict or PyDict_Size(value) != len(self.names):
            misfit()
        for number in range(len(self.names)):
            found = PyDict_GetItemWithError(value, self.names[number])
            if found == NULL:
                misfit()
            (<Node>self.fields[number]).write(buffer, <object>found)
        return 0


cdef class Writer:
    """Writes records of one schema."""

    cdef Node record

    def __init__(self, Node record):
        self.record = record

    def write(self, bytes front not None, object value):
        """``front``, then the bytes of ``value``."""
        cdef uint8_t small[SMALL]
        cdef Buffer buffer
        buffer.data, buffer.size, buffer.room, buffer.grown = small, 0, SMALL, False
        try:
            add(&buffer, PyBytes_AS_STRING(front), PyBytes_GET_SIZE(front))
            self.record.write(&buffer, value)
            return PyBytes_FromStringAndSize(<const char*>buffer.data, buffer.size)
        finally:
            if buffer.grown:
                PyMem_Free(buffer.data)

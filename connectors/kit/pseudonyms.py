"""Turns identifiers of persons into keyed pseudonyms, the only form in which they leave a connector."""

import base64
import hashlib
import hmac
from functools import lru_cache

from schemas.records import Identifier

_BYTES = 16


class Pseudonyms:
    """Pseudonyms under one key: ``<version>.<base64url of HMAC-SHA-256(system, value)[:16]>``.

    The same identifier gives the same pseudonym at every agency that shares the key. 16 bytes keep
    record keys short; two of 10 million citizens share one with a probability below 1e-24.
    """

    def __init__(self, key: bytes, version: str) -> None:
        """``key`` has at least 32 bytes; ``version`` names it, so that it can be rotated."""
        self._hmac = hmac.new(key, digestmod=hashlib.sha256)
        self._version = version
        self.of = lru_cache(maxsize=65_536)(self._of)

    def _of(self, system: str, value: str) -> str:
        short = base64.urlsafe_b64encode(self._mac(system, value)[:_BYTES])
        return f"{self._version}.{short.rstrip(b'=').decode()}"

    def identifier(self, system: str, value: str, *, national: bool) -> Identifier:
        """The identifier as the contract carries it. ``value`` is already normalised."""
        return {"system": system, "pseudonym": self.of(system, value), "national": national}

    def digest(self, content: bytes) -> str:
        """A keyed hash of a part of an input, in hex: a plain hash of one row could be guessed back."""
        return self._mac("content", content).hex()

    def _mac(self, system: str, value: str | bytes) -> bytes:
        mac = self._hmac.copy()
        mac.update(system.encode() + b"\x1f")
        mac.update(value.encode() if isinstance(value, str) else value)
        return mac.digest()

"""HL7 messages to encoded records on one core, beside python-hl7, which parses the same bytes and no more."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

import hl7 as python_hl7

from bench.figures import Figure, Goal, WrongAnswerError
from bench.hl7_messages import Messages, bookings, messages
from bench.plan import Plan
from connectors.hospital.header import Header
from connectors.hospital.parse import Reading
from connectors.hospital.settings import HospitalSettings
from connectors.hospital.translate import describe, translate
from connectors.kit.assembly import AssemblyContext, InputIdentity, assemble
from connectors.kit.outcomes import Publish
from connectors.kit.pseudonyms import Pseudonyms
from schemas.codec import Codec

_RECEIVED = 1_772_438_400_000_000
_PASSES, _FOREIGN_PASSES, _BOOKINGS = 150, 10, 3000
_RUNS_EACH = 3
"""Runs are short here, so there are more of them."""
_KEY = bytes(range(32))

_Input = TypeVar("_Input")


class Translator:
    """All that the hospital connector does with a message before it is sent to Kafka."""

    def __init__(self) -> None:
        settings = HospitalSettings(processing_ids=("P", "T", "D"))
        self._reading = Reading(settings, "hospital.bench", Pseudonyms(_KEY, "1"))
        self._context = AssemblyContext("bench", "hospital.bench", "GDPR-6-1-e", "coordination")
        self._codec = Codec()

    def __call__(self, payload: bytes) -> list[tuple[str, bytes]]:
        """The facts in a message: record type and encoded record."""
        header = Header.of(payload)
        source = describe(payload, _RECEIVED, self._reading, header)
        translation = translate(source, self._reading, header)
        if not isinstance(translation, Publish):
            raise WrongAnswerError(f"a message that is a fact became {type(translation).__name__}")
        identity = InputIdentity.of(source, self._context.agency)
        encode = self._codec.encode
        return [
            (made.record, encode(made.record, made.value))
            for made in assemble(translation.facts, source, self._context, identity)
        ]


def run(plan: Plan) -> list[Figure]:
    """Messages a second of both, interleaved, and how many times faster ours is."""
    chosen = messages()
    translator = Translator()
    _check(translator, chosen)
    texts = [payload.decode("utf-8", "replace") for payload in chosen.payloads]
    fresh = list(islice(bookings(0, 2 * _BOOKINGS), plan.count(_BOOKINGS)))
    ours, own, foreign = [], [], []
    for _ in replace(plan, runs=_RUNS_EACH * plan.runs).each_run(f"Reading {chosen.origin}"):
        ours.append(_rate(translator, chosen.payloads, plan.count(_PASSES)))
        foreign.append(_rate(python_hl7.parse, texts, plan.count(_FOREIGN_PASSES)))
        own.append(_rate(translator, fresh, 1))
    ratios = tuple(fast / slow for fast, slow in zip(ours, foreign, strict=True))
    mean = sum(map(len, chosen.payloads)) // len(chosen.payloads)
    return [
        Figure(
            "hl7.messages",
            f"parse, map and encode {len(texts)} {chosen.origin} of {mean:,} bytes on average, one core",
            "messages/s",
            tuple(ours),
            Goal(at_least=5000),
        ),
        Figure("hl7.python_hl7", "python-hl7 parses the same messages", "messages/s", tuple(foreign)),
        Figure("hl7.ratio", "ours, all of it, to python-hl7's bare parse", "times", ratios, Goal(at_least=8)),
        Figure(
            "hl7.bookings",
            f"parse, map and encode SIU^S12 of {len(fresh[0])} bytes, each of another patient",
            "messages/s",
            tuple(own),
        ),
    ]


def _check(translator: Translator, chosen: Messages) -> None:
    """Each message is the one fact that its type says, and what was encoded can be read back."""
    codec = Codec()
    for payload, record in zip(chosen.payloads, chosen.records, strict=True):
        found = [(name, codec.decode(data).record) for name, data in translator(payload)]
        if found != [(record, record)]:
            raise WrongAnswerError(f"a message that is one {record} became {[name for name, _ in found]}")


def _rate(work: Callable[[_Input], object], inputs: Sequence[_Input], passes: int) -> float:
    gc.collect()  # what was made before is not paid for here
    began = time.process_time()  # this process's own: what else the machine does is left out
    for _ in range(passes):
        for one in inputs:
            work(one)
    return passes * len(inputs) / (time.process_time() - began)

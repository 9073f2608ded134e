"""Rules about topics: who answers for them, where failures go, how they are keyed and kept."""

from schemas.lint import Contract, Found, rule

_DEAD_LETTER = "samband.inputs.DeadLetter"
_RETRACTED = "samband.FactRetracted"


@rule("topic.records")
def records_exist(contract: Contract) -> Found:
    """Every record that a topic carries has a source, once; only an internal topic may carry raw bytes."""
    for topic in contract.topics.values():
        for name in sorted(set(topic.records)):
            if name not in contract.types:
                yield topic.name, f"carries {name}, which has no file under schemas/avro"
            if topic.records.count(name) > 1:
                yield topic.name, f"lists {name} more than once"
        if not topic.records and not topic.internal:
            yield topic.name, "carries no record and is not internal"


@rule("topic.dead_letter")
def dead_letters_are_paired(contract: Contract) -> Found:
    """What a stage reads has a dead-letter topic ``<name>.dlq``, and every such topic has its pair."""
    for topic in contract.topics.values():
        pair = f"{topic.name}.dlq"
        carries_dead_letters = topic.records == (_DEAD_LETTER,)
        if topic.dead_letter is not None and topic.dead_letter != pair:
            yield topic.name, f"its dead letters go to {topic.dead_letter}, not {pair}"
        if topic.dead_letter is not None and topic.dead_letter not in contract.topics:
            yield topic.name, f"its dead-letter topic {topic.dead_letter} does not exist"
        if topic.records and "router" in topic.readers and topic.dead_letter is None:
            yield topic.name, "is read by the router and has no dead-letter topic"
        if topic.name.endswith(".dlq") != carries_dead_letters:
            yield topic.name, f"a topic carries {_DEAD_LETTER} alone exactly when its name ends in .dlq"
        source = contract.topics.get(topic.name.removesuffix(".dlq"))
        if carries_dead_letters and (source is None or source.dead_letter != topic.name):
            yield topic.name, "no topic names it as its dead-letter topic"


@rule("topic.room")
def dead_letters_have_room(contract: Contract) -> Found:
    """A stage's dead letter holds the whole record that it read, so its topic takes larger ones."""
    for topic in contract.topics.values():
        pair = contract.topics.get(topic.dead_letter or "")
        if pair and "router" in topic.readers and pair.max_message_bytes <= topic.max_message_bytes:
            yield pair.name, f"its max_message_bytes is not above that of {topic.name}"


@rule("topic.copartitioned")
def citizens_stay_together(contract: Contract) -> Found:
    """All topics keyed by citizen, shelf or partition have as many partitions: a stage reads one of each."""
    keys = ("citizen", "partition", "shelf")
    counts = {topic.name: topic.partitions for topic in contract.topics.values() if topic.key in keys}
    expected = max(counts.values(), default=0, key=list(counts.values()).count)
    for name, partitions in counts.items():
        if partitions != expected:
            yield name, f"has {partitions} partitions, other topics keyed by the citizen have {expected}"


@rule("topic.retention")
def retention_is_bounded(contract: Contract) -> Found:
    """A compacted topic is kept for ever, since a retention would cut its state; no other topic is."""
    for topic in contract.topics.values():
        if (topic.cleanup == "compact") != (topic.retention is None):
            yield (
                topic.name,
                f"cleanup {topic.cleanup} does not go with retention {topic.retention or 'forever'}",
            )


@rule("topic.sensitivity")
def sensitivity_covers_records(contract: Contract) -> Found:
    """A topic whose records hold details, payloads or states is SENSITIVE."""
    for topic in contract.topics.values():
        fields = {
            field["name"]
            for name in topic.records
            for field in contract.types.get(name, {}).get("fields", ())
        }
        if (not topic.records or fields & {"details", "payload"}) and topic.sensitivity != "SENSITIVE":
            yield topic.name, f"is {topic.sensitivity} and holds what is SENSITIVE"


@rule("topic.retraction")
def facts_can_be_withdrawn(contract: Contract) -> Found:
    """A topic of facts about citizens carries FactRetracted too: nothing is ever withdrawn by silence."""
    for topic in contract.topics.values():
        facts = [name for name in topic.records if topic.key == "citizen" and _is_fact(contract, name)]
        if facts and _RETRACTED not in topic.records:
            yield topic.name, f"carries facts and not {_RETRACTED}"


@rule("record.meta")
def facts_begin_with_meta(contract: Contract) -> Found:
    """What connectors write about a citizen begins with the field ``meta``."""
    for topic in contract.topics.values():
        if topic.key == "citizen" and "connector" in topic.writers:
            for name in topic.records:
                if name in contract.types and not _is_fact(contract, name):
                    yield name, "is a fact and does not begin with meta (samband.Meta)"


def _is_fact(contract: Contract, name: str) -> bool:
    fields = contract.types.get(name, {}).get("fields", ())
    return bool(fields) and fields[0]["name"] == "meta" and fields[0]["type"] == "samband.Meta"

"""Where a key's records go: the same partition as every Kafka client gives it, so that topics meet by key."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

_POSITIVE = 0x7FFFFFFF


@lru_cache(maxsize=65_536)
def key_hash(key: bytes) -> int:
    """The hash by which Kafka's default partitioner places a key (murmur2, as in the Java client).

    Remembered, since the same keys come again and again: about 10 MB when full.
    """
    return int(murmur2(key)) & _POSITIVE

"""How RocksDB keeps a local store's tables."""

from pathlib import Path

from rocksdict import BlockBasedOptions, DBCompactionStyle, DBCompressionType, Options, Rdict, WriteOptions

_WRITE_BUFFER = 4 * 1024 * 1024
_TABLES = 20
"""So many tables of the latest changes are merged at a time. Each is one more Bloom filter to ask at a look,
but with RocksDB's 4 a state is merged so often that it costs as much as the look.
"""

UNLOGGED = WriteOptions()
UNLOGGED.disable_wal = True  # type: ignore[assignment,method-assign]  # the library's stub is wrong
"""Without RocksDB's own log."""


def database(folder: Path) -> Rdict:
    """The database in ``folder``, made if it is not there.

    Named by their family, the options hold for one that is there too. Else rocksdict takes those with which
    it was written last, without their filters and caches: a look took three times as long.
    """
    chosen = _options()
    return Rdict(str(folder), chosen, {"default": chosen})


def _options() -> Options:
    """For a store that is overwritten all the time, and asked for one key after the other."""
    chosen = Options(raw_mode=True)
    chosen.create_if_missing(True)  # noqa: FBT003 - positional in the library
    chosen.set_write_buffer_size(_WRITE_BUFFER)
    chosen.set_max_write_buffer_number(2)
    chosen.set_keep_log_file_num(1)
    chosen.set_compression_type(DBCompressionType.lz4())
    chosen.set_compaction_style(DBCompactionStyle.universal())  # merges less, for more tables to look into
    chosen.set_level_zero_file_num_compaction_trigger(_TABLES)
    chosen.set_level_zero_slowdown_writes_trigger(2 * _TABLES)
    chosen.set_level_zero_stop_writes_trigger(3 * _TABLES)
    table = BlockBasedOptions()
    # What is asked again is kept decoded, so a block that was read is hardly read again: keeping it, and
    # pushing out another for it, costs nearly a third of a look. The system keeps the files' pages anyway.
    table.disable_cache()
    table.set_bloom_filter(10, False)  # noqa: FBT003 - positional in the library
    chosen.set_block_based_table_factory(table)
    return chosen

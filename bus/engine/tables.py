"""How RocksDB keeps a local store's tables."""

from rocksdict import BlockBasedOptions, Cache, DBCompactionStyle, DBCompressionType, Options, WriteOptions

_WRITE_BUFFER = 4 * 1024 * 1024
_CACHE = Cache(32 * 1024 * 1024)
"""Shared by all stores of a process."""

UNLOGGED = WriteOptions()
UNLOGGED.disable_wal = True  # type: ignore[assignment,method-assign]  # the library's stub is wrong
"""Without RocksDB's own log."""


def options() -> Options:
    """For a store that is overwritten all the time, and asked for one key after the other."""
    chosen = Options(raw_mode=True)
    chosen.create_if_missing(True)  # noqa: FBT003 - positional in the library
    chosen.set_write_buffer_size(_WRITE_BUFFER)
    chosen.set_max_write_buffer_number(2)
    chosen.set_keep_log_file_num(1)
    chosen.set_compression_type(DBCompressionType.lz4())
    chosen.set_compaction_style(DBCompactionStyle.universal())  # merges less, for more tables to look into
    table = BlockBasedOptions()
    table.set_block_cache(_CACHE)
    table.set_bloom_filter(10, False)  # noqa: FBT003 - positional in the library
    chosen.set_block_based_table_factory(table)
    return chosen

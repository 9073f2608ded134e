"""How a local store's tables are kept, whoever made its folder."""

from pathlib import Path

from rocksdict import Options, Rdict

from bus.engine.tables import database

WANTED = {"compaction_style=kCompactionStyleUniversal", "no_block_cache=true", "compression=kLZ4Compression"}


def in_force(folder: Path) -> set[str]:
    """Those of ``WANTED`` that RocksDB wrote down when it opened ``folder`` last."""
    newest = max(folder.glob("OPTIONS-*"), key=lambda file: int(file.name.removeprefix("OPTIONS-")))
    return WANTED & {line.strip() for line in newest.read_text().splitlines()}


def test_what_a_folder_was_made_with_does_not_outlive_the_next_start(tmp_path):
    made = Rdict(str(tmp_path), Options(raw_mode=True))
    made[b"a"] = b"1"
    made.close()
    assert in_force(tmp_path) < WANTED
    for _ in range(2):
        opened = database(tmp_path)
        assert opened.get(b"a") == b"1"
        opened.close()
        assert in_force(tmp_path) == WANTED

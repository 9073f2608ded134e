"""`python -m bench.capacity`: writes the tables of `docs/capacity.md` from the figures measured last."""

from bench.capacity.measured import Measured
from bench.capacity.page import PAGE, written

if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), Measured.read()), encoding="utf-8")

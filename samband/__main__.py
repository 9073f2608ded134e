"""``python -m samband`` is the command line."""

from samband.cli import main

main()

"""The command line ``samband``.

Exit codes: 0 done; 1 a check failed, or going on would do harm; 2 refused: the command, a setting or a
request; 3 Kafka or another service is away, try again; 4 an input could not be read; 70 an error that is
our bug; 130 interrupted. Errors are one line on standard error with the fix; ``--debug`` adds the traceback.
"""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from samband.cli.root import run

    sys.exit(run(sys.argv[1:]))

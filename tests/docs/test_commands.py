"""The commands in the papers exist, with their arguments: `samband …` and `make …`."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from samband.cli.root import app
from tests.docs.blocks import Block, blocks, name_of
from tools.papers import ROOT, pages

SHELL = blocks("sh")
COMMAND_LINE: Any = typer.main.get_command(app)
USAGE_ERROR = typer.BadParameter.__bases__[0]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
OTHERS = {"curl", "python", "pip", "npm", "node", "docker", "git", "cd", "openssl", "mkdir"}
"""What the papers may ask for besides ours."""


def _commands(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        start = 0
        for end in [n for n, word in enumerate(words) if word in ("&&", "|")] + [len(words)]:
            if words[start:end]:
                yield words[start:end]
            start = end + 1


def _check(words: list[str]) -> None:
    program = words[0].rpartition("/")[2]
    if program == "samband":
        _check_samband(words[1:])
    elif program == "make":
        named = {word for word in words[1:] if "=" not in word}
        assert named <= TARGETS, f"make has no {named - TARGETS}"
    else:
        assert program in OTHERS, f"{program}: add it to OTHERS if the papers may ask for it"


def _find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that `samband words…` means, and what is left for it to read."""
    command, rest = COMMAND_LINE, [word for word in words if word != "--debug"]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        found = command.commands.get(rest[0])
        assert isinstance(found, TyperCommand | TyperGroup), f"samband has no {rest[0]}"
        command, rest = found, rest[1:]
    return command, rest


def _check_samband(words: list[str]) -> None:
    """Let the command itself read its arguments, up to the point where it would do something."""
    command, rest = _find(words)
    assert isinstance(command, TyperCommand), "a group of commands does nothing by itself"
    command.make_context(command.name, rest)


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_commands_of_a_block_exist(block: Block) -> None:
    for words in _commands(block.text):
        _check(words)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_commands_in_running_text_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for mentioned in re.findall(r"`((?:samband|make) [a-z][^`]*)`", text):
        _check_mention(shlex.split(mentioned.replace("…", "")))


def _check_mention(words: list[str]) -> None:
    """A mention may leave arguments out; the command and the options that it names must be there."""
    if words[0] == "make":
        _check(words)
        return
    command, rest = _find(words[1:])
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options | {"--help"}


def test_what_does_not_exist_is_found() -> None:
    for wrong in ("samband frobnicate", "samband dlq replay", "make coffee", "frobnicate now"):
        with pytest.raises(AssertionError):
            _check(shlex.split(wrong))
    for wrong in ("samband tail timeline --no-such", "samband tail", "samband demo twice"):
        with pytest.raises(USAGE_ERROR):
            _check(shlex.split(wrong))
    with pytest.raises(AssertionError):
        _check_mention(["samband", "tail", "--no-such"])


def test_there_are_commands_to_check() -> None:
    assert len(SHELL) > 5

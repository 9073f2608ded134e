"""Compiles the native modules (``schemas/fast/*.pyx``) where they stand; a hook of hatchling, at each build.

Without a C compiler or Python's headers it says so and goes on: the project works without them, slower.
"""

from __future__ import annotations

import contextlib
import os
import sysconfig
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

BUILD = "build/native"


class Native(BuildHookInterface[Any]):
    """Adds what it compiled to the wheel, which then fits one system and one Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; see `BuildHookInterface.initialize`."""
        with contextlib.chdir(self.root):
            try:
                compile_all()
            except (BaseError, CCompilerError) as error:
                self.app.display_warning(f"native modules left out, fastavro does their work: {error}")
                return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(f"schemas/fast/*{sysconfig.get_config_var('EXT_SUFFIX')}")


def compile_all() -> None:
    """Compile what is newer than its module."""
    sources = Extension("schemas.fast.*", ["schemas/fast/*.pyx"], extra_compile_args=["-O2", "-g0"])
    modules = cythonize([sources], build_dir=BUILD, quiet=True)  # type: ignore[no-untyped-call]  # no types
    command = build_ext(Distribution({"ext_modules": modules}))
    command.inplace = True
    command.build_temp = "."  # beside the C code, whose path is kept
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()

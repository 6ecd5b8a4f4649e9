"""A person's shell for tests of the command line: what is typed, what is printed, and with which code it ends."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from support.command_line import Done, run_command
from support.repository import ROOT
from support.web_hotline import Api

from hotline import bootstrap
from hotline.settings import Settings
from hotline.web.app import create_app

LOADS_WHEN_RUN = ("backup", "call", "doctor", "restore", "serve", "status")
"""Commands that load modules of their own only when they are run; whatever the others need is loaded with the program."""


@dataclass(frozen=True)
class Terminal:
    """One person's shell: HOTLINE_HOME and HOTLINE_CONFIG are set, nothing else of ours."""

    folder: Path
    typed: set[str] = field(default_factory=set)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def settings(self) -> Settings:
        return Settings.model_validate({"home": self.home, "config": self.config})

    def type(self, line: str, *more: str, code: int = 0, answer: str = "", **environment: str) -> str:
        """What the command prints; it must end with `code`. Words with blanks go into `more`, `answer` to its input.

        It is a program of its own where that can show something: where there is an answer to read, and the first time
        that a command runs which loads modules by itself. Else it runs in this one: loading it anew takes seconds.
        """
        words = [*line.split(), *more]
        ours = {"HOTLINE_HOME": str(self.home), "HOTLINE_CONFIG": str(self.config), **environment}
        is_new = words[0] in LOADS_WHEN_RUN and words[0] not in self.typed
        self.typed.add(words[0])
        done = run_program(words, ours, answer) if is_new or answer else run_command(words, ours)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def api(self, token: str) -> Api:
        return Api(create_app(bootstrap.build(self.settings)), token)


def run_program(words: list[str], ours: dict[str, str], answer: str) -> Done:
    names = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "hotline.cli", *words],
        env={**names, "COLUMNS": "200", **ours},
        cwd=ROOT,
        input=answer,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)

"""Run one external tool hygienically.

Every run gets a fresh directory that holds just its input files, and ends by reading the output
files back: a tool that reports success without writing them has failed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from gatec.errors import ToolError

_SCRATCH = ".tmp"
_POLL_SECONDS = 0.1


class ToolTimeout(ToolError):
    """The tool did not finish in time."""


class ToolStopped(ToolError):
    """The tool was stopped from outside: its result was no longer wanted."""


class ToolFailed(ToolError):
    """The tool ran and failed; `log` holds all it printed."""

    def __init__(self, what: str, *, file: str, log: str, expected: str | None = None) -> None:
        super().__init__(what, file=file, expected=expected)
        self.log = log


@dataclass(frozen=True)
class ToolRun:
    """What a finished run left.

    Attributes
    ----------
    log
        Standard output and error, interleaved.
    files
        The asked-for output files by name.
    seconds
        Wall time.
    """

    log: str
    files: Mapping[str, bytes]
    seconds: float


@dataclass(frozen=True)
class Tool:
    """How to start one tool and how to see that it failed.

    Attributes
    ----------
    name
        What errors call it.
    command
        The beginning of its command line.
    failure_markers
        Text that means failure even where the exit code is 0.
    install
        One line for a user who lacks it.
    environment
        Variables to set for it.
    """

    name: str
    command: tuple[str, ...]
    failure_markers: tuple[str, ...] = ()
    install: str = "pip install gatec"
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        arguments: Sequence[str],
        *,
        inputs: Mapping[str, str | bytes] | None = None,
        outputs: Sequence[str] = (),
        timeout: float = 3600.0,
        stop: Event | None = None,
    ) -> ToolRun:
        """Run the tool and return its log and output files.

        Parameters
        ----------
        arguments
            Appended to `command`. File names in them are relative to the fresh directory.
        inputs
            Files to write there first.
        outputs
            Files that the tool must have written there, not empty.
        timeout
            Seconds until the tool and its children are killed.
        stop
            Once set, by another thread, they are killed within a tenth of a second.

        Raises
        ------
        ToolError
            The tool is missing (`ToolError`), took too long (`ToolTimeout`), was stopped
            (`ToolStopped`), or failed (`ToolFailed`).
        """
        if shutil.which(self.command[0]) is None:
            raise ToolError("not found", file=self.name, expected=self.install)
        with tempfile.TemporaryDirectory(prefix="gatec-") as directory:
            work = Path(directory)
            for name, content in (inputs or {}).items():
                data = content.encode() if isinstance(content, str) else content
                (work / name).write_bytes(data)
            start = time.monotonic()
            log, code = self._execute(arguments, work, timeout, stop)
            seconds = time.monotonic() - start
            self._check(log, code)
            return ToolRun(log, self._collect(work, outputs, log), seconds)

    def _execute(
        self, arguments: Sequence[str], work: Path, timeout: float, stop: Event | None
    ) -> tuple[str, int]:
        # Tools that are killed leave their temporary files: those go with the folder.
        (work / _SCRATCH).mkdir()
        scratch = str(work / _SCRATCH)
        environment = {**os.environ, "LC_ALL": "C", "TMPDIR": scratch, **self.environment}
        with subprocess.Popen(
            [*self.command, *arguments],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                output = _wait(process, timeout, stop)
            except BaseException as error:
                # The whole group: some tools do their work in children. It may just have ended.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if isinstance(error, subprocess.TimeoutExpired):
                    if stop is not None and stop.is_set():
                        raise ToolStopped("stopped", file=self.name) from None
                    raise ToolTimeout(f"not done after {timeout:g} s", file=self.name) from None
                raise
        return output.decode(errors="replace"), process.returncode

    def _check(self, log: str, code: int) -> None:
        marked = [
            line
            for line in log.splitlines()
            if any(marker in line for marker in self.failure_markers)
        ]
        if code == 0 and not marked:
            return
        lines = marked or [line for line in log.splitlines() if line.strip()] or ["no output"]
        shown = lines[0] if marked else lines[-1]
        raise ToolFailed(f"exit code {code}: {shown.strip()}", file=self.name, log=log)

    def _collect(self, work: Path, outputs: Sequence[str], log: str) -> dict[str, bytes]:
        files = {}
        for name in outputs:
            path = work / name
            if not path.is_file() or path.stat().st_size == 0:
                raise ToolFailed(f"wrote no {name}", file=self.name, log=log)
            files[name] = path.read_bytes()
        return files


def _wait(process: subprocess.Popen[bytes], timeout: float, stop: Event | None) -> bytes:
    """Return what a process printed; raise `TimeoutExpired` at its time, or soon after `stop`."""
    if stop is None:
        return process.communicate(timeout=timeout)[0]
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        try:
            return process.communicate(timeout=min(left, _POLL_SECONDS))[0]
        except subprocess.TimeoutExpired:
            if stop.is_set() or left <= _POLL_SECONDS:
                raise

"""Programming a board with the tool that its recipe names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from gatec.boards.recipe import BITSTREAM, Board
from gatec.errors import ToolError

_TIMEOUT = 600.0


def flash_command(board: Board, bitstream: Path) -> list[str]:
    """Return the command line that programs `board` with the file `bitstream`."""
    return [word.replace(BITSTREAM, str(bitstream)) for word in board.flash_command]


def flash(board: Board, bitstream: Path, *, timeout: float = _TIMEOUT) -> str:
    """Program a board; return what the programmer printed.

    Raises
    ------
    ToolError
        The programmer is missing, failed (its last line says why), or did not end in `timeout`
        seconds.
    """
    command = flash_command(board, bitstream)
    tool = command[0]
    if shutil.which(tool) is None:
        raise ToolError("not found", file=tool, expected=board.flash_install)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"not done after {timeout:g} s", file=tool, place=board.name) from None
    except OSError as error:
        raise ToolError(f"cannot be started: {error.strerror}", file=tool) from None
    printed = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        raise ToolError(
            f"exit code {done.returncode}: {lines[-1] if lines else 'no output'}",
            file=tool,
            expected=f"a connected {board.description}",
        )
    return printed

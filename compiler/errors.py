"""The one tree of errors that a user can cause, with the exit code of each.

A message is one line: file, place, what is wrong, what was expected. Anything else that is
raised is a bug of gatec itself.
"""

from __future__ import annotations

from pathlib import Path

EXIT_OK = 0
EXIT_BUG = 1

MAX_MESSAGE = 2000


class GatecError(Exception):
    """A problem that the user can act on.

    Parameters
    ----------
    what
        What is wrong, without file and place.
    file
        The file it was found in.
    place
        Where in the file: a layer, a gate, a key, a byte offset.
    expected
        What would have been right, or what to do.
    """

    exit_code = EXIT_BUG

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        place: str | None = None,
        expected: str | None = None,
    ) -> None:
        parts = [str(part) for part in (file, place, what) if part is not None]
        message = ": ".join(parts)
        if expected is not None:
            message += f"; expected {expected}"
        super().__init__(_one_line(message))


class UsageError(GatecError):
    """Options that do not go together, or an output that cannot be written."""

    exit_code = 2


class ModelError(GatecError):
    """A model or data file that is broken, unknown, or lacks something."""

    exit_code = 3


class UnprovedError(GatecError):
    """The netlist was neither proved equal nor different within the budget."""

    exit_code = 4


class DifferentError(GatecError):
    """The netlist was proved different from the model."""

    exit_code = 5


class ToolError(GatecError):
    """An external tool is missing, failed, or wrote something unreadable."""

    exit_code = 6


class LimitError(GatecError):
    """Something is larger than a limit of gatec or of the chosen device."""

    exit_code = 7


def _one_line(message: str) -> str:
    """Return `message` without control characters and of bounded length.

    A hostile name in a file then stays one line.
    """
    if len(message) > MAX_MESSAGE:
        message = f"{message[: MAX_MESSAGE // 2]} ... {message[-MAX_MESSAGE // 4 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)

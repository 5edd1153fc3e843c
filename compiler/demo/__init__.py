"""The model that gatec ships, to try it with: handwritten digits of 8x8 pixels.

`train_digits` wrote both files: `digits.pt`, the trained net, and `digits-test.npz`, the images it
has not seen.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from gatec.errors import UsageError

# What the command line calls `demo:NAME`.
FILES = {"digits": "digits.pt", "digits-test": "digits-test.npz"}


def path(name: str) -> Path:
    """Return the path of a shipped file, by its file name or its short name (`FILES`).

    Raises `UsageError` for a name that is not there.
    """
    file = FILES.get(name, name)
    if file not in FILES.values():
        raise UsageError(f"no demo file {name!r}", expected=" or ".join(FILES))
    return Path(str(files(__name__).joinpath(file)))

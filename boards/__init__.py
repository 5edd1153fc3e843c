"""Board recipes: which device a board has, how its pins are wired, and how it is programmed.

A recipe is a TOML file beside this one, or a file of the user's:

```toml
name = "icebreaker"                        # the file's name
description = "1BitSquared iCEBreaker"
url = "https://..."
note = "..."                               # optional: what to solder or connect
target = "ice40"                           # gatec targets
device = "up5k"
package = "sg48"

[clock]
pin = "35"
mhz = 12.0
pll = "pad"                                # "core" on other pins than a PLL's; not iCE40: "none"

[uart]
rx = "6"                                   # as the FPGA sees it: its input
tx = "9"
baud = 115200

[spi]                                      # optional: for --link spi; a host is the controller
cs = "4"
sck = "45"
mosi = "2"
miso = "47"

[leds]                                     # light up with the lowest bits of the last result
pins = ["11", "37"]
active_low = true

[flash]
command = ["iceprog", "{bitstream}"]
install = "apt install fpga-icestorm"      # for whom the command is missing
```
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from gatec.boards.recipe import Board, parse_board
from gatec.errors import UsageError
from gatec.limits import check_limit

_MAX_RECIPE_BYTES = 1 << 16
_FOLDER = Path(__file__).parent


def list_boards() -> list[str]:
    """Return the names of the recipes that gatec brings, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_board(name: str | Path) -> Board:
    """Return a recipe.

    Parameters
    ----------
    name
        A name from `list_boards`, or the path of a recipe, which ends in `.toml`.

    Raises
    ------
    UsageError
        There is no such board, or its recipe is not well formed.
    """
    if str(name).endswith(".toml"):
        return _read(Path(name))
    if name not in list_boards():
        raise UsageError(f"unknown board {str(name)!r}", expected=", ".join(list_boards()))
    return _read(_FOLDER / f"{name}.toml")


def _read(path: Path) -> Board:
    try:
        check_limit(path.stat().st_size, _MAX_RECIPE_BYTES, "recipe bytes", file=path)
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", file=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"is not TOML: {error}", file=path) from None
    return parse_board(content, path)

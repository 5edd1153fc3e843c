"""The shipped net behind the UART of each board: the nightly table.

python tests/bench/boards.py [BOARD ...]
"""

from __future__ import annotations

import sys
import time

from gatec.boards import list_boards, load_board
from gatec.demo import path as demo_path
from gatec.driver import compile


def main() -> None:
    """Print a row for each board."""
    print("|board|target|LUTs|clock MHz|MHz after routing|seconds|")
    print("|---|---|---|---|---|---|")
    for name in sys.argv[1:] or list_boards():
        start = time.perf_counter()
        physical = compile(demo_path("digits"), board=name).manifest["physical"]
        luts = physical["used"].get("LUT4", physical["used"].get("LUT"))
        numbers = [luts, physical["clock_mhz"], physical["fmax_mhz"]]
        row = [name, load_board(name).target, *numbers, round(time.perf_counter() - start, 1)]
        print("|".join(["", *map(str, row), ""]), flush=True)


if __name__ == "__main__":
    main()

"""The shipped net behind the UART of each board, or another link: the nightly table.

python tests/bench/boards.py [--link uart|spi|demo] [BOARD ...]
"""

from __future__ import annotations

import argparse
import time

from gatec.boards import list_boards, load_board
from gatec.demo import path as demo_path
from gatec.driver import compile
from gatec.options import LINK_KINDS


def main() -> None:
    """Print a row for each board."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", choices=LINK_KINDS, default="uart")
    parser.add_argument("names", nargs="*", default=list_boards())
    options = parser.parse_args()
    names = [n for n in options.names if options.link != "spi" or load_board(n).spi]
    print("|board|target|LUTs|clock MHz|MHz after routing|seconds|")
    print("|---|---|---|---|---|---|")
    for name in names:
        start = time.perf_counter()
        manifest = compile(demo_path("digits"), board=name, link=options.link).manifest
        physical = manifest["physical"]
        luts = physical["used"].get("LUT4", physical["used"].get("LUT"))
        numbers = [luts, physical["clock_mhz"], physical["fmax_mhz"]]
        row = [name, load_board(name).target, *numbers, round(time.perf_counter() - start, 1)]
        print("|".join(["", *map(str, row), ""]), flush=True)


if __name__ == "__main__":
    main()

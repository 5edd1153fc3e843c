"""Restructure a circuit of many inputs by a chain of short ABC scripts.

A link maps the circuit to look-up tables, removes redundant wires and resubstitutes with the
don't-cares that SAT finds around each table, and goes back to AND gates. Each link takes tables of
another size, so that the next one meets other signals. What it returns is gone on from also where
it is a little larger than the smallest met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Generic, TypeVar

from gatec.aig import Aig
from gatec.synth.scripts import run_on_aig
from gatec.synth.search import Clock, Effort
from gatec.tools.runner import ToolTimeout

Circuit = TypeVar("Circuit")

# How much larger than the smallest a circuit may be that the chain goes on from.
_SLACK = 0.01
# What a link counts where the effort is in steps: about the time of so many.
LINK = 5_000

# Of 100,000 gates, this gains in 4 s what it can; each of the others takes 10 s and more.
_FIRST = "&dc2"
_TABLES = (6, 4, 5, 3, 2)
_REMOVE = "mfs2 -d -W 20 -L 200; "
_RESUBSTITUTE = "mfs2 -e -a -W 20 -L 200 -D 10; "
# Moves of AND gates that gain nothing themselves; as many kinds as have no divisor in common with
# the table sizes.
_REWIRE = tuple(
    f"resub -K {leaves} -N {new} -z -l; rewrite -z -l; "
    for leaves, new in ((6, 1), (10, 2), (12, 3), (8, 0))
)
# What changes the AND gates before they are mapped to few tables.
_SHAPES = (
    "dch",
    "dc2",
    "resub -K 12 -N 3 -z -l; rewrite -z -l",
    "dch -f",
    "resub -K 6 -z -l; refactor -z -l",
    "resub -K 8 -N 0 -z -l; rewrite -z -l; dc2",
)
# What a flow does: before resubstitution, after it (`fx` extracts what tables have in common), and
# to the AND gates. In 8 s of processor time ex85 and ex89 of IWLS 2020 come to 685 and 1,573 by the
# first, 673 and 1,586 by the second, and 688 and 1,575 by the third, which is the fastest in the
# first seconds; `&deepsyn` leaves 678 and 1,567 after 40 s.
_FLOWS = ((_REMOVE, "", _REWIRE), (_REMOVE, "", ("",)), ("", "fx; ", ("",)))


def links(seed: int) -> Iterator[str]:
    """Return the scripts of a flow, without end; seeds differ in flow and first link."""
    remove, extract, rewire = _FLOWS[seed % len(_FLOWS)]
    yield _FIRST
    for number in count(seed):
        size = _TABLES[number % len(_TABLES)]
        tables = f"if -K {size} -a; {remove}{_RESUBSTITUTE}{extract}"
        yield f"&put; {tables}strash; {rewire[number % len(rewire)]}dc2; &get"


def lut_links(seed: int, k: int) -> Iterator[str]:
    """Return the scripts of a flow for tables of `k` inputs, without end.

    From ABC's mapping of EPFL's i2c and priority, 298 and 182 LUT6, 4 s of processor time leave 234
    and 125, and 5 s more 233 and 125.
    """
    for number in count(seed):
        yield f"strash; {_SHAPES[number % len(_SHAPES)]}; if -K {k} -a; {_REMOVE}{_RESUBSTITUTE}"


class Chains(Generic[Circuit]):
    """Chains of several flows, side by side, that tell each other the smallest circuit.

    Parameters
    ----------
    start
        Where all begin.
    flows
        The scripts of each.
    run
        Carries a script out on a circuit in so many seconds.
    size
        What is to be small.
    """

    def __init__(
        self,
        start: Circuit,
        flows: Iterable[Iterator[str]],
        run: Callable[[Circuit, str, float], Circuit],
        size: Callable[[Circuit], int],
    ) -> None:
        self._size = size
        self._chains = [_Chain(start, flow, run, size) for flow in flows]

    def advance(self, best: Circuit, clock: Clock, begin: float, until: float) -> Circuit:
        """Return the smallest circuit met from progress `begin` to `until` of a clock.

        Each goes on where it was, or from `best` if that is smaller than all it has met. The first
        link is always tried; one that is not done when the clock's time is over is given up.
        """
        with ThreadPoolExecutor(len(self._chains)) as pool:
            jobs = [pool.submit(chain.follow, best, clock, begin, until) for chain in self._chains]
            return min([best, *(job.result() for job in jobs)], key=self._size)


class _Chain(Generic[Circuit]):
    def __init__(
        self,
        start: Circuit,
        scripts: Iterator[str],
        run: Callable[[Circuit, str, float], Circuit],
        size: Callable[[Circuit], int],
    ) -> None:
        self._best = self._current = start
        self._scripts, self._run, self._size = scripts, run, size

    def follow(self, best: Circuit, clock: Clock, begin: float, until: float) -> Circuit:
        if self._size(best) < self._size(self._best):
            self._best = self._current = best
        steps = clock.steps_at(begin)
        while self._size(self._best):
            try:
                found = self._run(self._current, next(self._scripts), clock.seconds_left())
            except ToolTimeout:
                break
            self._best = min(self._best, found, key=self._size)
            if self._size(found) <= self._size(self._best) * (1 + _SLACK):
                self._current = found
            steps += LINK
            if clock.progress(steps) >= until:
                break
        return self._best


def and_chains(aig: Aig, effort: Effort) -> Chains[Aig]:
    """Return chains, one for each walk, towards few AND gates."""
    flows = [links(effort.seed + number) for number in range(effort.walks)]
    return Chains(aig, flows, _run_on_ands, lambda found: found.num_ands)


def _run_on_ands(aig: Aig, script: str, seconds: float) -> Aig:
    return run_on_aig(aig, [script], seconds)

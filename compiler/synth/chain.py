"""Restructure a circuit of many inputs by a chain of short ABC scripts.

A link maps the circuit to look-up tables, removes redundant wires and resubstitutes with the
don't-cares that SAT finds around each table, and goes back to AND gates. Each link takes tables of
another size, so that the next one meets other signals. What it returns is gone on from also where
it is a little larger than the smallest met.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from gatec.aig import Aig
from gatec.synth.scripts import run_on_aig
from gatec.synth.search import Clock
from gatec.tools.runner import ToolTimeout

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
# Which of these a flow takes.
_FLOWS = ((_REMOVE, _REWIRE), (_REMOVE, ("",)), ("", _REWIRE))


def links(seed: int) -> Iterator[str]:
    """Return the scripts of a flow, without end; seeds differ in flow and first link."""
    remove, rewire = _FLOWS[seed % len(_FLOWS)]
    yield _FIRST
    for number in count(seed):
        tables = f"if -K {_TABLES[number % len(_TABLES)]} -a; {remove}{_RESUBSTITUTE}"
        yield f"&put; {tables}strash; {rewire[number % len(rewire)]}dc2; &get"


class Chains:
    """Chains of several flows, side by side, that tell each other the smallest circuit.

    Parameters
    ----------
    aig
        Where all begin.
    count
        How many.
    seed
        Of the flows.
    """

    def __init__(self, aig: Aig, count: int, seed: int) -> None:
        self._chains = [_Chain(aig, links(seed + number)) for number in range(count)]

    def advance(self, best: Aig, clock: Clock, begin: float, until: float) -> Aig:
        """Return the smallest circuit met from progress `begin` to `until` of a clock.

        Each goes on where it was, or from `best` if that is smaller than all it has met. The first
        link is always tried; one that is not done when the clock's time is over is given up.
        """
        with ThreadPoolExecutor(len(self._chains)) as pool:
            jobs = [pool.submit(chain.follow, best, clock, begin, until) for chain in self._chains]
            return min([best, *(job.result() for job in jobs)], key=_size)


class _Chain:
    def __init__(self, aig: Aig, scripts: Iterator[str]) -> None:
        self._best = self._current = aig
        self._scripts = scripts

    def follow(self, best: Aig, clock: Clock, begin: float, until: float) -> Aig:
        if best.num_ands < self._best.num_ands:
            self._best = self._current = best
        steps = clock.steps_at(begin)
        while self._best.num_ands:
            try:
                found = run_on_aig(self._current, [next(self._scripts)], clock.seconds_left())
            except ToolTimeout:
                break
            self._best = min(self._best, found, key=_size)
            if found.num_ands <= self._best.num_ands * (1 + _SLACK):
                self._current = found
            steps += LINK
            if clock.progress(steps) >= until:
                break
        return self._best


def _size(aig: Aig) -> int:
    return aig.num_ands

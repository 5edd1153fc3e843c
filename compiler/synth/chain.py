"""Restructure a circuit of many inputs by a chain of short ABC scripts.

A link maps the circuit to look-up tables, removes redundant wires and resubstitutes with the
don't-cares that SAT finds around each table, and goes back to AND gates. Each link takes tables of
another size, so that the next one meets other signals. What it returns is gone on from also where
it is a little larger than the smallest met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Generic, TypeVar

import numpy as np

from gatec.aig import Aig
from gatec.synth.scripts import run_on_aig
from gatec.synth.search import Clock, Effort
from gatec.tools.runner import ToolTimeout

Circuit = TypeVar("Circuit")

# How much larger than the smallest a circuit may be that the chain goes on from.
_SLACK = 0.01
# What a link counts where the effort is in steps: about the time of so many.
LINK = 5_000

# The links of a chain that say what it is worth.
_ENOUGH_LINKS = 8

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
# to the AND gates. No flow is the best of all circuits: alone on one core, in 45 s, from ex83 and
# ex88 of IWLS 2020 and CIFAR's `small` of 2021 the first (three links for two of others) comes to
# 1,066, 822 and 9,561, the second to 1,102, 832 and 9,475, the third to 1,082, 854 and 9,495;
# removal without rewiring to 1,091, 830 and 9,687.
_FLOWS = (("", "fx; ", ("",)), ("", "fx; ", _REWIRE), (_REMOVE, "", _REWIRE))
# Moves that keep the number of gates at the worst, and how many a link makes.
_NEUTRAL = (
    *(f"resub -K {leaves} -N {new} -z" for leaves in range(6, 17, 2) for new in range(4)),
    *("rewrite -z", "rewrite -z -l", "refactor -z", "orchestrate -N 3 -z", "dc2"),
)
_NEUTRAL_MOVES = 8
# Links of these to one of a flow.
_POLISHING_LINKS = 4


def links(seed: int) -> Iterator[str]:
    """Return the scripts of a flow, without end; seeds differ in flow and first link."""
    remove, extract, rewire = _FLOWS[(seed - 1) % len(_FLOWS)]
    yield _FIRST
    for number in count(seed):
        size = _TABLES[number % len(_TABLES)]
        tables = f"if -K {size} -a; {remove}{_RESUBSTITUTE}{extract}"
        yield f"&put; {tables}strash; {rewire[number % len(rewire)]}dc2; &get"


def polishing_links(seed: int) -> Iterator[str]:
    """Return scripts, without end, of random moves among AND gates none of which adds a gate.

    From what 50 s of the flows leave of ex88 of IWLS 2020 on two cores, 822 AND gates, these get to
    817 in 1 s and 813 in 6 s on one; 12 s of `&deepsyn` get to 821.
    """
    rng = np.random.default_rng(seed)
    while True:
        moves = [_NEUTRAL[index] for index in rng.integers(len(_NEUTRAL), size=_NEUTRAL_MOVES)]
        yield f"&put; {'; '.join(moves)}; dc2; &get"


def mixed_links(seed: int) -> Iterator[str]:
    """Return the scripts of a flow with polishing links between, without end.

    Polishing alone gets stuck, from 828 AND gates of ex88 at 825 in 30 s: a link of a flow takes it
    elsewhere, where it finds 815 in the same time.
    """
    flow, polishing = links(seed), polishing_links(seed)
    next(flow)  # the circuit has been through that
    while True:
        yield from islice(polishing, _POLISHING_LINKS)
        yield next(flow)


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

        Each goes on where it was, or from `best` if that is clearly smaller than all it has met.
        The first link is always tried; one that is not done when the clock's time is over is given
        up.
        """
        with ThreadPoolExecutor(len(self._chains)) as pool:
            jobs = [pool.submit(chain.follow, best, clock, begin, until) for chain in self._chains]
            return min([best, *(job.result() for job in jobs)], key=self._size)

    def race(self, walks: int, best: Circuit, clock: Clock, begin: float, until: float) -> Circuit:
        """Return the smallest circuit as `advance`, and keep the best `walks` chains only.

        All chains get a slice, the better half another, and so on, `walks` at a time. If so little
        time lets the first ones do few links, they remain, and the others are never tried.
        """
        turns = 0
        left = len(self._chains)
        while left > walks:
            turns += -(-left // walks)
            left = max(walks, left // 2)
        slices = (until - begin) / max(1, turns)
        chains = self._chains

        def in_turn(first: int) -> bool:
            for turn, chain in enumerate(chains[first::walks]):
                chain.follow(best, clock, begin + turn * slices, begin + (turn + 1) * slices)
                if chain.links < _ENOUGH_LINKS:
                    return False
            return True

        with ThreadPoolExecutor(walks) as pool:
            while len(chains) > walks:
                if not all(list(pool.map(in_turn, range(walks)))):
                    self._chains = self._chains[:walks]
                    return self.advance(best, clock, begin + slices, until)
                begin += -(-len(chains) // walks) * slices
                # Python sorts stably: of equals the earlier remain.
                chains = sorted(chains, key=_Chain.size_of_best)[: max(walks, len(chains) // 2)]
        self._chains = chains
        return min([best, *(chain.best for chain in chains)], key=self._size)


class _Chain(Generic[Circuit]):
    def __init__(
        self,
        start: Circuit,
        scripts: Iterator[str],
        run: Callable[[Circuit, str, float], Circuit],
        size: Callable[[Circuit], int],
    ) -> None:
        self.best = self._current = start
        self.links = 0
        self._scripts, self._run, self._size = scripts, run, size

    def size_of_best(self) -> int:
        return self._size(self.best)

    def follow(self, best: Circuit, clock: Clock, begin: float, until: float) -> Circuit:
        # Chains that are as good go different ways.
        if self._size(best) * (1 + _SLACK) < self._size(self.best):
            self.best = self._current = best
        steps = clock.steps_at(begin)
        while self._size(self.best):
            try:
                found = self._run(self._current, next(self._scripts), clock.seconds_left())
            except ToolTimeout:
                break
            self.best = min(self.best, found, key=self._size)
            if self._size(found) <= self._size(self.best) * (1 + _SLACK):
                self._current = found
            steps += LINK
            self.links += 1
            if clock.progress(steps) >= until:
                break
        return self.best


def and_chains(aig: Aig, effort: Effort, starts: int = 1) -> Chains[Aig]:
    """Return chains, `starts` for each walk, towards few AND gates."""
    flows = [links(effort.seed + number) for number in range(starts * effort.walks)]
    return Chains(aig, flows, _run_on_ands, lambda found: found.num_ands)


def mixed_chains(aig: Aig, effort: Effort) -> Chains[Aig]:
    """Return chains that polish between the links of a flow, one for each walk."""
    flows = [mixed_links(effort.seed + number) for number in range(effort.walks)]
    return Chains(aig, flows, _run_on_ands, lambda found: found.num_ands)


def _run_on_ands(aig: Aig, script: str, seconds: float) -> Aig:
    return run_on_aig(aig, [script], seconds)

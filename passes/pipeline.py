"""Place pipeline registers: give each gate a stage, with few flip-flops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gatec.chain_graph import LEVELS, ChainGraph, Weights, whole_chains
from gatec.errors import UsageError
from gatec.netlist import CONST1_NET, Netlist
from gatec.stages import register_bits

Times = npt.NDArray[np.int64]

# Points between "as soon as possible" (0) and "as late as possible" (1) to start from.
_STARTS = (0.0, 0.25, 1.0)
_ROUNDS = 12


def pipeline(
    net: Netlist,
    levels_per_stage: int | None = None,
    stages: int | None = None,
    weights: Weights = LEVELS,
) -> Netlist:
    """Return the netlist with a pipeline stage for each gate and as few flip-flops as were found.

    A gate has a *time*, later than that of its fan-in, and each stage as many times as levels: so
    no more gates than that follow one another in a stage. A mean of two schedules is a schedule
    too: the search moves single gates from a few means of the earliest and the latest. The gates of
    a carry chain stay together: they are scheduled as one, as long as the chain has LUTs in a row;
    so are those of a block RAM, which begin a stage and take their levels of it.

    Parameters
    ----------
    levels_per_stage
        Most gates on a path inside a stage; the number of stages is the least for it.
    stages
        Number of stages; the most gates on a path inside one are the least for it.
    weights
        How many levels a gate and a chain count; other than `LEVELS` only with levels for a stage.

    Raises
    ------
    UsageError
        Not exactly one of the two is given, or it is not positive, or there are more stages than
        levels of gates.
    """
    assert net.num_registers == 0, "pipeline stages around state registers"
    best, fewest = net, -1
    if stages == 1 and levels_per_stage is None and net.roms is None:
        return net.replace(stage=np.zeros(net.num_gates, dtype=np.int32))
    assert weights == LEVELS or stages is None
    graph = whole_chains(net, weights)
    # A mean of two schedules may lay what takes several times across a boundary.
    is_free = graph.steps.max(initial=1) == 1 and not graph.is_rom.any()
    starts = _STARTS if is_free else (0.0, 1.0)
    for lengths in _stage_lengths(net, graph, levels_per_stage, stages):
        plan = _Plan(graph, lengths)
        early, late = plan.earliest(), plan.latest()
        for share in starts:
            start = np.floor(early + share * (late - early)).astype(np.int64)
            for time in plan.improved(start):
                stage = plan.stage_of[time][graph.node_of_gate]
                staged = net.replace(stage=stage.astype(np.int32))
                bits = register_bits(staged)
                if staged.num_stages == len(lengths) and (bits < fewest or fewest < 0):
                    best, fewest = staged, bits
    return best


def _stage_lengths(
    net: Netlist, graph: ChainGraph, levels_per_stage: int | None, stages: int | None
) -> list[list[int]]:
    """Return the choices of how many levels each stage has."""
    given = [value for value in (levels_per_stage, stages) if value is not None]
    if len(given) != 1:
        raise UsageError("pipeline", expected="either levels per stage or a number of stages")
    if given[0] < 1:
        raise UsageError(f"pipeline of {given[0]}", expected="1 or more")
    depth = max(1, int(net.levels.max(initial=0)))
    steps = int(graph.steps[~graph.is_rom].max(initial=1))
    if levels_per_stage is not None:
        if steps > levels_per_stage:
            raise UsageError(
                f"{levels_per_stage} LUT levels in a stage", expected=f"{steps} for a carry chain"
            )
        return [[levels_per_stage] * fewest_stages(graph, levels_per_stage)]
    assert stages is not None
    if graph.is_rom.any():
        fewest = fewest_stages(graph, depth)
        if fewest > stages:
            raise UsageError(
                f"{stages} stages with block RAMs", expected=f"at least {fewest}: reads in a row"
            )
        level = next(n for n in range(1, depth + 1) if fewest_stages(graph, n) <= stages)
        return [[level] * stages]
    if steps > 1:
        # A chain ends as a whole, so what reads its first sums waits for its last.
        depth = int(_Plan(graph, [depth * steps]).earliest().max()) + 1
    assert steps == 1 or stages == 1, "chains of several additions need levels in a stage"
    if stages > depth:
        raise UsageError(f"{stages} stages for {depth} levels of gates", expected=f"1..{depth}")
    # Equal stages leave more freedom; those that just add up surely are as many as asked for.
    balanced = np.diff(np.arange(stages + 1) * depth // stages).tolist()
    return [[-(-depth // stages)] * stages, balanced]


def fewest_stages(graph: ChainGraph, length: int) -> int:
    """Return how many stages of so many steps there must be; no gate may have more steps.

    Chains that do not fit into what is left of a stage may take more stages than the depth, and a
    memory takes what is left of the stage in front of it.
    """
    depth = max(1, int(graph.net.levels.max(initial=0)))
    last = int(_Plan(graph, [length] * (depth + 2)).earliest().max(initial=0))
    return last // length + 1


class _Plan:
    """Schedules of one netlist for given stage lengths; a schedule is the `int64[gates]` times.

    A gate of several steps, which is a carry chain or a memory, ends at its time and lies in one
    stage; a memory begins with the stage.

    Attributes
    ----------
    stage_of
        The stage of each time.
    begin, last
        The first and the last time of each stage.
    """

    def __init__(self, graph: ChainGraph, lengths: list[int]) -> None:
        self.net = graph.net
        self.is_rom = graph.is_rom
        # A read that takes longer than a stage is the user's to ask for: it sets the clock.
        self.steps = np.where(graph.is_rom, np.minimum(graph.steps, min(lengths)), graph.steps)
        self.stage_of: Times = np.repeat(np.arange(len(lengths)), lengths)
        # With that of the stage behind the last, which a memory may wish for.
        self.begin: Times = np.cumsum([0, *lengths])
        self.last: Times = np.cumsum(lengths) - 1
        self.count = len(lengths)

    def earliest(self) -> Times:
        """Return the schedule that starts every gate as soon as its fan-in is there."""
        net = self.net
        ready = np.zeros(net.num_nets, dtype=np.int64)
        for start, stop in net.blocks:
            low = ready[net.fanin[start:stop]].max(axis=1, initial=0)
            time = low + self.steps[start:stop] - 1
            # The next stage, where this one ends in the middle of a chain.
            begun = self.begin[self.stage_of[time]]
            time = np.where(low < begun, begun + self.steps[start:stop] - 1, time)
            # A memory is read at the edge behind the stage of its last input.
            begun = self.begin[self.stage_of[np.maximum(low - 1, 0)] + 1]
            time = np.where(self.is_rom[start:stop], begun + self.steps[start:stop] - 1, time)
            ready[net.first_gate + start : net.first_gate + stop] = time + 1
        return ready[net.first_gate :] - 1

    def latest(self) -> Times:
        """Return the schedule that starts every gate just before its first reader."""
        net = self.net
        bound = np.full(net.num_nets, self.last[-1], dtype=np.int64)
        for start, stop in reversed(net.blocks):
            own = slice(net.first_gate + start, net.first_gate + stop)
            steps, time = self.steps[start:stop], bound[own]
            stage = self.stage_of[time]
            begun = self.begin[stage]
            late = np.where(time - steps + 1 < begun, begun - 1, time)
            stage = np.where(time - steps + 1 < begun, stage - 1, stage)
            read = self.begin[stage] + steps - 1
            bound[own] = time = np.where(self.is_rom[start:stop], read, late)
            np.minimum.at(bound, net.fanin[start:stop], (time - steps)[:, None])
        return bound[net.first_gate :]

    def improved(self, time: Times) -> Iterator[Times]:
        """Yield `time` and the schedules after each round of moves, there and back."""
        yield time
        for _ in range(_ROUNDS):
            before = time
            for move in (self._move_later, self._move_earlier):
                time = move(time)
                yield time
            if np.array_equal(time, before):
                return

    def _move_later(self, time: Times) -> Times:
        """Return the schedule after a walk from the outputs; of equal stages, the last."""
        net, stage_of = self.net, self.stage_of
        wish = self._wishes(time)[1]
        time = time.copy()
        bound = np.full(net.num_nets, self.last[-1], dtype=np.int64)
        for start, stop in reversed(net.blocks):
            high = bound[net.first_gate + start : net.first_gate + stop]
            now = time[start:stop]
            stage = np.clip(wish[start:stop], stage_of[now], stage_of[high])
            moved = np.maximum(np.minimum(high, self.last[stage]), now)
            steps = self.steps[start:stop]
            # As a whole in the stage in which it ends.
            fits = moved - steps + 1 >= self.begin[stage_of[moved]]
            time[start:stop] = np.where(fits & ~self.is_rom[start:stop], moved, now)
            np.minimum.at(bound, net.fanin[start:stop], (time[start:stop] - steps)[:, None])
        return time

    def _move_earlier(self, time: Times) -> Times:
        """Return the schedule after a walk from the inputs; of equal stages, the first."""
        net, stage_of = self.net, self.stage_of
        wish = self._wishes(time)[0]
        ready = np.concatenate([np.zeros(net.first_gate, dtype=np.int64), time + 1])
        for start, stop in net.blocks:
            own = slice(net.first_gate + start, net.first_gate + stop)
            low = ready[net.fanin[start:stop]].max(axis=1, initial=0)
            now = ready[own] - 1
            stage = np.clip(wish[start:stop], stage_of[low], stage_of[now])
            first = np.maximum(low, self.begin[stage])
            moved = np.minimum(first + self.steps[start:stop] - 1, now)
            fits = stage_of[moved] == stage_of[np.minimum(first, now)]
            ready[own] = np.where(fits & ~self.is_rom[start:stop], moved, now) + 1
        return ready[net.first_gate :] - 1

    def _wishes(self, time: Times) -> tuple[Times, Times]:
        """Return the first and the last of the stages that suit each gate best.

        A stage later, a gate saves a flip-flop behind it and costs one for each of its inputs that
        nothing else reads that late. So it suits best between the stages up to which the first and
        the second of its inputs are held anyway.
        """
        net = self.net
        held = self._held_without(self.stage_of[time])
        ordered = np.sort(held, axis=1)
        far = np.full(net.num_gates, self.count, dtype=np.int64)
        first = ordered[:, 0] if net.fanin.shape[1] > 0 else far
        second = ordered[:, 1] if net.fanin.shape[1] > 1 else far
        return first, second

    def _held_without(self, stage: Times) -> Times:
        """Return `int64[gates, K]`: up to which stage each input is held for its other readers."""
        net = self.net
        last = np.concatenate([np.zeros(net.first_gate, dtype=np.int64), stage])
        last[net.output_nets] = self.count
        second = last.copy()
        rows = np.broadcast_to((stage - self.is_rom)[:, None], net.fanin.shape)
        np.maximum.at(last, net.fanin, rows)
        is_last = rows == last[net.fanin]
        readers = np.bincount(net.fanin[is_last], minlength=net.num_nets)
        np.maximum.at(second, net.fanin[~is_last], rows[~is_last])
        alone = is_last & (readers[net.fanin] == 1)
        held = np.where(alone, second[net.fanin], last[net.fanin])
        return np.where(net.fanin <= CONST1_NET, self.count, held)

"""The proof of the control of a shell with credits.

Functions of a few bits are compared with the machine below on *every* assignment, as in
`gatec.backends.control.stall`:

```
accept    = i_valid & i_ready              i_ready   = credit[2]
valid[k]' = k ? valid[k-1] : full          late'     = result
settle'   = spent ^ freed | clear          gain'     = freed
hold'     = early                          shift'    = ~(before ^ early)
clear'    = rst                            cleared'  = clear
freed'    = leaves                         filled'   = fill[1..]
move[k]'  = ~(fill[k] & hold)              leaves    = fill[0] & ~hold
```

where `before` is what `valid[S-1]` takes. With one beat in, `vector' = i_payload`,
`full' = accept`, and `spent` is `full`; with B beats

```
beat'      = i_payload                     turn[k]'  = accept ? turn[(k-1) mod B] : turn[k]
strobe[k]' = accept & turn[k]              slot<k>'  = strobe[k] ? beat : slot<k>
full'      = strobe[B-1]                   spent     = strobe[B-1]
```

Each lane n has five stages, of which `lane<n>[k]` says whether it is filled, and a word in each. A
word comes with `comes`, and the lowest stays with `stays`:

```
lane[0]'  = lane[0] ? stays : lane[1]
lane[1]'  = lane[1] ? lane[0] : lane[2] | comes
lane[k]'  = lane[k] ? lane[k-1] : lane[k+1] | comes & lane[k-1]
word0'    = lane[0] ? word0 : word1        room[k]'  = ~ what lane[k]' is without rst
word<k>'  = room[k] ? (lane[k+1] ? word<k+1> : word0 of the first queue) : word<k>
```

With one beat out there are two, and `o_valid` and `o_payload` are `lane[0]` and `word0` of the lane
`front`:

```
early     = lane0[3] & lane1[3]            into'     = into ^ leaves
enter[n]' = leaves & into == n             front'    = front ^ (o_valid & o_ready)
comes     = enter[n]                       stays     = ~(o_ready & front == n)
```

With more, of C bits, there is one lane, with `comes` = `freed`, `stays` = `held`, `early` =
`lane0[3] | leaves`, and

```
held'    = held ? rest[0] | stop : lane0[0]      waiting' = held ? waiting : word0
busy'    = stop ? busy : rest[0] | held
rest[k]' = stop ? rest[k] : rest[0] ? rest[k+1] : held
serial'  = stop ? serial : rest[0] ? serial >> C : waiting
o_valid' = busy & ~stop | o_valid & (~o_ready | stop)
stop'    = o_valid & ~o_ready & (stop | busy)
answer'  = ~o_valid | o_ready ? (stop ? spare : serial) : answer
spare'   = stop ? spare : serial
```

All these, but `clear`, `cleared`, and the data, `move`, `filled` and `room` among them, become 0
while `rst` is high, but `hold` and `turn` become 1. So they are at power-up, with `fill` 0 and
`credit` all ones.

`fill` and `credit` are proved as what they are for, counters that count in ones from bit
0, by induction: from each of their codes, and under all that moves them, the text computes the code
of the count that follows; so does each word, from each of those codes, hold the result that follows
in a queue. What is excluded are a push onto a full queue that does not move and a counter that
leaves its range: `gatec.backends.control.credit_induction` proves that they never happen, and
`gatec.backends.credit_lanes` that no word is lost in the lanes.

These go on to do so after `rst`: in the cycle after its last, `clear` makes `fill[0]` 0, and `hold`
is 1, so nothing leaves; in the one after that, `cleared` makes the rest of `fill` 0 and `credit`
all ones, for `shift` and `settle` are 1 then: there is nothing in `valid[S-2]`, the lanes and
`freed` in the cycle before, nothing leaves, and `clear` is 1. `room` is what `lane` denies from the
second cycle after `rst` or power-up on, before which nothing comes.

Why this machine is right: a beat accepted in one cycle is in `beat` in the next, when its `strobe`
puts it into its slot (`turn` has a single one, which each accepted beat moves on); the cycle after
the last of them, `full` is 1 and the slots hold the vector, since a slot is written at most B - 1
beats before, or after, that cycle. `valid` and the ranks move in every cycle, so each rank holds
the vector that its `valid` bit announces. `valid[S-1]` pushes onto `fill`; a cycle later `late` has
that result, and `filled` and `move` are what `fill` and `hold` were, so the words do then what
`fill` did before, and `word0` is, in a cycle with `freed`, the word that left; it then comes into a
lane. Queue and lanes keep the order, and lanes take turns at both ends. `held` is 1 from the cycle
after `waiting` took a word until `serial` takes it, which it does when it is empty or its last beat
leaves; `stop` is 1 from the cycle after `spare` took a beat that the output register could not,
until that takes it over, and while `stop` is 1 nothing comes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatec.backends.control.checker import Checker, Values, choose
from gatec.backends.control.credit_induction import prove_credits
from gatec.backends.control.credit_queue import Counts, Queue, check_counter, check_words
from gatec.backends.control.stall import stream_ports
from gatec.backends.credit_core import LATE, CreditShape
from gatec.backends.credit_lanes import HOLD_STAGE, LaneBits, prove_lanes
from gatec.backends.readback.shell import Shell
from gatec.bits import Words
from gatec.errors import DifferentError


class CreditControl(Checker):
    """The control bits of a shell with credits, by their names in the text.

    Raises
    ------
    DifferentError
        A port or a name is missing or has another width than the shape says.
    """

    def __init__(self, shell: Shell, shape: CreditShape) -> None:
        super().__init__(shell, shape.top)
        self.shape = shape
        self.check_ports(stream_ports(shape))
        ports = ("i_valid", "i_ready", "o_valid", "o_ready")
        flags = ("full", "freed", "settle", "gain", "hold", "shift", "clear", "cleared")
        self.i_valid, self.i_ready, self.o_valid, self.o_ready = map(self.flag, ports)
        (self.full, self.freed, self.settle, self.gain, self.hold, self.shift, self.clear,
         self.cleared) = map(self.flag, flags)  # fmt: skip
        self.valid = self.wire("valid", shape.num_stages)
        self.credit, self.fill = self.wire("credit", shape.depth), self.wire("fill", shape.depth)
        self.move, self.filled = (
            self.wire("move", shape.depth),
            self.wire("filled", shape.depth - 1),
        )
        self.payload = self.wire("i_payload", shape.beat_bits)
        self.result, self.late = (self.wire(name, shape.output_bits) for name in ("result", "late"))
        self.words = [self.wire(f"word{k}", shape.output_bits) for k in range(shape.depth)]
        number = 2 if shape.beats_out == 1 else 1
        self.lanes = [LaneBits.of(self, n, shape.output_bits) for n in range(number)]
        self.turn: list[int] = []
        self.strobe: list[int] = []
        if shape.beats_in == 1:
            self.vector = self.wire("vector", shape.vector_bits)
            self.spent = self.full
        else:
            self.turn = self.wire("turn", shape.beats_in)
            self.strobe = self.wire("strobe", shape.beats_in)
            self.beat = self.wire("beat", shape.beat_bits)
            slots = (self.wire(f"slot{k}", shape.beat_bits) for k in range(shape.beats_in))
            self.vector = [bit for slot in slots for bit in slot]
            self.spent = self.strobe[-1]

    def enable(self, stage: int) -> int:
        """Return the enable of the rank behind a stage: always."""
        return 1

    def check(self) -> None:
        """Compare the whole machine.

        Raises
        ------
        DifferentError
            A function differs, a register has another clock, or starts with another value.
        """
        shape = self.shape
        prove_credits(shape.depth, shape.depth, LATE)
        prove_lanes(len(self.lanes))
        self.check_clocks()
        if self.i_ready != self.credit[LATE]:
            raise DifferentError("i_ready is another bit", place=self.place)
        self._check_intake()
        for stage, bit in enumerate(self.valid):
            before = self.valid[stage - 1] if stage else self.full
            self._follows(f"valid[{stage}]", bit, before)
        self._check_counters()
        zeros = [self.full, *self.valid, *self.strobe, *self.fill, self.freed]
        zeros += [bit for lane in self.lanes for bit in lane.filled]
        zeros += [self.settle, self.gain, self.shift, self.clear, self.cleared]
        zeros += self._check_serial() if shape.beats_out > 1 else self._check_turns()
        self.check_starts(zeros)
        self.check_starts([*self.credit, self.hold], [1] * (shape.depth + 1))
        self.check_starts(self.turn, [int(not row) for row in range(len(self.turn))])

    def _follows(self, name: str, bit: int, source: int) -> None:
        """Check that a control register takes another bit in every cycle."""
        self.next_value(name, bit, lambda values: values[source])

    def _accept(self, values: Values) -> Words:
        return values[self.i_valid] & values[self.i_ready]

    def _check_intake(self) -> None:
        """Compare how beats are accepted; what they hold is the data path's."""
        if not self.turn:
            self.next_value("full", self.full, self._accept)
            return
        for row, (turn, strobe) in enumerate(zip(self.turn, self.strobe, strict=True)):
            before = self.turn[row - 1]

            def moved(values: Values, turn: int = turn, before: int = before) -> Words:
                return choose(self._accept(values), values[before], values[turn])

            def struck(values: Values, turn: int = turn) -> Words:
                return self._accept(values) & values[turn]

            self.next_value(f"turn[{row}]", turn, moved, start=int(not row))
            self.next_value(f"strobe[{row}]", strobe, struck)
        self._follows("full", self.full, self.strobe[-1])

    def _check_counters(self) -> None:
        """Check credits and the first queue."""
        fill, hold = self.fill, self.hold
        self._takes("clear", [self.clear, self.cleared], [self.rst, self.clear])
        self.next_value(
            "settle", self.settle, lambda v: (v[self.spent] ^ v[self.freed]) | v[self.clear]
        )
        self._follows("gain", self.gain, self.freed)
        credit = Counts(self.credit, self.settle, self.gain)
        change = credit.first & credit.second, credit.first & ~credit.second
        normal = {self.cleared: np.zeros(len(credit.count), dtype=bool)}
        check_counter(self, "credit", credit, *change, more=normal)
        for row, bit in enumerate(self.credit):
            self._begins(f"credit[{row}]", bit, self.settle, self.cleared, 1)
        self.next_value("freed", self.freed, self._leaves)
        self.next_value("hold", hold, self._early, start=1)
        before = self.valid[-2] if len(self.valid) > 1 else self.full
        self.next_value("shift", self.shift, lambda v: ~(v[before] ^ self._early(v)))
        for row, bit in enumerate(self.move):

            def moves(values: Values, row: int = row) -> Words:
                return ~(values[fill[row]] & values[hold])

            self.next_data(f"move[{row}]", bit, moves)
        self._takes("filled", self.filled, fill[1:])
        self._takes("late", self.late, self.result)
        queue = Counts(fill, self.valid[-1], hold)
        leaves = (queue.count > 0) & ~queue.second
        normal = {bit: np.zeros(len(queue.count), dtype=bool) for bit in (self.clear, self.cleared)}
        normal[self.shift] = queue.first == queue.second
        check_counter(self, "fill", queue, queue.first, leaves, more=normal)
        self._begins("fill[0]", fill[0], 1, self.clear, 0)
        for row, bit in enumerate(fill[1:]):
            self._begins(f"fill[{row + 1}]", bit, self.shift, self.cleared, 0)
        codes = queue.codes(queue.count)
        follows = dict(zip(self.filled, codes[:, 1:].T, strict=True))
        follows |= dict(zip(self.move, ~(codes.T & queue.second), strict=True))
        check_words(self, Queue("word", self.words, self.late), queue, leaves, follows)

    def _begins(self, name: str, bit: int, enable: int, clear: int, start: int) -> None:
        """Check that a register becomes `start` in a cycle with `enable` and `clear`."""
        flip_flop = self.flip_flop(name, bit)

        def spec(values: Values) -> Words:
            begins = values[enable] & values[clear]
            return choose(begins, values[start], flip_flop.next_value(values))

        # What it takes otherwise is another check's.
        sources = [*flip_flop.sources(), enable, clear]
        self.compare(f"the next {name}", sources, flip_flop.next_value, spec)

    def _leaves(self, values: Values) -> Words:
        return values[self.fill[0]] & ~values[self.hold]

    def _early(self, values: Values) -> Words:
        late = [values[lane.filled[HOLD_STAGE]] for lane in self.lanes]
        return late[0] & late[1] if len(late) > 1 else late[0] | self._leaves(values)

    def _check_turns(self) -> list[int]:
        """Check two lanes and the output behind them; return the control registers."""
        o_valid, o_ready = self.o_valid, self.o_ready
        front, into, enter = self.flag("front"), self.flag("into"), self.wire("enter", 2)
        zero, one = self.lanes
        for number, lane in enumerate(self.lanes):

            def turn(values: Values, number: int = number) -> Words:
                return self._leaves(values) & (values[into] if number else ~values[into])

            def stays(values: Values, number: int = number) -> Words:
                return ~(values[o_ready] & (values[front] if number else ~values[front]))

            self.next_value(f"enter[{number}]", enter[number], turn)
            lane.check(self, enter[number], stays, self.words[0])
        self.next_value("into", into, lambda v: v[into] ^ self._leaves(v))
        self.next_value("front", front, lambda v: v[front] ^ (v[o_valid] & v[o_ready]))
        padding = [0] * (self.shape.out_beat_bits - self.shape.output_bits)
        payload = self.wire("o_payload", self.shape.out_beat_bits)
        shown = zip(
            [o_valid, *payload],
            [zero.filled[0], *zero.words[0], *padding],
            [one.filled[0], *one.words[0], *padding],
            strict=True,
        )
        for bit, low, high in shown:

            def chosen(values: Values, low: int = low, high: int = high) -> Words:
                return choose(values[front], values[high], values[low])

            self.equal("o_valid or o_payload", bit, chosen, set())
        return [front, into, *enter]

    def _check_serial(self) -> list[int]:
        """Check a lane, and how vectors leave it in beats; return the control registers."""
        shape = self.shape
        held, stop, busy = map(self.flag, ("held", "stop", "busy"))
        rest = self.wire("rest", shape.beats_out - 1)
        waiting, serial = (self.wire(name, shape.output_bits) for name in ("waiting", "serial"))
        (lane,) = self.lanes
        lane.check(self, self.freed, lambda v: v[held], self.words[0])
        self.next_value(
            "held", held, lambda v: choose(v[held], v[rest[0]] | v[stop], v[lane.filled[0]])
        )
        self.next_value("busy", busy, lambda v: choose(v[stop], v[busy], v[rest[0]] | v[held]))
        for row, (bit, after) in enumerate(zip(rest, [*rest[1:], 0], strict=True)):

            def left(values: Values, bit: int = bit, after: int = after) -> Words:
                counted = choose(values[rest[0]], values[after], values[held])
                return choose(values[stop], values[bit], counted)

            self.next_value(f"rest[{row}]", bit, left)
        above = [*serial[shape.out_beat_bits :], *[0] * shape.out_beat_bits]
        rows = zip(serial, above, waiting, lane.words[0], strict=True)
        for row, (bit, upper, other, new) in enumerate(rows):

            def waits(values: Values, other: int = other, new: int = new) -> Words:
                return choose(values[held], values[other], values[new])

            def shifts(
                values: Values, bit: int = bit, upper: int = upper, other: int = other
            ) -> Words:
                moved = choose(values[rest[0]], values[upper], values[other])
                return choose(values[stop], values[bit], moved)

            self.next_data(f"waiting[{row}]", other, waits)
            self.next_data(f"serial[{row}]", bit, shifts)
        self._check_port(busy, stop, serial[: shape.out_beat_bits])
        return [held, stop, busy, *rest, self.o_valid]

    def _check_port(self, busy: int, stop: int, data: Sequence[int]) -> None:
        """Compare the output register of beats, and the spare one beside it."""

        def free(values: Values) -> Words:
            return ~values[self.o_valid] | values[self.o_ready]

        def shown(values: Values) -> Words:
            return choose(free(values) & ~values[stop], values[busy], values[self.o_valid])

        self.next_value("o_valid", self.o_valid, lambda v: shown(v) | (v[self.o_valid] & v[stop]))
        self.next_value("stop", stop, lambda v: ~free(v) & (v[stop] | v[busy]))
        payload, spare = (self.wire(name, len(data)) for name in ("o_payload", "spare"))
        for row, (bit, other, new) in enumerate(zip(payload, spare, data, strict=True)):

            def spared(values: Values, other: int = other, new: int = new) -> Words:
                return choose(values[stop], values[other], values[new])

            def given(values: Values, bit: int = bit, other: int = other, new: int = new) -> Words:
                return choose(free(values), spared(values, other, new), values[bit])

            self.next_data(f"spare[{row}]", other, spared)
            self.next_data(f"o_payload[{row}]", bit, given)

    def _takes(self, name: str, bits: Sequence[int], sources: Sequence[int]) -> None:
        """Check that registers without reset take other bits in every cycle."""
        for row, (bit, source) in enumerate(zip(bits, sources, strict=True)):

            def taken(values: Values, source: int = source) -> Words:
                return values[source]

            self.next_data(f"{name}[{row}]", bit, taken)

    def registers(self) -> list[int]:
        """Return all registers that are no ranks; `result` is one."""
        shape = self.shape
        found = [self.full, self.freed, self.settle, self.gain, self.hold, self.shift]
        found += [*self.valid, *self.credit, *self.fill, *self.filled, *self.move]
        found += [*self.turn, *self.strobe, *self.vector, *self.late]
        found += [bit for word in self.words for bit in word]
        found += [bit for lane in self.lanes for bit in lane.registers()]
        if shape.beats_in > 1:
            found += self.beat
        names = {"front": 1, "into": 1, "enter": 2}
        if shape.beats_out > 1:
            names = {"held": 1, "stop": 1, "busy": 1, "rest": shape.beats_out - 1, "o_valid": 1}
            names |= dict.fromkeys(("waiting", "serial"), shape.output_bits)
            names |= dict.fromkeys(("spare", "o_payload"), shape.out_beat_bits)
        found += [bit for name, width in names.items() for bit in self.wire(name, width)]
        return [bit for bit in found if bit in self.shell.flip_flops]

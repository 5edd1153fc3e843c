"""A sequential shell whose ranks never stand still: credits say when a vector may begin.

```
i ─▶ vector ─▶ stage 0 ─▶ rank0 ─▶ ... ─▶ stage S-1 ─▶ result ─▶ late ─▶ word[..] ─▶ lanes ─▶ o
     full                 valid[0]                     valid[S-1]  fill      freed
       credit ◀──────────────────────────────────────────────────────────────┘
```

No register between `vector` and `late` has an enable; only `valid` says which of them hold a
vector. Results join a queue of `depth` words that moves down when its lowest word leaves: `fill[k]`
is 1 when more than k words are filled. `credit` counts in the same way how many vectors may still
begin, each of which has its place in the queue: `credit` begins with all of them, a vector that is
complete takes one, a result that leaves the queue gives one back.

Between registers there is one look-up table of four inputs at most, and none in front of what goes
to many places: the words follow one cycle behind `fill`, by registers of their own (`move` enables
a word, `filled` says whether there is one above it), and `shift`, which enables `fill`, is known a
cycle ahead, as `hold` is, which keeps the lowest word in the queue. That is why a few words more,
in lanes (`gatec.backends.credit_lanes`), stand behind the queue: between the cycle in which they
say that they fill up and that in which the queue stands still, results still come.

`fill` and `credit` begin anew two cycles after `rst`, when `cleared` is 1, by what they take: their
enables are 1 then. So no enable has `rst` in front of it, as iCE40's flip-flops would need, whose
enable goes before their reset. `fill[0]`, which has no enable, does so a cycle before, with
`clear`; and before that nothing leaves, since `hold` is 1 after `rst`.

What `credit` says is late, too: two vectors may have begun that it does not yet count, so `i_ready`
is its third bit. It counts in two steps, `freed` and `full`, then `settle` and `gain`.

With one beat in, `vector` is written in every cycle; with several, each has registers of its own in
it, which `strobe` enables, one bit for each beat; `turn` says whose turn it is. With one beat out
there are two lanes, and a table behind their lowest words, which `front` chooses from, gives the
output. With several there is one, for which `hold` lets a result go every other cycle at most. From
there it goes to `waiting` (which is full when `held` is 1), and to `serial`, which puts its lowest
beat out first; `busy` says that there is one, `rest` how many follow it. Beats go to the output
register, or to `spare` beside it while that waits for `o_ready`; `stop` says that `spare` is full.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth.hdl import Cat, Const, Module, Mux, ResetSignal, Signal, Value

from gatec.backends.core import CoreShape, StreamCore
from gatec.backends.credit_lanes import HOLD_STAGE, add_lane, next_word

# `i_ready` is this bit of `credit`: so many vectors may have begun that it does not count.
LATE = 2
# Cycles that a vector keeps its credit beside those in stages and ranks.
_ROUND_TRIP = 2


@dataclass(frozen=True)
class CreditShape(CoreShape):
    """The widths of a core with credits; it has no sequence.

    Attributes
    ----------
    depth
        Words of the queue, and credits.
    """

    depth: int = field(kw_only=True)

    @property
    def latency(self) -> int:
        """Cycles from the one that takes the last input beat to the first with `o.valid`."""
        return self.num_stages + 5 + (self.beats_in > 1) + 3 * (self.beats_out > 1)

    @property
    def interval(self) -> int:
        """Cycles between vectors at full speed (initiation interval)."""
        return max(self.beats_in, self.beats_out)


def with_credits(shape: CoreShape, depth: int | None = None) -> CreditShape:
    """Return the shape with so many credits; None: what vectors at the full interval need."""
    away = shape.num_stages + _ROUND_TRIP + (shape.beats_in > 1)
    return CreditShape(
        shape.top,
        shape.input_bits,
        shape.output_bits,
        shape.rank_bits,
        shape.beat_bits,
        shape.out_beat_bits,
        depth=depth or -(-away // max(shape.beats_in, shape.beats_out)) + LATE + 1,
    )


class CreditCore(StreamCore):
    """A pipeline of stage modules between two streams, with credits.

    Members are those of `StreamCore`.

    Parameters
    ----------
    shape
        Its widths.
    roms
        The memories beside its ranks.
    """

    shape: CreditShape

    def elaborate(self, platform: object) -> Module:
        """Return the shell; the stage bodies are instances."""
        m = Module()
        shape = self.shape
        self._clear, self._cleared = (
            Signal(name=name, reset_less=True) for name in ("clear", "cleared")
        )
        m.d.sync += [self._clear.eq(ResetSignal()), self._cleared.eq(self._clear)]
        freed = Signal(name="freed")
        valid = Signal(shape.num_stages, name="valid", attrs={"keep": 1})
        full, spent = self._intake(m)
        chain = Cat(full, valid)
        m.d.sync += valid.eq(chain[:-1])
        self._credits(m, spent, freed)
        out = self._ranks(m, [Const(1)] * shape.num_stages)
        result, late = (
            Signal(shape.output_bits, name=name, reset_less=True) for name in ("result", "late")
        )
        m.d.sync += [result.eq(out), late.eq(result)]
        early, leaves = Signal(name="early"), Signal(name="leaves")
        lowest = self._queue(m, chain[-2:], late, early, leaves)
        m.d.sync += freed.eq(leaves)
        if shape.beats_out == 1:
            m.d.comb += early.eq(self._take_turns(m, leaves, lowest))
        else:
            held, stop = Signal(name="held"), Signal(name="stop")
            lane = add_lane(m, 0, freed, lowest, held)
            m.d.comb += early.eq(lane.filled[HOLD_STAGE] | leaves)
            busy, beat = self._serialise(m, lane.filled[0], lane.words[0], held, stop)
            self._leave(m, busy, beat, stop)
        return m

    def _intake(self, m: Module) -> tuple[Value, Value]:
        """Collect the beats of a vector; return whether it is there, and whether it will be."""
        shape = self.shape
        full = Signal(name="full")
        accept = self.i.valid & self.i.ready
        if shape.beats_in == 1:
            self.vector = Signal(shape.vector_bits, name="vector", reset_less=True)
            m.d.sync += [self.vector.eq(self.i.payload), full.eq(accept)]
            return full, full
        beats = range(shape.beats_in)
        beat = Signal(shape.beat_bits, name="beat", reset_less=True)
        turn = Signal(shape.beats_in, name="turn", init=1)
        strobe = Signal(shape.beats_in, name="strobe")
        m.d.sync += [beat.eq(self.i.payload), full.eq(strobe[-1])]
        taken = accept.replicate(shape.beats_in)
        m.d.sync += [
            turn.eq((turn.rotate_left(1) & taken) | (turn & ~taken)),
            strobe.eq(turn & taken),
        ]
        slots = [Signal(shape.beat_bits, name=f"slot{k}", reset_less=True) for k in beats]
        for number, slot in enumerate(slots):
            with m.If(strobe[number]):
                m.d.sync += slot.eq(beat)
        self.vector = Cat(slots)
        return full, strobe[-1]

    def _credits(self, m: Module, spent: Value, freed: Value) -> None:
        """Count the credits, two cycles late."""
        depth = self.shape.depth
        settle, gain = Signal(name="settle"), Signal(name="gain")
        credit = Signal(depth, name="credit", init=(1 << depth) - 1, reset_less=True)
        m.d.sync += [settle.eq((spent ^ freed) | self._clear), gain.eq(freed)]
        moved = Mux(gain, Cat(Const(1), credit[:-1]), credit[1:])
        with m.If(settle):
            m.d.sync += credit.eq(moved | self._cleared.replicate(depth))
        m.d.comb += self.i.ready.eq(credit[LATE])

    def _queue(self, m: Module, pushes: Value, late: Value, early: Value, leaves: Signal) -> Signal:
        """Queue the results; return the lowest word, which left in a cycle with `freed`.

        `pushes` says whether there is a push in the next cycle, and in this; `early` is the next
        `hold`, and `leaves` the next `freed`.
        """
        depth = self.shape.depth
        hold, shift = Signal(name="hold", init=1), Signal(name="shift")
        fill = Signal(depth, name="fill", reset_less=True)
        move = Signal(depth, name="move", reset_less=True)
        filled = Signal(depth - 1, name="filled", reset_less=True)
        words = [Signal(len(late), name=f"word{k}", reset_less=True) for k in range(depth)]
        m.d.sync += [hold.eq(early), shift.eq(~(pushes[0] ^ early))]
        push = pushes[1]
        kept = ~self._cleared.replicate(depth - 1)
        first = push | (fill[0] & (hold | fill[1]))
        m.d.sync += fill[0].eq(Mux(self._clear, 0, first))
        with m.If(shift):
            m.d.sync += fill[1:].eq(Mux(push, fill[:-1], fill[2:]) & kept)
        m.d.comb += leaves.eq(fill[0] & ~hold)
        m.d.sync += [filled.eq(fill[1:]), move.eq(~(fill & hold.replicate(depth)))]
        for number, word in enumerate(words):
            # Where nothing is filled, a word takes every result: the first to stay is right.
            with m.If(move[number]):
                m.d.sync += word.eq(next_word(words, filled, late, number))
        return words[0]

    def _take_turns(self, m: Module, leaves: Value, data: Value) -> Value:
        """Add two lanes and the output behind them; return whether both fill up."""
        front, into, enter = (
            Signal(width, name=name) for name, width in (("front", 1), ("into", 1), ("enter", 2))
        )
        turns = [Cat(~bit, bit) for bit in (front, into)]
        stays = ~(turns[0] & self.o.ready.replicate(2))
        lanes = [add_lane(m, n, enter[n], data, stays[n]) for n in range(2)]
        m.d.sync += [
            enter.eq(turns[1] & leaves.replicate(2)),
            into.eq(into ^ leaves),
            front.eq(front ^ (self.o.valid & self.o.ready)),
        ]
        m.d.comb += [
            self.o.valid.eq(Mux(front, lanes[1].filled[0], lanes[0].filled[0])),
            self.o.payload.eq(Mux(front, lanes[1].words[0], lanes[0].words[0])),
        ]
        return lanes[0].filled[HOLD_STAGE] & lanes[1].filled[HOLD_STAGE]

    def _serialise(
        self, m: Module, filled: Value, lowest: Value, held: Signal, stop: Signal
    ) -> tuple[Value, Value]:
        """Put a vector out in beats; return whether there is one, and the beat."""
        shape = self.shape
        waiting = Signal(shape.output_bits, name="waiting", reset_less=True)
        serial = Signal(shape.output_bits, name="serial", reset_less=True)
        busy, rest = Signal(name="busy"), Signal(shape.beats_out - 1, name="rest")
        with m.If(~held):
            m.d.sync += waiting.eq(lowest)
        m.d.sync += held.eq(Mux(held, rest[0] | stop, filled))
        with m.If(~stop):
            m.d.sync += [
                busy.eq(rest[0] | held),
                rest.eq(Mux(rest[0], rest[1:], held.replicate(len(rest)))),
                serial.eq(Mux(rest[0], serial >> shape.out_beat_bits, waiting)),
            ]
        return busy, serial[: shape.out_beat_bits]

    def _leave(self, m: Module, filled: Value, source: Value, stop: Signal) -> None:
        """Put beats into the output register, or into the spare one while that waits."""
        answer = Signal(len(source), name="answer", reset_less=True)
        spare = Signal(len(source), name="spare", reset_less=True)
        shown, free = self.o.valid, ~self.o.valid | self.o.ready
        m.d.sync += [
            shown.eq((filled & ~stop) | (shown & (~self.o.ready | stop))),
            stop.eq(shown & ~self.o.ready & (stop | filled)),
        ]
        with m.If(free):
            m.d.sync += answer.eq(Mux(stop, spare, source))
        with m.If(~stop):
            m.d.sync += spare.eq(source)
        m.d.comb += self.o.payload.eq(answer)

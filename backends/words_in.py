"""Input words that stay where they are written, with places for some of the next vector's.

```
i_payload ──┬─▶ early[0 .. E-1] ──▶ vector[0 .. E-1]      written when word E is
            └─▶ vector[E .. N-1]                          word by word
```

While a vector is worked on, its registers must hold still. The first E words of the next vector may
come meanwhile: they wait beside, and move when word E is written, for which the vector must have
been taken. So a vector of N words may be worked on for E + 1 cycles, and the next ones still come
one word a cycle. A shift register would have to hold all words back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Const, Module, Signal, Value

if TYPE_CHECKING:
    from gatec.backends.core import CoreShape

# Bits of the beat's number that are decoded together: 8 + 7 gates and one for each of 50 words.
_LOW_BITS = 3


def collect_words(
    m: Module, shape: CoreShape, accept: Value, beat: Value, payload: Value
) -> Signal:
    """Write accepted beats to the words of `vector`, which is returned.

    Parameters
    ----------
    beat
        The number of the present beat.
    """
    early, width = shape.early, shape.beat_bits
    assert early is not None
    vector = Signal(shape.vector_bits, name="vector", reset_less=True)
    waiting = Signal(early * width, name="early", reset_less=True)
    # Kept by name for the reader of the text.
    write = Signal(shape.beats_in, name="write", attrs={"keep": 1})
    low, high = beat[:_LOW_BITS], beat[_LOW_BITS:]
    rows = [accept & (high == number) for number in range(1 << len(high))]
    columns = [low == number for number in range(1 << len(low))]
    mask = (1 << len(low)) - 1
    for number in range(shape.beats_in):
        row = rows[number >> _LOW_BITS] if len(high) else accept
        m.d.comb += write[number].eq(row & columns[number & mask])
        place = slice(number * width, (number + 1) * width)
        with m.If(write[number]):
            m.d.sync += (waiting if number < early else vector)[place].eq(payload)
            if number == early and early:
                m.d.sync += vector[: early * width].eq(waiting)
    return vector


def may_come(shape: CoreShape, beat: Value) -> Value:
    """Return whether the present beat has a place of its own while a vector is held."""
    return Const(0) if shape.early is None else beat != shape.early

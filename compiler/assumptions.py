"""Where facts about input bits come from: the model's own encoder, or what the user states."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gatec.bits import num_words, pack, unpack
from gatec.blocks import Thermometer
from gatec.care import Care, Fact, FactKind
from gatec.errors import UsageError

_SYNTAX = "thermometer:BITS, one-hot:BITS or range:BITS:MOST, then @FIRST-LAST for some inputs only"
_STATED = re.compile(
    r"(?P<kind>thermometer|one-hot|range):(?P<width>\d{1,6})(:(?P<most>\d{1,20}))?"
    r"(@(?P<first>\d{1,9})-(?P<last>\d{1,9}))?"
)
_KINDS: dict[str, FactKind] = {"thermometer": "thermometer", "one-hot": "one-hot", "range": "range"}
# A range of more bits would say nothing that LUTs could use.
_MOST_BITS = 64


def check_assumptions(stated: Sequence[str]) -> None:
    """Raise `UsageError` unless all of it can be read."""
    for text in stated:
        _parsed(text)


def stated_care(stated: Sequence[str], num_inputs: int) -> Care:
    """Return what the user states about input bits.

    Raises
    ------
    UsageError
        Something that cannot be read, does not fit the inputs, or speaks of a bit twice.
    """
    facts = []
    seen = np.zeros(num_inputs, dtype=bool)
    for text in stated:
        kind, width, most, first, last = _parsed(text)
        last = num_inputs - 1 if last is None else last
        count = last + 1 - first
        if not 0 <= first <= last < num_inputs or count % width:
            raise UsageError(
                f"--assume {text}: inputs {first} to {last}",
                expected=f"a multiple of {width} bits, of inputs 0 to {num_inputs - 1}",
            )
        if seen[first : last + 1].any():
            raise UsageError(f"--assume {text}: speaks of an input twice", expected="once")
        seen[first : last + 1] = True
        bits = np.arange(first, last + 1, dtype=np.int32).reshape(-1, width)
        facts.append(Fact(kind, bits, most))
    return Care(num_inputs, tuple(facts))


def _parsed(text: str) -> tuple[FactKind, int, int, int, int | None]:
    """Return kind, width, maximum, first and last input of a stated fact."""
    found = _STATED.fullmatch(text)
    width = int(found["width"]) if found else 0
    if not found or not width or (found["kind"] == "range") != (found["most"] is not None):
        raise UsageError(f"--assume {text}", expected=_SYNTAX)
    most = int(found["most"] or 0)
    if found["kind"] == "range" and (width > _MOST_BITS or most >= 1 << width):
        raise UsageError(f"--assume {text}", expected=f"up to {_MOST_BITS} bits that can hold MOST")
    last = int(found["last"]) if found["last"] else None
    return _KINDS[found["kind"]], width, most, int(found["first"] or 0), last


def encoder_care(encoder: Thermometer) -> Care:
    """Return the facts about an encoder's outputs: thermometers, in the order of their levels."""
    features, width = encoder.levels.shape
    order = np.argsort(encoder.levels, axis=1, kind="stable")
    bits = (np.arange(features)[:, None] * width + order).astype(np.int32)
    care = Care(features * width, (Fact("thermometer", bits),))
    assert is_implied(encoder, care), "levels in order make a thermometer"
    return care


def is_implied(encoder: Thermometer, care: Care) -> bool:
    """Return whether an encoder's outputs obey facts, whatever its inputs are.

    Features are compared with constants, so its outputs change only where a code reaches a level.
    Facts about bits of one feature hold for all codes if they hold for these, and for 0. A fact
    about bits of several features is not proved.
    """
    features, width = encoder.levels.shape
    for fact in care.facts:
        if (fact.bits // width != fact.bits[:, :1] // width).any():
            return False
    codes = np.concatenate([np.zeros((features, 1), dtype=np.int32), encoder.levels], axis=1)
    codes = np.minimum(codes, (1 << encoder.code_bits) - 1).T
    planes = codes[:, :, None] >> np.arange(encoder.code_bits) & 1
    words = pack(planes.reshape(len(codes), -1))
    outputs = encoder.evaluate(words, num_words(len(codes)) * 64)
    one, other = (unpack(side, len(codes)) for side in (outputs, care.obeying(outputs)))
    return bool(np.array_equal(one, other))

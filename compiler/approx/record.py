"""The record of an approximation, one line for each thing given up, from which it can be redone.

    "votes": {"layer5[17]": "0", ...}           gates of the last layer dropped as votes
    "merges": {"layer3[4]": ["~layer1[7]", 2]}  what each became; in how many fit rows that differs

Names are those of the trained model's blocks; `~` is the complement.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from gatec.approx.rewrite import replaced
from gatec.approx.search import Approximation
from gatec.approx.stack import FIRST_SOURCE, LayerStack, Signals
from gatec.errors import ModelError
from gatec.model import ModelGraph

_SIGNAL = re.compile(r"(~?)([^~\[\]]+)\[([0-9]{1,9})\]")


def to_record(found: Approximation) -> bytes:
    """Return the record as JSON, the same bytes for the same approximation."""
    stack = found.stack
    names = _names(stack)
    last = stack.signals(len(stack.layers))
    merged = np.isin(last, found.merges.signal)
    constant = last[(found.literal[last] < 2 * FIRST_SOURCE) & ~merged]
    votes = {names[s]: str(found.literal[s]) for s in constant.tolist() if found.dropped_votes}
    rows = zip(*(getattr(found.merges, key).tolist() for key in ("signal", "rows")), strict=True)
    merges = {
        names[signal]: [_literal_name(names, int(found.literal[signal])), count]
        for signal, count in rows
    }
    sections = ((key, _lines(value)) for key, value in (("votes", votes), ("merges", merges)))
    body = ",\n".join(f' "{key}": {lines}' for key, lines in sections)
    return f'{{\n "sorted_votes": {json.dumps(found.sorted_votes)},\n{body}\n}}\n'.encode()


def redo(model: ModelGraph, record: bytes, file: str) -> ModelGraph:
    """Return what a record makes of the trained model.

    Raises `ModelError` when the record is not one of this model.
    """
    try:
        content = json.loads(record)
        votes, merges = content["votes"], content["merges"]
        pairs = [*votes.items(), *((key, found[0]) for key, found in merges.items())]
        sort_votes = content["sorted_votes"] is True
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"is not a record of gatec: {error}", file=file) from None
    stack = LayerStack.of(model)
    blocks = [stack.source, *stack.layers]
    first = {b.name: (stack.first[i], b.out_width) for i, b in enumerate(blocks)}
    literal: Signals = 2 * np.arange(stack.num_signals)
    for name, becomes in pairs:
        signal, value = _literal(name, first, file), _literal(becomes, first, file)
        if signal & 1 or signal < 2 * FIRST_SOURCE or value >= signal:
            raise ModelError(f"{name} cannot become {becomes}", file=file)
        literal[signal >> 1] = value
    return replaced(stack, literal, sort_votes=sort_votes)


def _names(stack: LayerStack) -> list[str]:
    blocks = [stack.source, *stack.layers]
    return ["0", *(f"{block.name}[{i}]" for block in blocks for i in range(block.out_width))]


def _literal_name(names: list[str], literal: int) -> str:
    if literal < 2 * FIRST_SOURCE:
        return str(literal)
    return "~" * (literal & 1) + names[literal >> 1]


def _literal(text: Any, first: dict[str, tuple[int, int]], file: str) -> int:
    """Return the literal that a name stands for."""
    if text in ("0", "1"):
        return int(text)
    match = _SIGNAL.fullmatch(text) if isinstance(text, str) else None
    start, width = first.get(match[2], (0, 0)) if match else (0, 0)
    if match is None or int(match[3]) >= width:
        raise ModelError(f"no signal {text}", file=file, expected="one of the trained model")
    return 2 * (start + int(match[3])) + len(match[1])


def _lines(values: dict[str, Any]) -> str:
    """Return a JSON object with a line for each key."""
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(v)}" for key, v in values.items())
    return f"{{\n{lines}\n }}" if lines else "{}"

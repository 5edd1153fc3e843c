"""What the tests of netlists and passes share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from helpers import random_netlist

from gatec.bits import Words, pack, random_words
from gatec.evaluate import evaluate_nets
from gatec.netlist import Netlist, Port
from gatec.text import to_text

Transform = Callable[[Netlist], Netlist]


def with_extras(net: Netlist, rng: np.random.Generator) -> Netlist:
    """Return the netlist with a second output port, a cut, and some inputs as registers."""
    registers = int(rng.integers(0, net.num_inputs))
    (port,) = net.inputs
    inputs = (Port(port.name, port.nets[: port.width - registers]),)
    anything = rng.integers(0, net.num_nets, size=8)
    return net.replace(
        inputs=inputs,
        outputs=(*net.outputs, Port("z", anything[:3], "unsigned")),
        cuts=(Port("inner", anything[3:]),),
        register_d=rng.integers(0, net.num_nets, size=registers),
        register_init=rng.random(registers) < 0.5,
    )


def random_netlists(count: int, registers: bool = False, max_fanin: int = 6) -> Iterator[Netlist]:
    """Yield seeded random netlists of up to 60 gates, of every maximal fan-in, with cuts."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        net = random_netlist(
            rng,
            inputs=int(rng.integers(1, 9)),
            gates=int(rng.integers(0, 60)),
            outputs=int(rng.integers(1, 8)),
            max_fanin=1 + seed % max_fanin,
        )
        extended = with_extras(net, rng)
        yield (
            extended
            if registers
            else extended.replace(inputs=net.inputs, register_d=[], register_init=[])
        )


def all_roots(net: Netlist, words: Words) -> Words:
    """Return what outputs, cuts and next states are, for inputs and states in one matrix."""
    values = evaluate_nets(net, words[: net.num_inputs], words[net.num_inputs :])
    return values[net.root_nets]


def stimuli(net: Netlist) -> Words:
    """Return every input and state when they are at most ten bits, else 1024 random ones."""
    width = net.num_inputs + net.num_registers
    if width > 10:
        return random_words(np.random.default_rng(width), width, 16)
    return pack(np.arange(1 << width)[:, None] >> np.arange(width) & 1)


def assert_equivalent(before: Netlist, after: Netlist) -> None:
    """Fail unless both have the same interface and every root has the same function."""
    assert after.name == before.name
    for kind in ("inputs", "outputs", "cuts"):
        shapes = [
            [(p.name, p.width, p.encoding) for p in getattr(n, kind)] for n in (before, after)
        ]
        assert shapes[0] == shapes[1]
    assert np.array_equal(after.register_init, before.register_init)
    words = stimuli(before)
    assert np.array_equal(all_roots(before, words), all_roots(after, words))


def check_pass(run: Transform, nets: Iterable[Netlist], *, idempotent: bool) -> None:
    """Fail unless a pass is legal, equivalent, deterministic and never larger on `nets`."""
    for net in nets:
        after = run(net)
        after.verify()
        assert_equivalent(net, after)
        assert after.num_gates <= net.num_gates
        assert to_text(run(net)) == to_text(after)
        if idempotent:
            assert to_text(run(after)) == to_text(after)


def random_wide_netlist(rng: np.random.Generator) -> Netlist:
    """Return a random netlist of up to 300 gates and any fan-in, half of the time with registers.

    Deeper and wider than `random_netlists` gives: the lines of an engine are used again and again.
    """
    net = random_netlist(
        rng,
        inputs=int(rng.integers(1, 30)),
        gates=int(rng.integers(0, 300)),
        outputs=int(rng.integers(1, 40)),
        max_fanin=int(rng.integers(1, 7)),
    )
    extended = with_extras(net, rng)
    if rng.random() < 0.5:
        return extended
    return extended.replace(inputs=net.inputs, register_d=[], register_init=[])

"""A proof in parts ends as a proof of the whole would, whatever the hint says."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from threading import Event

import numpy as np
import pytest
from helpers import random_layers_model, random_netlist

from gatec.bits import all_inputs
from gatec.blocks import IntArray
from gatec.cone import OpenConeError, cone, connected
from gatec.evaluate import evaluate_outputs
from gatec.lowering.model import lower
from gatec.netlist import Netlist, Port
from gatec.passes.map_lut import map_lut
from gatec.proof import equivalence, parts
from gatec.proof.parts import Cut, prove_in_parts
from gatec.proof.verdict import Proof, Verdict
from gatec.tools.runner import ToolStopped


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_LARGE", 0)


def reference_and_circuit(seed: int) -> tuple[Netlist, Netlist, Cut]:
    model = random_layers_model(np.random.default_rng(seed), 11, [40, 50], 5)
    reference = lower(model.with_output("argmax")).netlist
    circuit = map_lut(reference)
    return reference, circuit, as_is(circuit.cuts[0].nets)


def as_is(nets: IntArray) -> Cut:
    return Cut(nets, np.zeros(len(nets), dtype=bool))


def mutated(net: Netlist, rng: np.random.Generator) -> Netlist:
    tables = net.tables.copy()
    tables[rng.integers(net.num_gates)] ^= np.uint64(0x0001_0001_0001_0001 << int(rng.integers(16)))
    return net.replace(tables=tables)


def equal(a: Netlist, b: Netlist) -> bool:
    words = all_inputs(a.num_inputs)
    return np.array_equal(evaluate_outputs(a, words), evaluate_outputs(b, words))


@pytest.mark.parametrize("seed", range(4))
def test_an_equal_circuit_is_proved_through_its_cut(seed: int) -> None:
    reference, circuit, cut = reference_and_circuit(seed)
    proof = prove_in_parts(reference, circuit, cut, 60)
    assert proof.verdict is Verdict.EQUIVALENT
    assert proof.method == "ABC cec in 10 parts, through the cut at scores"


@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_hint_proves_nothing_wrong(seed: int) -> None:
    reference, circuit, cut = reference_and_circuit(seed)
    nets = cut.nets
    far, zero = np.full_like(nets, 1_000_000), np.zeros_like(nets)
    wrong = [as_is(n) for n in (nets[::-1], nets + 1, nets[:3], far, zero)]
    wrong += [Cut(nets, ~cut.inverted), Cut(nets, cut.inverted[1:])]
    for hint in (None, *wrong):
        proof = prove_in_parts(reference, circuit, hint, 60)
        assert proof.verdict is Verdict.EQUIVALENT
        assert "cut" not in proof.method


@pytest.mark.parametrize("seed", range(30))
def test_mutants_end_as_they_must(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the random vectors in front, the parts have to find the difference.
    monkeypatch.setattr(parts, "smoke_words", lambda inputs: np.zeros((inputs, 1), np.uint64))
    reference, circuit, cut = reference_and_circuit(seed % 3)
    mutant = mutated(circuit, np.random.default_rng(seed))
    proof = prove_in_parts(reference, mutant, cut, 60)
    assert (proof.verdict is Verdict.EQUIVALENT) == equal(reference, mutant)
    sides = (reference, mutant)
    if proof.verdict is Verdict.DIFFERENT:
        witness = proof.counterexample
        assert witness is not None
        words = (witness.inputs.astype(np.uint64) * np.uint64(2**64 - 1))[:, None]
        shown = [evaluate_outputs(n, words)[witness.output, 0] & np.uint64(1) for n in sides]
        assert shown == [witness.expected, witness.found]


def test_a_cut_that_holds_does_not_excuse_what_is_behind() -> None:
    reference, circuit, cut = reference_and_circuit(1)
    (port,) = circuit.outputs
    swapped = circuit.replace(outputs=(Port(port.name, port.nets[::-1], port.encoding),))
    assert prove_in_parts(reference, swapped, cut, 60).verdict is Verdict.DIFFERENT


def test_a_cone_keeps_the_function_and_refuses_other_sources() -> None:
    net = random_netlist(np.random.default_rng(5), 8, 60, 6)
    inputs = np.arange(2, 10, dtype=np.int32)
    part = cone(net, inputs, net.output_nets[2:5])
    part.verify()
    words = all_inputs(8)
    assert np.array_equal(evaluate_outputs(part, words), evaluate_outputs(net, words)[2:5])
    with pytest.raises(OpenConeError, match="net 2 is read from outside"):
        cone(net, inputs[1:], inputs[:1])


@pytest.mark.parametrize("seed", range(5))
def test_a_netlist_cut_in_two_joins_again(seed: int) -> None:
    model = random_layers_model(np.random.default_rng(seed), 9, [30, 40], 4)
    net = lower(model.with_output("argmax")).netlist
    cut = net.cuts[0].nets
    back = cone(net, cut, net.output_nets)
    front = net.replace(outputs=net.cuts, cuts=())
    again = connected((front, back), net)
    again.verify()
    words = all_inputs(9)
    for port in ("outputs", "cuts"):
        shown = [n.replace(outputs=getattr(n, port), cuts=()) for n in (net, again)]
        assert np.array_equal(*(evaluate_outputs(n, words) for n in shown))


@pytest.fixture
def _interruptible() -> Iterator[None]:
    # A shell may start the tests with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_ends_the_running_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    reference, circuit, _ = reference_and_circuit(0)
    running: list[Event] = []

    def slow(*nets: Netlist, stop: Event, **_: object) -> Proof:
        # What ABC does until it is stopped.
        running.append(stop)
        # Once: a second interrupt would come when nobody waits for it, and end the test's worker.
        if len(running) == 1:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        assert stop.wait(60)
        raise ToolStopped("stopped", file="abc")

    monkeypatch.setattr(parts, "prove_equal", slow)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        prove_in_parts(reference, circuit, None, 60)
    assert time.monotonic() - start < 30
    assert all(stop.is_set() for stop in running)


def test_random_vectors_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reference, circuit, cut = reference_and_circuit(0)
    tried: list[int] = []
    found = parts.find_difference

    def counted(one: Netlist, *rest: object) -> object:
        tried.append(one.num_outputs)
        return found(one, *rest)  # type: ignore[arg-type]

    for module in (parts, equivalence):
        monkeypatch.setattr(module, "find_difference", counted)
    assert prove_in_parts(reference, circuit, None, 60).verdict is Verdict.EQUIVALENT
    assert tried == [reference.num_outputs]
    tried.clear()
    assert prove_in_parts(reference, circuit, cut, 60).verdict is Verdict.EQUIVALENT
    # The whole, then what is in front of the cut, then what is behind.
    assert tried == [reference.num_outputs, len(cut.nets), reference.num_outputs]

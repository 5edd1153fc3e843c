"""A stage of several cycles: what it computes, what is emitted, and that faults are seen."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers_backends import every_input, reference, run_rtl, same_function
from helpers_sequences import random_machine

from gatec.backends.readback.core import read_back
from gatec.bits import pack, unpack
from gatec.errors import DifferentError
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist, NetlistError, Port
from gatec.rewire import combinational
from gatec.sim.rtl import Traffic
from gatec.unroll import unrolled


def step_by_step(net: Netlist, phases: int, samples: np.ndarray) -> np.ndarray:
    """Return the outputs in the last phase, from one evaluation for each phase."""
    core = combinational(net.replace(stage=None))
    state = np.tile(net.register_init, (len(samples), 1)).astype(np.uint8)
    found = np.zeros(0)
    for phase in range(phases):
        number = np.tile(phase >> np.arange(net.inputs[1].width) & 1, (len(samples), 1))
        rows = np.concatenate([samples, number, state], axis=1).astype(np.uint8)
        found = unpack(evaluate_outputs(core, pack(rows)), len(samples))
        state = found[:, net.outputs[0].width :]
    return found[:, : net.outputs[0].width]


@pytest.mark.parametrize("seed", range(20))
def test_the_phases_one_behind_the_other(seed: int) -> None:
    machine = random_machine(seed)
    flat = unrolled(machine.net, machine.phases)
    flat.netlist.verify()
    samples = every_input(8)
    expected = step_by_step(machine.net, machine.phases, samples)
    assert np.array_equal(reference(flat.netlist, samples), expected)


def test_every_net_is_found_in_every_phase() -> None:
    machine = random_machine(3)
    net = machine.net
    # All that moves feeds the state: a copy of it in each phase.
    kept = net.replace(register_d=np.arange(net.num_nets - 5, net.num_nets), outputs=net.outputs)
    flat = unrolled(kept, 3)
    for phase in range(3):
        for register, driver in enumerate(kept.register_d):
            later = flat.nets[phase + 1 :][:1, kept.first_register + register]
            assert (later == flat.nets[phase, driver]).all()


@pytest.mark.parametrize("seed", range(8))
def test_reads_back_as_the_machine(seed: int) -> None:
    machine = random_machine(seed)
    emitted = machine.emitted()
    back = read_back(emitted.text, emitted.shape)
    assert same_function(unrolled(machine.net, machine.phases).netlist, back.netlist)
    assert back.latency == emitted.latency == machine.net.num_stages + machine.phases


@pytest.mark.parametrize("seed", [0, 1])
def test_the_rtl_computes_it_with_gaps_and_stalls(seed: int) -> None:
    machine = random_machine(seed)
    emitted, samples = machine.emitted(), every_input(8)[:80]
    expected = reference(unrolled(machine.net, machine.phases).netlist, samples)
    result = run_rtl(emitted, samples)
    assert np.array_equal(result.outputs, expected)
    assert result.latency == emitted.latency
    # From when it is full, a vector every `interval` cycles.
    gaps = np.diff(result.appeared[10:])
    assert gaps.max() == emitted.shape.interval
    traffic = Traffic(gaps=0.3, stalls=0.5, reset_after=25, seed=seed)
    assert np.array_equal(run_rtl(emitted, samples, traffic).outputs, expected)


# A line of the shell, and what a wrong one would be.
FAULTS = [
    ("take = ", r"assign take = (.*);", r"assign take = advance;"),
    ("restart = ", r"assign restart = (.*);", r"assign restart = take;"),
    ("last = ", r"assign last = (.*);", r"assign last = phase[0];"),
    ("state starts elsewhere", r"state <= (\d+)'h(\w+);", None),
    ("state moves in the last phase", r"else if \(!last\) state", "else state"),
    ("phase does not start anew", r"if \(restart\) phase <= \d+'h0;", "if (rst) phase <= 3'h0;"),
]


@pytest.mark.parametrize("seed", [0, 2])
def test_faults_in_the_control_are_seen(seed: int) -> None:
    machine = random_machine(seed)
    emitted = machine.emitted()
    right = unrolled(machine.net, machine.phases).netlist
    found = 0
    for name, pattern, wrong in FAULTS:

        def other(match: re.Match[str], wrong: str | None = wrong) -> str:
            if wrong is not None:
                return wrong
            return f"state <= {match[1]}'h{int(match[2], 16) ^ 1:x};"

        text = re.sub(pattern, other, emitted.text)
        if text == emitted.text:
            continue
        found += 1
        try:
            back = read_back(text, emitted.shape)
        except DifferentError:
            continue
        assert not same_function(right, back.netlist), name
    assert found >= len(FAULTS) - 1


def test_a_manifest_that_lies_about_the_state_is_seen() -> None:
    emitted = random_machine(4).emitted()
    sequence = emitted.shape.sequence
    assert sequence is not None
    turned = "".join("10"[int(digit)] for digit in sequence.state)
    for wrong in (
        replace(sequence, state=turned),
        replace(sequence, state=sequence.state[1:]),
        replace(sequence, phases=sequence.phases + 1),
        replace(sequence, phases=sequence.phases * 4),
    ):
        with pytest.raises(DifferentError):
            read_back(emitted.text, replace(emitted.shape, sequence=wrong))
    with pytest.raises(DifferentError):
        read_back(emitted.text, replace(emitted.shape, sequence=None))


def test_a_net_of_the_state_can_cross_no_other_stage() -> None:
    """A stage behind the sequence may not read the state: it is another vector's by then."""
    machine = next(m for m in map(random_machine, range(50)) if m.net.num_stages > 2)
    emitted = machine.emitted()
    sequence = emitted.shape.sequence
    assert sequence is not None
    stage = (sequence.stage + 1) % machine.net.num_stages
    lines = emitted.text.split("\n")
    at = next(i for i, line in enumerate(lines) if f"stage{stage} " in line and "machine_" in line)
    port = next(i for i in range(at, len(lines)) if ".i(" in lines[i])
    width = int(emitted.text.split(f"module machine_stage{stage} ")[1].split("[")[1].split(":")[0])
    lines[port] = f"    .i({{ {', '.join(['state[0]'] * (width + 1))} }}),"
    with pytest.raises(DifferentError):
        read_back("\n".join(lines), emitted.shape)


def test_ports_without_a_phase_are_no_machine() -> None:
    net = random_machine(0).net
    with pytest.raises(NetlistError, match="without a phase"):
        net.replace(inputs=(Port("x", np.arange(2, net.first_register)),)).verify()

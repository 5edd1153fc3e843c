"""The terminal summary of a compilation, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatec.backends.fpga.fit import FitRow


def summary(manifest: Mapping[str, Any]) -> str:
    """Return the summary: what the circuit is, how fast, how large, and what was proved."""
    rows = [
        *_model_rows(manifest),
        *_approximation_rows(manifest),
        *_circuit_rows(manifest),
        *_physical_rows(manifest),
        ("proof", _proof(manifest)),
        *_certificate_rows(manifest),
    ]
    width = max(len(name) for name, _ in rows)
    return "".join(f"  {name:<{width}}  {text}\n" for name, text in rows)


def _certificate_rows(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = manifest["proof"].get("certificate")
    if facts is None:
        return []
    if "obligations" not in facts:
        return [("certificate", f"none: {facts['verdict']}")]
    parts, clauses = _plural(facts["obligations"], "obligation"), facts["clauses"]
    return [("certificate", f"{parts} of {clauses} clauses, {facts['bytes'] / 1e6:.1f} MB")]


def _model_rows(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    model, passes = manifest["model"], manifest["passes"]
    rows = [("model", f"{model['name']}: {model['gates']} gates")]
    for report in passes:
        (before, after), (deep, shallow) = report["gates"], report["levels"]
        if (before, deep) != (after, shallow):
            text = f"{before} -> {after} gates, {deep} -> {shallow} levels"
            rows.append((f"pass {report['name']}", text))
    return rows


def _approximation_rows(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = manifest["approximation"]
    if found is None:
        return []
    (before, after), given_up = found["accuracy"]["held_out"], found["given_up"]
    counts = ", ".join(f"{given_up[key]} {key}" for key in ("votes", "constant", "equal"))
    return [
        ("APPROXIMATED", f"not the trained net, but one that gave up {counts}"),
        (
            "accuracy",
            f"{100 * before:.2f} % -> {100 * after:.2f} % of {found['rows']['held_out']} held-out "
            f"rows, where right is {found['right_is']}",
        ),
        ("size", "LUTs {} -> {}, levels {} -> {}".format(*found["luts"], *found["levels"])),
    ]


def _proof(manifest: Mapping[str, Any]) -> str:
    proof = manifest["proof"]
    text = f"{proof['equivalence']} ({proof['method']})"
    if manifest["approximation"] is not None:
        text = f"{text}, of {proof['against']}"
    assumed = manifest.get("facts", {}).get("assumed")
    return f"{text}; ASSUMED: {'; '.join(assumed)}" if assumed else text


def _circuit_rows(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    circuit, interface = manifest["circuit"], manifest["interface"]
    luts = circuit["luts"]
    gates = manifest["options"]["target"] == "asic"
    unit = "logic cells" if circuit["carries"] else "gates" if gates else "LUTs"
    size = f"{luts['gates_and_sums']} {unit}"
    if luts["argmax"]:
        size = f"{size} (gates and sums) + {luts['argmax']} (argmax)"
    rams = f", {_plural(circuit['block_rams'], 'block RAM')}" if circuit["block_rams"] else ""
    levels = "levels of gates" if gates else "LUT levels"
    ports = [
        f"{side} {port['bits']} bits in {_plural(-(-port['bits'] // port['beat_bits']), 'beat')}"
        for side, port in (("in", interface["input"]), ("out", interface["output"]))
    ]
    return [
        *_clocked_rows(manifest),
        ("circuit", f"{size}, {circuit['pipeline_registers']} pipeline registers{rams}"),
        ("pipeline", f"{circuit['stages']} stages over {circuit['levels']} {levels}"),
        *_sequence_rows(interface),
        ("streams", ", ".join(ports)),
        (
            "timing",
            f"latency {_plural(circuit['latency_cycles'], 'cycle')}, one {_result(manifest)} every "
            f"{_plural(circuit['initiation_interval_cycles'], 'cycle')}",
        ),
    ]


def _clocked_rows(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a clocked circuit has in front of its head."""
    clocked, circuit = manifest["clocked"], manifest["circuit"]
    if clocked is None:
        return []
    steps = clocked["steps"]
    length = "of any length, ended by i_last" if steps is None else f"of {_plural(steps, 'step')}"
    first = " that start as the input" if clocked["state_from_input"] else ""
    answered = "each step" if clocked["every_step"] else "the last step"
    step = f"{circuit['luts']['step']} LUTs, {circuit['step_levels']} levels"
    return [
        ("state", f"{clocked['state']} registers{first}; a step: {step}"),
        ("sequences", f"{length}; an answer after {answered}"),
        (
            "steps",
            f"one every {_plural(clocked['step_interval_cycles'], 'cycle')}; behind them the head:",
        ),
    ]


def _sequence_rows(interface: Mapping[str, Any]) -> list[tuple[str, str]]:
    sequence, credits = interface["sequence"], interface.get("credits")
    if credits is not None:
        return [("flow control", f"{credits} credits, and a queue for as many results")]
    if sequence is None:
        return []
    text = f"class sums in {sequence['phases']} cycles, by stage {sequence['stage']}"
    return [("sequence", f"{text} with {len(sequence['state'])} flip-flops")]


def _physical_rows(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    physical = manifest["physical"]
    if physical is None:
        return [("device", "none: not placed and routed")]
    if "library" in physical:
        return _cell_rows(physical)
    used = ", ".join(
        f"{name} {count}"
        + (f"/{physical['available'][name]}" if name in physical["available"] else "")
        for name, count in physical["used"].items()
    )
    device = ("device", f"{physical['device']} {physical['package']}: {used}")
    if not physical.get("routed", True):
        asked = f"constraints ask for {physical['clock_mhz']:g} MHz"
        return [device, ("speed", f"not routed here; {asked}; next: {physical['next']}")]
    rate = physical["results_per_second"] / 1e6
    return [
        device,
        *_try_rows(physical),
        (
            "speed",
            f"{physical['fmax_mhz']:.1f} MHz after routing, "
            f"at {physical['clock_mhz']:g} MHz: latency {physical['latency_ns']:.1f} ns, "
            f"{rate:.2f} M {_result(manifest)}s/s",
        ),
    ]


def _result(manifest: Mapping[str, Any]) -> str:
    """Return what comes out in each initiation interval, or goes in where that tells nothing."""
    clocked = manifest["clocked"]
    is_open = clocked is not None and clocked["steps"] is None and not clocked["every_step"]
    return "step" if is_open else "result"


def _try_rows(physical: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was routed on the way to the fewest stages that meet the clock."""
    tries = physical.get("tries", [])
    told = ", ".join(
        f"{one['fmax_mhz']:.1f} MHz with {_plural(one['stages'], 'stage')}" for one in tries
    )
    return [("clock", f"tried {told}")] if len(tries) > 1 else []


def _cell_rows(physical: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what standard cells a core takes, and what they do."""
    used = physical["used"]
    rows = [
        (
            "cells",
            f"{used['cells']} of {physical['library']}, {used['flip-flops']} of them flip-flops",
        ),
        (
            "area",
            f"{physical['area']:.1f}, {physical['area_of_flip_flops']:.1f} of it flip-flops",
        ),
    ]
    if physical["fmax_mhz"] is not None:
        clock, fmax = physical["clock_mhz"], physical["fmax_mhz"]
        rows.append(
            (
                "speed",
                f"{physical['delay_ns']:.3f} ns, {fmax:.1f} MHz without wires; at {clock:g} MHz: "
                f"latency {physical['latency_ns']:.1f} ns, "
                f"{physical['results_per_second'] / 1e6:.2f} M results/s",
            )
        )
    if "power_uw" in physical:
        power = physical["power_uw"]
        parts = ", ".join(f"{key} {value:.1f}" for key, value in power.items() if key != "total")
        rows.append(("power", f"{power['total']:.1f} uW ({parts}); {physical['power_of']}"))
    if "tiny_tapeout" in physical:
        tiles = physical["tiny_tapeout"]
        rows.append(
            ("Tiny Tapeout", f"{tiles['tiles']} tiles, {tiles['filled']:.0%} of them cells")
        )
    if "threshold" in physical:
        found = physical["threshold"]
        rows.append(
            (
                "threshold",
                f"area {found['area']:.1f} with {found['threshold_cells']} threshold cells, "
                f"{found['cmos_area']:.1f} in CMOS alone (neither sized); {found['proof']}",
            )
        )
    proof = physical["proof"]
    rows.append(("gates", f"{proof['equivalence']} to the core ({proof['method']})"))
    return rows


def fit_lines(table: Sequence[FitRow]) -> list[str]:
    """Return the table of a design that does not fit: what it needs, has, and could change."""
    head = f"  {'resource':<15} {'needed':>7} {'available':>10}  what to change"
    rows = [
        f"  {row.resource:<15} {row.needed:>7} {row.available:>10}  {row.change or 'fits'}"
        for row in table
    ]
    return [head, *rows]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")

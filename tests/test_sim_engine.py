"""The engines against the NumPy reference, bit by bit."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from bench.fuzz_engines import check
from helpers import random_layers_model
from helpers_passes import random_netlists

from gatec.bits import num_words, pack, random_words
from gatec.errors import ModelError, UsageError
from gatec.evaluate import evaluate_nets
from gatec.sim import engine as engine_module
from gatec.sim.engine import ENGINE_NAMES, EngineName, NumpyEngine, body, make_engine
from gatec.sim.native import LlvmEngine
from gatec.sim.nodes import make_nodes
from gatec.sim.schedule import by_window, make_schedule, near_readers

ENGINES = [name for name in ENGINE_NAMES if name != "auto"]


@pytest.mark.parametrize("name", ENGINES)
def test_netlists_with_registers_step_as_the_reference_does(name: EngineName) -> None:
    for net in random_netlists(24, registers=True):
        engine = make_engine(net, name)
        rng = np.random.default_rng(net.num_gates)
        state = engine.initial_state(3)
        expected = np.repeat(net.register_init[:, None] * ~np.uint64(0), 3, axis=1)
        assert np.array_equal(state, expected)
        for _ in range(3):
            words = random_words(rng, net.num_inputs, 3)
            values = evaluate_nets(net, words, expected)
            expected = values[net.register_d]
            state, outputs = engine.step(state, words)
            assert np.array_equal(outputs, values[net.output_nets])
            assert np.array_equal(state, expected)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("samples", [0, 1, 63, 64, 65, 1000])
def test_models_evaluate_as_the_reference_does(name: EngineName, samples: int) -> None:
    for fanin in range(1, 7):
        rng = np.random.default_rng(fanin)
        model = random_layers_model(rng, 20, [90, 70, 60], 5, fanin)
        words = random_words(rng, 20, num_words(samples))
        expected = model.evaluate(words, samples)
        assert expected.scores is not None
        assert expected.classes is not None
        engine = make_engine(model, name)
        assert np.array_equal(engine.run(words), expected.bits)
        assert np.array_equal(engine.scores(words, samples), expected.scores)
        assert np.array_equal(engine.predict(words, samples), expected.classes)
        result = engine.evaluate(words, samples)
        assert np.array_equal(result.bits, expected.bits)


def test_a_net_without_classes_has_bits_only() -> None:
    model = random_layers_model(np.random.default_rng(0), 8, [10], None)
    engine = make_engine(model)
    words = random_words(np.random.default_rng(1), 8, 1)
    assert engine.evaluate(words, 64).scores is None
    with pytest.raises(UsageError, match="no classes"):
        engine.predict(words, 64)


def test_wrong_widths_engines_and_threads_are_refused() -> None:
    model = random_layers_model(np.random.default_rng(0), 8, [10], 2)
    with pytest.raises(ModelError, match="expected 8 bits"):
        make_engine(model).run(random_words(np.random.default_rng(1), 9, 1))
    with pytest.raises(UsageError, match="--engine fast"):
        make_engine(model, "fast")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="0 threads"):
        make_engine(model, threads=0)


@pytest.mark.parametrize("seed", range(80))
def test_all_engines_agree_on_fuzzed_nets(seed: int) -> None:
    check(1_000_000 + seed, Counter())


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_schedule_computes_what_is_read_before_it_is_read(size: int) -> None:
    for net in random_netlists(12, registers=True):
        nodes = make_nodes(net)
        if not len(nodes.results):
            continue
        found = by_window(nodes, size)
        assert sorted(found.order) == list(range(len(nodes.results)))
        assert np.array_equal(found.windows, np.arange(len(found.order)) // size)
        step = np.full(nodes.num_nets, -1)
        step[nodes.results[found.order]] = found.steps
        assert (step[nodes.operands[found.order]] < found.steps[:, None]).all()


def test_readers_follow_what_they_read_when_nothing_else_is_ready() -> None:
    # 4 reads 0 and 1, 5 reads 2 and 3, 6 reads 1 and 4, 7 reads 5 and 6.
    fanin = np.full((8, 3), -1)
    fanin[4:, :2] = [[0, 1], [2, 3], [1, 4], [5, 6]]
    assert near_readers(fanin).tolist() == [0, 1, 4, 6, 3, 2, 5, 7]


def test_only_wide_nets_are_put_into_windows() -> None:
    rng = np.random.default_rng(5)
    narrow = make_nodes(body(random_layers_model(rng, 50, [2000] * 2, 10)))
    assert np.array_equal(make_schedule(narrow).windows, narrow.levels)


def test_threads_share_a_large_batch_and_change_nothing() -> None:
    rng = np.random.default_rng(3)
    model = random_layers_model(rng, 50, [2000] * 4, 10)
    words = random_words(rng, 50, 1031)
    alone = make_engine(model, "llvm", threads=1)
    many = make_engine(model, "llvm", threads=5)
    assert np.array_equal(alone.run(words), many.run(words))
    assert np.array_equal(alone.predict(words, 65_930), many.predict(words, 65_930))


def test_words_need_not_lie_in_one_piece() -> None:
    rng = np.random.default_rng(4)
    model = random_layers_model(rng, 20, [50], 5)
    words = random_words(rng, 40, 30)[::2, ::3]
    assert np.array_equal(make_engine(model, "llvm").run(words), model.evaluate(words, 640).bits)


def test_auto_takes_numpy_where_llvmlite_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_layers_model(np.random.default_rng(0), 8, [10], 2)
    assert isinstance(make_engine(model), LlvmEngine)
    monkeypatch.setattr(engine_module, "find_spec", lambda name: None)
    assert isinstance(make_engine(model), NumpyEngine)
    with pytest.raises(UsageError, match="pip install llvmlite"):
        make_engine(model, "llvm")


def test_help_does_not_import_the_compiler() -> None:
    code = "import sys, gatec.cli, gatec.commands.sim; sys.exit('llvmlite' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_predict_takes_the_reference_for_little_and_an_engine_for_much() -> None:
    rng = np.random.default_rng(8)
    model = random_layers_model(rng, 30, [500] * 4, 10)
    few = rng.integers(0, 2, size=(100, 30))
    many = rng.integers(0, 2, size=(50_001, 30))
    expected = model.evaluate(pack(many), len(many)).classes
    model.predict(few)
    assert "engine" not in vars(model)
    assert np.array_equal(model.predict(many), expected)
    assert isinstance(model.engine, LlvmEngine)
    assert np.array_equal(model.predict(few), make_engine(model, "numpy").predict(pack(few), 100))


def test_auto_starts_nothing_for_few_samples() -> None:
    model = random_layers_model(np.random.default_rng(0), 8, [10], 2)
    assert isinstance(make_engine(model, samples=1000), NumpyEngine)
    assert isinstance(make_engine(model, "llvm", samples=1000), LlvmEngine)
    assert isinstance(make_engine(model, samples=100_000_000), LlvmEngine)

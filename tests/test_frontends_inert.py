"""The inert unpickler: values as pickle gives them, code as records, and bounded work."""

from __future__ import annotations

import collections
import datetime
import io
import pickle
import struct
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_frontends import difflogic_net, save
from helpers_hostile import as_torch_legacy, as_torch_zip, hostile_pickles, nothing_runs

from gatec import limits
from gatec.errors import GatecError, LimitError, ModelError
from gatec.frontends import inspect_model, read_model
from gatec.frontends.files.inert import read_pickle
from gatec.frontends.files.records import Opaque, Record


def load(data: bytes) -> Any:
    with nothing_runs():
        return read_pickle(io.BytesIO(data), file="x.pt")


VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 255, 65535, 2**31, -(2**63), 2**200, 0.5, float("inf"), "", "text",
    "ü\n'\"\\", "x" * 300, "y" * 70000, b"", b"bytes\0\xff", b"z" * 300, bytearray(b"a"), (), (1,),
    (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1], list(range(2000)), {}, {"a": 1}, {1: {2: [3]}},
    {i: str(i) for i in range(1500)}, [[[[]]]], ({"a": (1, [2])}, "a", "a"),
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back(protocol: int) -> None:
    for value in VALUES:
        found = load(pickle.dumps(value, protocol))
        if protocol < 3 and isinstance(value, bytes) and value:
            assert isinstance(found, Record)  # Python 2 protocols spell bytes as a call.
        elif protocol < 5 and isinstance(value, bytearray):
            assert found.path == "builtins.bytearray" or found.path == "__builtin__.bytearray"
        elif not isinstance(found, Record):
            assert found == value
            assert type(found) is type(value)
        else:
            assert value == b""


def test_shared_and_recursive_values() -> None:
    shared = [1]
    value: list[Any] = [shared, shared]
    value.append(value)
    found = load(pickle.dumps(value))
    assert found[0] is found[1]
    assert found[2] is found


def test_objects_become_records() -> None:
    found = load(pickle.dumps(datetime.timedelta(3)))
    assert (found.path, found.args) == ("datetime.timedelta", (3, 0, 0))
    found = load(pickle.dumps(collections.OrderedDict(a=1)))
    assert (found.path, found.pairs) == ("collections.OrderedDict", [("a", 1)])
    found = load(pickle.dumps(collections.deque([1, 2])))
    assert found.items == [1, 2]
    found = load(pickle.dumps({1, 2, 3}, 4))
    assert sorted(found.items) == [1, 2, 3]
    found = load(pickle.dumps({(1, 2): 3}))
    ((key, value),) = found.items()
    assert isinstance(key, Opaque)
    assert (key.value, value) == ((1, 2), 3)


@pytest.mark.parametrize("wrap", ["bare", "zip", "legacy"])
def test_code_in_a_file_does_not_run(tmp_path: Path, wrap: str) -> None:
    canary = tmp_path / "canary"
    wrappers = {"bare": bytes, "zip": as_torch_zip, "legacy": as_torch_legacy}
    inspect_model(save(difflogic_net(), tmp_path / "warm.pt"))  # lazy imports are done now
    pickles = hostile_pickles(canary)
    assert len(pickles) > 60
    for name, content in pickles.items():
        path = tmp_path / "model.pt"
        path.write_bytes(wrappers[wrap](content))
        with nothing_runs(), pytest.raises(ModelError) as caught:
            read_model(path)
        assert "model.pt" in str(caught.value), name
        assert not canary.exists(), name


def test_the_corpus_is_live(tmp_path: Path) -> None:
    """The same pickles do run in pickle itself: the corpus tests something."""
    canary = tmp_path / "canary"
    ran = set()
    for name, content in hostile_pickles(canary).items():
        if name.split()[0] in ("eval", "exec", "nested", "INST", "OBJ", "NEWOBJ_EX", "setstate"):
            try:
                pickle.loads(content)
            except Exception:  # noqa: BLE001 - what they do, not how they end
                ran.add((name, "raised"))
            if canary.exists():
                ran.add((name, "ran"))
                canary.unlink()
    assert sum(how == "ran" for _, how in ran) >= 20


def test_code_beside_a_good_model_is_carried_along_as_data(tmp_path: Path) -> None:
    net = difflogic_net()

    class Extra:
        def __reduce__(self) -> Any:
            return (eval, (f"open({str(tmp_path / 'canary')!r}, 'w')",))

    path = save({"model": net, "extra": Extra()}, tmp_path / "model.pt")
    read_model(path)
    with nothing_runs():
        model = read_model(path)
    assert model.num_gates == 68
    assert not (tmp_path / "canary").exists()


def test_the_guard_notices() -> None:
    with pytest.raises(AssertionError, match="compile"), nothing_runs():
        eval("1")


@pytest.mark.parametrize(
    "content",
    [
        b"", b".", b"\x80\x02", b"\x80\x02N", b"K", b"K\x01", b"0.", b"1.", b"t.", b"u.", b"s.",
        b"(.", b"a.", b"e.", b"b.", b"R.", b"\x81.", b"\x92.", b"o.", b"(o.", b"h\x05.", b"q\x05.",
        b"\x85.", b"\x86.", b"\x87.", b"K\x01K\x01\x87.", b"NNs.", b"}K\x01s.", b"](e.", b"Q.",
        b"\x82\x01.", b"\x83\x01\x00.", b"\x97.", b"\x98.", b"c\n\n.", b"cos\n", b"\x93.",
        b"K\x01K\x02\x93.", b"Inotanumber\n.", b"Fx\n.", b"S'open\n.", b"V\\ud800\\u12\n.",
        b"L" + b"9" * 5000 + b"\n.", b"\x8b" + struct.pack("<i", 2000) + b"\x7f" * 2000 + b".",
        b"\x8d" + struct.pack("<Q", 2**63) + b"x.", b"X" + struct.pack("<I", 2**32 - 1) + b"x.",
        b"\x8b" + struct.pack("<i", -5) + b".", b"g0\n.", b"p0\n.", b"r\xff\xff\xff\xff.",
        b"}(K\x01u.", b"}(N]u0(}K\x01K\x02stR.",
    ],
)  # fmt: skip
def test_broken_pickles(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelError, match="x.pt") as caught:
        value = load(content)
        raise ModelError(f"x.pt: a value that no model is: {value!r:.50}")
    assert len(str(caught.value)) < 400
    path = tmp_path / "n.pt"
    path.write_bytes(as_torch_zip(content))
    with pytest.raises(ModelError, match="n.pt"):
        read_model(path)


def billion_laughs(depth: int, leaf: bytes, pair: bytes) -> bytes:
    """Return a pickle whose value has 2**depth leaves when walked as a tree."""
    parts = [b"\x80\x04", leaf, b"\x94"]
    for i in range(depth):
        parts += [b"h", bytes([i]), b"h", bytes([i]), pair, b"\x94"]
    return b"".join([*parts, b"."])


@pytest.mark.parametrize("leaf", [b"\x8c\x04lols", b"]", b"}", b"cos\nsystem\n"])
def test_billion_laughs(tmp_path: Path, leaf: bytes) -> None:
    tuples = billion_laughs(60, leaf, b"\x86")
    as_key = tuples[:-1] + b"0}h\x3cNs."
    as_args = tuples[:-1] + b"0ccollections\nOrderedDict\nh\x3cR."
    as_state = b"\x80\x04}\x94" + b"".join(
        b"}\x94(\x8c\x05modelh" + bytes([2 * i]) + b"\x8c\x03neth" + bytes([2 * i]) + b"u\x94"
        for i in range(60)
    ) + b"."  # fmt: skip
    for content in (tuples, as_key, as_args, as_state):
        path = tmp_path / "n.pt"
        path.write_bytes(as_torch_zip(content))
        start = time.process_time()
        with pytest.raises(ModelError):
            read_model(path)
        inspect_model(path)
        assert time.process_time() - start < 2


def test_nested_modules_that_laugh(tmp_path: Path) -> None:
    """Sixty modules, each with the one before twice: 2**60 paths, 61 modules."""
    parts = [b"\x80\x04ctorch.nn.modules.container\nSequential\n\x94"]
    parts += [b"h\x00)\x81\x94}\x8c\x08_modules}sb0"]
    for i in range(60):
        inner = bytes([i + 1])
        body = b"(\x8c\x010h" + inner + b"\x8c\x011h" + inner + b"u"
        parts += [b"h\x00)\x81\x94}\x8c\x08_modules}", body, b"sb0"]
    path = tmp_path / "n.pt"
    path.write_bytes(as_torch_zip(b"".join([*parts, b"h\x3d."])))
    start = time.process_time()
    with pytest.raises(GatecError):
        read_model(path)
    inspect_model(path)
    assert time.process_time() - start < 2


def test_sequences_that_laugh_above_nothing(tmp_path: Path) -> None:
    """Eighteen nested Sequentials of ten equal parts: 10**18 paths to one Flatten."""
    parts = [b"\x80\x04ctorch.nn.modules.container\nSequential\n\x94"]
    parts += [b"ctorch.nn.modules.flatten\nFlatten\n)\x81}\x8c\x08_modules}sb\x940"]
    for i in range(18):
        items = b"".join(b"\x8c\x01" + b"%d" % k + b"h" + bytes([i + 1]) for k in range(10))
        parts += [b"h\x00)\x81}\x8c\x08_modules}(" + items + b"usb\x940"]
    layer = b"cdifflogic.difflogic\nLogicLayer\n)\x81}\x8c\x08_modules}sb"
    top = b"h\x00)\x81}\x8c\x08_modules}(\x8c\x01ah\x13\x8c\x01b" + layer + b"usb"
    path = tmp_path / "n.pt"
    path.write_bytes(as_torch_zip(b"".join([*parts, top, b"."])))
    start = time.process_time()
    with pytest.raises(ModelError, match="not a module"):
        read_model(path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("place", ["k", "tau", "in_dim", "indices", "weights"])
def test_attributes_that_laugh(tmp_path: Path, place: str) -> None:
    net = difflogic_net()
    laugh: Any = ()
    for _ in range(60):
        laugh = (laugh, laugh)
    for part in (net[1], net[-1]):
        part.__dict__["_parameters"].pop(place, None)
        part.__dict__[place] = laugh
    path = save(net, tmp_path / "n.pt")
    start = time.process_time()
    with pytest.raises(ModelError):
        read_model(path)
    assert time.process_time() - start < 2


def test_names_that_are_long_numbers(tmp_path: Path) -> None:
    for key in ("9" * 5000 + ".weights", "layers." + "9" * 5000 + ".w", "0" * 5000 + ".weight"):
        path = save({key: torch.zeros(2, 16), "layers.0.w": torch.zeros(16, 2)}, tmp_path / "n.pt")
        with pytest.raises(ModelError) as caught:
            read_model(path)
        assert len(str(caught.value)) < 3000


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitError, match="pickle depth"):
        load(b"(" * 101 + b".")
    monkeypatch.setattr(limits, "MAX_PICKLE_OPCODES", 50)
    with pytest.raises(LimitError, match="pickle opcodes"):
        load(b"N0" * 40 + b"N.")
    monkeypatch.setattr(limits, "MAX_PICKLE_BYTES", 1000)
    with pytest.raises(LimitError, match="pickle bytes"):
        load(b"\x80\x04X" + struct.pack("<I", 2000) + b"x" * 2000 + b"0N.")


def test_deep_tuples_are_no_recursion(tmp_path: Path) -> None:
    path = tmp_path / "n.pt"
    path.write_bytes(as_torch_zip(b"\x80\x02N" + b"\x85" * 200_000 + b"."))
    with pytest.raises(ModelError):
        read_model(path)


def test_real_checkpoint_with_foreign_objects(tmp_path: Path) -> None:
    """An optimiser, a device, a version object beside the model: kept as records."""
    net = difflogic_net()
    optimiser = torch.optim.Adam(net.parameters())
    extra = {
        "optimizer": optimiser.state_dict(),
        "device": torch.device("cpu"),
        "torch": torch.__version__,
        "rng": torch.get_rng_state(),
        "when": datetime.timedelta(1),
    }
    model = read_model(save({"model": net, **extra}, tmp_path / "n.pt"))
    assert model.num_gates == 68

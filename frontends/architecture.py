"""The layers that a state dict belongs to, from a file that the user writes.

A state dict holds tensors; sizes, paddings, pooling and the head are arguments in the training
script. An architecture file is a JSON list of them, in the order of the `nn.Sequential`, one object
for each layer: its class and the arguments as in the script.

    [{"LogicConv2d": {"in_dim": 28, "num_kernels": 16, "tree_depth": 3, "receptive_field_size": 5,
                      "parametrization": "raw"}},
     {"OrPooling2d": {"kernel_size": 2, "stride": 2}},
     {"Flatten": {}}, {"LogicDense": {"in_dim": 2304, "parametrization": "raw"}},
     {"GroupSum": {"k": 10, "tau": 6.5}}]

Layer `i` takes the tensors `{i}.…`, or those under the prefix in `"key"`; the layers of binary
networks are in `gatec.frontends.binary`. Together they are the
module that `torch.save(model)` would have written, and are read as such.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gatec.errors import ModelError, UsageError
from gatec.frontends.files.records import Record, Symbol
from gatec.frontends.files.tensors import Array
from gatec.frontends.modules import SEQUENTIAL

_MAX_BYTES = 1 << 20
_MAX_LAYERS = 1000
# Where the classes live, and the arguments that their constructors have defaults for.
_Defaults = dict[str, tuple[str, dict[str, Any]]]
_PLAIN: _Defaults = {
    "LogicDense": ("torchlogix.layers.dense", {}),
    "OrPooling2d": ("torchlogix.layers.pool", {"padding": 0}),
    "OrPooling3d": ("torchlogix.layers.pool", {"padding": 0}),
    "FixedBinarization": ("torchlogix.layers.binarization", {"feature_dim": -2}),
    "SoftBinarization": ("torchlogix.layers.binarization", {"feature_dim": -2}),
    "LearnableBinarization": (
        "torchlogix.layers.binarization",
        {"feature_dim": -2, "temperature_softplus": 0.1},
    ),
    "DummyBinarization": ("torchlogix.layers.binarization", {}),
    "GroupSum": ("difflogic.difflogic", {"tau": 1.0}),
    "LogicLayer": ("difflogic.difflogic", {}),
    "LogicLayerIWP": ("difflogic.difflogic", {"act_fn_str": "sigmoid"}),
    "Logic": ("difflogic.conv", {}),
    "Conv": ("difflogic.conv", {"kernel_size": 3, "stride": 1, "padding": 1}),
    "Flatten": ("torch.nn.modules.flatten", {"start_dim": 1, "end_dim": -1}),
    "MaxPool2d": ("torch.nn.modules.pooling", {"padding": 0}),
}
_CONVOLUTIONS: _Defaults = {
    name: (
        "torchlogix.layers.conv",
        {
            "channels": 1,
            "receptive_field_size": 2,
            "stride": 1,
            "padding": 0,
            "output_padding": 0,
            "parametrization": "raw",
        },
    )
    for name in ("LogicConv2d", "LogicConv3d", "LogicConvTranspose2d", "LogicConvTranspose3d")
}


_BINARY: _Defaults = {
    name: ("binary", {"stride": 1, "padding": 0} if name.endswith("Conv2d") else {})
    for name in (
        "BinaryLinear", "BinaryConv2d", "BooleanLinear", "BooleanConv2d", "BooleanThreshold", "Sign"
    )
} | {
    "BatchNorm1d": ("torch.nn.modules.batchnorm", {"eps": 1e-5}),
    "BatchNorm2d": ("torch.nn.modules.batchnorm", {"eps": 1e-5}),
    "Hardtanh": ("torch.nn.modules.activation", {}),
    "LogSoftmax": ("torch.nn.modules.activation", {}),
    "Softmax": ("torch.nn.modules.activation", {}),
    "Dropout": ("torch.nn.modules.dropout", {}),
}  # fmt: skip
_DEFAULTS: _Defaults = _PLAIN | _CONVOLUTIONS | _BINARY
# What PyTorch's layers, and those of gatec's own naming, are called with. Forks of difflogic and
# torchlogix have arguments of their own.
_TENSOR = ("device", "dtype")
_LINEAR = ("in_features", "out_features", "bias", *_TENSOR)
_CONV = (
    *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
    *("bias", "padding_mode", *_TENSOR),
)
_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats", *_TENSOR)
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "BinaryLinear": (*_LINEAR, "freq"),
    "BinaryConv2d": (*_CONV, "freq"),
    "BooleanLinear": (*_LINEAR, "count"),
    "BooleanConv2d": (*_CONV, "count"),
    "BooleanThreshold": ("threshold",),
    "Sign": ("zero",),
    "BatchNorm1d": _NORM,
    "BatchNorm2d": _NORM,
    "Hardtanh": ("min_val", "max_val", "inplace"),
    "LogSoftmax": ("dim",),
    "Softmax": ("dim",),
    "Dropout": ("p", "inplace"),
    "Flatten": ("start_dim", "end_dim"),
    "MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"),
}
# Arguments that the layers keep under another name.
_RENAMED = {"act_fn": "act_fn_str"}


def with_architecture(tensors: dict[str, Array], path: Path, *, file: str) -> Record:
    """Return the module that the tensors of a state dict and an architecture file make together.

    Raises `ModelError` at an architecture that is none, and at tensors that no layer takes.
    """
    listed = _listed(path)
    left = dict(tensors)
    layers = {}
    for i, entry in enumerate(listed):
        name, arguments = _entry(entry, i, str(path))
        prefix = str(arguments.pop("key", i))
        mine = {
            key.removeprefix(f"{prefix}."): left.pop(key)
            for key in list(left)
            if key.startswith(f"{prefix}.")
        }
        home, defaults = _DEFAULTS[name]
        layers[str(i)] = _record(Symbol(home, name), defaults | arguments, mine)
    if left:
        raise ModelError(
            f"{len(left)} tensors belong to no layer of {path.name}",
            file=file,
            place=next(iter(left))[:80],
            expected='a layer at that place, or one with that "key"',
        )
    return Record(Symbol(*SEQUENTIAL.rsplit(".", 1)), state={"_modules": layers})


def _listed(path: Path) -> list[Any]:
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ModelError("too long", file=path, expected=f"at most {_MAX_BYTES} bytes")
        found = json.loads(text)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", file=path) from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is no JSON: {error!s:.80}", file=path) from None
    if not isinstance(found, list) or not 1 <= len(found) <= _MAX_LAYERS:
        raise ModelError("is no list of layers", file=path, expected=f"1 to {_MAX_LAYERS} layers")
    return found


def _entry(entry: Any, number: int, file: str) -> tuple[str, dict[str, Any]]:
    """Return class and arguments of one layer."""
    if isinstance(entry, dict) and len(entry) == 1:
        ((name, arguments),) = entry.items()
        if name in _DEFAULTS and isinstance(arguments, dict):
            known = _ARGUMENTS.get(name)
            unknown = [k for k in arguments if known is not None and k not in (*known, "key")]
            if known is not None and unknown:
                raise ModelError(
                    f"{name} has no argument {unknown[0][:40]!r}",
                    file=file,
                    place=f"layer {number}",
                    expected=", ".join(known),
                )
            return str(name), {_RENAMED.get(str(k), str(k)): v for k, v in arguments.items()}
    raise ModelError(
        "not a layer",
        file=file,
        place=f"layer {number}",
        expected=f'{{"CLASS": {{ARGUMENTS}}}} with one of {", ".join(sorted(_DEFAULTS))}',
    )


def _record(symbol: Symbol, values: dict[str, Any], tensors: dict[str, Array]) -> Record:
    """Return a module's record: its attributes, its tensors, and parts for dotted names."""
    own = {key: value for key, value in tensors.items() if "." not in key}
    nested: dict[str, dict[str, Array]] = {}
    for key, value in tensors.items():
        part, dot, rest = key.partition(".")
        if dot:
            nested.setdefault(part, {})[rest] = value
    parts = {
        name: _record(Symbol("torch.nn.modules.container", "ModuleDict"), {}, inner)
        for name, inner in nested.items()
    }
    return Record(symbol, state={**values, "_parameters": own, "_modules": parts})

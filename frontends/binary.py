"""Binary and Boolean networks in PyTorch: a state dict, and `--architecture` for its layers.

Such nets come from many training scripts, each with layer classes of its own; what a state dict
holds is the same: latent weights, of which the signs count, and batch norms. The architecture file
(`gatec.frontends.architecture`) lists what happens to the data, in order:

`BinaryLinear`, `BinaryConv2d` (`stride`, `padding`)
    `weight`, of which the signs are taken; optionally `bias`, added, and then `alpha`, multiplied.
    With `freq` the weights are the signs of `sin(freq * weight)`, as in BiPer's second stage.
`Sign`
    +1 where the data is at least 0, else -1; with `"zero": 0`, 0 at 0 as `torch.sign` has it.
`BatchNorm1d`, `BatchNorm2d`, `Hardtanh`, `MaxPool2d`, `Flatten`, `Dropout`
    As torch's.
`BooleanLinear`, `BooleanConv2d`
    Boolean weights (`weight` 0 and 1, or -1 and +1; perhaps one `bias` for each neuron): the sum of
    XNORs, each +1 or -1, and 0 in the padding; with `"count": true`, and without padding, how many
    of the XNORs are true.
`BooleanThreshold`
    True where the data is at least `threshold`, a tensor or a number.

A net that begins with a Boolean layer reads bits; one that begins with a binary layer reads what
`--features` says, which `Sign` or a batch norm and `Sign` may turn into bits first. It ends in a
quantiser, or in the sums of its last layer, of which the largest is the class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends import binary_layers as layers_
from gatec.frontends.counting import Network, Signal
from gatec.frontends.counting_layers import convolution, dense, flatten, max_pool
from gatec.frontends.counting_model import begin, end
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content
from gatec.frontends.files.records import shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.modules import FLATTEN, Module, all_modules, array, is_module, layers, number
from gatec.frontends.options import ReadOptions
from gatec.frontends.walk import sizes
from gatec.frontends.wiring import refuse_wiring

_LAYERS = ("BinaryLinear", "BinaryConv2d", "BooleanLinear", "BooleanConv2d")
# What PyTorch and BiPer keep beside what counts.
_UNUSED = ("num_batches_tracked", "tau", "beta")
_TENSORS = {
    "BinaryLinear": ("weight", "bias", "alpha"),
    "BinaryConv2d": ("weight", "bias", "alpha"),
    "BooleanLinear": ("weight", "bias"),
    "BooleanConv2d": ("weight", "bias"),
    "BatchNorm1d": ("weight", "bias", "running_mean", "running_var"),
    "BatchNorm2d": ("weight", "bias", "running_mean", "running_var"),
    "BooleanThreshold": ("threshold",),
}
# Arguments that only their default is read of.
_DEFAULT_ONLY = {
    "dilation": 1, "groups": 1, "padding_mode": "zeros", "ceil_mode": False, "start_dim": 1,
    "end_dim": -1,
}  # fmt: skip
# They keep the order of class scores.
_AT_THE_END = ("LogSoftmax", "Softmax")


def matches(content: Content) -> bool:
    """Return whether a layer of this kind is among the modules."""
    if not is_module(content.model):
        return False
    return any(module.name in _LAYERS for module in all_modules(content.model))


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the tensors and the architecture tell."""
    file = content.label
    refuse_wiring(options, file=file)
    if not is_module(content.model):
        raise ModelError("no modules", file=file, expected="a state dict, and --architecture FILE")
    parts = layers(content.model, file=file, keep=frozenset({FLATTEN}))
    network = Network(file)
    signal = _input(parts, network, options)
    place = "input"
    for i, module in enumerate(parts):
        place = module.place
        if module.name in _AT_THE_END and i == len(parts) - 1:
            network.notes["end"] = f"{module.name} is left out: it keeps the order of the scores"
            break
        step = _STEPS.get(module.name)
        if step is None:
            raise network.error("unknown layer", place, f"one of {', '.join(_STEPS)}")
        _refuse_others(network, module)
        signal = step(network, signal, module)
    return end(network, signal, place, options)


def _refuse_others(network: Network, module: Module) -> None:
    """Raise `ModelError` at a tensor or an argument that would be ignored."""
    for name, default in _DEFAULT_ONLY.items():
        value = module.values.get(name, default)
        if value != default and not (
            isinstance(value, list | tuple) and list(value) == [default] * 2
        ):
            raise network.error(f"{name} is {shown(value)}", module.place, str(default))
    for name, value in module.values.items():
        known = (*_TENSORS.get(module.name, ()), *_UNUSED)
        if isinstance(value, np.ndarray) and name not in known:
            raise network.error(f"unknown tensor {name[:40]}", module.place, ", ".join(known))
    if module.children:
        raise network.error("has parts", module.place, "tensors of its own only")


def _input(parts: list[Module], network: Network, options: ReadOptions) -> Signal:
    """Return the network's input: its shape is that of the first weights, or `--image`."""
    first = next((module for module in parts if module.name in _LAYERS), None)
    if first is None:
        raise network.error("no layer with weights", "net", ", ".join(_LAYERS))
    weights = array(first, "weight", file=network.file)
    if first.name.endswith("Linear") and options.image_sizes is None:
        if weights.ndim != 2:
            raise network.error(f"weights {list(weights.shape)}", first.place, "[neurons, inputs]")
        shape: tuple[int, ...] = (weights.shape[1],)
    elif options.image_sizes is None or len(options.image_sizes) != 3:
        raise network.error(
            "the size of the input is not in the file", first.place, "--image CxHxW"
        )
    else:
        shape = options.image_sizes
    if parts[0].name in ("BooleanLinear", "BooleanConv2d"):
        if options.features not in (None, "bits"):
            raise network.error("reads Booleans", parts[0].place, "no --features, or bits")
        return layers_.boolean_input(network, shape)
    return begin(network, shape, options)


def _weighted(network: Network, signal: Signal, module: Module, weights: Array) -> Signal:
    """Return the sums of a layer whose weights are +1 and -1."""
    if module.name.endswith("Linear"):
        return dense(network, signal, weights, module.place)
    stride, padding = (
        sizes(module, name, 2, least=least, file=network.file)
        for name, least in (("stride", 1), ("padding", 0))
    )
    return convolution(network, signal, weights, stride=stride, padding=padding, place=module.place)


def _binary(network: Network, signal: Signal, module: Module) -> Signal:
    frequency = number(module, "freq", file=network.file)
    weights = array(module, "weight", file=network.file)
    found = layers_.signs(network, weights, module.place, frequency)
    signal = _weighted(network, signal, module, found)
    for name, join in (("bias", layers_.add), ("alpha", layers_.scale)):
        if module.values.get(name) is not None:
            constants = array(module, name, file=network.file)
            signal = join(network, signal, constants, module.place)
    return signal


def _boolean(network: Network, signal: Signal, module: Module) -> Signal:
    weights = layers_.truths(network, array(module, "weight", file=network.file), module.place)
    if module.values.get("count") and module.values.get("padding", 0) not in (0, [0, 0]):
        raise network.error(
            "counts XNORs, and has padding", module.place,
            'no "count": the sum of +1 and -1, to which padding adds 0',
        )  # fmt: skip
    signal = _weighted(network, signal, module, weights)
    inputs = weights[0].size
    if module.values.get("bias") is not None:
        bias = layers_.truths(network, array(module, "bias", file=network.file), module.place)
        signal = layers_.add(network, signal, bias, module.place)
        inputs += 1
    if module.values.get("count"):
        return signal.map(lambda x: (x + x.dtype.type(inputs)) / x.dtype.type(2))
    return signal


def _threshold(network: Network, signal: Signal, module: Module) -> Signal:
    value = module.values.get("threshold", 0)
    if isinstance(value, list):
        value = np.array([v if type(v) in (int, float) else np.nan for v in value], np.float64)
    elif type(value) in (int, float):
        value = np.array([value], dtype=np.float64)
    if not isinstance(value, np.ndarray):
        raise network.error(f"threshold is {shown(value)}", module.place, "numbers")
    return layers_.at_least(network, signal, value, module.place)


def _sign(network: Network, signal: Signal, module: Module) -> Signal:
    zero = module.values.get("zero", 1)
    if type(zero) is not int or zero not in (0, 1):
        raise network.error(f"zero is {shown(zero)}", module.place, "0 or 1")
    return layers_.sign(signal, zero)


def _norm(network: Network, signal: Signal, module: Module) -> Signal:
    epsilon = number(module, "eps", default=1e-5, file=network.file)
    optional = [module.values.get(name) for name in ("weight", "bias")]
    gain, bias = (value if isinstance(value, np.ndarray) else None for value in optional)
    mean, variance = (
        array(module, name, file=network.file) for name in ("running_mean", "running_var")
    )
    found = (gain, bias, mean, variance)
    return layers_.batch_norm(network, signal, found, epsilon or 0.0, module.place)


def _pool(network: Network, signal: Signal, module: Module) -> Signal:
    kernel, padding = (
        sizes(module, name, 2, least=least, file=network.file)
        for name, least in (("kernel_size", 1), ("padding", 0))
    )
    stride = kernel
    if module.values.get("stride") is not None:
        stride = sizes(module, "stride", 2, file=network.file)
    return max_pool(
        network, signal, kernel=kernel, stride=stride, padding=padding, place=module.place
    )


def _hardtanh(network: Network, signal: Signal, module: Module) -> Signal:
    low = number(module, "min_val", default=-1.0, file=network.file)
    high = number(module, "max_val", default=1.0, file=network.file)
    assert low is not None and high is not None
    return layers_.clip(signal, low, high)


def _flatten(network: Network, signal: Signal, module: Module) -> Signal:
    return flatten(network, signal, module.place)


_STEPS: dict[str, Callable[[Network, Signal, Any], Signal]] = {
    "BinaryLinear": _binary,
    "BinaryConv2d": _binary,
    "BooleanLinear": _boolean,
    "BooleanConv2d": _boolean,
    "BooleanThreshold": _threshold,
    "Sign": _sign,
    "BatchNorm1d": _norm,
    "BatchNorm2d": _norm,
    "Hardtanh": _hardtanh,
    "MaxPool2d": _pool,
    "Flatten": _flatten,
}

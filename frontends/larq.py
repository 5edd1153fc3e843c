"""Binary networks of larq (Keras): the model's JSON, and its weights.

They come from `.h5` (`gatec.frontends.files.keras_h5`), or from an `.npz` as `EXPORTER` writes it,
both read as the same arrays: `config` holds `model.to_json()` as bytes, and `LAYER.WEIGHT` the
arrays of each layer. A file of weights alone takes that JSON from `--architecture`. Larq keeps
latent floats, of which the signs count (that of 0 is +1), times the mean size of a filter's weights
with `magnitude_aware_sign`. A Sequential of `QuantDense`, `QuantConv2D`, `BatchNormalization`,
`MaxPooling2D`, `Flatten`, and what does nothing in evaluation. Keras has the channels of an image
last; the circuit's input has them first, each row by row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends import binary_layers
from gatec.frontends.counting import Network, Signal
from gatec.frontends.counting_layers import convolution, dense, flatten, max_pool
from gatec.frontends.counting_model import begin, end
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content
from gatec.frontends.files.records import shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring

EXPORTER = """\
keys = {f"{layer.name}.{w.name.split('/')[-1].split(':')[0]}": w.numpy()
        for layer in model.layers for w in layer.weights}
config = numpy.frombuffer(model.to_json().encode(), numpy.uint8)
numpy.savez("net.npz", config=config, **keys)
"""
"""For a trained `keras.Sequential` of larq's layers, with `import numpy` above it."""

_SIGNS = ("stesign", "approxsign", "swishsign")
_MAGNITUDE = "magnitudeawaresign"
_PASSIVE = ("InputLayer", "Dropout", "ActivityRegularization")
_MOST_JSON = 1 << 24


def matches(content: Content) -> bool:
    """Return whether there is a model's JSON beside arrays of layers, or a file of Keras."""
    if content.container == "h5":
        return True
    config = content.tensors.get("config")
    return config is not None and config.dtype == np.uint8 and config.ndim == 1


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells; the meaning of the input's codes is asked for."""
    file = content.label
    refuse_wiring(options, file=file)
    network = Network(file)
    layers = _layers(content)
    weights: dict[str, dict[str, Array]] = {}
    for key, value in content.tensors.items():
        layer, dot, name = key.rpartition(".")
        if key != "config":
            weights.setdefault(layer if dot else key, {})[name] = value
    shape = _input_shape(layers, network)
    if len(shape) == 3 and shape[0] > 1:
        network.notes["order"] = "the input's bits: channel by channel, each row by row"
    walk = _Walk(network, begin(network, shape, options))
    for number, (kind, config) in enumerate(layers):
        name = str(config.get("name"))[:80]
        walk.place = f"layer {number}: {name} ({kind})"
        walk.take(kind, config, weights.pop(name, {}), last=number == len(layers) - 1)
    if walk.flat is not None:
        raise network.error("nothing reads the flattened image", walk.place, "QuantDense")
    if weights:
        raise ModelError("belongs to no layer", file=file, place=next(iter(weights))[:80])
    return end(network, walk.signal, walk.place, options)


def _layers(content: Content) -> list[tuple[str, dict[str, Any]]]:
    """Return class and configuration of each layer; raise `ModelError` at other models."""
    file = content.label
    config = content.tensors.get("config")
    if config is None:
        raise ModelError(
            "holds weights without the layers that they are of",
            file=file,
            expected="--architecture FILE with model.to_json(), or model.save('FILE.h5')",
        )
    try:
        text = b"" if config.nbytes > _MOST_JSON else config.tobytes()
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError("is no JSON", file=file, place="config") from None
    sequential = isinstance(value, dict) and value.get("class_name") == "Sequential"
    inner = value.get("config") if sequential else None
    listed = inner.get("layers") if isinstance(inner, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ModelError("is no Sequential", file=file, place="config", expected="a Sequential")
    found = []
    for layer in listed:
        kind, values = (
            (layer.get(k) for k in ("class_name", "config"))
            if isinstance(layer, dict)
            else (None, None)
        )
        if not isinstance(kind, str) or not isinstance(values, dict):
            raise ModelError("holds a layer that is none", file=file, place="config")
        # Registered classes are written with their package in front.
        found.append((kind.rpartition(">")[2], values))
    return found


def _input_shape(layers: list[tuple[str, dict[str, Any]]], network: Network) -> tuple[int, ...]:
    """Return the shape of the input, channels first."""
    config = layers[0][1]
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    sizes = shape[1:] if isinstance(shape, list) else []
    if len(sizes) not in (1, 3) or any(type(s) is not int or not 1 <= s < 1 << 20 for s in sizes):
        raise network.error(f"an input of shape {shown(shape)}", "config", "[null, h, w, channels]")
    return (sizes[-1], *sizes[:-1])


@dataclass
class _Walk:
    """What the layers so far have made of the input.

    Attributes
    ----------
    flat
        The image that Flatten read, channels first, until a dense layer reads it.
    """

    network: Network
    signal: Signal
    place: str = ""
    flat: tuple[int, ...] | None = field(default=None)

    def take(self, kind: str, config: dict[str, Any], own: dict[str, Array], *, last: bool) -> None:
        """Apply a layer."""
        steps: dict[str, Callable[[dict[str, Any], dict[str, Array]], Signal]] = {
            "QuantDense": self._dense,
            "QuantConv2D": self._conv,
            "BatchNormalization": self._norm,
            "MaxPooling2D": self._pool,
            "Flatten": self._flatten,
        }
        if kind == "Activation" and last and config.get("activation") == "softmax":
            self.network.notes["end"] = "softmax is left out: it keeps the order of the scores"
            return
        if kind in _PASSIVE:
            return
        if kind not in steps:
            raise self._error("unknown layer", ", ".join(steps))
        self.signal = steps[kind](config, own)
        if own:
            raise self._error(f"unknown weights {sorted(own)[0][:40]}", "none beside its own")
        activation = config.get("activation", "linear")
        if activation not in (None, "linear") and not (last and activation == "softmax"):
            raise self._error(f"activation {shown(activation)}", "linear, or softmax at the end")

    def _error(self, what: str, expected: str) -> ModelError:
        return self.network.error(what, self.place, expected)

    def _array(self, own: dict[str, Array], name: str, axes: int) -> Array:
        found = own.pop(name, None)
        if found is None or found.ndim != axes or found.dtype.kind != "f":
            what = "missing" if found is None else f"{found.dtype}{list(found.shape)}"
            raise self._error(f"{name} is {what}", f"floats of {axes} axes")
        return found

    def _quantiser(self, config: dict[str, Any], key: str) -> str:
        """Return the name of a quantiser, in lower case and without underscores; empty for none."""
        value = config.get(key)
        name = value.get("class_name") if isinstance(value, dict) else value
        if name is None:
            return ""
        if not isinstance(name, str):
            raise self._error(f"{key} is {shown(value)}", ", ".join(_SIGNS))
        return name.rpartition(">")[2].replace("_", "").lower()

    def _kernel(self, config: dict[str, Any], own: dict[str, Array], axes: int) -> Array:
        """Return a layer's weights as they count, outputs first, and binarise its input."""
        kernel = np.moveaxis(self._array(own, "kernel", axes), -1, 0)
        quantiser = self._quantiser(config, "kernel_quantizer")
        if quantiser not in (*_SIGNS, _MAGNITUDE):
            raise self._error(f"kernel quantiser {quantiser or 'none'}", ", ".join(_SIGNS))
        found = binary_layers.signs(self.network, kernel, self.place)
        if quantiser == _MAGNITUDE:
            size = np.abs(kernel.astype(np.float32)).reshape(len(kernel), -1).mean(axis=1)
            if not (size > 0).all():
                raise self._error("a filter whose weights are all 0", "weights")
            found = found * size.reshape(-1, *(1,) * (axes - 1)).astype(np.float32)
        quantiser = self._quantiser(config, "input_quantizer")
        if quantiser:
            if quantiser not in _SIGNS:
                raise self._error(f"input quantiser {quantiser}", ", ".join(_SIGNS))
            self.signal = binary_layers.sign(self.signal)
        return found

    def _biased(self, signal: Signal, own: dict[str, Array]) -> Signal:
        if "bias" not in own:
            return signal
        return binary_layers.add(self.network, signal, self._array(own, "bias", 1), self.place)

    def _dense(self, config: dict[str, Any], own: dict[str, Array]) -> Signal:
        weights = self._kernel(config, own, 2)
        if self.flat is not None:
            channels, *sizes = self.flat
            if weights.shape[1] != np.prod(self.flat):
                raise self._error(f"reads {weights.shape[1]} inputs", f"an image {self.flat}")
            image = weights.reshape(-1, *sizes, channels)
            weights = np.moveaxis(image, -1, 1).reshape(len(weights), -1)
            # After the layer has taken the signs of its input.
            self.signal = flatten(self.network, self.signal, self.place)
            self.flat = None
        return self._biased(dense(self.network, self.signal, weights, self.place), own)

    def _conv(self, config: dict[str, Any], own: dict[str, Array]) -> Signal:
        weights = np.moveaxis(self._kernel(config, own, 4), -1, 1)
        plain = {"data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1}
        for key, value in plain.items():
            if config.get(key, value) != value:
                raise self._error(f"{key} is {shown(config[key])}", str(value))
        stride, kernel = self._pair(config, "strides"), weights.shape[2:]
        padding = (0, 0)
        if config.get("padding") == "same":
            odd = stride == (1, 1) and all(size % 2 for size in kernel)
            if not odd or config.get("pad_values", 0) != 0:
                raise self._error("padding on one side, or with other than 0", "odd kernels")
            padding = (kernel[0] // 2, kernel[1] // 2)
        elif config.get("padding") != "valid":
            raise self._error(f"padding {shown(config.get('padding'))}", "valid or same")
        found = convolution(
            self.network, self.signal, weights, stride=stride, padding=padding, place=self.place
        )
        return self._biased(found, own)

    def _pair(self, config: dict[str, Any], key: str) -> tuple[int, int]:
        value = config.get(key)
        if not isinstance(value, list) or len(value) != 2 or any(type(v) is not int for v in value):
            raise self._error(f"{key} is {shown(value)}", "two integers")
        return value[0], value[1]

    def _norm(self, config: dict[str, Any], own: dict[str, Array]) -> Signal:
        if self.flat is not None:
            raise self._error("a batch norm of a flattened image", "QuantDense after Flatten")
        epsilon = config.get("epsilon", 1e-3)
        if type(epsilon) not in (int, float) or not 0 <= epsilon < 1:
            raise self._error(f"epsilon is {shown(epsilon)}", "a small number")
        gain, bias = (self._array(own, n, 1) if n in own else None for n in ("gamma", "beta"))
        mean, variance = (self._array(own, n, 1) for n in ("moving_mean", "moving_variance"))
        found = (gain, bias, mean, variance)
        return binary_layers.batch_norm(
            self.network, self.signal, found, float(epsilon), self.place
        )

    def _pool(self, config: dict[str, Any], _: dict[str, Array]) -> Signal:
        if config.get("padding") != "valid":
            raise self._error(f"padding {shown(config.get('padding'))}", "valid")
        kernel = self._pair(config, "pool_size")
        stride = kernel if config.get("strides") is None else self._pair(config, "strides")
        return max_pool(
            self.network, self.signal, kernel=kernel, stride=stride, padding=(0, 0),
            place=self.place,
        )  # fmt: skip

    def _flatten(self, _: dict[str, Any], __: dict[str, Array]) -> Signal:
        if len(self.signal.shape) == 3:
            self.flat = self.signal.shape
        return self.signal

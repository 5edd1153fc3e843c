"""What damaged binary networks compute, by PyTorch's functions: see `helpers_fuzz_judges`.

Sums are of whole numbers, or of a scale times them, so that nothing is rounded before the floats
that a trainer rounds too.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import torch
from helpers_binary import signs
from torch.nn import functional

Arrays = Mapping[str, np.ndarray]


class Layers:
    """A tensor on its way: what it is divided by comes last, as whole numbers add up exactly."""

    def __init__(self, x: np.ndarray, divisor: float) -> None:
        self.x = torch.from_numpy(x.astype(np.float64))
        self.divisor = divisor
        self.boolean = True

    def floats(self) -> torch.Tensor:
        """Return the values as floats of the trainer's width."""
        found = (self.x / self.divisor).float()
        self.divisor = 1.0
        return found

    def put(self, x: torch.Tensor) -> None:
        if not torch.isfinite(x).all():
            raise ValueError("no numbers")
        self.x = x.double()

    def weigh(self, weights: torch.Tensor, **settings: Any) -> None:
        """Apply a dense layer or a convolution, by the axes of the weights."""
        whole = weights.double()
        if whole.ndim == 2 and self.x.ndim == 2:
            self.x = self.x @ whole.T
        elif whole.ndim == 4 and self.x.ndim == 4:
            self.x = functional.conv2d(self.x, whole, **settings)
        else:
            raise ValueError("axes")

    def norm(self, arrays: Sequence[np.ndarray | None], epsilon: float) -> None:
        """Apply a batch norm: gain, bias, mean, variance of each channel."""
        shape = (1, -1, *(1,) * (self.x.ndim - 2))
        size = self.x.shape[1]
        filled = [np.full(size, 1.0 - i) if a is None else a for i, a in enumerate(arrays)]
        if any(array.shape != (size,) for array in filled):
            raise ValueError("another number of channels")
        gain, bias, mean, variance = (
            torch.from_numpy(np.ascontiguousarray(array)).float().reshape(shape) for array in filled
        )
        factor = gain * (1 / torch.sqrt(variance + epsilon))
        self.put(self.floats() * factor + (bias - mean * factor))

    def pool(self, kernel: Any, stride: Any, padding: Any = 0) -> None:
        self.x = functional.max_pool2d(self.x, kernel, stride, padding)

    def add(self, values: np.ndarray, *, times: bool = False) -> None:
        constants = torch.from_numpy(np.ascontiguousarray(values)).float()
        if constants.numel() not in (1, self.x.shape[1]):
            raise ValueError("another number of channels")
        constants = constants.reshape(1, -1, *(1,) * (self.x.ndim - 2))
        self.put(self.floats() * constants if times else self.floats() + constants)


def _latent(values: np.ndarray) -> torch.Tensor:
    if not np.isfinite(values).all():
        raise ValueError("no numbers")
    return signs(torch.from_numpy(np.ascontiguousarray(values)).float())


def _truths(values: np.ndarray) -> torch.Tensor:
    if not (set(np.unique(values)) <= {0, 1} or set(np.unique(values)) <= {-1, 1}):
        raise ValueError("not Boolean")
    return torch.from_numpy(np.where(values > 0, 1.0, -1.0))


def listed_net(listed: Any, state: Arrays, bits: np.ndarray) -> np.ndarray | None:
    """Run the layers of an architecture file on images 1x4x4 of five bits, over 31."""
    whole = bits.reshape(len(bits), 16, 5) @ (1 << np.arange(5))
    now = Layers(whole.reshape(-1, 1, 4, 4), 31.0)
    left, quantised = dict(state), False
    for number, entry in enumerate(listed):
        ((kind, arguments),) = entry.items()
        settings = dict(arguments)
        prefix = f"{settings.pop('key', number)}."
        own = {key.removeprefix(prefix): left.pop(key) for key in list(left)
               if key.startswith(prefix)}  # fmt: skip
        own.pop("num_batches_tracked", None)
        if number == 0 and kind.startswith("Boolean"):
            return None
        if kind in ("Softmax", "LogSoftmax") and number == len(listed) - 1:
            break
        quantised = _step(now, kind, settings, own)
        if settings or own:
            raise ValueError("an argument that nothing reads")
    if left:
        raise ValueError("a tensor that nothing reads")
    found = now.x.numpy()
    if found.ndim != 2 or quantised:
        return None
    return found.argmax(1)


def _step(now: Layers, kind: str, settings: dict[str, Any], own: dict[str, np.ndarray]) -> bool:
    """Apply a layer; return whether it leaves bits."""
    if kind in ("BinaryLinear", "BinaryConv2d", "BooleanLinear", "BooleanConv2d"):
        weights = (_latent if kind.startswith("Binary") else _truths)(own.pop("weight"))
        if kind.endswith("Conv2d"):
            windows = {key: _pair(settings.pop(key)) for key in ("stride", "padding")
                       if key in settings}  # fmt: skip
            now.weigh(weights, **windows)
        else:
            now.weigh(weights)
        inputs = weights[0].numel()
        if kind.startswith("Boolean") and "bias" in own:
            now.add(_truths(own.pop("bias")).numpy())
            inputs += 1
        if kind.startswith("Boolean") and settings.pop("count", False):
            now.put((now.floats() + inputs) / 2)
        if "bias" in own:
            now.add(own.pop("bias"))
        if "alpha" in own:
            now.add(own.pop("alpha"), times=True)
    elif kind in ("BatchNorm1d", "BatchNorm2d"):
        names = ("weight", "bias", "running_mean", "running_var")
        arrays = [own.pop(name) if name in own or i > 1 else None for i, name in enumerate(names)]
        now.norm(arrays, float(settings.pop("eps", 1e-5)))
    elif kind == "MaxPool2d":
        kernel = _pair(settings.pop("kernel_size"))
        stride = settings.pop("stride", None)
        now.pool(kernel, kernel if stride is None else _pair(stride),
                 _pair(settings.pop("padding", 0)))  # fmt: skip
    elif kind == "Sign":
        zero = settings.pop("zero", 1)
        if zero not in (0, 1):
            raise ValueError(zero)
        now.put(signs(now.floats()) if zero else torch.sign(now.floats()))
        return True
    elif kind == "BooleanThreshold":
        level = own.pop("threshold", settings.pop("threshold", 0))
        now.add(-np.atleast_1d(np.array(level, dtype=float)))
        now.put(signs(now.floats()))
        return True
    elif kind == "Hardtanh":
        now.put(torch.clamp(now.floats(), settings.pop("min_val", -1.0),
                            settings.pop("max_val", 1.0)))  # fmt: skip
    elif kind == "Flatten":
        now.x = now.x.flatten(1)
    elif kind != "Dropout":
        raise ValueError(kind)
    return False


def _pair(value: Any) -> tuple[int, int]:
    found = (value, value) if type(value) is int else tuple(value)
    if len(found) != 2 or any(type(one) is not int for one in found):
        raise ValueError(value)
    return found


def larq_arrays(arrays: Arrays, bits: np.ndarray) -> np.ndarray | None:
    """What gatec's exporter writes."""
    weights = {key: array for key, array in arrays.items() if key != "config"}
    return _larq(arrays["config"].tobytes(), weights, bits)


def larq_h5(data: bytes, bits: np.ndarray) -> np.ndarray | None:
    """What Keras writes: `layer_names`, and of each layer `weight_names`."""
    weights = {}
    with h5py.File(io.BytesIO(data)) as file:
        root = file["model_weights"]
        for layer in root.attrs["layer_names"]:
            group = root[layer.decode()]
            for name in group.attrs["weight_names"]:
                key = name.decode().split("/")[-1].split(":")[0]
                weights[f"{layer.decode()}.{key}"] = group[name.decode()][()]
        text = file.attrs["model_config"]
    return _larq(text, weights, bits)


def _larq(text: bytes | str, weights: Arrays, bits: np.ndarray) -> np.ndarray | None:
    layers = json.loads(text)["config"]["layers"]
    _, *shape, channels = layers[0]["config"]["batch_input_shape"]
    images = bits.reshape(len(bits), channels, *shape).astype(float) * 2 - 1
    now, left, image = Layers(images, 1.0), dict(weights), None
    for number, layer in enumerate(layers):
        kind, config = layer["class_name"], layer["config"]
        prefix = f"{config['name']}."
        own = {key.removeprefix(prefix): left.pop(key) for key in list(left)
               if key.startswith(prefix)}  # fmt: skip
        if kind in ("QuantConv2D", "QuantDense"):
            image = _quant(now, kind, config, own, image)
        elif kind == "BatchNormalization":
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            arrays = [own.pop(n) if n in own or i > 1 else None for i, n in enumerate(names)]
            now.norm(arrays, config["epsilon"])
        elif kind == "MaxPooling2D" and config["padding"] == "valid":
            kernel = _pair(config["pool_size"])
            now.pool(kernel, kernel if config["strides"] is None else _pair(config["strides"]))
        elif kind == "Flatten":
            image = tuple(now.x.shape[1:])
        elif kind == "InputLayer" and number == 0:
            continue
        elif kind == "Activation" and number == len(layers) - 1:
            if config["activation"] != "softmax":
                return None
        else:
            return None
        if own:
            return None
    return None if left or now.x.ndim != 2 else now.x.numpy().argmax(1)


def _quant(
    now: Layers, kind: str, config: dict[str, Any], own: dict[str, np.ndarray], image: Any
) -> None:
    """Apply a layer of latent weights; `image` is what was flattened, channels first."""
    kernel = own.pop("kernel")
    quantiser = config["kernel_quantizer"]
    magnitude = quantiser == "magnitude_aware_sign"
    plain = {"class_name": "SteSign", "config": {"clip_value": 1.0}}
    if not (magnitude or quantiser == plain) or config["activation"] != "linear":
        raise ValueError("another quantiser")
    if config["input_quantizer"] != plain:
        raise ValueError("another quantiser")
    now.put(signs(now.floats()))
    weights = _latent(kernel)
    if kind == "QuantDense":
        if image is not None:
            # Keras flattens with channels last.
            now.x = now.x.permute(0, 2, 3, 1).flatten(1)
        now.weigh(weights.T)
    else:
        same = config["padding"] == "same"
        strides = _pair(config["strides"])
        if config["data_format"] != "channels_last" or config["pad_values"] != 0:
            raise ValueError("another layout")
        if not same and config["padding"] != "valid":
            raise ValueError("another padding")
        if same and (strides != (1, 1) or kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0):
            raise ValueError("one-sided padding")
        padding = (kernel.shape[0] // 2, kernel.shape[1] // 2) if same else (0, 0)
        now.weigh(weights.permute(3, 2, 0, 1), stride=strides, padding=padding)
    if magnitude:
        size = np.abs(kernel.astype(np.float32)).mean(axis=tuple(range(kernel.ndim - 1)))
        now.add(size, times=True)
    if "bias" in own:
        now.add(own.pop("bias"))

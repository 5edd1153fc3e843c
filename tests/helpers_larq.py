"""A network as larq's users save it by gatec's exporter, and what larq computes, in NumPy.

larq 0.14 wants a TensorFlow that no current Python has, so the files are written as documented:
`model.to_json()` of tf.keras, and the layers' arrays under Keras' names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

Layer = tuple[str, dict[str, Any], dict[str, np.ndarray]]
STE = {"class_name": "SteSign", "config": {"clip_value": 1.0}}


def norm(rng: np.random.Generator, size: int, gain: bool = False) -> Layer:
    """Return a batch norm; larq's own models train no gain."""
    arrays = {"beta": rng.normal(size=size), "moving_mean": rng.normal(size=size) * 2,
              "moving_variance": rng.uniform(0.5, 4, size)}  # fmt: skip
    if gain:
        arrays["gamma"] = rng.normal(size=size)
    floats = {key: value.astype(np.float32) for key, value in arrays.items()}
    return "BatchNormalization", {"epsilon": 0.001, "center": True, "scale": gain}, floats


def quant(kind: str, shape: tuple[int, ...], rng: np.random.Generator, **config: Any) -> Layer:
    kernel = rng.normal(size=shape).astype(np.float32)
    settings = {"input_quantizer": STE, "kernel_quantizer": STE, "use_bias": False,
                "activation": "linear"}  # fmt: skip
    if kind == "QuantConv2D":
        settings |= {"strides": [1, 1], "padding": "valid", "data_format": "channels_last",
                     "pad_values": 0.0}  # fmt: skip
    return kind, settings | config, {"kernel": kernel}


def network(seed: int = 0) -> list[Layer]:
    """Return a net of images 6x6 of two channels, flattened with channels last."""
    rng = np.random.default_rng(seed)
    pool = {"pool_size": [2, 2], "strides": None, "padding": "valid"}
    return [
        quant("QuantConv2D", (3, 3, 2, 4), rng, padding="same"),
        ("MaxPooling2D", pool, {}),
        norm(rng, 4, gain=True),
        quant("QuantConv2D", (2, 2, 4, 5), rng, kernel_quantizer="magnitude_aware_sign"),
        norm(rng, 5),
        ("Flatten", {}, {}),
        quant("QuantDense", (20, 3), rng),
        ("Activation", {"activation": "softmax"}, {}),
    ]


def described(
    layers: list[Layer], shape: tuple[int, ...] = (6, 6, 2)
) -> tuple[str, dict[str, dict[str, np.ndarray]]]:
    """Return `model.to_json()` of a Sequential, and the weights of each layer."""
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, *shape],
                                                    "name": "input"}}  # fmt: skip
    listed, arrays = [first], {"input": {}}
    for number, (kind, config, weights) in enumerate(layers):
        name = f"layer_{number}"
        listed.append({"class_name": kind, "config": {**config, "name": name}})
        arrays[name] = weights
    model = {"class_name": "Sequential", "config": {"name": "net", "layers": listed}}
    return json.dumps(model), arrays


def write(path: Path, layers: list[Layer], shape: tuple[int, ...] = (6, 6, 2)) -> Path:
    """Write what gatec's exporter does."""
    text, weights = described(layers, shape)
    arrays = {f"{layer}.{key}": value for layer, w in weights.items() for key, value in w.items()}
    np.savez(path, config=np.frombuffer(text.encode(), dtype=np.uint8), **arrays)
    return path


def write_h5(
    path: Path,
    text: str | None,
    weights: dict[str, dict[str, np.ndarray]],
    attribute_bytes: int = 64512,
) -> Path:
    """Write what Keras' `model.save` does, or with no text its `save_weights`.

    An attribute of more than `attribute_bytes` is cut, as Keras does where HDF5 has no room.
    """
    with h5py.File(path, "w") as file:
        root = file
        if text is not None:
            file.attrs["keras_version"], file.attrs["backend"] = b"2.4.0", b"tensorflow"
            file.attrs["model_config"] = text.encode()
            root = file.create_group("model_weights")
        _names(root, "layer_names", list(weights), attribute_bytes)
        for layer, arrays in weights.items():
            group = root.create_group(layer)
            paths = {f"{layer}/{key}:0": array for key, array in arrays.items()}
            _names(group, "weight_names", list(paths), attribute_bytes)
            for inner, array in paths.items():
                group.create_dataset(inner, data=array)
    return path


def _names(group: Any, name: str, values: list[str], most: int) -> None:
    names = np.array([value.encode() for value in values], dtype="S" if values else "S1")
    parts = max(1, -(-names.nbytes // most))
    for number, part in enumerate(np.array_split(names, parts)):
        group.attrs[name if parts == 1 else f"{name}{number}"] = part


def signs(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x >= 0, 1.0, -1.0)


def run(layers: list[Layer], images: np.ndarray) -> np.ndarray:
    """Return the class scores of images `[samples, h, w, channels]`."""
    x = torch.from_numpy(images.astype(np.float32))
    for kind, config, arrays in layers:
        w = {key: torch.from_numpy(value) for key, value in arrays.items()}
        if kind in ("QuantConv2D", "QuantDense"):
            kernel = signs(w["kernel"])
            if config["kernel_quantizer"] == "magnitude_aware_sign":
                every = tuple(range(kernel.ndim - 1))
                kernel = kernel * w["kernel"].abs().mean(dim=every)
            x = signs(x)
            if kind == "QuantDense":
                x = x @ kernel
                continue
            padding = 1 if config["padding"] == "same" else 0
            kernels = kernel.permute(3, 2, 0, 1)
            found = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), kernels, padding=padding)
            x = found.permute(0, 2, 3, 1)
        elif kind == "BatchNormalization":
            factor = w.get("gamma", torch.tensor(1.0)) / torch.sqrt(w["moving_variance"] + 0.001)
            x = x * factor + (w["beta"] - w["moving_mean"] * factor)
        elif kind == "MaxPooling2D":
            x = torch.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        elif kind == "Flatten":
            x = x.reshape(len(x), -1)
    return x.numpy()

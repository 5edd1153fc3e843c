"""Train small quantised nets with Brevitas, and store them with what QONNX says of them.

    python tests/trainers/make_qonnx.py OUT_DIR

Needs an environment of its own: `pip install brevitas==0.13.4 qonnx==1.0.0 scikit-learn`, and
beside it PyTorch. Writes for each net NAME.onnx, as Brevitas exports it, and NAME.npz: images
`x` (`uint8`, 0 to 255) and `scores`, which QONNX's own execution of that file gives.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from brevitas import nn as qnn
from brevitas.core.quant import QuantType
from brevitas.export import export_qonnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model
from sklearn.datasets import load_digits
from torch import nn

# ONNX Runtime reads older versions only than those the onnx package of the same month writes.
_IR_VERSION = 10
_make_model = onnx.helper.make_model


def _make_older(*arguments: Any, **keywords: Any) -> Any:
    model = _make_model(*arguments, **keywords)
    model.ir_version = _IR_VERSION
    return model


class Bipolar(nn.Module):
    """Pixels from 0..1 to -1..1, as Brevitas' examples do."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2.0 * x - torch.tensor([1.0])


def activation(bits: int) -> nn.Module:
    """Return an activation of 1 (binary) or more (narrow, signed) bits, from -1 to 1."""
    kind = QuantType.BINARY if bits == 1 else QuantType.INT
    return qnn.QuantIdentity(
        bit_width=bits,
        quant_type=kind,
        min_val=-1.0,
        max_val=1.0,
        scaling_impl_type="const",
        scaling_per_output_channel=False,
        narrow_range=True,
        signed=True,
        restrict_scaling_type="fp" if bits == 1 else "power_of_two",
    )


_WEIGHTS = {
    "weight_quant_type": QuantType.BINARY,
    "weight_bit_width": 1,
    "weight_scaling_impl_type": "const",
    "weight_scaling_init": 1.0,
    "bias": False,
}


def dense(bits: int) -> nn.Sequential:
    """Return a fully connected net for 8x8 digits."""
    parts: list[nn.Module] = [nn.Flatten(), Bipolar(), activation(bits)]
    for before, after in ((64, 24), (24, 24)):
        parts.append(qnn.QuantLinear(before, after, **_WEIGHTS))
        parts += [nn.BatchNorm1d(after), activation(bits)]
    parts += [qnn.QuantLinear(24, 10, **_WEIGHTS), nn.BatchNorm1d(10)]
    return nn.Sequential(*parts)


def convolutional() -> nn.Sequential:
    """Return a convolutional net for 8x8 digits, pooled before the batch norm and padded."""
    return nn.Sequential(
        Bipolar(),
        activation(1),
        qnn.QuantConv2d(1, 6, 3, padding=1, **_WEIGHTS),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(6),
        activation(1),
        qnn.QuantConv2d(6, 12, 3, **_WEIGHTS),
        nn.BatchNorm2d(12),
        activation(1),
        nn.Flatten(),
        qnn.QuantLinear(48, 10, **_WEIGHTS),
        nn.BatchNorm1d(10),
    )


NETS = {"dense_1w1a": lambda: dense(1), "dense_1w2a": lambda: dense(2), "conv_1w1a": convolutional}


def train(net: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> None:
    """Train, then move batch norms to where their signs are not all the same."""
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(150):
        chosen = torch.randint(0, len(x), (200,))
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimiser.step()
    for part in net[:-1]:
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            # Falling neurons, and one that is constant.
            part.weight.data[1::3] *= -1
            part.weight.data[2] = 0
    net.train()
    with torch.no_grad():
        for _ in range(30):
            net(x)
    net.eval()


def main() -> None:
    onnx.helper.make_model = _make_older
    torch.manual_seed(0)
    folder = Path(sys.argv[1])
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    x = torch.from_numpy(images.astype(np.float32) / np.float32(255))
    y = torch.from_numpy(digits.target)
    for name, make in NETS.items():
        net = make()
        train(net, x[:1400], y[:1400])
        path = folder / f"{name}.onnx"
        export_qonnx(net, args=x[:1], export_path=str(path))
        test = x[-100:]
        model = cleanup_model(ModelWrapper(str(path)))
        name_in = model.graph.input[0].name
        rows = [next(iter(execute_onnx(model, {name_in: r[None].numpy()}).values())) for r in test]
        scores = np.concatenate(rows)
        right = np.mean(scores.argmax(1) == digits.target[-100:])
        with torch.no_grad():
            same = np.allclose(net(test).numpy(), scores, atol=1e-4)
        np.savez_compressed(folder / f"{name}.npz", x=images[-100:], scores=scores)
        print(f"{name}: accuracy {right:.3f}, as Brevitas: {same}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

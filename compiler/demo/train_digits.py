"""Train the demo net on scikit-learn's digits and write it as `digits.pt` and `digits-test.npz`.

Run `python -m gatec.demo.train_digits OUT.pt`; the test images go beside it, as `OUT-test.npz`.
It needs PyTorch and scikit-learn (`pip install gatec[dev]`) and takes half a minute.

A pixel has 17 grey levels. Two thresholds make two input bits of it: pixel `p` is bits `2p` (above
3) and `2p + 1` (above 9). Then come layers of gates with two inputs. While it trains, a gate is
four logits, one for each entry of its truth table, and each of its inputs chooses among a few fixed
random candidates. The forward pass uses the hard choices, the backward pass the soft ones (the
straight-through estimator), so what is trained is what is written.

Differentiable logic gate networks: Petersen et al., NeurIPS 2022. The code here is gatec's own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10
SIDE = 8
THRESHOLDS = (3, 9)
WIDTHS = (300, 300)
CANDIDATES = 8
TAU = 2.0
BATCH = 128
STEPS = 3000
LEARNING_RATE = 0.05
# Shifted by one pixel in four directions, beside the image as it is.
SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
SHIFT_WEIGHTS = (0.6, 0.1, 0.1, 0.1, 0.1)


class Gates(nn.Module):
    """A layer of two-input gates.

    Attributes
    ----------
    candidates
        `int64[2 * gates, CANDIDATES]`: what may drive each input; inputs A of all gates, then B.
    choice
        Logits of the same shape.
    table
        Logits `[gates, 4]`: the output at A, B = 00, 01, 10, 11.
    """

    candidates: Tensor

    def __init__(self, inputs: int, gates: int) -> None:
        super().__init__()
        # Whole permutations: every input bit is offered equally often.
        slots = 2 * gates * CANDIDATES
        rounds = [torch.randperm(inputs) for _ in range(slots // inputs + 1)]
        chosen = torch.cat(rounds)[:slots].view(CANDIDATES, 2 * gates)
        self.register_buffer("candidates", chosen.T.contiguous())
        self.choice = nn.Parameter(0.1 * torch.randn(2 * gates, CANDIDATES))
        # A gate starts near "pass A", through which gradients flow.
        pass_a = torch.tensor([-1.0, -1.0, 1.0, 1.0])
        self.table = nn.Parameter(pass_a + 0.5 * torch.randn(gates, 4))

    def forward(self, bits: Tensor) -> Tensor:
        """Return `[samples, gates]` for `bits` of shape `[samples, inputs]`."""
        soft = self.choice.softmax(1)
        hard = functional.one_hot(self.choice.argmax(1), CANDIDATES).to(soft.dtype)
        offered = bits[:, self.candidates.view(-1)].view(len(bits), *self.candidates.shape)
        a, b = (offered * _straight_through(hard, soft)).sum(2).chunk(2, dim=1)
        soft = self.table.sigmoid()
        t00, t01, t10, t11 = _straight_through(_hard(self.table), soft).unbind(1)
        return t00 + (t10 - t00) * a + (t01 - t00) * b + (t00 - t01 - t10 + t11) * a * b

    def fanin(self) -> Tensor:
        """Return the chosen wiring, `int32[gates, 2]`."""
        chosen = self.candidates.gather(1, self.choice.argmax(1, keepdim=True))
        return chosen.view(2, -1).T.contiguous().to(torch.int32)

    def gates(self) -> Tensor:
        """Return each gate's number, `uint8[gates]`: bits T00, T01, T10, T11 from the highest."""
        weights = torch.tensor([8, 4, 2, 1])
        return (_hard(self.table).long() * weights).sum(1).to(torch.uint8)


def load_images() -> tuple[
    npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]
]:
    """Return training and test images `[samples, 8, 8]` (0..16) and their labels."""
    digits = load_digits()
    return tuple(
        train_test_split(
            digits.images, digits.target, test_size=0.25, random_state=0, stratify=digits.target
        )
    )


def to_bits(images: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Return the net's input bits `[samples, 128]`."""
    bits = images.reshape(len(images), -1, 1) > np.array(THRESHOLDS)
    return bits.reshape(len(images), -1).astype(np.uint8)


def shifted(images: npt.NDArray[np.float64], down: int, right: int) -> npt.NDArray[np.float64]:
    """Return the images moved by up to one pixel, with empty pixels moved in."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return padded[:, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE]


def train(
    images: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], steps: int, seed: int = 0
) -> nn.Sequential:
    """Return the trained layers. The same versions and seed give the same net."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    inputs = torch.from_numpy(np.stack([to_bits(shifted(images, *by)) for by in SHIFTS])).float()
    wanted, weights = torch.from_numpy(labels), torch.tensor(SHIFT_WEIGHTS)
    widths = (inputs.shape[2], *WIDTHS)
    layers = nn.Sequential(*(Gates(*pair) for pair in zip(widths, WIDTHS, strict=False)))
    optimiser = torch.optim.Adam(layers.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        sample = torch.randint(len(wanted), (BATCH,))
        shift = torch.multinomial(weights, BATCH, replacement=True)
        scores = group_sum(layers(inputs[shift, sample])) / TAU
        loss = functional.cross_entropy(scores, wanted[sample], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return layers


def group_sum(bits: Tensor) -> Tensor:
    """Return the scores `[samples, CLASSES]`: each class counts its part of the last layer."""
    return bits.view(len(bits), CLASSES, -1).sum(2)


def accuracy(
    layers: nn.Sequential, bits: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]
) -> float:
    """Return the share of samples whose class is right; ties go to the lowest class."""
    with torch.no_grad():
        # Rounded, because straight-through arithmetic leaves a last-bit error on each bit.
        scores = group_sum(layers(torch.from_numpy(bits).float()).round())
    return float((scores.numpy().argmax(1) == labels).mean())


def neutral_form(layers: nn.Sequential) -> dict[str, Tensor]:
    """Return the net in gatec's neutral form: a dictionary of tensors."""
    form = {
        "inputs": torch.tensor(SIDE * SIDE * len(THRESHOLDS)),
        "classes": torch.tensor(CLASSES),
        "tau": torch.tensor(TAU),
    }
    for i, layer in enumerate(layers):
        assert isinstance(layer, Gates)
        form[f"layers.{i}.fanin"] = layer.fanin()
        form[f"layers.{i}.gates"] = layer.gates()
    return form


def main() -> None:
    """Train, print the accuracies, and write the two files."""
    parser = argparse.ArgumentParser(prog="python -m gatec.demo.train_digits")
    parser.add_argument("out", type=Path, metavar="OUT.pt")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"default {STEPS}")
    args = parser.parse_args()
    train_images, test_images, train_labels, test_labels = load_images()
    layers = train(train_images, train_labels, args.steps)
    test_bits = to_bits(test_images)
    for name, bits, labels in (
        ("training", to_bits(train_images), train_labels),
        ("test", test_bits, test_labels),
    ):
        print(f"{name} accuracy {accuracy(layers, bits, labels):.2%} of {len(labels)} images")
    torch.save(neutral_form(layers), args.out)
    beside = args.out.with_name(f"{args.out.stem}-test.npz")
    np.savez_compressed(beside, x=test_bits, y=test_labels.astype(np.uint8))
    print(f"wrote {args.out} and {beside}")


def _hard(logits: Tensor) -> Tensor:
    return (logits > 0).to(logits.dtype)


def _straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """Return the value of `hard` with the gradient of `soft`."""
    return hard + soft - soft.detach()


if __name__ == "__main__":
    main()

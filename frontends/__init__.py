"""Model files in, ModelGraph out: every format that gatec reads, each as data."""

from gatec.frontends.inspection import Inspection, inspect_model
from gatec.frontends.neutral_writer import clocked_bytes, neutral_bytes, write_neutral
from gatec.frontends.options import ReadOptions
from gatec.frontends.registry import SUPPORTED, Frontend, from_module, read_model

__all__ = [
    "SUPPORTED",
    "Frontend",
    "Inspection",
    "ReadOptions",
    "clocked_bytes",
    "from_module",
    "inspect_model",
    "neutral_bytes",
    "read_model",
    "write_neutral",
]

"""Bounds on what gatec reads, checked before anything is allocated."""

from __future__ import annotations

from gatec.errors import LimitError

MAX_FILE_BYTES = 4 << 30
MAX_PICKLE_BYTES = 64 << 20
# About three seconds of work; a checkpoint has a few for each tensor.
MAX_PICKLE_OPCODES = 2_000_000
MAX_PICKLE_DEPTH = 100
MAX_ARCHIVE_MEMBERS = 10_000
# Compressed members only: torch stores its tensors uncompressed.
MAX_COMPRESSION_RATIO = 100
MAX_HEADER_BYTES = 100 << 20
MAX_GATES = 16_000_000
MAX_NETS = (1 << 31) - 1


def check_limit(value: int, limit: int, what: str, *, file: object = None) -> None:
    """Raise `LimitError` when `value` is above `limit`; `what` names it with its unit."""
    if value > limit:
        raise LimitError(
            f"{what}: {value}",
            file=None if file is None else str(file),
            expected=f"at most {limit}",
        )

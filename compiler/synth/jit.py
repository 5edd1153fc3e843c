"""Numba, behind one typed decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function on arrays to machine code, kept on disk where a folder can be written.

    It releases the interpreter, so threads run it side by side.
    """
    try:
        compiled = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither beside the source nor in the user's cache folder
        compiled = numba.njit(nogil=True)(function)
    return cast(Function, compiled)

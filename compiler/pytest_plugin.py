"""gatec's pytest plugin: the fixture `gatec_matches`.

pytest imports this module in every run of everyone who has gatec installed, so it imports nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatec.testing import Match


@pytest.fixture(scope="session")
def gatec_matches() -> Callable[..., Match]:
    """`gatec.testing.assert_matches`: fail unless a net gives what it should on every sample."""
    from gatec.testing import assert_matches

    return assert_matches

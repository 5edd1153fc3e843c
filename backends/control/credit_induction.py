"""Why a queue with credits never overflows: an induction over every state of their counts.

The counts are what the control of `gatec.backends.control.credits` keeps, with everything that a
vector can be delayed by left open: between `full` and the queue it takes any number of cycles, and
the output side holds the queue's lowest word for as long as it likes.

```
credit'  = credit + change                change' = freed - spent      freed' = leaves
spent'   = begins                         where change is gain ? 1 : -1 with settle, else 0
flying'  = flying + begins - pushed       queued' = queued + pushed - leaves
```

`begins` needs `credit > late`, `pushed` needs `flying > 0`, `leaves` needs `queued > 0`. Claimed of
every state that can be reached:

    credit + change + freed - spent + flying + queued = credits     (none is lost, none is made)
    credit + change - spent >= 0                                    (none is spent twice)

and from them, in every cycle: the counter of credits stays between 0 and its width, and no result
is pushed onto a full queue that does not move. Each transition out of *every* state of which the
claims hold is tried, for the numbers of the core at hand.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.errors import DifferentError


def prove_credits(words: int, credits: int, late: int) -> None:
    """Prove that a queue of so many words has room for all that so many credits let in.

    Parameters
    ----------
    late
        A vector may begin while the counter says more than so many.

    Raises
    ------
    DifferentError
        A transition breaks a claim, or no vector may ever begin.
    """
    if credits <= late:
        raise DifferentError(f"{credits} credits, of which {late} are kept: nothing may begin")
    for credit in range(credits + 1):
        _check_from(credit, words, credits, late)


def _check_from(credit: int, words: int, credits: int, late: int) -> None:
    """Try every transition out of the claimed states with so many credits."""
    axes = {
        "queued": np.arange(words + 1),
        "change": np.array([-1, 0, 1]),
        **{name: np.arange(2) for name in ("freed", "spent", "begins", "pushed", "held")},
    }
    grid = np.meshgrid(*(axis.astype(np.int32) for axis in axes.values()), indexing="ij")
    at = {name: column.reshape(-1) for name, column in zip(axes, grid, strict=True)}
    at["flying"] = credits - credit - at["change"] - at["freed"] + at["spent"] - at["queued"]
    claimed = _claims(credit, at["change"], at["spent"], at["flying"])
    possible = (at["begins"] <= (credit > late)) & (at["pushed"] <= at["flying"])
    now = {name: column[claimed & possible] for name, column in at.items()}
    leaves = ((now["queued"] > 0) & (now["held"] == 0)).astype(np.int32)
    queued = now["queued"] + now["pushed"] - leaves
    flying = now["flying"] + now["begins"] - now["pushed"]
    after, change = credit + now["change"], now["freed"] - now["spent"]
    total = after + change + leaves - now["begins"] + flying + queued
    held = _claims(after, change, now["begins"], flying)
    for claim, broken in (
        ("the counter of credits leaves its range", (after < 0) | (after > credits)),
        ("a result finds no room in the queue", queued > words),
        ("a credit is lost or made", total != credits),
        ("a credit is spent twice", ~held),
    ):
        if broken.any():
            state = {name: int(column[broken.argmax()]) for name, column in now.items()}
            raise DifferentError(f"{claim}, from credit {credit}, {state}")


def _claims(
    credit: int | npt.NDArray[np.int32],
    change: npt.NDArray[np.int32],
    spent: npt.NDArray[np.int32],
    flying: npt.NDArray[np.int32],
) -> npt.NDArray[np.bool_]:
    """Return where the second claim holds, and a vector that was just counted is under way."""
    return np.asarray((credit + change - spent >= 0) & (flying >= spent))

"""A closed set of states: proof that no order of a window stays within a budget.

The set holds the start (or where commits lead to from there), not the end, and whoever is in it
cannot leave it within the budget: each op that may come next exceeds the budget, or leads to a
state from which commits lead back into the set.

A *commit* runs some ops from state X to state Y, each step within the budget, where no state Z
between X and Y (X within Z within Y) has less memory than Y. It loses nothing: if any path within
the budget leads from X to the end, so does one from Y. Run the path from X, but with the ops of Y
done as well; where it was in state T it is then in ``T | Y``, and memory is submodular::

    memory(T | Y) <= memory(T) + memory(Y) - memory(T & Y) <= memory(T)

because ``T & Y`` lies between X and Y; and what a step adds never grows with the state. So a
shortest path from the set to the end would give a shorter one: there is none.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from solver.verify.errors import require
from solver.verify.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from solver.verify.storages import Memory
    from solver.verify.window import Window

_MOST_BETWEEN = 4096  # states between two others that are looked at one by one
_OPS = r"\d{1,9}(?: \d{1,9})*"
_PATH = re.compile(rf"(?:{_OPS}(?:; {_OPS})*)?", re.ASCII)


def check_closed(closed: object, memory: Memory, window: Window, budget: int) -> int:
    """Check that no order of the window stays within ``budget`` bytes.

    Parameters
    ----------
    closed : object
        ``certificate["search"]["closed"]``. Ops are numbered by their place in the window's list,
        states are hexadecimal masks over it. ``direction``: that of time; backward, ops are undone.
        ``start``: the path from the start of the window into the set, all of it commits.
        ``states``: for each state of the set, the paths that lead back into the set. The text
        ``"4; 7 9; 2"`` is the path that runs op 4, commits to 7 and 9, and then to 2. An op that is
        ready but begins no path exceeds the budget.
    memory : Memory
        The network.
    window : Window
        The ops in question.
    budget : int
        Bytes.

    Returns
    -------
    int
        Number of states in the set.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    require(isinstance(closed, dict), f"the closed set is {closed!r}")
    assert isinstance(closed, dict)
    direction = closed.get("direction")
    require(direction in ("forward", "backward"), f"unknown direction {direction!r}")
    stretch = Stretch(memory, window, backward=direction == "backward")
    stated = closed.get("states")
    require(isinstance(stated, dict) and bool(stated), "the closed set has no states")
    assert isinstance(stated, dict)
    states = {_mask(text): paths for text, paths in stated.items()}
    require(stretch.full not in states, "the closed set holds the end of the window")
    begin, used = 0, stretch.memory(0)
    for group in _path(closed.get("start")):
        begin, used = _commit(group, begin, used, stretch, budget)
    require(begin in states, "the closed set does not hold the start of the window")
    for state, paths in states.items():
        require(stretch.is_state(state), f"{state:x} in the closed set is no state")
        _check_state(state, paths, states.keys(), stretch, budget)
    return len(states)


def _check_state(
    state: int, paths: object, states: AbstractSet[int], stretch: Stretch, budget: int
) -> None:
    """Check that nothing leaves the closed set from ``state``."""
    require(isinstance(paths, list), f"the paths from state {state:x} are {paths!r}")
    assert isinstance(paths, list)
    by_op: dict[int, list[list[int]]] = {}
    for path in map(_path, paths):
        require(bool(path) and len(path[0]) == 1, f"a path from state {state:x} begins with no op")
        require(path[0][0] not in by_op, f"two paths from state {state:x} begin with one op")
        by_op[path[0][0]] = path
    used = stretch.memory(state)
    for op in stretch.ready(state):
        peak, after = stretch.step(op, state, used)
        if peak > budget:
            continue
        require(op in by_op, f"op {op} leaves the closed set from state {state:x}")
        here = state | 1 << op
        for group in by_op.pop(op)[1:]:
            here, after = _commit(group, here, after, stretch, budget)
        require(here in states, f"op {op} leads from state {state:x} out of the closed set")
    require(not by_op, f"a path from state {state:x} begins with an op that cannot run there")


def _commit(
    group: list[int], begin: int, used: int, stretch: Stretch, budget: int
) -> tuple[int, int]:
    """Run the ops of a commit and check that it is one; return the state it leads to.

    ``used`` is the memory of the state ``begin``; that of the state reached is returned as well.
    """
    state, after = begin, used
    for op in group:
        require(
            op < len(stretch.needs) and stretch.is_ready(op, state),
            f"a commit from state {begin:x} runs op {op}, which is not ready",
        )
        peak, after = stretch.step(op, state, after)
        require(peak <= budget, f"a commit from state {begin:x} takes {peak} bytes")
        state |= 1 << op
    least = used if len(group) == 1 else _least_between(begin, state, used, stretch)
    require(after <= least, f"a commit from state {begin:x} ends above a state on its way")
    return state, after


def _least_between(low: int, high: int, used: int, stretch: Stretch) -> int:
    every = list(itertools.islice(stretch.between(low, high, used), _MOST_BETWEEN + 1))
    return min(every) if len(every) <= _MOST_BETWEEN else stretch.least_between(low, high)


def _mask(text: str) -> int:
    """State of a hexadecimal mask, which has one spelling only."""
    require(
        re.fullmatch(r"0|[1-9a-f][0-9a-f]*", text, re.ASCII) is not None, f"{text!r} is no state"
    )
    return int(text, 16)


def _path(text: object) -> list[list[int]]:
    require(isinstance(text, str) and _PATH.fullmatch(text) is not None, f"{text!r} is no path")
    assert isinstance(text, str)
    return [[int(op) for op in group.split(" ")] for group in text.split("; ") if group]

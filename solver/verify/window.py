"""A window: ops that every order runs in one stretch, between the same two states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.verify.errors import require

if TYPE_CHECKING:
    from solver.verify.storages import Memory


@dataclass(frozen=True, slots=True)
class Window:
    """The ops of a window, in the order stated, and the ops that every order runs before them."""

    ops: tuple[int, ...]
    before: frozenset[int]


def check_window(names: object, memory: Memory) -> Window:
    """Check that every other op runs before all ops of the window, or after all of them.

    Parameters
    ----------
    names : object
        The ops of the window, as the certificate lists them.
    memory : Memory
        The network.

    Raises
    ------
    VerificationError
        Naming an op that is none, or that may run within the window.
    """
    require(isinstance(names, list) and bool(names), f"the search's window is {names!r}")
    assert isinstance(names, list)
    index = {name: v for v, name in enumerate(memory.names)}
    for name in names:
        require(isinstance(name, str) and name in index, f"the network has no op {name!r}")
    ops = tuple(index[name] for name in names)
    inside = set(ops)
    require(len(inside) == len(ops), "the search's window repeats an op")
    # What precedes all ops that begin the window precedes the rest of it as well.
    firsts = [v for v in ops if memory.before[v].isdisjoint(inside)]
    lasts = [v for v in ops if memory.after[v].isdisjoint(inside)]
    before = set.intersection(*(memory.ancestors(v) for v in firsts))
    after = set.intersection(*(memory.descendants(v) for v in lasts))
    for v, name in enumerate(memory.names):
        require(
            (v in inside) + (v in before) + (v in after) == 1,
            f"op {name!r} may run within the search's window, or outside of it",
        )
    return Window(ops, frozenset(before))

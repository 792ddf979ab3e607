"""Check the offsets of a plan, step by step: what is live together must lie apart.

A buffer lies at the same offset for as long as it lives; views of one another share their bytes.
While an op overwrites an input in place, the output begins where the input does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.verify.errors import require
from solver.verify.storages import state_memory, stated_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.graph import Graph
    from solver.plan import Plan
    from solver.verify.storages import Memory

_Place = tuple[int, int, str]  # begin, end, name


def check_layout(plan: Plan, graph: Graph) -> None:
    """Check the offsets of a plan whose order has been replayed.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    check_arena(plan, graph, state_memory(graph, stated_rules(plan)))


def check_arena(plan: Plan, graph: Graph, memory: Memory) -> None:
    """Check that the offsets of a replayed plan work within its arena.

    Parameters
    ----------
    plan : Plan
        Its ``offsets`` give the bytes from the start of the arena for every buffer that is not
        empty; scratch bytes go wherever there is room while their op runs.
    graph : Graph
        The network.
    memory : Memory
        The same under the plan's rules.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    offsets, arena = plan.offsets, plan.arena_bytes
    require(
        (offsets is None) == (arena is None), "an arena without offsets, or offsets without one"
    )
    if offsets is None or arena is None:
        return
    names = {buffer.name for buffer in graph.buffers if buffer.size}
    for name in sorted(offsets.keys() ^ names):
        require(name in names, f"the network keeps no bytes of buffer {name!r}")
        require(name in offsets, f"buffer {name!r} has no offset")
    alignment = stated_rules(plan).alignment
    for name, offset in offsets.items():
        require(
            type(offset) is int and offset >= 0 and offset % alignment == 0,
            f"buffer {name!r} lies at {offset!r}, no multiple of {alignment}",
        )
    place = _places(offsets, graph, memory)
    highest = _check_steps(plan, memory, place, arena)
    if not any(memory.workspace):
        require(highest == arena, f"the arena ends at {highest} bytes, not at {arena}")


def _places(offsets: Mapping[str, int], graph: Graph, memory: Memory) -> dict[int, tuple[int, int]]:
    """Where each storage begins and ends; the buffers that share it share their offset."""
    place: dict[int, tuple[int, int]] = {}
    for b, storage in memory.storages.items():
        named = [graph.buffers[i].name for i in storage.buffers if graph.buffers[i].size]
        for name in named:
            begin = offsets[named[0]]
            require(offsets[name] == begin, f"buffers {named[0]!r} and {name!r} share their bytes")
            place[b] = begin, begin + storage.size
    return place


def _check_steps(
    plan: Plan, memory: Memory, place: Mapping[int, tuple[int, int]], arena: int
) -> int:
    """Check every step; return the highest byte that any storage takes, plus one."""
    index = {name: v for v, name in enumerate(memory.names)}
    storages = memory.storages
    live = {b for b, s in storages.items() if s.is_input and s.size}
    waiting = {b: set(s.users) for b, s in storages.items()}

    def places(among: Iterable[int]) -> list[_Place]:
        return sorted((*place[b], storages[b].name) for b in among)

    highest = check_apart(places(live), arena, 0, "before the first op")
    for name in plan.order:
        v = index[name]
        live |= {b for b in memory.touched[v] if v in storages[b].writers and storages[b].size}
        overwritten = {
            o.source: o.target
            for o in memory.overwrites[v]
            if waiting[o.source] == {v} and {o.source, o.target} <= place.keys()
        }
        shown = set(live)
        for source, target in overwritten.items():
            if place[source][0] == place[target][0]:  # one place for both, as long as the longer
                shown.discard(min((source, target), key=lambda b: place[b][1]))
        end = check_apart(places(shown), arena, memory.workspace[v], f"while op {name!r} runs")
        highest = max(highest, end)
        for b in memory.touched[v]:
            waiting[b].remove(v)
        live -= {b for b in memory.touched[v] if not waiting[b] and not storages[b].is_output}
    return highest


def check_apart(places: list[_Place], arena: int, workspace: int, when: str) -> int:
    """Check that places in order do not overlap and leave room for the workspace.

    Returns the end of the last, in bytes.

    Raises
    ------
    VerificationError
        If they do, or end beyond the arena.
    """
    end, last, room = 0, "", 0
    for begin, stop, name in places:
        require(begin >= end, f"{when}, buffers {last!r} and {name!r} overlap")
        room = max(room, begin - end)
        end, last = stop, name
    require(end <= arena, f"{when}, buffer {last!r} ends at {end}, beyond the arena of {arena}")
    room = max(room, arena - end)
    require(room >= workspace, f"{when}, there is no room for its {workspace} bytes of scratch")
    return end

"""Several banks without a solver: reasons that rule out every order, and first fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.arena.firstfit import preorders
from solver.arena.layout import Instance
from solver.arena.pack import pack
from solver.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from solver.arena.bodies import Body, Part
    from solver.memory import Problem

_MOST_OPERANDS = 12  # of one op, whose division among the banks is searched
_PACK_SECONDS = 0.5  # for the layout of one bank under one division

#: A bank for each body of a part, and the offset in it.
Places = list[tuple[int, int]]


def refute_all_orders(
    problem: Problem,
    sizes: Sequence[int],
    *,
    alignment: int = 1,
    pins: Mapping[int, int] | None = None,
    reserve: int = 0,
    bound: int = 0,
) -> str:
    """Say why no order has a placement, as far as sums, single buffers and single ops tell.

    What an op reads and writes is in memory together while it runs, whatever the order. Where an
    output may overwrite an input, the smaller of the two is left out.

    Returns
    -------
    str
        A clause; empty if there is no such reason.
    """
    pins = pins or {}
    if bound + reserve > sum(sizes):
        what = f"{bound} bytes" + (f" and the {reserve} reserved" if reserve else "")
        return f"every order needs at least {what}, more than all banks together: {sum(sizes)}"
    largest = max(sizes, default=0)
    aligned = [-(-s.size // alignment) * alignment for s in problem.storages]
    for b, storage in enumerate(problem.storages):
        room = sizes[pins[b]] if b in pins else largest
        if aligned[b] > room:
            bank = "the bank it is pinned to" if b in pins else "the largest bank"
            return f"buffer {storage.name!r} of {aligned[b]} bytes exceeds {bank} of {room}"
    for v, name in enumerate(problem.names):
        excused = {
            r.source if aligned[r.source] <= aligned[r.target] else r.target
            for r in problem.reuses[v]
        }
        operands = sorted({*problem.produced[v], *problem.consumed[v]} - excused)
        items = [(aligned[b], pins.get(b)) for b in operands if aligned[b]]
        items += [(reserve, None)] if reserve else []
        if len(items) <= _MOST_OPERANDS and not _can_divide(items, sizes):
            return f"what op {name!r} reads and writes cannot be divided among the banks"
    return ""


def _can_divide(items: Sequence[tuple[int, int | None]], sizes: Sequence[int]) -> bool:
    """Whether items (bytes, the bank it must go to or None) can share out the banks."""
    items = sorted(items, key=lambda item: (item[1] is None, -item[0]))
    seen: set[tuple[int, tuple[int, ...]]] = set()

    def fits(i: int, left: tuple[int, ...]) -> bool:
        if i == len(items):
            return True
        if (i, left) in seen:
            return False
        seen.add((i, left))
        size, bank = items[i]
        for k in range(len(left)) if bank is None else (bank,):
            if size <= left[k] and fits(i + 1, (*left[:k], left[k] - size, *left[k + 1 :])):
                return True
        return False

    return fits(0, tuple(sizes))


def allowed_banks(body: Body, pins: Mapping[int, int], sizes: Sequence[int]) -> tuple[int, ...]:
    """Banks that a body may go to, the smallest first: large ones are for large bodies."""
    pinned = {pins[i] for i in body.members if i in pins}
    banks = range(len(sizes)) if not pinned else pinned if len(pinned) == 1 else ()
    return tuple(sorted((k for k in banks if body.size <= sizes[k]), key=lambda k: (sizes[k], k)))


def first_fit(
    part: Part, allowed: Sequence[tuple[int, ...]], sizes: Sequence[int]
) -> Places | None:
    """Put each body of a preorder in the first bank that has room at some offset."""
    for preorder in preorders(part):
        for turned in (False, True):
            places: dict[int, tuple[int, int]] = {}
            for i in sorted(preorder, key=lambda i: len(allowed[i]) > 1):
                for k in allowed[i][::-1] if turned else allowed[i]:
                    offset = _lowest(part, i, k, places)
                    if offset + part.bodies[i].size <= sizes[k]:
                        places[i] = (k, offset)
                        break
                else:
                    break
            if len(places) == len(part.bodies):
                return [places[i] for i in range(len(part.bodies))]
    return None


def _lowest(part: Part, i: int, k: int, places: Mapping[int, tuple[int, int]]) -> int:
    """Lowest offset in bank ``k`` at which body ``i`` is above or below all that it meets.

    Bodies count as their bounding boxes.
    """
    body = part.bodies[i]
    taken = sorted(
        (offset, offset + part.bodies[j].size)
        for j, (bank, offset) in places.items()
        if bank == k and part.bodies[j].begin < body.end and body.begin < part.bodies[j].end
    )
    top = 0
    for begin, end in taken:
        if begin - top >= body.size:
            break
        top = max(top, end)
    return top


def divide_and_pack(
    instance: Instance, part: Part, allowed: Sequence[tuple[int, ...]], sizes: Sequence[int]
) -> Places | None:
    """Divide the bodies by load alone, then let the packer find offsets in each bank."""
    columns = len(part.loads)
    for preorder in preorders(part):
        loads = [[0] * columns for _ in sizes]
        chosen: dict[int, int] = {}
        for i in sorted(preorder, key=lambda i: len(allowed[i]) > 1):
            body = part.bodies[i]
            span = range(body.begin, body.end)
            for k in allowed[i]:
                if all(
                    loads[k][c] + size <= sizes[k] for c, size in zip(span, body.sizes, strict=True)
                ):
                    for c, size in zip(span, body.sizes, strict=True):
                        loads[k][c] += size
                    chosen[i] = k
                    break
            else:
                break
        if len(chosen) == len(part.bodies):
            places = _packed(instance, part, chosen, sizes)
            if places is not None:
                return places
    return None


def _packed(
    instance: Instance, part: Part, chosen: Mapping[int, int], sizes: Sequence[int]
) -> Places | None:
    places: dict[int, tuple[int, int]] = {}
    for k, size in enumerate(sizes):
        bodies = [i for i, bank in chosen.items() if bank == k]
        members = [m for i in bodies for m in part.bodies[i].members]
        if not members:
            continue
        index = {m: n for n, m in enumerate(members)}
        inside = Instance(
            tuple(instance.blocks[m] for m in members),
            instance.alignment,
            in_place=tuple(
                (index[a], index[b]) for a, b in instance.in_place if a in index and b in index
            ),
        )
        packed = pack(inside, Limits(_PACK_SECONDS), enough=size)
        if packed.height > size:
            return None
        for i in bodies:
            places[i] = (k, packed.offsets[index[part.bodies[i].members[0]]])
    return [places[i] for i in range(len(part.bodies))]

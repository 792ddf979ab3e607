"""What bounds and dominance rest on, state by state, against all real states of small problems."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from solver.memory import MemoryRules
from solver.peak.space import bits
from solver.traffic import make_traffic_problem
from solver.traffic.draft import Draft
from solver.traffic.rules import Event
from solver.traffic.sketch import PythonSketch
from solver.traffic.space import Space
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNBOUNDED = 1 << 40
_PAIRS = 100  # of states of one set of ops undone


class Real:
    """Least costs to come in the problem itself, by plain recursion over all backward states."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.known: dict[tuple[int, int, int], int] = {}

    def of(self, undone: int, resident: int, stored: int) -> int:
        """Least bytes from a state on: undo any op that is ready, with any buffers dropped."""
        space, key = self.space, (undone, resident, stored)
        if undone == space.full:
            self.known[key] = 0
        if key not in self.known:
            costs = [_UNBOUNDED]
            for op in bits(space.ready(undone)):
                touch, after = space.touch[op], undone | 1 << op
                room = space.capacity - space.fixed[op] - space.bytes_of(touch)
                gone = space.finished(op, after)
                for kept in self._kept(resident & ~touch):
                    if space.bytes_of(kept) > room:
                        continue
                    price, marked = 0, stored
                    for k in bits(resident & ~touch & ~kept):
                        price += space.drop_cost(k, undone, stored)
                        if not (space.clean >> k & 1 or undone & space.writers[k]):
                            marked |= 1 << k
                    marked &= ~(gone | space.rewritten(op))
                    costs.append(price + self.of(after, (kept | touch) & ~gone, marked))
            self.known[key] = min(costs)
        return self.known[key]

    def _kept(self, resident: int) -> Iterator[int]:
        kept = resident
        while True:
            yield kept
            if not kept:
                return
            kept = (kept - 1) & resident


class ToCome:
    """Least costs to come in a sketch, without dominance."""

    def __init__(self, sketch: PythonSketch) -> None:
        self.sketch = sketch
        self.known: dict[tuple[int, ...], int] = {}

    def of(self, draft: Draft) -> int:
        """Least bytes from a state on."""
        key = (draft.undone, draft.resident, draft.stored, draft.held, draft.cheap)
        if key not in self.known:
            self.known[key] = 0
            if draft.undone != self.sketch.space.full:
                here = replace(draft, cost=0, total=0)
                self.known[key] = min(
                    (
                        after.cost + self.of(after)
                        for op in bits(draft.ready)
                        for after in self.sketch._after(here, op, [])
                    ),
                    default=_UNBOUNDED,
                )
        return self.known[key]


def problems(seed: int, count: int) -> Iterator[tuple[Space, random.Random]]:
    for graph, drawn in cases(count, seed, most_ops=7, least_ops=4):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        rng = random.Random(graph.name)
        tcm = make_traffic_problem(graph, 1, rules=rules).least_capacity + rng.choice((0, 0, 1, 4))
        space = Space(make_traffic_problem(graph, tcm, rules=rules))
        if len(space.size) <= 9:
            yield space, rng


def draw(space: Space, rng: random.Random) -> tuple[int, int]:
    """Draw exact buffers, those of one size all or none, and the bytes waived."""
    sizes = space.size
    whole = [k for k in range(len(sizes)) if k == 0 or sizes[k] < sizes[k - 1]] + [len(sizes)]
    return rng.choice(whole), int(rng.choice((0, 0.3, 0.5, 0.9, 1)) * space.capacity)


@pytest.mark.parametrize("seed", [980, 981])
def test_no_bound_is_above_what_is_still_to_pay(seed: int) -> None:
    states = informed = traded = 0
    for space, rng in problems(seed, 170):
        real = Real(space)
        least = real.of(0, 0, 0)
        sketch: PythonSketch | None = None
        for _ in range(3):
            rung = draw(space, rng)
            to_come = ToCome(PythonSketch(space, _UNBOUNDED, *rung))
            to_come.of(to_come.sketch._root([]))
            sketch = PythonSketch(space, least + rng.choice((1, 50)), *rung, sketch)
            most, event = rng.choice((_UNBOUNDED, 15)), Event.SLICE
            while event is Event.SLICE and sketch.states < most:
                event = sketch.advance(1, 0)
            assert sketch.bound <= least
            images = defaultdict(list)
            for (undone, resident, stored), cost in real.known.items():
                here = Draft(undone, space.ready(undone), resident, stored, 0, 0)
                image = sketch.drafts.image(here)
                assert to_come.of(image) <= cost
                held, cheap = sketch.drafts.totals(image, image.resident)
                assert sketch.tally.rest(image.undone, image.ready, held, cheap) <= cost
                for paid in (0, least):
                    total = sketch.total_through(replace(here, cost=paid))
                    assert total <= max(sketch.bound, paid + cost)
                    informed += total > sketch.bound
                images[image.undone].append((image, cost))
                states += 1
            for key, after in list(to_come.known.items()):
                for _ in range(3 if key[0] in images else 0):
                    image, cost = rng.choice(images[key[0]])
                    price = sketch.drafts.price_of_change(Draft(key[0], 0, *key[1:]), image)
                    assert after <= price + cost
                    traded += 0 < price < after
    assert states > 10_000
    assert informed > 50
    assert traded > 50

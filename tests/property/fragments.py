"""Networks whose buffers fit in a TCM by their bytes, but not each in one piece."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from models import GraphBuilder
from solver.traffic.model import Mode
from tests.property.dijkstra import least_cost

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from models.graph import Graph
    from solver.traffic.model import TrafficProblem

#: Bytes of TCM, then size, first and last step (half-open) of each buffer. At no step there are
#: more bytes than that, yet there is no layout. Found by drawing some 70000 for each size of TCM.
HARD = (
    (12, ((5, 5, 8), (5, 0, 4), (5, 6, 9), (5, 0, 2), (3, 3, 6), (4, 2, 5), (3, 4, 6))),
    (11, ((5, 1, 4), (3, 3, 6), (5, 1, 3), (5, 6, 8), (5, 5, 7), (2, 4, 6), (3, 3, 5))),
    (12, ((5, 4, 8), (5, 7, 9), (4, 3, 7), (3, 1, 3), (5, 0, 2), (3, 0, 3), (3, 2, 6), (3, 2, 4))),
    (10, ((3, 2, 7), (4, 1, 3), (2, 1, 5), (4, 0, 2), (2, 4, 9), (4, 6, 9), (3, 3, 5), (4, 7, 9))),
    (11, ((5, 6, 8), (5, 4, 7), (2, 0, 4), (4, 0, 3), (5, 0, 2), (3, 2, 6), (2, 3, 6), (2, 2, 4))),
    (9, ((3, 0, 3), (2, 3, 7), (3, 4, 8), (2, 1, 5), (3, 0, 2), (3, 5, 9), (3, 7, 9), (2, 2, 5),
         (2, 2, 4))),
)  # fmt: skip


def network(
    blocks: Sequence[tuple[int, int, int]], *, in_a_row: bool = True, across: int = 0
) -> Graph:
    """An op for each step writes what begins there and reads what ends after it.

    ``in_a_row`` leaves one order; ``across`` adds a buffer of so many bytes from the first op to
    the last.
    """
    last = max(end for _, _, end in blocks) - 1
    if across:
        blocks = [*blocks, (across, 0, last + 1)]
    builder = GraphBuilder("fragments")
    for i, (size, _, _) in enumerate(blocks):
        builder.buffer(f"b{i}", size)
    for step in range(last + 1):
        builder.op(
            f"op{step}",
            [f"b{i}" for i, (_, _, end) in enumerate(blocks) if end == step + 1],
            [f"b{i}" for i, (_, begin, _) in enumerate(blocks) if begin == step],
            after=[f"op{step - 1}"] if step and in_a_row else [],
        )
    return builder.build()


_Inside = frozenset[tuple[int, int]]  # buffers with their offsets
_State = tuple[frozenset[int], _Inside, frozenset[int]]  # ops done, inside, valid outside


class BruteForce:
    """Dijkstra over all states of both memories, offsets included; no workspaces."""

    def __init__(self, problem: TrafficProblem) -> None:
        self.problem = problem
        self.sizes = [b.size for b in problem.buffers]

    def least(self) -> int | None:
        """Bytes moved by the best plan that has offsets; None if there is none."""
        buffers = self.problem.buffers
        inputs = frozenset(i for i, b in enumerate(buffers) if b.is_input)
        outputs = frozenset(i for i, b in enumerate(buffers) if b.is_output)
        every = frozenset(range(len(self.problem)))
        start: _State = (frozenset(), frozenset(), inputs)
        return least_cost(
            start, self._steps, lambda state: state[0] == every and outputs <= state[2]
        )

    def _places(self, inside: _Inside, b: int) -> Iterator[int]:
        """Offsets at which there is room for ``b``."""
        taken = [(offset, offset + self.sizes[k]) for k, offset in inside]
        for offset in range(self.problem.capacity - self.sizes[b] + 1):
            end = offset + self.sizes[b]
            if all(end <= low or high <= offset for low, high in taken):
                yield offset

    def _steps(self, state: _State) -> Iterator[tuple[int, _State]]:
        done, inside, valid = state
        present = {b for b, _ in inside}
        for b in valid - present:
            if not done.issuperset(self.problem.buffers[b].users):
                for offset in self._places(inside, b):
                    yield self.sizes[b], (done, inside | {(b, offset)}, valid)
        for b, offset in inside:
            buffer = self.problem.buffers[b]
            if b not in valid:
                yield self.sizes[b], (done, inside, valid | {b})
            if b in valid or (not buffer.is_output and done.issuperset(buffer.users)):
                yield 0, (done, inside - {(b, offset)}, valid)
        for v in range(len(self.problem)):
            if v not in done and done.issuperset(self.problem.predecessors[v]):
                yield from self._runs(v, state)

    def _runs(self, v: int, state: _State) -> Iterator[tuple[int, _State]]:
        done, inside, valid = state
        problem = self.problem
        present = {b for b, _ in inside}
        outside = [b for b in problem.touched[v] if b not in present]
        streams = problem.mode is Mode.STREAMING
        for count in range(len(outside) + 1) if streams else (0,):
            for streamed in itertools.combinations(outside, count):
                price, then, fresh = 0, valid, []
                for b in problem.touched[v]:
                    writes = v in problem.buffers[b].writers
                    reads = not writes or not done.isdisjoint(problem.buffers[b].writers)
                    if b in streamed:
                        if reads and b not in valid:
                            break
                        price += self.sizes[b] * (reads + writes)
                        then |= {b}
                    elif reads and b not in present:
                        break
                    elif writes:
                        then -= {b}
                        fresh += [b] if b not in present else []
                else:
                    for now in self._placed(inside, fresh):
                        yield price, (done | {v}, now, then)

    def _placed(self, inside: _Inside, fresh: Sequence[int]) -> set[_Inside]:
        """Put new buffers wherever there is room."""
        found = {inside}
        for b in fresh:
            found = {i | {(b, offset)} for i in found for offset in self._places(i, b)}
        return found


def uneven(rng: random.Random, ops: int, largest: int, reach: int = 8) -> Graph:
    """Draw a network of ops that read one or two buffers near by; sizes are anything."""
    builder = GraphBuilder("uneven")
    builder.buffer("x", rng.randint(1, largest), is_input=True)
    names = ["x"]
    for i in range(ops):
        builder.buffer(f"b{i}", rng.randint(1, largest))
        near = names[-reach:]
        builder.op(f"op{i}", rng.sample(near, min(len(near), rng.choice((1, 1, 2)))), [f"b{i}"])
        names.append(f"b{i}")
    return builder.build()

"""The memory model: what is live after each op and what a step needs at its worst.

One definition serves every solver. A *state* is the set of ops already executed. A buffer is live
in a state if it is a network input or some producer has run, unless it is no output and all ops
that touch it have run. While op ``v`` runs, memory holds what was live before, the outputs of
``v`` that are not allocated yet, and the workspace of ``v``. See Sethi & Ullman (JACM 1970) for
the pebbling view and Ahn et al., SERENITY (MLSys 2020, section 3) for the network view.

Defaults are conservative: no in-place reuse, no zero-copy views, alignment 1. Each relaxation in
:class:`MemoryRules` is true for some runtimes only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NewType

from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.graph import Graph, OpId

Step = NewType("Step", int)

_LARGEST_TOTAL = 2**60  # bytes; sums stay within 64 bits


@dataclass(frozen=True, slots=True)
class MemoryRules:
    """What the target runtime allows.

    Attributes
    ----------
    alignment : int
        Every buffer size is rounded up to a multiple of this many bytes.
    in_place : bool
        An op may overwrite an input it declares as overwritable, if it is the last to need it.
    views : bool
        Declared views share their input's storage.
    """

    alignment: int = 1
    in_place: bool = False
    views: bool = False

    def __post_init__(self) -> None:
        if self.alignment < 1:
            raise ValueError(f"alignment must be at least 1 byte, not {self.alignment}")

    def aligned(self, size: int) -> int:
        """Round ``size`` bytes up to the alignment."""
        return -(-size // self.alignment) * self.alignment


@dataclass(frozen=True, slots=True)
class Storage:
    """A buffer under given rules: views merged, size aligned.

    ``producers`` and ``consumers`` hold op ids; a merged storage may list an op in both.
    """

    name: str
    size: int
    producers: tuple[int, ...]
    consumers: tuple[int, ...]
    is_input: bool
    is_output: bool

    @property
    def users(self) -> tuple[int, ...]:
        """Every op that touches the storage, ascending."""
        return tuple(sorted({*self.producers, *self.consumers}))


@dataclass(frozen=True, slots=True)
class Reuse:
    """Op may write storage ``target`` over storage ``source`` if it is the last user of it.

    ``size`` is the number of bytes that need no new room: the smaller of the two.
    """

    source: int
    target: int
    size: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What a replay saw, in bytes.

    Attributes
    ----------
    step_peaks : tuple of int
        Memory in use while each op of the order runs.
    live_after : tuple of int
        Live bytes after each op.
    live_before : int
        Live bytes before the first op.
    """

    step_peaks: tuple[int, ...]
    live_after: tuple[int, ...]
    live_before: int

    @property
    def peak(self) -> int:
        """The most bytes in use at any time."""
        return max((self.live_before, *self.step_peaks))

    @property
    def bottleneck(self) -> Step | None:
        """First step at which the peak is reached; None for a network without ops."""
        return Step(self.step_peaks.index(self.peak)) if self.step_peaks else None


@dataclass(frozen=True, slots=True)
class Problem:
    """A graph under memory rules: all that the least-peak solvers need to know.

    Attributes
    ----------
    names : tuple of str
        Op names in file order.
    predecessors, successors : tuple of tuple of int
        Direct precedence between ops.
    storages : tuple of Storage
        Buffers under the rules: views merged, sizes aligned.
    workspace : tuple of int
        Scratch bytes per op.
    reuses : tuple of tuple of Reuse
        In-place choices per op; at most one source is overwritten per target.
    produced, consumed : tuple of tuple of int
        Storages each op writes and reads.
    """

    names: tuple[str, ...]
    predecessors: tuple[tuple[int, ...], ...]
    storages: tuple[Storage, ...]
    workspace: tuple[int, ...]
    reuses: tuple[tuple[Reuse, ...], ...]
    successors: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    produced: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    consumed: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        successors: list[list[int]] = [[] for _ in self.names]
        for v, preds in enumerate(self.predecessors):
            for p in preds:
                successors[p].append(v)
        produced: list[list[int]] = [[] for _ in self.names]
        consumed: list[list[int]] = [[] for _ in self.names]
        for b, storage in enumerate(self.storages):
            for p in storage.producers:
                produced[p].append(b)
            for c in storage.consumers:
                consumed[c].append(b)
        for name, value in (
            ("successors", successors),
            ("produced", produced),
            ("consumed", consumed),
        ):
            object.__setattr__(self, name, tuple(map(tuple, value)))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def live_at_start(self) -> int:
        """Bytes live before any op has run."""
        return sum(s.size for s in self.storages if s.is_input)

    @property
    def live_at_end(self) -> int:
        """Bytes live after every op has run."""
        return sum(s.size for s in self.storages if s.is_output)

    def is_order(self, order: Sequence[int]) -> bool:
        """Whether ``order`` is a permutation of the ops that respects all precedence."""
        if len(order) != len(self) or set(order) != set(range(len(self))):
            return False
        step = {v: i for i, v in enumerate(order)}
        return all(step[p] < step[v] for v in step for p in self.predecessors[v])

    def replay(self, order: Sequence[int]) -> Profile:
        """Run ``order`` and record memory.

        Parameters
        ----------
        order : sequence of int
            Every op once, predecessors first.

        Raises
        ------
        ValueError
            If ``order`` is not such an order.
        """
        if not self.is_order(order):
            raise ValueError("not an order: ops are missing, repeated or before their inputs")
        pending = [len(s.users) for s in self.storages]
        allocated = [s.is_input for s in self.storages]
        live = live_before = self.live_at_start
        peaks: list[int] = []
        after: list[int] = []
        for v in order:
            during = live + self.workspace[v]
            for b in self.produced[v]:
                if not allocated[b]:
                    allocated[b] = True
                    live += self.storages[b].size
                    during += self.storages[b].size
            peaks.append(during - self._reused(v, pending))
            for b in {*self.produced[v], *self.consumed[v]}:
                pending[b] -= 1
                if pending[b] == 0 and not self.storages[b].is_output:
                    live -= self.storages[b].size
            after.append(live)
        return Profile(tuple(peaks), tuple(after), live_before)

    def _reused(self, v: int, pending: Sequence[int]) -> int:
        best: dict[int, int] = {}
        for reuse in self.reuses[v]:
            if pending[reuse.source] == 1:
                best[reuse.target] = max(best.get(reuse.target, 0), reuse.size)
        return sum(best.values())


def make_problem(graph: Graph, rules: MemoryRules | None = None) -> Problem:
    """State ``graph`` under ``rules`` as a least-peak problem.

    Parameters
    ----------
    graph : Graph
        A validated network.
    rules : MemoryRules, optional
        Conservative defaults when omitted.

    Raises
    ------
    InvalidModelError
        If the buffers add up to more than any memory.
    """
    rules = rules or MemoryRules()
    root = _merge_views(graph) if rules.views else list(range(len(graph.buffers)))
    members: dict[int, list[int]] = {}
    for b, r in enumerate(root):
        members.setdefault(r, []).append(b)
    storage_of = {r: i for i, r in enumerate(members)}
    storages = tuple(
        Storage(
            name=graph.buffers[r].name,
            size=max(rules.aligned(graph.buffers[b].size) for b in group),
            producers=_union(graph.producers[b] for b in group),
            consumers=_union(graph.consumers[b] for b in group),
            is_input=any(graph.buffers[b].is_input for b in group),
            is_output=any(graph.buffers[b].is_output for b in group),
        )
        for r, group in members.items()
    )

    workspace = tuple(op.workspace for op in graph.ops)
    total = sum(s.size for s in storages) + max(workspace, default=0)
    if total > _LARGEST_TOTAL:
        raise InvalidModelError(f"the buffers add up to {total} bytes, more than any memory has")

    def reuses(op_id: int) -> tuple[Reuse, ...]:
        if not rules.in_place:
            return ()
        found: list[Reuse] = []
        for x, y in graph.ops[op_id].in_place:
            source, target = storage_of[root[x]], storage_of[root[y]]
            if (
                _is_overwritable(storages[source], op_id)
                and _is_born_with(storages[target], op_id, graph)
                and not any(r.source == source for r in found)
            ):
                size = min(storages[source].size, storages[target].size)
                found.append(Reuse(source, target, size))
        return tuple(found)

    return Problem(
        names=tuple(op.name for op in graph.ops),
        predecessors=graph.predecessors,
        storages=storages,
        workspace=workspace,
        reuses=tuple(reuses(v) for v in range(len(graph.ops))),
    )


def _is_overwritable(source: Storage, op: int) -> bool:
    return not source.is_output and op not in source.producers


def _is_born_with(target: Storage, op: int, graph: Graph) -> bool:
    """Whether no other op can have written ``target`` before ``op`` does."""
    if target.is_input or op not in target.producers or op in target.consumers:
        return False
    others = set(target.producers) - {op}
    return not others or others <= _descendants(op, graph)


def _descendants(op: int, graph: Graph) -> set[int]:
    found: set[int] = set()
    front = [op]
    while front:
        v = front.pop()
        for b in graph.ops[v].outputs:
            front += [w for w in graph.consumers[b] if w not in found]
            found.update(graph.consumers[b])
    return found


def _merge_views(graph: Graph) -> list[int]:
    """Buffer id of the storage each buffer lives in, when views are free."""
    root = list(range(len(graph.buffers)))

    def find(b: int) -> int:
        while root[b] != b:
            b = root[b]
        return b

    for op in graph.ops:
        for x, y in op.views:
            if len(graph.producers[y]) == 1:
                root[find(y)] = find(x)
    return [find(b) for b in range(len(root))]


def _union(groups: Iterable[tuple[OpId, ...]]) -> tuple[int, ...]:
    return tuple(sorted({op for group in groups for op in group}))

"""What a network keeps in memory, stated once more and without the solver's help.

The definitions are those in the docstrings of :mod:`solver.memory` and :mod:`models.graph`, put
into sets. Ops are numbered in file order, storages by the buffer they are named after. A *state*
is the set of ops that have run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.verify.errors import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from models.graph import Graph
    from solver.plan import Plan


@dataclass(frozen=True, slots=True)
class Rules:
    """Memory rules that a plan states; see :class:`solver.memory.MemoryRules`."""

    alignment: int = 1
    in_place: bool = False
    views: bool = False


@dataclass(frozen=True, slots=True)
class Storage:
    """One buffer, or several that share their bytes.

    Attributes
    ----------
    name : str
        Name of the buffer that is a view of none of the others.
    size : int
        Bytes of the largest of its buffers, rounded up.
    writers, users : frozenset of int
        Ops that write it; ops that write or read it.
    is_input, is_output : bool
        Whether one of its buffers is an input or output of the network.
    buffers : tuple of int
        Numbers of its buffers.
    """

    name: str
    size: int
    writers: frozenset[int]
    users: frozenset[int]
    is_input: bool
    is_output: bool
    buffers: tuple[int, ...] = ()

    def is_live(self, done: AbstractSet[int], running: int | None = None) -> bool:
        """Whether it takes up room in state ``done``, or while op ``running`` runs from there."""
        is_born = self.is_input or running in self.writers or not self.writers.isdisjoint(done)
        is_dead = not self.is_output and self.users <= done
        return is_born and not is_dead


@dataclass(frozen=True, slots=True)
class Overwrite:
    """An op may write ``target`` over ``source`` once the ``others`` that use the source have run.

    ``size`` bytes then need no room of their own.
    """

    source: int
    target: int
    others: frozenset[int]
    size: int


@dataclass(frozen=True, slots=True)
class Memory:
    """A network under memory rules.

    Attributes
    ----------
    names : tuple of str
        Of the ops, in file order.
    before, after : tuple of frozenset of int
        Ops that each op directly waits for, and that directly wait for it.
    storages : dict of int to Storage
        By the number of the buffer each is named after.
    touched : tuple of tuple of int
        Storages that each op uses.
    workspace : tuple of int
        Scratch bytes of each op.
    overwrites : tuple of tuple of Overwrite
        In-place choices of each op; of several for one target, the best that is due counts.
    """

    names: tuple[str, ...]
    before: tuple[frozenset[int], ...]
    after: tuple[frozenset[int], ...]
    storages: dict[int, Storage]
    touched: tuple[tuple[int, ...], ...]
    workspace: tuple[int, ...]
    overwrites: tuple[tuple[Overwrite, ...], ...]

    def ancestors(self, op: int) -> set[int]:
        """Ops that run before ``op`` in every order."""
        return _reach(op, self.before)

    def descendants(self, op: int) -> set[int]:
        """Ops that run after ``op`` in every order."""
        return _reach(op, self.after)


def stated_rules(plan: Plan) -> Rules:
    """Memory rules of a plan.

    Raises
    ------
    VerificationError
        If one of them has no meaning.
    """
    options = plan.options
    alignment = options.get("alignment", 1)
    require(
        type(alignment) is int and alignment >= 1, f"alignment {alignment!r} is no positive integer"
    )
    for name in ("in_place", "views"):
        value = options.get(name, False)
        require(type(value) is bool, f"option {name!r} is {value!r}, neither true nor false")
    return Rules(alignment, options.get("in_place", False), options.get("views", False))


def state_memory(graph: Graph, rules: Rules | None = None) -> Memory:
    """State what ``graph`` keeps in memory under ``rules`` (conservative when omitted)."""
    rules = rules or Rules()
    count = len(graph.ops)
    home = _homes(graph) if rules.views else list(range(len(graph.buffers)))
    members: dict[int, list[int]] = {}
    for b, h in enumerate(home):
        members.setdefault(h, []).append(b)
    storages = {h: _storage(graph, rules, h, group) for h, group in members.items()}
    touched: list[list[int]] = [[] for _ in range(count)]
    for h, storage in storages.items():
        for v in storage.users:
            touched[v].append(h)
    after: list[set[int]] = [set() for _ in range(count)]
    for v, ps in enumerate(graph.predecessors):
        for p in ps:
            after[p].add(v)
    readers = [
        frozenset(int(w) for b in op.outputs for w in graph.consumers[b]) for op in graph.ops
    ]
    return Memory(
        names=tuple(op.name for op in graph.ops),
        before=tuple(frozenset(map(int, ps)) for ps in graph.predecessors),
        after=tuple(map(frozenset, after)),
        storages=storages,
        touched=tuple(map(tuple, touched)),
        workspace=tuple(op.workspace for op in graph.ops),
        overwrites=tuple(
            tuple(_overwrites(graph, v, storages, home, readers)) if rules.in_place else ()
            for v in range(count)
        ),
    )


def _homes(graph: Graph) -> list[int]:
    """For each buffer, the one whose storage it lives in.

    A declared view lives where its input lives, unless several ops write it.
    """
    viewed = {
        int(y): int(x) for op in graph.ops for x, y in op.views if len(graph.producers[y]) == 1
    }
    homes: list[int] = []
    for b in range(len(graph.buffers)):
        home = b
        while home in viewed:
            home = viewed[home]
        homes.append(home)
    return homes


def _storage(graph: Graph, rules: Rules, home: int, group: list[int]) -> Storage:
    buffers = [graph.buffers[b] for b in group]
    largest = max(buffer.size for buffer in buffers)
    writers = frozenset(int(v) for b in group for v in graph.producers[b])
    readers = frozenset(int(v) for b in group for v in graph.consumers[b])
    return Storage(
        name=graph.buffers[home].name,
        size=(largest + rules.alignment - 1) // rules.alignment * rules.alignment,
        writers=writers,
        users=writers | readers,
        is_input=any(buffer.is_input for buffer in buffers),
        is_output=any(buffer.is_output for buffer in buffers),
        buffers=tuple(group),
    )


def _overwrites(
    graph: Graph,
    op: int,
    storages: dict[int, Storage],
    home: Sequence[int],
    readers: Sequence[frozenset[int]],
) -> Iterator[Overwrite]:
    """Pairs that hold: the source dies with this op, the target is born with it.

    A source serves one target only, that of its first such pair. ``readers`` holds, for each op,
    those that read what it writes.
    """
    used: set[int] = set()
    read = {home[b] for b in graph.ops[op].inputs}
    for x, y in graph.ops[op].in_place:
        source, target = storages[home[x]], storages[home[y]]
        dies_here = not source.is_output and op not in source.writers
        born_here = not target.is_input and home[y] not in read and op in target.writers
        if not (dies_here and born_here and home[x] not in used):
            continue
        rivals = target.writers - {op}
        if rivals and not rivals <= _reach(op, readers):
            continue  # one of them may have written it before
        used.add(home[x])
        yield Overwrite(home[x], home[y], source.users - {op}, min(source.size, target.size))


def _reach(op: int, edges: Sequence[frozenset[int]]) -> set[int]:
    """Ops that lie any number of edges, but at least one, away from ``op``."""
    found: set[int] = set()
    front = [op]
    while front:
        new = edges[front.pop()] - found
        found |= new
        front.extend(new)
    return found

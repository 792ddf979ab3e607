"""A bound by a cut, checked from both sides in linear time: a state that attains it, and a flow.

While op ``v`` runs, its ancestors have run and its descendants have not. Of the other ops, any
closed set may have run. What must then be live is the capacity of a cut in this network:

* nodes: ``start``; ``end``; ``op i`` for each op *i* that may run before or after ``v``;
  ``buffer b`` for each storage, by the number of the buffer it is named after;
* ``start`` leads to each storage that is an input, or that ``v`` or an ancestor writes; each op
  leads to the storages it writes;
* each storage leads to the ops that write or read it, and to ``end`` if it is an output or if
  ``v`` or a descendant is among them;
* each op leads to the ops it directly waits for;
* at most the size of a storage flows through it; nothing else is limited.

Any state puts ops that have run on the side of ``start`` and all others on the side of ``end``.
What flows from one side to the other must pass storages that are live, so no state needs less than
the value of any flow (the easy half of Ford & Fulkerson, 1956). Workspace comes on top.

Where ``v`` may overwrite inputs, there is one flow per choice of a source for each of its targets.
All that the choice may save is granted in advance; for each source, a node ``reuse b`` stands for
that many bytes which are needed after all unless its other users have run: ``start`` leads to it,
it leads to those users. With more than 16 choices there is one flow, and the best source of each
target is granted outright.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from solver.verify.errors import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from solver.verify.storages import Memory, Overwrite

_MOST_CHOICES = 16
_ARC = re.compile(
    r"(start|(?:op|buffer|reuse) \d{1,9}) > (end|(?:op|buffer|reuse) \d{1,9}): ([1-9]\d{0,29})"
)


@dataclass(frozen=True, slots=True)
class _Around:
    """An op; with it, those that have begun in any case and those that are left in any case."""

    op: int
    begun: frozenset[int]
    left: frozenset[int]
    free: frozenset[int]


def check_cut(cut: object, memory: Memory) -> int:
    """Check the state, what is live in it, and that no state needs less.

    Parameters
    ----------
    cut : object
        ``certificate["cut"]``: the op, the ops ``before`` it in a cheapest state, the names of the
        storages ``live`` there, ``bound_bytes``, and the ``flow``: a list of cases, each with the
        names of the sources ``overwritten`` and its ``arcs``, like ``"op 3 > buffer 7: 512"``.
    memory : Memory
        The network under the plan's rules.

    Returns
    -------
    int
        Number of arcs checked.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    require(isinstance(cut, dict), f"the cut is {cut!r}")
    assert isinstance(cut, dict)
    require(cut.get("op") in memory.names, f"the network has no op {cut.get('op')!r}")
    op = memory.names.index(cut["op"])
    begun, left = memory.ancestors(op) | {op}, memory.descendants(op) | {op}
    free = set(range(len(memory.names))) - begun - left
    around = _Around(op, frozenset(begun), frozenset(left), frozenset(free))
    choices = list(_choices(around, memory))
    _check_state(cut, around, memory, choices)
    return _check_flows(cut, around, memory, choices)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One source for each target that may be written over something; ``granted`` in advance."""

    overwrites: tuple[Overwrite, ...]
    granted: int


def _choices(around: _Around, memory: Memory) -> Iterator[_Choice]:
    by_target: dict[int, list[Overwrite]] = {}
    for overwrite in memory.overwrites[around.op]:
        if overwrite.others.isdisjoint(around.left):  # else somebody needs the source later
            by_target.setdefault(overwrite.target, []).append(overwrite)
    if math.prod(map(len, by_target.values())) > _MOST_CHOICES:
        yield _Choice((), sum(max(o.size for o in each) for each in by_target.values()))
        return
    for chosen in itertools.product(*by_target.values()):
        yield _Choice(chosen, sum(overwrite.size for overwrite in chosen))


def _check_state(
    cut: Mapping[str, Any], around: _Around, memory: Memory, choices: list[_Choice]
) -> None:
    """Check that the state exists, holds the stated storages, and needs no more than the bound."""
    op, names = around.op, cut.get("before")
    index = {name: v for v, name in enumerate(memory.names)}
    require(
        isinstance(names, list) and all(isinstance(n, str) and n in index for n in names),
        "the cut's state names ops that the network does not have",
    )
    assert isinstance(names, list)
    state = {index[name] for name in names}
    require(len(state) == len(names) and op not in state, "the cut's state is none")
    require(
        all(memory.before[v] <= state for v in (*state, op)),
        "the cut's state is not closed under predecessors",
    )
    live = [s for s in memory.storages.values() if s.size and s.is_live(state, op)]
    require(
        sorted(map(str, cut.get("live") or [])) == sorted(s.name for s in live),
        "the cut's live buffers are not those of its state",
    )
    saved = max(
        choice.granted - sum(o.size for o in choice.overwrites if not o.others <= state)
        for choice in choices
    )
    needed = sum(s.size for s in live) + memory.workspace[op] - saved
    bound = cut.get("bound_bytes")
    require(
        type(bound) is int and needed == bound,
        f"the cut's state needs {needed} bytes, not {bound!r}",
    )


def _check_flows(
    cut: Mapping[str, Any], around: _Around, memory: Memory, choices: list[_Choice]
) -> int:
    """Check that there is a flow for every choice, and that the weakest proves the bound."""
    flows = cut.get("flow")
    require(isinstance(flows, list), "the cut has no flow, so nothing proves it")
    assert isinstance(flows, list)
    require(all(isinstance(flow, dict) for flow in flows), "the cut's flow holds no cases")
    by_sources = {_sources(flow.get("overwritten")): flow for flow in flows}
    proven: list[int] = []
    arcs = 0
    for choice in choices:
        sources = sorted(memory.storages[o.source].name for o in choice.overwrites)
        require(
            tuple(sources) in by_sources,
            f"the cut has no flow for the case that op {cut['op']!r} overwrites {sources}",
        )
        stated = by_sources.pop(tuple(sources)).get("arcs")
        require(isinstance(stated, list), f"the arcs of the flow are {stated!r}")
        value = _flow_value(stated, around, memory, choice)
        proven.append(value + memory.workspace[around.op] - choice.granted)
        arcs += len(stated)
    require(not by_sources and len(flows) == len(choices), "the cut has a flow for no case")
    require(
        min(proven) == cut.get("bound_bytes"),
        f"the flow proves {min(proven)} bytes for op {cut['op']!r}, not {cut.get('bound_bytes')!r}",
    )
    return arcs


def _sources(stated: object) -> tuple[str, ...]:
    require(isinstance(stated, list), f"a flow overwrites {stated!r}")
    assert isinstance(stated, list)
    return tuple(sorted(map(str, stated)))


def _flow_value(arcs: list[object], around: _Around, memory: Memory, choice: _Choice) -> int:
    """Check arcs, capacities and conservation; return what leaves ``start``."""
    capacity = {f"buffer {b}": storage.size for b, storage in memory.storages.items()}
    capacity |= {f"reuse {o.source}": o.size for o in choice.overwrites}
    reused = {o.source: o for o in choice.overwrites}
    into: dict[str, int] = {}
    out_of: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for arc in arcs:
        match = _ARC.fullmatch(arc) if isinstance(arc, str) else None
        require(match is not None, f"{arc!r} is no arc of a flow")
        assert match is not None
        tail, head, amount = match[1], match[2], int(match[3])
        require(_leads(tail, head, around, memory, reused), f"no arc leads from {tail} to {head}")
        require((tail, head) not in seen, f"the flow lists {tail} > {head} twice")
        seen.add((tail, head))
        out_of[tail] = out_of.get(tail, 0) + amount
        into[head] = into.get(head, 0) + amount
    for node in sorted((into.keys() | out_of.keys()) - {"start", "end"}):
        arrived, left = into.get(node, 0), out_of.get(node, 0)
        require(arrived == left, f"{arrived} bytes flow into {node}, {left} out of it")
        most = capacity.get(node)
        require(most is None or left <= most, f"{left} bytes flow through {node} of {most}")
    return out_of.get("start", 0)


def _leads(
    tail: str, head: str, around: _Around, memory: Memory, reused: Mapping[int, Overwrite]
) -> bool:
    """Whether the network has an arc from ``tail`` to ``head``."""
    (kind, i), (other, j) = _node(tail), _node(head)
    for node, number in ((kind, i), (other, j)):
        known = {"op": around.free, "buffer": memory.storages, "reuse": reused}.get(node)
        if known is not None and number not in known:
            return False
    match kind, other:
        case "start", "buffer":
            storage = memory.storages[j]
            return storage.is_input or not storage.writers.isdisjoint(around.begun)
        case "op", "buffer":
            return i in memory.storages[j].writers
        case "buffer", "op":
            return j in memory.storages[i].users
        case "buffer", "end":
            storage = memory.storages[i]
            return storage.is_output or not storage.users.isdisjoint(around.left)
        case "op", "op":
            return j in memory.before[i]
        case "start", "reuse":
            return True
        case "reuse", "op":
            return j in reused[i].others
    return False


def _node(name: str) -> tuple[str, int]:
    kind, _, number = name.partition(" ")
    return kind, int(number or -1)

"""Replay the steps of a plan of least traffic: a TCM, an external memory, and what moves.

* ``load`` copies a buffer from external memory into the TCM, ``store`` copies it back; each moves
  its bytes. ``evict`` gives up its room, and must not lose the only copy of what is still needed.
* ``run`` runs an op. What it reads must be in the TCM; what it writes is there from then on, and
  external copies of that are stale. With scratch bytes, all of it must fit.
* Where operands may be streamed, ``stream`` says that the next run accesses a buffer straight in
  external memory, at its size for each access; it then takes no room.

Inputs start in external memory, outputs must end there. Moving each input that is read in once, and
each output that is written out once, is compulsory. Weights that are streamed count once for each
op that reads them. Weights that are pinned are in the TCM before the first step and after the last;
they do not move. Where weights may be pinned, the traffic of those too large to be so beside the
largest op is compulsory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.verify.errors import require
from solver.verify.external import External, check_budget, exceeds_budget
from solver.verify.storages import state_memory, stated_rules
from solver.verify.tcm_offsets import Stay, check_tcm_offsets

if TYPE_CHECKING:
    from models.graph import Graph, Weight
    from solver.plan import Plan
    from solver.verify.storages import Memory, Rules

_ACTIONS = ("load", "store", "evict", "stream", "run")


def check_traffic(plan: Plan, graph: Graph) -> None:
    """Check every statement of a plan of least traffic but its lower bound.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    require(plan.problem == "traffic", f"unknown problem {plan.problem!r}")
    tcm, options = plan.tcm_bytes, plan.options
    require(tcm is not None and tcm > 0, f"a TCM of {tcm!r} bytes")
    require(
        options.get("mode") in ("resident", "streaming"), f"unknown mode {options.get('mode')!r}"
    )
    require(
        options.get("weights") in ("ignore", "stream", "pin"),
        f"unknown treatment of weights {options.get('weights')!r}",
    )
    _check_pinned_names(plan, graph)
    rules = stated_rules(plan)
    require(not rules.in_place, "in-place reuse under a TCM")
    memory = state_memory(graph, rules)
    tcm_state = _Tcm(plan, graph, memory, rules)
    compulsory = tcm_state.compulsory
    require(
        plan.compulsory_bytes == compulsory,
        f"{compulsory} bytes are compulsory, not {plan.compulsory_bytes!r}",
    )
    require(
        plan.lower_bound_bytes >= compulsory,
        f"the bound {plan.lower_bound_bytes} is below the {compulsory} compulsory bytes",
    )
    stated = plan.certificate.get("bound_bytes")
    require(
        stated == plan.lower_bound_bytes,
        f"the certificate is for {stated!r} bytes, the bound is {plan.lower_bound_bytes}",
    )
    if plan.status in ("infeasible", "unknown"):
        if plan.status == "infeasible" and is_checkable(plan):
            is_too_small = tcm_state.least_capacity > (tcm or 0) or exceeds_budget(plan, memory)
            require(is_too_small, f"every op fits in {plan.tcm_bytes} bytes of TCM")
        require(not plan.order and not plan.steps, f"a plan has steps and is {plan.status.value}")
        for name in ("traffic_bytes", "arena_bytes", "offsets", "tcm_offsets"):
            require(getattr(plan, name) is None, f"no plan was found, but {name!r} is stated")
        check_budget(plan, tcm_state.outside)
        return
    for number, step in enumerate(plan.steps or ()):
        require(len(step) == 1, f"step {number} is {step!r}")
        ((action, name),) = step.items()
        require(action in _ACTIONS, f"step {number}: unknown action {action!r}")
        tcm_state.take(action, name, f"step {number} ({action} {name!r})")
    tcm_state.finish()
    require(
        list(plan.order) == tcm_state.order, "the steps run ops in another order than the plan says"
    )
    require(
        tcm_state.moved == plan.traffic_bytes,
        f"the steps move {tcm_state.moved} bytes, not {plan.traffic_bytes!r}",
    )
    require(
        tcm_state.peak == plan.peak_bytes,
        f"the steps need {tcm_state.peak} bytes of TCM, not {plan.peak_bytes}",
    )
    proven = plan.lower_bound_bytes == plan.traffic_bytes
    require(
        (plan.status == "optimal") == proven and plan.status in ("optimal", "feasible"),
        f"status {plan.status.value!r} with bound {plan.lower_bound_bytes}",
    )
    check_budget(plan, tcm_state.outside)
    count = len(plan.steps or ())
    weights = [Stay(name, tcm_state.rounded[name], 0, count) for name in options.get("pinned", ())]
    check_tcm_offsets(plan, weights, tcm_state.stays, tcm_state.scratch, rules.alignment)


def is_checkable(plan: Plan) -> bool:
    """Whether an infeasible plan says why in a way that needs no search to check."""
    return plan.budget_bytes is None or plan.certificate.get("kind") not in ("live", "search")


def _check_pinned_names(plan: Plan, graph: Graph) -> None:
    if plan.options.get("weights") != "pin":
        require("pinned" not in plan.options, "weights are pinned that may not be")
        return
    names = plan.options.get("pinned")
    require(isinstance(names, list), f"pinned weights {names!r} are no list")
    known = {w.name for w in graph.weights}
    seen: set[str] = set()
    for name in names or ():
        require(isinstance(name, str) and name in known, f"there is no weight {name!r} to pin")
        require(name not in seen, f"weight {name!r} is pinned twice")
        seen.add(name)
    is_planned = plan.status in ("optimal", "feasible")
    require(not seen or is_planned, "weights are pinned without a plan")


def _streamed(weight: Weight) -> int:
    return weight.size * len(set(weight.consumers))


class _Tcm:
    """Both memories while the steps are replayed."""

    def __init__(self, plan: Plan, graph: Graph, memory: Memory, rules: Rules) -> None:
        assert plan.tcm_bytes is not None
        self._memory = memory
        self._capacity = plan.tcm_bytes
        self._streams = plan.options.get("mode") == "streaming"
        self._size = {b: s.size for b, s in memory.storages.items() if s.size and s.users}
        self._number = {memory.storages[b].name: b for b in self._size}
        self._op = {name: v for v, name in enumerate(memory.names)}
        # An op that makes a view of a storage reads it; only others write it.
        self._writers = {b: self._writers_of(b, graph) for b in self._size}
        self._waiting = {b: set(memory.storages[b].users) for b in self._size}
        self._step = 0
        self._inside: dict[int, int] = {}  # since which step
        self.stays: list[Stay] = []
        self.scratch: dict[int, int] = {}  # by step, of those that run an op
        self.outside = External(memory)
        self._valid = {b for b in self._size if memory.storages[b].is_input}
        self._written: set[int] = set()
        self._streamed: set[int] = set()
        self._done: set[int] = set()
        self.order: list[str] = []
        treatment = plan.options.get("weights")
        weights = () if treatment == "ignore" else graph.weights
        pinned = set(plan.options.get("pinned", ()))
        self.rounded = rounded = {
            w.name: -(-w.size // rules.alignment) * rules.alignment for w in weights
        }
        self._pinned = sum(size for name, size in rounded.items() if name in pinned)
        require(self._pinned <= self._capacity, f"{self._pinned} bytes of weights are pinned")
        self.peak = self._pinned
        spare = self._capacity - self.least_capacity if treatment == "pin" else -1
        self.moved = sum(_streamed(w) for w in weights if w.name not in pinned)
        self.compulsory = sum(_streamed(w) for w in weights if rounded[w.name] > spare) + sum(
            size
            for b, size in self._size.items()
            if memory.storages[b].is_input or memory.storages[b].is_output
        )

    def _writers_of(self, b: int, graph: Graph) -> frozenset[int]:
        storage = self._memory.storages[b]
        if storage.is_input:
            return frozenset()
        readers = {int(v) for i in storage.buffers for v in graph.consumers[i]}
        return storage.writers - readers

    @property
    def least_capacity(self) -> int:
        """The most that any op needs by itself."""
        needs = [0]
        for v, scratch in enumerate(self._memory.workspace):
            operands = sum(self._size.get(b, 0) for b in self._memory.touched[v])
            needs.append(scratch + (0 if self._streams else operands))
        return max(needs)

    def take(self, action: str, name: str, where: str) -> None:
        """Take a step."""
        if action == "run":
            require(name in self._op, f"{where}: the network has no such op")
            self._run(self._op[name], where)
        else:
            self._act(action, name, where)
        self._step += 1

    def _act(self, action: str, name: str, where: str) -> None:
        require(name in self._number, f"{where}: the network keeps no such buffer")
        b = self._number[name]
        require(action == "stream" or not self._streamed, f"{where}: a run must follow a stream")
        if action == "load":
            require(b not in self._inside, f"{where}: it is in the TCM already")
            require(b in self._valid, f"{where}: external memory has no valid copy")
            self._inside[b] = self._step
            self.outside.access(b, self._step)
            self.moved += self._size[b]
            self._check_room(0, where)
        elif action == "store":
            require(b in self._inside, f"{where}: it is not in the TCM")
            self.outside.access(b, self._step)
            self._valid.add(b)
            self.moved += self._size[b]
        elif action == "evict":
            require(b in self._inside, f"{where}: it is not in the TCM")
            is_needed = self._waiting[b] or self._memory.storages[b].is_output
            require(not is_needed or b in self._valid, f"{where}: its only copy would be lost")
            self._leave(b)
        else:
            require(self._streams, f"{where}: operands must be in the TCM")
            require(b not in self._inside, f"{where}: it is in the TCM")
            require(b not in self._streamed, f"{where}: it is streamed twice")
            self._streamed.add(b)

    def _leave(self, b: int) -> None:
        name = self._memory.storages[b].name
        self.stays.append(Stay(name, self._size[b], self._inside.pop(b), self._step))

    def _run(self, v: int, where: str) -> None:
        memory = self._memory
        require(v not in self._done, f"{where}: it has run already")
        require(memory.before[v] <= self._done, f"{where}: it runs before an op that it needs")
        operands = {b for b in memory.touched[v] if b in self._size}
        require(self._streamed <= operands, f"{where}: it streams what it does not touch")
        for b in operands:
            writes = v in self._writers[b]
            reads = not writes or b in self._written
            name = memory.storages[b].name
            if b in self._streamed:
                require(not reads or b in self._valid, f"{where}: no valid copy of {name!r}")
                self.moved += self._size[b] * (reads + writes)
                self.outside.access(b, self._step)
                self._valid.add(b)
            else:
                require(not reads or b in self._inside, f"{where}: {name!r} is not in the TCM")
                if writes:
                    self._inside.setdefault(b, self._step)
                    self._valid.discard(b)
            if writes:
                self._written.add(b)
            self._waiting[b].discard(v)
        self._streamed.clear()
        self._check_room(memory.workspace[v], where)
        self.scratch[self._step] = memory.workspace[v]
        self._done.add(v)
        self.order.append(memory.names[v])

    def _check_room(self, scratch: int, where: str) -> None:
        used = self._pinned + sum(self._size[b] for b in self._inside) + scratch
        require(used <= self._capacity, f"{where}: {used} bytes do not fit in {self._capacity}")
        self.peak = max(self.peak, used)

    def finish(self) -> None:
        """Check that all is done and outputs are where they belong."""
        require(not self._streamed, "the steps end before the run that streams")
        for v, name in enumerate(self._memory.names):
            require(v in self._done, f"op {name!r} never runs")
        for b in self._size:
            storage = self._memory.storages[b]
            require(
                not storage.is_output or b in self._valid,
                f"output {storage.name!r} is not in external memory at the end",
            )
        for b in tuple(self._inside):
            self._leave(b)

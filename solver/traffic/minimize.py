"""From a graph to a plan of least external traffic."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Limits, Meter, Observer, SilentObserver
from solver.memory import MemoryRules
from solver.peak.backend import NAMES
from solver.peak.engine import METHODS
from solver.peak.heuristics import SIMPLE_ORDERS
from solver.plan import Status
from solver.traffic.assist import METHOD, AnsweredError, Assistant, may_assist
from solver.traffic.backend import Hint
from solver.traffic.formulate import formulate
from solver.traffic.heuristics import quick
from solver.traffic.intervals import best_replacement
from solver.traffic.ladder import Ladder, share_of
from solver.traffic.model import Mode, TrafficProblem, Weights, make_traffic_problem
from solver.traffic.nospill import least_peak, peak_problem
from solver.traffic.outcome import TrafficOutcome
from solver.traffic.pinning import minimize_with_pinning
from solver.traffic.residency import Residency, plan_steps, spilled_bytes
from solver.traffic.rules import Rules, Sketch
from solver.traffic.search import Search, warm_up
from solver.traffic.simulate import as_mappings, simulate
from solver.traffic.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.graph import Graph
    from solver.traffic.backend import RawOutcome

_GREED = (8, 2)  # weights of the cost to come in the quick searches before the exact one
_QUICK_STATES = 4096
_ROUNDS = (2**18, 2**20, 2**22)  # states of each sketch
_BRIEFLY = 4  # a search between them has so many times fewer
_REPLACEMENT_SECONDS = 2.0
_REPLACEMENT_SHARE = 0.1  # of the time limit


def minimize_traffic(
    graph: Graph,
    tcm: int,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    mode: Mode | str = Mode.RESIDENT,
    weights: Weights | str = Weights.IGNORE,
    rules: MemoryRules | None = None,
    pruning: Rules | None = None,
    method: str = "auto",
    workers: int = 1,
) -> TrafficOutcome:
    """Find the plan that moves the fewest bytes between a TCM and external memory, and prove it.

    Parameters
    ----------
    graph : Graph
        The network.
    tcm : int
        Bytes of TCM.
    limits : Limits, optional
        When one is reached, the outcome holds the best plan and bound so far.
    observer : Observer, optional
        Told about incumbents and bounds (total traffic, in bytes) and progress.
    mode : Mode or str
        ``"resident"``: operands of the running op are in the TCM; ``"streaming"``: they need not.
    weights : Weights or str
        ``"ignore"`` constants, ``"stream"`` them once per op that reads them, or ``"pin"`` some
        of them in the TCM for good and stream the others.
    rules : MemoryRules, optional
        Alignment and views.
    pruning : Rules, optional
        Switches of the exact search.
    method : str
        ``"dp"`` for the exact search; ``"auto"``, with CP-SAT beside it where it is stuck and there
        are workers; ``"cpsat"``, ``"ilp-highs"`` or ``"ilp-cbc"`` for a formulation in its place.
    workers : int
        Threads. The answer does not depend on it, unless time or memory run out; a limit on
        nodes, which is there for repeatable runs, allows one only, and so do pinned weights.

    Returns
    -------
    TrafficOutcome
        Optimal unless a limit was reached or the user interrupted; INFEASIBLE if some op cannot
        run in this TCM at all.

    Raises
    ------
    ValueError
        If the TCM is not positive, an option is unknown, or the rules allow in-place reuse.
    BackendUnavailableError
        If the library of the formulation is not installed.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")
    problem = make_traffic_problem(graph, tcm, mode=mode, weights=weights, rules=rules)
    meter = Meter(limits or Limits(), observer or SilentObserver())
    if problem.oversized():
        return _infeasible(graph, problem, Weights(weights), meter)
    if Weights(weights) is Weights.PIN:

        def activations(room: int, limits: Limits, observer: Observer) -> TrafficOutcome:
            return minimize_traffic(
                graph, room, limits, observer, mode=mode, rules=rules, pruning=pruning,
                method=method,
            )  # fmt: skip

        rules = rules or MemoryRules()
        pinned = minimize_with_pinning(graph, problem, rules, meter, activations)
        return replace(pinned, method=method)
    assisted = method == "auto" and workers > 1 and meter.limits.nodes is None
    run = _Run(problem, meter, pruning or Rules(), method, assisted)
    run.solve()
    steps = plan_steps(problem, run.best)
    replay = simulate(problem, steps)
    bound = problem.compulsory_bytes + run.bound
    proven = replay.traffic == bound
    keep_limit = run.limit is not None and (not proven or run.limit is Limit.INTERRUPT)
    return TrafficOutcome(
        model=graph.name,
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        tcm_bytes=tcm,
        mode=problem.mode,
        weights=Weights(weights),
        order=tuple(problem.names[v] for v in replay.order),
        steps=as_mappings(steps),
        traffic_bytes=replay.traffic,
        compulsory_bytes=problem.compulsory_bytes,
        traffic_lower_bound_bytes=bound,
        peak_bytes=replay.peak,
        proof=run.proof,
        limit=run.limit.value if run.limit is not None and keep_limit else None,
        baselines=run.baselines,
        least_tcm_bytes=problem.least_capacity,
        states=meter.states,
        seconds=round(meter.seconds, 6),
        curve=tuple(run.curve),
        warnings=graph.warnings,
        method=run.method,
    )


def best_residency(problem: TrafficProblem, limits: Limits) -> tuple[Residency, Limit | None]:
    """Return the best plan of a problem without oversized ops, and what stopped the solver."""
    run = _Run(problem, Meter(limits), Rules())
    run.solve()
    return run.best, run.limit


def _infeasible(
    graph: Graph, problem: TrafficProblem, weights: Weights, meter: Meter
) -> TrafficOutcome:
    return TrafficOutcome(
        model=graph.name,
        status=Status.INFEASIBLE,
        tcm_bytes=problem.capacity,
        mode=problem.mode,
        weights=weights,
        order=(),
        steps=(),
        traffic_bytes=None,
        compulsory_bytes=problem.compulsory_bytes,
        traffic_lower_bound_bytes=problem.compulsory_bytes,
        peak_bytes=None,
        proof="footprint",
        oversized={problem.names[v]: problem.footprint(v) for v in problem.oversized()},
        least_tcm_bytes=problem.least_capacity,
        seconds=round(meter.seconds, 6),
        warnings=graph.warnings,
    )


@dataclass(slots=True)
class _Run:
    """One solve; ``best`` and ``bound`` (spilled bytes) are valid at any time."""

    problem: TrafficProblem
    meter: Meter
    pruning: Rules
    method: str = "auto"
    assisted: bool = False
    best: Residency = field(init=False)
    spilled: int = field(init=False)
    bound: int = 0
    proof: str = "compulsory"
    limit: Limit | None = None
    baselines: dict[str, int] = field(default_factory=dict)
    curve: list[tuple[float, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = SIMPLE_ORDERS["kahn"](peak_problem(self.problem, loads=False))
        assert first is not None
        self.best = quick(self.problem, first)[-1]
        self.spilled = spilled_bytes(self.problem, self.best)
        self._record()

    def solve(self) -> None:
        """Improve until proven or stopped; never raises for a limit or an interrupt."""
        try:
            self._solve()
        except LimitReachedError as stop:
            self.limit = stop.limit
        except KeyboardInterrupt:
            self.limit = Limit.INTERRUPT
        self.spilled = spilled_bytes(self.problem, self.best)
        self.bound = min(self.bound, self.spilled)
        traffic, bound = (self.problem.compulsory_bytes + b for b in (self.spilled, self.bound))
        if self.curve[-1][1:] != (traffic, bound):
            self._record()

    def _solve(self) -> None:
        self._try_simple_orders()
        if self.spilled == 0:
            return
        self.meter.check()
        order = self._ask_peak()
        if self.spilled == 0:
            return
        for each in dict.fromkeys((order, self.best.order)):
            self._replace(each)
        space = Space(self.problem)
        warm_up(space, self.meter, self.pruning)
        for greed in _GREED:
            if self.bound < self.spilled:
                search = Search(space, self.meter, self.spilled, self.pruning, greed=greed)
                found = search.run(states=_QUICK_STATES)
                if found is not None and self._offer(found):
                    self._replace(found.order)
        if self.bound < self.spilled:
            if self.method in NAMES:
                self._formulate()
            elif self.assisted and may_assist(self.problem):
                self._search_with_assistant(space)
            else:
                self._search(space, self._climb(space))

    def _try_simple_orders(self) -> None:
        for name, find in SIMPLE_ORDERS.items():
            order = find(peak_problem(self.problem, loads=False))
            if order is not None:
                plan = quick(self.problem, order)[-1]
                spilled = spilled_bytes(self.problem, plan)
                self.baselines[name] = self.problem.compulsory_bytes + spilled
                self._offer(plan)

    def _search_with_assistant(self, space: Space) -> None:
        try:
            with Assistant(self.problem, self.meter, lambda: Hint(self.best)):
                self._search(space, self._climb(space))
        except AnsweredError as answer:
            self.method = METHOD
            self._take(answer.outcome)

    def _climb(self, space: Space) -> Sketch | None:
        """Search sketches, and briefly for plans, until one settles it; return the best sketch."""
        if not self.pruning.sketch or space.streaming:
            return None
        ladder = Ladder(space, self.meter, self.pruning)
        for states in _ROUNDS:
            for row in range(ladder.rows):
                for order in ladder.climb(row, states, lambda: self.spilled, self._raise_by_sketch):
                    self._replace(order)
                    if self.bound >= self.spilled:
                        return None
                if row == 0:
                    if not ladder.is_done(row):
                        break  # it is worth more states than the finer rows
                    if ladder.rows > 1:
                        self._search(space, ladder.best, states // _BRIEFLY)
                if self.bound >= self.spilled:
                    return None
            if ladder.is_done(ladder.rows - 1):
                break
        return ladder.best

    def _raise_by_sketch(self, bound: int) -> None:
        self._raise_bound(min(bound, self.spilled), "sketch")

    def _ask_peak(self) -> tuple[int, ...]:
        """Settle whether nothing need be spilled; return an order of low peak."""
        outcome = least_peak(self.problem, self.meter)
        order = tuple(v for v in outcome.order if v < len(self.problem))
        if outcome.peak <= self.problem.capacity:
            self._offer(Residency(order, frozenset()))
        elif outcome.bound > self.problem.capacity:
            tracked = (b.size for b in self.problem.buffers if len(b.users) > 1)
            self._raise_bound(min(tracked), "peak")
        if outcome.limit is not None:
            raise LimitReachedError(outcome.limit)
        for plan in quick(self.problem, order):
            self._offer(plan)
        return order

    def _replace(self, order: Sequence[int]) -> None:
        """Offer the best replacement for an order."""
        self.meter.check()
        seconds = _REPLACEMENT_SECONDS
        if self.meter.limits.seconds is not None:
            seconds = min(seconds, _REPLACEMENT_SHARE * self.meter.limits.seconds)
        found = best_replacement(self.problem, order, seconds)
        if found is not None:
            self._offer(found)

    def _search(self, space: Space, sketch: Sketch | None, states: int | None = None) -> None:
        """Search for the best plan, at most for so many states and a share of the time."""
        if self.bound >= self.spilled:
            return
        search = Search(space, self.meter, self.spilled, self.pruning, sketch=sketch)
        found = search.run(
            lambda bound: self._raise_bound(min(bound, self.spilled), "search"),
            states,
            None if states is None else share_of(self.meter),
        )
        if found is not None:
            self._offer(found)
        if search.is_done:
            self._raise_bound(self.spilled, "search")

    def _formulate(self) -> None:
        """Have a formulation solve it; its plan is replayed, its bound is its word."""
        hint = Hint(self.best, self.bound)
        found = formulate(
            self.problem, hint, method=self.method, meter=self.meter,
            on_bound=lambda bound: self._raise_bound(bound, "formulation"),
        )  # fmt: skip
        self._take(found)
        if found.limit is not None:
            raise LimitReachedError(found.limit)

    def _take(self, found: RawOutcome) -> None:
        self._offer(found.plan)
        self._raise_bound(found.bound, "formulation")

    def _offer(self, plan: Residency) -> bool:
        spilled = spilled_bytes(self.problem, plan)
        if spilled >= self.spilled:
            return False
        self.best, self.spilled = plan, spilled
        self._record()
        self.meter.observer.on_incumbent(self.problem.compulsory_bytes + spilled)
        return True

    def _raise_bound(self, bound: int, proof: str) -> None:
        if bound > self.bound:
            self.bound, self.proof = bound, proof
            self._record()
            self.meter.observer.on_bound(self.problem.compulsory_bytes + bound)

    def _record(self) -> None:
        compulsory = self.problem.compulsory_bytes
        self.curve.append(
            (
                round(self.meter.seconds, 6),
                compulsory + self.spilled,
                compulsory + min(self.bound, self.spilled),
            )
        )

"""Methods beside the first of them, each to its proof: a line per method, a line per graph."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table.cells import distinct, gap_percent, made_by, ratio, seconds, table, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchmarks.table.cells import Lines

#: How methods are headed; one without a name here goes by its own.
NAMES: Mapping[str, str] = {
    "cpsat": "CP-SAT",
    "ilp-highs": "ILP (HiGHS)",
    "ilp-cbc": "ILP (CBC)",
}
_LEAST_SECONDS = 1e-4  # what times are rounded to


@dataclass(frozen=True, slots=True)
class Trial:
    """The columns of ``benchmarks.contest.Trial`` that are shown."""

    instance: str
    method: str
    status: str
    ops: int | None
    limit: str | None
    bound_bytes: int | None
    hint_bound_bytes: int | None
    seconds: float | None
    time_limit: float
    commit: str
    packages: str
    machine: str
    date: str
    note: str | None

    @property
    def value(self) -> int | None:
        """What its solution needs, in bytes."""
        raise NotImplementedError

    @property
    def hint_value(self) -> int | None:
        """What the solution that it was given needs."""
        raise NotImplementedError

    @property
    def is_proven(self) -> bool:
        """Whether the method proved its solution best."""
        return self.status == "optimal"

    @property
    def is_given(self) -> bool:
        """Whether the solution and bound that a formulation was given meet."""
        return self.hint_value is not None and self.hint_value == self.hint_bound_bytes


@dataclass(frozen=True, slots=True)
class Words:
    """What a contest is about.

    Attributes
    ----------
    first : str
        The method that others are compared with.
    module : str
        The benchmark.
    question : str
        Above the tables.
    instance, least, value : str
        Heads: a row, what is kept small, and that in short.
    given : str
        The solution that formulations are given.
    """

    first: str
    module: str
    question: str
    instance: str
    least: str
    value: str
    given: str


def contest_lines(trials: Sequence[Trial], words: Words) -> Lines:
    """Show a line per method, then a line per graph."""
    if not trials:
        return
    by_graph: dict[str, dict[str, Trial]] = {}
    for trial in trials:
        by_graph.setdefault(trial.instance, {})[trial.method] = trial
    first = words.first
    methods = sorted({trial.method: None for trial in trials}, key=lambda m: m != first)
    limits = distinct(f"{trial.time_limit:g}s" for trial in trials)
    yield words.question
    yield ""
    yield made_by(
        f"python -m {words.module} --time-limit {limits} --csv FILE",
        trials,
        distinct(trial.packages for trial in trials),
    )
    yield ""
    yield from _summary(methods, by_graph.values(), first)
    yield ""
    given = sum(any(trial.is_given for trial in graph.values()) for graph in by_graph.values())
    text = (
        "Means are geometric. *Mean* takes only what both have proven, which flatters a method "
        "that left the hard graphs open; *of all* counts those at the time they ran, so that the "
        "true mean is no less."
    )
    if given:
        text += (
            f" *Not given* is *mean* without the {given} graphs on which the {words.given} "
            "already meets the bound that they are given."
        )
    yield text
    yield ""
    yield from _graphs(methods, by_graph, words)


def _summary(methods: Sequence[str], graphs: Iterable[Mapping[str, Trial]], first: str) -> Lines:
    lines = []
    for method in methods:
        pairs = [(graph[method], graph.get(first)) for graph in graphs if method in graph]
        done = [t for t, _ in pairs if t.is_proven]
        worst = max((_gap(t) for t, _ in pairs if not t.is_proven), default=None)
        line = [NAMES.get(method, method), f"{len(done)} of {len(pairs)}"]
        if method == first:
            line += [""] * 5
        else:
            both = [(t, f) for t, f in pairs if f and t.is_proven and f.is_proven]
            ratios = list(_ratios(both))
            line += [
                f"{len(ratios)}",
                f"{ratio(min(ratios))} to {ratio(max(ratios))}" if ratios else "",
                _mean(ratios),
                _mean(list(_ratios((t, f) for t, f in both if not t.is_given))),
                _mean_of_all(pairs),
            ]
        lines.append([*line, "" if worst is None else f"{worst:.2f}"])
    yield from table(
        (
            "method", "proven", "proven by both", "ratio from, to", "mean", "not given", "of all",
            "widest gap left, %",
        ),
        lines,
    )  # fmt: skip


def _graphs(
    methods: Sequence[str], by_graph: Mapping[str, Mapping[str, Trial]], words: Words
) -> Lines:
    first = words.first
    head = [words.instance, "ops", f"{words.least}, bytes"]
    for method in methods:
        head += [f"{NAMES.get(method, method)}, s", f"bound / {words.value}"]
        if method != first:
            head.insert(-1, "ratio")
    lines = []
    for name, graph in by_graph.items():
        line = [name, whole(max((t.ops or 0 for t in graph.values()), default=None)), _least(graph)]
        for method in methods:
            trial = graph.get(method)
            line.append(seconds(trial.seconds) if trial else "")
            if method != first:
                line.append(_ratio(trial, graph.get(first)))
            line.append(_verdict(trial) if trial else "")
        lines.append(line)
    yield from table(head, lines)


def _least(graph: Mapping[str, Trial]) -> str:
    proven = {t.value for t in graph.values() if t.is_proven}
    return " or ".join(str(value) for value in proven) if proven else "open"


def _verdict(trial: Trial) -> str:
    """Say how far a method came."""
    if trial.is_proven:
        return "1"
    if trial.status == "feasible" and trial.value and trial.bound_bytes is not None:
        sizes = f"{trial.bound_bytes} / {trial.value}"
        return f"open ({trial.limit or 'gave up'}): {sizes}, gap {_gap(trial):.2f} %"
    return f"{trial.status}: {trial.note or 'no answer'}"


def _gap(trial: Trial) -> float:
    if trial.value is None or trial.bound_bytes is None:
        return 100.0
    return gap_percent(trial.bound_bytes, trial.value)


def _ratio(trial: Trial | None, first: Trial | None) -> str:
    """Write the ratio; where one of the two came to no proof it bounds the true one."""
    if trial is None or first is None or not (trial.is_proven or first.is_proven):
        return ""
    values = [ratio(value) for value in _ratios([(trial, first)])]
    mark = "" if trial.is_proven and first.is_proven else "<" if trial.is_proven else ">"
    return "".join(mark + value for value in values)


def _ratios(pairs: Iterable[tuple[Trial, Trial]]) -> Iterator[float]:
    """Yield times over those of the first method, where both have one."""
    for trial, first in pairs:
        if trial.seconds is not None and first.seconds is not None:
            yield max(trial.seconds, _LEAST_SECONDS) / max(first.seconds, _LEAST_SECONDS)


def _mean_of_all(pairs: Sequence[tuple[Trial, Trial | None]]) -> str:
    """Write the mean with open trials at the time they ran; nothing if that bounds no ratio."""
    known = [(trial, first) for trial, first in pairs if first and first.is_proven]
    ratios = list(_ratios(known))
    mark = "" if all(trial.is_proven for trial, _ in known) else ">"
    return mark + _mean(ratios) if ratios and len(ratios) == len(pairs) else ""


def _mean(values: Sequence[float]) -> str:
    return ratio(statistics.geometric_mean(values)) if values else ""

"""Comparisons for machines: one JSON object, or CSV with a line per network and method."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING, Any

from solver._version import __version__
from solver.peak.baselines.comparison import means

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from solver.peak.baselines.comparison import Comparison, Mean, Row
    from solver.report.comparison import Compared

SCHEMA = 1

CSV_COLUMNS = (
    "model", "ops", "method", "figure", "bytes", "ratio", "ratio_to_bound", "seconds", "limit",
    "best_bytes", "lower_bound_bytes", "proven",
)  # fmt: skip


def to_json(done: Sequence[Compared], errors: Mapping[str, str]) -> str:
    """One JSON object.

    Parameters
    ----------
    done : sequence of Compared
        Networks with figures.
    errors : mapping of str to str
        What was wrong with the others.
    """
    return json.dumps(
        {
            "schema": SCHEMA,
            "models": [_network(compared) for compared in done],
            "summary": [_mean(mean) for mean in means([c.comparison for c in done])],
            "errors": dict(errors),
            "versions": {"tightfit": __version__},
        },
        indent=2,
        ensure_ascii=False,
    )


def to_csv(done: Sequence[Compared]) -> str:
    """Write a line for each network and method; a cell without an answer stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for compared in done:
        comparison = compared.comparison
        for row in (*comparison.rows, comparison.exact):
            writer.writerow(
                {
                    "model": compared.model,
                    "ops": len(compared.graph.ops),
                    **_row(row, comparison),
                    "best_bytes": comparison.best,
                    "lower_bound_bytes": comparison.bound,
                    "proven": "yes" if comparison.is_proven else "no",
                }
            )
    return text.getvalue()


def _network(compared: Compared) -> dict[str, Any]:
    comparison = compared.comparison
    plan = comparison.plan
    return {
        "model": compared.model,
        "ops": len(compared.graph.ops),
        "buffers": len(compared.graph.buffers),
        "status": "optimal" if comparison.is_proven else "feasible",
        "limit": plan.limit,
        "best_bytes": comparison.best,
        "lower_bound_bytes": comparison.bound,
        "rows": [_row(row, comparison) for row in (*comparison.rows, comparison.exact)],
        "options": dict(plan.options),
        "warnings": list(plan.warnings),
    }


def _row(row: Row, comparison: Comparison) -> dict[str, Any]:
    return {
        "method": row.name,
        "figure": "arena" if row.is_arena else "peak",
        "bytes": row.needed,
        "ratio": _number(comparison.ratio(row)),
        "ratio_to_bound": _number(comparison.ratio_to_bound(row)),
        "seconds": row.seconds,
        "limit": row.limit,
    }


def _mean(mean: Mean) -> dict[str, Any]:
    return {
        "method": mean.name,
        "figure": "arena" if mean.is_arena else "peak",
        "networks": mean.networks,
        "answered": mean.answered,
        "best_on": mean.met,
        "geometric_mean_ratio": _number(mean.ratio),
        "geometric_mean_ratio_to_bound": _number(mean.ratio_to_bound),
        "worst_ratio": _number(mean.worst),
        "seconds": round(mean.seconds, 6),
    }


def _number(ratio: float | None) -> float | None:
    """Six decimals; None for a ratio to nothing."""
    return None if ratio is None or math.isinf(ratio) else round(ratio, 6)

"""Comparisons of traffic for machines: one JSON object, or CSV with a line per method."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING, Any

from solver._version import __version__
from solver.report.comparison_data import SCHEMA
from solver.traffic.baselines.comparison import means

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from solver.report.traffic_comparison import ComparedTraffic
    from solver.traffic.baselines.comparison import Mean, Row, TrafficComparison

CSV_COLUMNS = (
    "model", "ops", "tcm_bytes", "mode", "weights", "method", "traffic_bytes", "spilled_bytes",
    "removed_share", "ratio", "seconds", "limit", "best_bytes", "lower_bound_bytes",
    "compulsory_bytes", "least_tcm_bytes", "status",
)  # fmt: skip


def to_json(done: Sequence[ComparedTraffic], errors: Mapping[str, str]) -> str:
    """One JSON object.

    Parameters
    ----------
    done : sequence of ComparedTraffic
        Networks with figures.
    errors : mapping of str to str
        What was wrong with the others.
    """
    return json.dumps(
        {
            "schema": SCHEMA,
            "problem": "traffic",
            "models": [_network(compared) for compared in done],
            "summary": [_mean(mean) for mean in means([c.comparison for c in done])],
            "errors": dict(errors),
            "versions": {"tightfit": __version__},
        },
        indent=2,
        ensure_ascii=False,
    )


def to_csv(done: Sequence[ComparedTraffic]) -> str:
    """Write a line for each network and method; a cell without an answer stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for compared in done:
        comparison = compared.comparison
        options = comparison.plan.options
        for row in (*comparison.rows, comparison.exact):
            writer.writerow(
                {
                    "model": compared.model,
                    "ops": len(compared.graph.ops),
                    "mode": options["mode"],
                    "weights": options["weights"],
                    **_row(row, comparison),
                    **_figures(comparison),
                }
            )
    return text.getvalue()


def _figures(comparison: TrafficComparison) -> dict[str, Any]:
    plan = comparison.plan
    status = "optimal" if comparison.is_proven else "feasible"
    return {
        "tcm_bytes": plan.tcm_bytes,
        "status": status if comparison.is_feasible else "infeasible",
        "best_bytes": comparison.best,
        "lower_bound_bytes": comparison.bound,
        "compulsory_bytes": comparison.compulsory,
        "least_tcm_bytes": plan.certificate["least_tcm_bytes"],
    }


def _network(compared: ComparedTraffic) -> dict[str, Any]:
    comparison = compared.comparison
    plan = comparison.plan
    return {
        "model": compared.model,
        "ops": len(compared.graph.ops),
        "buffers": len(compared.graph.buffers),
        **_figures(comparison),
        "limit": plan.limit,
        "oversized": dict(plan.certificate.get("oversized", {})),
        "rows": [_row(row, comparison) for row in (*comparison.rows, comparison.exact)],
        "options": dict(plan.options),
        "warnings": list(plan.warnings),
    }


def _row(row: Row, comparison: TrafficComparison) -> dict[str, Any]:
    return {
        "method": row.name,
        "traffic_bytes": row.traffic,
        "spilled_bytes": comparison.spilled(row),
        "removed_share": _number(comparison.removed(row)),
        "ratio": _number(comparison.ratio(row)),
        "seconds": row.seconds,
        "limit": row.limit,
    }


def _mean(mean: Mean) -> dict[str, Any]:
    return {
        "method": mean.name,
        "networks": mean.networks,
        "answered": mean.answered,
        "best_on": mean.met,
        "spilling_on": mean.spilling,
        "mean_removed_share": _number(mean.removed),
        "least_removed_share": _number(mean.least_removed),
        "geometric_mean_ratio": _number(mean.ratio),
        "seconds": round(mean.seconds, 6),
    }


def _number(value: float | None) -> float | None:
    """Six decimals; None for a ratio to nothing."""
    return None if value is None or math.isinf(value) else round(value, 6)

"""Ask the same question of many irregular networks, as architecture search does.

Draws random-wired cells and counts how many fit a budget in file order, and how many in the best
order: the second number is the one to select by.

    python examples/search_space.py
"""

from __future__ import annotations

import solver
from models import zoo

CELLS = 20
NODES = 16
BUDGET = 72 * 1024


def main() -> None:
    """Count the cells that fit."""
    in_file_order = in_best_order = proven = 0
    for seed in range(CELLS):
        graph = zoo.graph("randwire_cell", nodes=NODES, graph_seed=seed).with_precision("int8")
        plan = solver.minimize_peak(graph, BUDGET, solver.Limits(seconds=10))
        in_file_order += plan.baselines["file_order"] <= BUDGET
        in_best_order += plan.fits is True
        proven += plan.fits is not None
    print(f"{CELLS} cells of {NODES} nodes, {BUDGET} bytes: verdict proven for {proven}")
    print(f"fit in file order: {in_file_order}, in the best order: {in_best_order}")


if __name__ == "__main__":
    main()

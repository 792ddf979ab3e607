"""Least traffic as an integer linear program, by PuLP with HiGHS or CBC.

The mathematics is that of :mod:`solver.traffic.formulation`; the files mirror those of the CP-SAT
formulation, and what runs the solvers, in a process of its own and with a margin around their
bounds, is that of :mod:`solver.peak.ilp`.

Tolerances need less care here than there. A solver may take a plan for one that fits although it
does not quite, or a reload for none if it is nearly none: its least cost is then too low, which is
a bound all the same, and the replay refuses the plan. Too high it can only be by what reduced costs
may be off, 1e-7 per column, and that is far within the margin. So units need only be so coarse that
all costs together, and all that could be in the TCM at a time, stay within 10**7.
"""

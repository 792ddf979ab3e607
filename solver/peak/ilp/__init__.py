"""Least peak memory as an integer linear program, by PuLP with HiGHS or CBC.

The mathematics is that of :mod:`solver.peak.formulation`; the files mirror those of the CP-SAT
formulation. The solvers run in a process of their own (:mod:`solver.peak.ilp.worker`): Ctrl-C and
limits then need no help from them, and the shared libraries of ``highspy`` and ``ortools``, some
releases of which cannot be loaded together, never meet.

Bounds of these solvers are floating-point numbers. They are taken with a margin, see
:mod:`solver.peak.ilp.rounding`.
"""

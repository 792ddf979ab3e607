"""Least traffic as a constraint program, by Google OR-Tools CP-SAT.

The mathematics is that of :mod:`solver.traffic.formulation`; the files mirror those of the ILP
formulation, and what runs the solver is that of :mod:`solver.peak.cpsat`.

Costs are proven by unsatisfiable cores: a randomly wired cell of 24 nodes in the smallest TCM took
2 s that way and 7 s without, one of 32 nodes 7 s and more than 30 s without. The linear relaxation
slows CP-SAT down, as it does for the least peak. Presolve makes it several times faster, but is
used only where it is right: a part of that of OR-Tools 9.15 adds up coefficients in 32 bits
(google/or-tools issue 5293). That part is switched off, and from 2**28 units on all of presolve.
"""

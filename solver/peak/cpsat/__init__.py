"""Least peak memory as a constraint program, by Google OR-Tools CP-SAT.

The mathematics is that of :mod:`solver.peak.formulation`; the files mirror those of the ILP
formulation. CP-SAT learns from conflicts (Stuckey, Lazy Clause Generation, CPAIOR 2010), so every
"before" is one Boolean, and "all before" and "any before" are clauses.

Two parts of CP-SAT are switched off. Its linear relaxation: without it, closed layered graphs of 40
to 60 ops took a third to a twenty-fifth of the time. Its presolve: the program has nothing to
remove, and OR-Tools 9.15 can presolve the optimum away (google/or-tools issue 5293, open; seen here
in 1 of 100 small graphs with sizes beyond 2**28 units, never without presolve).
"""

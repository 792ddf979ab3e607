/* Search in which it is decided late what was dropped, see solver/traffic/deferred.py. */
#ifndef TIGHTFIT_TRAFFIC_DEFER_H
#define TIGHTFIT_TRAFFIC_DEFER_H

#include "search_internal.h"

/* Greatest common divisor of the sizes. */
int64_t defer_unit(const Space *space);
/* Bytes of a node beyond its masks. */
size_t defer_node_bytes(void);

/* Undo `op` from `now` into `new` in the next of the ways in which its tight operands can have been
 * kept or not. `way` begins at 0; false if there are no more. */
bool defer_undo(Search *search, const State *now, State *new, int32_t op, uint32_t *way);
/* Find the `worst` cost of a state and its bound; returns the least cost so far. */
int64_t defer_weigh(Search *search, State *state);
/* A state as dominance sees it. */
typedef struct {
    const Word *resident, *stored, *tight;
    const Limit *limits;
    int32_t count;
    int64_t worst, cost;
} Side;

/* Whether a state is no worse than another. */
bool defer_dominates(const Search *search, const Word *undone, const Side *a, const Side *b);
Side defer_side_of_state(const State *state);
Side defer_side_of_node(const Search *search, int32_t index);
/* Whether two states are equal. */
bool defer_same(const Search *search, const Side *a, const Side *b);
/* Copy the limits of a state to its node; false without memory. */
bool defer_save(Search *search, const State *from, int32_t index);
void defer_load(const Search *search, State *to, int32_t index);

#endif

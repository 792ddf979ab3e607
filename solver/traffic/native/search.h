/* Best-first search of the backward states, see solver/traffic/explorer.py. */
#ifndef TIGHTFIT_TRAFFIC_SEARCH_H
#define TIGHTFIT_TRAFFIC_SEARCH_H

#include <stddef.h>

#include "event.h"
#include "sketch.h"
#include "space.h"

typedef struct {
    bool free_moves, valleys, dominance, trade, furthest, tally, defer;
} Switches;

typedef struct Search Search;

/* `sketch` may be NULL; it and `space` must outlive the search. NULL without memory. */
Search *search_new(const Space *space, int64_t upper, Switches switches, int32_t greed,
                   int32_t width, Sketch *sketch);
void search_free(Search *search);
/* Expand up to `slice` states while the tables stay under `cap` bytes. */
Event search_run(Search *search, int64_t slice, size_t cap);
const Space *search_space(const Search *search);
int64_t search_states(const Search *search);
int64_t search_bound(const Search *search);
int64_t search_known(const Search *search);
size_t search_bytes(const Search *search);
/* Moves to the state found, in backward time: ops, and ~buffer for a drop. Returns how many, or -1
 * without memory; *moves is for the caller to free. */
int64_t search_moves(const Search *search, int32_t **moves);

#endif

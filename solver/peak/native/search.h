/* Exact search from a root state: the compiled twin of _Explorer in solver/peak/search.py. */
#ifndef TIGHTFIT_SEARCH_H
#define TIGHTFIT_SEARCH_H

#include "space.h"

typedef enum { SLICE, REFUTED, VALLEY, FULL, NO_MEMORY } Event;

typedef struct Search Search;

/* `chain`: longest chain of free moves, 0 for none. NULL when memory is short. */
Search *search_new(const Space *space, int64_t budget, int32_t chain, bool commits);
void search_free(Search *search);
/* Expand up to `slice` states; stop early at an event. `cap` bounds the bytes of the tables. */
Event search_run(Search *search, int64_t slice, size_t cap);
/* After REFUTED: the least step peak that was ruled out; and going on with it as the budget. */
int64_t search_rejected(const Search *search);
bool search_raise(Search *search);
/* After VALLEY or FULL: ops from the root to the state found. Returns their number. */
int32_t search_path(const Search *search, int32_t *ops);
/* Move the root along `ops`, take what is free there, drop the tables. Fills in all ops joined. */
int32_t search_commit(Search *search, const int32_t *ops, int32_t count, int32_t *joined);
int64_t search_states(const Search *search);
size_t search_bytes(const Search *search);

#endif

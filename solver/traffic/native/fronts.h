/* The states of a set of ops undone that no other dominates. */
#ifndef TIGHTFIT_TRAFFIC_FRONTS_H
#define TIGHTFIT_TRAFFIC_FRONTS_H

#include "search_internal.h"

/* A column of masks folded to one word for each buffer, such that few that are live at once share
 * one; NULL without memory. */
uint8_t *fronts_columns(const Space *space);
/* Whether a state with these ops undone dominates this one. */
bool fronts_dominate(Search *search, int32_t set, const State *state, const Mark *mark);
/* Discard what a state dominates. */
void fronts_prune(Search *search, int32_t set, const State *state, const Mark *mark);
/* Add a state; false without memory. */
bool fronts_add(Search *search, int32_t set, const Mark *mark);
/* The mark of a state, its node yet to come. */
Mark fronts_mark(const Search *search, const State *state);

#endif

/* Lower bound on the cost to come, see solver/traffic/tally.py. */
#ifndef TIGHTFIT_TRAFFIC_TALLY_H
#define TIGHTFIT_TRAFFIC_TALLY_H

#include <stddef.h>

#include "space.h"

typedef struct Tally Tally;

Tally *tally_new(const Space *space); /* NULL without memory */
void tally_free(Tally *tally);
/* Bytes at least still to pay; -1 without memory. */
int64_t tally_rest(Tally *tally, const Word *undone, const Word *ready, uint64_t hash, int64_t held,
                   int64_t cheap);
/* Work towards the bound of the whole problem for about so many steps; whether that is done. */
bool tally_warm(Tally *tally, int64_t steps, bool *done); /* false without memory */
/* Know no bounds any more. */
void tally_stop(Tally *tally);

#endif

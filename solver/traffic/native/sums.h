/* Subset sums of the sizes of live buffers. */
#ifndef TIGHTFIT_TRAFFIC_SUMS_H
#define TIGHTFIT_TRAFFIC_SUMS_H

#include "space.h"

enum { MOST_SUMS = 256 };

typedef struct {
    int64_t sums[2 * MOST_SUMS + 2], total; /* ascending; of all */
    int32_t count;                          /* -1 if there were too many */
} Sums;

/* Of the buffers from `first` on that are live and not touched by `op`, up to `room`. */
void sums_find(Sums *sums, const Space *space, int32_t first, const Word *undone, int32_t op,
               int64_t room);
/* Largest sum within `room`; `room` if there were too many. */
int64_t sums_fitting(const Sums *sums, int64_t room);

#endif

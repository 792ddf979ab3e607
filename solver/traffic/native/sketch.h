/* Lower bounds by a coarser search, see solver/traffic/sketch.py. */
#ifndef TIGHTFIT_TRAFFIC_SKETCH_H
#define TIGHTFIT_TRAFFIC_SKETCH_H

#include <stddef.h>

#include "event.h"
#include "space.h"

typedef struct Sketch Sketch;

/* The `exact` largest buffers are told apart; the room at ops undone at once is waived if they need no
 * more than `waived` bytes. `coarser` may be NULL; it and `space` must outlive the sketch. NULL
 * without memory. */
Sketch *sketch_new(const Space *space, int64_t upper, int32_t exact, int64_t waived, Sketch *coarser);
void sketch_free(Sketch *sketch);
/* Expand states, for `slice` units of work, while the tables stay under `cap` bytes. */
Event sketch_run(Sketch *sketch, int64_t slice, size_t cap);
int64_t sketch_states(const Sketch *sketch);
int64_t sketch_bound(const Sketch *sketch);
size_t sketch_bytes(const Sketch *sketch);
/* All ops in backward time along the way to the state found; false without memory. */
bool sketch_order(Sketch *sketch, int32_t *ops);

/* A state of a finer search: masks of buffers by name, `words` long, and bytes of all others. */
typedef struct {
    const Word *undone, *ready, *resident, *stored;
    int32_t words, count;
    uint64_t hash;
    int64_t held, cheap, cost;
} Finer;

/* Bytes that any plan through a finer state moves in all, at least. */
int64_t sketch_total(Sketch *sketch, const Finer *finer);
const Space *sketch_space(const Sketch *sketch);

#endif

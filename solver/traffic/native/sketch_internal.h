/* What the parts of a sketch share. */
#ifndef TIGHTFIT_TRAFFIC_SKETCH_INTERNAL_H
#define TIGHTFIT_TRAFFIC_SKETCH_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "sketch.h"
#include "sums.h"
#include "tables.h"
#include "tally.h"

/* A state under construction: exact buffers by name, the others by their bytes. */
typedef struct {
    Word *undone, *ready, *resident, *stored; /* in one block, at `undone` */
    int64_t held, cheap; /* bytes of other buffers resident; those that cost a reload only */
    int64_t cost, total;
    int32_t count;
    uint64_t hash;
} Draft;

enum { MOST_WAYS = 1 << 13 };

struct Sketch {
    const Space *space;
    Sketch *coarser;
    Tally *tally;
    int32_t exact, words; /* buffers told apart, and words of their masks */
    Word *large;          /* ops that are never undone at once */
    int64_t upper, bound, states, serial;
    Tables tables; /* a node's `bytes` are those held, its `lack` the cheap ones */
    size_t masks_at;
    Draft now, next, image;
    Sums at_op, at_turn; /* for the op being undone, for one that might be undone at once */
    int32_t *victims;
    int64_t *freed; /* bytes of the victims from each on */
    int32_t found;
    bool failed; /* out of memory */
    int32_t ways; /* tried to make room in the state being expanded */
    /* While the way to the state found is walked again: the next state on it, and ops undone. */
    int32_t target, traced;
    int32_t *trace;
};

bool draft_init(const Sketch *sketch, Draft *draft); /* false without memory */
void draft_free(Draft *draft);
void draft_copy(const Sketch *sketch, Draft *to, const Draft *from);
/* Undo at once what loses nothing, whether or not it fits. */
void draft_settle(Sketch *sketch, Draft *draft);
/* Undo `op` in all ways in the state `now`, that of node `index`. */
void sketch_undo(Sketch *sketch, int32_t index, int32_t op);
/* Queue a state unless it is dominated or too dear. */
void sketch_offer(Sketch *sketch, Draft *draft, int32_t parent, int32_t op);

static inline Word *sketch_masks(const Sketch *s, int32_t index) {
    return (Word *)((char *)node_at(&s->tables, index) + s->masks_at);
}

static inline int64_t least_of(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most_of(int64_t a, int64_t b) { return a > b ? a : b; }

#endif

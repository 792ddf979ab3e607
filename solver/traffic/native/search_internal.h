/* What the parts of the search share: the tables, and states under construction. */
#ifndef TIGHTFIT_TRAFFIC_SEARCH_INTERNAL_H
#define TIGHTFIT_TRAFFIC_SEARCH_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "limits.h"
#include "search.h"
#include "tables.h"
#include "tally.h"

/* A state under construction. */
typedef struct {
    Word *undone, *ready, *resident, *stored; /* in one block, at `undone` */
    Word *tight; /* deferred: buffers that may have been kept, under `limits` */
    Limit *limits;
    int32_t limit_count;
    int64_t worst; /* cost if all that may be resident is dropped at once */
    Word *out; /* operands of the op to come that stay outside (streaming) */
    int64_t cost, bytes, total;
    int64_t live; /* bytes before the ops undone, wherever they are; counted only under a cap */
    int32_t count;
    uint64_t hash;
} State;

/* Moves written down while a path is replayed. */
typedef struct {
    int32_t *moves;
    int64_t count, room;
    bool failed;
} Record;

/* Ready ops of a state that have to be looked at for free moves, and those that would not fit. */
typedef struct {
    Word *look, *waiting; /* in one block, at `look` */
    int64_t fits_at;      /* bytes with which the first of those waiting fits */
} Slide;

struct Search {
    const Space *space;
    Switches switches;
    int64_t upper, states, bound, serial, known;
    int32_t greed;
    int32_t width;   /* of a beam: states expanded of each level, 0 for all */
    int32_t *counts; /* per level, states and choices expanded */
    Tables tables;
    Sketch *sketch; /* NULL if not used */
    Tally *tally;   /* NULL if not used */
    size_t masks_at;
    uint8_t *columns; /* see fronts.h */
    int64_t least, unit; /* smallest size, and common divisor of all */
    Word *seen, *dear;   /* scratch masks */
    State now, new, base, trial;
    Slide slide, trial_slide;
    int32_t found;
    bool failed; /* out of memory, or stopped */
    Record *record;
};

/* state.c */
bool state_init(const Space *space, State *state); /* false without memory */
void state_free(State *state);
void state_load(const Search *search, State *to, int32_t index);
void state_save(Search *search, const State *from, int32_t index);
void state_drop(Search *search, State *state, int32_t k);
/* Drop a victim, or leave it outside at `op`. */
void state_sacrifice(Search *search, State *state, int32_t k, int32_t op);
/* Undo `op`. */
void state_step(Search *search, State *state, int32_t op);

/* settle.c */
bool slide_init(const Space *space, Slide *slide); /* false without memory */
void slide_free(Slide *slide);
/* Take free moves, and an op with free moves after it where that ends in a valley. */
void settle(Search *search, State *state);

/* choice.c */
bool is_victim(const Space *space, const State *state, int32_t k, int32_t op);
/* Word `w` of the mask of what may be a victim, from `limit` on. */
Word candidates(const Space *space, const State *state, int32_t op, int32_t w, int32_t limit);
/* What must be paid at least to free `lack`, and the cheap bytes among it; -1 if nothing frees
 * enough. */
int64_t least_price(const Space *space, State *state, int32_t op, int32_t limit, int64_t lack,
                    int64_t *easy);
/* Whether sparing the victim `k` and dropping one of `others` instead is no worse for sure: one of
 * its size, no dearer, that is needed only after the one user that `k` has left. */
bool is_regrettable(const Space *space, const Word *undone, const Word *stored, int32_t k,
                    int32_t op, const Word *others, int32_t below);
/* Whether the victims dropped since `origin` are complete and one should have been spared. */
bool is_regretted(const Search *search, const State *state, int32_t op, int32_t origin);

/* Masks of a node: resident, stored, and out where operands may be streamed. */
static inline Word *masks_of(const Search *s, int32_t index) {
    return (Word *)((char *)node_at(&s->tables, index) + s->masks_at);
}

/* Copy all but what follows from the set of ops undone. */
static inline void copy_buffers(const Search *s, State *to, const State *from) {
    size_t bytes = (size_t)s->space->buffer_words * sizeof(Word);
    memcpy(to->resident, from->resident, bytes);
    memcpy(to->stored, from->stored, bytes);
    memcpy(to->out, from->out, bytes);
    to->cost = from->cost;
    to->total = from->total;
    to->bytes = from->bytes;
    memcpy(to->tight, from->tight, bytes);
    to->limit_count = from->limit_count;
    memcpy(to->limits, from->limits, (size_t)from->limit_count * sizeof(Limit));
}

static inline void copy_state(const Search *s, State *to, const State *from) {
    size_t bytes = (size_t)s->space->op_words * sizeof(Word);
    memcpy(to->undone, from->undone, bytes);
    memcpy(to->ready, from->ready, bytes);
    to->live = from->live;
    to->count = from->count;
    to->hash = from->hash;
    copy_buffers(s, to, from);
}

/* Cost of absence before `op`, once `op` is undone. */
static inline int64_t cost_before(const Space *sp, State *st, int32_t k, int32_t op) {
    put(st->undone, op);
    int64_t cost = drop_cost(sp, st->undone, st->stored, k);
    drop(st->undone, op);
    return cost;
}

/* Whether it is to be decided yet whether an operand of `op` has been kept. */
static inline bool is_open(const Space *sp, const State *st, int32_t op) {
    if (!st->limit_count) return false;
    EACH(k, sp->touch[op]) {
        if (has(st->tight, k)) return true;
    }
    return false;
}

/* Bytes missing when every operand that lives on is to be in the TCM. */
static inline int64_t lack_of(const Space *sp, const State *st, int32_t op) {
    int64_t need = st->bytes + sp->fixed[op] - sp->capacity;
    EACH(k, sp->touch[op]) {
        if (!has(st->resident, k) && !(sp->streaming && ends_with(sp, st->undone, k, op)))
            need += sp->size[k];
    }
    return need;
}

/* Whether what is live while `op` runs is within the cap on all memory. */
static inline bool is_allowed(const Space *sp, const State *st, int32_t op) {
    return sp->live_capacity == NO_CAP ||
           live_at(sp, st->undone, st->live, op).during <= sp->live_capacity;
}

/* Whether undoing `op` is allowed and leaves no more live than there was. */
static inline bool is_calm(const Space *sp, const State *st, int32_t op) {
    if (sp->live_capacity == NO_CAP) return true;
    Live live = live_at(sp, st->undone, st->live, op);
    return live.during <= sp->live_capacity && live.before <= st->live;
}

#endif

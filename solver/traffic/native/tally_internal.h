/* What the parts of the tally share. */
#ifndef TIGHTFIT_TRAFFIC_TALLY_INTERNAL_H
#define TIGHTFIT_TRAFFIC_TALLY_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "sums.h"
#include "tally.h"

enum { NONE = -1 };

typedef struct {
    int64_t back, new, new_cheap, gone, beside, change, change_cheap;
    int32_t after;
} Effect;

/* A settled set of ops undone; its masks are in `masks`, its effects begin at `effects`. */
typedef struct {
    int32_t effects, count; /* NONE until made */
    bool full;
} Settled;

/* Where settling from a set leads; its mask is in `keys`. */
typedef struct {
    uint64_t hash;
    int64_t change, cheap;
    int32_t index;
} Alias;

typedef struct {
    int64_t held, cheap;
    int32_t index;
} Key;

typedef struct {
    Key key;
    int64_t rest;
} Known;

typedef struct {
    int32_t *slots;
    uint32_t mask;
} Hash;

struct Tally {
    const Space *space;
    Settled *sets;
    Word *masks; /* per set: undone, ready */
    Alias *aliases;
    Word *keys;
    Effect *effects;
    Known *known;
    Key *stack;
    size_t set_count, set_room, alias_count, alias_room, effect_count, effect_room, known_count,
        known_room, stack_count, stack_room;
    Hash alias_hash, set_hash, known_hash;
    int64_t steps;
    Word *now, *ready, *look; /* scratch of settling */
    Word *after, *after_ready;
    Sums sums;
    bool failed;
    bool given_up;
    bool warming; /* the stack is that of the whole problem */
};

/* Room for one more element of an array. */
bool tally_grow(Tally *tally, void **array, size_t count, size_t *room, size_t size);
bool tally_hash_init(Hash *hash);
void tally_put_slot(Hash *hash, uint64_t key, int32_t value);
/* Twice the slots, empty, for the caller to fill again. */
bool tally_widen(Tally *tally, Hash *hash);
/* Where settling leads; the pointer is good until the next call. NULL without memory. */
const Alias *tally_settle(Tally *tally, const Word *undone, const Word *ready, uint64_t hash);
/* Find what undoing each ready op of a settled set does; false without memory. */
bool tally_make_effects(Tally *tally, int32_t set);

static inline Word *tally_undone(const Tally *t, size_t set) {
    return t->masks + set * 2 * (size_t)t->space->op_words;
}
static inline Word *tally_ready(const Tally *t, size_t set) {
    return tally_undone(t, set) + t->space->op_words;
}

#endif

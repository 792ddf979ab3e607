/* The state space of solver/peak/space.py in flat arrays: see there for what the facts mean. */
#ifndef TIGHTFIT_SPACE_H
#define TIGHTFIT_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of ops as (word, bits) pairs: most storages touch a handful of ops in one or two words. */
typedef struct {
    uint32_t word;
    uint64_t bits;
} Piece;

typedef struct {
    int32_t begin, end;
} Span;

/* One storage from the point of view of one op: the other ops that matter, and bytes. */
typedef struct {
    Span others;
    int32_t group; /* of in-place choices for one target; unused elsewhere */
    int64_t size;
} Share;

typedef struct {
    int32_t ops, words;
    bool backward;
    int64_t start_memory;
    int64_t *workspace;
    uint64_t *mix; /* one random word per op: the hash of a state is their exclusive or */
    Piece *pieces;
    Share *shares;
    int32_t *followers;
    Span *need, *touch;          /* per op, into pieces */
    Span *follow;                /* per op, into followers */
    Span *news, *frees, *reuses; /* per op, into shares */
} Space;

static inline bool has(const uint64_t *state, int32_t op) { return state[op >> 6] >> (op & 63) & 1; }
static inline void put(uint64_t *state, int32_t op) { state[op >> 6] |= 1ULL << (op & 63); }
static inline void drop(uint64_t *state, int32_t op) { state[op >> 6] &= ~(1ULL << (op & 63)); }

/* Next set bit at or after `op`, or -1. */
int32_t next_op(const Space *space, const uint64_t *set, int32_t op);
/* Bytes `op` adds while it runs and after it has run. */
void effect(const Space *space, int32_t op, const uint64_t *state, int64_t *rise, int64_t *net);
/* Let `op` join `state` and bring the ready set up to date. */
void join(const Space *space, int32_t op, uint64_t *state, uint64_t *ready);
/* The ready set from scratch. */
void find_ready(const Space *space, const uint64_t *state, uint64_t *ready);
/* target |= ops that share a storage with `op`. */
void add_touched(const Space *space, int32_t op, uint64_t *target);
bool is_full(const Space *space, const uint64_t *state);
int32_t count_ops(const Space *space, const uint64_t *state);
uint64_t hash_state(const Space *space, const uint64_t *state);

#endif

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

static inline bool meets(const Space *space, Span set, const uint64_t *state) {
    for (int32_t i = set.begin; i < set.end; i++)
        if (space->pieces[i].bits & state[space->pieces[i].word]) return true;
    return false;
}

static inline bool within(const Space *space, Span set, const uint64_t *state) {
    for (int32_t i = set.begin; i < set.end; i++)
        if (space->pieces[i].bits & ~state[space->pieces[i].word]) return false;
    return true;
}

/* Next set bit at or after `op`, or -1. */
static inline int32_t next_op(const Space *space, const uint64_t *set, int32_t op) {
    if (op >= space->ops) return -1;
    int32_t word = op >> 6;
    uint64_t bits = set[word] & (~0ULL << (op & 63));
    while (!bits) {
        if (++word >= space->words) return -1;
        bits = set[word];
    }
    return word * 64 + __builtin_ctzll(bits);
}

/* Bytes `op` adds while it runs and after it has run. */
static inline void effect(const Space *space, int32_t op, const uint64_t *state, int64_t *rise, int64_t *net) {
    int64_t born = 0, freed = 0, reused = 0, best = 0;
    for (int32_t i = space->news[op].begin; i < space->news[op].end; i++)
        if (!meets(space, space->shares[i].others, state)) born += space->shares[i].size;
    for (int32_t i = space->frees[op].begin; i < space->frees[op].end; i++)
        if (within(space, space->shares[i].others, state)) freed += space->shares[i].size;
    int32_t group = -1;
    for (int32_t i = space->reuses[op].begin; i < space->reuses[op].end; i++) {
        const Share *share = &space->shares[i];
        if (share->group != group) {
            reused += best;
            best = 0;
            group = share->group;
        }
        bool due = space->backward ? !meets(space, share->others, state)
                                   : within(space, share->others, state);
        if (due && share->size > best) best = share->size;
    }
    *rise = born + space->workspace[op] - reused - best;
    *net = born - freed;
}

/* Let `op` join `state` and bring the ready set up to date. */
static inline void join(const Space *space, int32_t op, uint64_t *state, uint64_t *ready) {
    put(state, op);
    drop(ready, op);
    for (int32_t i = space->follow[op].begin; i < space->follow[op].end; i++) {
        int32_t next = space->followers[i];
        if (within(space, space->need[next], state)) put(ready, next);
    }
}

/* The ready set from scratch. */
static inline void find_ready(const Space *space, const uint64_t *state, uint64_t *ready) {
    for (int32_t w = 0; w < space->words; w++) ready[w] = 0;
    for (int32_t op = 0; op < space->ops; op++)
        if (!has(state, op) && within(space, space->need[op], state)) put(ready, op);
}

/* target |= ops that share a storage with `op`. */
static inline void add_touched(const Space *space, int32_t op, uint64_t *target) {
    for (int32_t i = space->touch[op].begin; i < space->touch[op].end; i++)
        target[space->pieces[i].word] |= space->pieces[i].bits;
}

static inline int32_t count_ops(const Space *space, const uint64_t *state) {
    int32_t count = 0;
    for (int32_t w = 0; w < space->words; w++) count += __builtin_popcountll(state[w]);
    return count;
}

static inline bool is_full(const Space *space, const uint64_t *state) {
    return count_ops(space, state) == space->ops;
}

#endif

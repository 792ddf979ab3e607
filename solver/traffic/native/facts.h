/* Facts about ops and buffers of a space. */
#ifndef TIGHTFIT_TRAFFIC_FACTS_H
#define TIGHTFIT_TRAFFIC_FACTS_H

#include "space.h"

#define EACH(k, span) \
    for (int32_t at_##k = (span).begin, k; at_##k < (span).end && (k = sp->lists[at_##k], true); at_##k++)

static inline uint64_t mix(int32_t i) {
    uint64_t x = (uint64_t)i + 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static inline bool writer_undone(const Space *sp, const Word *undone, int32_t k) {
    if (!sp->several[k]) return false; /* a single writer is the last user undone */
    EACH(w, sp->writers[k]) {
        if (has(undone, w)) return true;
    }
    return false;
}

static inline int64_t drop_cost(const Space *sp, const Word *undone, const Word *stored, int32_t k) {
    if (writer_undone(sp, undone, k)) return 2 * sp->size[k];
    return sp->clean[k] || has(stored, k) ? sp->size[k] : 2 * sp->size[k];
}

/* Whether no user of `k` but `op` is left. */
static inline bool ends_with(const Space *sp, const Word *undone, int32_t k, int32_t op) {
    EACH(u, sp->users[k]) {
        if (u != op && !has(undone, u)) return false;
    }
    return true;
}

static inline bool is_live(const Space *sp, const Word *undone, int32_t k) {
    EACH(u, sp->users[k]) {
        if (has(undone, u)) return true;
    }
    return false;
}

static inline int32_t users_left(const Space *sp, const Word *undone, int32_t k) {
    int32_t left = 0;
    EACH(u, sp->users[k]) left += !has(undone, u);
    return left;
}

static inline bool writes(const Space *sp, int32_t op, int32_t k) {
    EACH(w, sp->writers[k]) {
        if (w == op) return true;
    }
    return false;
}

static inline bool touches(const Space *sp, int32_t op, int32_t k) {
    EACH(b, sp->touch[op]) {
        if (b == k) return true;
    }
    return false;
}

/* Whether every user of `far` still to come can only be undone after some user of `near`. */
static inline bool surely_after(const Space *sp, const Word *undone, int32_t far, int32_t near) {
    EACH(u, sp->users[far]) {
        if (has(undone, u)) continue;
        const Word *need = sp->need + (size_t)u * (size_t)sp->op_words;
        bool waits = false;
        EACH(q, sp->users[near]) {
            if (!has(undone, q) && has(need, q)) {
                waits = true;
                break;
            }
        }
        if (!waits) return false;
    }
    return true;
}

/* Bytes live while an op runs, its workspace included, and before it. */
typedef struct {
    int64_t during, before;
} Live;

/* `live` bytes are so before the ops undone. */
static inline Live live_at(const Space *sp, const Word *undone, int64_t live, int32_t op) {
    int64_t enters = sp->enters[op], leaves = sp->leaves[op];
    EACH(k, sp->touch[op]) {
        if (!(sp->clean[k] & OUTPUT) && !is_live(sp, undone, k)) enters += sp->size[k];
        if (sp->clean[k] & INPUT) continue;
        bool is_born = true; /* by `op`: all its writers are undone then */
        EACH(w, sp->writers[k]) is_born = is_born && (w == op || has(undone, w));
        if (is_born) leaves += sp->size[k];
    }
    return (Live){live + enters + sp->workspace[op], live + enters - leaves};
}

/* Update the ready mask once `op` is undone. */
static inline void make_ready(const Space *sp, const Word *undone, Word *ready, int32_t op) {
    drop(ready, op);
    EACH(f, sp->follow[op]) {
        bool waits = false;
        EACH(b, sp->before[f]) {
            if (!has(undone, b)) {
                waits = true;
                break;
            }
        }
        if (!waits) put(ready, f);
    }
}

/* Once `op` is undone: put into `look` the ready ops that share a buffer with it or waited for it.
 * Returns the first word that may have changed. */
static inline int32_t look_around(const Space *sp, const Word *ready, Word *look, int32_t op) {
    int32_t first = sp->op_words;
    EACH(k, sp->touch[op]) {
        EACH(u, sp->users[k]) {
            if (!has(ready, u)) continue;
            put(look, u);
            if (u >> 6 < first) first = u >> 6;
        }
    }
    EACH(f, sp->follow[op]) {
        if (!has(ready, f)) continue;
        put(look, f);
        if (f >> 6 < first) first = f >> 6;
    }
    return first;
}

#endif

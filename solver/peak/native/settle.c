/* Replacing a state by one that is at least as good: free moves and nested valleys. */
#include "search_internal.h"

bool draft_new(const Space *space, Draft *draft) {
    draft->state = calloc((size_t)space->words * 3 + 1, sizeof(uint64_t));
    draft->path = calloc((size_t)space->ops + 1, sizeof(int32_t));
    if (!draft->state || !draft->path) return false;
    draft->ready = draft->state + space->words;
    draft->look = draft->ready + space->words;
    return true;
}

static void draft_copy(const Space *space, Draft *to, const Draft *from) {
    memcpy(to->state, from->state, (size_t)space->words * 2 * sizeof(uint64_t));
    to->memory = from->memory;
    to->hash = from->hash;
    to->length = 0;
}

void draft_join(const Space *space, Draft *draft, int32_t op, int64_t net) {
    join(space, op, draft->state, draft->ready);
    draft->memory += net;
    draft->hash ^= space->mix[op];
    draft->path[draft->length++] = op;
}

/* Whether some op waits for `op` alone. */
static bool leads_on(const Space *space, const Draft *draft, int32_t op) {
    for (int32_t i = space->follow[op].begin; i < space->follow[op].end; i++) {
        Span need = space->need[space->followers[i]];
        bool alone = true;
        for (int32_t k = need.begin; alone && k < need.end; k++) {
            const Piece *piece = &space->pieces[k];
            uint64_t here = piece->word == (uint32_t)op >> 6 ? 1ULL << (op & 63) : 0;
            alone = !(piece->bits & ~(draft->state[piece->word] | here));
        }
        if (alone) return true;
    }
    return false;
}

/* Follow the chain that `op` starts in search->trial until memory is no higher than in `draft`. */
static bool follow_chain(Search *search, const Draft *draft, int32_t op, int64_t net) {
    const Space *space = search->space;
    Draft *trial = &search->trial;
    draft_copy(space, trial, draft);
    for (int32_t step = 0;;) {
        draft_join(space, trial, op, net);
        if (trial->memory <= draft->memory) return true;
        if (++step == search->chain) return false;
        int64_t best = 0, best_rise = 0;
        int32_t next = -1;
        for (int32_t i = space->follow[op].begin; i < space->follow[op].end; i++) {
            int32_t candidate = space->followers[i];
            int64_t rise, change;
            if (!has(trial->ready, candidate)) continue;
            effect(space, candidate, trial->state, &rise, &change);
            if (next < 0 || change < best || (change == best && candidate < next)) {
                next = candidate;
                best = change;
                best_rise = rise;
            }
        }
        if (next < 0 || trial->memory + best_rise > search->budget) return false;
        op = next;
        net = best;
    }
}

/* Let the ops of `path` join the draft; look again at whatever they may have changed. */
static void take(Search *search, Draft *draft, const int32_t *path, int32_t length, int64_t change) {
    const Space *space = search->space;
    for (int32_t i = 0; i < length; i++) {
        int32_t op = path[i];
        drop(draft->look, op);
        put(draft->state, op);
        drop(draft->ready, op);
        for (int32_t k = space->follow[op].begin; k < space->follow[op].end; k++) {
            int32_t next = space->followers[k];
            if (!within(space, space->need[next], draft->state)) continue;
            put(draft->ready, next);
            put(draft->look, next);
        }
        add_touched(space, op, draft->look);
        draft->hash ^= space->mix[op];
        draft->path[draft->length++] = op;
    }
    draft->memory += change;
    for (int32_t w = 0; w < space->words; w++)
        draft->look[w] = change < 0 ? draft->ready[w] : draft->look[w] & draft->ready[w];
}

void settle(Search *search, Draft *draft) {
    const Space *space = search->space;
    if (!search->chain) return;
    for (int32_t op = next_op(space, draft->look, 0); op >= 0;) {
        int64_t rise, net;
        drop(draft->look, op);
        effect(space, op, draft->state, &rise, &net);
        bool fits = draft->memory + rise <= search->budget;
        if (fits && net <= 0) {
            take(search, draft, &op, 1, net);
            op = next_op(space, draft->look, 0);
        } else if (fits && search->chain > 1 && leads_on(space, draft, op) &&
                   follow_chain(search, draft, op, net)) {
            const Draft *trial = &search->trial;
            take(search, draft, trial->path, trial->length, trial->memory - draft->memory);
            op = next_op(space, draft->look, 0);
        } else {
            op = next_op(space, draft->look, op + 1);
        }
    }
}

void succeed(Search *search, const uint64_t *state, const uint64_t *ready, int64_t memory,
                    uint64_t hash, int32_t op, int64_t net) {
    const Space *space = search->space;
    size_t bytes = (size_t)space->words * sizeof(uint64_t);
    Draft *draft = &search->draft;
    memcpy(draft->state, state, bytes);
    memcpy(draft->ready, ready, bytes);
    draft->memory = memory;
    draft->hash = hash;
    draft->length = 0;
    draft_join(space, draft, op, net);
    if (is_seen(search, draft)) return;
    if (net < 0) {
        memcpy(draft->look, draft->ready, bytes);
    } else {
        memset(draft->look, 0, bytes);
        add_touched(space, op, draft->look);
        for (int32_t w = 0; w < space->words; w++)
            draft->look[w] = draft->ready[w] & (draft->look[w] | ~ready[w]);
    }
    settle(search, draft);
}

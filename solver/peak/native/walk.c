/* Once the tables are full: depth-first below each open state, with a small cache. */
#include "search_internal.h"

#define CACHE_BYTES (1 << 24) /* for states that the walk remembers */

bool walk_start(Search *search) {
    const Space *space = search->space;
    Walk *walk = &search->walk;
    size_t words = (size_t)space->words, depth = (size_t)space->ops + 1;
    if (!walk->frames) {
        walk->frames = malloc(depth * sizeof(Frame));
        walk->sets = malloc(depth * 2 * words * sizeof(uint64_t));
        walk->trail = malloc(depth * sizeof(int32_t));
        walk->slots = CACHE_BYTES / (words * sizeof(uint64_t)) + 1;
        walk->closed = malloc(walk->slots * words * sizeof(uint64_t));
        if (!walk->frames || !walk->sets || !walk->trail || !walk->closed) return false;
    }
    /* All ones is the full state at most, and that is no state to look up. */
    memset(walk->closed, 0xff, walk->slots * words * sizeof(uint64_t));
    walk->active = true;
    walk->rejected = INT64_MAX;
    return true;
}

static uint64_t *cached(const Search *search, uint64_t hash) {
    return search->walk.closed + (hash >> 7) % search->walk.slots * (size_t)search->space->words;
}

static void walk_push(Search *search, const uint64_t *state, int64_t memory, uint64_t hash, int32_t begin) {
    const Space *space = search->space;
    Walk *walk = &search->walk;
    size_t words = (size_t)space->words;
    uint64_t *sets = walk->sets + (size_t)walk->depth * 2 * words;
    memcpy(sets, state, words * sizeof(uint64_t));
    find_ready(space, sets, sets + words);
    walk->frames[walk->depth++] = (Frame){memory, hash, begin, next_op(space, sets + words, 0)};
    search->states++;
}

void walk_from(Search *search, uint32_t node) {
    const Node *from = &search->nodes[node];
    search->walk.node = node;
    walk_push(search, set_of(search, node), from->memory, from->hash, 0);
}

void walk_free(Walk *walk) {
    free(walk->frames);
    free(walk->sets);
    free(walk->trail);
    free(walk->closed);
}

/* One step of the walk: try the next op of the deepest frame, or leave it. */
Event walk_step(Search *search) {
    const Space *space = search->space;
    Walk *walk = &search->walk;
    size_t words = (size_t)space->words;
    Frame *frame = &walk->frames[walk->depth - 1];
    uint64_t *state = walk->sets + (size_t)(walk->depth - 1) * 2 * words, *ready = state + words;
    Draft *draft = &search->draft;
    int32_t op = frame->next;
    if (op < 0) {
        memcpy(cached(search, frame->hash), state, words * sizeof(uint64_t));
        walk->trail_count = frame->path_begin;
        walk->depth--;
        return SLICE;
    }
    frame->next = next_op(space, ready, op + 1);
    int64_t rise, net;
    effect(space, op, state, &rise, &net);
    if (frame->memory + rise > search->budget) {
        if (frame->memory + rise < walk->rejected) walk->rejected = frame->memory + rise;
        return SLICE;
    }
    succeed(search, state, ready, frame->memory, frame->hash, op, net);
    bool full = is_full(space, draft->state);
    /* States of the table have been expanded or wait in the heap: they get their own turn. */
    if (!full && (is_seen(search, draft) || same(space, cached(search, draft->hash), draft->state)))
        return SLICE;
    int32_t begin = walk->trail_count;
    memcpy(walk->trail + begin, draft->path, (size_t)draft->length * sizeof(int32_t));
    walk->trail_count += draft->length;
    if (full) return FULL;
    if (search->commits && draft->memory <= search->root_memory) return VALLEY;
    walk_push(search, draft->state, draft->memory, draft->hash, begin);
    return SLICE;
}

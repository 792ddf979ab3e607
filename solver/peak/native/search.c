#include "search_internal.h"

static void load_root(Search *search) { /* the root is node 0 */
    Draft *draft = &search->draft;
    memcpy(draft->state, set_of(search, 0), (size_t)search->space->words * sizeof(uint64_t));
    draft->memory = search->nodes[0].memory;
    draft->hash = search->nodes[0].hash;
}

/* Forget everything and start from the state in search->draft. */
static bool restart(Search *search) {
    search->count = search->path_count = search->heap_count = search->deferred_count = 0;
    search->serial = 0;
    search->found = NONE;
    search->walk.active = false;
    search->walk.depth = search->walk.trail_count = 0;
    memset(search->table, 0xff, search->table_size * sizeof(uint64_t));
    search->draft.length = 0;
    search->root_memory = search->draft.memory;
    return add_node(search, &search->draft, NONE) && push(search, (Open){search->root_memory, 0, 0});
}

Search *search_new(const Space *space, int64_t budget, int32_t chain, bool commits) {
    Search *search = calloc(1, sizeof *search);
    if (!search) return NULL;
    search->space = space;
    search->budget = budget;
    search->chain = chain;
    search->commits = commits;
    search->cap = SIZE_MAX;
    search->table_size = 128;
    search->table = malloc(search->table_size * sizeof(uint64_t));
    search->ready = calloc((size_t)space->words + 1, sizeof(uint64_t));
    if (!search->table || !search->ready || !draft_new(space, &search->draft) ||
        !draft_new(space, &search->trial)) {
        search_free(search);
        return NULL;
    }
    search->draft.memory = space->start_memory;
    return search;
}

void search_free(Search *search) {
    if (!search) return;
    free(search->nodes);
    free(search->sets);
    free(search->paths);
    free(search->table);
    free(search->heap);
    free(search->deferred);
    free(search->draft.state);
    free(search->draft.path);
    free(search->trial.state);
    free(search->trial.path);
    free(search->ready);
    walk_free(&search->walk);
    free(search);
}

int32_t search_commit(Search *search, const int32_t *ops, int32_t count, int32_t *joined) {
    const Space *space = search->space;
    Draft *draft = &search->draft;
    if (search->count) load_root(search);
    find_ready(space, draft->state, draft->ready);
    draft->length = 0;
    for (int32_t i = 0; i < count; i++) {
        int64_t rise, net;
        effect(space, ops[i], draft->state, &rise, &net);
        draft_join(space, draft, ops[i], net);
    }
    memcpy(draft->look, draft->ready, (size_t)space->words * sizeof(uint64_t));
    settle(search, draft);
    int32_t length = draft->length;
    memcpy(joined, draft->path, (size_t)length * sizeof(int32_t));
    return restart(search) ? length : -1;
}

static Event broken(Search *search) {
    search->broken = true;
    return NO_MEMORY;
}

/* Expand one node. Returns SLICE to go on. */
static Event expand(Search *search, uint32_t node) {
    const Space *space = search->space;
    Draft *draft = &search->draft;
    int64_t memory = search->nodes[node].memory, rejected = INT64_MAX;
    find_ready(space, set_of(search, node), search->ready);
    for (int32_t op = next_op(space, search->ready, 0); op >= 0; op = next_op(space, search->ready, op + 1))
        __builtin_prefetch(
            &search->table[(search->nodes[node].hash ^ space->mix[op]) & (search->table_size - 1)]);
    for (int32_t op = next_op(space, search->ready, 0); op >= 0; op = next_op(space, search->ready, op + 1)) {
        int64_t rise, net;
        effect(space, op, set_of(search, node), &rise, &net);
        if (memory + rise > search->budget) {
            if (memory + rise < rejected) rejected = memory + rise;
            continue;
        }
        succeed(search, set_of(search, node), search->ready, memory, search->nodes[node].hash, op, net);
        if (is_seen(search, draft)) continue;
        if (!add_node(search, draft, node)) return NO_MEMORY;
        search->found = (uint32_t)search->count - 1;
        if (is_full(space, draft->state)) return FULL;
        if (search->commits && draft->memory <= search->root_memory) return VALLEY;
        search->serial++;
        if (!push(search, (Open){draft->memory, -search->serial, search->found})) return broken(search);
    }
    if (rejected < INT64_MAX) {
        if (!GROW(search->deferred, search->deferred_capacity, search->deferred_count + 1))
            return broken(search);
        search->deferred[search->deferred_count++] = (Deferred){rejected, search->states, node};
    }
    return SLICE;
}

static Event refuted(Search *search) {
    search->rejected = search->walk.active ? search->walk.rejected : INT64_MAX;
    for (size_t i = 0; i < search->deferred_count; i++)
        if (search->deferred[i].rejected < search->rejected)
            search->rejected = search->deferred[i].rejected;
    return REFUTED;
}

Event search_run(Search *search, int64_t slice, size_t cap) {
    Walk *walk = &search->walk;
    search->cap = cap;
    int64_t end = search->states + slice;
    while (search->states < end) {
        Event event;
        if (walk->active && walk->depth) {
            event = walk_step(search);
        } else if (!search->heap_count) {
            return refuted(search);
        } else if (walk->active) {
            walk_from(search, pop(search).node);
            event = SLICE;
        } else {
            Open top = pop(search);
            search->states++;
            event = expand(search, top.node);
            if (event == NO_MEMORY) { /* the tables are full: the rest of this node, too, by walks */
                if (search->broken || !push(search, top) || !walk_start(search)) return NO_MEMORY;
                event = SLICE;
            }
        }
        if (event != SLICE) return event;
    }
    return SLICE;
}

int64_t search_rejected(const Search *search) { return search->rejected; }

bool search_raise(Search *search) {
    search->budget = search->rejected;
    if (search->walk.active) { /* the walk kept no record of what it ruled out: start over */
        load_root(search);
        return restart(search);
    }
    size_t kept = 0;
    for (size_t i = 0; i < search->deferred_count; i++) {
        Deferred item = search->deferred[i];
        if (item.rejected > search->budget) {
            search->deferred[kept++] = item;
        } else if (!push(search, (Open){search->nodes[item.node].memory, item.key, item.node})) {
            return false;
        }
    }
    search->deferred_count = kept;
    return true;
}

int32_t search_path(const Search *search, int32_t *ops) {
    const Walk *walk = &search->walk;
    uint32_t found = walk->active ? walk->node : search->found;
    int32_t length = 0;
    for (uint32_t node = found; node != NONE; node = search->nodes[node].parent)
        length += (int32_t)search->nodes[node].path_length;
    int32_t end = length;
    for (uint32_t node = found; node != NONE; node = search->nodes[node].parent) {
        const Node *at = &search->nodes[node];
        end -= (int32_t)at->path_length;
        for (uint32_t i = 0; i < at->path_length; i++) ops[end + (int32_t)i] = search->paths[at->path + i];
    }
    if (walk->active) {
        memcpy(ops + length, walk->trail, (size_t)walk->trail_count * sizeof(int32_t));
        length += walk->trail_count;
    }
    return length;
}

int64_t search_states(const Search *search) { return search->states; }

size_t search_bytes(const Search *search) {
    return search->capacity * ((size_t)search->space->words * sizeof(uint64_t) + sizeof(Node)) +
           search->path_capacity * sizeof(uint16_t) + search->table_size * sizeof(uint64_t) +
           search->heap_capacity * sizeof(Open) + search->deferred_capacity * sizeof(Deferred);
}

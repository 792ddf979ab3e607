#include "search.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define NONE UINT32_MAX
#define FREE UINT64_MAX

typedef struct {
    int64_t memory, key;
    uint32_t node;
} Open; /* lowest memory first, then lowest key */

typedef struct {
    int64_t rejected, key;
    uint32_t node;
} Deferred;

typedef struct {
    int64_t memory;
    uint64_t hash;
    size_t path; /* into paths: the ops between the parent and this state */
    uint32_t parent, path_length;
} Node;

/* A state under construction. */
typedef struct {
    uint64_t *state, *ready, *look;
    int64_t memory;
    uint64_t hash;
    int32_t *path;
    int32_t length;
} Draft;

struct Search {
    const Space *space;
    int64_t budget, states, serial, rejected, root_memory;
    int32_t chain;
    bool commits;
    size_t cap; /* bytes the tables may take */
    Node *nodes;
    uint64_t *sets; /* one state per node */
    size_t count, capacity;
    uint16_t *paths; /* ops fit 16 bits, checked when the space is made */
    size_t path_count, path_capacity;
    uint64_t *table;   /* upper half of the hash, and the node; all ones where free */
    size_t table_size; /* a power of two */
    Open *heap;
    size_t heap_count, heap_capacity;
    Deferred *deferred;
    size_t deferred_count, deferred_capacity;
    uint32_t found;
    Draft draft, trial;
    uint64_t *ready; /* of the node being expanded */
    uint64_t *touched;
};

/* Random access to tables of gigabytes misses the TLB all the time on small pages. */
static void use_large_pages(void *array, size_t bytes) {
#ifdef __linux__
    const uintptr_t page = 1 << 21;
    uintptr_t begin = ((uintptr_t)array + page - 1) & ~(page - 1), end = (uintptr_t)array + bytes;
    if (end > begin + page) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)array;
    (void)bytes;
#endif
}

static bool grow(void **array, size_t *capacity, size_t needed, size_t item) {
    if (needed <= *capacity) return true;
    size_t size = *capacity ? *capacity * 2 : 1024;
    while (size < needed) size *= 2;
    void *bigger = realloc(*array, size * item);
    if (!bigger) return false;
    *array = bigger;
    *capacity = size;
    return true;
}
#define GROW(array, capacity, needed) grow((void **)&(array), &(capacity), needed, sizeof *(array))

static bool draft_new(const Space *space, Draft *draft) {
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

static void draft_join(const Space *space, Draft *draft, int32_t op, int64_t net) {
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

/* Take free moves and nested valleys from the ops in draft->look while there are any. */
static void settle(Search *search, Draft *draft) {
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

static const uint64_t *set_of(const Search *search, uint32_t node) {
    return search->sets + (size_t)node * search->space->words;
}

static uint64_t entry(uint64_t hash, uint32_t node) { return (hash >> 32 << 32) | node; }

static bool same(const Space *space, const uint64_t *a, const uint64_t *b) {
    for (int32_t w = 0; w < space->words; w++)
        if (a[w] != b[w]) return false;
    return true;
}

/* Slot of a state in the table: occupied by it, or free. */
static size_t slot_of(const Search *search, const uint64_t *state, uint64_t hash) {
    size_t mask = search->table_size - 1, slot = hash & mask;
    for (; search->table[slot] != FREE; slot = (slot + 1) & mask)
        if (search->table[slot] >> 32 == hash >> 32 &&
            same(search->space, set_of(search, (uint32_t)search->table[slot]), state))
            break;
    return slot;
}

static bool is_seen(const Search *search, const Draft *draft) {
    return search->table[slot_of(search, draft->state, draft->hash)] != FREE;
}

static bool rehash(Search *search, size_t size) {
    uint64_t *table = malloc(size * sizeof(uint64_t));
    if (!table) return false;
    use_large_pages(table, size * sizeof(uint64_t));
    memset(table, 0xff, size * sizeof(uint64_t));
    for (uint32_t node = 0; node < search->count; node++) { /* all differ: no need to compare */
        uint64_t hash = search->nodes[node].hash;
        size_t slot = hash & (size - 1);
        while (table[slot] != FREE) slot = (slot + 1) & (size - 1);
        table[slot] = entry(hash, node);
    }
    free(search->table);
    search->table = table;
    search->table_size = size;
    return true;
}

static bool add_node(Search *search, const Draft *draft, uint32_t parent) {
    size_t words = (size_t)search->space->words;
    if (search->count + 1 >= NONE) return false;
    if (search->count == search->capacity) {
        /* Two arrays of one length: grow the second first, the shared capacity last. */
        size_t capacity = search->capacity ? search->capacity * 2 : 1024;
        size_t more = search->capacity * (words * sizeof(uint64_t) + sizeof(Node));
        if (search_bytes(search) + more > search->cap) return false;
        uint64_t *sets = realloc(search->sets, capacity * (words ? words : 1) * sizeof(uint64_t));
        if (!sets) return false;
        use_large_pages(sets, capacity * words * sizeof(uint64_t));
        search->sets = sets;
        Node *nodes = realloc(search->nodes, capacity * sizeof(Node));
        if (!nodes) return false;
        use_large_pages(nodes, capacity * sizeof(Node));
        search->nodes = nodes;
        search->capacity = capacity;
    }
    if (2 * (search->count + 1) > search->table_size && !rehash(search, search->table_size * 2))
        return false;
    if (!GROW(search->paths, search->path_capacity, search->path_count + (size_t)draft->length))
        return false;
    uint32_t node = (uint32_t)search->count++;
    search->table[slot_of(search, draft->state, draft->hash)] = entry(draft->hash, node);
    memcpy(search->sets + node * words, draft->state, words * sizeof(uint64_t));
    search->nodes[node] = (Node){.memory = draft->memory,
                                 .hash = draft->hash,
                                 .path = search->path_count,
                                 .parent = parent,
                                 .path_length = (uint32_t)draft->length};
    for (int32_t i = 0; i < draft->length; i++)
        search->paths[search->path_count++] = (uint16_t)draft->path[i];
    return true;
}

static bool before(const Open *a, const Open *b) {
    return a->memory < b->memory || (a->memory == b->memory && a->key < b->key);
}

static bool push(Search *search, Open item) {
    if (!GROW(search->heap, search->heap_capacity, search->heap_count + 1)) return false;
    size_t i = search->heap_count++;
    while (i > 0 && before(&item, &search->heap[(i - 1) / 2])) {
        search->heap[i] = search->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    search->heap[i] = item;
    return true;
}

static Open pop(Search *search) {
    Open top = search->heap[0], last = search->heap[--search->heap_count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < search->heap_count) {
        if (child + 1 < search->heap_count && before(&search->heap[child + 1], &search->heap[child]))
            child++;
        if (!before(&search->heap[child], &last)) break;
        search->heap[i] = search->heap[child];
        i = child;
    }
    search->heap[i] = last;
    return top;
}

/* Forget everything and start from the state in search->draft. */
static bool restart(Search *search) {
    search->count = search->path_count = search->heap_count = search->deferred_count = 0;
    search->serial = 0;
    search->found = NONE;
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
    search->table_size = 1024;
    search->table = malloc(search->table_size * sizeof(uint64_t));
    search->ready = calloc((size_t)space->words * 2 + 1, sizeof(uint64_t));
    if (!search->table || !search->ready || !draft_new(space, &search->draft) ||
        !draft_new(space, &search->trial)) {
        search_free(search);
        return NULL;
    }
    search->touched = search->ready + space->words;
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
    free(search);
}

int32_t search_commit(Search *search, const int32_t *ops, int32_t count, int32_t *joined) {
    const Space *space = search->space;
    Draft *draft = &search->draft;
    if (search->count) { /* the root is node 0 */
        memcpy(draft->state, set_of(search, 0), (size_t)space->words * sizeof(uint64_t));
        draft->memory = search->nodes[0].memory;
        draft->hash = search->nodes[0].hash;
    }
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

/* Expand one node. Returns SLICE to go on. */
static Event expand(Search *search, uint32_t node) {
    const Space *space = search->space;
    size_t bytes = (size_t)space->words * sizeof(uint64_t);
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
        memcpy(draft->state, set_of(search, node), bytes);
        memcpy(draft->ready, search->ready, bytes);
        draft->memory = memory;
        draft->hash = search->nodes[node].hash;
        draft->length = 0;
        draft_join(space, draft, op, net);
        if (is_seen(search, draft)) continue;
        if (net < 0) {
            memcpy(draft->look, draft->ready, bytes);
        } else {
            memset(search->touched, 0, bytes);
            add_touched(space, op, search->touched);
            for (int32_t w = 0; w < space->words; w++)
                draft->look[w] = draft->ready[w] & (search->touched[w] | ~search->ready[w]);
        }
        settle(search, draft);
        if (is_seen(search, draft)) continue;
        if (!add_node(search, draft, node)) return NO_MEMORY;
        search->found = (uint32_t)search->count - 1;
        if (is_full(space, draft->state)) return FULL;
        if (search->commits && draft->memory <= search->root_memory) return VALLEY;
        search->serial++;
        if (!push(search, (Open){draft->memory, -search->serial, search->found})) return NO_MEMORY;
    }
    if (rejected < INT64_MAX) {
        if (!GROW(search->deferred, search->deferred_capacity, search->deferred_count + 1))
            return NO_MEMORY;
        search->deferred[search->deferred_count++] = (Deferred){rejected, search->states, node};
    }
    return SLICE;
}

Event search_run(Search *search, int64_t slice, size_t cap) {
    search->cap = cap;
    for (; slice > 0; slice--) {
        if (!search->heap_count) {
            search->rejected = INT64_MAX;
            for (size_t i = 0; i < search->deferred_count; i++)
                if (search->deferred[i].rejected < search->rejected)
                    search->rejected = search->deferred[i].rejected;
            return REFUTED;
        }
        uint32_t node = pop(search).node;
        search->states++;
        Event event = expand(search, node);
        if (event != SLICE) return event;
    }
    return SLICE;
}

int64_t search_rejected(const Search *search) { return search->rejected; }

bool search_raise(Search *search) {
    search->budget = search->rejected;
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
    int32_t length = 0;
    for (uint32_t node = search->found; node != NONE; node = search->nodes[node].parent)
        length += (int32_t)search->nodes[node].path_length;
    int32_t end = length;
    for (uint32_t node = search->found; node != NONE; node = search->nodes[node].parent) {
        const Node *at = &search->nodes[node];
        end -= (int32_t)at->path_length;
        for (uint32_t i = 0; i < at->path_length; i++) ops[end + (int32_t)i] = search->paths[at->path + i];
    }
    return length;
}

int64_t search_states(const Search *search) { return search->states; }

size_t search_bytes(const Search *search) {
    return search->capacity * ((size_t)search->space->words * sizeof(uint64_t) + sizeof(Node)) +
           search->path_capacity * sizeof(uint16_t) + search->table_size * sizeof(uint64_t) +
           search->heap_capacity * sizeof(Open) + search->deferred_capacity * sizeof(Deferred);
}

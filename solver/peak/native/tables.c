/* The closed states, the open list, and how they grow. */
#include "search_internal.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

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

bool grow(void **array, size_t *capacity, size_t needed, size_t item) {
    if (needed <= *capacity) return true;
    size_t size = *capacity ? *capacity * 2 : 1024;
    while (size < needed) size *= 2;
    void *bigger = realloc(*array, size * item);
    if (!bigger) return false;
    *array = bigger;
    *capacity = size;
    return true;
}

static uint64_t entry(uint64_t hash, uint32_t node) { return (hash >> 32 << 32) | node; }

/* Slot of a state in the table: occupied by it, or free. */
static size_t slot_of(const Search *search, const uint64_t *state, uint64_t hash) {
    size_t mask = search->table_size - 1, slot = hash & mask;
    for (; search->table[slot] != FREE; slot = (slot + 1) & mask)
        if (search->table[slot] >> 32 == hash >> 32 &&
            same(search->space, set_of(search, (uint32_t)search->table[slot]), state))
            break;
    return slot;
}

bool is_seen(const Search *search, const Draft *draft) {
    return search->table[slot_of(search, draft->state, draft->hash)] != FREE;
}

bool rehash(Search *search, size_t size) {
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

bool add_node(Search *search, const Draft *draft, uint32_t parent) {
    size_t words = (size_t)search->space->words;
    if (search->count + 1 >= NONE) return false;
    if (search->count == search->capacity) {
        /* Two arrays of one length: grow the second first, the shared capacity last. */
        size_t capacity = search->capacity ? search->capacity * 2 : 64;
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

bool push(Search *search, Open item) {
    if (!GROW(search->heap, search->heap_capacity, search->heap_count + 1)) return false;
    size_t i = search->heap_count++;
    while (i > 0 && before(&item, &search->heap[(i - 1) / 2])) {
        search->heap[i] = search->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    search->heap[i] = item;
    return true;
}

Open pop(Search *search) {
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

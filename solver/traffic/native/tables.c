#include "tables.h"

#include <stdlib.h>
#include <string.h>

static const size_t BLOCK_BYTES = 1 << 16;

bool tables_init(Tables *t, size_t node_bytes, int32_t op_words) {
    memset(t, 0, sizeof *t);
    t->stride = (node_bytes + 7) / 8 * 8;
    t->op_words = op_words;
    t->free_list = NONE;
    t->slot_mask = 1023;
    t->slots = malloc((t->slot_mask + 1) * sizeof *t->slots);
    if (!t->slots) return false;
    memset(t->slots, 0xff, (t->slot_mask + 1) * sizeof *t->slots);
    t->bytes = (t->slot_mask + 1) * sizeof *t->slots;
    return true;
}

void tables_free(Tables *t) {
    for (int32_t i = 0; i < t->chunk_count; i++) free(t->chunks[i]);
    free(t->chunks);
    for (int32_t i = 0; i < t->block_count; i++) free(t->blocks[i]);
    free(t->blocks);
    for (int32_t i = 0; i < t->set_count; i++) free(t->sets[i].front.marks);
    free(t->sets);
    free(t->masks);
    free(t->slots);
    free(t->heap);
}

void *tables_store(Tables *t, size_t bytes) {
    bytes = (bytes + 7) / 8 * 8;
    if (!t->block_count || bytes > t->block_left) {
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        char **blocks = realloc(t->blocks, ((size_t)t->block_count + 1) * sizeof *blocks);
        if (!blocks) return NULL;
        t->blocks = blocks;
        if (!(t->blocks[t->block_count] = malloc(room))) return NULL;
        t->block_count++;
        t->block_left = room;
        t->bytes += room;
    }
    char *block = t->blocks[t->block_count - 1];
    t->block_left -= bytes; /* from its end on */
    return block + t->block_left;
}

int32_t tables_new_node(Tables *t) {
    if (t->free_list != NONE) {
        int32_t node = t->free_list;
        t->free_list = node_at(t, node)->next;
        return node;
    }
    if (t->used == INT32_MAX) return NONE;
    if (t->used >> CHUNK_BITS == t->chunk_count) {
        size_t room = t->stride << CHUNK_BITS;
        char **chunks = realloc(t->chunks, ((size_t)t->chunk_count + 1) * sizeof *chunks);
        if (!chunks) return NONE;
        t->chunks = chunks;
        if (!(t->chunks[t->chunk_count] = malloc(room))) return NONE;
        t->chunk_count++;
        t->bytes += room;
    }
    return t->used++;
}

void tables_recycle(Tables *t, int32_t node) {
    node_at(t, node)->next = t->free_list;
    t->free_list = node;
}

static bool grow_slots(Tables *t) {
    uint32_t mask = t->slot_mask * 2 + 1;
    int32_t *slots = malloc(((size_t)mask + 1) * sizeof *slots);
    if (!slots) return false;
    memset(slots, 0xff, ((size_t)mask + 1) * sizeof *slots);
    for (int32_t i = 0; i < t->set_count; i++) {
        uint32_t s = (uint32_t)t->sets[i].hash & mask;
        while (slots[s] != NONE) s = (s + 1) & mask;
        slots[s] = i;
    }
    t->bytes += ((size_t)mask - t->slot_mask) * sizeof *slots;
    free(t->slots);
    t->slots = slots;
    t->slot_mask = mask;
    return true;
}

static bool grow_sets(Tables *t) {
    int32_t room = t->set_room ? t->set_room * 2 : 256;
    size_t mask_bytes = (size_t)t->op_words * 2 * sizeof(Word);
    Set *sets = realloc(t->sets, (size_t)room * sizeof *sets);
    if (!sets) return false;
    t->sets = sets;
    Word *masks = realloc(t->masks, (size_t)room * mask_bytes);
    if (!masks) return false;
    t->masks = masks;
    t->bytes += (size_t)(room - t->set_room) * (sizeof *sets + mask_bytes);
    t->set_room = room;
    return true;
}

/* Slot of a set, an empty one if it is not there. */
static uint32_t slot_of(const Tables *t, const Word *undone, uint64_t hash) {
    size_t bytes = (size_t)t->op_words * sizeof(Word);
    uint32_t s = (uint32_t)hash & t->slot_mask;
    for (; t->slots[s] != NONE; s = (s + 1) & t->slot_mask) {
        int32_t i = t->slots[s];
        if (t->sets[i].hash == hash && !memcmp(undone_of(t, i), undone, bytes)) break;
    }
    return s;
}

int32_t tables_find(const Tables *t, const Word *undone, uint64_t hash) {
    return t->slots[slot_of(t, undone, hash)];
}

int32_t tables_set(Tables *t, const Word *undone, const Word *ready, uint64_t hash, int32_t count,
                   int64_t live) {
    size_t bytes = (size_t)t->op_words * sizeof(Word);
    uint32_t s = slot_of(t, undone, hash);
    if (t->slots[s] != NONE) return t->slots[s];
    if (t->set_count == t->set_room && !grow_sets(t)) return NONE;
    int32_t i = t->set_count++;
    t->sets[i] = (Set){hash, {NULL, 0, 0}, NONE, count, live};
    memcpy(undone_of(t, i), undone, bytes);
    memcpy(ready_of(t, i), ready, bytes);
    t->slots[s] = i;
    if ((uint32_t)t->set_count > t->slot_mask / 2 && !grow_slots(t)) return NONE;
    return i;
}

/* Whether a comes before b: least total, then most ops undone, then latest. */
static inline bool sooner(const Tables *t, const Entry *a, const Entry *b) {
    if (t->by_level && a->undone != b->undone) return a->undone < b->undone;
    if (a->total != b->total) return a->total < b->total;
    if (a->undone != b->undone) return a->undone > b->undone;
    return a->serial > b->serial;
}

bool tables_push(Tables *t, Entry entry) {
    if (t->heap_count == t->heap_room) {
        size_t room = t->heap_room ? t->heap_room * 2 : 1024;
        Entry *heap = realloc(t->heap, room * sizeof *heap);
        if (!heap) return false;
        t->heap = heap;
        t->bytes += (room - t->heap_room) * sizeof *heap;
        t->heap_room = room;
    }
    size_t i = t->heap_count++;
    while (i > 0 && sooner(t, &entry, &t->heap[(i - 1) / 4])) {
        t->heap[i] = t->heap[(i - 1) / 4];
        i = (i - 1) / 4;
    }
    t->heap[i] = entry;
    return true;
}

Entry tables_pop(Tables *t) {
    Entry top = t->heap[0], last = t->heap[--t->heap_count];
    size_t i = 0, n = t->heap_count;
    for (;;) {
        size_t child = i * 4 + 1, best = child;
        if (child >= n) break;
        for (size_t c = child + 1; c < child + 4 && c < n; c++)
            if (sooner(t, &t->heap[c], &t->heap[best])) best = c;
        if (!sooner(t, &t->heap[best], &last)) break;
        t->heap[i] = t->heap[best];
        i = best;
    }
    t->heap[i] = last;
    return top;
}

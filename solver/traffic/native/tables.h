/* Storage of a search: nodes, sets of ops undone, the queue. */
#ifndef TIGHTFIT_TRAFFIC_TABLES_H
#define TIGHTFIT_TRAFFIC_TABLES_H

#include <stddef.h>

#include "space.h"

enum { NONE = -1 };

/* A state, or a choice: a state with an op to make room for. Masks follow it. */
typedef struct {
    int64_t cost, total, bytes, lack;
    int32_t parent; /* node it came from; choices share their state's */
    int32_t set;    /* index of its set of ops undone */
    int32_t next;   /* sketch: next state of that set; next free node */
    int32_t op;     /* chosen op, NONE for a state; for a state: the op undone to get here */
    int32_t limit;  /* victims are taken from this buffer on */
    bool dead, is_choice;
} Node;

typedef struct {
    int64_t total, serial;
    int32_t undone, node;
} Entry;

/* A state in brief: masks folded to a word each. Of what is resident, `dear` costs twice its size to
 * drop, and `again` is stored. */
typedef struct {
    Word resident, dear, stored, again;
    int64_t cost;
    int32_t node;
} Mark;

typedef struct {
    Mark *marks;
    int32_t count, room;
} Front;

/* A set of ops undone: its masks are in `masks`. */
typedef struct {
    uint64_t hash;
    Front front;   /* states of a search */
    int32_t first; /* state of a sketch */
    int32_t count; /* of ops undone */
    int64_t live;  /* bytes before them */
} Set;

typedef struct {
    size_t stride; /* bytes of a node with what follows it */
    char **chunks;
    int32_t chunk_count, used, free_list;
    Set *sets;
    Word *masks; /* per set: ops undone, then ops ready */
    int32_t set_count, set_room, op_words;
    int32_t *slots; /* hash table of set indices */
    uint32_t slot_mask;
    Entry *heap;
    bool by_level; /* fewest ops undone first */
    size_t heap_count, heap_room;
    char **blocks; /* what does not change once it is stored */
    int32_t block_count;
    size_t block_left;
    size_t bytes;
} Tables;

bool tables_init(Tables *tables, size_t node_bytes, int32_t op_words);
void tables_free(Tables *tables);

enum { CHUNK_BITS = 12 };

static inline Node *node_at(const Tables *t, int32_t i) {
    return (Node *)(t->chunks[i >> CHUNK_BITS] + t->stride * (size_t)(i & ((1 << CHUNK_BITS) - 1)));
}
static inline Word *undone_of(const Tables *t, int32_t set) {
    return t->masks + (size_t)set * 2 * (size_t)t->op_words;
}
static inline Word *ready_of(const Tables *t, int32_t set) {
    return undone_of(t, set) + t->op_words;
}

/* Room for so many bytes as long as the tables live; NULL without memory. */
void *tables_store(Tables *tables, size_t bytes);
int32_t tables_new_node(Tables *tables); /* NONE without memory */
void tables_recycle(Tables *tables, int32_t node);
/* Index of the set with these ops, made if need be; NONE without memory. */
int32_t tables_set(Tables *tables, const Word *undone, const Word *ready, uint64_t hash,
                   int32_t count, int64_t live);
/* The same, NONE if it is not there. */
int32_t tables_find(const Tables *tables, const Word *undone, uint64_t hash);
bool tables_push(Tables *tables, Entry entry);
Entry tables_pop(Tables *tables);

#endif

/* What the parts of the search share: the tables, and states under construction. */
#ifndef TIGHTFIT_SEARCH_INTERNAL_H
#define TIGHTFIT_SEARCH_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "search.h"

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

/* A state on the way of the depth-first walk, with the next op to try. */
typedef struct {
    int64_t memory;
    uint64_t hash;
    int32_t path_begin; /* into trail: the ops that led here */
    int32_t next;
} Frame;

/* Once the tables are full: walk depth-first below one open node after the other. */
typedef struct {
    bool active;
    uint32_t node; /* the open node below which we are */
    int32_t depth;
    Frame *frames;
    uint64_t *sets; /* state and ready ops of each frame */
    int32_t *trail;
    int32_t trail_count;
    uint64_t *closed; /* a cache of states walked to the end: any may be forgotten */
    size_t slots;
    int64_t rejected;
} Walk;

struct Search {
    const Space *space;
    int64_t budget, states, serial, rejected, root_memory;
    int32_t chain;
    bool commits;
    bool broken; /* an allocation failed half-way: the tables are not to be trusted */
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
    Walk walk;
    uint64_t *ready; /* of the node being expanded */
};

/* settle.c */
bool draft_new(const Space *space, Draft *draft);
void draft_join(const Space *space, Draft *draft, int32_t op, int64_t net);
/* Take free moves and nested valleys from the ops in draft->look while there are any. */
void settle(Search *search, Draft *draft);
/* Make search->draft the settled successor of a state by `op`, unless the table holds it. */
void succeed(Search *search, const uint64_t *state, const uint64_t *ready, int64_t memory,
             uint64_t hash, int32_t op, int64_t net);

/* tables.c */
bool grow(void **array, size_t *capacity, size_t needed, size_t item);
#define GROW(array, capacity, needed) grow((void **)&(array), &(capacity), needed, sizeof *(array))
bool rehash(Search *search, size_t size);
bool is_seen(const Search *search, const Draft *draft);
bool add_node(Search *search, const Draft *draft, uint32_t parent);
bool push(Search *search, Open item);
Open pop(Search *search);

/* walk.c */
bool walk_start(Search *search);
void walk_from(Search *search, uint32_t node);
Event walk_step(Search *search);
void walk_free(Walk *walk);

static inline const uint64_t *set_of(const Search *search, uint32_t node) {
    return search->sets + (size_t)node * search->space->words;
}

static inline bool same(const Space *space, const uint64_t *a, const uint64_t *b) {
    for (int32_t w = 0; w < space->words; w++)
        if (a[w] != b[w]) return false;
    return true;
}

#endif

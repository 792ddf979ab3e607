/* A backward state space as flat tables, see solver/traffic/space.py. */
#ifndef TIGHTFIT_TRAFFIC_SPACE_H
#define TIGHTFIT_TRAFFIC_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "watch.h"

typedef uint64_t Word;

enum { INPUT = 1, OUTPUT = 2, NO_CAP = -1 };

typedef struct {
    int32_t begin, end;
} Span;

typedef struct {
    int32_t ops, buffers;
    int32_t op_words, buffer_words;
    bool streaming;
    int64_t capacity;
    int64_t live_capacity; /* bytes that may be live anywhere, NO_CAP for any number */
    int64_t live;          /* when no op is undone */
    int64_t *fixed;   /* per op: bytes of workspace and untracked operands */
    int64_t *size;    /* per buffer, largest first */
    int64_t *enters, *leaves; /* per op: bytes of untracked buffers that become live, cease to be */
    int64_t *workspace;
    uint8_t *clean;   /* per buffer: external memory holds it anyway, as INPUT, OUTPUT or both */
    uint8_t *kept;    /* per buffer: never dropped */
    uint8_t *several; /* per buffer: more than one op of the window writes it */
    int32_t *lists;   /* ops or buffers, addressed by the spans below */
    Span *follow;     /* per op: ops that may become ready */
    Span *before;     /* per op: ops that must be undone before, direct ones at least */
    Span *touch;      /* per op: tracked buffers, ascending */
    Span *users;      /* per buffer: ops that touch it */
    Span *writers;    /* per buffer: those that write it */
    Word *need;       /* per op: mask of all ops that must be undone before */
    struct Tally *tally; /* made on demand; serves one search at a time */
    Watch *watch;        /* the same */
} Space;

static inline bool has(const Word *mask, int32_t i) { return mask[i >> 6] >> (i & 63) & 1; }
static inline void put(Word *mask, int32_t i) { mask[i >> 6] |= (Word)1 << (i & 63); }
static inline void drop(Word *mask, int32_t i) { mask[i >> 6] &= ~((Word)1 << (i & 63)); }

#endif

/* Dominance: the states of each set of ops undone that no other dominates.
 *
 * They are many and are looked through for each state found. So a few words of each lie side by
 * side: its cost and its masks folded to one word, which tell of nearly all pairs that neither
 * dominates. */
#include "fronts.h"

#include "defer.h"

/* First op that touches each buffer, to sort by. */
typedef struct {
    int32_t op, buffer;
} Begin;

static int in_order(const void *a, const void *b) {
    const Begin *x = a, *y = b;
    if (x->op != y->op) return x->op < y->op ? -1 : 1;
    return x->buffer < y->buffer ? -1 : 1;
}

uint8_t *fronts_columns(const Space *sp) {
    uint8_t *columns = malloc((size_t)sp->buffers + 1);
    Begin *begins = malloc(((size_t)sp->buffers + 1) * sizeof *begins);
    if (columns && begins) {
        for (int32_t k = 0; k < sp->buffers; k++) {
            begins[k] = (Begin){INT32_MAX, k};
            EACH(u, sp->users[k]) if (u < begins[k].op) begins[k].op = u;
        }
        qsort(begins, (size_t)sp->buffers, sizeof *begins, in_order);
        for (int32_t i = 0; i < sp->buffers; i++) columns[begins[i].buffer] = (uint8_t)(i & 63);
    }
    if (!begins) {
        free(columns);
        columns = NULL;
    }
    free(begins);
    return columns;
}

static Word fold(const Search *s, const Word *mask, const Word *within) {
    Word folded = 0;
    for (int32_t w = 0; w < s->space->buffer_words; w++)
        for (Word m = mask[w] & within[w]; m; m &= m - 1)
            folded |= (Word)1 << s->columns[w * 64 + __builtin_ctzll(m)];
    return folded;
}

/* Of what is resident and costs twice its size to drop. */
static Word fold_dear(const Search *s, const State *st) {
    const Space *sp = s->space;
    Word folded = 0;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = st->resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (drop_cost(sp, st->undone, st->stored, k) > sp->size[k])
                folded |= (Word)1 << s->columns[k];
        }
    return folded;
}

Mark fronts_mark(const Search *s, const State *st) {
    if (s->switches.defer)
        return (Mark){.resident = fold(s, st->resident, st->resident) | fold(s, st->tight, st->tight),
                      .cost = st->worst,
                      .node = NONE};
    return (Mark){.resident = fold(s, st->resident, st->resident),
                  .stored = fold(s, st->stored, st->stored),
                  .again = fold(s, st->stored, st->resident),
                  .dear = fold_dear(s, st),
                  .cost = st->cost,
                  .node = NONE};
}

/* Whether `a` may dominate `b`: each bit that only `a` has, or that only `b` has stored, is of a
 * buffer that costs `least` bytes at least. */
static inline bool may_dominate(const Mark *a, const Mark *b, int64_t least) {
    int64_t spare = b->cost - a->cost;
    if (spare < 0) return false;
    Word more = a->resident & ~b->resident, less = b->again & ~a->stored;
    if (!(more | less)) return true;
    for (Word dear = more & a->dear; dear; dear &= dear - 1)
        if ((spare -= least) < 0) return false;
    for (; more; more &= more - 1)
        if ((spare -= least) < 0) return false;
    for (; less; less &= less - 1)
        if ((spare -= least) < 0) return false;
    return true;
}

/* Whether state a, with the same ops undone, is nowhere worse than b. Masks: resident, stored. */
static bool dominates(const Search *s, const Word *undone, int64_t spare, const Word *a,
                      const Word *b) {
    const Space *sp = s->space;
    int32_t words = sp->buffer_words;
    const Word *a_stored = a + words, *b_stored = b + words;
    if (!s->switches.dominance) return !memcmp(a, b, 2 * (size_t)words * sizeof(Word));
    Word worse = 0;
    for (int32_t w = 0; w < words; w++)
        worse |= (a[w] & ~b[w]) | (b_stored[w] & ~a_stored[w] & b[w]);
    if (!worse) return true;
    if (!s->switches.trade) return false;
    for (int32_t w = 0; w < words; w++) {
        for (Word m = b_stored[w] & ~a_stored[w] & b[w]; m; m &= m - 1)
            if ((spare -= sp->size[w * 64 + __builtin_ctzll(m)]) < 0) return false;
        for (Word m = a[w] & ~b[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (sp->kept[k] || (spare -= drop_cost(sp, undone, a_stored, k)) < 0) return false;
        }
    }
    return true;
}

/* The same of states that stand for many: `b` may keep what `a` has dropped. */
static inline bool may_stand_for(const Mark *a, const Mark *b, int64_t least) {
    int64_t spare = b->cost - a->cost;
    return spare >= 0 && (spare >= least || !(b->resident & ~a->resident));
}

/* Whether a state dominates a known one, or (`yields`) is dominated by it. */
static bool compare(const Search *s, const State *st, const Mark *mark, const Mark *old, bool yields) {
    const Mark *a = yields ? old : mark, *b = yields ? mark : old;
    if (s->switches.defer) {
        if (!may_stand_for(a, b, s->least)) return false;
        Side known = defer_side_of_node(s, old->node), new = defer_side_of_state(st);
        return yields ? defer_dominates(s, st->undone, &known, &new)
                      : defer_dominates(s, st->undone, &new, &known);
    }
    if (!may_dominate(a, b, s->least)) return false;
    const Word *known = masks_of(s, old->node);
    return yields ? dominates(s, st->undone, b->cost - a->cost, known, st->resident)
                  : dominates(s, st->undone, b->cost - a->cost, st->resident, known);
}

/* What dominates one state is likely to dominate others: let it be found sooner. */
static void move_up(Front *front, int32_t i) {
    Mark mark = front->marks[i];
    front->marks[i] = front->marks[i / 2];
    front->marks[i / 2] = mark;
}

bool fronts_dominate(Search *s, int32_t set, const State *st, const Mark *mark) {
    Front *front = &s->tables.sets[set].front;
    for (int32_t i = 0; i < front->count; i++) {
        if (compare(s, st, mark, &front->marks[i], true)) {
            move_up(front, i);
            return true;
        }
    }
    return false;
}

void fronts_prune(Search *s, int32_t set, const State *st, const Mark *mark) {
    Front *front = &s->tables.sets[set].front;
    for (int32_t i = 0; i < front->count;) {
        const Mark *old = &front->marks[i];
        if (compare(s, st, mark, old, false)) {
            node_at(&s->tables, old->node)->dead = true;
            s->known--;
            front->marks[i] = front->marks[--front->count];
        } else {
            i++;
        }
    }
}

bool fronts_add(Search *s, int32_t set, const Mark *mark) {
    Front *front = &s->tables.sets[set].front;
    if (front->count == front->room) {
        int32_t room = front->room ? front->room * 2 : 2;
        Mark *marks = realloc(front->marks, (size_t)room * sizeof *marks);
        if (!marks) return false;
        s->tables.bytes += (size_t)(room - front->room) * sizeof *marks;
        front->marks = marks;
        front->room = room;
    }
    front->marks[front->count++] = *mark;
    s->known++;
    return true;
}

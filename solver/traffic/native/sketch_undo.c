/* Undoing an op in a sketch state, with each set of exact victims that is worth while. */
#include "sketch_internal.h"

/* What undoing an op does to the bytes of buffers that are not exact. */
typedef struct {
    int64_t back, brought, brought_cheap, gone, room;
    int32_t op, parent, count; /* exact buffers that may be dropped */
} Turn;

static Turn turn_of(const Sketch *s, const Draft *d, int32_t op) {
    const Space *sp = s->space;
    Turn t = {.op = op, .room = sp->capacity - sp->fixed[op]};
    EACH(k, sp->touch[op]) {
        t.room -= sp->size[k];
        if (k < s->exact) continue;
        if (is_live(sp, d->undone, k)) {
            t.back += sp->size[k];
        } else {
            t.brought += sp->size[k];
            if (sp->clean[k]) t.brought_cheap += sp->size[k];
        }
        if (ends_with(sp, d->undone, k, op)) t.gone += sp->size[k];
    }
    return t;
}

/* Whether `d` is the next state on the way that is walked again. */
static bool is_target(const Sketch *s, const Draft *d) {
    const Node *node = node_at(&s->tables, s->target);
    const Set *set = &s->tables.sets[node->set];
    return d->cost == node->cost && d->held == node->bytes && d->cheap == node->lack &&
           d->hash == set->hash &&
           !memcmp(d->undone, undone_of(&s->tables, node->set),
                   (size_t)s->space->op_words * sizeof(Word)) &&
           !memcmp(d->resident, sketch_masks(s, s->target), 2 * (size_t)s->words * sizeof(Word));
}

/* Undo the op with `dropped` bytes dropped of those held; `s->next` lacks the exact victims. */
static void undo(Sketch *s, const Turn *t, int64_t dropped) {
    const Space *sp = s->space;
    Draft *d = &s->image;
    draft_copy(s, d, &s->next);
    int64_t back = least_of(t->back, d->held), away = t->back - back;
    int64_t easy = least_of(dropped, d->cheap);
    d->cost += 2 * dropped - easy;
    d->held = most_of(0, d->held - back - dropped + t->back + t->brought - t->gone);
    d->cheap = least_of(d->held, d->cheap - easy + away + t->brought_cheap);
    put(d->undone, t->op);
    d->count++;
    d->hash ^= mix(t->op);
    make_ready(sp, d->undone, d->ready, t->op);
    EACH(k, sp->touch[t->op]) {
        if (k >= s->exact) break;
        bool ends = ends_with(sp, d->undone, k, t->op);
        if (ends || writes(sp, t->op, k)) drop(d->stored, k);
        if (ends) drop(d->resident, k);
        else put(d->resident, k);
    }
    int32_t mark = s->traced;
    if (s->trace) s->trace[s->traced++] = t->op;
    draft_settle(s, d);
    if (!s->trace) sketch_offer(s, d, t->parent, t->op);
    else if (s->target != NONE && is_target(s, d)) s->target = NONE;
    else s->traced = mark;
}

/* Bytes held that have to go when `room` is left for them. */
static int64_t surplus(const Sketch *s, int64_t others, int64_t room) {
    return others ? most_of(0, others - sums_fitting(&s->at_op, room)) : 0;
}

/* Undo the op with the exact victims chosen so far, and with more of them. `room` is left for bytes
 * held besides the operands; `others` are held. */
static void choose(Sketch *s, const Turn *t, int32_t from, int64_t room, int64_t others) {
    const Space *sp = s->space;
    if (!goes_on(sp->watch)) s->failed = true;
    if (s->next.cost >= s->upper || s->failed || (s->trace && s->target == NONE)) return;
    if (++s->ways > MOST_WAYS) return;
    int64_t dropped = 0;
    if (room >= 0) {
        dropped = surplus(s, others, room);
        bool spared = false; /* a victim that might as well stay */
        for (int32_t i = 0; i < from && !spared; i++) {
            int32_t k = s->victims[i];
            spared = !has(s->next.resident, k) && room >= sp->size[k] &&
                     surplus(s, others, room - sp->size[k]) == dropped;
        }
        if (!spared) undo(s, t, dropped);
        if (!dropped) return;
    }
    for (int32_t i = from; i < t->count; i++) {
        if (room + s->freed[i] < 0) return;
        int32_t k = s->victims[i];
        int64_t price = drop_cost(sp, s->now.undone, s->now.stored, k);
        bool marks = !sp->clean[k] && !has(s->next.stored, k) && !writer_undone(sp, s->now.undone, k);
        drop(s->next.resident, k);
        if (marks) put(s->next.stored, k);
        s->next.cost += price;
        choose(s, t, i + 1, room + sp->size[k], others);
        s->next.cost -= price;
        if (marks) drop(s->next.stored, k);
        put(s->next.resident, k);
    }
}

void sketch_undo(Sketch *s, int32_t index, int32_t op) {
    const Space *sp = s->space;
    Turn t = turn_of(s, &s->now, op);
    if (t.room < 0) return;
    t.parent = index;
    int64_t others = s->now.held - least_of(t.back, s->now.held);
    for (int32_t w = 0; w < s->words; w++)
        for (Word m = s->now.resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!touches(sp, op, k)) s->victims[t.count++] = k;
        }
    s->freed[t.count] = 0;
    for (int32_t i = t.count - 1; i >= 0; i--)
        s->freed[i] = s->freed[i + 1] + sp->size[s->victims[i]];
    if (others) sums_find(&s->at_op, sp, s->exact, s->now.undone, op, t.room);
    draft_copy(s, &s->next, &s->now);
    choose(s, &t, 0, t.room - s->freed[0], others);
}

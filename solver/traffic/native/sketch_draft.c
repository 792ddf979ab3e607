/* Sketch states under construction. */
#include "sketch_internal.h"

bool draft_init(const Sketch *s, Draft *d) {
    size_t ow = (size_t)s->space->op_words, words = (size_t)s->words;
    d->undone = calloc(2 * ow + 2 * words + 1, sizeof(Word));
    if (!d->undone) return false;
    d->ready = d->undone + ow;
    d->resident = d->ready + ow;
    d->stored = d->resident + words;
    return true;
}

void draft_free(Draft *d) { free(d->undone); }

void draft_copy(const Sketch *s, Draft *to, const Draft *from) {
    size_t words = 2 * (size_t)s->space->op_words + 2 * (size_t)s->words;
    memcpy(to->undone, from->undone, words * sizeof(Word));
    to->held = from->held;
    to->cheap = from->cheap;
    to->cost = from->cost;
    to->total = from->total;
    to->count = from->count;
    to->hash = from->hash;
}

/* What undoing an op at once would end and bring in. */
typedef struct {
    int64_t brought, gone; /* bytes brought in; of buffers not exact that end */
    int32_t heir_of;       /* the largest buffer that ends, a resident one if there are several */
} Turn;

/* Whether `op` brings in no more than one buffer that it ends. */
static bool is_harmless(const Sketch *s, const Draft *d, int32_t op, Turn *turn) {
    const Space *sp = s->space;
    *turn = (Turn){0, 0, NONE};
    EACH(k, sp->touch[op]) {
        if (ends_with(sp, d->undone, k, op)) {
            if (k >= s->exact) turn->gone += sp->size[k];
            int32_t e = turn->heir_of;
            if (e == NONE || sp->size[k] > sp->size[e] ||
                (sp->size[k] == sp->size[e] && k < s->exact && has(d->resident, k)))
                turn->heir_of = k;
        } else if (writes(sp, op, k)) {
            return false;
        } else if (!is_live(sp, d->undone, k)) {
            turn->brought += sp->size[k];
        }
    }
    return !turn->brought || (turn->heir_of != NONE && turn->brought <= sp->size[turn->heir_of]);
}

/* Undo `op`: what it brings in is where the buffer was whose heir it is, at the lower price. */
static void turn_over(const Sketch *s, Draft *d, int32_t op, const Turn *turn) {
    const Space *sp = s->space;
    int32_t e = turn->heir_of;
    bool exact = e != NONE && e < s->exact;
    bool resident = !exact || has(d->resident, e);
    bool cheap = exact && drop_cost(sp, d->undone, d->stored, e) <= sp->size[e];
    /* Without an exact heir it is not known whether what comes takes the room of what goes. */
    d->held -= exact ? least_of(d->held, turn->gone) : turn->gone;
    EACH(k, sp->touch[op]) {
        bool ends = ends_with(sp, d->undone, k, op);
        if (ends && k < s->exact) {
            drop(d->resident, k);
            drop(d->stored, k);
        }
        if (ends || !resident || is_live(sp, d->undone, k)) continue;
        if (k < s->exact) {
            put(d->resident, k);
            if (cheap) put(d->stored, k);
        } else {
            d->held += sp->size[k];
            if (cheap || sp->clean[k]) d->cheap += sp->size[k];
        }
    }
    d->held = most_of(0, d->held);
    d->cheap = least_of(d->cheap, d->held);
    put(d->undone, op);
    d->count++;
    d->hash ^= mix(op);
    make_ready(sp, d->undone, d->ready, op);
}

/* Whether a large op fits beside what is resident, and no exact operand has to come back for later. */
static bool is_free(Sketch *s, const Draft *d, int32_t op, const Turn *turn) {
    const Space *sp = s->space;
    int32_t e = turn->heir_of;
    bool exact = turn->brought && e < s->exact;
    if (exact && !has(d->resident, e)) return false;
    bool cheap = exact && drop_cost(sp, d->undone, d->stored, e) <= sp->size[e];
    int64_t room = sp->capacity - sp->fixed[op], back = 0;
    EACH(k, sp->touch[op]) {
        room -= sp->size[k];
        bool live = is_live(sp, d->undone, k);
        if (k >= s->exact) {
            if (live) back += sp->size[k];
        } else if (live && !has(d->resident, k) && !ends_with(sp, d->undone, k, op)) {
            return false;
        }
        if (cheap && !live && !sp->clean[k]) return false;
    }
    int64_t others = d->held - back, beside = room;
    for (int32_t w = 0; w < s->words; w++)
        for (Word m = d->resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!touches(sp, op, k)) beside -= sp->size[k];
        }
    if (others < 0 || beside < others) return false;
    if (!others) return true;
    sums_find(&s->at_turn, sp, s->exact, d->undone, op, room);
    return others <= sums_fitting(&s->at_turn, beside);
}

void draft_settle(Sketch *s, Draft *d) {
    for (int32_t w = 0; w < s->space->op_words; w++)
        for (Word look = d->ready[w]; look; look &= look - 1) {
            int32_t op = w * 64 + __builtin_ctzll(look);
            Turn turn;
            if (!is_harmless(s, d, op, &turn)) continue;
            if (has(s->large, op) && !is_free(s, d, op, &turn)) continue;
            turn_over(s, d, op, &turn);
            if (s->trace) s->trace[s->traced++] = op;
            w = -1; /* look again from the start */
            break;
        }
}

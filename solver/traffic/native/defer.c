/* States that stand for many: what may have been kept is limited, and decided later. */
#include "defer.h"

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t c = a % b;
        a = b;
        b = c;
    }
    return a;
}

int64_t defer_unit(const Space *sp) {
    int64_t unit = 0;
    for (int32_t k = 0; k < sp->buffers; k++) unit = gcd(unit, sp->size[k]);
    return unit ? unit : 1;
}

/* How many tight operands an op has. */
static int32_t choices_at(const Search *s, const State *st, int32_t op) {
    const Space *sp = s->space;
    int32_t count = 0;
    EACH(k, sp->touch[op]) count += has(st->tight, k);
    return count;
}

/* Take tight operands to have been kept where `way` has a bit, the first operand's the highest of
 * `turn`, and drop the others. Returns how many turns are left at one where that cannot be, NONE if
 * it can. */
static int32_t decide(Search *s, State *st, int32_t op, uint32_t way, int32_t turn) {
    const Space *sp = s->space;
    EACH(k, sp->touch[op]) {
        if (!has(st->tight, k)) continue;
        int64_t room = limits_take(st->limits, &st->limit_count, k);
        if (way >> --turn & 1) {
            if (!limits_keep(st->limits, st->limit_count, room, sp->size[k])) return turn;
        } else {
            state_drop(s, st, k);
            if (st->cost >= s->upper) return turn;
        }
        drop(st->tight, k);
    }
    return NONE;
}

/* Limit what can be kept beside the operands of `op`. */
static void squeeze(Search *s, State *st, int32_t op) {
    const Space *sp = s->space;
    int64_t room = sp->capacity - sp->fixed[op];
    EACH(k, sp->touch[op]) {
        room -= sp->size[k];
        drop(st->resident, k);
    }
    room -= room % s->unit;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = st->resident[w]; m; m &= m - 1)
            st->limits[st->limit_count++] = (Limit){INT64_MAX, w * 64 + __builtin_ctzll(m)};
    int32_t count = 0;
    for (int32_t i = 0; i < st->limit_count; i++) {
        Limit limit = st->limits[i];
        if (limit.slack > room) limit.slack = room;
        if (limit.slack < sp->size[limit.buffer]) state_drop(s, st, limit.buffer);
        else st->limits[count++] = limit;
    }
    st->limit_count = count;
    memset(st->resident, 0, (size_t)sp->buffer_words * sizeof(Word));
    memset(st->tight, 0, (size_t)sp->buffer_words * sizeof(Word));
    limits_loosen(sp, st->limits, &st->limit_count, st->resident);
    for (int32_t i = 0; i < st->limit_count; i++) put(st->tight, st->limits[i].buffer);
    st->bytes = st->limit_count ? st->limits[st->limit_count - 1].slack : 0;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = st->resident[w]; m; m &= m - 1) st->bytes += sp->size[w * 64 + __builtin_ctzll(m)];
}

bool defer_undo(Search *s, const State *now, State *new, int32_t op, uint32_t *way) {
    const Space *sp = s->space;
    int32_t turns = choices_at(s, now, op);
    int64_t mark = s->record ? s->record->count : 0;
    for (;;) {
        if (*way >> turns) return false;
        if (s->record) s->record->count = mark;
        copy_state(s, new, now);
        int32_t left = decide(s, new, op, *way, turns);
        if (left == NONE) break;
        *way = ((*way >> left) + 1) << left;
    }
    ++*way;
    squeeze(s, new, op);
    /* Those of its operands that were resident are so still. */
    EACH(k, sp->touch[op]) {
        if (!has(now->resident, k)) continue;
        put(new->resident, k);
        new->bytes += sp->size[k];
    }
    state_step(s, new, op);
    if (s->switches.free_moves) settle(s, new);
    return true;
}

int64_t defer_weigh(Search *s, State *st) {
    const Space *sp = s->space;
    Word *dear = s->dear;
    memset(dear, 0, (size_t)sp->buffer_words * sizeof(Word));
    int64_t held_dear = 0;
    st->worst = st->cost;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = st->resident[w] | st->tight[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            int64_t price = drop_cost(sp, st->undone, st->stored, k);
            st->worst += price;
            if (price <= sp->size[k]) continue;
            if (has(st->resident, k)) held_dear += sp->size[k];
            else put(dear, k);
        }
    held_dear += limits_most(sp, st->limits, st->limit_count, dear);
    int64_t least = st->worst - st->bytes - held_dear, rest = 0;
    if (s->tally && least < s->upper) {
        rest = tally_rest(s->tally, st->undone, st->ready, st->hash, st->bytes, st->bytes - held_dear);
        if (rest < 0) s->failed = true;
    }
    if (least + rest > st->total) st->total = least + rest;
    return least;
}

/* Dominance. */

Side defer_side_of_state(const State *st) {
    return (Side){st->resident, st->stored, st->tight, st->limits, st->limit_count, st->worst, st->cost};
}

/* What a node has beside its masks. */
typedef struct {
    Limit *limits;
    int32_t count;
} Kept;

static Kept *kept_of(const Search *s, int32_t index) {
    return (Kept *)(masks_of(s, index) + 3 * (size_t)s->space->buffer_words);
}

size_t defer_node_bytes(void) { return sizeof(Kept); }

Side defer_side_of_node(const Search *s, int32_t index) {
    const Node *node = node_at(&s->tables, index);
    const Word *masks = masks_of(s, index);
    size_t words = (size_t)s->space->buffer_words;
    const Kept *kept = kept_of(s, index);
    return (Side){masks, masks + words, masks + 2 * words, kept->limits, kept->count, node->lack,
                  node->cost};
}

bool defer_save(Search *s, const State *from, int32_t index) {
    size_t bytes = (size_t)from->limit_count * sizeof(Limit);
    Kept *kept = kept_of(s, index);
    node_at(&s->tables, index)->lack = from->worst;
    kept->count = from->limit_count;
    kept->limits = tables_store(&s->tables, bytes);
    if (!kept->limits) return false;
    memcpy(kept->limits, from->limits, bytes);
    return true;
}

void defer_load(const Search *s, State *to, int32_t index) {
    const Kept *kept = kept_of(s, index);
    to->limit_count = kept->count;
    memcpy(to->limits, kept->limits, (size_t)kept->count * sizeof(Limit));
}

bool defer_same(const Search *s, const Side *a, const Side *b) {
    size_t bytes = (size_t)s->space->buffer_words * sizeof(Word);
    if (a->cost != b->cost || a->count != b->count || memcmp(a->resident, b->resident, bytes) ||
        memcmp(a->stored, b->stored, bytes))
        return false;
    for (int32_t i = 0; i < a->count; i++)
        if (a->limits[i].slack != b->limits[i].slack || a->limits[i].buffer != b->limits[i].buffer)
            return false;
    return true;
}

/* Bytes by which what can be kept in `b` exceeds a limit on the buffers of a mask. */
static int64_t excess_of(const Space *sp, const Side *b, const Word *seen, int64_t limit) {
    int64_t bytes = limits_most(sp, b->limits, b->count, seen) - limit;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = seen[w] & b->resident[w]; m; m &= m - 1) bytes += sp->size[w * 64 + __builtin_ctzll(m)];
    return bytes;
}

bool defer_dominates(const Search *s, const Word *undone, const Side *a, const Side *b) {
    const Space *sp = s->space;
    int64_t spare = b->worst - a->worst;
    if (spare < 0) return false;
    if (!s->switches.dominance) return defer_same(s, a, b);
    Word *seen = s->seen, lost = 0;
    for (int32_t w = 0; w < sp->buffer_words; w++) {
        Word pending = b->resident[w] | b->tight[w], may = a->resident[w] | a->tight[w];
        seen[w] = pending & ~may;
        lost |= seen[w];
        for (Word m = a->stored[w] & ~b->stored[w] & pending & may; m; m &= m - 1)
            if ((spare -= sp->size[w * 64 + __builtin_ctzll(m)]) < 0) return false;
    }
    int64_t excess = 0, price = 0, largest = 0; /* of the buffers under limits exceeded */
    int64_t next_price = 0, next_largest = 0;
    if (lost) {
        if (spare < s->least) return false;
        excess = excess_of(sp, b, seen, 0);
        for (int32_t w = 0; w < sp->buffer_words; w++)
            for (Word m = seen[w]; m; m &= m - 1) {
                int32_t k = w * 64 + __builtin_ctzll(m);
                next_price += drop_cost(sp, undone, b->stored, k);
                if (sp->size[k] > next_largest) next_largest = sp->size[k];
            }
        price = next_price;
        largest = next_largest;
    }
    for (int32_t i = 0; i < a->count;) {
        int64_t slack = a->limits[i].slack;
        for (; i < a->count && a->limits[i].slack == slack; i++) {
            int32_t k = a->limits[i].buffer;
            if (!has(b->resident, k) && !has(b->tight, k)) continue;
            put(seen, k);
            next_price += drop_cost(sp, undone, b->stored, k);
            if (sp->size[k] > next_largest) next_largest = sp->size[k];
        }
        int64_t bytes = excess_of(sp, b, seen, slack);
        if (bytes <= 0) continue;
        if (spare < s->least) return false;
        if (bytes > excess) excess = bytes;
        price = next_price;
        largest = next_largest;
    }
    if (!excess) return true;
    if (!s->switches.trade) return false;
    int64_t most = 2 * (excess + largest - s->unit);
    return (most < price ? most : price) <= spare;
}

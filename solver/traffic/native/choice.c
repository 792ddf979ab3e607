/* Which buffers to drop for an op that does not fit. */
#include "search_internal.h"

bool is_victim(const Space *sp, const State *st, int32_t k, int32_t op) {
    if (sp->kept[k]) return false;
    if (has(st->resident, k)) return sp->streaming || !touches(sp, op, k);
    return sp->streaming && touches(sp, op, k) && !has(st->out, k) &&
           !ends_with(sp, st->undone, k, op);
}

static int64_t price_of(const Space *sp, State *st, int32_t k, int32_t op) {
    if (!touches(sp, op, k)) return drop_cost(sp, st->undone, st->stored, k);
    int64_t price = 0;
    bool resident = has(st->resident, k), stored = has(st->stored, k);
    if (resident) {
        price = drop_cost(sp, st->undone, st->stored, k);
        put(st->stored, k);
    }
    if (!ends_with(sp, st->undone, k, op)) price += cost_before(sp, st, k, op);
    if (resident && !stored) drop(st->stored, k);
    return price;
}

/* Candidates are resident, or (streaming) operands of the op. */
Word candidates(const Space *sp, const State *st, int32_t op, int32_t w, int32_t limit) {
    Word m = st->resident[w];
    if (sp->streaming) {
        EACH(k, sp->touch[op]) {
            if (k >> 6 == w) m |= (Word)1 << (k & 63);
        }
    }
    if (limit >> 6 > w) return 0;
    if (limit >> 6 == w) m = m >> (limit & 63) << (limit & 63);
    return m;
}

int64_t least_price(const Space *sp, State *st, int32_t op, int32_t limit, int64_t lack,
                    int64_t *easy) {
    int64_t cheap = 0, dear = 0, smallest = INT64_MAX / 4;
    for (int32_t w = limit >> 6; w < sp->buffer_words; w++)
        for (Word m = candidates(sp, st, op, w, limit); m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!is_victim(sp, st, k, op)) continue;
            if (sp->size[k] < smallest) smallest = sp->size[k];
            if (price_of(sp, st, k, op) <= sp->size[k]) cheap += sp->size[k];
            else dear += sp->size[k];
        }
    *easy = lack < cheap ? lack : cheap;
    if (lack < smallest) lack = smallest;
    if (lack > cheap + dear) return -1;
    return lack + (lack > cheap ? lack - cheap : 0);
}

bool is_regrettable(const Space *sp, const Word *undone, const Word *stored, int32_t k,
                    int32_t op, const Word *others, int32_t below) {
    if (touches(sp, op, k) || users_left(sp, undone, k) != 1) return false;
    int64_t price = drop_cost(sp, undone, stored, k);
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = others[w]; m; m &= m - 1) {
            int32_t other = w * 64 + __builtin_ctzll(m);
            if (other >= below) return false;
            if (sp->size[other] == sp->size[k] && !touches(sp, op, other) &&
                drop_cost(sp, undone, stored, other) <= price && surely_after(sp, undone, other, k))
                return true;
        }
    return false;
}

bool is_regretted(const Search *s, const State *st, int32_t op, int32_t origin) {
    const Space *sp = s->space;
    if (!s->switches.furthest) return false;
    const Word *before = masks_of(s, origin);
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = before[w] & ~st->resident[w]; m; m &= m - 1)
            if (is_regrettable(sp, st->undone, before + sp->buffer_words, w * 64 + __builtin_ctzll(m),
                               op, st->resident, INT32_MAX))
                return true;
    return false;
}

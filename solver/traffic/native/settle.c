/* Replacing a state by one that is at least as good: free moves and valleys. */
#include "search_internal.h"

bool slide_init(const Space *space, Slide *slide) {
    slide->look = calloc(2 * (size_t)space->op_words + 1, sizeof(Word));
    slide->waiting = slide->look ? slide->look + space->op_words : NULL;
    return slide->look != NULL;
}

void slide_free(Slide *slide) { free(slide->look); }

/* Whether an op that fits is a free move. */
static bool is_free(const Space *sp, const State *st, int32_t op) {
    if (!is_calm(sp, st, op)) return false;
    int64_t bytes_in = 0, price_in = 0;
    EACH(k, sp->touch[op]) {
        if (ends_with(sp, st->undone, k, op)) continue;
        if (writes(sp, op, k)) return false;
        if (has(st->resident, k)) continue;
        if (is_live(sp, st->undone, k)) return false;
        bytes_in += sp->size[k];
        price_in += sp->size[k] * (sp->clean[k] ? 1 : 2);
    }
    if (!bytes_in) return true;
    EACH(k, sp->touch[op]) {
        if (has(st->resident, k) && bytes_in <= sp->size[k] && ends_with(sp, st->undone, k, op) &&
            price_in <= drop_cost(sp, st->undone, st->stored, k))
            return true;
    }
    return false;
}

/* Once `op` is undone: note what has to be looked at; returns the first word of it.
 *
 * An op is no free move for what its own buffers and those live say, or for want of room. */
static int32_t look_again(const Space *sp, const State *st, Slide *sl, int32_t op) {
    bool all = sp->live_capacity != NO_CAP;
    int32_t first = look_around(sp, st->ready, sl->look, op);
    if (!all && st->bytes > sl->fits_at) return first;
    for (int32_t w = 0; w < sp->op_words; w++) {
        sl->look[w] |= all ? st->ready[w] : sl->waiting[w] & st->ready[w];
        sl->waiting[w] = 0;
    }
    sl->fits_at = INT64_MIN;
    return 0;
}

/* Take free moves, the first of those there are each time; look from word `w` on. */
static void slide(Search *s, State *st, Slide *sl, int32_t w) {
    const Space *sp = s->space;
    while (w < sp->op_words) {
        if (!sl->look[w]) {
            w++;
            continue;
        }
        int32_t op = w * 64 + __builtin_ctzll(sl->look[w]);
        drop(sl->look, op);
        if (is_open(sp, st, op)) continue;
        int64_t lack = lack_of(sp, st, op);
        if (lack > 0) {
            put(sl->waiting, op);
            if (st->bytes - lack > sl->fits_at) sl->fits_at = st->bytes - lack;
        } else if (is_free(sp, st, op)) {
            state_step(s, st, op);
            int32_t first = look_again(sp, st, sl, op);
            if (first < w) w = first;
        }
    }
}

/* The op that ends `k` whatever the order from `undone` on, NONE if that depends. */
static int32_t ends_at(const Space *sp, const Word *undone, int32_t k) {
    int32_t last = NONE;
    if (sp->several[k]) return NONE;
    EACH(w, sp->writers[k]) last = w;
    if (last != NONE) return has(undone, last) ? NONE : last;
    EACH(u, sp->users[k]) {
        if (has(undone, u)) continue;
        if (last != NONE) return NONE;
        last = u;
    }
    return last;
}

/* Whether `k` can stand in for a new buffer of some size and price on the way down. */
static bool is_stand_in(const State *high, const State *low, const Space *sp, int32_t k,
                        int64_t size, int64_t price) {
    if (sp->size[k] < size || !ends_with(sp, low->undone, k, NONE)) return false;
    if (is_live(sp, high->undone, k))
        return has(high->resident, k) && drop_cost(sp, high->undone, high->stored, k) >= price;
    return (sp->clean[k] ? 1 : 2) * sp->size[k] >= price;
}

/* Whether at any point between the two, in whatever order, `n` or a stand-in has been touched last:
 * each op that ends a stand-in touches `n` or another one that it does not end. */
static bool has_heir(const Space *sp, const State *high, const State *low, int32_t n) {
    int64_t size = sp->size[n], price = size * (sp->clean[n] ? 1 : 2);
    bool begun = false;
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = low->undone[w] & ~high->undone[w]; m; m &= m - 1) {
            int32_t op = w * 64 + __builtin_ctzll(m);
            bool ends = false, goes_on = false;
            EACH(k, sp->touch[op]) {
                if (k == n) {
                    goes_on = true;
                } else if (is_stand_in(high, low, sp, k, size, price)) {
                    int32_t last = ends_at(sp, high->undone, k);
                    if (last == op) ends = true;
                    else if (last != NONE) goes_on = true;
                    if (last != NONE && has(high->resident, k)) begun = true;
                }
            }
            if (ends && !goes_on) return false;
        }
    return begun;
}

/* Whether `low`, reached from `high` without a drop, loses nothing: no buffer that lives on has been
 * written since, and nothing is resident that was not so, but for one buffer with an heir. */
static bool is_valley(const Space *sp, const State *high, const State *low) {
    int32_t new = NONE;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = low->resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!has(high->resident, k)) {
                if (new != NONE || is_live(sp, high->undone, k)) return false;
                new = k;
            }
            if (!sp->several[k]) continue;
            EACH(v, sp->writers[k]) {
                if (has(low->undone, v) && !has(high->undone, v)) return false;
            }
        }
    return new == NONE || has_heir(sp, high, low, new);
}

/* Whether no set of ops between the two leaves fewer bytes live than `low`: all ops but the first
 * were calm when they were undone. */
static bool is_live_valley(const Space *sp, const State *high, const State *low, int32_t first) {
    if (sp->live_capacity == NO_CAP || is_calm(sp, high, first)) return true;
    if (low->live > high->live) return false;
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = low->undone[w] & ~high->undone[w]; m; m &= m - 1) {
            int32_t op = w * 64 + __builtin_ctzll(m);
            if (op != first && !has(sp->need + (size_t)op * (size_t)sp->op_words, first))
                return false;
        }
    return true;
}

void settle(Search *s, State *st) {
    const Space *sp = s->space;
    size_t bytes = (size_t)sp->op_words * sizeof(Word);
    memcpy(s->slide.look, st->ready, bytes);
    memset(s->slide.waiting, 0, bytes);
    s->slide.fits_at = INT64_MIN;
    slide(s, st, &s->slide, 0);
    if (!s->switches.valleys) return;
    for (int32_t w = 0; w < sp->op_words && goes_on(sp->watch); w++) {
        for (Word look = st->ready[w]; look; look &= look - 1) {
            int32_t op = w * 64 + __builtin_ctzll(look);
            if (is_open(sp, st, op) || lack_of(sp, st, op) > 0 || !is_allowed(sp, st, op)) continue;
            int64_t mark = s->record ? s->record->count : 0;
            copy_state(s, &s->trial, st);
            state_step(s, &s->trial, op);
            memcpy(s->trial_slide.look, s->slide.look, 2 * bytes);
            s->trial_slide.fits_at = s->slide.fits_at;
            slide(s, &s->trial, &s->trial_slide, look_again(sp, &s->trial, &s->trial_slide, op));
            if (!is_valley(sp, st, &s->trial) || !is_live_valley(sp, st, &s->trial, op)) {
                if (s->record) s->record->count = mark;
                continue;
            }
            copy_state(s, st, &s->trial);
            memcpy(s->slide.look, s->trial_slide.look, 2 * bytes);
            s->slide.fits_at = s->trial_slide.fits_at;
            w = -1;
            break;
        }
    }
}

#include "search.h"

#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "tables.h"
#include "tally.h"

/* A state being worked on. */
typedef struct {
    Word *undone, *ready, *resident, *stored;
    Word *out; /* operands of the op to come that stay outside (streaming) */
    int64_t *paid;
    int64_t cost, bytes, total;
    int32_t count;
    uint64_t hash;
} State;

/* Moves written down while a path is replayed. */
typedef struct {
    int32_t *moves;
    int64_t count, room;
    bool failed;
} Record;

struct Search {
    const Space *space;
    Switches switches;
    int64_t upper, states, bound, serial, known;
    int32_t groups, greed;
    int32_t *group; /* per buffer, NONE for none */
    int64_t *floor; /* per group */
    Tables tables;
    Tally *tally; /* NULL if not used */
    size_t masks_at, paid_at;
    Word *scratch; /* room of the states below */
    State now, new, base, trial;
    int64_t *prices;
    int32_t found;
    bool failed; /* out of memory */
    Record *record;
};

/* Working states. */

static void load(Search *s, State *to, int32_t index) {
    const Space *sp = s->space;
    const Node *node = node_at(&s->tables, index);
    const Word *masks = (const Word *)((const char *)node + s->masks_at);
    size_t words = (size_t)sp->buffer_words;
    memcpy(to->undone, undone_of(&s->tables, node->set), (size_t)sp->op_words * sizeof(Word));
    memcpy(to->ready, ready_of(&s->tables, node->set), (size_t)sp->op_words * sizeof(Word));
    memcpy(to->resident, masks, words * sizeof(Word));
    memcpy(to->stored, masks + words, words * sizeof(Word));
    if (sp->streaming) memcpy(to->out, masks + 2 * words, words * sizeof(Word));
    memcpy(to->paid, (const char *)node + s->paid_at, (size_t)s->groups * sizeof(int64_t));
    to->cost = node->cost;
    to->total = node->total;
    to->bytes = node->bytes;
    to->count = s->tables.sets[node->set].count;
    to->hash = s->tables.sets[node->set].hash;
}

static void save(Search *s, const State *from, int32_t index) {
    const Space *sp = s->space;
    Node *node = node_at(&s->tables, index);
    Word *masks = (Word *)((char *)node + s->masks_at);
    size_t words = (size_t)sp->buffer_words;
    memcpy(masks, from->resident, words * sizeof(Word));
    memcpy(masks + words, from->stored, words * sizeof(Word));
    if (sp->streaming) memcpy(masks + 2 * words, from->out, words * sizeof(Word));
    memcpy((char *)node + s->paid_at, from->paid, (size_t)s->groups * sizeof(int64_t));
    node->cost = from->cost;
    node->total = from->total;
    node->bytes = from->bytes;
}

/* Copy all but what follows from the set of ops undone. */
static void copy_buffers(const Search *s, State *to, const State *from) {
    size_t bytes = (size_t)s->space->buffer_words * sizeof(Word);
    memcpy(to->resident, from->resident, bytes);
    memcpy(to->stored, from->stored, bytes);
    memcpy(to->out, from->out, bytes);
    memcpy(to->paid, from->paid, (size_t)s->groups * sizeof(int64_t));
    to->cost = from->cost;
    to->total = from->total;
    to->bytes = from->bytes;
}

static void copy_state(const Search *s, State *to, const State *from) {
    size_t bytes = (size_t)s->space->op_words * sizeof(Word);
    memcpy(to->undone, from->undone, bytes);
    memcpy(to->ready, from->ready, bytes);
    to->count = from->count;
    to->hash = from->hash;
    copy_buffers(s, to, from);
}

static void write_down(Search *s, int32_t move) {
    Record *r = s->record;
    if (!r) return;
    if (r->count == r->room) {
        int64_t room = r->room ? r->room * 2 : 256;
        int32_t *moves = realloc(r->moves, (size_t)room * sizeof *moves);
        if (!moves) {
            r->failed = true;
            return;
        }
        r->moves = moves;
        r->room = room;
    }
    r->moves[r->count++] = move;
}

/* Moves. */

static void pay(const Search *s, State *st, int32_t k, int64_t price) {
    st->cost += price;
    if (s->groups && s->group[k] >= 0) st->paid[s->group[k]] += price;
}

static void drop_buffer(Search *s, State *st, int32_t k) {
    const Space *sp = s->space;
    pay(s, st, k, drop_cost(sp, st->undone, st->stored, k));
    drop(st->resident, k);
    st->bytes -= sp->size[k];
    if (!sp->clean[k] && !writer_undone(sp, st->undone, k)) put(st->stored, k);
    write_down(s, ~k);
}

/* Cost of absence before `op`, once `op` is undone. */
static int64_t cost_before(const Space *sp, State *st, int32_t k, int32_t op) {
    put(st->undone, op);
    int64_t cost = drop_cost(sp, st->undone, st->stored, k);
    drop(st->undone, op);
    return cost;
}

/* Drop a victim, or leave it outside at `op`. */
static void sacrifice(Search *s, State *st, int32_t k, int32_t op) {
    const Space *sp = s->space;
    if (has(st->resident, k)) drop_buffer(s, st, k);
    if (!touches(sp, op, k)) return;
    put(st->out, k);
    if (!ends_with(sp, st->undone, k, op)) pay(s, st, k, cost_before(sp, st, k, op));
}

static void step(Search *s, State *st, int32_t op) {
    const Space *sp = s->space;
    put(st->undone, op);
    st->count++;
    st->hash ^= mix(op);
    make_ready(sp, st->undone, st->ready, op);
    write_down(s, op);
    EACH(k, sp->touch[op]) {
        bool ends = ends_with(sp, st->undone, k, op);
        if (ends || writes(sp, op, k)) drop(st->stored, k);
        bool outside = sp->streaming && has(st->out, k);
        if (outside) {
            drop(st->out, k);
            if (!ends) { /* paid when it was chosen */
                if (!sp->clean[k] && !writer_undone(sp, st->undone, k)) put(st->stored, k);
                write_down(s, ~k);
            }
        }
        bool stays = !ends && !outside;
        if (stays && !has(st->resident, k)) {
            put(st->resident, k);
            st->bytes += sp->size[k];
        } else if (!stays && has(st->resident, k)) {
            drop(st->resident, k);
            st->bytes -= sp->size[k];
        }
    }
}

/* Bytes missing when every operand that lives on is to be in the TCM. */
static int64_t lack_of(const Space *sp, const State *st, int32_t op) {
    int64_t need = st->bytes + sp->fixed[op] - sp->capacity;
    EACH(k, sp->touch[op]) {
        if (!has(st->resident, k) && !(sp->streaming && ends_with(sp, st->undone, k, op)))
            need += sp->size[k];
    }
    return need;
}

static bool is_free(const Space *sp, const State *st, int32_t op) {
    if (lack_of(sp, st, op) > 0) return false;
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

/* Take free moves while there are any. */
static void slide(Search *s, State *st) {
    const Space *sp = s->space;
    for (int32_t w = 0; w < sp->op_words; w++) {
        for (Word look = st->ready[w]; look; look &= look - 1) {
            int32_t op = w * 64 + __builtin_ctzll(look);
            if (!is_free(sp, st, op)) continue;
            step(s, st, op);
            w = -1; /* look again from the start */
            break;
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

/* Take free moves, and an op with free moves after it where that ends in a valley. */
static void settle(Search *s, State *st) {
    const Space *sp = s->space;
    slide(s, st);
    if (!s->switches.valleys) return;
    for (int32_t w = 0; w < sp->op_words; w++) {
        for (Word look = st->ready[w]; look; look &= look - 1) {
            int32_t op = w * 64 + __builtin_ctzll(look);
            if (lack_of(sp, st, op) > 0) continue;
            int64_t mark = s->record ? s->record->count : 0;
            copy_state(s, &s->trial, st);
            step(s, &s->trial, op);
            slide(s, &s->trial);
            if (!is_valley(sp, st, &s->trial)) {
                if (s->record) s->record->count = mark;
                continue;
            }
            copy_state(s, st, &s->trial);
            w = -1;
            break;
        }
    }
}

/* Queue and tables. */

static void push(Search *s, int32_t index) {
    const Node *node = node_at(&s->tables, index);
    int64_t rank = node->total + s->greed * (node->total - node->cost);
    Entry entry = {rank, ++s->serial, s->tables.sets[node->set].count, index};
    if (!tables_push(&s->tables, entry)) s->failed = true;
}

static int64_t rest_of(const Search *s, const State *st) {
    int64_t rest = 0;
    for (int32_t g = 0; g < s->groups; g++)
        if (s->floor[g] > st->paid[g]) rest += s->floor[g] - st->paid[g];
    return rest;
}

/* Whether state a, with the same ops undone, is nowhere worse than b. */
static bool dominates(const Search *s, const Word *undone, int64_t a_cost, const Word *a_resident,
                      const Word *a_stored, int64_t b_cost, const Word *b_resident,
                      const Word *b_stored) {
    const Space *sp = s->space;
    if (a_cost > b_cost) return false;
    int32_t words = sp->buffer_words;
    size_t bytes = (size_t)words * sizeof(Word);
    if (!s->switches.dominance)
        return !memcmp(a_resident, b_resident, bytes) && !memcmp(a_stored, b_stored, bytes);
    Word worse = 0;
    for (int32_t w = 0; w < words; w++)
        worse |= (a_resident[w] & ~b_resident[w]) | (b_stored[w] & ~a_stored[w] & b_resident[w]);
    if (!worse) return true;
    if (!s->switches.trade) return false;
    int64_t spare = b_cost - a_cost;
    for (int32_t w = 0; w < words; w++) {
        for (Word m = b_stored[w] & ~a_stored[w] & b_resident[w]; m; m &= m - 1)
            if ((spare -= sp->size[w * 64 + __builtin_ctzll(m)]) < 0) return false;
        for (Word m = a_resident[w] & ~b_resident[w]; m; m &= m - 1)
            if ((spare -= drop_cost(sp, undone, a_stored, w * 64 + __builtin_ctzll(m))) < 0)
                return false;
    }
    return true;
}

/* Bound on the cost to come by the tally problem. */
static int64_t ask_tally(Search *s, const Word *undone, const Word *ready, uint64_t hash,
                         int64_t held, int64_t cheap) {
    int64_t rest = tally_rest(s->tally, undone, ready, hash, held, cheap);
    if (rest < 0) s->failed = true;
    return rest;
}

static int64_t tally_of(Search *s, const State *st) {
    const Space *sp = s->space;
    int64_t cheap = 0;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = st->resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (drop_cost(sp, st->undone, st->stored, k) <= sp->size[k]) cheap += sp->size[k];
        }
    return ask_tally(s, st->undone, st->ready, st->hash, st->bytes, cheap);
}

/* Queue a state unless it is dominated or too dear. */
static void offer(Search *s, State *st, int32_t parent, int32_t op) {
    Tables *t = &s->tables;
    int64_t rest = rest_of(s, st);
    if (st->cost + rest >= s->upper) return;
    if (s->tally) {
        int64_t tally = tally_of(s, st);
        if (tally > rest) rest = tally;
    }
    int64_t total = st->cost + rest;
    if (total > st->total) st->total = total;
    if (st->total >= s->upper) return;
    int32_t set = tables_set(t, st->undone, st->ready, st->hash, st->count);
    if (set == NONE) {
        s->failed = true;
        return;
    }
    size_t words = (size_t)s->space->buffer_words;
    /* Each buffer given up for good costs its size at least: a dominating state needs no more
     * bytes than the other, beyond what it is cheaper by. */
    int64_t need = st->cost + st->bytes;
    for (int32_t i = t->sets[set].first; i != NONE; i = node_at(t, i)->next) {
        const Node *old = node_at(t, i);
        if (old->cost > st->cost || old->cost + old->bytes > need) continue;
        const Word *masks = (const Word *)((const char *)old + s->masks_at);
        if (dominates(s, st->undone, old->cost, masks, masks + words, st->cost, st->resident,
                      st->stored))
            return;
    }
    int32_t *link = &t->sets[set].first;
    while (*link != NONE) {
        Node *old = node_at(t, *link);
        const Word *masks = (const Word *)((const char *)old + s->masks_at);
        if (old->cost >= st->cost && old->cost + old->bytes >= need &&
            dominates(s, st->undone, st->cost, st->resident, st->stored, old->cost, masks,
                      masks + words)) {
            old->dead = true;
            s->known--;
            *link = old->next;
        } else {
            link = &old->next;
        }
    }
    int32_t index = tables_new_node(t);
    if (index == NONE) {
        s->failed = true;
        return;
    }
    Node *node = node_at(t, index);
    *node = (Node){.parent = parent, .set = set, .next = t->sets[set].first, .op = op};
    save(s, st, index);
    t->sets[set].first = index;
    s->known++;
    push(s, index);
}

/* Choices. */

static bool is_victim(const Space *sp, const State *st, int32_t k, int32_t op) {
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
static Word candidates(const Space *sp, const State *st, int32_t op, int32_t w, int32_t limit) {
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

/* What must be paid at least to free `lack`, and the cheap bytes among it; -1 if nothing frees
 * enough. */
static int64_t least_price(const Space *sp, State *st, int32_t op, int32_t limit, int64_t lack,
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

/* Cost to come at least once `op` is undone, `lack` bytes dropped, `easy` of them cheap. */
static int64_t rest_after(Search *s, State *st, int32_t op, int64_t lack, int64_t easy) {
    const Space *sp = s->space;
    Word *undone = s->base.undone, *ready = s->base.ready;
    memcpy(undone, st->undone, (size_t)sp->op_words * sizeof(Word));
    memcpy(ready, st->ready, (size_t)sp->op_words * sizeof(Word));
    put(undone, op);
    make_ready(sp, undone, ready, op);
    int64_t held = st->bytes, cheap = 0;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = st->resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!touches(sp, op, k) && drop_cost(sp, st->undone, st->stored, k) <= sp->size[k])
                cheap += sp->size[k];
        }
    EACH(k, sp->touch[op]) {
        bool resident = has(st->resident, k);
        if (resident) held -= sp->size[k];
        if ((sp->streaming && has(st->out, k)) || ends_with(sp, st->undone, k, op)) continue;
        held += sp->size[k];
        bool again = !resident && is_live(sp, st->undone, k); /* written back already */
        bool stored = again || (has(st->stored, k) && !writes(sp, op, k));
        if (!writer_undone(sp, undone, k) && (sp->clean[k] || stored)) cheap += sp->size[k];
    }
    held = held > lack ? held - lack : 0;
    return ask_tally(s, undone, ready, st->hash ^ mix(op), held, cheap - easy);
}

/* Queue a choice that still has to drop something, unless that cannot help. */
static void queue_choice(Search *s, State *st, int32_t parent, int32_t set, int32_t op,
                         int32_t limit, int64_t lack) {
    int64_t easy, rest = least_price(s->space, st, op, limit, lack, &easy);
    if (rest < 0 || st->cost + rest >= s->upper) return;
    int64_t parts = rest_of(s, st);
    if (parts > rest) rest = parts;
    if (s->tally) {
        int64_t tally = 2 * lack - easy + rest_after(s, st, op, lack, easy);
        if (tally > rest) rest = tally;
    }
    int64_t total = st->cost + rest;
    if (total > st->total) st->total = total;
    if (st->total >= s->upper) return;
    int32_t index = tables_new_node(&s->tables);
    if (index == NONE) {
        s->failed = true;
        return;
    }
    Node *node = node_at(&s->tables, index);
    *node = (Node){.parent = parent, .set = set, .next = NONE, .op = op, .limit = limit,
                   .lack = lack, .is_choice = true};
    save(s, st, index);
    push(s, index);
}

/* Whether sparing the victim `k` and dropping one of `others` instead is no worse for sure: one of
 * its size, no dearer, that is needed only after the one user that `k` has left. */
static bool is_regrettable(const Space *sp, const Word *undone, const Word *stored, int32_t k,
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

/* Whether the victims dropped since `origin` are complete and one should have been spared. */
static bool is_regretted(Search *s, const State *st, int32_t op, int32_t origin) {
    const Space *sp = s->space;
    if (!s->switches.furthest) return false;
    const Word *before = (const Word *)((const char *)node_at(&s->tables, origin) + s->masks_at);
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = before[w] & ~st->resident[w]; m; m &= m - 1)
            if (is_regrettable(sp, st->undone, before + sp->buffer_words, w * 64 + __builtin_ctzll(m),
                               op, st->resident, INT32_MAX))
                return true;
    return false;
}

static void undo(Search *s, State *st, int32_t op, int32_t parent) {
    step(s, st, op);
    if (s->switches.free_moves) settle(s, st);
    offer(s, st, parent, op);
}

static void expand(Search *s, int32_t index) {
    const Space *sp = s->space;
    int32_t set = node_at(&s->tables, index)->set;
    load(s, &s->now, index);
    memset(s->now.out, 0, (size_t)sp->buffer_words * sizeof(Word));
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = s->now.ready[w]; m && !s->failed; m &= m - 1) {
            int32_t op = w * 64 + __builtin_ctzll(m);
            int64_t lack = lack_of(sp, &s->now, op);
            copy_state(s, &s->new, &s->now);
            if (lack <= 0) undo(s, &s->new, op, index);
            else queue_choice(s, &s->new, index, set, op, 0, lack);
        }
}

static void choose_victim(Search *s, int32_t index) {
    const Space *sp = s->space;
    Node choice = *node_at(&s->tables, index);
    load(s, &s->now, index);
    tables_recycle(&s->tables, index);
    const Word *origin_stored =
        (const Word *)((const char *)node_at(&s->tables, choice.parent) + s->masks_at) +
        sp->buffer_words;
    for (int32_t w = choice.limit >> 6; w < sp->buffer_words; w++)
        for (Word m = candidates(sp, &s->now, choice.op, w, choice.limit); m && !s->failed;
             m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!is_victim(sp, &s->now, k, choice.op)) continue;
            if (s->switches.furthest && is_regrettable(sp, s->now.undone, origin_stored, k, choice.op,
                                                       s->now.resident, k))
                continue;
            copy_state(s, &s->new, &s->now);
            sacrifice(s, &s->new, k, choice.op);
            int64_t lack = choice.lack - sp->size[k];
            if (lack > 0)
                queue_choice(s, &s->new, choice.parent, choice.set, choice.op, k + 1, lack);
            else if (!is_regretted(s, &s->new, choice.op, choice.parent))
                undo(s, &s->new, choice.op, choice.parent);
        }
}

/* Life of a search. */

static Word *carve(Word **at, int32_t words) {
    Word *found = *at;
    *at += words;
    return found;
}

Search *search_new(const Space *space, int64_t upper, Switches switches, int32_t groups,
                   const int32_t *group, const int64_t *floor, int32_t greed) {
    Search *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    int32_t ow = space->op_words, bw = space->buffer_words;
    s->space = space;
    s->switches = switches;
    s->upper = upper;
    s->groups = groups;
    s->greed = greed;
    s->found = NONE;
    s->masks_at = (sizeof(Node) + 7) / 8 * 8;
    s->paid_at = s->masks_at + (size_t)bw * (space->streaming ? 3 : 2) * sizeof(Word);
    s->group = malloc(((size_t)space->buffers + 1) * sizeof *s->group);
    s->floor = malloc(((size_t)groups + 1) * sizeof *s->floor);
    size_t each = 2 * (size_t)ow + 3 * (size_t)bw + (size_t)groups;
    s->scratch = calloc(4 * each + 1, sizeof(Word));
    if (!s->group || !s->floor || !s->scratch ||
        !tables_init(&s->tables, s->paid_at + (size_t)groups * sizeof(int64_t), ow) ||
        (switches.tally && !(s->tally = tally_new(space)))) {
        search_free(s);
        return NULL;
    }
    if (groups) {
        memcpy(s->group, group, (size_t)space->buffers * sizeof *group);
        memcpy(s->floor, floor, (size_t)groups * sizeof *floor);
    }
    Word *at = s->scratch;
    State *states[] = {&s->now, &s->new, &s->base, &s->trial};
    for (int i = 0; i < 4; i++) {
        State *st = states[i];
        st->undone = carve(&at, ow);
        st->ready = carve(&at, ow);
        st->resident = carve(&at, bw);
        st->stored = carve(&at, bw);
        st->out = carve(&at, bw);
        st->paid = (int64_t *)carve(&at, groups);
    }
    for (int32_t i = 0; i < space->ops; i++)
        if (space->before[i].begin == space->before[i].end) put(s->now.ready, i);
    offer(s, &s->now, NONE, NONE);
    return s;
}

void search_free(Search *s) {
    if (!s) return;
    tables_free(&s->tables);
    tally_free(s->tally);
    free(s->group);
    free(s->floor);
    free(s->scratch);
    free(s);
}

/* Dominated since it was queued, or a choice made in a state that was. */
static bool is_obsolete(const Tables *t, int32_t index) {
    const Node *node = node_at(t, index);
    return node->dead || (node->is_choice && node_at(t, node->parent)->dead);
}

Event search_run(Search *s, int64_t slice, size_t cap) {
    Tables *t = &s->tables;
    for (int64_t i = 0; i < slice; i++) {
        if (s->failed || search_bytes(s) > cap) return EVENT_NO_MEMORY;
        while (t->heap_count && is_obsolete(t, t->heap[0].node))
            tables_recycle(t, tables_pop(t).node);
        if (!t->heap_count) {
            if (s->bound < s->upper) s->bound = s->upper;
            return EVENT_EXHAUSTED;
        }
        int32_t index = tables_pop(t).node;
        const Node *node = node_at(t, index);
        if (!s->greed && node->total > s->bound) s->bound = node->total;
        if (t->sets[node->set].count == s->space->ops) {
            s->found = index;
            return EVENT_FOUND;
        }
        s->states++;
        if (node->is_choice) choose_victim(s, index);
        else expand(s, index);
    }
    return s->failed ? EVENT_NO_MEMORY : EVENT_SLICE;
}

int64_t search_states(const Search *s) { return s->states; }
int64_t search_bound(const Search *s) { return s->bound; }
int64_t search_known(const Search *s) { return s->known; }
size_t search_bytes(const Search *s) {
    return s->tables.bytes + (s->tally ? tally_bytes(s->tally) : 0);
}

/* Paths. Only states are kept, so the victims before each op are found again. */

static bool reaches(Search *s, const State *st, int32_t index) {
    const Node *node = node_at(&s->tables, index);
    const Word *masks = (const Word *)((const char *)node + s->masks_at);
    size_t words = (size_t)s->space->buffer_words, bytes = words * sizeof(Word);
    return st->cost == node->cost &&
           !memcmp(st->undone, undone_of(&s->tables, node->set),
                   (size_t)s->space->op_words * sizeof(Word)) &&
           !memcmp(st->resident, masks, bytes) && !memcmp(st->stored, masks + words, bytes);
}

/* Copies for one level of the search for victims below. */
static State *deeper(const Search *s, Word **room) {
    const Space *sp = s->space;
    size_t each = 2 * (size_t)sp->op_words + 3 * (size_t)sp->buffer_words + (size_t)s->groups;
    State *st = malloc(sizeof *st);
    *room = calloc(each + 1, sizeof(Word));
    if (!st || !*room) {
        free(st);
        free(*room);
        return NULL;
    }
    Word *at = *room;
    st->undone = carve(&at, sp->op_words);
    st->ready = carve(&at, sp->op_words);
    st->resident = carve(&at, sp->buffer_words);
    st->stored = carve(&at, sp->buffer_words);
    st->out = carve(&at, sp->buffer_words);
    st->paid = (int64_t *)carve(&at, s->groups);
    return st;
}

/* From `st`, drop victims from `limit` on, undo the op of `target`, and see whether that is it. */
static bool retrace(Search *s, const State *st, int32_t target, int32_t limit, int64_t lack) {
    const Space *sp = s->space;
    int32_t op = node_at(&s->tables, target)->op;
    Word *room;
    State *next = deeper(s, &room);
    if (!next) {
        s->record->failed = true;
        return false;
    }
    int64_t mark = s->record->count;
    bool found = false;
    if (lack <= 0) {
        copy_state(s, next, st);
        step(s, next, op);
        if (s->switches.free_moves) settle(s, next);
        found = reaches(s, next, target);
        if (!found) s->record->count = mark;
    }
    for (int32_t w = limit >> 6; lack > 0 && !found && w < sp->buffer_words; w++)
        for (Word m = candidates(sp, st, op, w, limit); m && !found; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!is_victim(sp, st, k, op)) continue;
            copy_state(s, next, st);
            sacrifice(s, next, k, op);
            if (next->cost <= node_at(&s->tables, target)->cost)
                found = retrace(s, next, target, k + 1, lack - sp->size[k]);
            if (!found) s->record->count = mark;
        }
    free(room);
    free(next);
    return found && !s->record->failed;
}

int64_t search_moves(const Search *search, int32_t **moves) {
    Search *s = (Search *)search;
    Record record = {NULL, 0, 0, false};
    int32_t length = 0;
    for (int32_t i = s->found; i != NONE; i = node_at(&s->tables, i)->parent) length++;
    int32_t *path = malloc(((size_t)length + 1) * sizeof *path);
    if (!path) return -1;
    for (int32_t i = s->found, at = length; i != NONE; i = node_at(&s->tables, i)->parent)
        path[--at] = i;
    s->record = &record;
    for (int32_t i = 1; i < length && !record.failed; i++) {
        load(s, &s->now, path[i - 1]);
        memset(s->now.out, 0, (size_t)s->space->buffer_words * sizeof(Word));
        int64_t lack = lack_of(s->space, &s->now, node_at(&s->tables, path[i])->op);
        if (!retrace(s, &s->now, path[i], 0, lack)) record.failed = true;
    }
    s->record = NULL;
    free(path);
    if (record.failed) {
        free(record.moves);
        return -1;
    }
    *moves = record.moves;
    return record.count;
}

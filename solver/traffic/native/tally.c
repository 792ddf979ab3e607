/* Least costs to come, by dynamic programming over settled sets and bytes held. */
#include "tally_internal.h"

static const int64_t MOST_STEPS = 1 << 21;
enum { STEP_WORDS = 4 }; /* words of a mask that one step can handle */

static uint64_t spread(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static uint64_t hash_of_key(const Key *key) {
    return spread((uint64_t)key->held * 0x9e3779b97f4a7c15ULL ^ spread((uint64_t)key->cheap) ^
                  (uint64_t)key->index << 40);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Undo an op: the state after; returns what it costs. */
static int64_t step(const Space *sp, const Effect *e, const Key *from, Key *to) {
    int64_t back = least(e->back, from->held), away = e->back - back, others, left, drop, easy;
    if (sp->streaming) {
        away = most(0, away - e->gone);
        others = from->held + away + e->new;
        left = others - least(e->gone, back);
        drop = most(0, others - e->beside);
        easy = least(drop, from->cheap + away + e->new_cheap);
    } else {
        others = from->held - back;
        left = others + e->back + e->new - e->gone;
        drop = most(0, others - e->beside);
        easy = least(drop, from->cheap);
    }
    to->index = e->after;
    to->held = most(0, left - drop + e->change);
    int64_t cheap = most(0, from->cheap + away + e->new_cheap - easy) + e->change_cheap;
    to->cheap = least(to->held, cheap);
    return 2 * drop - easy;
}

static const Known *look_up(const Tally *t, const Key *key) {
    for (uint32_t s = (uint32_t)hash_of_key(key) & t->known_hash.mask;
         t->known_hash.slots[s] != NONE; s = (s + 1) & t->known_hash.mask) {
        const Known *k = &t->known[t->known_hash.slots[s]];
        if (k->key.index == key->index && k->key.held == key->held && k->key.cheap == key->cheap)
            return k;
    }
    return NULL;
}

static bool learn(Tally *t, Key key, int64_t rest) {
    if (!tally_grow(t, (void **)&t->known, t->known_count, &t->known_room, sizeof *t->known)) return false;
    if (t->known_count * 2 > t->known_hash.mask) {
        if (!tally_widen(t, &t->known_hash)) return false;
        for (size_t i = 0; i < t->known_count; i++)
            tally_put_slot(&t->known_hash, hash_of_key(&t->known[i].key), (int32_t)i);
    }
    t->known[t->known_count] = (Known){key, rest};
    tally_put_slot(&t->known_hash, hash_of_key(&key), (int32_t)t->known_count++);
    return true;
}

static bool push(Tally *t, Key key) {
    if (!tally_grow(t, (void **)&t->stack, t->stack_count, &t->stack_room, sizeof *t->stack)) return false;
    t->stack[t->stack_count++] = key;
    return true;
}

/* Least cost to come; NONE once states it depends on are on the stack. */
static int64_t value(Tally *t, Key key) {
    if (t->sets[key.index].full) return 0;
    if (t->sets[key.index].effects == NONE && !tally_make_effects(t, key.index)) return NONE;
    int32_t begin = t->sets[key.index].effects, count = t->sets[key.index].count;
    int64_t best = INT64_MAX;
    bool missing = false;
    t->steps += count * (1 + t->space->op_words / STEP_WORDS);
    for (int32_t i = begin; i < begin + count; i++) {
        Key after;
        int64_t cost = step(t->space, &t->effects[i], &key, &after);
        const Known *known = look_up(t, &after);
        if (!known) {
            missing = true;
            if (!push(t, after)) return NONE;
        } else if (cost + known->rest < best) {
            best = cost + known->rest;
        }
    }
    return missing ? NONE : best;
}

/* Work off the stack, depth first, until there have been more than `until` steps; false without
 * memory. */
static bool work(Tally *t, int64_t until) {
    while (t->stack_count && goes_on(t->space->watch)) {
        Key top = t->stack[t->stack_count - 1];
        if (!look_up(t, &top)) {
            int64_t rest = value(t, top);
            if (t->failed) return false;
            if (rest == NONE) {
                if (t->steps > until) return true;
                continue;
            }
            if (!learn(t, top, rest)) return false;
        }
        t->stack_count--;
    }
    return true;
}

/* The settled state that stands for another; false without memory. */
static bool settled_key(Tally *t, const Word *undone, const Word *ready, uint64_t hash, int64_t held,
                        int64_t cheap, Key *key) {
    const Alias *settled = tally_settle(t, undone, ready, hash);
    if (!settled) return false;
    key->index = settled->index;
    key->held = most(0, held + settled->change);
    key->cheap = least(most(0, cheap) + settled->cheap, key->held);
    return true;
}

int64_t tally_rest(Tally *t, const Word *undone, const Word *ready, uint64_t hash, int64_t held,
                   int64_t cheap) {
    if (t->given_up) return 0;
    Key key = {0};
    if (!settled_key(t, undone, ready, hash, held, cheap, &key)) return -1;
    const Known *known = look_up(t, &key);
    if (known) return known->rest;
    if (t->steps > MOST_STEPS) return 0;
    t->warming = false;
    t->stack_count = 0;
    if (!push(t, key) || !work(t, MOST_STEPS)) return -1;
    return t->stack_count ? 0 : look_up(t, &key)->rest;
}

/* Have the whole problem on the stack. */
static bool begin_warming(Tally *t) {
    const Space *sp = t->space;
    Word *root = calloc(2 * (size_t)sp->op_words + 1, sizeof(Word));
    if (!root) return false;
    for (int32_t i = 0; i < sp->ops; i++)
        if (sp->before[i].begin == sp->before[i].end) put(root + sp->op_words, i);
    Key key = {0};
    t->stack_count = 0;
    t->warming = settled_key(t, root, root + sp->op_words, 0, 0, 0, &key) && push(t, key);
    free(root);
    return t->warming;
}

bool tally_warm(Tally *t, int64_t steps, bool *done) {
    if (!t->warming && !begin_warming(t)) return false;
    if (!work(t, least(t->steps + steps, MOST_STEPS))) return false;
    if (t->stack_count && t->steps > MOST_STEPS) tally_stop(t);
    *done = !t->stack_count || t->given_up;
    return true;
}

void tally_stop(Tally *t) {
    t->given_up = true;
}

Tally *tally_new(const Space *space) {
    Tally *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->space = space;
    size_t words = (size_t)space->op_words;
    t->now = calloc(5 * words + 1, sizeof(Word));
    if (!t->now || !tally_hash_init(&t->alias_hash) || !tally_hash_init(&t->set_hash) ||
        !tally_hash_init(&t->known_hash)) {
        tally_free(t);
        return NULL;
    }
    t->ready = t->now + words;
    t->after = t->ready + words;
    t->after_ready = t->after + words;
    t->look = t->after_ready + words;
    return t;
}

void tally_free(Tally *t) {
    if (!t) return;
    free(t->sets);
    free(t->masks);
    free(t->aliases);
    free(t->keys);
    free(t->effects);
    free(t->known);
    free(t->stack);
    free(t->alias_hash.slots);
    free(t->set_hash.slots);
    free(t->known_hash.slots);
    free(t->now);
    free(t);
}

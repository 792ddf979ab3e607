#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "facts.h"

enum { NONE = -1, MOST_SUMS = 256 };
static const int64_t MOST_STEPS = 1 << 21;

typedef struct {
    int64_t back, new, new_cheap, gone, beside, change, change_cheap;
    int32_t after;
} Effect;

/* A settled set of ops undone; its masks are in `masks`, its effects begin at `effects`. */
typedef struct {
    int32_t effects, count; /* NONE until made */
    bool full;
} Settled;

/* Where settling from a set leads; its mask is in `keys`. */
typedef struct {
    uint64_t hash;
    int64_t change, cheap;
    int32_t index;
} Alias;

typedef struct {
    int64_t held, cheap;
    int32_t index;
} Key;

typedef struct {
    Key key;
    int64_t rest;
} Known;

typedef struct {
    int32_t *slots;
    uint32_t mask;
} Hash;

struct Tally {
    const Space *space;
    Settled *sets;
    Word *masks; /* per set: undone, ready */
    Alias *aliases;
    Word *keys;
    Effect *effects;
    Known *known;
    Key *stack;
    size_t set_count, set_room, alias_count, alias_room, effect_count, effect_room, known_count,
        known_room, stack_count, stack_room;
    Hash alias_hash, set_hash, known_hash;
    int64_t steps;
    Word *now, *ready; /* scratch of settling */
    Word *after, *after_ready;
    int64_t sums[2 * MOST_SUMS + 2], more[2 * MOST_SUMS + 2];
    bool failed;
};

/* Room for one more element of an array. */
static bool grow(Tally *t, void **array, size_t count, size_t *room, size_t size) {
    if (count < *room) return true;
    size_t next = *room ? *room * 2 : 64;
    void *bigger = realloc(*array, next * size);
    if (!bigger) {
        t->failed = true;
        return false;
    }
    *array = bigger;
    *room = next;
    return true;
}

static bool hash_init(Hash *h) {
    h->mask = 255;
    h->slots = malloc(256 * sizeof *h->slots);
    if (h->slots) memset(h->slots, 0xff, 256 * sizeof *h->slots);
    return h->slots != NULL;
}

static uint64_t spread(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static uint64_t hash_of_key(const Key *key) {
    return spread((uint64_t)key->held * 0x9e3779b97f4a7c15ULL ^ spread((uint64_t)key->cheap) ^
                  (uint64_t)key->index << 40);
}

static uint64_t hash_of_mask(const Space *sp, const Word *mask) {
    uint64_t hash = 0;
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = mask[w]; m; m &= m - 1) hash ^= mix(w * 64 + __builtin_ctzll(m));
    return hash;
}

static void put_slot(Hash *h, uint64_t hash, int32_t value) {
    uint32_t s = (uint32_t)hash & h->mask;
    while (h->slots[s] != NONE) s = (s + 1) & h->mask;
    h->slots[s] = value;
}

/* Twice the slots, empty, for the caller to fill again. */
static bool widen(Tally *t, Hash *h) {
    size_t count = ((size_t)h->mask + 1) * 2;
    int32_t *slots = malloc(count * sizeof *slots);
    if (!slots) {
        t->failed = true;
        return false;
    }
    memset(slots, 0xff, count * sizeof *slots);
    free(h->slots);
    h->slots = slots;
    h->mask = (uint32_t)(count - 1);
    return true;
}

static Word *undone_of(const Tally *t, size_t set) {
    return t->masks + set * 2 * (size_t)t->space->op_words;
}
static Word *ready_of(const Tally *t, size_t set) { return undone_of(t, set) + t->space->op_words; }

/* Change of live bytes and new cheap bytes if `op` is undone at once; false if that might harm. */
static bool gain(const Space *sp, const Word *undone, int32_t op, int64_t *change, int64_t *cheap) {
    int64_t new = 0, new_cheap = 0, gone = 0, largest = 0;
    EACH(k, sp->touch[op]) {
        int64_t size = sp->size[k];
        if (ends_with(sp, undone, k, op)) {
            gone += size;
            if (size > largest) largest = size;
        } else if (writes(sp, op, k)) {
            return false;
        } else if (!is_live(sp, undone, k)) {
            new += size;
            if (sp->clean[k]) new_cheap += size;
        }
    }
    if (new > largest) return false;
    *change = new - gone;
    *cheap = new_cheap;
    return true;
}

/* Index of a settled set, made if need be. */
static int32_t set_index(Tally *t, const Word *undone, const Word *ready) {
    const Space *sp = t->space;
    size_t bytes = (size_t)sp->op_words * sizeof(Word);
    uint64_t hash = hash_of_mask(sp, undone);
    for (uint32_t s = (uint32_t)hash & t->set_hash.mask; t->set_hash.slots[s] != NONE;
         s = (s + 1) & t->set_hash.mask)
        if (!memcmp(undone_of(t, (size_t)t->set_hash.slots[s]), undone, bytes))
            return t->set_hash.slots[s];
    size_t room = t->set_room;
    if (!grow(t, (void **)&t->sets, t->set_count, &t->set_room, sizeof *t->sets)) return NONE;
    if (!grow(t, (void **)&t->masks, t->set_count, &room, 2 * bytes)) return NONE;
    if (t->set_count * 2 > t->set_hash.mask) {
        if (!widen(t, &t->set_hash)) return NONE;
        for (size_t i = 0; i < t->set_count; i++)
            put_slot(&t->set_hash, hash_of_mask(sp, undone_of(t, i)), (int32_t)i);
    }
    int32_t index = (int32_t)t->set_count++;
    memcpy(undone_of(t, (size_t)index), undone, bytes);
    memcpy(ready_of(t, (size_t)index), ready, bytes);
    int32_t left = 0;
    for (int32_t i = 0; i < sp->ops; i++) left += !has(undone, i);
    t->sets[index] = (Settled){NONE, 0, left == 0};
    put_slot(&t->set_hash, hash, index);
    return index;
}

/* Where settling leads; the pointer is good until the next call. NULL without memory. */
static const Alias *settle(Tally *t, const Word *undone, const Word *ready, uint64_t hash) {
    const Space *sp = t->space;
    size_t words = (size_t)sp->op_words, bytes = words * sizeof(Word);
    for (uint32_t s = (uint32_t)hash & t->alias_hash.mask; t->alias_hash.slots[s] != NONE;
         s = (s + 1) & t->alias_hash.mask) {
        int32_t i = t->alias_hash.slots[s];
        if (t->aliases[i].hash == hash && !memcmp(t->keys + (size_t)i * words, undone, bytes))
            return &t->aliases[i];
    }
    Alias found = {hash, 0, 0, NONE};
    memcpy(t->now, undone, bytes);
    memcpy(t->ready, ready, bytes);
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word look = t->ready[w]; look; look &= look - 1) {
            int32_t op = w * 64 + __builtin_ctzll(look);
            int64_t change, cheap;
            if (!gain(sp, t->now, op, &change, &cheap)) continue;
            put(t->now, op);
            make_ready(sp, t->now, t->ready, op);
            found.change += change;
            found.cheap += cheap;
            w = -1;
            break;
        }
    found.index = set_index(t, t->now, t->ready);
    if (found.index == NONE) return NULL;
    size_t room = t->alias_room;
    if (!grow(t, (void **)&t->aliases, t->alias_count, &t->alias_room, sizeof *t->aliases) ||
        !grow(t, (void **)&t->keys, t->alias_count, &room, bytes))
        return NULL;
    if (t->alias_count * 2 > t->alias_hash.mask) {
        if (!widen(t, &t->alias_hash)) return NULL;
        for (size_t i = 0; i < t->alias_count; i++)
            put_slot(&t->alias_hash, t->aliases[i].hash, (int32_t)i);
    }
    memcpy(t->keys + t->alias_count * words, undone, bytes);
    t->aliases[t->alias_count] = found;
    put_slot(&t->alias_hash, hash, (int32_t)t->alias_count);
    return &t->aliases[t->alias_count++];
}

/* Largest total of live buffers beside the operands of `op` that is within `room`. */
static int64_t fitting(Tally *t, const Word *undone, int32_t op, int64_t room) {
    const Space *sp = t->space;
    int64_t total = 0;
    int32_t count = 1;
    t->sums[0] = 0;
    bool exact = true;
    for (int32_t k = 0; k < sp->buffers; k++) {
        if (!is_live(sp, undone, k) || ends_with(sp, undone, k, NONE) || touches(sp, op, k)) continue;
        int64_t size = sp->size[k];
        total += size;
        if (!exact) continue;
        /* Merge the sums with and without this buffer, both ascending. */
        int32_t n = 0, a = 0, b = 0;
        while (a < count || (b < count && t->sums[b] + size <= room)) {
            int64_t with = b < count ? t->sums[b] + size : INT64_MAX;
            int64_t without = a < count ? t->sums[a] : INT64_MAX;
            if (with > room) with = INT64_MAX;
            int64_t next = with < without ? with : without;
            if (next == INT64_MAX) break;
            if (with == next) b++;
            if (without == next) a++;
            t->more[n++] = next;
        }
        memcpy(t->sums, t->more, (size_t)n * sizeof *t->sums);
        count = n;
        if (count > MOST_SUMS) exact = false;
    }
    if (total <= room) return total;
    return exact ? t->sums[count - 1] : room;
}

static bool make_effects(Tally *t, int32_t index) {
    const Space *sp = t->space;
    size_t bytes = (size_t)sp->op_words * sizeof(Word);
    int32_t first = (int32_t)t->effect_count, count = 0;
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = ready_of(t, (size_t)index)[w]; m; m &= m - 1) {
            int32_t op = w * 64 + __builtin_ctzll(m);
            const Word *undone = undone_of(t, (size_t)index);
            Effect e = {0};
            EACH(k, sp->touch[op]) {
                if (is_live(sp, undone, k)) {
                    e.back += sp->size[k];
                } else {
                    e.new += sp->size[k];
                    if (sp->clean[k]) e.new_cheap += sp->size[k];
                }
                if (ends_with(sp, undone, k, op)) e.gone += sp->size[k];
            }
            e.beside = sp->capacity - sp->fixed[op];
            if (!sp->streaming) e.beside = fitting(t, undone, op, e.beside - e.back - e.new);
            memcpy(t->after, undone, bytes);
            memcpy(t->after_ready, ready_of(t, (size_t)index), bytes);
            put(t->after, op);
            make_ready(sp, t->after, t->after_ready, op);
            const Alias *to = settle(t, t->after, t->after_ready, hash_of_mask(sp, t->after));
            if (!to) return false;
            e.change = to->change;
            e.change_cheap = to->cheap;
            e.after = to->index;
            if (!grow(t, (void **)&t->effects, t->effect_count, &t->effect_room, sizeof *t->effects))
                return false;
            t->effects[t->effect_count++] = e;
            count++;
        }
    t->sets[index].effects = first;
    t->sets[index].count = count;
    return true;
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
    if (!grow(t, (void **)&t->known, t->known_count, &t->known_room, sizeof *t->known)) return false;
    if (t->known_count * 2 > t->known_hash.mask) {
        if (!widen(t, &t->known_hash)) return false;
        for (size_t i = 0; i < t->known_count; i++)
            put_slot(&t->known_hash, hash_of_key(&t->known[i].key), (int32_t)i);
    }
    t->known[t->known_count] = (Known){key, rest};
    put_slot(&t->known_hash, hash_of_key(&key), (int32_t)t->known_count++);
    return true;
}

static bool push(Tally *t, Key key) {
    if (!grow(t, (void **)&t->stack, t->stack_count, &t->stack_room, sizeof *t->stack)) return false;
    t->stack[t->stack_count++] = key;
    return true;
}

/* Least cost to come; NONE once states it depends on are on the stack. */
static int64_t value(Tally *t, Key key) {
    if (t->sets[key.index].full) return 0;
    if (t->sets[key.index].effects == NONE && !make_effects(t, key.index)) return NONE;
    int32_t begin = t->sets[key.index].effects, count = t->sets[key.index].count;
    int64_t best = INT64_MAX;
    bool missing = false;
    t->steps += count;
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

/* Bytes at least still to pay, 0 once there have been more than `most` steps; -1 without memory. */
static int64_t find_rest(Tally *t, const Word *undone, const Word *ready, uint64_t hash, int64_t held,
                         int64_t cheap, int64_t most_steps) {
    const Alias *settled = settle(t, undone, ready, hash);
    if (!settled) return -1;
    Key key = {.index = settled->index};
    key.held = most(0, held + settled->change);
    key.cheap = least(most(0, cheap) + settled->cheap, key.held);
    const Known *known = look_up(t, &key);
    if (known) return known->rest;
    if (t->steps > most_steps) return 0;
    t->stack_count = 0;
    if (!push(t, key)) return -1;
    while (t->stack_count) {
        Key top = t->stack[t->stack_count - 1];
        if (!look_up(t, &top)) {
            int64_t rest = value(t, top);
            if (t->failed) return -1;
            if (rest == NONE) {
                if (t->steps > most_steps) return 0;
                continue;
            }
            if (!learn(t, top, rest)) return -1;
        }
        t->stack_count--;
    }
    return look_up(t, &key)->rest;
}

int64_t tally_rest(Tally *t, const Word *undone, const Word *ready, uint64_t hash, int64_t held,
                   int64_t cheap) {
    return find_rest(t, undone, ready, hash, held, cheap, MOST_STEPS);
}

bool tally_warm(Tally *t, int64_t steps, bool *done) {
    const Space *sp = t->space;
    int64_t until = least(t->steps + steps, MOST_STEPS);
    Word *root = calloc(2 * (size_t)sp->op_words + 1, sizeof(Word));
    if (!root) return false;
    for (int32_t i = 0; i < sp->ops; i++)
        if (sp->before[i].begin == sp->before[i].end) put(root + sp->op_words, i);
    int64_t rest = find_rest(t, root, root + sp->op_words, 0, 0, 0, until);
    free(root);
    *done = t->steps <= until || t->steps > MOST_STEPS;
    return rest >= 0;
}

Tally *tally_new(const Space *space) {
    Tally *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->space = space;
    size_t words = (size_t)space->op_words;
    t->now = calloc(4 * words + 1, sizeof(Word));
    if (!t->now || !hash_init(&t->alias_hash) || !hash_init(&t->set_hash) ||
        !hash_init(&t->known_hash)) {
        tally_free(t);
        return NULL;
    }
    t->ready = t->now + words;
    t->after = t->ready + words;
    t->after_ready = t->after + words;
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

/* Sets of ops undone: settling, and what undoing one more op does. */
#include "tally_internal.h"

bool tally_grow(Tally *t, void **array, size_t count, size_t *room, size_t size) {
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

bool tally_hash_init(Hash *h) {
    h->mask = 255;
    h->slots = malloc(256 * sizeof *h->slots);
    if (h->slots) memset(h->slots, 0xff, 256 * sizeof *h->slots);
    return h->slots != NULL;
}

static uint64_t tally_hash_of(const Space *sp, const Word *mask) {
    uint64_t hash = 0;
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = mask[w]; m; m &= m - 1) hash ^= mix(w * 64 + __builtin_ctzll(m));
    return hash;
}

void tally_put_slot(Hash *h, uint64_t hash, int32_t value) {
    uint32_t s = (uint32_t)hash & h->mask;
    while (h->slots[s] != NONE) s = (s + 1) & h->mask;
    h->slots[s] = value;
}

bool tally_widen(Tally *t, Hash *h) {
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
    uint64_t hash = tally_hash_of(sp, undone);
    for (uint32_t s = (uint32_t)hash & t->set_hash.mask; t->set_hash.slots[s] != NONE;
         s = (s + 1) & t->set_hash.mask)
        if (!memcmp(tally_undone(t, (size_t)t->set_hash.slots[s]), undone, bytes))
            return t->set_hash.slots[s];
    size_t room = t->set_room;
    if (!tally_grow(t, (void **)&t->sets, t->set_count, &t->set_room, sizeof *t->sets)) return NONE;
    if (!tally_grow(t, (void **)&t->masks, t->set_count, &room, 2 * bytes)) return NONE;
    if (t->set_count * 2 > t->set_hash.mask) {
        if (!tally_widen(t, &t->set_hash)) return NONE;
        for (size_t i = 0; i < t->set_count; i++)
            tally_put_slot(&t->set_hash, tally_hash_of(sp, tally_undone(t, i)), (int32_t)i);
    }
    int32_t index = (int32_t)t->set_count++;
    memcpy(tally_undone(t, (size_t)index), undone, bytes);
    memcpy(tally_ready(t, (size_t)index), ready, bytes);
    int32_t left = sp->ops;
    for (int32_t w = 0; w < sp->op_words; w++) left -= __builtin_popcountll(undone[w]);
    t->sets[index] = (Settled){NONE, 0, left == 0};
    tally_put_slot(&t->set_hash, hash, index);
    return index;
}

const Alias *tally_settle(Tally *t, const Word *undone, const Word *ready, uint64_t hash) {
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
    memcpy(t->look, ready, bytes);
    for (int32_t w = 0; w < sp->op_words;) {
        if (!t->look[w]) {
            w++;
            continue;
        }
        int32_t op = w * 64 + __builtin_ctzll(t->look[w]);
        drop(t->look, op);
        int64_t change, cheap;
        if (!gain(sp, t->now, op, &change, &cheap)) continue;
        put(t->now, op);
        make_ready(sp, t->now, t->ready, op);
        found.change += change;
        found.cheap += cheap;
        int32_t first = look_around(sp, t->ready, t->look, op);
        if (first < w) w = first;
    }
    found.index = set_index(t, t->now, t->ready);
    if (found.index == NONE) return NULL;
    size_t room = t->alias_room;
    if (!tally_grow(t, (void **)&t->aliases, t->alias_count, &t->alias_room, sizeof *t->aliases) ||
        !tally_grow(t, (void **)&t->keys, t->alias_count, &room, bytes))
        return NULL;
    if (t->alias_count * 2 > t->alias_hash.mask) {
        if (!tally_widen(t, &t->alias_hash)) return NULL;
        for (size_t i = 0; i < t->alias_count; i++)
            tally_put_slot(&t->alias_hash, t->aliases[i].hash, (int32_t)i);
    }
    memcpy(t->keys + t->alias_count * words, undone, bytes);
    t->aliases[t->alias_count] = found;
    tally_put_slot(&t->alias_hash, hash, (int32_t)t->alias_count);
    return &t->aliases[t->alias_count++];
}

bool tally_make_effects(Tally *t, int32_t index) {
    const Space *sp = t->space;
    size_t bytes = (size_t)sp->op_words * sizeof(Word);
    int32_t first = (int32_t)t->effect_count, count = 0;
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = tally_ready(t, (size_t)index)[w]; m; m &= m - 1) {
            int32_t op = w * 64 + __builtin_ctzll(m);
            const Word *undone = tally_undone(t, (size_t)index);
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
            if (!sp->streaming) {
                int64_t room = e.beside - e.back - e.new;
                sums_find(&t->sums, sp, 0, undone, op, room);
                e.beside = sums_fitting(&t->sums, room);
            }
            memcpy(t->after, undone, bytes);
            memcpy(t->after_ready, tally_ready(t, (size_t)index), bytes);
            put(t->after, op);
            make_ready(sp, t->after, t->after_ready, op);
            const Alias *to = tally_settle(t, t->after, t->after_ready, tally_hash_of(sp, t->after));
            if (!to) return false;
            e.change = to->change;
            e.change_cheap = to->cheap;
            e.after = to->index;
            if (!tally_grow(t, (void **)&t->effects, t->effect_count, &t->effect_room, sizeof *t->effects))
                return false;
            t->effects[t->effect_count++] = e;
            count++;
        }
    t->sets[index].effects = first;
    t->sets[index].count = count;
    return true;
}

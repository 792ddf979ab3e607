#include "beam.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

typedef struct {
    int64_t peak, memory;
    uint64_t hash;
    uint32_t path;          /* last link of the path, NONE at the start */
    uint32_t next_in_level; /* list of the partial paths with as many ops done */
    uint32_t next_in_chain; /* hash chain */
} Partial;

typedef struct {
    int32_t op;
    uint32_t back;
    uint32_t users; /* partial paths and links that point here */
} Link;

typedef struct {
    const Space *space;
    Partial *partials;
    uint64_t *sets;
    uint32_t count, capacity, free_list;
    Link *links;
    uint32_t link_count, link_capacity, free_links;
    uint32_t *levels; /* heads of the lists */
    uint32_t *table;
    uint32_t table_size, in_table;
    uint64_t *state, *ready, *look, *from, *from_ready;
} Beam;

static uint64_t *set_of(const Beam *beam, uint32_t i) {
    return beam->sets + (size_t)i * beam->space->words;
}

static uint32_t new_link(Beam *beam, int32_t op, uint32_t back) {
    uint32_t link = beam->free_links;
    if (link != NONE) {
        beam->free_links = beam->links[link].back;
    } else {
        if (beam->link_count == beam->link_capacity) {
            uint32_t capacity = beam->link_capacity ? beam->link_capacity * 2 : 4096;
            Link *links = realloc(beam->links, capacity * sizeof(Link));
            if (!links) return NONE;
            beam->links = links;
            beam->link_capacity = capacity;
        }
        link = beam->link_count++;
    }
    beam->links[link] = (Link){op, back, 1};
    if (back != NONE) beam->links[back].users++;
    return link;
}

static void release(Beam *beam, uint32_t link) {
    while (link != NONE && --beam->links[link].users == 0) {
        uint32_t back = beam->links[link].back;
        beam->links[link].back = beam->free_links;
        beam->free_links = link;
        link = back;
    }
}

static uint32_t find(const Beam *beam, const uint64_t *state, uint64_t hash) {
    size_t bytes = (size_t)beam->space->words * sizeof(uint64_t);
    uint32_t i = beam->table[hash & (beam->table_size - 1)];
    while (i != NONE && (beam->partials[i].hash != hash || memcmp(set_of(beam, i), state, bytes)))
        i = beam->partials[i].next_in_chain;
    return i;
}

static bool rehash(Beam *beam, uint32_t size) {
    uint32_t *table = malloc(size * sizeof(uint32_t));
    if (!table) return false;
    memset(table, 0xff, size * sizeof(uint32_t));
    for (uint32_t slot = 0; slot < beam->table_size; slot++) {
        uint32_t i = beam->table[slot];
        while (i != NONE) {
            Partial *partial = &beam->partials[i];
            uint32_t next = partial->next_in_chain;
            partial->next_in_chain = table[partial->hash & (size - 1)];
            table[partial->hash & (size - 1)] = i;
            i = next;
        }
    }
    free(beam->table);
    beam->table = table;
    beam->table_size = size;
    return true;
}

static void forget(Beam *beam, uint32_t i) {
    uint32_t *at = &beam->table[beam->partials[i].hash & (beam->table_size - 1)];
    while (*at != i) at = &beam->partials[*at].next_in_chain;
    *at = beam->partials[i].next_in_chain;
    beam->in_table--;
}

/* Record beam->state, reached at `peak` over `path`, unless it is known to be reached as well. */
static bool offer(Beam *beam, int64_t peak, int64_t memory, uint64_t hash, uint32_t path) {
    uint32_t i = find(beam, beam->state, hash);
    if (i != NONE) {
        if (peak < beam->partials[i].peak) {
            release(beam, beam->partials[i].path);
            beam->partials[i].peak = peak;
            beam->partials[i].path = path;
        } else {
            release(beam, path);
        }
        return true;
    }
    if (beam->in_table >= beam->table_size && !rehash(beam, beam->table_size * 2)) return false;
    size_t words = (size_t)beam->space->words;
    i = beam->free_list;
    if (i != NONE) {
        beam->free_list = beam->partials[i].next_in_level;
    } else {
        if (beam->count == beam->capacity) {
            uint32_t capacity = beam->capacity ? beam->capacity * 2 : 1024;
            uint64_t *sets = realloc(beam->sets, capacity * words * sizeof(uint64_t));
            if (!sets) return false;
            beam->sets = sets;
            Partial *partials = realloc(beam->partials, capacity * sizeof(Partial));
            if (!partials) return false;
            beam->partials = partials;
            beam->capacity = capacity;
        }
        i = beam->count++;
    }
    memcpy(set_of(beam, i), beam->state, words * sizeof(uint64_t));
    uint32_t *level = &beam->levels[count_ops(beam->space, beam->state)];
    uint32_t *slot = &beam->table[hash & (beam->table_size - 1)];
    beam->partials[i] = (Partial){peak, memory, hash, path, *level, *slot};
    *level = *slot = i;
    beam->in_table++;
    return true;
}

/* Take every op that raises neither memory nor `peak`, then record the result. */
static bool slide(Beam *beam, int64_t peak, int64_t memory, uint64_t hash, uint32_t path) {
    const Space *space = beam->space;
    for (int32_t op = next_op(space, beam->look, 0); op >= 0; op = next_op(space, beam->look, 0)) {
        int64_t rise, net;
        drop(beam->look, op);
        effect(space, op, beam->state, &rise, &net);
        if (net > 0 || memory + rise > peak) continue;
        memcpy(beam->from_ready, beam->ready, (size_t)space->words * sizeof(uint64_t));
        join(space, op, beam->state, beam->ready);
        memory += net;
        hash ^= space->mix[op];
        uint32_t link = new_link(beam, op, path);
        if (link == NONE) return false;
        release(beam, path); /* the new link holds it now */
        path = link;
        add_touched(space, op, beam->look);
        for (int32_t w = 0; w < space->words; w++)
            beam->look[w] = (beam->look[w] | ~beam->from_ready[w]) & beam->ready[w];
    }
    return offer(beam, peak, memory, hash, path);
}

typedef struct {
    const Beam *beam;
    uint32_t i;
} Ranked;

static int compare(const void *left, const void *right) {
    const Ranked *l = left, *r = right;
    const Partial *a = &l->beam->partials[l->i], *b = &r->beam->partials[r->i];
    if (a->peak != b->peak) return a->peak < b->peak ? -1 : 1;
    if (a->memory != b->memory) return a->memory < b->memory ? -1 : 1;
    const uint64_t *s = set_of(l->beam, l->i), *t = set_of(r->beam, r->i);
    for (int32_t w = l->beam->space->words - 1; w >= 0; w--)
        if (s[w] != t[w]) return s[w] < t[w] ? -1 : 1;
    return 0;
}

static bool expand(Beam *beam, uint32_t i, int64_t below, int64_t *spent) {
    const Space *space = beam->space;
    size_t bytes = (size_t)space->words * sizeof(uint64_t);
    Partial partial = beam->partials[i];
    uint64_t *state = beam->from, *ready = beam->from + space->words;
    memcpy(state, set_of(beam, i), bytes);
    find_ready(space, state, ready);
    *spent += count_ops(space, ready);
    for (int32_t op = next_op(space, ready, 0); op >= 0; op = next_op(space, ready, op + 1)) {
        int64_t rise, net;
        effect(space, op, state, &rise, &net);
        int64_t peak = partial.memory + rise > partial.peak ? partial.memory + rise : partial.peak;
        if (peak >= below) continue;
        memcpy(beam->state, state, bytes);
        memcpy(beam->ready, ready, bytes);
        join(space, op, beam->state, beam->ready);
        memset(beam->look, 0, bytes);
        add_touched(space, op, beam->look);
        for (int32_t w = 0; w < space->words; w++)
            beam->look[w] = (beam->look[w] | ~ready[w]) & beam->ready[w];
        uint32_t link = new_link(beam, op, partial.path);
        if (link == NONE ||
            !slide(beam, peak, partial.memory + net, partial.hash ^ space->mix[op], link))
            return false;
    }
    return true;
}

static bool run_levels(Beam *beam, int32_t width, int64_t below, int64_t effort, GoOn go_on,
                       void *context, bool *stopped) {
    const Space *space = beam->space;
    int64_t spent = 0;
    Ranked *ranked = NULL;
    size_t capacity = 0;
    bool ok = true;
    for (int32_t done = 0; ok && done < space->ops; done++) {
        if (beam->levels[done] != NONE && !go_on(context)) {
            *stopped = true;
            break;
        }
        size_t count = 0;
        for (uint32_t i = beam->levels[done]; i != NONE; i = beam->partials[i].next_in_level) count++;
        if (count > capacity) {
            capacity = count * 2;
            Ranked *bigger = realloc(ranked, capacity * sizeof(Ranked));
            if (!bigger) {
                ok = false;
                break;
            }
            ranked = bigger;
        }
        count = 0;
        for (uint32_t i = beam->levels[done]; i != NONE; i = beam->partials[i].next_in_level)
            ranked[count++] = (Ranked){beam, i};
        if (count > 1) qsort(ranked, count, sizeof(Ranked), compare);
        size_t kept = spent < effort * width ? (size_t)width : 1;
        for (size_t k = 0; ok && k < count && k < kept; k++)
            ok = expand(beam, ranked[k].i, below, &spent);
        for (size_t k = 0; k < count; k++) {
            uint32_t i = ranked[k].i;
            forget(beam, i);
            release(beam, beam->partials[i].path);
            beam->partials[i].next_in_level = beam->free_list;
            beam->free_list = i;
        }
    }
    free(ranked);
    return ok;
}

int32_t beam_run(const Space *space, int32_t width, int64_t below, int64_t effort, int64_t floor,
                 int32_t *path, GoOn go_on, void *context) {
    bool stopped = false;
    size_t words = (size_t)space->words;
    Beam beam = {.space = space, .free_list = NONE, .free_links = NONE};
    int32_t length = -1;
    beam.levels = malloc(((size_t)space->ops + 1) * sizeof(uint32_t));
    beam.state = calloc(words * 6 + 1, sizeof(uint64_t));
    if (beam.levels && beam.state && rehash(&beam, 4096)) {
        beam.ready = beam.state + words;
        beam.look = beam.ready + words;
        beam.from_ready = beam.look + words;
        beam.from = beam.from_ready + words; /* a state and its ready ops */
        memset(beam.levels, 0xff, ((size_t)space->ops + 1) * sizeof(uint32_t));
        find_ready(space, beam.state, beam.ready);
        memcpy(beam.look, beam.ready, words * sizeof(uint64_t));
        int64_t peak = floor > space->start_memory ? floor : space->start_memory;
        if (slide(&beam, peak, space->start_memory, 0, NONE) &&
            run_levels(&beam, width, below, effort, go_on, context, &stopped)) {
            uint32_t last = stopped ? NONE : beam.levels[space->ops];
            length = stopped ? -2 : 0;
            if (last != NONE) {
                length = space->ops;
                int32_t at = length;
                for (uint32_t l = beam.partials[last].path; l != NONE; l = beam.links[l].back)
                    path[--at] = beam.links[l].op;
            }
        }
    }
    free(beam.levels);
    free(beam.state);
    free(beam.table);
    free(beam.partials);
    free(beam.sets);
    free(beam.links);
    return length;
}

/* Best-first search of sketch states: the queue, dominance, what finer searches ask. */
#include "sketch_internal.h"

static void load(const Sketch *s, Draft *to, int32_t index) {
    const Space *sp = s->space;
    const Node *node = node_at(&s->tables, index);
    const Word *masks = sketch_masks(s, index);
    memcpy(to->undone, undone_of(&s->tables, node->set), (size_t)sp->op_words * sizeof(Word));
    memcpy(to->ready, ready_of(&s->tables, node->set), (size_t)sp->op_words * sizeof(Word));
    memcpy(to->resident, masks, 2 * (size_t)s->words * sizeof(Word));
    to->held = node->bytes;
    to->cheap = node->lack;
    to->cost = node->cost;
    to->total = node->total;
    to->count = s->tables.sets[node->set].count;
    to->hash = s->tables.sets[node->set].hash;
}

/* Bytes to pay at most to make of `a` what is nowhere worse than `b`: buffers dropped or written back
 * at once. */
static int64_t price_of_change(const Sketch *s, const Word *undone, const Node *a,
                               const Word *a_masks, int64_t b_held, int64_t b_cheap,
                               const Word *b_resident, const Word *b_stored, int64_t most) {
    const Space *sp = s->space;
    int64_t dear = a->bytes - a->lack, held = least_of(a->bytes, b_held);
    int64_t stays = least_of(dear, held);
    int64_t price = a->bytes - held + dear - stays + most_of(0, stays - (b_held - b_cheap));
    const Word *resident = a_masks, *stored = a_masks + s->words;
    for (int32_t w = 0; w < s->words && price <= most; w++) {
        Word more = resident[w] & ~b_resident[w];
        for (Word m = b_stored[w] & ~stored[w] & ~more; m; m &= m - 1)
            price += sp->size[w * 64 + __builtin_ctzll(m)];
        for (Word m = more; m; m &= m - 1)
            price += drop_cost(sp, undone, stored, w * 64 + __builtin_ctzll(m));
    }
    return price;
}

/* What a finer state looks like here, in `image`. */
static void make_image(Sketch *s, const Finer *f) {
    const Space *sp = s->space;
    Draft *d = &s->image;
    memcpy(d->undone, f->undone, (size_t)sp->op_words * sizeof(Word));
    memcpy(d->ready, f->ready, (size_t)sp->op_words * sizeof(Word));
    memset(d->resident, 0, 2 * (size_t)s->words * sizeof(Word));
    d->count = f->count;
    d->hash = f->hash;
    d->held = f->held;
    d->cheap = f->cheap;
    for (int32_t w = 0; w < f->words; w++)
        for (Word m = f->resident[w] | f->stored[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            bool inside = has(f->resident, k);
            if (k < s->exact) {
                if (inside) put(d->resident, k);
                if (has(f->stored, k)) put(d->stored, k);
            } else if (inside) {
                d->held += sp->size[k];
                if (drop_cost(sp, f->undone, f->stored, k) <= sp->size[k]) d->cheap += sp->size[k];
            }
        }
    d->cheap = least_of(d->cheap, d->held);
    draft_settle(s, d);
}

/* Bytes by which the way to a finer state is known to be dearer than the least way here. */
static int64_t excess_of(Sketch *s, const Finer *f) {
    make_image(s, f);
    const Draft *d = &s->image;
    int32_t set = tables_find(&s->tables, d->undone, d->hash);
    int64_t excess = 0;
    for (int32_t i = set == NONE ? NONE : s->tables.sets[set].first; i != NONE;) {
        const Node *a = node_at(&s->tables, i);
        int64_t spare = f->cost - a->cost - excess;
        if (spare > 0 && a->total < s->bound) {
            int64_t price = price_of_change(s, d->undone, a, sketch_masks(s, i), d->held, d->cheap,
                                            d->resident, d->stored, spare);
            if (price < spare) excess = f->cost - a->cost - price;
        }
        i = a->next;
    }
    return excess;
}

int64_t sketch_total(Sketch *s, const Finer *f) {
    int64_t total = s->bound;
    for (; s; s = s->coarser) {
        /* No state was below the bound of the coarser sketch. */
        if (s->coarser && s->coarser->bound >= s->bound) continue;
        total = most_of(total, s->bound + excess_of(s, f));
    }
    return total;
}

const Space *sketch_space(const Sketch *s) { return s->space; }

/* Least bytes in all of a plan through `d`, as far as is known. */
static int64_t total_of(Sketch *s, const Draft *d) {
    const Space *sp = s->space;
    int64_t held = d->held, cheap = d->cheap;
    for (int32_t w = 0; w < s->words; w++)
        for (Word m = d->resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            held += sp->size[k];
            if (drop_cost(sp, d->undone, d->stored, k) <= sp->size[k]) cheap += sp->size[k];
        }
    int64_t rest = tally_rest(s->tally, d->undone, d->ready, d->hash, held, cheap);
    if (rest < 0) s->failed = true;
    int64_t total = most_of(d->total, d->cost + rest);
    if (!s->coarser || total >= s->upper) return total;
    Finer f = {d->undone, d->ready, d->resident, d->stored, s->words, d->count,
               d->hash, d->held, d->cheap, d->cost};
    return most_of(total, sketch_total(s->coarser, &f));
}

void sketch_offer(Sketch *s, Draft *d, int32_t parent, int32_t op) {
    Tables *t = &s->tables;
    if (d->cost >= s->upper) return;
    d->total = total_of(s, d);
    if (d->total >= s->upper) return;
    s->states++;
    int32_t set = tables_set(t, d->undone, d->ready, d->hash, d->count, 0);
    if (set == NONE) {
        s->failed = true;
        return;
    }
    for (int32_t i = t->sets[set].first; i != NONE; i = node_at(t, i)->next) {
        const Node *a = node_at(t, i);
        int64_t spare = d->cost - a->cost;
        if (spare >= 0 && price_of_change(s, d->undone, a, sketch_masks(s, i), d->held, d->cheap,
                                          d->resident, d->stored, spare) <= spare)
            return;
    }
    int32_t index = tables_new_node(t);
    if (index == NONE) {
        s->failed = true;
        return;
    }
    Node *node = node_at(t, index);
    *node = (Node){.cost = d->cost, .total = d->total, .bytes = d->held, .lack = d->cheap,
                   .parent = parent, .set = set, .op = op};
    memcpy(sketch_masks(s, index), d->resident, 2 * (size_t)s->words * sizeof(Word));
    int32_t *link = &t->sets[set].first;
    while (*link != NONE) {
        Node *old = node_at(t, *link);
        int64_t spare = old->cost - d->cost;
        const Word *masks = sketch_masks(s, *link);
        if (spare >= 0 &&
            price_of_change(s, d->undone, node, sketch_masks(s, index), old->bytes, old->lack, masks,
                            masks + s->words, spare) <= spare) {
            old->dead = true;
            *link = old->next;
        } else {
            link = &old->next;
        }
    }
    node->next = t->sets[set].first;
    t->sets[set].first = index;
    Entry entry = {d->total, ++s->serial, d->count, index};
    if (!tables_push(t, entry)) s->failed = true;
}

static void expand(Sketch *s, int32_t index) {
    load(s, &s->now, index);
    for (int32_t w = 0; w < s->space->op_words; w++)
        for (Word m = s->now.ready[w]; m && !s->failed; m &= m - 1) {
            if (!goes_on(s->space->watch)) s->failed = true; /* what is left undone is lost */
            else sketch_undo(s, index, w * 64 + __builtin_ctzll(m));
        }
}

static bool select_large(Sketch *s, int64_t limit) {
    const Space *sp = s->space;
    s->large = calloc((size_t)sp->op_words + 1, sizeof(Word));
    if (!s->large) return false;
    for (int32_t op = 0; op < sp->ops; op++) {
        int64_t need = sp->fixed[op];
        EACH(k, sp->touch[op]) need += sp->size[k];
        if (need > limit) put(s->large, op);
    }
    return true;
}

/* The state before anything is undone but what loses nothing. */
static void make_root(Sketch *s, Draft *root) {
    const Space *sp = s->space;
    size_t words = 2 * (size_t)sp->op_words + 2 * (size_t)s->words;
    memset(root->undone, 0, words * sizeof(Word));
    root->held = root->cheap = root->cost = root->total = root->count = 0;
    root->hash = 0;
    for (int32_t i = 0; i < sp->ops; i++)
        if (sp->before[i].begin == sp->before[i].end) put(root->ready, i);
    draft_settle(s, root);
}

Sketch *sketch_new(const Space *space, int64_t upper, int32_t exact, int64_t waived, Sketch *coarser) {
    Sketch *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->space = space;
    s->coarser = coarser;
    s->exact = exact;
    s->words = (exact + 63) / 64;
    s->upper = upper;
    s->found = NONE;
    s->masks_at = (sizeof(Node) + 7) / 8 * 8;
    s->tally = space->tally;
    s->victims = calloc((size_t)exact + 1, sizeof *s->victims);
    s->freed = calloc((size_t)exact + 2, sizeof *s->freed);
    if (!s->tally || !s->victims || !s->freed || !select_large(s, waived) || !draft_init(s, &s->now) ||
        !draft_init(s, &s->next) || !draft_init(s, &s->image) ||
        !tables_init(&s->tables, s->masks_at + 2 * (size_t)s->words * sizeof(Word), space->op_words)) {
        sketch_free(s);
        return NULL;
    }
    make_root(s, &s->now);
    sketch_offer(s, &s->now, NONE, NONE);
    return s;
}

void sketch_free(Sketch *s) {
    if (!s) return;
    tables_free(&s->tables);
    draft_free(&s->now);
    draft_free(&s->next);
    draft_free(&s->image);
    free(s->large);
    free(s->victims);
    free(s->freed);
    free(s);
}

Event sketch_run(Sketch *s, int64_t slice, size_t cap) {
    Tables *t = &s->tables;
    for (int64_t i = 0; i < slice && s->space->watch->advice == GO_ON; i += 1 + s->ways) {
        if (s->ways > MOST_WAYS) return EVENT_STUCK;
        if (s->failed || sketch_bytes(s) > cap) return EVENT_NO_MEMORY;
        while (t->heap_count && node_at(t, t->heap[0].node)->dead) tables_pop(t);
        if (!t->heap_count) {
            s->bound = most_of(s->bound, s->upper);
            return EVENT_EXHAUSTED;
        }
        int32_t index = tables_pop(t).node;
        const Node *node = node_at(t, index);
        s->bound = most_of(s->bound, node->total);
        if (t->sets[node->set].count == s->space->ops) {
            s->found = index;
            return EVENT_FOUND;
        }
        s->ways = 0;
        expand(s, index);
    }
    if (s->space->watch->advice == STOP) s->failed = true;
    return s->failed ? EVENT_NO_MEMORY : EVENT_SLICE;
}

int64_t sketch_states(const Sketch *s) { return s->states; }
int64_t sketch_bound(const Sketch *s) { return s->bound; }
size_t sketch_bytes(const Sketch *s) { return s->tables.bytes; }

bool sketch_order(Sketch *s, int32_t *ops) {
    const Tables *t = &s->tables;
    int32_t length = 0;
    for (int32_t i = s->found; i != NONE; i = node_at(t, i)->parent) length++;
    int32_t *path = malloc(((size_t)length + 1) * sizeof *path);
    if (!path) return false;
    for (int32_t i = s->found, j = length; i != NONE; i = node_at(t, i)->parent) path[--j] = i;
    s->trace = ops;
    s->traced = 0;
    make_root(s, &s->now);
    bool reached = true;
    for (int32_t j = 1; j < length && reached; j++) {
        s->target = path[j];
        load(s, &s->now, path[j - 1]);
        s->ways = 0;
        sketch_undo(s, path[j - 1], node_at(t, path[j])->op);
        reached = s->target == NONE;
    }
    s->trace = NULL;
    free(path);
    return reached && s->traced == s->space->ops;
}

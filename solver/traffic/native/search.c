/* Best-first search: the queue, the expansion of states and of choices. */
#include "defer.h"
#include "fronts.h"

enum { CHOICES = 4 }; /* of a beam, for each of its states */

/* Queue and tables. */

/* `least` is the cost so far. */
static void push(Search *s, int32_t index, int64_t least) {
    const Node *node = node_at(&s->tables, index);
    int64_t rank = node->total + s->greed * (node->total - least);
    Entry entry = {rank, ++s->serial, s->tables.sets[node->set].count, index};
    if (!tables_push(&s->tables, entry)) s->failed = true;
}

/* Cost to come at least, by the tally problem. */
static int64_t ask_tally(Search *s, const Word *undone, const Word *ready, uint64_t hash,
                         int64_t held, int64_t cheap) {
    int64_t rest = tally_rest(s->tally, undone, ready, hash, held, cheap);
    if (rest < 0) s->failed = true;
    return rest;
}

/* Find the bound of a state. */
static void weigh(Search *s, State *st) {
    const Space *sp = s->space;
    if (!s->tally) {
        if (st->cost > st->total) st->total = st->cost;
        return;
    }
    int64_t cheap = 0;
    for (int32_t w = 0; w < sp->buffer_words; w++)
        for (Word m = st->resident[w]; m; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (drop_cost(sp, st->undone, st->stored, k) <= sp->size[k]) cheap += sp->size[k];
        }
    int64_t total = st->cost + ask_tally(s, st->undone, st->ready, st->hash, st->bytes, cheap);
    if (total > st->total) st->total = total;
}

/* Queue a state unless it is dominated or too dear. */
static void offer(Search *s, State *st, int32_t parent, int32_t op) {
    Tables *t = &s->tables;
    int64_t least = st->cost;
    if (st->cost >= s->upper) return;
    if (s->switches.defer) least = defer_weigh(s, st);
    else weigh(s, st);
    if (st->total >= s->upper) return;
    if (s->sketch) {
        Finer finer = {st->undone, st->ready, st->resident, st->stored, s->space->buffer_words,
                       st->count, st->hash, 0, 0, st->cost};
        int64_t total = sketch_total(s->sketch, &finer);
        if (total > st->total) st->total = total;
        if (st->total >= s->upper) return;
    }
    int32_t set = tables_set(t, st->undone, st->ready, st->hash, st->count, st->live);
    if (set == NONE) {
        s->failed = true;
        return;
    }
    Mark mark = fronts_mark(s, st);
    if (fronts_dominate(s, set, st, &mark)) return;
    fronts_prune(s, set, st, &mark);
    mark.node = tables_new_node(t);
    if (mark.node == NONE || !fronts_add(s, set, &mark)) {
        s->failed = true;
        return;
    }
    *node_at(t, mark.node) = (Node){.parent = parent, .set = set, .next = NONE, .op = op};
    state_save(s, st, mark.node);
    push(s, mark.node, least);
}

/* Choices. */

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
    state_save(s, st, index);
    push(s, index, st->cost);
}

/* Expansion. */

/* What is left undone when the search is stopped is lost: it cannot go on later. */
static bool may_go_on(Search *s) {
    if (!goes_on(s->space->watch)) s->failed = true;
    return !s->failed;
}

static void undo(Search *s, State *st, int32_t op, int32_t parent) {
    state_step(s, st, op);
    if (s->switches.free_moves) settle(s, st);
    offer(s, st, parent, op);
}

/* Undo an op in each way that its tight operands can have been kept. */
static void undo_deferred(Search *s, int32_t op, int32_t parent) {
    uint32_t way = 0;
    while (may_go_on(s) && defer_undo(s, &s->now, &s->new, op, &way)) offer(s, &s->new, parent, op);
}

static void expand(Search *s, int32_t index) {
    const Space *sp = s->space;
    int32_t set = node_at(&s->tables, index)->set;
    state_load(s, &s->now, index);
    memset(s->now.out, 0, (size_t)sp->buffer_words * sizeof(Word));
    for (int32_t w = 0; w < sp->op_words; w++)
        for (Word m = s->now.ready[w]; m && may_go_on(s); m &= m - 1) {
            int32_t op = w * 64 + __builtin_ctzll(m);
            if (!is_allowed(sp, &s->now, op)) continue;
            if (s->switches.defer) {
                undo_deferred(s, op, index);
                continue;
            }
            int64_t lack = lack_of(sp, &s->now, op);
            copy_state(s, &s->new, &s->now);
            if (lack <= 0) undo(s, &s->new, op, index);
            else queue_choice(s, &s->new, index, set, op, 0, lack);
        }
}

static void choose_victim(Search *s, int32_t index) {
    const Space *sp = s->space;
    Node choice = *node_at(&s->tables, index);
    state_load(s, &s->now, index);
    tables_recycle(&s->tables, index);
    const Word *origin_stored = masks_of(s, choice.parent) + sp->buffer_words;
    for (int32_t w = choice.limit >> 6; w < sp->buffer_words; w++)
        for (Word m = candidates(sp, &s->now, choice.op, w, choice.limit); m && may_go_on(s);
             m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!is_victim(sp, &s->now, k, choice.op)) continue;
            if (s->switches.furthest && is_regrettable(sp, s->now.undone, origin_stored, k, choice.op,
                                                       s->now.resident, k))
                continue;
            copy_state(s, &s->new, &s->now);
            state_sacrifice(s, &s->new, k, choice.op);
            int64_t lack = choice.lack - sp->size[k];
            if (lack > 0)
                queue_choice(s, &s->new, choice.parent, choice.set, choice.op, k + 1, lack);
            else if (!is_regretted(s, &s->new, choice.op, choice.parent))
                undo(s, &s->new, choice.op, choice.parent);
        }
}

/* Life of a search. */

Search *search_new(const Space *space, int64_t upper, Switches switches, int32_t greed,
                   int32_t width, Sketch *sketch) {
    Search *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->space = space;
    s->switches = switches;
    s->upper = upper;
    s->greed = greed;
    s->width = width;
    s->sketch = sketch;
    s->found = NONE;
    s->masks_at = (sizeof(Node) + 7) / 8 * 8;
    s->least = space->buffers ? space->size[space->buffers - 1] : 0;
    s->unit = defer_unit(space);
    size_t words = (size_t)space->buffer_words;
    size_t masks = words * (space->streaming || switches.defer ? 3 : 2) * sizeof(Word);
    if (switches.defer) masks += defer_node_bytes();
    if (!state_init(space, &s->now) || !state_init(space, &s->new) ||
        !(s->columns = fronts_columns(space)) ||
        !(s->seen = calloc(2 * words + 1, sizeof(Word))) || !state_init(space, &s->base) ||
        !state_init(space, &s->trial) || !slide_init(space, &s->slide) ||
        !slide_init(space, &s->trial_slide) ||
        !tables_init(&s->tables, s->masks_at + masks, space->op_words) ||
        !(s->counts = calloc(2 * ((size_t)space->ops + 1), sizeof *s->counts)) ||
        (switches.tally && !(s->tally = space->tally))) {
        search_free(s);
        return NULL;
    }
    s->dear = s->seen + words;
    for (int32_t i = 0; i < space->ops; i++)
        if (space->before[i].begin == space->before[i].end) put(s->now.ready, i);
    s->now.live = space->live;
    s->tables.by_level = width > 0;
    offer(s, &s->now, NONE, NONE);
    return s;
}

void search_free(Search *s) {
    if (!s) return;
    tables_free(&s->tables);
    state_free(&s->now);
    state_free(&s->new);
    state_free(&s->base);
    state_free(&s->trial);
    slide_free(&s->slide);
    slide_free(&s->trial_slide);
    free(s->columns);
    free(s->seen);
    free(s->counts);
    free(s);
}

/* Dominated since it was queued, or a choice made in a state that was. */
static bool is_obsolete(const Tables *t, int32_t index) {
    const Node *node = node_at(t, index);
    return node->dead || (node->is_choice && node_at(t, node->parent)->dead);
}

/* Whether enough of a node's kind and level have been expanded. */
static bool is_beyond(Search *s, const Node *node) {
    if (!s->width) return false;
    int64_t most = (int64_t)s->width * (node->is_choice ? CHOICES : 1);
    return s->counts[2 * s->tables.sets[node->set].count + node->is_choice]++ >= most;
}

Event search_run(Search *s, int64_t slice, size_t cap) {
    Tables *t = &s->tables;
    for (int64_t i = 0; i < slice && s->space->watch->advice == GO_ON; i++) {
        if (s->failed || search_bytes(s) > cap) return EVENT_NO_MEMORY;
        while (t->heap_count && is_obsolete(t, t->heap[0].node))
            tables_recycle(t, tables_pop(t).node);
        if (!t->heap_count) {
            if (s->bound < s->upper) s->bound = s->upper;
            return EVENT_EXHAUSTED;
        }
        int32_t index = tables_pop(t).node;
        const Node *node = node_at(t, index);
        if (!s->greed && !s->width && node->total > s->bound) s->bound = node->total;
        if (t->sets[node->set].count == s->space->ops) {
            s->found = index;
            return EVENT_FOUND;
        }
        if (is_beyond(s, node)) continue;
        s->states++;
        if (node->is_choice) choose_victim(s, index);
        else expand(s, index);
    }
    if (s->space->watch->advice == STOP) s->failed = true;
    return s->failed ? EVENT_NO_MEMORY : EVENT_SLICE;
}

const Space *search_space(const Search *s) { return s->space; }
int64_t search_states(const Search *s) { return s->states; }
int64_t search_bound(const Search *s) { return s->bound; }
int64_t search_known(const Search *s) { return s->known; }
size_t search_bytes(const Search *s) { return s->tables.bytes; }

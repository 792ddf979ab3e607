/* States under construction: moved to and from nodes, ops undone, buffers dropped. */
#include "defer.h"

bool state_init(const Space *space, State *state) {
    size_t ow = (size_t)space->op_words, bw = (size_t)space->buffer_words;
    state->undone = calloc(2 * ow + 4 * bw + 1, sizeof(Word));
    if (!state->undone) return false;
    state->ready = state->undone + ow;
    state->resident = state->ready + ow;
    state->stored = state->resident + bw;
    state->tight = state->stored + bw;
    state->out = state->tight + bw;
    state->limit_count = 0;
    state->limits = malloc(((size_t)space->buffers + 1) * sizeof *state->limits);
    return state->limits != NULL;
}

void state_free(State *state) {
    free(state->undone);
    free(state->limits);
}

void state_load(const Search *s, State *to, int32_t index) {
    const Space *sp = s->space;
    const Node *node = node_at(&s->tables, index);
    const Word *masks = masks_of(s, index);
    size_t words = (size_t)sp->buffer_words;
    memcpy(to->undone, undone_of(&s->tables, node->set), (size_t)sp->op_words * sizeof(Word));
    memcpy(to->ready, ready_of(&s->tables, node->set), (size_t)sp->op_words * sizeof(Word));
    memcpy(to->resident, masks, words * sizeof(Word));
    memcpy(to->stored, masks + words, words * sizeof(Word));
    if (s->switches.defer) {
        memcpy(to->tight, masks + 2 * words, words * sizeof(Word));
        defer_load(s, to, index);
    }
    if (sp->streaming) memcpy(to->out, masks + 2 * words, words * sizeof(Word));
    to->cost = node->cost;
    to->total = node->total;
    to->bytes = node->bytes;
    to->live = s->tables.sets[node->set].live;
    to->count = s->tables.sets[node->set].count;
    to->hash = s->tables.sets[node->set].hash;
}

void state_save(Search *s, const State *from, int32_t index) {
    const Space *sp = s->space;
    Node *node = node_at(&s->tables, index);
    Word *masks = masks_of(s, index);
    size_t words = (size_t)sp->buffer_words;
    memcpy(masks, from->resident, words * sizeof(Word));
    memcpy(masks + words, from->stored, words * sizeof(Word));
    if (s->switches.defer) {
        memcpy(masks + 2 * words, from->tight, words * sizeof(Word));
        if (!defer_save(s, from, index)) s->failed = true;
    }
    if (sp->streaming) memcpy(masks + 2 * words, from->out, words * sizeof(Word));
    node->cost = from->cost;
    node->total = from->total;
    node->bytes = from->bytes;
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

void state_drop(Search *s, State *st, int32_t k) {
    const Space *sp = s->space;
    st->cost += drop_cost(sp, st->undone, st->stored, k);
    drop(st->resident, k);
    st->bytes -= sp->size[k];
    if (!sp->clean[k] && !writer_undone(sp, st->undone, k)) put(st->stored, k);
    write_down(s, ~k);
}

void state_sacrifice(Search *s, State *st, int32_t k, int32_t op) {
    const Space *sp = s->space;
    if (has(st->resident, k)) state_drop(s, st, k);
    if (!touches(sp, op, k)) return;
    put(st->out, k);
    if (!ends_with(sp, st->undone, k, op)) st->cost += cost_before(sp, st, k, op);
}

void state_step(Search *s, State *st, int32_t op) {
    const Space *sp = s->space;
    if (sp->live_capacity != NO_CAP) st->live = live_at(sp, st->undone, st->live, op).before;
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

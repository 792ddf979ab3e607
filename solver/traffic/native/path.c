/* The moves to the state found. Only states are kept, so victims are found again. */
#include "defer.h"

static bool reaches(Search *s, const State *st, int32_t index) {
    const Node *node = node_at(&s->tables, index);
    const Word *masks = masks_of(s, index);
    size_t words = (size_t)s->space->buffer_words, bytes = words * sizeof(Word);
    return st->cost == node->cost &&
           !memcmp(st->undone, undone_of(&s->tables, node->set),
                   (size_t)s->space->op_words * sizeof(Word)) &&
           !memcmp(st->resident, masks, bytes) && !memcmp(st->stored, masks + words, bytes);
}

/* From `st`, drop victims from `limit` on, undo the op of `target`, and see whether that is it. */
static bool retrace(Search *s, const State *st, int32_t target, int32_t limit, int64_t lack) {
    const Space *sp = s->space;
    int32_t op = node_at(&s->tables, target)->op;
    State next; /* one for each level */
    if (!state_init(sp, &next)) {
        s->record->failed = true;
        return false;
    }
    int64_t mark = s->record->count;
    bool found = false;
    if (lack <= 0) {
        copy_state(s, &next, st);
        state_step(s, &next, op);
        if (s->switches.free_moves) settle(s, &next);
        found = reaches(s, &next, target);
        if (!found) s->record->count = mark;
    }
    for (int32_t w = limit >> 6; lack > 0 && !found && w < sp->buffer_words; w++)
        for (Word m = candidates(sp, st, op, w, limit); m && !found; m &= m - 1) {
            int32_t k = w * 64 + __builtin_ctzll(m);
            if (!is_victim(sp, st, k, op)) continue;
            copy_state(s, &next, st);
            state_sacrifice(s, &next, k, op);
            if (next.cost <= node_at(&s->tables, target)->cost)
                found = retrace(s, &next, target, k + 1, lack - sp->size[k]);
            if (!found) s->record->count = mark;
        }
    state_free(&next);
    return found && !s->record->failed;
}

/* The same where it is decided late what was dropped. */
static bool retrace_deferred(Search *s, const State *st, int32_t target) {
    int32_t op = node_at(&s->tables, target)->op;
    int64_t mark = s->record->count;
    uint32_t way = 0;
    while (!s->record->failed && defer_undo(s, st, &s->new, op, &way)) {
        if (reaches(s, &s->new, target)) {
            Side found = defer_side_of_state(&s->new), wanted = defer_side_of_node(s, target);
            if (defer_same(s, &found, &wanted)) return true;
        }
        s->record->count = mark;
    }
    return false;
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
        state_load(s, &s->now, path[i - 1]);
        memset(s->now.out, 0, (size_t)s->space->buffer_words * sizeof(Word));
        if (s->switches.defer) {
            if (!retrace_deferred(s, &s->now, path[i])) record.failed = true;
            continue;
        }
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

/* Spaces as capsules, from arrays as bytes. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "space.h"
#include "tally.h"

static void free_space(Space *space) {
    if (!space) return;
    free(space->fixed);
    free(space->enters);
    free(space->size);
    free(space->clean);
    free(space->several);
    free(space->kept);
    free(space->lists);
    free(space->follow);
    free(space->need);
    tally_free(space->tally);
    free(space->watch);
    free(space);
}

static void space_destructor(PyObject *capsule) { free_space(PyCapsule_GetPointer(capsule, SPACE)); }

/* A copy of `bytes`, never NULL for an empty one; sets MemoryError. */
static void *copy_of(const char *bytes, Py_ssize_t size) {
    void *copy = malloc(size ? (size_t)size : 1);
    if (!copy) PyErr_NoMemory();
    else memcpy(copy, bytes, (size_t)size);
    return copy;
}

static bool spans_lie_within(const Span *spans, Py_ssize_t count, Py_ssize_t length) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (spans[i].begin < 0 || spans[i].end < spans[i].begin || spans[i].end > length)
            return false;
    return true;
}

const char make_space_doc[] = PyDoc_STR(
    "make_space(ops, buffers, streaming, capacity, live_capacity, live, fixed, moves, size,\n"
    "           clean, kept, several, lists, spans, need) -> capsule\n\n"
    "Arrays come as bytes. moves holds what becomes live, what ceases to be so, and the\n"
    "workspace, per op; live_capacity is -1 for any number; clean is 1 for an input, plus 2\n"
    "for an output. spans holds (begin, end) into lists: follow, before and touch\n"
    "per op, then users and writers per buffer.");

PyObject *make_space(PyObject *self, PyObject *args) {
    (void)self;
    int ops, buffers, streaming;
    long long capacity, live_capacity, live;
    const char *fixed, *moves, *size, *clean, *kept, *several, *lists, *spans, *need;
    Py_ssize_t n_fixed, n_moves, n_size, n_clean, n_kept, n_several, n_lists, n_spans, n_need;
    if (!PyArg_ParseTuple(args, "iipLLLy#y#y#y#y#y#y#y#y#", &ops, &buffers, &streaming, &capacity,
                          &live_capacity, &live, &fixed, &n_fixed, &moves, &n_moves, &size, &n_size,
                          &clean, &n_clean, &kept, &n_kept, &several, &n_several, &lists, &n_lists, &spans, &n_spans,
                          &need, &n_need))
        return NULL;
    Py_ssize_t words = ((Py_ssize_t)ops + 63) / 64, n_all = (Py_ssize_t)ops * 3 + (Py_ssize_t)buffers * 2;
    if (ops < 1 || buffers < 0 || n_fixed != (Py_ssize_t)ops * 8 ||
        n_moves != (Py_ssize_t)ops * 24 || n_size != (Py_ssize_t)buffers * 8 ||
        n_clean != buffers || n_kept != buffers || n_several != buffers || n_lists % 4 ||
        n_spans != n_all * (Py_ssize_t)sizeof(Span) || n_need != words * ops * 8) {
        PyErr_SetString(PyExc_ValueError, "arrays do not belong together");
        return NULL;
    }
    Space *space = calloc(1, sizeof *space);
    if (!space) return PyErr_NoMemory();
    space->ops = ops;
    space->buffers = buffers;
    space->op_words = (int32_t)words;
    space->buffer_words = (buffers + 63) / 64;
    space->streaming = streaming;
    space->capacity = capacity;
    space->live_capacity = live_capacity;
    space->live = live;
    if (!(space->fixed = copy_of(fixed, n_fixed)) || !(space->enters = copy_of(moves, n_moves)) ||
        !(space->size = copy_of(size, n_size)) ||
        !(space->clean = copy_of(clean, n_clean)) ||
        !(space->kept = copy_of(kept, n_kept)) || !(space->several = copy_of(several, n_several)) ||
        !(space->lists = copy_of(lists, n_lists)) || !(space->follow = copy_of(spans, n_spans)) ||
        !(space->need = copy_of(need, n_need))) {
        free_space(space);
        return NULL;
    }
    space->leaves = space->enters + ops;
    space->workspace = space->leaves + ops;
    space->before = space->follow + ops;
    space->touch = space->before + ops;
    space->users = space->touch + ops;
    space->writers = space->users + buffers;
    bool sound = spans_lie_within(space->follow, n_all, n_lists / 4);
    for (Py_ssize_t i = 0; sound && i < (Py_ssize_t)ops * 3 + buffers * 2; i++) {
        bool of_buffers = i >= (Py_ssize_t)ops * 2 && i < (Py_ssize_t)ops * 3;
        for (int32_t at = space->follow[i].begin; at < space->follow[i].end; at++) {
            int32_t value = space->lists[at];
            sound = sound && value >= 0 && value < (of_buffers ? buffers : ops);
        }
    }
    if (!sound) {
        free_space(space);
        PyErr_SetString(PyExc_ValueError, "a list names what does not exist");
        return NULL;
    }
    if (!(space->watch = calloc(1, sizeof *space->watch)) || !(space->tally = tally_new(space))) {
        free_space(space);
        return PyErr_NoMemory();
    }
    return PyCapsule_New(space, SPACE, space_destructor);
}

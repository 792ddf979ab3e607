/* Python face of the compiled traffic search: spaces and searches as capsules, arrays as bytes. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "search.h"
#include "sketch.h"
#include "tally.h"

static const char *const SPACE = "tightfit.traffic.space";
static const char *const SEARCH = "tightfit.traffic.search";
static const char *const SKETCH = "tightfit.traffic.sketch";

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

PyDoc_STRVAR(make_space_doc,
             "make_space(ops, buffers, streaming, capacity, live_capacity, live, fixed, moves, size,\n"
             "           clean, kept, several, lists, spans, need) -> capsule\n\n"
             "Arrays come as bytes. moves holds what becomes live, what ceases to be so, and the\n"
             "workspace, per op; live_capacity is -1 for any number; clean is 1 for an input, plus 2\n"
             "for an output. spans holds (begin, end) into lists: follow, before and touch\n"
             "per op, then users and writers per buffer.");

static PyObject *make_space(PyObject *self, PyObject *args) {
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

static void search_destructor(PyObject *capsule) {
    search_free(PyCapsule_GetPointer(capsule, SEARCH));
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule)); /* what it walks and asks */
}

static void sketch_destructor(PyObject *capsule) {
    sketch_free(PyCapsule_GetPointer(capsule, SKETCH));
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
}

/* Whom the watch of a space asks: the released thread state, and a callback. */
typedef struct {
    PyThreadState *thread;
    PyObject *callback;
} Whom;

static Advice ask(void *whom) {
    Whom *w = whom;
    PyEval_RestoreThread(w->thread);
    PyObject *answer = PyErr_CheckSignals() ? NULL : PyObject_CallNoArgs(w->callback);
    int pause = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    w->thread = PyEval_SaveThread();
    return pause < 0 ? STOP : pause ? PAUSE : GO_ON; /* an exception is the answer no */
}

/* Leave Python, and ask the callback now and then. */
static void leave(Watch *watch, Whom *whom) {
    *watch = (Watch){.ask = whom->callback == Py_None ? NULL : ask, .whom = whom};
    whom->thread = PyEval_SaveThread();
}

/* Be back in Python; false if an exception was raised meanwhile. */
static bool come_back(Watch *watch, Whom *whom) {
    PyEval_RestoreThread(whom->thread);
    bool sound = watch->advice != STOP;
    *watch = (Watch){0};
    return sound;
}

PyDoc_STRVAR(warm_doc,
             "warm(space, steps) -> bool\n\n"
             "Whether the tally of the whole problem is done. No steps: give it up.");

static PyObject *warm(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule;
    long long steps;
    if (!PyArg_ParseTuple(args, "OL", &capsule, &steps)) return NULL;
    Space *space = PyCapsule_GetPointer(capsule, SPACE);
    if (!space) return NULL;
    bool done = true, sound = true;
    Py_BEGIN_ALLOW_THREADS;
    if (steps) sound = tally_warm(space->tally, steps, &done);
    else tally_stop(space->tally);
    Py_END_ALLOW_THREADS;
    return sound ? PyBool_FromLong(done) : PyErr_NoMemory();
}

/* Capsule that keeps `owners` alive; frees what it holds if it cannot be made. */
static PyObject *capsule_of(void *held, const char *name, PyCapsule_Destructor destructor,
                            void (*release)(void *), PyObject *space, PyObject *sketch) {
    if (!held) return PyErr_NoMemory();
    PyObject *owners = PyTuple_Pack(2, space, sketch);
    PyObject *capsule = owners ? PyCapsule_New(held, name, destructor) : NULL;
    if (!capsule) {
        Py_XDECREF(owners);
        release(held);
        return NULL;
    }
    PyCapsule_SetContext(capsule, owners);
    return capsule;
}

static void release_search(void *search) { search_free(search); }
static void release_sketch(void *sketch) { sketch_free(sketch); }

/* The sketch in a capsule, NULL for None; sets *sound. */
static Sketch *sketch_of(PyObject *capsule, bool *sound) {
    *sound = true;
    if (capsule == Py_None) return NULL;
    Sketch *sketch = PyCapsule_GetPointer(capsule, SKETCH);
    *sound = sketch != NULL;
    return sketch;
}

PyDoc_STRVAR(make_search_doc,
             "make_search(space, upper, switches, greed, sketch) -> capsule\n\n"
             "switches: bits for free moves, valleys, dominance, trade, furthest, tally; sketch: a\n"
             "capsule or None.");

static PyObject *make_search(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *space_capsule, *sketch_capsule;
    long long upper;
    int bits, greed;
    bool sound;
    if (!PyArg_ParseTuple(args, "OLiiO", &space_capsule, &upper, &bits, &greed, &sketch_capsule))
        return NULL;
    Space *space = PyCapsule_GetPointer(space_capsule, SPACE);
    if (!space) return NULL;
    Sketch *sketch = sketch_of(sketch_capsule, &sound);
    if (!sound) return NULL;
    Switches switches = {bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1, bits >> 4 & 1,
                         bits >> 5 & 1};
    return capsule_of(search_new(space, upper, switches, greed, sketch), SEARCH, search_destructor,
                      release_search, space_capsule, sketch_capsule);
}

PyDoc_STRVAR(make_sketch_doc, "make_sketch(space, upper, exact, waived, coarser) -> capsule\n\n"
                              "coarser: a capsule or None.");

static PyObject *make_sketch(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *space_capsule, *coarser_capsule;
    long long upper, waived;
    int exact;
    bool sound;
    if (!PyArg_ParseTuple(args, "OLiLO", &space_capsule, &upper, &exact, &waived,
                          &coarser_capsule)) return NULL;
    Space *space = PyCapsule_GetPointer(space_capsule, SPACE);
    if (!space) return NULL;
    Sketch *coarser = sketch_of(coarser_capsule, &sound);
    if (!sound) return NULL;
    if (exact < 0 || exact > space->buffers || space->streaming ||
        (exact && exact < space->buffers && space->size[exact - 1] == space->size[exact])) {
        PyErr_SetString(PyExc_ValueError, "buffers of one size are told apart all or none");
        return NULL;
    }
    return capsule_of(sketch_new(space, upper, exact, waived, coarser), SKETCH, sketch_destructor,
                      release_sketch, space_capsule, coarser_capsule);
}

PyDoc_STRVAR(run_sketch_doc, "run_sketch(sketch, slice, cap, callback) -> (event, bound, states, bytes)\n\n"
                             "See run.");

static PyObject *run_sketch(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule;
    long long slice;
    unsigned long long cap;
    Whom whom = {NULL, NULL};
    if (!PyArg_ParseTuple(args, "OLKO", &capsule, &slice, &cap, &whom.callback)) return NULL;
    Sketch *sketch = PyCapsule_GetPointer(capsule, SKETCH);
    if (!sketch) return NULL;
    Watch *watch = sketch_space(sketch)->watch;
    leave(watch, &whom);
    Event event = sketch_run(sketch, slice, (size_t)cap);
    if (!come_back(watch, &whom)) return NULL;
    return Py_BuildValue("iLLK", (int)event, (long long)sketch_bound(sketch),
                         (long long)sketch_states(sketch), (unsigned long long)sketch_bytes(sketch));
}

PyDoc_STRVAR(run_doc, "run(search, slice, cap, callback) -> (event, bound, states, known, bytes)\n\n"
                      "The callback is called now and then. The search ends if it raises, with the state\n"
                      "it is at if it returns true.");

static PyObject *run(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule;
    long long slice;
    unsigned long long cap;
    Whom whom = {NULL, NULL};
    if (!PyArg_ParseTuple(args, "OLKO", &capsule, &slice, &cap, &whom.callback)) return NULL;
    Search *search = PyCapsule_GetPointer(capsule, SEARCH);
    if (!search) return NULL;
    Watch *watch = search_space(search)->watch;
    leave(watch, &whom);
    Event event = search_run(search, slice, (size_t)cap);
    if (!come_back(watch, &whom)) return NULL;
    return Py_BuildValue("iLLLK", (int)event, (long long)search_bound(search),
                         (long long)search_states(search), (long long)search_known(search),
                         (unsigned long long)search_bytes(search));
}

/* A list of `count` numbers. */
static PyObject *list_of(const int32_t *numbers, int64_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (int64_t i = 0; list && i < count; i++) {
        PyObject *number = PyLong_FromLong(numbers[i]);
        if (!number) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SetItem(list, (Py_ssize_t)i, number);
    }
    return list;
}

PyDoc_STRVAR(moves_doc, "moves(search) -> list: ops undone, ~buffer for a drop, in backward time");

static PyObject *moves(PyObject *self, PyObject *capsule) {
    (void)self;
    Search *search = PyCapsule_GetPointer(capsule, SEARCH);
    if (!search) return NULL;
    int32_t *found = NULL;
    int64_t count = search_moves(search, &found);
    if (count < 0) return PyErr_NoMemory();
    PyObject *list = list_of(found, count);
    free(found);
    return list;
}

PyDoc_STRVAR(sketch_ops_doc, "sketch_ops(sketch) -> list: ops undone, in backward time");

static PyObject *sketch_ops(PyObject *self, PyObject *capsule) {
    (void)self;
    Sketch *sketch = PyCapsule_GetPointer(capsule, SKETCH);
    if (!sketch) return NULL;
    int32_t count = sketch_space(sketch)->ops;
    int32_t *ops = malloc((size_t)count * sizeof *ops);
    if (!ops || !sketch_order(sketch, ops)) {
        free(ops);
        return PyErr_NoMemory();
    }
    PyObject *list = list_of(ops, count);
    free(ops);
    return list;
}

static PyMethodDef methods[] = {
    {"make_space", make_space, METH_VARARGS, make_space_doc},
    {"warm", warm, METH_VARARGS, warm_doc},
    {"make_search", make_search, METH_VARARGS, make_search_doc},
    {"run", run, METH_VARARGS, run_doc},
    {"moves", moves, METH_O, moves_doc},
    {"make_sketch", make_sketch, METH_VARARGS, make_sketch_doc},
    {"run_sketch", run_sketch, METH_VARARGS, run_sketch_doc},
    {"sketch_ops", sketch_ops, METH_O, sketch_ops_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "Compiled best-first search of the traffic problem, see solver/traffic/explorer.py.",
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }

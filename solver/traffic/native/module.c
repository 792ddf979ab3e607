/* Python face of the compiled traffic search: spaces and searches as capsules, arrays as bytes. */
#include "module.h"

#include <stdlib.h>

#include "search.h"
#include "sketch.h"
#include "tally.h"

static const char *const SEARCH = "tightfit.traffic.search";
static const char *const SKETCH = "tightfit.traffic.sketch";

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
             "make_search(space, upper, switches, greed, width, sketch) -> capsule\n\n"
             "switches: bits for free moves, valleys, dominance, trade, furthest, tally, defer;\n"
             "sketch: a capsule or None.");

static PyObject *make_search(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *space_capsule, *sketch_capsule;
    long long upper;
    int bits, greed, width;
    bool sound;
    if (!PyArg_ParseTuple(args, "OLiiiO", &space_capsule, &upper, &bits, &greed, &width,
                          &sketch_capsule))
        return NULL;
    Space *space = PyCapsule_GetPointer(space_capsule, SPACE);
    if (!space) return NULL;
    Sketch *sketch = sketch_of(sketch_capsule, &sound);
    if (!sound) return NULL;
    Switches switches = {bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1, bits >> 4 & 1,
                         bits >> 5 & 1, bits >> 6 & 1};
    return capsule_of(search_new(space, upper, switches, greed, width, sketch), SEARCH,
                      search_destructor, release_search, space_capsule, sketch_capsule);
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

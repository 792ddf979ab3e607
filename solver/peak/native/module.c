/* Python face of the compiled kernel: spaces and searches as capsules, arrays as bytes. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "beam.h"
#include "search.h"

static const char *const SPACE = "tightfit.space";
static const char *const SEARCH = "tightfit.search";

static void free_space(Space *space) {
    if (!space) return;
    free(space->workspace);
    free(space->mix);
    free(space->pieces);
    free(space->shares);
    free(space->followers);
    free(space->need);
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

/* Deterministic mixing constants (splitmix64). */
static uint64_t scramble(uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

PyDoc_STRVAR(make_space_doc,
             "make_space(ops, backward, start_memory, workspace, piece_words, piece_bits,\n"
             "           share_spans, share_groups, share_sizes, followers, spans) -> capsule\n\n"
             "Arrays come as bytes of int32 or int64; spans holds six tables of (begin, end)\n"
             "per op: need, touch, follow, news, frees, reuses.");

static PyObject *make_space(PyObject *self, PyObject *args) {
    (void)self;
    int ops, backward;
    long long start_memory;
    const char *workspace, *words, *bits, *share_spans, *groups, *sizes, *followers, *spans;
    Py_ssize_t n_workspace, n_words, n_bits, n_share_spans, n_groups, n_sizes, n_followers, n_spans;
    if (!PyArg_ParseTuple(args, "ipLy#y#y#y#y#y#y#y#", &ops, &backward, &start_memory, &workspace,
                          &n_workspace, &words, &n_words, &bits, &n_bits, &share_spans,
                          &n_share_spans, &groups, &n_groups, &sizes, &n_sizes, &followers,
                          &n_followers, &spans, &n_spans))
        return NULL;
    Py_ssize_t pieces = n_words / 4, shares = n_groups / 4;
    if (ops < 1 || ops > UINT16_MAX || n_workspace != (Py_ssize_t)ops * 8 || n_bits != pieces * 8 ||
        n_share_spans != shares * 8 || n_sizes != shares * 8 ||
        n_spans != (Py_ssize_t)ops * 6 * (Py_ssize_t)sizeof(Span)) {
        PyErr_SetString(PyExc_ValueError, "arrays do not belong together");
        return NULL;
    }
    Space *space = calloc(1, sizeof *space);
    if (!space) return PyErr_NoMemory();
    space->ops = ops;
    space->words = (ops + 63) / 64;
    space->backward = backward;
    space->start_memory = start_memory;
    space->workspace = copy_of(workspace, n_workspace);
    space->followers = copy_of(followers, n_followers);
    space->need = copy_of(spans, n_spans);
    space->mix = malloc((size_t)ops * sizeof(uint64_t));
    space->pieces = malloc(((size_t)pieces + 1) * sizeof(Piece));
    space->shares = malloc(((size_t)shares + 1) * sizeof(Share));
    if (!space->workspace || !space->followers || !space->need || !space->mix || !space->pieces ||
        !space->shares) {
        free_space(space);
        return PyErr_NoMemory();
    }
    space->touch = space->need + ops;
    space->follow = space->touch + ops;
    space->news = space->follow + ops;
    space->frees = space->news + ops;
    space->reuses = space->frees + ops;
    for (int i = 0; i < ops; i++) space->mix[i] = scramble((uint64_t)i);
    for (Py_ssize_t i = 0; i < pieces; i++) {
        int32_t word;
        memcpy(&word, words + i * 4, 4);
        space->pieces[i].word = (uint32_t)word;
        memcpy(&space->pieces[i].bits, bits + i * 8, 8);
    }
    for (Py_ssize_t i = 0; i < shares; i++) {
        memcpy(&space->shares[i].others, share_spans + i * 8, 8);
        memcpy(&space->shares[i].group, groups + i * 4, 4);
        memcpy(&space->shares[i].size, sizes + i * 8, 8);
    }
    return PyCapsule_New(space, SPACE, space_destructor);
}

static void search_destructor(PyObject *capsule) {
    search_free(PyCapsule_GetPointer(capsule, SEARCH));
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule)); /* the space it walks */
}

static PyObject *make_search(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *owner;
    long long budget;
    int chain, commits;
    if (!PyArg_ParseTuple(args, "OLip", &owner, &budget, &chain, &commits)) return NULL;
    Space *space = PyCapsule_GetPointer(owner, SPACE);
    if (!space) return NULL;
    Search *search = search_new(space, budget, chain, commits);
    if (!search) return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(search, SEARCH, search_destructor);
    if (!capsule) {
        search_free(search);
        return NULL;
    }
    Py_INCREF(owner);
    PyCapsule_SetContext(capsule, owner);
    return capsule;
}

static Search *search_of(PyObject *capsule) { return PyCapsule_GetPointer(capsule, SEARCH); }

static const Space *space_of(PyObject *capsule) {
    return PyCapsule_GetPointer((PyObject *)PyCapsule_GetContext(capsule), SPACE);
}

static PyObject *list_of(const int32_t *ops, int32_t count) {
    PyObject *list = PyList_New(count);
    for (int32_t i = 0; list && i < count; i++) {
        PyObject *op = PyLong_FromLong(ops[i]);
        if (!op) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SetItem(list, i, op);
    }
    return list;
}

PyDoc_STRVAR(run_doc, "run(search, slice, cap) -> (event, rejected, states, bytes)");

static PyObject *run(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule;
    long long slice;
    unsigned long long cap;
    if (!PyArg_ParseTuple(args, "OLK", &capsule, &slice, &cap)) return NULL;
    Search *search = search_of(capsule);
    if (!search) return NULL;
    Event event;
    Py_BEGIN_ALLOW_THREADS;
    event = search_run(search, slice, (size_t)cap);
    Py_END_ALLOW_THREADS;
    return Py_BuildValue("iLLK", (int)event, (long long)search_rejected(search),
                         (long long)search_states(search), (unsigned long long)search_bytes(search));
}

PyDoc_STRVAR(raise_doc, "raise_budget(search): go on after a refutation");

static PyObject *raise_budget(PyObject *self, PyObject *capsule) {
    (void)self;
    Search *search = search_of(capsule);
    if (!search) return NULL;
    if (!search_raise(search)) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(path_doc, "path(search) -> list of ops from the root to the state found");

static PyObject *path(PyObject *self, PyObject *capsule) {
    (void)self;
    Search *search = search_of(capsule);
    if (!search) return NULL;
    int32_t *ops = malloc((size_t)space_of(capsule)->ops * sizeof(int32_t));
    if (!ops) return PyErr_NoMemory();
    PyObject *list = list_of(ops, search_path(search, ops));
    free(ops);
    return list;
}

PyDoc_STRVAR(commit_doc, "commit(search, ops) -> list of ops\n\n"
                         "Move the root along ops and whatever is free there; drop the tables.");

static PyObject *commit(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule, *list;
    if (!PyArg_ParseTuple(args, "OO", &capsule, &list)) return NULL;
    Search *search = search_of(capsule);
    if (!search) return NULL;
    int32_t limit = space_of(capsule)->ops;
    Py_ssize_t count = PyList_Size(list);
    if (count < 0 || count > limit) {
        if (count > limit) PyErr_SetString(PyExc_ValueError, "more ops than the space has");
        return NULL;
    }
    int32_t *ops = malloc((size_t)limit * 2 * sizeof(int32_t));
    if (!ops) return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++) {
        long op = PyLong_AsLong(PyList_GetItem(list, i));
        if (op < 0 || op >= limit) {
            free(ops);
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no such op");
            return NULL;
        }
        ops[i] = (int32_t)op;
    }
    int32_t length = search_commit(search, ops, (int32_t)count, ops + limit);
    PyObject *joined = length < 0 ? PyErr_NoMemory() : list_of(ops + limit, length);
    free(ops);
    return joined;
}

/* What a beam needs to look at the world now and then: the released thread state, and whom to ask. */
typedef struct {
    PyThreadState *thread;
    PyObject *callback;
} Watch;

static bool ask(void *context) {
    Watch *watch = context;
    PyEval_RestoreThread(watch->thread);
    PyObject *answer = PyErr_CheckSignals() ? NULL : PyObject_CallNoArgs(watch->callback);
    Py_XDECREF(answer);
    watch->thread = PyEval_SaveThread();
    return answer != NULL; /* an exception is the answer no */
}

PyDoc_STRVAR(beam_doc, "beam(space, width, below, effort, floor, callback) -> list of ops, empty if it ran dry\n\n"
                       "The callback is called after each level; what it raises ends the beam.");

static PyObject *beam(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule;
    Watch watch = {NULL, NULL};
    int width;
    long long below, effort, floor;
    if (!PyArg_ParseTuple(args, "OiLLLO", &capsule, &width, &below, &effort, &floor, &watch.callback))
        return NULL;
    Space *space = PyCapsule_GetPointer(capsule, SPACE);
    if (!space) return NULL;
    int32_t *ops = malloc((size_t)space->ops * sizeof(int32_t)), length;
    if (!ops) return PyErr_NoMemory();
    watch.thread = PyEval_SaveThread();
    length = beam_run(space, width, below, effort, floor, ops, ask, &watch);
    PyEval_RestoreThread(watch.thread);
    PyObject *list = NULL;
    if (length >= 0) list = list_of(ops, length);
    else if (length == -1) PyErr_NoMemory();
    free(ops);
    return list;
}

static PyMethodDef methods[] = {
    {"make_space", make_space, METH_VARARGS, make_space_doc},
    {"make_search", make_search, METH_VARARGS, "make_search(space, budget, chain, commits) -> capsule"},
    {"run", run, METH_VARARGS, run_doc},
    {"raise_budget", raise_budget, METH_O, raise_doc},
    {"path", path, METH_O, path_doc},
    {"commit", commit, METH_VARARGS, commit_doc},
    {"beam", beam, METH_VARARGS, beam_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_native", "Compiled search and beam.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module); }

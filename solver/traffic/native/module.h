/* What the parts of the Python face share. */
#ifndef TIGHTFIT_TRAFFIC_MODULE_H
#define TIGHTFIT_TRAFFIC_MODULE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#define SPACE "tightfit.traffic.space" /* name of a capsule */

extern const char make_space_doc[];
PyObject *make_space(PyObject *self, PyObject *args);

#endif

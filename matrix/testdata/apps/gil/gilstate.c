/* Calls back by way of PyGILState, as wrappers of C libraries do. */
#include <Python.h>

static PyObject *call(PyObject *module, PyObject *function)
{
    PyObject *r;
    PyGILState_STATE state;

    (void)module;
    Py_BEGIN_ALLOW_THREADS
    state = PyGILState_Ensure();
    r = PyObject_CallFunctionObjArgs(function, NULL);
    PyGILState_Release(state);
    Py_END_ALLOW_THREADS
    return r;
}

static PyMethodDef methods[] = {{"call", call, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "gilstate", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_gilstate(void)
{
    return PyModule_Create(&def);
}

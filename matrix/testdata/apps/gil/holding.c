/* Sleeps with the GIL held. Says that any interpreter may have it. */
#include <Python.h>
#include <unistd.h>

static PyObject *hold(PyObject *module, PyObject *seconds)
{
    (void)module;
    usleep((useconds_t)(PyFloat_AsDouble(seconds) * 1e6));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"hold", hold, METH_O, NULL}, {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}
};

static PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "holding", .m_methods = methods, .m_slots = slots};

PyMODINIT_FUNC PyInit_holding(void)
{
    return PyModuleDef_Init(&def);
}

/* A module as they were written before PEP 489: with one state for the process. */
#include <Python.h>

static PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "single", .m_size = -1};

PyMODINIT_FUNC PyInit_single(void)
{
    return PyModule_Create(&def);
}

/* wsgi_pymod_api.c - the functions of module mod_wsgi that belong to no other
 * file, and its attributes that are made when they are first asked for, see
 * wsgi_pymod.h. */

#include "wsgi_pymod.h"
#include "wsgi_errors.h"
#include "wsgi_events.h"
#include "wsgi_scoreboard_py.h"
#include "wsgi_tally_py.h"

#include <string.h>

/* ---- for mod_wsgi.LogHandler, which is Python -------------------------------------- */

static PyObject *api_log_level(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(wsgi_log_level());
}

static PyObject *api_log(PyObject *module, PyObject *args)
{
    PyObject *text, *file, *text_bytes = NULL, *file_bytes = NULL, *r = NULL;
    PyThreadState *ts;
    int level, line;

    (void)module;
    if (!PyArg_ParseTuple(args, "iUUi:_log", &level, &text, &file, &line))
        return NULL;
    text_bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    file_bytes = PyUnicode_AsEncodedString(file, "utf-8", "backslashreplace");
    if (text_bytes != NULL && file_bytes != NULL) {
        ts = PyEval_SaveThread();
        wsgi_log_record(level, PyBytes_AS_STRING(file_bytes), line, PyBytes_AS_STRING(text_bytes),
                        (size_t)PyBytes_GET_SIZE(text_bytes));
        PyEval_RestoreThread(ts);
        r = Py_NewRef(Py_None);
    }
    Py_XDECREF(file_bytes);
    Py_XDECREF(text_bytes);
    return r;
}

/* ---- made when asked for --------------------------------------------------------------- */

/* NAME of a module of the package, which then is an attribute like any other. */
static PyObject *from_package(PyObject *module, const char *from, PyObject *name)
{
    PyObject *source = PyImport_ImportModule(from), *value;

    if (source == NULL)
        return NULL;
    value = PyObject_GetAttr(source, name);
    Py_DECREF(source);
    if (value != NULL && PyObject_SetAttr(module, name, value) < 0)
        Py_CLEAR(value);
    return value;
}

static PyObject *api_getattr(PyObject *module, PyObject *name)
{
    if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "active_requests") == 0)
        return wsgi_events_active(module);
    if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "LogHandler") == 0)
        return from_package(module, "mod_wsgi._loghandler", name);
    PyErr_Format(PyExc_AttributeError, "module 'mod_wsgi' has no attribute %R", name);
    return NULL;
}

static PyObject *api_dir(PyObject *module, PyObject *unused)
{
    PyObject *dict = PyModule_GetDict(module), *names = PyDict_Keys(dict), *name;
    static const char *const later[] = {"LogHandler", "active_requests"};
    size_t i;

    (void)unused;
    for (i = 0; names != NULL && i < sizeof later / sizeof later[0]; i++) {
        name = PyUnicode_FromString(later[i]);
        if (name == NULL || (!PyDict_Contains(dict, name) && PyList_Append(names, name) < 0))
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static PyMethodDef methods[] = {
    {"_log", api_log, METH_VARARGS, NULL},
    {"_log_level", api_log_level, METH_NOARGS, NULL},
    {"__getattr__", api_getattr, METH_O, NULL},
    {"__dir__", api_dir, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}
};

/* mod_wsgi.implementation, as sys.implementation is of Python: who really is
 * behind the interface that version names. */
static int add_implementation(PyObject *module)
{
    PyObject *types = PyImport_ImportModule("types"), *make = NULL, *names = NULL, *none = NULL;
    PyObject *value = NULL;
    int rv = -1;

    if (types == NULL || (make = PyObject_GetAttrString(types, "SimpleNamespace")) == NULL
        || (none = PyTuple_New(0)) == NULL)
        goto done;
    names = Py_BuildValue("{s:s,s:s,s:i}", "name", "modwsgi", "version", MOD_WSGI_VERSION,
                          "interface", WSGI_INTERFACE_VERSION);
    value = names == NULL ? NULL : PyObject_Call(make, none, names);
    if (value != NULL)
        rv = PyModule_AddObjectRef(module, "implementation", value);
done:
    Py_XDECREF(value);
    Py_XDECREF(names);
    Py_XDECREF(none);
    Py_XDECREF(make);
    Py_XDECREF(types);
    return rv;
}

int wsgi_pymod_api(PyObject *module)
{
    return PyModule_AddFunctions(module, methods) < 0
           || PyModule_AddFunctions(module, wsgi_tally_methods) < 0
           || PyModule_AddFunctions(module, wsgi_scoreboard_methods) < 0
           || PyModule_AddStringConstant(module, "__version__", MOD_WSGI_VERSION) < 0
           || add_implementation(module) < 0 ? -1 : 0;
}

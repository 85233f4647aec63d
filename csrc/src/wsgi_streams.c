/* wsgi_streams.c - see wsgi_streams.h.
 *
 * Restricting sys.stdin and sys.stdout finds code that would not work under
 * another server. sys.__stdout__ and sys.__stderr__ are replaced too, so that
 * what falls back on them reaches the log; they are never restricted.
 */

#include "wsgi_streams.h"
#include "wsgi_errors.h"

/* ---- mod_wsgi.Restricted ----------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    const char *name;             /* of the stream; static */
} restricted;

static int restricted_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void restricted_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyObject *restricted_get(PyObject *self, PyObject *name)
{
    const char *stream = ((restricted *)self)->name;

    PyErr_Format(PyExc_OSError, "%s is restricted by mod_wsgi: '%S' cannot be used (see %s)", stream, name,
                 stream[6] == 'i' ? "WSGIRestrictStdin" : "WSGIRestrictStdout");
    return NULL;
}

static PyType_Slot restricted_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)"A standard stream that applications may not use."},
    {Py_tp_traverse, (void *)(uintptr_t)restricted_traverse},
    {Py_tp_dealloc, (void *)(uintptr_t)restricted_dealloc},
    {Py_tp_getattro, (void *)(uintptr_t)restricted_get},
    {0, NULL}
};

PyType_Spec wsgi_restricted_spec = {
    .name = "mod_wsgi.Restricted",
    .basicsize = sizeof(restricted),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = restricted_slots,
};

/* sys.NAME becomes an object that refuses in the name of STREAM. 0 or -1. */
static int restrict_stream(wsgi_state *st, const char *name, const char *stream)
{
    restricted *r = PyObject_GC_New(restricted, st->restricted_type);
    int rv;

    if (r == NULL)
        return -1;
    r->name = stream;
    PyObject_GC_Track((PyObject *)r);
    rv = PySys_SetObject(name, (PyObject *)r);
    Py_DECREF(r);
    return rv;
}

/* ---- sys -------------------------------------------------------------------------- */

static int set_stream(wsgi_state *st, enum wsgi_line line, const char *name, const char *shadow,
                      const char *label)
{
    PyObject *stream = wsgi_log_stream(st, line, label);
    int rv = -1;

    if (stream != NULL)
        rv = PySys_SetObject(name, stream) < 0 ? -1 : PySys_SetObject(shadow, stream);
    Py_XDECREF(stream);
    return rv;
}

/* Python flushes sys.stdout when the interpreter ends, and would report what the
 * restricted one says to that. */
static PyObject *unrestrict(PyObject *module, PyObject *unused)
{
    PyObject *stream = PySys_GetObject("__stdout__");    /* borrowed */

    (void)module;
    (void)unused;
    if (stream != NULL && PySys_SetObject("stdout", stream) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef unrestrict_def = { "unrestrict", unrestrict, METH_NOARGS, NULL };

/* The first that is registered runs last. */
static int unrestrict_at_exit(PyObject *module)
{
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *f = atexit == NULL ? NULL : PyCFunction_NewEx(&unrestrict_def, module, NULL);
    PyObject *r = f == NULL ? NULL : PyObject_CallMethod(atexit, "register", "O", f);
    int rv = r == NULL ? -1 : 0;

    Py_XDECREF(r);
    Py_XDECREF(f);
    Py_XDECREF(atexit);
    return rv;
}

int wsgi_streams_install(PyObject *module, wsgi_state *st, const char *application_group)
{
    const wsgi_python_config *c = wsgi_python_settings();
    wsgi_scope scope;

    wsgi_settings_resolve(c->settings, c->process_group, application_group, &scope);
    if (set_stream(st, WSGI_LINE_STDERR, "stderr", "__stderr__", "<stderr>") < 0
        || (!c->keep_stdout
            && set_stream(st, WSGI_LINE_STDOUT, "stdout", "__stdout__", "<stdout>") < 0))
        return -1;
    if (scope.restrict_stdin == 1 && restrict_stream(st, "stdin", "sys.stdin") < 0)
        return -1;
    if (scope.restrict_stdout != 1)
        return 0;
    return restrict_stream(st, "stdout", "sys.stdout") < 0 ? -1 : unrestrict_at_exit(module);
}

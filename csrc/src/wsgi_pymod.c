/* wsgi_pymod.c - the built-in modules and the set-up of an interpreter, see
 * wsgi_pymod.h. */

#include "wsgi_pymod.h"
#include "wsgi_environ_py.h"
#include "wsgi_errors.h"
#include "wsgi_filewrap.h"
#include "wsgi_input.h"
#include "wsgi_start.h"

#include <string.h>
#include <unistd.h>

/* ---- module mod_wsgi: state ------------------------------------------------ */

static int state_traverse(PyObject *module, visitproc visit, void *arg)
{
    wsgi_state *st = PyModule_GetState(module);

    if (st == NULL)
        return 0;
#define VISIT(name) Py_VISIT(st->name);
    WSGI_STATE_TYPES(VISIT)
    WSGI_STATE_OBJECTS(VISIT)
#undef VISIT
    return 0;
}

static int state_clear(PyObject *module)
{
    wsgi_state *st = PyModule_GetState(module);

    if (st == NULL)
        return 0;
#define CLEAR(name) Py_CLEAR(st->name);
    WSGI_STATE_TYPES(CLEAR)
    WSGI_STATE_OBJECTS(CLEAR)
#undef CLEAR
    return 0;
}

static void state_free(void *module)
{
    state_clear(module);
}

static int add_names(wsgi_state *st)
{
#define NAME(member, text) \
    if ((st->member = PyUnicode_InternFromString(text)) == NULL) \
        return -1;
    NAME(s_http, "http") NAME(s_https, "https") NAME(s_close, "close") NAME(s_read, "read")
    NAME(s_tell, "tell") NAME(s_fileno, "fileno") NAME(s_mtime, "__mtime__")
    NAME(s_reload_required, "reload_required")
    NAME(k_input, "wsgi.input") NAME(k_early_hints, "wsgi.early_hints")
    NAME(k_url_scheme, "wsgi.url_scheme")
    NAME(k_multithread, "wsgi.multithread") NAME(k_multiprocess, "wsgi.multiprocess")
    NAME(k_apache_version, "apache.version")
    NAME(k_callable_object, "mod_wsgi.callable_object")
    NAME(k_handler_script, "mod_wsgi.handler_script")
    NAME(k_thread_id, "mod_wsgi.thread_id") NAME(k_request_start, "mod_wsgi.request_start")
    NAME(k_queue_start, "mod_wsgi.queue_start") NAME(k_daemon_start, "mod_wsgi.daemon_start")
    NAME(k_application_start, "mod_wsgi.application_start")
#undef NAME
    return 0;
}

static int add_types(PyObject *module, wsgi_state *st)
{
    if ((st->adapter_type = wsgi_type_new(module, &wsgi_adapter_spec)) == NULL
        || (st->input_type = wsgi_type_new(module, &wsgi_input_spec)) == NULL
        || (st->log_type = wsgi_type_new(module, &wsgi_log_spec)) == NULL
        || (st->filewrap_type = wsgi_type_new(module, &wsgi_filewrap_spec)) == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "FileWrapper", (PyObject *)st->filewrap_type);
}

/* Values that need no name; VALUE is taken over. */
static int add(PyObject *module, const char *name, PyObject *value)
{
    int rv = PyModule_AddObjectRef(module, name, value);

    Py_XDECREF(value);
    return rv;
}

/* What ends a request that is over its time, see interrupt-timeout. */
static int add_timeout(PyObject *module, wsgi_state *st)
{
    st->request_timeout = PyErr_NewExceptionWithDoc(
        "mod_wsgi.RequestTimeout", "Raised in a request that takes longer than request-timeout "
        "allows. It may be caught to clean up, and should be raised again.",
        PyExc_BaseException, NULL);
    if (st->request_timeout == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "RequestTimeout", st->request_timeout);
}

/* Numbers that are known: httpd's are not in embedded mode. */
static int add_counts(PyObject *module, const wsgi_python_config *c)
{
    if (c->processes > 0
        && add(module, "maximum_processes", PyLong_FromLong(c->processes)) < 0)
        return -1;
    if (c->threads > 0 && add(module, "threads_per_process", PyLong_FromLong(c->threads)) < 0)
        return -1;
    return 0;
}

static int mod_wsgi_exec(PyObject *module)
{
    const wsgi_python_config *c = wsgi_python_settings();
    wsgi_state *st = PyModule_GetState(module);
    PyObject *traceback;

    if (add_names(st) < 0 || add_types(module, st) < 0 || add_timeout(module, st) < 0)
        return -1;
    traceback = PyImport_ImportModule("traceback");
    if (traceback == NULL)
        return -1;
    st->format_exception = PyObject_GetAttrString(traceback, "format_exception");
    Py_DECREF(traceback);
    if (st->format_exception == NULL)
        return -1;
    if (add(module, "version", Py_BuildValue(WSGI_API_VERSION)) < 0
        || add(module, "process_group", PyUnicode_DecodeLatin1(
                   c->process_group, (Py_ssize_t)strlen(c->process_group), NULL)) < 0)
        return -1;
    return add_counts(module, c);
}

/* Where Python is now, frame by frame, at level info. 0 or -1. */
static int log_stack(void)
{
    PyObject *traceback = PyImport_ImportModule("traceback"), *frames;
    Py_ssize_t i;
    int rv = -1;

    frames = traceback == NULL ? NULL : PyObject_CallMethod(traceback, "format_stack", NULL);
    if (frames != NULL && PyList_Check(frames)) {
        for (i = rv = 0; rv == 0 && i < PyList_GET_SIZE(frames); i++) {
            const char *text = PyUnicode_AsUTF8(PyList_GET_ITEM(frames, i));

            if (text == NULL)
                PyErr_Clear();    /* a file name that is no text */
            else
                wsgi_log_held(WSGI_LOG_INFO, "%s", text);
        }
    }
    Py_XDECREF(frames);
    Py_XDECREF(traceback);
    return rv;
}

/* signal.signal() in a process of Apache's would take away the signals that
 * manage it. In a process that the application forked it works as ever. */
static PyObject *ignore_signal(PyObject *module, PyObject *args)
{
    wsgi_state *st = PyModule_GetState(module);
    PyObject *number, *handler, *pid;

    if (!PyArg_ParseTuple(args, "OO:signal", &number, &handler))
        return NULL;
    if (st->signal_function == NULL)  /* the interpreter is being taken apart */
        return Py_NewRef(handler);
    pid = PyTuple_GET_ITEM(st->signal_function, 1);
    if (PyLong_AsLong(pid) != (long)getpid())
        return PyObject_CallObject(PyTuple_GET_ITEM(st->signal_function, 0), args);
    wsgi_log_held(WSGI_LOG_INFO, "registration of a handler for signal %ld ignored",
                  PyLong_AsLong(number));
    PyErr_Clear();
    return log_stack() < 0 ? NULL : Py_NewRef(handler);
}

static PyMethodDef ignore_signal_def = {
    "signal", ignore_signal, METH_VARARGS, "Does nothing and returns the handler."
};

static int replace_signal(PyObject *module, wsgi_state *st)
{
    PyObject *signal = PyImport_ImportModule("signal"), *old = NULL, *new = NULL;
    int rv = -1;

    if (signal == NULL || (old = PyObject_GetAttrString(signal, "signal")) == NULL)
        goto done;
    st->signal_function = Py_BuildValue("(Ol)", old, (long)getpid());
    new = PyCFunction_NewEx(&ignore_signal_def, module, NULL);
    if (st->signal_function == NULL || new == NULL)
        goto done;
    rv = PyObject_SetAttrString(signal, "signal", new);
done:
    Py_XDECREF(new);
    Py_XDECREF(old);
    Py_XDECREF(signal);
    return rv;
}

static PyModuleDef_Slot mod_wsgi_slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)mod_wsgi_exec},
    WSGI_MODULE_SLOTS
};

static PyModuleDef mod_wsgi_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "mod_wsgi",
    .m_doc = "What the server tells the application about itself.",
    .m_size = sizeof(wsgi_state),
    .m_slots = mod_wsgi_slots,
    .m_traverse = state_traverse,
    .m_clear = state_clear,
    .m_free = state_free,
};

wsgi_state *wsgi_pymod_state(PyObject *module)
{
    return PyModule_GetState(module);
}

/* ---- module apache ----------------------------------------------------------- */

static int apache_exec(PyObject *module)
{
    return add_counts(module, wsgi_python_settings());
}

static PyModuleDef_Slot apache_slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)apache_exec},
    WSGI_MODULE_SLOTS
};

static PyModuleDef apache_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "apache",
    .m_doc = "What is known about the Apache in front of the application.",
    .m_slots = apache_slots,
};

/* ---- an interpreter ------------------------------------------------------------ */

/* A module of DEF in sys.modules, unless one of that name is there. New
 * reference. */
static PyObject *make_module(PyModuleDef *def)
{
    PyObject *machinery = NULL, *spec = NULL, *module = NULL;
    PyObject *modules = PyImport_GetModuleDict();

    machinery = PyImport_ImportModule("importlib.machinery");
    if (machinery == NULL)
        goto failed;
    spec = PyObject_CallMethod(machinery, "ModuleSpec", "sO", def->m_name, Py_None);
    if (spec == NULL)
        goto failed;
    module = PyModule_FromDefAndSpec(def, spec);
    if (module == NULL || PyModule_ExecDef(module, def) < 0
        || PyObject_SetAttrString(module, "__spec__", spec) < 0
        || PyDict_SetItemString(modules, def->m_name, module) < 0)
        goto failed;
    Py_DECREF(spec);
    Py_DECREF(machinery);
    return module;
failed:
    Py_XDECREF(module);
    Py_XDECREF(spec);
    Py_XDECREF(machinery);
    return NULL;
}

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

/* One entry of the path list, as site.addsitedir() does it: the folder and what
 * its .pth files name, all of it before what was there. AT is where the entry
 * goes, and moves on behind it. */
static int add_folder(PyObject *path, PyObject *site, const char *entry, size_t len,
                      Py_ssize_t *at)
{
    PyObject *folder = PyUnicode_DecodeFSDefaultAndSize(entry, (Py_ssize_t)len);
    PyObject *r = NULL, *item = NULL;
    Py_ssize_t before = PyList_Size(path), i;
    int rv = -1;

    if (folder == NULL)
        goto done;
    r = PyObject_CallMethod(site, "addsitedir", "O", folder);
    if (r == NULL) {
        PyObject *exc = PyErr_GetRaisedException();
        char text[512];

        wsgi_exception_text(exc, 0, text, sizeof text);
        Py_XDECREF(exc);
        wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0608: '%.*s' of python-path cannot be added: %s",
                      (int)len, entry, text);
    }
    for (i = before; i < PyList_Size(path); i++) {
        item = PyList_GetItemRef(path, i);
        if (item == NULL || PySequence_DelItem(path, i) < 0
            || PyList_Insert(path, (*at)++, item) < 0)
            goto done;
        Py_CLEAR(item);
    }
    rv = 0;
done:
    Py_XDECREF(item);
    Py_XDECREF(r);
    Py_XDECREF(folder);
    return rv;
}

static int set_path(const wsgi_python_config *c)
{
    PyObject *path = PySys_GetObject("path"), *site = NULL, *folder = NULL;   /* path borrowed */
    const char *p = c->python_path;
    Py_ssize_t at = 0;
    int rv = -1;

    if (path == NULL || !PyList_Check(path)) {
        PyErr_SetString(PyExc_RuntimeError, "there is no list sys.path");
        return -1;
    }
    Py_INCREF(path);
    if (p != NULL && (site = PyImport_ImportModule("site")) == NULL)
        goto done;
    while (p != NULL) {
        size_t len = strcspn(p, ":");

        if (len > 0 && add_folder(path, site, p, len, &at) < 0)
            goto done;
        p = p[len] == ':' ? p + len + 1 : NULL;
    }
    if (c->working_folder != NULL) {
        folder = PyUnicode_DecodeFSDefault(c->working_folder);
        if (folder == NULL || PyList_Insert(path, 0, folder) < 0)
            goto done;
    }
    rv = 0;
done:
    Py_XDECREF(folder);
    Py_XDECREF(site);
    Py_DECREF(path);
    return rv;
}

/* The pure Python package continues the built-in module. */
static int set_package(PyObject *module, const wsgi_python_config *c)
{
    PyObject *list;

    if (c->runtime == NULL)
        return 0;
    list = PyUnicode_FromFormat("%s/mod_wsgi", c->runtime);
    if (list != NULL)
        list = Py_BuildValue("[N]", list);
    return list == NULL ? -1 : add(module, "__path__", list);
}

PyObject *wsgi_pymod_install(const char *application_group)
{
    const wsgi_python_config *c = wsgi_python_settings();
    PyObject *module = make_module(&mod_wsgi_def), *apache = NULL, *threading = NULL;
    wsgi_state *st;

    if (module == NULL)
        return NULL;
    st = PyModule_GetState(module);
    if (add(module, "application_group", PyUnicode_DecodeLatin1(
                application_group, (Py_ssize_t)strlen(application_group), NULL)) < 0
        || set_package(module, c) < 0)
        goto failed;
    if (set_stream(st, WSGI_LINE_STDERR, "stderr", "__stderr__", "<stderr>") < 0
        || set_stream(st, WSGI_LINE_STDOUT, "stdout", "__stdout__", "<stdout>") < 0
        || (st->errors = wsgi_log_stream(st, WSGI_LINE_ERRORS, "<wsgi.errors>")) == NULL)
        goto failed;
    /* A package of the user's that site has imported already stays. */
    if (PyDict_GetItemString(PyImport_GetModuleDict(), "apache") == NULL
        && (apache = make_module(&apache_def)) == NULL)
        goto failed;
    threading = PyImport_ImportModule("threading");   /* this thread is its main thread */
    if (threading == NULL || (!c->service && replace_signal(module, st) < 0) || set_path(c) < 0)
        goto failed;
    st->environ = wsgi_environ_prototype(st, application_group);
    if (st->environ == NULL)
        goto failed;
    Py_DECREF(threading);
    Py_XDECREF(apache);
    return module;
failed:
    Py_XDECREF(threading);
    Py_XDECREF(apache);
    Py_DECREF(module);
    return NULL;
}

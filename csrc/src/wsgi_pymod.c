/* wsgi_pymod.c - the built-in modules and the set-up of an interpreter, see
 * wsgi_pymod.h. */

#include "wsgi_pymod.h"
#include "wsgi_calls.h"
#include "wsgi_errors.h"
#include "wsgi_events.h"
#include "wsgi_filewrap.h"
#include "wsgi_input.h"
#include "wsgi_path.h"
#include "wsgi_signals.h"
#include "wsgi_start.h"
#include "wsgi_streams.h"

#include <string.h>

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
    NAME(k_apache_version, "apache.version") NAME(k_request_id, "mod_wsgi.request_id")
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
        || (st->auth_type = wsgi_type_new(module, &wsgi_auth_spec)) == NULL
        || (st->input_type = wsgi_type_new(module, &wsgi_input_spec)) == NULL
        || (st->restricted_type = wsgi_type_new(module, &wsgi_restricted_spec)) == NULL
        || (st->log_type = wsgi_type_new(module, &wsgi_log_spec)) == NULL
        || (st->filewrap_type = wsgi_type_new(module, &wsgi_filewrap_spec)) == NULL)
        return -1;
    if (PyModule_AddObjectRef(module, "Restricted", (PyObject *)st->restricted_type) < 0)
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

    if (add_names(st) < 0 || add_types(module, st) < 0 || add_timeout(module, st) < 0
        || wsgi_events_install(module, st) < 0)
        return -1;
    if (wsgi_pymod_api(module) < 0 || add(module, "version", Py_BuildValue(WSGI_API_VERSION)) < 0
        || add(module, "process_group", PyUnicode_DecodeLatin1(
                   c->process_group, (Py_ssize_t)strlen(c->process_group), NULL)) < 0)
        return -1;
    return add_counts(module, c);
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

/* S as text, of which nothing is known if it is NULL. */
static PyObject *text_of(const char *s)
{
    return s == NULL ? PyUnicode_FromString("") : PyUnicode_DecodeLatin1(s, (Py_ssize_t)strlen(s), NULL);
}

/* ---- module apache ----------------------------------------------------------- */

static int apache_exec(PyObject *module)
{
    const wsgi_server *s = wsgi_python_settings()->server;
    PyObject *threads, *processes;

    if (add(module, "version", Py_BuildValue("(iii)", s->version[0], s->version[1], s->version[2])) < 0
        || add(module, "description", text_of(s->description)) < 0
        || add(module, "mpm_name", text_of(s->mpm)) < 0
        || add(module, "build_date", text_of(s->build_date)) < 0)
        return -1;
    threads = PyLong_FromUnsignedLong(s->threads);
    processes = PyLong_FromUnsignedLong(s->processes);
    return add(module, "threads_per_process", threads) < 0
           || add(module, "maximum_processes", processes) < 0 ? -1 : 0;
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

PyObject *wsgi_pymod_install(const char *application_group)
{
    PyObject *module = make_module(&mod_wsgi_def), *apache = NULL, *threading = NULL;
    wsgi_state *st;

    if (module == NULL)
        return NULL;
    st = PyModule_GetState(module);
    if (add(module, "application_group", PyUnicode_DecodeLatin1(
                application_group, (Py_ssize_t)strlen(application_group), NULL)) < 0)
        goto failed;
    if (wsgi_streams_install(module, st, application_group) < 0
        || (st->errors = wsgi_log_stream(st, WSGI_LINE_ERRORS, "<wsgi.errors>")) == NULL)
        goto failed;
    /* A package of the user's that site has imported already stays. */
    if (PyDict_GetItemString(PyImport_GetModuleDict(), "apache") == NULL
        && (apache = make_module(&apache_def)) == NULL)
        goto failed;
    threading = PyImport_ImportModule("threading");   /* this thread is its main thread */
    if (threading == NULL || wsgi_signals_install(module, st, application_group) < 0
        || wsgi_path_install(module, application_group) < 0)
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

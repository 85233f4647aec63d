/* wsgi_python.h - Python.h, what differs between its versions, and the start
 * and end of Python in a process.
 *
 * First include of every file of the Python tier. All version checks of the
 * tier are here, as small functions named after the newest API, so that the
 * other files read as if every Python from 3.9 on were the newest.
 */
#ifndef WSGI_PYTHON_H
#define WSGI_PYTHON_H

#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>
#include <structmember.h>
#include <pthread.h>
#include <time.h>

#include "wsgi_peer.h"

#if PY_VERSION_HEX < 0x03090000
#error "Python 3.9 or newer is needed"
#endif

/* What the process is told before Python starts. Strings are borrowed and live
 * as long as Python does. */
typedef struct {
    const char *python_home;      /* prefix or virtual environment, or NULL */
    const char *python_path;      /* colon list, or NULL */
    const char *working_folder;   /* first in sys.path, or NULL */
    const char *runtime;          /* folder that holds the package mod_wsgi */
    const char *process_group;    /* "" in embedded mode */
    int processes, threads;       /* as configured; 0: more than one, not known how many */
    int multithread, multiprocess, run_once;
    int stacks_at_crash;          /* a fatal signal leaves Python's stacks on standard error */
    int service;                  /* signals are the application's, SystemExit is silent */
    int64_t switch_interval_us;   /* 0 or less: Python's own */
    int caseless;                 /* paths of scripts that differ only in case are one module */
    /* A line that belongs to no request. Called without the GIL, by any thread. */
    void (*log)(void *ctx, int level, const char *text, size_t n);
    void *log_ctx;
} wsgi_python_config;

/* Start Python and the main interpreter; the calling thread becomes its main
 * thread. 0, with the GIL released, or -1 with a sentence in ERR. CONFIG is
 * kept, not copied. Once per process. */
int  wsgi_python_start(const wsgi_python_config *config, char *err, size_t errlen);

/* End all interpreters and Python, on the thread that started it, when no
 * other thread of ours runs Python any more. */
void wsgi_python_stop(void);

/* The configuration given at the start; never NULL after it. */
const wsgi_python_config *wsgi_python_settings(void);

/* Microseconds since the epoch. */
static inline uint64_t wsgi_clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- newest API on older versions ----------------------------------------- */

#if PY_VERSION_HEX < 0x030A0000
#define Py_TPFLAGS_DISALLOW_INSTANTIATION 0   /* see wsgi_type_new */
#define Py_TPFLAGS_IMMUTABLETYPE 0

static inline PyObject *wsgi_newref(PyObject *o)
{
    Py_INCREF(o);
    return o;
}
#define Py_NewRef(o) wsgi_newref((PyObject *)(o))

static inline int PyModule_AddObjectRef(PyObject *m, const char *name, PyObject *value)
{
    if (value == NULL)
        return -1;
    Py_INCREF(value);
    if (PyModule_AddObject(m, name, value) < 0) {
        Py_DECREF(value);
        return -1;
    }
    return 0;
}
#endif

#if PY_VERSION_HEX < 0x030C0000
/* The exception that is set, with its traceback attached, and none set after. */
static inline PyObject *PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *trace;

    PyErr_Fetch(&type, &value, &trace);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL)
        PyException_SetTraceback(value, trace);
    Py_XDECREF(trace);
    Py_DECREF(type);
    return value;
}

static inline void PyErr_SetRaisedException(PyObject *exc)
{
    PyErr_Restore(Py_NewRef(Py_TYPE(exc)), exc, PyException_GetTraceback(exc));
}
#endif

#if PY_VERSION_HEX < 0x030D0000
static inline int PyObject_GetOptionalAttr(PyObject *o, PyObject *name, PyObject **out)
{
    *out = PyObject_GetAttr(o, name);
    if (*out != NULL)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
}

static inline int PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **out)
{
    PyObject *value = PyDict_GetItemWithError(dict, key);

    *out = value == NULL ? NULL : Py_NewRef(value);
    return value != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
}

static inline PyObject *PyList_GetItemRef(PyObject *list, Py_ssize_t i)
{
    PyObject *item = PyList_GetItem(list, i);

    return item == NULL ? NULL : Py_NewRef(item);
}
#endif

/* What the GIL protects in other builds has a lock where there is none. */
static inline void wsgi_nogil_lock(pthread_mutex_t *m)
{
#ifdef Py_GIL_DISABLED
    pthread_mutex_lock(m);
#else
    (void)m;
#endif
}

static inline void wsgi_nogil_unlock(pthread_mutex_t *m)
{
#ifdef Py_GIL_DISABLED
    pthread_mutex_unlock(m);
#else
    (void)m;
#endif
}

/* Slots that every module of ours ends with: it may be made in interpreters
 * with a GIL of their own, and needs no GIL where there is none. */
#if PY_VERSION_HEX >= 0x030D0000
#define WSGI_MODULE_SLOTS \
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, \
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, {0, NULL}
#elif PY_VERSION_HEX >= 0x030C0000
#define WSGI_MODULE_SLOTS \
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, {0, NULL}
#else
#define WSGI_MODULE_SLOTS {0, NULL}
#endif

/* A heap type of MODULE. One whose spec has no Py_tp_new is made by C only.
 * New reference. */
static inline PyTypeObject *wsgi_type_new(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
#if PY_VERSION_HEX < 0x030A0000
    const PyType_Slot *s;

    if (type == NULL)
        return NULL;
    for (s = spec->slots; s->slot != 0; s++)
        if (s->slot == Py_tp_new)
            return type;
    type->tp_new = NULL;
    PyType_Modified(type);
#endif
    return type;
}

/* A new interpreter that shares the GIL of the current one, which must be the
 * main one; on return the new state is current. NULL: the old one still is. */
static inline PyThreadState *wsgi_interpreter_new(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    const PyInterpreterConfig config = {
        .use_main_obmalloc = 1, .allow_fork = 1, .allow_exec = 1, .allow_threads = 1,
        .allow_daemon_threads = 1, .check_multi_interp_extensions = 0,
        .gil = PyInterpreterConfig_SHARED_GIL,
    };
    PyThreadState *ts = NULL;
    PyStatus status = Py_NewInterpreterFromConfig(&ts, &config);

    return PyStatus_Exception(status) ? NULL : ts;
#else
    return Py_NewInterpreter();
#endif
}

/* End the interpreter of TS, which is current and its only state; NEXT is
 * current afterwards. */
static inline void wsgi_interpreter_end(PyThreadState *ts, PyThreadState *next)
{
    Py_EndInterpreter(ts);
#if PY_VERSION_HEX >= 0x030C0000
    PyEval_RestoreThread(next);       /* the GIL was given up with the interpreter */
#else
    PyThreadState_Swap(next);
#endif
}

/* Builds without the GIL run with it unless they are told not to, which no
 * directive does yet. */
static inline void wsgi_config_gil(PyConfig *config)
{
#ifdef Py_GIL_DISABLED
    config->enable_gil = 1;
#else
    (void)config;
#endif
}

#endif

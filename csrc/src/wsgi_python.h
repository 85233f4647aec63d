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
#include "wsgi_server.h"
#include "wsgi_settings.h"

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
    const wsgi_settings *settings;/* never NULL */
    const wsgi_server *server;    /* never NULL */
    int processes, threads;       /* at most; 0: more than one, not known how many */
    int multithread, multiprocess, run_once;
    int stacks_at_crash;          /* a fatal signal leaves Python's stacks on standard error */
    int service;                  /* signals are the application's, SystemExit is silent */
    int64_t switch_interval_us;   /* of the daemon option; 0 or less: what settings say */
    int keep_stdout;              /* sys.stdout is the process's own */
    int caseless;                 /* paths of scripts that differ only in case are one module */
    /* A line that belongs to no request. Called without the GIL, by any thread. */
    void (*log)(void *ctx, int level, const char *text, size_t n);
    /* The same with the place in the source it comes from; may be NULL. */
    void (*log_at)(void *ctx, int level, const char *file, int line, const char *text, size_t n);
    void *log_ctx;
    int log_level;                /* more verbose lines are not written */
    /* Apache's scoreboard as bytes of wsgi_scoreboard.h. 0 or an errno; any thread,
     * without the GIL. NULL: it may not be seen. */
    int (*scoreboard)(void *ctx, wsgi_buf *out);
    void *scoreboard_ctx;
} wsgi_python_config;

/* Start Python and the main interpreter; the calling thread becomes its main
 * thread. 0, with the GIL released, or -1 with a sentence in ERR. CONFIG is
 * kept, not copied. Once per process. */
int  wsgi_python_start(const wsgi_python_config *config, char *err, size_t errlen);

/* End all interpreters and Python, on the thread that started it, when no
 * other thread of ours runs Python any more. Returns whether they have ended: if
 * not, code of theirs may run on, and the process is better ended by _exit(). */
int  wsgi_python_stop(void);

/* Give the interpreter of GROUP, which is current, its switch interval, if it has a
 * GIL of its own (OWN) or is the main one; what has no effect is logged. 0, or -1
 * with an exception. */
int  wsgi_python_interval(const char *group, int own);

/* The configuration given at the start; never NULL after it. */
const wsgi_python_config *wsgi_python_settings(void);

/* When it was started, in seconds since the epoch. */
double wsgi_python_started(void);

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

static inline PyObject *wsgi_xnewref(PyObject *o)
{
    Py_XINCREF(o);
    return o;
}
#define Py_XNewRef(o) wsgi_xnewref((PyObject *)(o))

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

/* D[KEY] = VALUE, whose reference is taken over; NULL stands for an exception that
 * is set already. 0 or -1. */
static inline int wsgi_put(PyObject *d, const char *key, PyObject *value)
{
    int rv = value == NULL ? -1 : PyDict_SetItemString(d, key, value);

    Py_XDECREF(value);
    return rv;
}

static inline int wsgi_put_int(PyObject *d, const char *key, uint64_t n)
{
    return wsgi_put(d, key, PyLong_FromUnsignedLongLong(n));
}

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

/* Can an interpreter have a GIL of its own? */
#if PY_VERSION_HEX >= 0x030C0000
#define WSGI_OWN_GIL 1
#else
#define WSGI_OWN_GIL 0
#endif

/* A new interpreter, with a GIL of its own if OWN; else it shares that of the
 * current one, which must be the main one. On return the new state is current
 * and the old one's GIL is given up. NULL: the old one still is current. */
static inline PyThreadState *wsgi_interpreter_new(int own)
{
#if WSGI_OWN_GIL
    const PyInterpreterConfig config = {
        .allow_exec = !own, .allow_threads = 1,
        .allow_daemon_threads = !own,
        .allow_fork = 0,          /* Python ends the child at once, so an exception is better */
#ifdef Py_GIL_DISABLED
        .check_multi_interp_extensions = 1,   /* these builds know no other */
        .use_main_obmalloc = 0,   /* else names are interned in one table, with a lock for each */
#else
        .use_main_obmalloc = !own,
        .check_multi_interp_extensions = own,
#endif
        .gil = own ? PyInterpreterConfig_OWN_GIL : PyInterpreterConfig_SHARED_GIL,
    };
    PyThreadState *ts = NULL;
    PyStatus status = Py_NewInterpreterFromConfig(&ts, &config);

    return PyStatus_Exception(status) ? NULL : ts;
#else
    (void)own;
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

/* Where thread TS of the current interpreter is, known to Python as IDENT: a frame,
 * new reference; NULL if nowhere, perhaps with an exception.
 * Where WSGI_FRAME_STOPS it waits until each thread of Python has stopped: the caller
 * holds no lock that one of them may want, and TS is not looked at. */
#ifdef Py_GIL_DISABLED
#define WSGI_FRAME_STOPS 1
#else
#define WSGI_FRAME_STOPS 0
#endif
static inline PyObject *wsgi_thread_frame(PyThreadState *ts, unsigned long ident)
{
#ifdef Py_GIL_DISABLED
    /* Only this one stops the thread before it looks. */
    PyObject *sys = PyImport_ImportModule("sys"), *frames = NULL, *key = NULL, *frame = NULL;

    (void)ts;
    if (sys != NULL && (frames = PyObject_CallMethod(sys, "_current_frames", NULL)) != NULL
        && (key = PyLong_FromUnsignedLong(ident)) != NULL)
        PyDict_GetItemRef(frames, key, &frame);
    Py_XDECREF(key);
    Py_XDECREF(frames);
    Py_XDECREF(sys);
    return frame;
#else
    (void)ident;
    return (PyObject *)PyThreadState_GetFrame(ts);
#endif
}

/* Builds without the GIL run with it unless FREE, whatever PYTHON_GIL says. Even
 * then it comes back for a module that does not say that it can do without. */
static inline PyStatus wsgi_config_gil(PyConfig *config, int free)
{
#ifdef Py_GIL_DISABLED
    if (!free) {                  /* the option goes before the environment, the member does not */
        config->enable_gil = 1;
        return PyWideStringList_Append(&config->xoptions, L"gil=1");
    }
#else
    (void)config;
    (void)free;
#endif
    return PyStatus_Ok();
}

/* Up to 3.13 only objects of the main interpreter (functions, types, constants of
 * code) are spared that all threads count their references, without a GIL. */
#define WSGI_COUNTS_SHARED (PY_VERSION_HEX < 0x030E0000)

/* Does a GIL keep threads apart now? It may come back when a module is imported
 * that needs it. GIL held, or what stands for it; no exception is set. */
static inline int wsgi_gil_enabled(void)
{
#ifdef Py_GIL_DISABLED
    PyObject *sys = PyImport_ImportModule("sys");
    PyObject *r = sys == NULL ? NULL : PyObject_CallMethod(sys, "_is_gil_enabled", NULL);
    int on = r != Py_False;

    if (r == NULL)
        PyErr_Clear();
    Py_XDECREF(r);
    Py_XDECREF(sys);
    return on;
#else
    return 1;
#endif
}

/* sys._current_frames(): a dict of where each thread is. It looks at those of all
 * interpreters, and so at some that run at this moment if they have a GIL of
 * their own: where there can be such it is done for the current one only, and
 * has to be asked in each. New reference or NULL. GIL held. */
#if WSGI_OWN_GIL && !defined(Py_GIL_DISABLED)
#define WSGI_FRAMES_APART 1
static inline PyObject *wsgi_thread_frames(void)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    PyObject *frames = PyDict_New();

    for (; frames != NULL && ts != NULL; ts = PyThreadState_Next(ts)) {
        PyObject *frame = (PyObject *)PyThreadState_GetFrame(ts);
        PyObject *id = frame == NULL ? NULL : PyLong_FromUnsignedLong(ts->thread_id);

        if (frame != NULL && (id == NULL || PyDict_SetItem(frames, id, frame) < 0))
            Py_CLEAR(frames);
        Py_XDECREF(id);
        Py_XDECREF(frame);
    }
    return frames;
}
#else
#define WSGI_FRAMES_APART 0
static inline PyObject *wsgi_thread_frames(void)
{
    PyObject *sys = PyImport_ImportModule("sys");
    PyObject *frames = sys == NULL ? NULL : PyObject_CallMethod(sys, "_current_frames", NULL);

    Py_XDECREF(sys);
    return frames;
}
#endif

#endif

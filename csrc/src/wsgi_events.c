/* wsgi_events.c - subscribers, how they are called, and the herald, see
 * wsgi_events.h. What requests tell them is in wsgi_events_request.c. */

#include "wsgi_events_inner.h"
#include "wsgi_errors.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- calling ------------------------------------------------------------------ */

/* Have the payload as a dict. 0, or -1 with an exception. */
static int spell_out(wsgi_event *e)
{
    Py_ssize_t i;

    if (e->payload != NULL)
        return 0;
    e->payload = PyDict_New();
    for (i = 0; e->payload != NULL && i < PyTuple_GET_SIZE(e->keys); i++)
        if (PyDict_SetItem(e->payload, PyTuple_GET_ITEM(e->keys, i), e->args[1 + i]) < 0)
            Py_CLEAR(e->payload);
    return e->payload != NULL ? 0 : -1;
}

/* What CALLBACK returns: new reference, or NULL with an exception. */
static PyObject *call_with(PyObject *callback, const wsgi_event *e)
{
    PyObject *args, *r;

    if (e->payload == NULL)
        return PyObject_Vectorcall(callback, e->args, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, e->keys);
    args = PyTuple_Pack(1, e->name);
    r = args == NULL ? NULL : PyObject_Call(callback, args, e->payload);
    Py_XDECREF(args);
    return r;
}

/* Call one subscriber. What it returns is merged, what it raises is logged. 0, or
 * -1 with RequestTimeout set, which is for the request and not for us. */
static int call_one(wsgi_state *st, PyObject *callback, wsgi_event *e)
{
    PyObject *r = call_with(callback, e);
    char line[320];

    if (r != NULL && PyDict_Check(r) && (spell_out(e) < 0 || PyDict_Update(e->payload, r) < 0))
        Py_CLEAR(r);
    if (r == NULL && PyErr_ExceptionMatches(st->request_timeout))
        return -1;
    if (r == NULL) {
        snprintf(line, sizeof line, "WSGIM0650: a subscriber to the event '%.100s' failed (process "
                 "group '%.100s')", PyUnicode_AsUTF8(e->name), wsgi_python_settings()->process_group);
        wsgi_log_raised(line);
    }
    Py_XDECREF(r);
    return 0;
}

int wsgi_events_publish(wsgi_state *st, PyObject *callbacks, wsgi_event *e)
{
    PyObject *now = PyList_AsTuple(callbacks);
    Py_ssize_t i;
    int rv = now == NULL ? -1 : 0;

    for (i = 0; rv == 0 && i < PyTuple_GET_SIZE(now); i++)
        rv = call_one(st, PyTuple_GET_ITEM(now, i), e);
    Py_XDECREF(now);
    return rv;
}

/* EVENT to both lists, with the members of PAYLOAD, which is taken over and may
 * be NULL with an exception. Nothing of it ends anything. */
static void tell(wsgi_state *st, PyObject *special, const char *event, PyObject *payload)
{
    wsgi_event e = {.payload = payload};

    if (payload == NULL || (e.name = PyUnicode_InternFromString(event)) == NULL
        || wsgi_events_publish(st, st->event_callbacks, &e) < 0
        || wsgi_events_publish(st, special, &e) < 0)
        wsgi_log_raised("WSGIM0651: an event of the process could not be told");
    Py_XDECREF(e.name);
    Py_XDECREF(payload);
}

/* ---- the herald ------------------------------------------------------------------ */

static const struct { int number; const char *name; } known[] = {
    {SIGHUP, "SIGHUP"}, {SIGUSR2, "SIGUSR2"},
};
#define KNOWN (sizeof known / sizeof known[0])

static struct {
    pthread_mutex_t lock;         /* over starting and joining */
    sem_t wake;
    pthread_t thread;
    int started;                  /* under lock */
    int listening;                /* atomic: wake may be posted */
    int pending[KNOWN];           /* atomic: bursts become one */
    int ending;                   /* atomic: the thread is to end */
    void (*errand)(wsgi_runner *w);   /* atomic; NULL: none */
    const char *reason;           /* atomic: why the process ends; NULL: it does not yet */
    pid_t pid;
} herald = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void tell_signal(wsgi_runner *w, size_t which)
{
    wsgi_interp *i;

    for (i = wsgi_interp_first(); i != NULL; i = i->next) {
        wsgi_slot *slot = wsgi_interp_slot(w, i);

        if (slot == NULL || !(wsgi_events_wanted(i->state) & (WSGI_WANT_EVENTS | WSGI_WANT_SIGNALS)))
            continue;
        wsgi_interp_enter(slot);
        tell(i->state, i->state->signal_callbacks, "process_signal",
             Py_BuildValue("{s:s,s:i}", "signame", known[which].name, "signum", known[which].number));
        wsgi_interp_leave(slot);
        wsgi_log_flush(w);
    }
}

static void tell_stopping(wsgi_runner *w, const char *reason)
{
    wsgi_interp *i;

    for (i = wsgi_interp_first(); i != NULL; i = i->next) {
        wsgi_slot *slot;

        if (!(wsgi_events_wanted(i->state) & (WSGI_WANT_EVENTS | WSGI_WANT_SHUTDOWN))
            || __atomic_exchange_n(&i->told, 1, __ATOMIC_ACQ_REL)
            || (slot = wsgi_interp_slot(w, i)) == NULL)
            continue;
        wsgi_interp_enter(slot);
        tell(i->state, i->state->shutdown_callbacks, "process_stopping",
             Py_BuildValue("{s:s}", "shutdown_reason", reason));
        wsgi_interp_leave(slot);
        wsgi_log_flush(w);
    }
}

static void *run(void *unused)
{
    wsgi_runner *w = wsgi_runner_self();
    size_t i;

    (void)unused;
    while (w != NULL && !__atomic_load_n(&herald.ending, __ATOMIC_ACQUIRE)) {
        const char *reason = __atomic_load_n(&herald.reason, __ATOMIC_ACQUIRE);
        void (*errand)(wsgi_runner *) = __atomic_exchange_n(&herald.errand, NULL, __ATOMIC_ACQ_REL);

        if (errand != NULL && reason == NULL)
            errand(w);
        if (reason != NULL)
            tell_stopping(w, reason);
        for (i = 0; reason == NULL && i < KNOWN; i++)
            if (__atomic_exchange_n(&herald.pending[i], 0, __ATOMIC_ACQ_REL))
                tell_signal(w, i);
        while (sem_wait(&herald.wake) < 0 && errno == EINTR)
            ;
    }
    wsgi_runner_end();
    return NULL;
}

/* Signals are for other threads. */
static void start_herald(void)
{
    sigset_t all, old;

    pthread_mutex_lock(&herald.lock);
    if (!herald.started && __atomic_load_n(&herald.reason, __ATOMIC_ACQUIRE) == NULL
        && sem_init(&herald.wake, 0, 0) == 0) {
        herald.pid = getpid();
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        herald.started = pthread_create(&herald.thread, NULL, run, NULL) == 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        __atomic_store_n(&herald.listening, herald.started, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&herald.lock);
}

void wsgi_events_errand(void (*errand)(wsgi_runner *w))
{
    if (!__atomic_load_n(&herald.listening, __ATOMIC_ACQUIRE))
        start_herald();
    if (__atomic_exchange_n(&herald.errand, errand, __ATOMIC_ACQ_REL) == NULL
        && __atomic_load_n(&herald.listening, __ATOMIC_ACQUIRE))
        sem_post(&herald.wake);
}

void wsgi_events_signal(int number)
{
    int err = errno;
    size_t i;

    if (__atomic_load_n(&herald.listening, __ATOMIC_ACQUIRE) && getpid() == herald.pid)
        for (i = 0; i < KNOWN; i++)
            if (known[i].number == number && !__atomic_exchange_n(&herald.pending[i], 1, __ATOMIC_ACQ_REL))
                sem_post(&herald.wake);
    errno = err;
}

void wsgi_events_stopping(const char *reason)
{
    const char *none = NULL;

    if (__atomic_compare_exchange_n(&herald.reason, &none, reason, 0, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)
        && __atomic_load_n(&herald.listening, __ATOMIC_ACQUIRE))
        sem_post(&herald.wake);
}

void wsgi_events_end(void)
{
    wsgi_runner *w = wsgi_runner_self();
    const char *reason;
    int started;

    wsgi_events_stopping("");
    reason = __atomic_load_n(&herald.reason, __ATOMIC_ACQUIRE);
    pthread_mutex_lock(&herald.lock);
    started = herald.started;
    herald.started = 0;
    pthread_mutex_unlock(&herald.lock);
    if (started) {
        __atomic_store_n(&herald.ending, 1, __ATOMIC_RELEASE);
        sem_post(&herald.wake);
        pthread_join(herald.thread, NULL);
    }
    if (w != NULL)
        tell_stopping(w, reason);
}

/* ---- subscribing ------------------------------------------------------------------- */

static PyObject *subscribe(PyObject *callbacks, PyObject *callback)
{
    if (!PyCallable_Check(callback)) {
        PyErr_Format(PyExc_TypeError, "a subscriber must be callable, %.200s is not",
                     Py_TYPE(callback)->tp_name);
        return NULL;
    }
    return callbacks == NULL || PyList_Append(callbacks, callback) < 0 ? NULL : Py_NewRef(callback);
}

/* Where there are no signals to be told of the home thread can tell the rest. */
static void want(wsgi_state *st, int what)
{
    const wsgi_python_config *c = wsgi_python_settings();

    __atomic_or_fetch(&st->subscribed, what, __ATOMIC_RELAXED);
    if (c->process_group[0] != '\0' && !c->service)
        start_herald();
}

static PyObject *subscribe_events(PyObject *module, PyObject *callback)
{
    wsgi_state *st = wsgi_pymod_state(module);
    PyObject *r = subscribe(st->event_callbacks, callback);

    if (r != NULL)
        want(st, WSGI_WANT_EVENTS);
    return r;
}

static PyObject *subscribe_shutdown(PyObject *module, PyObject *callback)
{
    wsgi_state *st = wsgi_pymod_state(module);
    PyObject *r = subscribe(st->shutdown_callbacks, callback);

    if (r != NULL)
        want(st, WSGI_WANT_SHUTDOWN);
    return r;
}

/* In a child of httpd and in a service signals are not ours to pass on. */
static PyObject *subscribe_signals(PyObject *module, PyObject *callback)
{
    const wsgi_python_config *c = wsgi_python_settings();
    wsgi_state *st = wsgi_pymod_state(module);
    PyObject *r;

    if (PyCallable_Check(callback) && (c->process_group[0] == '\0' || c->service)) {
        wsgi_log_held(WSGI_LOG_INFO, "a subscriber to signals is ignored: no signal is told of in %s",
                      c->service ? "a service process" : "a child of Apache");
        wsgi_log_stacks(PyThread_get_thread_ident());
        return Py_NewRef(callback);
    }
    r = subscribe(st->signal_callbacks, callback);
    if (r != NULL)
        want(st, WSGI_WANT_SIGNALS);
    return r;
}

static PyObject *request_data(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return wsgi_events_data();
}

PyMethodDef wsgi_events_methods[] = {
    {"subscribe_events", subscribe_events, METH_O,
     "subscribe_events(callback) -> callback\n\nCall callback(event, **payload) for every event of requests and of the process."},
    {"subscribe_shutdown", subscribe_shutdown, METH_O,
     "subscribe_shutdown(callback) -> callback\n\nThe same for process_stopping alone."},
    {"subscribe_signals", subscribe_signals, METH_O,
     "subscribe_signals(callback) -> callback\n\nThe same for process_signal alone, in daemon processes."},
    {"request_data", request_data, METH_NOARGS,
     "request_data() -> dict\n\nA dict of the request that this thread runs, the same for as long as it runs."},
    {NULL, NULL, 0, NULL}
};

int wsgi_events_install(PyObject *module, wsgi_state *st)
{
    if ((st->event_callbacks = PyList_New(0)) == NULL
        || (st->shutdown_callbacks = PyList_New(0)) == NULL
        || (st->signal_callbacks = PyList_New(0)) == NULL || wsgi_events_names(st) < 0
        || PyModule_AddFunctions(module, wsgi_events_methods) < 0
        || PyModule_AddObjectRef(module, "event_callbacks", st->event_callbacks) < 0
        || PyModule_AddObjectRef(module, "shutdown_callbacks", st->shutdown_callbacks) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "signal_callbacks", st->signal_callbacks);
}

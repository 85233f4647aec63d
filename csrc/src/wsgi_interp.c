/* wsgi_interp.c - interpreters and thread states, see wsgi_interp.h. */

#include "wsgi_interp_inner.h"
#include "wsgi_environ_py.h"
#include "wsgi_errors.h"
#include "wsgi_pymod.h"
#include "wsgi_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

wsgi_interp_registry wsgi_interps = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
    .made = PTHREAD_COND_INITIALIZER,
    .unpinned = PTHREAD_COND_INITIALIZER,
};

static wsgi_turn main_turn;       /* of the GIL that most interpreters share */

static __thread wsgi_runner *self;
static __thread wsgi_turn *turn_held;
static __thread uint64_t gil_us, gil_waits;      /* since they were asked for */

/* ---- threads ------------------------------------------------------------ */

wsgi_runner *wsgi_runner_known(void)
{
    return self;
}

wsgi_runner *wsgi_runner_self(void)
{
    if (self != NULL)
        return self;
    self = calloc(1, sizeof *self);
    if (self != NULL) {
        pthread_mutex_init(&self->interrupting, NULL);
        pthread_mutex_lock(&wsgi_interps.lock);
        self->next = wsgi_interps.runners;
        wsgi_interps.runners = self;
        pthread_mutex_unlock(&wsgi_interps.lock);
    }
    return self;
}

static void runner_free(wsgi_runner *w)
{
    int i;

    for (i = 0; i < WSGI_LINES; i++)
        wsgi_buf_free(&w->lines[i].text);
    wsgi_buf_free(&w->head);
    wsgi_buf_free(&w->scratch);
    wsgi_buf_free(&w->body);
    free(w);
}

static wsgi_slot *slot_add(wsgi_runner *w, wsgi_interp *interp, PyThreadState *ts)
{
    wsgi_slot *slot = calloc(1, sizeof *slot);

    if (slot == NULL)
        return NULL;
    slot->interp = interp;
    slot->ts = ts != NULL ? ts : PyThreadState_New(interp->is);
    if (slot->ts == NULL) {
        free(slot);
        return NULL;
    }
    slot->next = w->slots;
    w->slots = slot;
    return slot;
}

wsgi_slot *wsgi_slot_find(wsgi_runner *w, const wsgi_interp *interp)
{
    wsgi_slot *slot;

    for (slot = w->slots; slot != NULL; slot = slot->next)
        if (slot->interp == interp)
            return slot;
    return NULL;
}

wsgi_interp *wsgi_interp_main(void)
{
    wsgi_interp *i = __atomic_load_n(&wsgi_interps.interps, __ATOMIC_ACQUIRE);

    while (i != NULL && i->next != NULL)
        i = i->next;
    return i;
}

wsgi_slot *wsgi_interp_slot(wsgi_runner *w, wsgi_interp *interp)
{
    wsgi_slot *slot = wsgi_slot_find(w, interp);

    if (slot != NULL)
        return slot;
    /* PyGILState_Ensure finds the first state that a thread made, up to 3.11;
     * it must be one of the main interpreter. */
    if (w->slots == NULL && interp->group_len != 0 && slot_add(w, wsgi_interp_main(), NULL) == NULL)
        return NULL;
    return slot_add(w, interp, NULL);
}

static uint64_t steady_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void wsgi_interp_enter(wsgi_slot *slot)
{
    wsgi_turn *turn = slot->interp->turn;
    uint64_t from_us = 0;

    if (turn != NULL && wsgi_turn_take(turn, &from_us))
        turn_held = turn;
    PyEval_RestoreThread(slot->ts);
    if (from_us != 0) {
        gil_us += steady_us() - from_us;
        gil_waits++;
    }
}

void wsgi_interp_waited(uint64_t *us, uint64_t *waits)
{
    *us = gil_us;
    *waits = gil_waits;
    gil_us = gil_waits = 0;
}

void wsgi_interp_leave(wsgi_slot *slot)
{
    (void)slot;
    PyEval_SaveThread();
    if (turn_held != NULL) {
        wsgi_turn_give(turn_held);
        turn_held = NULL;
    }
}

/* Take SLOT out of W and free it. GIL held in its interpreter by another state
 * than the slot's. */
static void slot_drop(wsgi_runner *w, wsgi_slot *slot)
{
    wsgi_slot **at;

    for (at = &w->slots; *at != slot; at = &(*at)->next)
        ;
    *at = slot->next;
    wsgi_environ_forget(slot);
    PyThreadState_Clear(slot->ts);
    PyThreadState_Delete(slot->ts);
    free(slot);
}

void wsgi_runner_end(void)
{
    wsgi_runner *w = self, **at;
    wsgi_slot *slot;

    if (w == NULL)
        return;
    while ((slot = w->slots) != NULL) {
        PyEval_RestoreThread(slot->ts);
        wsgi_environ_forget(slot);
        PyThreadState_Clear(slot->ts);
        PyThreadState_DeleteCurrent();
        w->slots = slot->next;
        free(slot);
    }
    wsgi_log_flush(w);
    wsgi_tally_let_go(w->tally);
    pthread_mutex_lock(&wsgi_interps.lock);
    while (w->pinned)
        pthread_cond_wait(&wsgi_interps.unpinned, &wsgi_interps.lock);
    for (at = &wsgi_interps.runners; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    pthread_mutex_unlock(&wsgi_interps.lock);
    self = NULL;
    runner_free(w);
}

/* ---- interpreters ------------------------------------------------------- */

wsgi_interp *wsgi_interp_find(const char *group, size_t len)
{
    wsgi_interp *i = __atomic_load_n(&wsgi_interps.interps, __ATOMIC_ACQUIRE);

    for (; i != NULL; i = i->next)
        if (i->group_len == len && memcmp(i->group, group, len) == 0)
            return i;
    return NULL;
}

/* Set up the interpreter that is current, whose GIL is its OWN or not, and enter
 * it in the registry. NULL with an exception set, and then nothing is left. */
static wsgi_interp *install(const char *group, size_t len, int own)
{
    wsgi_interp *interp = calloc(1, sizeof *interp);
    wsgi_runner *w = wsgi_runner_self();

    if (interp == NULL || w == NULL || (interp->group = strndup(group, len)) == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    interp->group_len = len;
    interp->is = PyThreadState_Get()->interp;
    wsgi_turn_init(&interp->own_turn);
    interp->turn = wsgi_interps.is_free ? NULL : own ? &interp->own_turn : &main_turn;
    pthread_mutex_init(&interp->lock, NULL);
    pthread_cond_init(&interp->loaded, NULL);
    interp->module = wsgi_pymod_install(interp->group);
    if (interp->module == NULL || wsgi_python_interval(interp->group, own) < 0)
        goto failed;
    interp->state = wsgi_pymod_state(interp->module);
    if (slot_add(w, interp, PyThreadState_Get()) == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    interp->next = wsgi_interps.interps;
    __atomic_store_n(&wsgi_interps.interps, interp, __ATOMIC_RELEASE);
    return interp;
failed:
    if (interp != NULL) {
        Py_XDECREF(interp->module);
        free(interp->group);
    }
    free(interp);
    return NULL;
}

/* What holds for the interpreter of GROUP, or for the process if that is NULL. */
static wsgi_scope scope_of(const wsgi_python_config *c, const char *group)
{
    wsgi_scope scope;

    wsgi_settings_resolve(c->settings, c->process_group, group, &scope);
    return scope;
}

int wsgi_interp_free(const wsgi_python_config *config)
{
    return scope_of(config, NULL).free_threading == 1;
}

static void log_created(const wsgi_interp *interp)
{
    wsgi_log(WSGI_LOG_INFO, "interpreter created for application group '%s' (process group '%s', %s)",
             interp->group, wsgi_python_settings()->process_group,
             interp->turn == NULL ? "no GIL" : interp->turn == &main_turn ? "shared GIL" : "own GIL");
}

int wsgi_interp_init(void)
{
    const wsgi_python_config *c = wsgi_python_settings();
    wsgi_interp *interp;

    wsgi_interps.home = pthread_self();
    wsgi_interps.is_free = !wsgi_gil_enabled();
    wsgi_turn_init(&main_turn);
    if (wsgi_interp_free(c) && !wsgi_interps.is_free)
        wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0630: WSGIFreeThreading On has no effect: Python %s is "
                      "not built without the GIL, or PYTHON_GIL asks for it (process group '%s')", PY_VERSION, c->process_group);
    interp = install("", 0, 0);
    if (interp == NULL)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    log_created(interp);
    Py_END_ALLOW_THREADS
    return 0;
}

/* Is the interpreter of GROUP to have a GIL of its own? Home thread, GIL held. */
static int wants_own(const char *group)
{
    static int told;

    if (scope_of(wsgi_python_settings(), group).per_interpreter_gil != 1)
        return 0;
    if (WSGI_OWN_GIL && !wsgi_interps.is_free)
        return 1;
    if (!told) {
        told = 1;
        wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0631: WSGIPerInterpreterGIL On has no effect for application "
                      "group '%s' and any other: Python %s %s (process group '%s')", group, PY_VERSION,
                      WSGI_OWN_GIL ? "runs without a GIL in this process" : "has one GIL for all interpreters",
                      wsgi_python_settings()->process_group);
    }
    return 0;
}

/* Where threads run free and yet hold each other up. */
static void warn_of_counts(const wsgi_interp *interp)
{
    static int told;

    if (!WSGI_COUNTS_SHARED || told)
        return;
    told = 1;
    wsgi_log(WSGI_LOG_WARNING, "WSGIM0633: application group '%s' has threads without a GIL, but in Python %s they "
             "hold each other up in all interpreters but the main one: use WSGIApplicationGroup %%{GLOBAL} "
             "(process group '%s')", interp->group, PY_VERSION, wsgi_python_settings()->process_group);
}

wsgi_interp *wsgi_interp_create(const char *group, size_t len)
{
    const char *process_group = wsgi_python_settings()->process_group;
    wsgi_slot *home = wsgi_slot_find(self, wsgi_interp_main());
    char *name = strndup(group, len);
    PyThreadState *ts = NULL;
    wsgi_interp *interp = NULL;
    int own;

    PyEval_RestoreThread(home->ts);
    own = name != NULL && wants_own(name);
    if (name != NULL)
        ts = wsgi_interpreter_new(own);
    if (ts == NULL) {
        wsgi_log_held(WSGI_LOG_CRIT, "WSGIM0605: interpreter of application group '%.*s' cannot "
                      "be created (process group '%s')", (int)len, group, process_group);
        goto leave;
    }
    interp = install(group, len, own);
    if (interp == NULL) {
        PyObject *exc = PyErr_GetRaisedException();
        char text[512] = "";

        if (exc != NULL)
            wsgi_exception_text(exc, 1, text, sizeof text);
        Py_XDECREF(exc);
        wsgi_log_held(WSGI_LOG_CRIT, "WSGIM0606: interpreter of application group '%.*s' cannot "
                      "be set up: %s (process group '%s')", (int)len, group, text, process_group);
        wsgi_interpreter_end(ts, home->ts);
    }
leave:
    PyEval_SaveThread();
    if (interp != NULL)
        log_created(interp);
    if (interp != NULL && interp->turn == NULL)
        warn_of_counts(interp);
    free(name);
    return interp;
}

wsgi_interp *wsgi_interp_get(const char *group, size_t len)
{
    wsgi_interp *interp = wsgi_interp_find(group, len);
    wsgi_interp_job j = {.group = group, .len = len};

    if (interp != NULL)
        return interp;
    if (pthread_equal(pthread_self(), wsgi_interps.home))
        return wsgi_interp_create(group, len);
    pthread_mutex_lock(&wsgi_interps.lock);
    if (!wsgi_interps.stop) {
        j.next = wsgi_interps.jobs;
        wsgi_interps.jobs = &j;
        pthread_cond_signal(&wsgi_interps.wake);
        while (!j.done)
            pthread_cond_wait(&wsgi_interps.made, &wsgi_interps.lock);
    }
    pthread_mutex_unlock(&wsgi_interps.lock);
    return j.made;
}

/* ---- watching the locks ---------------------------------------------------- */

/* Python takes the GIL into use while it loads any C extension, and only then looks
 * whether that can do without: what another thread's import brings passes. */
#define GIL_STAYS_US 2000000

void wsgi_interp_watch_gil(void)
{
    static int told;              /* atomic */
    uint64_t now = steady_us(), since = __atomic_load_n(&wsgi_interps.gil_since_us, __ATOMIC_RELAXED);

    if (!wsgi_interps.is_free || __atomic_load_n(&told, __ATOMIC_RELAXED))
        return;
    if (!wsgi_gil_enabled()) {
        __atomic_store_n(&wsgi_interps.gil_since_us, 0, __ATOMIC_RELAXED);
        return;
    }
    if (since == 0) {
        __atomic_store_n(&wsgi_interps.gil_since_us, now, __ATOMIC_RELAXED);
        return;
    }
    if (now - since < GIL_STAYS_US || __atomic_exchange_n(&told, 1, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&wsgi_interps.gil_since_us, 0, __ATOMIC_RELAXED);
    wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0632: Python has taken the GIL into use again, for a module that "
                  "does not say that it can do without; mod_wsgi-express audit names such modules "
                  "(process group '%s')", wsgi_python_settings()->process_group);
}

/* Does I run with a GIL that no interpreter further down the list has? */
static int is_first_with_gil(const wsgi_interp *i)
{
    return i->next == NULL || i->turn == &i->own_turn;
}

void wsgi_interp_probe(wsgi_runner *w)
{
    wsgi_interp *i = __atomic_load_n(&wsgi_interps.interps, __ATOMIC_ACQUIRE);

    for (; i != NULL; i = i->next) {
        wsgi_slot *slot = is_first_with_gil(i) ? wsgi_interp_slot(w, i) : NULL;

        if (slot == NULL)
            continue;
        __atomic_store_n(&wsgi_interps.probing, i->group, __ATOMIC_RELEASE);
        wsgi_interp_enter(slot);
        wsgi_interp_watch_gil();
        wsgi_interp_leave(slot);
    }
    __atomic_store_n(&wsgi_interps.probing, NULL, __ATOMIC_RELEASE);
}

const char *wsgi_interp_probing(void)
{
    return __atomic_load_n(&wsgi_interps.probing, __ATOMIC_ACQUIRE);
}

/* ---- the end -------------------------------------------------------------- */

/* Give up the states that threads of ours other than this one have in INTERP. */
static void drop_others(wsgi_interp *interp)
{
    wsgi_runner *w;
    wsgi_slot *slot;

    for (w = wsgi_interps.runners; w != NULL; w = w->next)
        if (w != self && (slot = wsgi_slot_find(w, interp)) != NULL)
            slot_drop(w, slot);
}

/* Join the threads that the application wants to be waited for. */
static void join_threads(void)
{
    PyObject *threading = PyImport_ImportModule("threading");
    PyObject *r = threading == NULL ? NULL : PyObject_CallMethod(threading, "_shutdown", NULL);

    if (r == NULL)
        PyErr_WriteUnraisable(threading);
    /* Python does it again, which 3.12 takes for a mistake; calling this type does nothing. */
    else if (PyObject_SetAttrString(threading, "_shutdown", (PyObject *)&PyDict_Type) < 0)
        PyErr_Clear();
    Py_XDECREF(r);
    Py_XDECREF(threading);
}

static int foreign_threads(wsgi_interp *interp, PyThreadState *ours)
{
    PyThreadState *ts;
    int n = 0;

    for (ts = PyInterpreterState_ThreadHead(interp->is); ts != NULL; ts = PyThreadState_Next(ts))
        n += ts != ours;
    return n;
}

/* Py_EndInterpreter aborts the process if another thread state is left. */
int wsgi_interp_end(wsgi_interp *interp)
{
    wsgi_slot *slot = wsgi_slot_find(self, interp), **at;
    int n;

    PyEval_RestoreThread(slot->ts);
    drop_others(interp);
    join_threads();
    n = foreign_threads(interp, slot->ts);
    if (n > 0) {
        wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0607: interpreter of application group '%s' is not "
                      "ended: %d daemon threads of the application still run in it (process "
                      "group '%s')", interp->group, n, wsgi_python_settings()->process_group);
        PyEval_SaveThread();
        return -1;
    }
    wsgi_script_forget(interp);
    wsgi_environ_forget(slot);
    Py_CLEAR(interp->module);
    wsgi_interpreter_end(slot->ts, wsgi_slot_find(self, wsgi_interp_main())->ts);
    PyEval_SaveThread();
    for (at = &self->slots; *at != slot; at = &(*at)->next)
        ;
    *at = slot->next;
    free(slot);
    wsgi_log(WSGI_LOG_INFO, "interpreter ended for application group '%s' (process group '%s')",
             interp->group, wsgi_python_settings()->process_group);
    return 0;
}

int wsgi_interp_end_all(void)
{
    wsgi_interp *i, *last = wsgi_interp_main();
    wsgi_slot *slot;
    int left = 0;

    for (i = wsgi_interps.interps; i != last; i = i->next)
        left += wsgi_interp_end(i) < 0;
    slot = wsgi_slot_find(self, last);
    PyEval_RestoreThread(slot->ts);
    drop_others(last);
    wsgi_script_forget(last);
    wsgi_environ_forget(slot);
    Py_CLEAR(last->module);
    return left;
}

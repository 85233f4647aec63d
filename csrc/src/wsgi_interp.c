/* wsgi_interp.c - interpreters and thread states, see wsgi_interp.h. */

#include "wsgi_interp.h"
#include "wsgi_environ_py.h"
#include "wsgi_errors.h"
#include "wsgi_pymod.h"
#include "wsgi_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A thread that waits for an interpreter to be made. */
typedef struct job {
    const char *group;
    size_t len;
    wsgi_interp *made;
    int done;
    struct job *next;
} job;

static struct {
    wsgi_interp *interps;         /* atomic head; the main one is last */
    wsgi_runner *runners;         /* under lock */
    pthread_t home;
    pthread_mutex_t lock;         /* jobs, runners, stop */
    pthread_cond_t wake, made, unpinned;
    job *jobs;
    int stop, stacks;
    uint32_t interrupt;           /* number of a request thread; 0 none */
    uint64_t interrupt_taken;     /* when its request began */
} registry = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
    .made = PTHREAD_COND_INITIALIZER,
    .unpinned = PTHREAD_COND_INITIALIZER,
};

static __thread wsgi_runner *self;

/* ---- turnstile ----------------------------------------------------------- */

/* Many threads that wait for the GIL wake each other up for nothing. So they
 * queue at a mutex, and the one that has it holds it until its request is done
 * with Python. A holder that blocks gives up the GIL but not this: whoever has
 * waited in vain for a moment goes on to the GIL and opens the turnstile to all,
 * until the holder is back. Measured with 16 threads in one process: a third
 * less CPU for short requests, no loss when every twentieth sleeps; held without
 * that opening, a third of the throughput of the latter was lost. */
#if !defined(Py_GIL_DISABLED) && defined(__GLIBC__) && __GLIBC_PREREQ(2, 30)
#define TURN_WAIT_NS 50000

static pthread_mutex_t turnstile = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static int turnstile_open;        /* atomic: its holder is blocked */
static __thread int turnstile_held;

static void turnstile_enter(void)
{
    struct timespec t;

    if (pthread_mutex_trylock(&turnstile) == 0) {
        turnstile_held = 1;
        return;
    }
    if (__atomic_load_n(&turnstile_open, __ATOMIC_RELAXED))
        return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += TURN_WAIT_NS;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    turnstile_held = pthread_mutex_clocklock(&turnstile, CLOCK_MONOTONIC, &t) == 0;
    if (!turnstile_held)
        __atomic_store_n(&turnstile_open, 1, __ATOMIC_RELAXED);
}

static void turnstile_leave(void)
{
    if (!turnstile_held)
        return;
    turnstile_held = 0;
    __atomic_store_n(&turnstile_open, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&turnstile);
}
#else
static void turnstile_enter(void)
{
}

static void turnstile_leave(void)
{
}
#endif

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
        pthread_mutex_lock(&registry.lock);
        self->next = registry.runners;
        registry.runners = self;
        pthread_mutex_unlock(&registry.lock);
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

static wsgi_slot *slot_find(wsgi_runner *w, wsgi_interp *interp)
{
    wsgi_slot *slot;

    for (slot = w->slots; slot != NULL; slot = slot->next)
        if (slot->interp == interp)
            return slot;
    return NULL;
}

static wsgi_interp *main_interp(void)
{
    wsgi_interp *i = __atomic_load_n(&registry.interps, __ATOMIC_ACQUIRE);

    while (i != NULL && i->next != NULL)
        i = i->next;
    return i;
}

wsgi_slot *wsgi_interp_slot(wsgi_runner *w, wsgi_interp *interp)
{
    wsgi_slot *slot = slot_find(w, interp);

    if (slot != NULL)
        return slot;
    /* PyGILState_Ensure finds the first state that a thread made, up to 3.11;
     * it must be one of the main interpreter. */
    if (w->slots == NULL && interp->group_len != 0 && slot_add(w, main_interp(), NULL) == NULL)
        return NULL;
    return slot_add(w, interp, NULL);
}

void wsgi_interp_enter(wsgi_slot *slot)
{
    turnstile_enter();
    PyEval_RestoreThread(slot->ts);
}

void wsgi_interp_leave(wsgi_slot *slot)
{
    (void)slot;
    PyEval_SaveThread();
    turnstile_leave();
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
    pthread_mutex_lock(&registry.lock);
    while (w->pinned)
        pthread_cond_wait(&registry.unpinned, &registry.lock);
    for (at = &registry.runners; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    pthread_mutex_unlock(&registry.lock);
    self = NULL;
    runner_free(w);
}

/* ---- interpreters ------------------------------------------------------- */

static wsgi_interp *find(const char *group, size_t len)
{
    wsgi_interp *i = __atomic_load_n(&registry.interps, __ATOMIC_ACQUIRE);

    for (; i != NULL; i = i->next)
        if (i->group_len == len && memcmp(i->group, group, len) == 0)
            return i;
    return NULL;
}

/* Set up the interpreter that is current and enter it in the registry. NULL
 * with an exception set, and then nothing is left. */
static wsgi_interp *install(const char *group, size_t len)
{
    wsgi_interp *interp = calloc(1, sizeof *interp);
    wsgi_runner *w = wsgi_runner_self();

    if (interp == NULL || w == NULL || (interp->group = strndup(group, len)) == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    interp->group_len = len;
    interp->is = PyThreadState_Get()->interp;
    pthread_mutex_init(&interp->lock, NULL);
    pthread_cond_init(&interp->loaded, NULL);
    interp->module = wsgi_pymod_install(interp->group);
    if (interp->module == NULL)
        goto failed;
    interp->state = wsgi_pymod_state(interp->module);
    if (slot_add(w, interp, PyThreadState_Get()) == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    interp->next = registry.interps;
    __atomic_store_n(&registry.interps, interp, __ATOMIC_RELEASE);
    return interp;
failed:
    if (interp != NULL) {
        Py_XDECREF(interp->module);
        free(interp->group);
    }
    free(interp);
    return NULL;
}

int wsgi_interp_init(void)
{
    registry.home = pthread_self();
    return install("", 0) == NULL ? -1 : 0;
}

/* Home thread, GIL not held. */
static wsgi_interp *create(const char *group, size_t len)
{
    wsgi_slot *home = slot_find(self, main_interp());
    PyThreadState *ts;
    wsgi_interp *interp = NULL;

    PyEval_RestoreThread(home->ts);
    ts = wsgi_interpreter_new();
    if (ts == NULL) {
        wsgi_log_held(WSGI_LOG_CRIT, "WSGIM0605: interpreter of application group '%.*s' cannot "
                      "be created (process group '%s')", (int)len, group,
                      wsgi_python_settings()->process_group);
        goto leave;
    }
    interp = install(group, len);
    if (interp == NULL) {
        PyObject *exc = PyErr_GetRaisedException();
        char text[512] = "";

        if (exc != NULL)
            wsgi_exception_text(exc, 1, text, sizeof text);
        Py_XDECREF(exc);
        wsgi_log_held(WSGI_LOG_CRIT, "WSGIM0606: interpreter of application group '%.*s' cannot "
                      "be set up: %s (process group '%s')", (int)len, group, text,
                      wsgi_python_settings()->process_group);
        wsgi_interpreter_end(ts, home->ts);
    }
leave:
    PyEval_SaveThread();
    if (interp != NULL)
        wsgi_log(WSGI_LOG_INFO, "interpreter created for application group '%.*s' (process group "
                 "'%s', shared GIL)", (int)len, group, wsgi_python_settings()->process_group);
    return interp;
}

wsgi_interp *wsgi_interp_get(const char *group, size_t len)
{
    wsgi_interp *interp = find(group, len);
    job j = {.group = group, .len = len};

    if (interp != NULL)
        return interp;
    if (pthread_equal(pthread_self(), registry.home))
        return create(group, len);
    pthread_mutex_lock(&registry.lock);
    if (!registry.stop) {
        j.next = registry.jobs;
        registry.jobs = &j;
        pthread_cond_signal(&registry.wake);
        while (!j.done)
            pthread_cond_wait(&registry.made, &registry.lock);
    }
    pthread_mutex_unlock(&registry.lock);
    return j.made;
}

/* ---- interrupting -------------------------------------------------------- */

void wsgi_interrupt_begin(wsgi_runner *w, wsgi_interp *interp, const wsgi_request *r)
{
    pthread_mutex_lock(&w->interrupting);
    w->ident = PyThread_get_thread_ident();
    w->interrupted = 0;
    w->running = interp;
    __atomic_store_n(&w->request, r, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&w->interrupting);
}

int wsgi_interrupt_end(wsgi_runner *w)
{
    int interrupted;

    pthread_mutex_lock(&w->interrupting);
    interrupted = w->interrupted;
    __atomic_store_n(&w->request, NULL, __ATOMIC_RELAXED);
    if (interrupted)
        PyThreadState_SetAsyncExc(w->ident, NULL);
    pthread_mutex_unlock(&w->interrupting);
    return interrupted;
}

/* What the client asked for, or the path of the script. */
static wsgi_str url_of(const wsgi_request *r)
{
    wsgi_cur cur = wsgi_cur_of(r->head.pairs, r->head.pairs_len);
    uint32_t i;

    for (i = 0; i < r->head.npairs; i++) {
        wsgi_pair pair = wsgi_cur_pair(&cur);

        if (cur.bad)
            break;
        if (pair.name.len == 11 && memcmp(pair.name.data, "REQUEST_URI", 11) == 0)
            return pair.value;
    }
    return r->head.script;
}

/* The runner of request thread THREAD, pinned, and the interpreter it is in; or
 * NULL if it runs no application. */
static wsgi_runner *pin(uint32_t thread, wsgi_interp **interp)
{
    wsgi_runner *w;

    pthread_mutex_lock(&registry.lock);
    for (w = registry.runners; w != NULL; w = w->next) {
        const wsgi_request *r = __atomic_load_n(&w->request, __ATOMIC_ACQUIRE);

        /* It may end at this moment, but its memory is that of a living thread. */
        if (r != NULL && w->thread == thread)
            break;
    }
    if (w != NULL) {
        w->pinned = 1;
        *interp = w->running;
    }
    pthread_mutex_unlock(&registry.lock);
    return w;
}

static void unpin(wsgi_runner *w)
{
    pthread_mutex_lock(&registry.lock);
    w->pinned = 0;
    pthread_cond_broadcast(&registry.unpinned);
    pthread_mutex_unlock(&registry.lock);
}

/* Does W still run, in INTERP, the request it took at TAKEN_US? */
static int still_runs(const wsgi_runner *w, const wsgi_interp *interp, uint64_t taken_us)
{
    return w->request != NULL && w->running == interp && w->request->taken_us == taken_us
           && !w->interrupted;
}

/* Raise RequestTimeout in W's thread. GIL held in INTERP. 1 if it will come. */
static int inject(wsgi_runner *w, const wsgi_interp *interp, uint64_t taken_us, char *url,
                  size_t size)
{
    int done = 0;

    pthread_mutex_lock(&w->interrupting);
    if (still_runs(w, interp, taken_us)) {
        wsgi_str text = url_of(w->request);

        snprintf(url, size, "%.*s", text.len > 512 ? 512 : (int)text.len, text.data);
        done = PyThreadState_SetAsyncExc(w->ident, interp->state->request_timeout) > 0;
        w->interrupted = done;
    }
    pthread_mutex_unlock(&w->interrupting);
    return done;
}

/* Home thread, GIL not held. The stack comes first: where the exception finds
 * the thread, it is no longer afterwards. */
static void interrupt(uint32_t thread, uint64_t taken_us)
{
    wsgi_interp *interp = NULL;
    wsgi_runner *w = pin(thread, &interp);
    wsgi_slot *slot = w != NULL ? slot_find(self, interp) : NULL;
    char url[520];
    int runs;

    if (slot != NULL) {
        PyEval_RestoreThread(slot->ts);
        pthread_mutex_lock(&w->interrupting);
        runs = still_runs(w, interp, taken_us);
        pthread_mutex_unlock(&w->interrupting);
        if (runs)
            wsgi_log_stacks(w->ident);
        if (runs && inject(w, interp, taken_us, url, sizeof url))
            wsgi_log_held(WSGI_LOG_INFO, "RequestTimeout: Injected into thread %u, which runs '%s' for "
                          "%.1f s (process group '%s')", thread, url,
                          (double)(wsgi_clock_us() - taken_us) / 1e6,
                          wsgi_python_settings()->process_group);
        PyEval_SaveThread();
    }
    if (w != NULL)
        unpin(w);
}

/* Each request under way as a text that ends in a zero byte. GIL not held. */
static void list_requests(wsgi_buf *out)
{
    uint64_t now = wsgi_clock_us();
    wsgi_runner *w;
    char line[640];

    pthread_mutex_lock(&registry.lock);
    for (w = registry.runners; w != NULL; w = w->next) {
        pthread_mutex_lock(&w->interrupting);
        if (w->request != NULL) {
            wsgi_str url = url_of(w->request);
            int n = snprintf(line, sizeof line, "thread %lu runs '%.*s' for %.1f s", w->ident,
                             url.len > 512 ? 512 : (int)url.len, url.data,
                             (double)(now - w->request->taken_us) / 1e6);

            wsgi_buf_bytes(out, line, (size_t)n + 1);
        }
        pthread_mutex_unlock(&w->interrupting);
    }
    pthread_mutex_unlock(&registry.lock);
}

static void log_requests(void)
{
    wsgi_buf list = {0};
    size_t at;

    list_requests(&list);
    for (at = 0; !list.failed && at < list.len; at += strlen((char *)list.data + at) + 1)
        wsgi_log(WSGI_LOG_INFO, "%s (process group '%s')", (char *)list.data + at,
                      wsgi_python_settings()->process_group);
    wsgi_buf_free(&list);
}

/* sys._current_frames() has the threads of all interpreters, which share this
 * GIL, so one of them is enough to ask. */
static void log_stacks(void)
{
    log_requests();
    PyEval_RestoreThread(slot_find(self, main_interp())->ts);
    wsgi_log_stacks(0);
    PyEval_SaveThread();
}

void wsgi_home_run(void)
{
    pthread_mutex_lock(&registry.lock);
    while (!registry.stop || registry.jobs != NULL) {
        job *j = registry.jobs;
        wsgi_interp *made;

        if (registry.stacks) {
            registry.stacks = 0;
            pthread_mutex_unlock(&registry.lock);
            log_stacks();
            pthread_mutex_lock(&registry.lock);
            continue;
        }
        if (registry.interrupt != 0) {
            uint32_t thread = registry.interrupt;
            uint64_t taken_us = registry.interrupt_taken;

            registry.interrupt = 0;
            pthread_mutex_unlock(&registry.lock);
            interrupt(thread, taken_us);
            pthread_mutex_lock(&registry.lock);
            continue;
        }
        if (j == NULL) {
            pthread_cond_wait(&registry.wake, &registry.lock);
            continue;
        }
        registry.jobs = j->next;
        pthread_mutex_unlock(&registry.lock);
        made = find(j->group, j->len);
        if (made == NULL)
            made = create(j->group, j->len);
        pthread_mutex_lock(&registry.lock);
        j->made = made;
        j->done = 1;
        pthread_cond_broadcast(&registry.made);
    }
    pthread_mutex_unlock(&registry.lock);
}

void wsgi_home_stacks(void)
{
    pthread_mutex_lock(&registry.lock);
    registry.stacks = 1;
    pthread_cond_signal(&registry.wake);
    pthread_mutex_unlock(&registry.lock);
}

void wsgi_home_interrupt(uint32_t thread, uint64_t taken_us)
{
    pthread_mutex_lock(&registry.lock);
    registry.interrupt = thread;
    registry.interrupt_taken = taken_us;
    pthread_cond_signal(&registry.wake);
    pthread_mutex_unlock(&registry.lock);
}

void wsgi_home_stop(void)
{
    pthread_mutex_lock(&registry.lock);
    registry.stop = 1;
    pthread_cond_signal(&registry.wake);
    pthread_mutex_unlock(&registry.lock);
}

/* ---- the end -------------------------------------------------------------- */

/* Give up the states that threads of ours other than this one have in INTERP. */
static void drop_others(wsgi_interp *interp)
{
    wsgi_runner *w;
    wsgi_slot *slot;

    for (w = registry.runners; w != NULL; w = w->next)
        if (w != self && (slot = slot_find(w, interp)) != NULL)
            slot_drop(w, slot);
}

/* Join the threads that the application wants to be waited for. */
static void join_threads(void)
{
    PyObject *threading = PyImport_ImportModule("threading");
    PyObject *r = threading == NULL ? NULL : PyObject_CallMethod(threading, "_shutdown", NULL);

    if (r == NULL)
        PyErr_WriteUnraisable(threading);
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
static int end(wsgi_interp *interp)
{
    wsgi_slot *slot = slot_find(self, interp), **at;
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
    wsgi_interpreter_end(slot->ts, slot_find(self, main_interp())->ts);
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
    wsgi_interp *i, *last = main_interp();
    wsgi_slot *slot;
    int left = 0;

    for (i = registry.interps; i != last; i = i->next)
        left += end(i) < 0;
    slot = slot_find(self, last);
    PyEval_RestoreThread(slot->ts);
    drop_others(last);
    wsgi_script_forget(last);
    wsgi_environ_forget(slot);
    Py_CLEAR(last->module);
    return left;
}

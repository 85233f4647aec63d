/* wsgi_host_hang.c - what a request that takes too long is doing, see wsgi_host.h.
 *
 * The watch asks and never waits: each question has a thread of its own, which
 * takes the GIL of the interpreter that the request runs in, has Python tell the
 * stack, and passes it on to the log of the request's virtual host. Where that
 * cannot be reached any more, or not at once, it goes to the log of the process.
 *
 * Is the GIL not to be had, then some thread keeps it in C code and no frame
 * moves: the frames are then read without it, as faulthandler does at a crash.
 * Without a GIL it is the same when a thread does not stop to be looked at: all
 * others wait until it does.
 */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_errors.h"
#include "wsgi_events.h"
#include "wsgi_interp.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUESTIONS     16          /* at a time */
#define LOOK_EVERY_US 100000
#define LOOKS         10          /* in vain, until frames are read without the GIL */
#define RAW_MAX       (32 * 1024)
#define RAW_WAIT_MS   300
#define RAW_SIGNAL    (SIGRTMAX - 2)

typedef struct {
    int used;                     /* under the mutex */
    uint32_t thread;
    uint64_t taken_us;
    enum wsgi_hang why;
    int locked;                   /* atomic: its thread has had what it takes to look */
    int looks;                    /* the watch's */
    uint64_t looked_us;
} question;

static struct {
    pthread_mutex_t mutex;
    question questions[QUESTIONS];
    int busy;                     /* under the mutex */
    /* CPython's own, exported by some builds. */
    void (*dump)(int fd, PyThreadState *ts);
    int raw;                      /* file for stacks read without the GIL, -1: none */
    const char *group;
} hang = {.mutex = PTHREAD_MUTEX_INITIALIZER, .raw = -1, .group = ""};

/* ---- words ----------------------------------------------------------------------- */

/* "GET '/path'": a query string may be nobody's business. */
static void name_request(const wsgi_request *r, char *out, size_t size)
{
    wsgi_str method = wsgi_request_value(r, "REQUEST_METHOD");
    wsgi_str url = wsgi_request_value(r, "REQUEST_URI");
    const char *query = url.len > 0 ? memchr(url.data, '?', url.len) : NULL;
    size_t n = query != NULL ? (size_t)(query - url.data) : url.len;

    snprintf(out, size, "%.*s '%.*s'", method.len > 32 ? 32 : (int)method.len, method.data,
             n > 512 ? 512 : (int)n, url.data);
}

static int wants_stack(const question *q)
{
    return q->why != WSGI_HANG_RAISE_TOLD;
}

/* What is said of one request: a headline, then the lines of its stack. */
typedef struct {
    char headline[900];
    const char *stack;            /* borrowed; lines */
    int level;
} report;

/* How the headline ends: what follows it. */
static const char *stack_word(const report *p, int locked)
{
    if (!locked)
        return "no thread could have Python's lock, its frames were read without it:";
    return p->stack != NULL ? "its Python stack:" : "it is in no Python code";
}

static void entitle(report *p, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void entitle(report *p, int level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(p->headline, sizeof p->headline, format, args);
    va_end(args);
    p->level = level;
}

/* LOCKED: Python could be asked. */
static void describe(report *p, const question *q, const wsgi_request *r, int locked)
{
    double age = (double)(int64_t)(wsgi_now_us() - q->taken_us) / 1e6;
    char name[600];

    name_request(r, name, sizeof name);
    if (q->why == WSGI_HANG_RAISE_TOLD)
        entitle(p, WSGI_LOG_INFO, "RequestTimeout: Injected into thread %u of daemon process '%s', which runs %s for "
                "%.1f s", q->thread, hang.group, name, age);
    else if (q->why == WSGI_HANG_RAISE)
        entitle(p, WSGI_LOG_WARNING, "WSGIM0536: RequestTimeout: Injected into thread %u of daemon process '%s', "
                "which runs %s for %.1f s; %s", q->thread, hang.group, name, age, stack_word(p, locked));
    else
        entitle(p, WSGI_LOG_WARNING, "WSGIM0535: daemon process '%s': thread %u runs %s for %.1f s, longer than %s "
                "allows; %s", hang.group, q->thread, name, age,
                q->why == WSGI_HANG_AHEAD ? "request-deadline" : "request-timeout", stack_word(p, locked));
}

/* Line after line of the stack, ready to be logged; 0 when there is no more. */
static int next_line(const char **at, uint32_t thread, char *out, size_t size)
{
    const char *end;
    size_t n;

    while (**at == '\n')
        (*at)++;
    if (**at == '\0')
        return 0;
    end = strchr(*at, '\n');
    n = end != NULL ? (size_t)(end - *at) : strlen(*at);
    snprintf(out, size, "thread %u: %.*s", thread, (int)n, *at);
    *at += n;
    return 1;
}

/* To the log of the request. Its thread is kept from ending it. 0 or an errno. */
static int tell(const wsgi_runner *w, const report *p, const question *q)
{
    char line[WSGI_STACK_LINE_MAX];
    const char *at = p->stack != NULL ? p->stack : "";
    int level = q->why == WSGI_HANG_AHEAD ? 0 : p->level, err = 0;

    if (w->peer->tell == NULL)
        return ENOSYS;
    if (level > 0)
        err = w->peer->tell(w->ctx, level, p->headline, strlen(p->headline));
    while (err == 0 && wants_stack(q) && next_line(&at, q->thread, line, sizeof line))
        err = w->peer->tell(w->ctx, level, line, strlen(line));
    return err;
}

/* The same to the log of the process. GIL not held. */
static void log_report(const report *p, const question *q)
{
    char line[WSGI_STACK_LINE_MAX];
    const char *at = p->stack != NULL ? p->stack : "";

    wsgi_host_log(p->level, "%s", p->headline);
    while (wants_stack(q) && next_line(&at, q->thread, line, sizeof line))
        wsgi_host_log(p->level, "%s", line);
}

/* ---- with the GIL ------------------------------------------------------------------ */

/* Does W still run, in INTERP, the request that is asked for? */
static int still_runs(const wsgi_runner *w, const wsgi_interp *interp, const question *q)
{
    return w->request != NULL && w->running == interp && w->request->taken_us == q->taken_us;
}

/* The frame that W runs: a new reference; NULL if it is in no Python code. */
static PyObject *frame_of(wsgi_runner *w, const wsgi_interp *interp, question *q)
{
    PyObject *frame = NULL;
    unsigned long ident;
    int runs;

    pthread_mutex_lock(&w->interrupting);
    ident = w->ident;
    if ((runs = still_runs(w, interp, q)) && !WSGI_FRAME_STOPS)
        frame = wsgi_thread_frame(w->state, ident);
    pthread_mutex_unlock(&w->interrupting);
    if (runs && WSGI_FRAME_STOPS) {
        /* W may want the mutex before it stops. */
        frame = wsgi_thread_frame(NULL, ident);
        pthread_mutex_lock(&w->interrupting);
        runs = still_runs(w, interp, q);
        pthread_mutex_unlock(&w->interrupting);
        if (!runs)                /* another request's */
            Py_CLEAR(frame);
    }
    __atomic_store_n(&q->locked, 1, __ATOMIC_RELAXED);
    return frame;
}

/* Where W is, as traceback.format_stack() says it: bytes, a new reference; NULL
 * if it is nowhere in Python. No exception is set on exit. */
static PyObject *stack_of(wsgi_runner *w, const wsgi_interp *interp, question *q)
{
    PyObject *frame = frame_of(w, interp, q), *traceback = NULL, *lines = NULL, *empty = NULL, *text = NULL;
    PyObject *bytes = NULL;

    if (frame != NULL && (traceback = PyImport_ImportModule("traceback")) != NULL
        && (lines = PyObject_CallMethod(traceback, "format_stack", "O", frame)) != NULL
        && (empty = PyUnicode_FromStringAndSize(NULL, 0)) != NULL
        && (text = PyUnicode_Join(empty, lines)) != NULL)
        bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(empty);
    Py_XDECREF(lines);
    Py_XDECREF(traceback);
    Py_XDECREF(frame);
    return bytes;
}

/* Raise RequestTimeout in W's thread, if it may be interrupted and was not yet.
 * GIL held, and what keeps W from ending its request. */
static int raise_timeout(wsgi_runner *w, const wsgi_interp *interp)
{
    if (w->interrupted || !__atomic_load_n(&w->interruptible, __ATOMIC_RELAXED))
        return 0;
    w->interrupted = PyThreadState_SetAsyncExc(w->ident, interp->state->request_timeout) > 0;
    return w->interrupted;
}

/* GIL held in INTERP. The stack comes first: where an exception finds the thread,
 * it is no longer afterwards. */
static void answer_held(question *q, wsgi_runner *w, wsgi_interp *interp)
{
    int raises = q->why == WSGI_HANG_RAISE || q->why == WSGI_HANG_RAISE_TOLD, lost = 0;
    PyObject *stack = wants_stack(q) ? stack_of(w, interp, q) : NULL;
    report p = {.stack = stack != NULL ? PyBytes_AS_STRING(stack) : NULL};
    PyThreadState *ts;

    pthread_mutex_lock(&w->interrupting);
    if (still_runs(w, interp, q) && (!raises || raise_timeout(w, interp))) {
        describe(&p, q, w->request, 1);
        lost = tell(w, &p, q) != 0;
    }
    pthread_mutex_unlock(&w->interrupting);
    ts = PyEval_SaveThread();
    if (lost)
        log_report(&p, q);
    PyEval_RestoreThread(ts);
    Py_XDECREF(stack);
}

static void *answer(void *arg)
{
    question *q = arg;
    wsgi_interp *interp = NULL;
    wsgi_runner *self = wsgi_runner_self(), *w = wsgi_runner_pin(q->thread, &interp);
    wsgi_slot *slot = self != NULL && w != NULL ? wsgi_interp_slot(self, interp) : NULL;

    if (slot != NULL) {
        PyEval_RestoreThread(slot->ts);
        if (!wants_stack(q))
            __atomic_store_n(&q->locked, 1, __ATOMIC_RELAXED);
        answer_held(q, w, interp);
        PyEval_SaveThread();
    }
    if (w != NULL)
        wsgi_runner_unpin(w);
    wsgi_runner_end();
    pthread_mutex_lock(&hang.mutex);
    q->used = 0;
    hang.busy--;
    pthread_mutex_unlock(&hang.mutex);
    wsgi_watch_tell(WSGI_NEWS_LOOK);
    return NULL;
}

/* Say which thread it is, though nothing is known of its stack yet. */
static void announce(const question *q)
{
    wsgi_interp *interp = NULL;
    wsgi_runner *w = wsgi_runner_pin(q->thread, &interp);

    if (w == NULL)
        return;
    pthread_mutex_lock(&w->interrupting);
    if (still_runs(w, interp, q) && w->peer->tell != NULL)
        w->peer->tell(w->ctx, 0, "", 0);
    pthread_mutex_unlock(&w->interrupting);
    wsgi_runner_unpin(w);
}

void wsgi_hang_ask(uint32_t thread, uint64_t taken_us, enum wsgi_hang why)
{
    question *q = NULL;
    pthread_attr_t attr;
    pthread_t helper;
    int i;

    pthread_mutex_lock(&hang.mutex);
    for (i = 0; i < QUESTIONS && q == NULL; i++)
        if (!hang.questions[i].used)
            q = &hang.questions[i];
    if (q != NULL) {
        *q = (question){.used = 1, .thread = thread, .taken_us = taken_us, .why = why,
                        .looked_us = wsgi_steady_us()};
        hang.busy++;
    }
    pthread_mutex_unlock(&hang.mutex);
    if (q == NULL)
        return;                   /* so many hang that one more tells nothing new */
    if (why == WSGI_HANG_AHEAD)
        announce(q);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&helper, &attr, answer, q) != 0) {
        pthread_mutex_lock(&hang.mutex);
        q->used = 0;
        hang.busy--;
        pthread_mutex_unlock(&hang.mutex);
    }
    pthread_attr_destroy(&attr);
}

int wsgi_hang_busy(void)
{
    int busy;

    pthread_mutex_lock(&hang.mutex);
    busy = hang.busy;
    pthread_mutex_unlock(&hang.mutex);
    return busy;
}

/* ---- without it ---------------------------------------------------------------------- */

static size_t raw_size(void)
{
    off_t n = lseek(hang.raw, 0, SEEK_END);

    return n > 0 ? (size_t)n : 0;
}

/* The frames of W's thread as C code finds them; malloc, or NULL. W is pinned. */
static char *raw_stack(wsgi_runner *w, const wsgi_interp *interp, const question *q)
{
    struct timespec moment = {0, 5000000};
    char *text;
    ssize_t n;
    int i;

    if (hang.raw < 0 || ftruncate(hang.raw, 0) != 0 || lseek(hang.raw, 0, SEEK_SET) < 0)
        return NULL;
    if (hang.dump != NULL) {
        pthread_mutex_lock(&w->interrupting);
        if (still_runs(w, interp, q))
            hang.dump(hang.raw, w->state);
        pthread_mutex_unlock(&w->interrupting);
    }
    else if (pthread_kill((pthread_t)w->ident, RAW_SIGNAL) == 0)
        for (i = 0; i < RAW_WAIT_MS / 5 && raw_size() == 0; i++)
            nanosleep(&moment, NULL);
    text = malloc(RAW_MAX + 1);
    if (text == NULL)
        return NULL;
    n = pread(hang.raw, text, RAW_MAX, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void answer_raw(const question *q)
{
    wsgi_interp *interp = NULL;
    wsgi_runner *w = wsgi_runner_pin(q->thread, &interp);
    question late = *q;
    report p = {0};
    int known, lost = 1;
    char *stack = NULL;

    if (w == NULL)
        return;
    if (late.why != WSGI_HANG_AHEAD)
        late.why = WSGI_HANG_TIMEOUT;         /* nothing was raised */
    pthread_mutex_lock(&w->interrupting);
    known = still_runs(w, interp, q);
    if (known)
        describe(&p, &late, w->request, 0);
    pthread_mutex_unlock(&w->interrupting);
    if (known)
        p.stack = stack = raw_stack(w, interp, q);
    pthread_mutex_lock(&w->interrupting);
    if (known && still_runs(w, interp, q))    /* the signal may have ended what it waited for */
        lost = late.why == WSGI_HANG_AHEAD || tell(w, &p, &late) != 0;
    pthread_mutex_unlock(&w->interrupting);
    wsgi_runner_unpin(w);
    if (known && lost)
        log_report(&p, &late);
    free(stack);
}

void wsgi_hang_look(void)
{
    uint64_t now = wsgi_steady_us();
    int i;

    for (i = 0; i < QUESTIONS; i++) {
        question *q = &hang.questions[i];
        question copy = {0};

        pthread_mutex_lock(&hang.mutex);
        if (q->used && q->looks < LOOKS && now - q->looked_us >= LOOK_EVERY_US
            && !__atomic_load_n(&q->locked, __ATOMIC_RELAXED)) {
            /* Counted and not only timed: a process that was stopped for a while
             * is not one whose frames stand still. */
            q->looked_us = now;
            if (++q->looks == LOOKS)
                copy = *q;
        }
        pthread_mutex_unlock(&hang.mutex);
        if (copy.used)
            answer_raw(&copy);
    }
}

/* Have the frames of a thread written down when it is sent RAW_SIGNAL. GIL held. */
static void register_signal(void)
{
    PyObject *faulthandler = PyImport_ImportModule("faulthandler"), *r = NULL;

    if (faulthandler != NULL)
        r = PyObject_CallMethod(faulthandler, "register", "iiii", RAW_SIGNAL, hang.raw, 0, 0);
    PyErr_Clear();
    Py_XDECREF(r);
    Py_XDECREF(faulthandler);
}

void wsgi_hang_start(const wsgi_host *h)
{
    const wsgi_options *o = &h->config.options;
    wsgi_runner *w = wsgi_runner_self();
    wsgi_interp *interp = wsgi_interp_get("", 0);
    wsgi_slot *slot = w != NULL && interp != NULL ? wsgi_interp_slot(w, interp) : NULL;

    hang.group = h->group;
    if (slot == NULL || (wsgi_options_seconds(o->request_deadline) == 0
                         && wsgi_options_seconds(o->request_timeout) == 0))
        return;
    hang.raw = memfd_create("mod_wsgi-stack", MFD_CLOEXEC);
    hang.dump = (void (*)(int, PyThreadState *))(uintptr_t)dlsym(RTLD_DEFAULT, "_Py_DumpTraceback");
    if (hang.raw < 0 || hang.dump != NULL)
        return;
    wsgi_interp_enter(slot);
    register_signal();
    wsgi_interp_leave(slot);
}

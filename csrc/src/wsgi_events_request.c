/* wsgi_events_request.c - what is told of a request, and the request as
 * applications see it: request_data and active_requests. See wsgi_events.h. */

#include "wsgi_events_inner.h"
#include "wsgi_errors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

wsgi_str wsgi_request_value(const wsgi_request *r, const char *name)
{
    wsgi_cur cur = wsgi_cur_of(r->head.pairs, r->head.pairs_len);
    wsgi_str found = {"", 0};
    size_t len = strlen(name);
    uint32_t i;

    for (i = 0; i < r->head.npairs; i++) {
        wsgi_pair pair = wsgi_cur_pair(&cur);

        if (cur.bad)
            break;
        if (pair.name.len == len && memcmp(pair.name.data, name, len) == 0)
            found = pair.value;   /* a later one wins, as in the environ */
    }
    return found;
}

/* ---- the request of a thread ------------------------------------------------------ */

/* The dict of W's request, borrowed; made now if it has none. */
static PyObject *data_of(wsgi_runner *w)
{
    PyObject *data = __atomic_load_n(&w->data, __ATOMIC_ACQUIRE), *made;

    if (data != NULL)
        return data;
    made = PyDict_New();
    pthread_mutex_lock(&w->interrupting);
    data = w->data != NULL ? w->data : made;
    if (data == made) {
        Py_XINCREF(made);
        __atomic_store_n(&w->data, made, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&w->interrupting);
    Py_XDECREF(made);
    return data;
}

PyObject *wsgi_events_data(void)
{
    wsgi_runner *w = wsgi_runner_known();
    PyObject *data;

    if (w == NULL || w->request == NULL || wsgi_adapter_forked()) {
        PyErr_SetString(PyExc_RuntimeError, "this thread does not run a request");
        return NULL;
    }
    data = data_of(w);
    return data == NULL ? NULL : Py_NewRef(data);
}

/* The id of R, which W runs, as text; borrowed. */
static PyObject *id_of(wsgi_runner *w, const wsgi_request *r)
{
    wsgi_str id;

    if (w->id == NULL && r != NULL) {
        id = wsgi_request_value(r, "mod_wsgi.request_id");
        w->id = PyUnicode_DecodeLatin1(id.data, (Py_ssize_t)id.len, NULL);
    }
    return w->id;
}

void wsgi_events_over(wsgi_state *st, wsgi_runner *w, const wsgi_request *r)
{
    PyObject *data, *id;

    if (w->data == NULL && w->id == NULL)
        return;
    id = id_of(w, r);
    if ((wsgi_events_wanted(st) & WSGI_WANT_ACTIVE)
        && (id == NULL || PyDict_DelItem(st->active_requests, id) < 0))
        PyErr_Clear();            /* the application has taken it out */
    pthread_mutex_lock(&w->interrupting);
    data = w->data;
    w->data = NULL;
    pthread_mutex_unlock(&w->interrupting);
    Py_CLEAR(w->id);
    Py_XDECREF(data);
}

/* One of the requests that run while active_requests is made. */
typedef struct { char id[64]; PyObject *data; } running;

/* Requests under way in INTERP, at most N of them: each with its dict, a new
 * reference, for which MADE has one as a stand-by. */
static int collect(wsgi_interp *interp, running *list, int n, PyObject **made)
{
    wsgi_runner *w;
    int found = 0;

    /* Its holders never wait for the GIL, so this may be asked for with it. */
    while (pthread_mutex_trylock(&wsgi_interps.lock) != 0) {
        Py_BEGIN_ALLOW_THREADS
        usleep(100);
        Py_END_ALLOW_THREADS
    }
    for (w = wsgi_interps.runners; w != NULL && found < n; w = w->next) {
        pthread_mutex_lock(&w->interrupting);
        if (w->request != NULL && w->running == interp) {
            wsgi_str id = wsgi_request_value(w->request, "mod_wsgi.request_id");

            if (w->data == NULL)
                __atomic_store_n(&w->data, Py_NewRef(made[found]), __ATOMIC_RELEASE);
            list[found].data = Py_NewRef(w->data);
            snprintf(list[found++].id, sizeof list[0].id, "%.*s", (int)id.len, id.data);
        }
        pthread_mutex_unlock(&w->interrupting);
    }
    pthread_mutex_unlock(&wsgi_interps.lock);
    return found;
}

/* Enter the requests that run already. 0 or -1. */
static int fill(wsgi_interp *interp, PyObject *active)
{
    enum { MOST = 1024 };
    running *list = calloc(MOST, sizeof *list);
    PyObject **made = calloc(MOST, sizeof *made);
    int n = 0, i, rv = -1;

    if (list == NULL || made == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (i = 0; i < MOST; i++)
        if ((made[i] = PyDict_New()) == NULL)
            goto done;
    n = collect(interp, list, MOST, made);
    for (i = rv = 0; i < n; i++)
        if (rv == 0)
            rv = PyDict_SetItemString(active, list[i].id, list[i].data);
done:
    for (i = 0; i < n; i++)
        Py_XDECREF(list[i].data);
    for (i = 0; made != NULL && i < MOST; i++)
        Py_XDECREF(made[i]);
    free(made);
    free(list);
    return rv;
}

PyObject *wsgi_events_active(PyObject *module)
{
    wsgi_state *st = wsgi_pymod_state(module);
    PyInterpreterState *is = PyThreadState_Get()->interp;
    PyObject *made, *none = NULL;
    wsgi_interp *i;

    if (__atomic_load_n(&st->active_requests, __ATOMIC_ACQUIRE) == NULL) {
        if ((made = PyDict_New()) == NULL)
            return NULL;
        /* Threads without a GIL may ask for it at once; whoever sees the flag sees the dict. */
        if (!__atomic_compare_exchange_n(&st->active_requests, &none, made, 0, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
            Py_DECREF(made);
            return Py_NewRef(none);
        }
        __atomic_or_fetch(&st->subscribed, WSGI_WANT_ACTIVE, __ATOMIC_RELEASE);
        for (i = wsgi_interp_first(); i != NULL && i->is != is; i = i->next)
            ;
        if (i != NULL && fill(i, st->active_requests) < 0)
            return NULL;
        if (PyModule_AddObjectRef(module, "active_requests", st->active_requests) < 0)
            return NULL;
    }
    return Py_NewRef(st->active_requests);
}

/* ---- payloads ----------------------------------------------------------------------- */

/* What events tell: keys. An event is a struct with a value of each, strong, behind its
 * name, as PyObject_Vectorcall takes them; what is before that is the callee's to
 * write. All are pointers, so a struct is an array of them as well. */
#define WHICH_KEYS(X) X(request_id) X(request_data)
#define WHEN_KEYS(X) \
    X(thread_id) X(server_pid) X(request_start) X(queue_start) X(daemon_start) X(application_start)
#define STARTED_KEYS(X) \
    X(application_object) X(callable_object) X(request_environ) X(daemon_connects) X(daemon_restarts)
#define DAEMON_ONLY 2             /* of those, the last */
#define RESPONSE_KEYS(X) X(response_status) X(response_headers) X(exception_info)
#define EXCEPTION_KEYS(X) X(exception_info)
#define FINISHED_KEYS(X) \
    X(application_finish) X(application_time) X(status) X(input_reads) X(input_length) X(input_time) \
    X(output_writes) X(output_length) X(output_time) X(cpu_user_time) X(cpu_system_time) X(cpu_time) \
    X(gil_wait_time) X(gil_wait_count)

#define MEMBER(key) PyObject *key;
typedef struct { PyObject *before, *name; WHICH_KEYS(MEMBER) } which;
typedef struct { WHEN_KEYS(MEMBER) } when;
typedef struct { which of; when at; STARTED_KEYS(MEMBER) } started;
typedef struct { which of; RESPONSE_KEYS(MEMBER) } response;
typedef struct { which of; EXCEPTION_KEYS(MEMBER) } exception;
typedef struct { which of; when at; FINISHED_KEYS(MEMBER) } finished;
#undef MEMBER

#define TEXT(key) #key,
static const char *const started_keys[] = {WHICH_KEYS(TEXT) WHEN_KEYS(TEXT) STARTED_KEYS(TEXT)};
static const char *const response_keys[] = {WHICH_KEYS(TEXT) RESPONSE_KEYS(TEXT)};
static const char *const exception_keys[] = {WHICH_KEYS(TEXT) EXCEPTION_KEYS(TEXT)};
static const char *const finished_keys[] = {WHICH_KEYS(TEXT) WHEN_KEYS(TEXT) FINISHED_KEYS(TEXT)};
#undef TEXT

static PyObject *seconds(uint64_t us)
{
    return PyFloat_FromDouble((double)us / 1e6);
}

static PyObject *of_ns(uint64_t ns)
{
    return PyFloat_FromDouble((double)ns / 1e9);
}

static PyObject *number(uint64_t n)
{
    return PyLong_FromUnsignedLongLong(n);
}

/* New reference, or NULL with an exception. */
static PyObject *interned(const char *const *texts, size_t n)
{
    PyObject *all = PyTuple_New((Py_ssize_t)n), *one;
    size_t i;

    for (i = 0; all != NULL && i < n; i++) {
        if ((one = PyUnicode_InternFromString(texts[i])) == NULL)
            Py_CLEAR(all);
        else
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, one);
    }
    return all;
}

static int in_daemon(void)
{
    return wsgi_python_settings()->process_group[0] != '\0';
}

int wsgi_events_names(wsgi_state *st)
{
    size_t fewer = in_daemon() ? 0 : DAEMON_ONLY;

#define EVENT(event, keys, fewer) \
    if ((st->n_##event = PyUnicode_InternFromString(#event)) == NULL \
        || (st->e_##event = interned(keys, sizeof keys / sizeof *keys - (fewer))) == NULL) \
        return -1;
    EVENT(request_started, started_keys, fewer)
    EVENT(response_started, response_keys, 0)
    EVENT(request_exception, exception_keys, 0)
    EVENT(request_finished, finished_keys, 0)
#undef EVENT
    return (st->server_pid = number((uint64_t)getpid())) == NULL ? -1 : 0;
}

static void put_which(which *of, wsgi_runner *w)
{
    of->request_id = Py_XNewRef(id_of(w, w->request));
    of->request_data = Py_XNewRef(data_of(w));
}

/* Which thread of which process, and what is known of when. */
static void put_when(wsgi_state *st, when *at, const wsgi_runner *w)
{
    const wsgi_measure *m = &w->measure;

    at->thread_id = number(w->thread);
    at->server_pid = Py_NewRef(st->server_pid);
    at->request_start = seconds(m->received_us);
    at->queue_start = seconds(m->queued_us);
    at->daemon_start = seconds(m->taken_us);
    at->application_start = seconds(m->started_us);
}

/* Tell the event OF, which begins one of the structs above and gives up its values, to
 * all; those that KEYS does not name must not be there. A value that is NULL was not
 * made, and an exception is set. 0, or -1 with one; what subscribers made of it is
 * in OUT, whose payload is the caller's. */
static int tell(wsgi_state *st, which *of, PyObject *name, PyObject *keys, wsgi_event *out)
{
    PyObject **args = &of->name;
    Py_ssize_t n = PyTuple_GET_SIZE(keys), i;
    int rv = 0;

    of->name = name;
    *out = (wsgi_event){.name = name, .keys = keys, .args = args};
    for (i = 1; rv == 0 && i <= n; i++)
        rv = args[i] == NULL ? -1 : 0;
    if (rv == 0)
        rv = wsgi_events_publish(st, st->event_callbacks, out);
    for (i = 1; i <= n; i++)
        Py_XDECREF(args[i]);
    return rv;
}

static int tell_started(wsgi_adapter *a, PyObject *environ, PyObject **app)
{
    const wsgi_str *name = &a->request->head.callable_object;
    wsgi_state *st = a->state;
    PyObject *other = NULL;
    started e = {.application_object = Py_NewRef(*app), .request_environ = Py_NewRef(environ)};
    wsgi_event out;
    int rv;

    put_which(&e.of, a->runner);
    put_when(st, &e.at, a->runner);
    e.callable_object = PyUnicode_DecodeLatin1(name->data, (Py_ssize_t)name->len, NULL);
    if (in_daemon()) {
        e.daemon_connects = PyLong_FromLong(a->request->resent + 1);
        e.daemon_restarts = PyLong_FromLong(a->request->refused);
    }
    rv = tell(st, &e.of, st->n_request_started, st->e_request_started, &out);
    if (rv == 0 && out.payload != NULL)
        other = PyDict_GetItemString(out.payload, "application_object");
    if (other != NULL && other != *app) {
        Py_DECREF(*app);
        *app = Py_NewRef(other);
    }
    Py_XDECREF(out.payload);
    return rv;
}

/* The id of A's request, out of ENVIRON while nobody else has that: it is found there at
 * once. */
static void note_id(wsgi_adapter *a, PyObject *environ)
{
    PyObject *id = PyDict_GetItemWithError(environ, a->state->k_request_id);

    if (id != NULL && a->runner->id == NULL)
        a->runner->id = Py_NewRef(id);
}

int wsgi_events_started(wsgi_adapter *a, PyObject *environ, PyObject **app)
{
    wsgi_state *st = a->state;
    int what = wsgi_events_wanted(st);
    PyObject *id, *data;

    if (what & (WSGI_WANT_ACTIVE | WSGI_WANT_EVENTS))
        note_id(a, environ);
    if (what & WSGI_WANT_ACTIVE) {
        id = id_of(a->runner, a->request);
        data = data_of(a->runner);
        if (id == NULL || data == NULL || PyDict_SetItem(st->active_requests, id, data) < 0)
            return -1;
    }
    return what & WSGI_WANT_EVENTS ? tell_started(a, environ, app) : 0;
}

int wsgi_events_response(wsgi_adapter *a, PyObject *status, PyObject *headers, PyObject *info)
{
    wsgi_state *st = a->state;
    response e;
    wsgi_event out;
    int rv;

    if (a->runner == NULL)        /* by a thread that outlives the request */
        return 0;
    put_which(&e.of, a->runner);
    e.response_status = Py_NewRef(status);
    e.response_headers = Py_NewRef(headers);
    e.exception_info = Py_NewRef(info);
    rv = tell(st, &e.of, st->n_response_started, st->e_response_started, &out);
    Py_XDECREF(out.payload);
    return rv;
}

void wsgi_events_exception(wsgi_state *st, wsgi_runner *w)
{
    PyObject *exc = PyErr_GetRaisedException(), *trace = PyException_GetTraceback(exc);
    exception e;
    wsgi_event out;

    put_which(&e.of, w);
    e.exception_info = PyTuple_Pack(3, (PyObject *)Py_TYPE(exc), exc, trace != NULL ? trace : Py_None);
    tell(st, &e.of, st->n_request_exception, st->e_request_exception, &out);
    PyErr_Clear();
    Py_XDECREF(out.payload);
    Py_XDECREF(trace);
    PyErr_SetRaisedException(exc);
}

static void put_costs(finished *e, const wsgi_measure *m)
{
    e->application_finish = seconds(m->finished_us);
    e->application_time = seconds(wsgi_phase_us(m, WSGI_PHASE_APPLICATION));
    e->input_reads = number(m->input_reads);
    e->input_length = number(m->input_bytes);
    e->input_time = of_ns(m->input_ns);
    e->output_writes = number(m->output_writes);
    e->output_length = number(m->output_bytes);
    e->output_time = of_ns(m->output_ns);
    e->cpu_user_time = seconds(m->cpu_user_us);
    e->cpu_system_time = seconds(m->cpu_system_us);
    e->cpu_time = seconds(m->cpu_user_us + m->cpu_system_us);
    e->gil_wait_time = of_ns(m->gil_ns);
    e->gil_wait_count = number(m->gil_waits);
}

void wsgi_events_finished(wsgi_state *st, wsgi_runner *w, int status)
{
    finished e;
    wsgi_event out;

    put_which(&e.of, w);
    put_when(st, &e.at, w);
    put_costs(&e, &w->measure);
    e.status = PyLong_FromLong(status);
    if (tell(st, &e.of, st->n_request_finished, st->e_request_finished, &out) < 0)
        PyErr_Clear();
    Py_XDECREF(out.payload);
}

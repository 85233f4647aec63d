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
    wsgi_interp *i;

    if (st->active_requests == NULL) {
        st->active_requests = PyDict_New();
        if (st->active_requests == NULL)
            return NULL;
        __atomic_or_fetch(&st->subscribed, WSGI_WANT_ACTIVE, __ATOMIC_RELAXED);
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

#define PUT(key, value) (wsgi_events_put(d, st->e_##key, (value)) < 0)

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

/* A payload with the id and the dict of W's request; NULL with an exception. */
static PyObject *payload_of(wsgi_state *st, wsgi_runner *w)
{
    PyObject *id = id_of(w, w->request), *data = data_of(w), *d = PyDict_New();

    if (d == NULL || id == NULL || data == NULL || PyDict_SetItem(d, st->e_request_id, id) < 0
        || PyDict_SetItem(d, st->e_request_data, data) < 0)
        Py_CLEAR(d);
    return d;
}

/* Which thread of which process, and what is known of when. 0 or -1. */
static int put_times(wsgi_state *st, PyObject *d, const wsgi_runner *w)
{
    const wsgi_measure *m = &w->measure;

    return PUT(thread_id, number(w->thread)) || PUT(server_pid, number((uint64_t)getpid()))
           || PUT(request_start, seconds(m->received_us)) || PUT(queue_start, seconds(m->queued_us))
           || PUT(daemon_start, seconds(m->taken_us))
           || PUT(application_start, seconds(m->started_us)) ? -1 : 0;
}

static PyObject *latin1(const wsgi_str *s)
{
    return PyUnicode_DecodeLatin1(s->data, (Py_ssize_t)s->len, NULL);
}

static int publish_started(wsgi_adapter *a, PyObject *environ, PyObject **app)
{
    wsgi_state *st = a->state;
    PyObject *d = payload_of(st, a->runner), *replaced;
    int rv = -1;

    if (d == NULL || put_times(st, d, a->runner) < 0
        || PUT(application_object, Py_NewRef(*app))
        || PUT(callable_object, latin1(&a->request->head.callable_object))
        || PUT(request_environ, Py_NewRef(environ)))
        goto done;
    /* There is one queue, and a process that refuses a request has not begun it. */
    if (a->request->taken_us != 0
        && (PUT(daemon_connects, PyLong_FromLong(1)) || PUT(daemon_restarts, PyLong_FromLong(0))))
        goto done;
    rv = wsgi_events_publish(st, st->event_callbacks, "request_started", d);
    if (rv == 0 && (replaced = PyDict_GetItemWithError(d, st->e_application_object)) != NULL
        && replaced != *app) {
        Py_DECREF(*app);
        *app = Py_NewRef(replaced);
    }
done:
    Py_XDECREF(d);
    return rv;
}

int wsgi_events_started(wsgi_adapter *a, PyObject *environ, PyObject **app)
{
    wsgi_state *st = a->state;
    int what = wsgi_events_wanted(st);
    PyObject *id, *data;

    if (what & WSGI_WANT_ACTIVE) {
        id = id_of(a->runner, a->request);
        data = data_of(a->runner);
        if (id == NULL || data == NULL || PyDict_SetItem(st->active_requests, id, data) < 0)
            return -1;
    }
    return what & WSGI_WANT_EVENTS ? publish_started(a, environ, app) : 0;
}

int wsgi_events_response(wsgi_adapter *a, PyObject *status, PyObject *headers, PyObject *info)
{
    wsgi_state *st = a->state;
    wsgi_runner *w = a->runner;
    PyObject *d = w == NULL ? NULL : payload_of(st, w);
    int rv = -1;

    if (w == NULL)                /* by a thread that outlives the request */
        return 0;
    if (d != NULL && !PUT(response_status, Py_NewRef(status))
        && !PUT(response_headers, Py_NewRef(headers)) && !PUT(exception_info, Py_NewRef(info)))
        rv = wsgi_events_publish(st, st->event_callbacks, "response_started", d);
    Py_XDECREF(d);
    return rv;
}

void wsgi_events_exception(wsgi_state *st, wsgi_runner *w)
{
    PyObject *exc = PyErr_GetRaisedException(), *trace = PyException_GetTraceback(exc);
    PyObject *d = payload_of(st, w);

    if (d != NULL && !PUT(exception_info, PyTuple_Pack(3, (PyObject *)Py_TYPE(exc), exc,
                                                       trace != NULL ? trace : Py_None)))
        wsgi_events_publish(st, st->event_callbacks, "request_exception", d);
    PyErr_Clear();
    Py_XDECREF(d);
    Py_XDECREF(trace);
    PyErr_SetRaisedException(exc);
}

static int put_costs(wsgi_state *st, PyObject *d, const wsgi_measure *m)
{
    uint64_t took = wsgi_phase_us(m, WSGI_PHASE_APPLICATION);

    return PUT(application_finish, seconds(m->finished_us)) || PUT(application_time, seconds(took))
           || PUT(input_reads, number(m->input_reads)) || PUT(input_length, number(m->input_bytes))
           || PUT(input_time, of_ns(m->input_ns)) || PUT(output_writes, number(m->output_writes))
           || PUT(output_length, number(m->output_bytes)) || PUT(output_time, of_ns(m->output_ns))
           || PUT(cpu_user_time, seconds(m->cpu_user_us))
           || PUT(cpu_system_time, seconds(m->cpu_system_us))
           || PUT(cpu_time, seconds(m->cpu_user_us + m->cpu_system_us))
           || PUT(gil_wait_time, of_ns(m->gil_ns)) || PUT(gil_wait_count, number(m->gil_waits)) ? -1 : 0;
}

void wsgi_events_finished(wsgi_state *st, wsgi_runner *w, int status)
{
    PyObject *d = payload_of(st, w);

    if (d == NULL || put_times(st, d, w) < 0 || put_costs(st, d, &w->measure) < 0
        || PUT(status, PyLong_FromLong(status))
        || wsgi_events_publish(st, st->event_callbacks, "request_finished", d) < 0)
        PyErr_Clear();
    Py_XDECREF(d);
}

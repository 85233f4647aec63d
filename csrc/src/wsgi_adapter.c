/* wsgi_adapter.c - one WSGI call, see wsgi_adapter.h.
 *
 * Most answers are a short list of bytes. Those are copied while the GIL is
 * held, everything of Python's is let go, and head, body and end leave together
 * when the GIL has been given up: it is taken once. Any other answer is passed
 * on as it comes, each block before the next is asked for.
 */

#include "wsgi_python.h"
#include "wsgi_adapter.h"
#include "wsgi_calls.h"
#include "wsgi_environ_py.h"
#include "wsgi_errors.h"
#include "wsgi_events.h"
#include "wsgi_filewrap.h"
#include "wsgi_input.h"
#include "wsgi_script.h"
#include "wsgi_start.h"
#include "wsgi_telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COPY_MAX 32768            /* a body this short is copied */

/* An answer that needs no Python any more; head and body are in the runner's
 * buffers. */
typedef struct {
    int ready, status, bodiless;
    uint32_t reason_len, nheaders;
    int64_t declared, length;
} answer;

typedef struct {
    const wsgi_request *r;
    const wsgi_peer *peer;
    void *ctx;
    wsgi_runner *runner;
    wsgi_slot *slot;
    wsgi_script *script;
    wsgi_adapter *adapter;        /* strong while the call runs */
    PyObject *capsule;            /* of the request_rec; strong, or NULL */
    answer answer;
    int status;                   /* of the response; 0: none was started */
} call;

/* ---- errors ---------------------------------------------------------------------- */

/* The exception that is set ends the request. */
static enum wsgi_end failed(call *c)
{
    const wsgi_adapter *a = c->adapter;
    char line[1024];

    if (a != NULL && (a->write_error != 0 || a->read_error != 0)
        && PyErr_ExceptionMatches(PyExc_OSError)) {
        PyErr_Clear();
        return WSGI_END_CANCELLED;
    }
    if (a != NULL && (wsgi_events_wanted(a->state) & WSGI_WANT_EVENTS))
        wsgi_events_exception(a->state, c->runner);
    if (PyErr_ExceptionMatches(c->slot->interp->state->request_timeout)) {
        PyErr_Clear();
        wsgi_log_held(WSGI_LOG_ERROR, "WSGIM0518: RequestTimeout ended the request while processing "
                      "WSGI script '%s'", wsgi_script_path(c->script));
        return WSGI_END_TIMEOUT;
    }
    if (PyErr_ExceptionMatches(PyExc_SystemExit))
        snprintf(line, sizeof line, "WSGIM0611: SystemExit ignored while processing WSGI script "
                 "'%s'", wsgi_script_path(c->script));
    else
        snprintf(line, sizeof line, "WSGIM0610: exception while processing WSGI script '%s'",
                 wsgi_script_path(c->script));
    wsgi_log_raised(line);
    return WSGI_END_APP_ERROR;
}

/* A body ended after SENT bytes where DECLARED were announced. GIL not held. */
static enum wsgi_end body_ended(const call *c, int64_t declared, int64_t sent, int64_t dropped)
{
    if (dropped > 0)
        wsgi_log(WSGI_LOG_TRACE1, "response of WSGI script '%s' is longer than its "
                 "Content-Length of %lld: %lld bytes dropped", wsgi_script_path(c->script),
                 (long long)declared, (long long)dropped);
    if (declared < 0 || sent >= declared)
        return WSGI_END_OK;
    wsgi_log(WSGI_LOG_ERROR, "WSGIM0612: response of WSGI script '%s' is shorter than its "
             "Content-Length: %lld of %lld bytes", wsgi_script_path(c->script), (long long)sent,
             (long long)declared);
    return WSGI_END_SHORT_BODY;
}

static int not_started(void)
{
    PyErr_SetString(PyExc_RuntimeError, "start_response was not called");
    return -1;
}

/* The status that the SystemExit which is set asks for. It is cleared. */
static int exit_status(void)
{
    PyObject *raised = PyErr_GetRaisedException();
    PyObject *code = PyObject_GetAttrString(raised, "code");
    int status = 1;

    if (code == Py_None)
        status = 0;
    else if (code != NULL && PyLong_Check(code))
        status = (int)PyLong_AsLong(code);
    PyErr_Clear();
    Py_XDECREF(code);
    Py_DECREF(raised);
    return status;
}

/* In a process that the application forked, and that came back here as if it
 * were the one that serves: end it, with the status it asked for by SystemExit.
 * An exception may be set. GIL held. */
static void end_if_forked(call *c)
{
    char line[1024];
    int status = 0;

    if (!wsgi_adapter_forked())
        return;
    snprintf(line, sizeof line, "WSGIM0615: a process that WSGI script '%s' forked came back from "
             "the request and is ended", wsgi_script_path(c->script));
    if (PyErr_Occurred() == NULL)
        wsgi_log(WSGI_LOG_ERROR, "%s", line);
    else if (PyErr_ExceptionMatches(PyExc_SystemExit))
        status = exit_status();
    else {
        status = 1;
        wsgi_log_raised(line);
    }
    wsgi_log_flush(c->runner);
    _exit(status);
}

/* ---- the result ------------------------------------------------------------------- */

static PyObject *item_of(PyObject *sequence, Py_ssize_t i)
{
    return PyList_CheckExact(sequence) ? PyList_GetItemRef(sequence, i)
                                       : Py_NewRef(PyTuple_GET_ITEM(sequence, i));
}

static Py_ssize_t size_of(PyObject *sequence)
{
    return PyList_CheckExact(sequence) ? PyList_GET_SIZE(sequence) : PyTuple_GET_SIZE(sequence);
}

/* All of SEQUENCE is bytes: their sum; else -1. The first COPY_MAX go into the
 * runner's body buffer. */
static int64_t measure(call *c, PyObject *sequence)
{
    wsgi_buf *body = &c->runner->body;
    int64_t total = 0;
    Py_ssize_t i;

    wsgi_buf_reset(body);
    for (i = 0; i < size_of(sequence); i++) {
        PyObject *item = item_of(sequence, i);
        int ok = item != NULL && PyBytes_CheckExact(item);

        if (ok) {
            total += PyBytes_GET_SIZE(item);
            if (total <= COPY_MAX)
                wsgi_buf_bytes(body, PyBytes_AS_STRING(item), (size_t)PyBytes_GET_SIZE(item));
        }
        Py_XDECREF(item);
        if (!ok) {
            PyErr_Clear();
            return -1;
        }
    }
    return total;
}

/* Keep what the answer needs from the adapter, and end that: head and body are
 * the runner's from here on, whatever other threads of the application still
 * want to say. 1, or -1 with an exception. */
static int defer(call *c)
{
    wsgi_adapter *a = c->adapter;

    if (wsgi_adapter_lock(a) < 0)
        return -1;
    c->answer = (answer){.ready = 1, .status = a->status, .bodiless = wsgi_adapter_bodiless(a),
                         .reason_len = a->reason_len, .nheaders = a->nheaders,
                         .declared = a->content_length};
    c->answer.length = (int64_t)c->runner->body.len;
    wsgi_adapter_end_locked(a);
    wsgi_adapter_unlock(a);
    return 1;
}

/* A list or tuple. 1 if it was dealt with, 0 if it must be iterated, -1 with an
 * exception. */
static int send_sequence(call *c, PyObject *sequence)
{
    wsgi_adapter *a = c->adapter;
    int64_t total = measure(c, sequence);
    Py_ssize_t i;
    int rv = 0;

    if (total < 0)
        return 0;
    if (!a->started)
        return not_started();
    if (total <= COPY_MAX && !a->head_sent && !c->runner->body.failed)
        return defer(c);
    for (i = 0; rv == 0 && i < size_of(sequence); i++) {
        PyObject *item = item_of(sequence, i);

        if (item != NULL && !PyBytes_CheckExact(item)) {
            PyErr_SetString(PyExc_TypeError, "the application changed its response to something "
                            "other than bytes while it was sent");
            rv = -1;
        }
        else if (item == NULL || wsgi_adapter_lock(a) < 0)
            rv = -1;
        else {
            rv = wsgi_adapter_send_locked(a, PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item),
                                          a->written ? -1 : total, 0);
            wsgi_adapter_unlock(a);
        }
        Py_XDECREF(item);
    }
    return rv < 0 ? -1 : 1;
}

static void wrong_chunk(PyObject *result, PyObject *chunk)
{
    const char *type = Py_TYPE(chunk)->tp_name;

    if (PyBytes_Check(result) || PyUnicode_Check(result))
        PyErr_Format(PyExc_TypeError, "the application returned %.200s itself, it must return an "
                     "iterable of bytes such as [data]", Py_TYPE(result)->tp_name);
    else
        PyErr_Format(PyExc_TypeError, "the application must yield bytes, not %.200s", type);
}

static int send_iterable(call *c, PyObject *result)
{
    wsgi_adapter *a = c->adapter;
    PyObject *iter = PyObject_GetIter(result), *chunk;
    int rv = 0;

    if (iter == NULL) {
        /* A TypeError of its own __iter__ is left as it is. */
        if (Py_TYPE(result)->tp_iter == NULL && PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "the application returned %.200s, it must return an "
                         "iterable of bytes", Py_TYPE(result)->tp_name);
        return -1;
    }
    while (rv == 0 && (chunk = PyIter_Next(iter)) != NULL) {
        if (!PyBytes_Check(chunk)) {
            wrong_chunk(result, chunk);
            rv = -1;
        }
        else if (PyBytes_GET_SIZE(chunk) > 0) {
            rv = wsgi_adapter_lock(a);
            if (rv == 0) {
                rv = wsgi_adapter_send_locked(a, PyBytes_AS_STRING(chunk),
                                              PyBytes_GET_SIZE(chunk), -1, 1);
                wsgi_adapter_unlock(a);
            }
        }
        Py_DECREF(chunk);
    }
    Py_DECREF(iter);
    return rv < 0 || PyErr_Occurred() ? -1 : 0;
}

/* Nothing came: the head goes out alone, with a length of nothing unless the
 * client asked for the head only. */
static int send_rest(call *c)
{
    wsgi_adapter *a = c->adapter;
    int rv;

    if (!a->started)
        return not_started();
    if (a->head_sent || a->write_error)
        return 0;
    if (wsgi_adapter_lock(a) < 0)
        return -1;
    rv = wsgi_adapter_send_locked(a, NULL, 0, wsgi_adapter_bodiless(a) || a->written ? -1 : 0, 0);
    wsgi_adapter_unlock(a);
    return rv;
}

static int send_result(call *c, PyObject *result)
{
    int rv = 0;

    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        rv = send_sequence(c, result);
    else if (Py_TYPE(result) == c->slot->interp->state->filewrap_type)
        rv = wsgi_filewrap_send(c->adapter, result);
    if (rv == 0)
        rv = send_iterable(c, result);
    if (rv < 0 || c->answer.ready)
        return rv < 0 ? -1 : 0;
    return send_rest(c);
}

/* Call close() if there is one; what it raises is logged. No exception is set
 * on entry or exit. */
static void close_result(call *c, PyObject *result)
{
    wsgi_state *st = c->slot->interp->state;
    PyObject *method, *r = NULL;
    char line[1024];
    int found;

    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return;
    found = PyObject_GetOptionalAttr(result, st->s_close, &method);
    if (found > 0)
        r = PyObject_CallNoArgs(method);
    if (found != 0 && r == NULL && PyErr_ExceptionMatches(st->request_timeout))
        PyErr_Clear();
    else if (found != 0 && r == NULL) {
        snprintf(line, sizeof line, "WSGIM0613: close() of the response failed while processing "
                 "WSGI script '%s'", wsgi_script_path(c->script));
        wsgi_log_raised(line);
    }
    Py_XDECREF(r);
    Py_XDECREF(method);
}

/* ---- the call ------------------------------------------------------------------------ */

static PyObject *call_application(call *c, PyObject *app)
{
    PyObject *input = NULL, *hints = NULL, *environ = NULL, *result = NULL, *args[3];

    c->adapter = wsgi_adapter_new(c->slot->interp->state, c->runner, c->r, c->peer, c->ctx);
    if (c->adapter == NULL)
        return NULL;
    input = wsgi_input_new(c->adapter);
    if (input != NULL && (hints = wsgi_adapter_hints(c->adapter)) != NULL)
        environ = wsgi_environ_new(c->slot, c->r, input, hints);
    if (environ != NULL && c->r->request_rec != NULL
        && (c->capsule = wsgi_capsule_put(c->slot, environ, c->r)) == NULL)
        Py_CLEAR(environ);
    Py_INCREF(app);
    if (environ != NULL && wsgi_events_wanted(c->adapter->state)
        && wsgi_events_started(c->adapter, environ, &app) < 0)
        Py_CLEAR(environ);
    if (environ != NULL) {
        args[1] = environ;
        args[2] = (PyObject *)c->adapter;
        result = PyObject_Vectorcall(app, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    Py_DECREF(app);
    Py_XDECREF(environ);
    Py_XDECREF(hints);
    Py_XDECREF(input);
    return result;
}

/* Run APP and pass its answer on, or leave it in c->answer. GIL held. */
static enum wsgi_end run_application(call *c, PyObject *app)
{
    PyObject *result = call_application(c, app);
    enum wsgi_end end = WSGI_END_OK;
    int64_t declared, sent, dropped;
    PyThreadState *ts;

    end_if_forked(c);
    if (result == NULL || send_result(c, result) < 0) {
        end_if_forked(c);
        end = failed(c);
        c->answer.ready = 0;
    }
    if (result != NULL)
        close_result(c, result);
    end_if_forked(c);
    Py_XDECREF(result);
    if (c->adapter == NULL)
        return end;
    c->status = c->adapter->started ? c->adapter->status : 0;
    if (c->answer.ready) {        /* which ended the adapter */
        Py_CLEAR(c->adapter);
        return end;
    }
    if (end == WSGI_END_OK && c->adapter->write_error != 0)
        end = WSGI_END_CANCELLED;
    declared = wsgi_adapter_bodiless(c->adapter) ? -1 : c->adapter->content_length;
    sent = c->adapter->sent;
    dropped = c->adapter->dropped;
    wsgi_adapter_close(c->adapter);
    Py_CLEAR(c->adapter);
    if (end == WSGI_END_OK && declared >= 0 && (sent != declared || dropped != 0)) {
        ts = PyEval_SaveThread();
        end = body_ended(c, declared, sent, dropped);
        PyEval_RestoreThread(ts);
    }
    return end;
}

/* Tell the peer of a script that cannot be used as it is. GIL held, and let go
 * of meanwhile. */
static int tell_stale(call *c, enum wsgi_stale how)
{
    PyThreadState *ts = PyEval_SaveThread();
    int err = c->peer->stale(c->ctx, how);

    PyEval_RestoreThread(ts);
    return err;
}

/* The script could not be loaded here, now or by an earlier request (EARLIER). */
static enum wsgi_end not_loaded(call *c, int earlier)
{
    if (wsgi_script_elsewhere(c->slot, c->script)) {
        tell_stale(c, WSGI_STALE_ELSEWHERE);
        return WSGI_END_CANCELLED;
    }
    if (earlier)
        wsgi_script_failed(c->slot, c->script);
    return WSGI_END_LOAD_FAILED;
}

/* Get the script ready. WSGI_END_OK, or how the request ends. GIL held. */
static enum wsgi_end prepare(call *c, const wsgi_stamp *now)
{
    enum wsgi_stale how;
    unsigned seen;
    int err;

    switch (wsgi_script_check(c->slot, c->script, now, &seen)) {
    case WSGI_SCRIPT_READY:
        return WSGI_END_OK;
    case WSGI_SCRIPT_ABSENT:
        return wsgi_script_load(c->slot, c->script, seen, 0) < 0 ? not_loaded(c, 0) : WSGI_END_OK;
    case WSGI_SCRIPT_FAILED:
        return not_loaded(c, 1);
    default:
        how = wsgi_script_first_sight(c->slot, c->script, now) ? WSGI_STALE_FIRST
            : now->mtime_ns < 0 ? WSGI_STALE_MISSING : WSGI_STALE_AGAIN;
        err = tell_stale(c, how);
        if (err == EALREADY && wsgi_script_check(c->slot, c->script, NULL, &seen) == WSGI_SCRIPT_READY)
            return WSGI_END_OK;
        if (err == EALREADY)
            return not_loaded(c, 1);
        if (err != 0)
            return WSGI_END_CANCELLED;
        return wsgi_script_load(c->slot, c->script, seen, 1) < 0 ? WSGI_END_LOAD_FAILED
                                                                  : WSGI_END_OK;
    }
}

/* The answer that was kept back. GIL not held. */
static enum wsgi_end send_answer(call *c);

/* What follows a call that somebody measures: subscribers are told when all has
 * been sent. Returns how the request ends. GIL held. */
static enum wsgi_end tell_finished(call *c, enum wsgi_end end)
{
    wsgi_state *st = c->slot->interp->state;
    PyThreadState *ts;

    if (!(wsgi_events_wanted(st) & WSGI_WANT_EVENTS))
        return end;
    if (c->answer.ready) {
        ts = PyEval_SaveThread();
        if (end == WSGI_END_OK)
            end = send_answer(c);
        wsgi_resume(c->runner, ts);
        c->answer.ready = 0;
    }
    wsgi_measure_finish(&c->runner->measure);
    wsgi_events_finished(st, c->runner, c->status);
    return end;
}

/* Load the script if need be, and run its application, which is left in *OUT. GIL
 * held. */
static enum wsgi_end run_script(call *c, const wsgi_stamp *now, PyObject **out)
{
    const wsgi_str *name = &c->r->head.callable_object;
    enum wsgi_end end = prepare(c, now);
    PyObject *app;

    if (end != WSGI_END_OK)
        return end;
    app = *out = wsgi_script_callable(c->slot, c->script, *name);
    if (app == NULL && PyErr_Occurred())
        return failed(c);
    if (app == NULL) {
        wsgi_log_held(WSGI_LOG_ERROR, "WSGIM0614: WSGI script '%s' has no callable '%.*s'",
                      wsgi_script_path(c->script), (int)name->len, name->data);
        return WSGI_END_NO_CALLABLE;
    }
    if (c->peer->begin(c->ctx) != 0)
        return WSGI_END_CANCELLED;
    wsgi_interrupt_allow(c->runner);
    end = run_application(c, app);
    wsgi_capsule_end(&c->capsule);
    return c->runner->measure.on ? tell_finished(c, end) : end;
}

/* Everything that needs the GIL. */
static enum wsgi_end run_held(call *c, const wsgi_stamp *now)
{
    PyObject *app = NULL;
    enum wsgi_end end;

    wsgi_interrupt_begin(c->runner, c->slot->interp, c->r);
    end = run_script(c, now, &app);
    if (wsgi_interrupt_end(c->runner))
        wsgi_log_held(WSGI_LOG_INFO, "RequestTimeout: thread %u recovered (process group '%s')",
                      c->r->thread, c->r->process_group);
    wsgi_events_over(c->slot->interp->state, c->runner, c->r);
    Py_XDECREF(app);
    return end;
}

static enum wsgi_end send_answer(call *c)
{
    wsgi_measure *m = &c->runner->measure;
    uint64_t from = m->on ? wsgi_lap_ns() : 0;
    const answer *a = &c->answer;
    const wsgi_buf *head = &c->runner->head, *body = &c->runner->body;
    int64_t length = a->declared >= 0 ? a->declared
                   : a->status == 204 || a->status == 304 ? -1
                   : a->bodiless && a->length == 0 ? -1 : a->length;
    int64_t n = a->bodiless ? 0 : a->length;
    int err;

    if (!a->bodiless && a->declared >= 0 && n > a->declared)
        n = a->declared;
    err = c->peer->head(c->ctx, a->status, (const char *)head->data, a->reason_len, length,
                        head->data + a->reason_len, head->len - a->reason_len, a->nheaders);
    if (err == 0 && n > 0)
        err = c->peer->data(c->ctx, body->data, (size_t)n, 0);
    wsgi_measure_output(m, from, (uint64_t)n);
    if (err != 0)
        return WSGI_END_CANCELLED;
    return a->bodiless ? WSGI_END_OK : body_ended(c, a->declared, n, a->length - n);
}

/* Measure the request, if anybody wants to know what it takes. */
static void begin_measure(call *c)
{
    wsgi_runner *w = c->runner;

    if (!wsgi_tally_wanted() && !wsgi_events_wanted(c->slot->interp->state))
        return;
    wsgi_measure_begin(&w->measure, c->r->received_us, c->r->queued_us, c->r->taken_us);
    if (wsgi_tally_wanted() && w->tally == NULL)
        w->tally = wsgi_tally_take(c->r->thread);
    if (w->tally != NULL)
        wsgi_tally_begin(w->tally, &w->measure);
    if (wsgi_telemetry_slow_us != 0)
        w->measure.active = wsgi_tally_active();
}

/* A request that another process is to run does not count here. */
static void end_measure(call *c, enum wsgi_end end)
{
    wsgi_runner *w = c->runner;
    int ran = end != WSGI_END_CANCELLED || w->measure.started_us != 0;

    if (w->measure.finished_us == 0)
        wsgi_measure_finish(&w->measure);
    if (w->tally != NULL)
        wsgi_tally_end(w->tally, ran ? &w->measure : NULL, c->status);
    if (ran && wsgi_telemetry_slow_us != 0
        && w->measure.finished_us > w->measure.began_us + wsgi_telemetry_slow_us)
        wsgi_telemetry_slow(w, c->r, c->status);
    w->measure.on = 0;
}

/* The first wait for the GIL counts as any other. */
static void enter(call *c)
{
    wsgi_measure *m = &c->runner->measure;
    uint64_t from = m->on ? wsgi_lap_ns() : 0;

    wsgi_interp_enter(c->slot);
    if (from != 0) {
        wsgi_measure_add(&m->gil_ns, wsgi_lap_ns() - from);
        wsgi_measure_add(&m->gil_waits, 1);
    }
}

static enum wsgi_end run_call(call *c)
{
    const wsgi_head *h = &c->r->head;
    wsgi_interp *interp = wsgi_interp_get(h->application_group.data, h->application_group.len);
    wsgi_stamp now;
    enum wsgi_end end;
    int watch = c->r->flags & WSGI_REQ_RELOADING;

    if (interp == NULL || (c->slot = wsgi_interp_slot(c->runner, interp)) == NULL)
        return WSGI_END_NO_PYTHON;
    c->script = wsgi_script_find(c->slot, h->script.data, h->script.len);
    if (c->script == NULL)
        return WSGI_END_INTERNAL;
    if (watch)
        now = wsgi_script_stat(c->script);
    begin_measure(c);
    enter(c);
    end = run_held(c, watch ? &now : NULL);
    wsgi_interp_leave(c->slot);
    if (end == WSGI_END_OK && c->answer.ready)
        end = send_answer(c);
    if (c->runner->measure.on)
        end_measure(c, end);
    return end;
}

enum wsgi_end wsgi_adapter_run(const wsgi_request *r, const wsgi_peer *peer, void *ctx)
{
    call c = {.r = r, .peer = peer, .ctx = ctx, .runner = wsgi_runner_self()};
    enum wsgi_end end;

    if (c.runner == NULL)
        return WSGI_END_INTERNAL;
    wsgi_adapter_watch_forks();
    c.runner->peer = peer;
    c.runner->ctx = ctx;
    c.runner->thread = r->thread;
    end = run_call(&c);
    wsgi_log_flush(c.runner);
    c.runner->peer = NULL;
    c.runner->ctx = NULL;
    return end;
}

int wsgi_adapter_preload(const char *script, const char *group)
{
    wsgi_runner *w = wsgi_runner_self();
    wsgi_interp *interp = wsgi_interp_get(group, strlen(group));
    wsgi_slot *slot = w == NULL || interp == NULL ? NULL : wsgi_interp_slot(w, interp);
    wsgi_script *s = slot == NULL ? NULL : wsgi_script_find(slot, script, strlen(script));
    unsigned seen;
    int rv;

    if (s == NULL)
        return -1;
    wsgi_interp_enter(slot);
    rv = wsgi_script_check(slot, s, NULL, &seen) == WSGI_SCRIPT_ABSENT
       ? wsgi_script_load(slot, s, seen, 0) : 0;
    wsgi_interp_leave(slot);
    wsgi_log_flush(w);
    return rv;
}

/* wsgi_start.c - start_response and write, see wsgi_start.h.
 *
 * What the application says is checked and encoded in one pass, into a second
 * buffer: a call that is refused leaves what was accepted before as it was.
 */

#include "wsgi_start.h"
#include "wsgi_errors.h"
#include "wsgi_events.h"

#include <errno.h>
#include <string.h>

/* ---- life -------------------------------------------------------------------- */

static PyObject *start_call(PyObject *o, PyObject *const *args, size_t nargsf, PyObject *names);

wsgi_adapter *wsgi_adapter_new(wsgi_state *state, wsgi_runner *w, const wsgi_request *r,
                               const wsgi_peer *peer, void *ctx)
{
    wsgi_adapter *a = PyObject_GC_New(wsgi_adapter, state->adapter_type);

    if (a == NULL)
        return NULL;
    memset((char *)a + sizeof(PyObject), 0, sizeof *a - sizeof(PyObject));
    a->vectorcall = start_call;
    a->state = state;
    pthread_mutex_init(&a->lock, NULL);
    a->request = r;
    a->peer = peer;
    a->ctx = ctx;
    a->runner = w;
    a->content_length = -1;
    PyObject_GC_Track((PyObject *)a);
    return a;
}

static int adapter_traverse(PyObject *o, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(o));
    return 0;
}

static void adapter_dealloc(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);

    PyObject_GC_UnTrack(o);
    pthread_mutex_destroy(&((wsgi_adapter *)o)->lock);
    PyObject_GC_Del(o);
    Py_DECREF(type);
}

static int forked;                /* this is a child of the process that serves */

/* Of the threads there were, only the one that forked is left here. */
static void in_child(void)
{
    wsgi_runner *w = wsgi_runner_known();

    forked = 1;
    if (w != NULL)
        w->peer = NULL;
}

static void register_fork(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

void wsgi_adapter_watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, register_fork);
}

int wsgi_adapter_forked(void)
{
    return forked;
}

/* The lock, whatever the state of the request. -1 if this thread has it. */
static int lock_any(wsgi_adapter *a)
{
    if (pthread_mutex_trylock(&a->lock) != 0) {
        if (pthread_equal(__atomic_load_n(&a->owner, __ATOMIC_RELAXED), pthread_self())) {
            PyErr_SetString(PyExc_RuntimeError, "the request is in use by this very thread");
            return -1;
        }
        Py_BEGIN_ALLOW_THREADS
        pthread_mutex_lock(&a->lock);
        Py_END_ALLOW_THREADS
    }
    __atomic_store_n(&a->owner, pthread_self(), __ATOMIC_RELAXED);
    return 0;
}

void wsgi_adapter_unlock(wsgi_adapter *a)
{
    __atomic_store_n(&a->owner, (pthread_t)0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&a->lock);
}

int wsgi_adapter_lock(wsgi_adapter *a)
{
    if (forked) {
        PyErr_SetString(PyExc_RuntimeError, "this process was forked from the one that answers "
                        "the request");
        return -1;
    }
    if (lock_any(a) < 0)
        return -1;
    if (a->peer != NULL)
        return 0;
    wsgi_adapter_unlock(a);
    PyErr_SetString(PyExc_RuntimeError, "the request that this object belonged to has ended");
    return -1;
}

void wsgi_adapter_close(wsgi_adapter *a)
{
    if (lock_any(a) < 0) {
        PyErr_Clear();
        return;
    }
    wsgi_adapter_end_locked(a);
    wsgi_adapter_unlock(a);
}

void wsgi_adapter_end_locked(wsgi_adapter *a)
{
    a->peer = NULL;
    a->ctx = NULL;
    a->request = NULL;
    a->runner = NULL;
}

int wsgi_adapter_bodiless(const wsgi_adapter *a)
{
    return a->status == 204 || a->status == 304 || (a->request->flags & WSGI_REQ_HEAD);
}

/* ---- status and headers -------------------------------------------------------------- */

/* The text of O in latin-1: new reference to bytes, or NULL with an exception
 * that names WHAT. */
static PyObject *latin1_of(PyObject *o, const char *what)
{
    if (!PyUnicode_Check(o)) {
        PyErr_Format(PyExc_TypeError, "expected str for %s, not %.200s", what,
                     Py_TYPE(o)->tp_name);
        return NULL;
    }
    return PyUnicode_AsLatin1String(o);
}

static int is_control(unsigned char c)
{
    return c < ' ' || c == 127;
}

/* Three digits, then nothing or a space and the reason. 0 or -1. */
static int check_status(PyObject *bytes, int *status, const char **reason, size_t *reason_len)
{
    const unsigned char *p = (const unsigned char *)PyBytes_AS_STRING(bytes);
    Py_ssize_t n = PyBytes_GET_SIZE(bytes), digits = 0, i;

    while (digits < n && p[digits] >= '0' && p[digits] <= '9')
        digits++;
    if (digits != 3) {
        PyErr_Format(PyExc_ValueError, "status must start with a 3 digit integer: %R", bytes);
        return -1;
    }
    if (n > 3 && p[3] != ' ') {
        PyErr_Format(PyExc_ValueError, "status needs a space after its 3 digit integer: %R",
                     bytes);
        return -1;
    }
    for (i = 4; i < n; i++)
        if (is_control(p[i])) {
            PyErr_Format(PyExc_ValueError, "status has a control character: %R", bytes);
            return -1;
        }
    *status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    if (*status < 200) {
        PyErr_Format(PyExc_ValueError, "status below 200 is not a final response: %R", bytes);
        return -1;
    }
    *reason = (const char *)p + (n > 4 ? 4 : n);
    *reason_len = n > 4 ? (size_t)n - 4 : 0;
    return 0;
}

/* RFC 9110, 5.6.2. */
static int is_token(const char *p, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
              || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL)))
            return 0;
    }
    return n > 0;
}

static int same_name(const char *p, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(p, name, n) == 0;
}

/* Headers about the connection, which is Apache's. Real applications send
 * some, so they are no error. */
static int is_hop_by_hop(const char *p, size_t n)
{
    static const char names[][20] = {"Connection", "Keep-Alive", "Proxy-Connection", "TE",
                                     "Trailer", "Transfer-Encoding", "Upgrade"};
    static int warned;            /* atomic */
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (same_name(p, n, names[i])) {
            if (!__atomic_exchange_n(&warned, 1, __ATOMIC_RELAXED))
                wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0620: response header '%s' of the "
                              "application is dropped, the connection is not its own; further "
                              "ones are dropped silently", names[i]);
            return 1;
        }
    return 0;
}

/* A decimal without sign; two may only agree. 0 or -1. */
static int check_length(PyObject *value, int64_t *length)
{
    const char *p = PyBytes_AS_STRING(value);
    Py_ssize_t n = PyBytes_GET_SIZE(value), i;
    int64_t v = 0;

    for (i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9' || v > (INT64_MAX - 9) / 10)
            break;
        v = v * 10 + (p[i] - '0');
    }
    if (n == 0 || i < n) {
        PyErr_Format(PyExc_ValueError, "Content-Length is not a non-negative decimal: %R", value);
        return -1;
    }
    if (*length >= 0 && *length != v) {
        PyErr_Format(PyExc_ValueError, "two different Content-Length headers, the second is %R",
                     value);
        return -1;
    }
    *length = v;
    return 0;
}

static int check_name(PyObject *name)
{
    if (is_token(PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name)))
        return 0;
    if (PyBytes_GET_SIZE(name) == 0)
        PyErr_SetString(PyExc_ValueError, "header name is empty: b''");
    else
        PyErr_Format(PyExc_ValueError, "header name has a character that is not allowed: %R",
                     name);
    return -1;
}

static int check_value(PyObject *name, PyObject *value)
{
    const char *p = PyBytes_AS_STRING(value);
    Py_ssize_t n = PyBytes_GET_SIZE(value), i;

    for (i = 0; i < n; i++)
        if (p[i] == '\r' || p[i] == '\n' || p[i] == '\0') {
            PyErr_Format(PyExc_ValueError, "value of header %R has a carriage return, line feed "
                         "or null: %R", name, value);
            return -1;
        }
    return 0;
}

/* What one start_response call has been found to say. */
typedef struct {
    wsgi_buf *out;
    uint32_t count;
    int64_t length;
} collected;

static int collect_pair(PyObject *pair, collected *c)
{
    PyObject *name = NULL, *value = NULL;
    int rv = -1;

    if (!PyTuple_Check(pair)) {
        PyErr_Format(PyExc_TypeError, "expected tuple in list of headers, not %.200s",
                     Py_TYPE(pair)->tp_name);
        return -1;
    }
    if (PyTuple_GET_SIZE(pair) != 2) {
        PyErr_Format(PyExc_ValueError, "header tuple must have 2 items, not %zd",
                     PyTuple_GET_SIZE(pair));
        return -1;
    }
    if ((name = latin1_of(PyTuple_GET_ITEM(pair, 0), "header name")) == NULL
        || (value = latin1_of(PyTuple_GET_ITEM(pair, 1), "header value")) == NULL
        || check_name(name) < 0 || check_value(name, value) < 0)
        goto done;
    if (same_name(PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name), "Content-Length"))
        rv = check_length(value, &c->length);
    else if (is_hop_by_hop(PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name)))
        rv = 0;
    else if (c->count == WSGI_HEADERS_MAX || PyBytes_GET_SIZE(value) > WSGI_FRAME_MAX)
        PyErr_SetString(PyExc_ValueError, "too many headers, or one that is too long");
    else {
        wsgi_buf_pair(c->out, PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name),
                      PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
        c->count++;
        rv = 0;
    }
done:
    Py_XDECREF(value);
    Py_XDECREF(name);
    return rv;
}

static int collect_headers(PyObject *list, collected *c)
{
    Py_ssize_t i;

    if (!PyList_Check(list)) {
        PyErr_Format(PyExc_TypeError, "expected list for headers, not %.200s",
                     Py_TYPE(list)->tp_name);
        return -1;
    }
    for (i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *pair = PyList_GetItemRef(list, i);
        int rv = pair == NULL ? -1 : collect_pair(pair, c);

        Py_XDECREF(pair);
        if (rv < 0)
            return -1;
    }
    if (c->out->failed) {
        PyErr_NoMemory();
        return -1;
    }
    if (c->out->len > WSGI_FRAME_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "headers are longer than 512 KiB together");
        return -1;
    }
    return 0;
}

/* Accept STATUS and HEADERS in place of what there was. Lock held. */
static int accept_locked(wsgi_adapter *a, PyObject *status_line, PyObject *headers)
{
    collected c = {.out = &a->runner->scratch, .length = -1};
    PyObject *bytes = latin1_of(status_line, "status");
    const char *reason;
    size_t reason_len;
    wsgi_buf kept;
    int status, rv = -1;

    if (bytes == NULL || check_status(bytes, &status, &reason, &reason_len) < 0)
        goto done;
    wsgi_buf_reset(c.out);
    wsgi_buf_bytes(c.out, reason, reason_len);
    if (collect_headers(headers, &c) < 0)
        goto done;
    kept = a->runner->head;
    a->runner->head = a->runner->scratch;
    a->runner->scratch = kept;
    a->started = 1;
    a->status = status;
    a->reason_len = (uint32_t)reason_len;
    a->nheaders = c.count;
    a->content_length = status == 204 ? -1 : c.length;
    rv = 0;
done:
    Py_XDECREF(bytes);
    return rv;
}

/* ---- passing the answer on ------------------------------------------------------------- */

int wsgi_adapter_head_locked(wsgi_adapter *a, int64_t auto_length)
{
    const wsgi_buf *b = &a->runner->head;
    int err;

    if (a->head_sent)
        return a->write_error;
    a->head_sent = 1;
    err = a->peer->head(a->ctx, a->status, (const char *)b->data, a->reason_len,
                        a->content_length >= 0 ? a->content_length
                        : a->status == 204 ? -1 : auto_length,
                        b->data + a->reason_len, b->len - a->reason_len, a->nheaders);
    if (err != 0)
        a->write_error = err;
    return err;
}

int wsgi_adapter_send_locked(wsgi_adapter *a, const char *data, Py_ssize_t n,
                             int64_t auto_length, int flush)
{
    wsgi_runner *w = a->runner;
    PyThreadState *ts;
    uint64_t from;
    int err;

    if (!a->started) {
        PyErr_SetString(PyExc_RuntimeError, "response data before start_response was called");
        return -1;
    }
    if (wsgi_adapter_bodiless(a))
        n = 0;
    else if (a->content_length >= 0 && n > a->content_length - a->sent) {
        a->dropped += n - (a->content_length - a->sent);
        n = (Py_ssize_t)(a->content_length - a->sent);
    }
    ts = PyEval_SaveThread();
    from = w->measure.on ? wsgi_lap_ns() : 0;
    err = a->write_error != 0 ? a->write_error : wsgi_adapter_head_locked(a, auto_length);
    if (err == 0 && n > 0)
        err = a->peer->data(a->ctx, data, (size_t)n, flush);
    wsgi_measure_output(&w->measure, from, (uint64_t)n);
    wsgi_resume(w, ts);
    if (err != 0) {
        a->write_error = err;
        errno = err;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    a->sent += n;
    return 0;
}

/* ---- what the application calls ----------------------------------------------------------- */

static PyObject *write_call(PyObject *o, PyObject *data)
{
    wsgi_adapter *a = (wsgi_adapter *)o;
    int rv;

    if (!PyBytes_Check(data)) {
        PyErr_Format(PyExc_TypeError, "write() takes bytes, not %.200s", Py_TYPE(data)->tp_name);
        return NULL;
    }
    if (wsgi_adapter_lock(a) < 0)
        return NULL;
    a->written = 1;
    rv = PyBytes_GET_SIZE(data) == 0 && a->started
         ? 0 : wsgi_adapter_send_locked(a, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), -1, 1);
    wsgi_adapter_unlock(a);
    if (rv < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* The headers of an interim response are checked as those of a final one. */
static int hint_locked(wsgi_adapter *a, PyObject *headers)
{
    collected c = {.out = &a->runner->scratch, .length = -1};
    PyThreadState *ts;
    int err;

    if (a->head_sent) {
        PyErr_SetString(PyExc_RuntimeError, "early hints after the response headers were sent");
        return -1;
    }
    wsgi_buf_reset(c.out);
    if (collect_headers(headers, &c) < 0)
        return -1;
    if (c.length >= 0 || c.out->len > WSGI_HINTS_MAX - 4) {
        PyErr_SetString(PyExc_ValueError, c.length >= 0
                        ? "early hints have no body and no Content-Length"
                        : "early hints are longer than 64 KiB together");
        return -1;
    }
    if (c.count == 0)
        return 0;
    ts = PyEval_SaveThread();
    err = a->write_error != 0 ? a->write_error
          : a->peer->hints(a->ctx, c.out->data, c.out->len, c.count);
    PyEval_RestoreThread(ts);
    if (err != 0) {
        a->write_error = errno = err;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

static PyObject *hints_call(PyObject *o, PyObject *headers)
{
    wsgi_adapter *a = (wsgi_adapter *)o;
    int rv;

    if (wsgi_adapter_lock(a) < 0)
        return NULL;
    rv = hint_locked(a, headers);
    wsgi_adapter_unlock(a);
    return rv < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef hints_def = {
    "early_hints", hints_call, METH_O,
    "Send a list of (name, value) ahead of the response, as 103 Early Hints."
};

PyObject *wsgi_adapter_hints(wsgi_adapter *a)
{
    return PyCFunction_NewEx(&hints_def, (PyObject *)a, NULL);
}

static PyMethodDef write_def = {"write", write_call, METH_O, "Send bytes of the response body."};

/* Raise what sys.exc_info() was. */
static void raise_again(PyObject *info)
{
    PyObject *value = PyTuple_GET_SIZE(info) == 3 ? PyTuple_GET_ITEM(info, 1) : NULL;
    PyObject *trace = value == NULL ? NULL : PyTuple_GET_ITEM(info, 2);

    if (value == NULL || !PyExceptionInstance_Check(value)) {
        PyErr_SetString(PyExc_RuntimeError, "exc_info must be what sys.exc_info() returned");
        return;
    }
    if (PyTraceBack_Check(trace))
        PyException_SetTraceback(value, trace);
    PyErr_SetRaisedException(Py_NewRef(value));
}

static int start_locked(wsgi_adapter *a, PyObject *status, PyObject *headers, PyObject *info)
{
    if (info != Py_None && !PyTuple_Check(info)) {
        PyErr_Format(PyExc_RuntimeError, "exc_info must be a tuple or None, not %.200s",
                     Py_TYPE(info)->tp_name);
        return -1;
    }
    if (a->head_sent && info != Py_None) {
        raise_again(info);
        return -1;
    }
    if (a->head_sent) {
        PyErr_SetString(PyExc_RuntimeError, "start_response was called again after the response "
                        "headers were sent");
        return -1;
    }
    return accept_locked(a, status, headers);
}

static PyObject *start_call(PyObject *o, PyObject *const *args, size_t nargsf, PyObject *names)
{
    wsgi_adapter *a = (wsgi_adapter *)o;
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    int rv;

    if (names != NULL && PyTuple_GET_SIZE(names) > 0) {
        PyErr_SetString(PyExc_TypeError, "start_response takes no keyword arguments");
        return NULL;
    }
    if (n < 2 || n > 3) {
        PyErr_Format(PyExc_TypeError, "start_response takes 2 or 3 arguments, %zd given", n);
        return NULL;
    }
    if (wsgi_adapter_lock(a) < 0)
        return NULL;
    rv = start_locked(a, args[0], args[1], n == 3 ? args[2] : Py_None);
    wsgi_adapter_unlock(a);
    if (rv == 0 && (wsgi_events_wanted(a->state) & WSGI_WANT_EVENTS))
        rv = wsgi_events_response(a, args[0], args[1], n == 3 ? args[2] : Py_None);
    return rv < 0 ? NULL : PyCFunction_NewEx(&write_def, o, NULL);
}

static PyMemberDef adapter_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(wsgi_adapter, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}
};

static PyType_Slot adapter_slots[] = {
    {Py_tp_dealloc, (void *)(uintptr_t)adapter_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)adapter_traverse},
    {Py_tp_call, (void *)(uintptr_t)PyVectorcall_Call},
    {Py_tp_members, adapter_members},
    {0, NULL}
};

PyType_Spec wsgi_adapter_spec = {
    .name = "mod_wsgi.Adapter",
    .basicsize = sizeof(wsgi_adapter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
             | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = adapter_slots,
};

/* wsgi_input.c - the body of a request as a file, see wsgi_input.h.
 *
 * A body that rode along is read where it lies. Any other is asked for in
 * blocks: exactly what read() wants, and for lines no more than one small
 * block ahead, of which it takes what the client has sent so far: the client
 * may wait for an answer to that. A peer may read ahead by itself, under the same
 * rule.
 */

#include "wsgi_input.h"

#include <errno.h>
#include <string.h>

#define AHEAD 8192
#define STEP  (1024 * 1024)       /* growth of a read() without a known end */

typedef struct {
    PyObject_HEAD
    wsgi_adapter *adapter;        /* strong */
    char *own;                    /* buffer of AHEAD bytes, made when needed */
    const char *data;             /* bytes not read yet: in it, or in the request */
    size_t left;
    int64_t remaining;            /* bytes the peer still has; -1 not known, 0 at the end */
} input_object;

PyObject *wsgi_input_new(wsgi_adapter *a)
{
    input_object *in = PyObject_GC_New(input_object, a->state->input_type);
    const wsgi_request *r = a->request;

    if (in == NULL)
        return NULL;
    in->adapter = (wsgi_adapter *)Py_NewRef(a);
    in->own = NULL;
    in->data = r->body.data;
    in->left = r->body.len;
    in->remaining = r->body.len > 0 || r->content_length == WSGI_LENGTH_NONE ? 0
                  : r->content_length == WSGI_LENGTH_CHUNKED ? -1 : r->content_length;
    PyObject_GC_Track((PyObject *)in);
    return (PyObject *)in;
}

static int input_traverse(PyObject *o, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(o));
    Py_VISIT((PyObject *)((input_object *)o)->adapter);
    return 0;
}

static void input_dealloc(PyObject *o)
{
    input_object *in = (input_object *)o;
    PyTypeObject *type = Py_TYPE(o);

    PyObject_GC_UnTrack(o);
    PyMem_RawFree(in->own);
    Py_XDECREF(in->adapter);
    PyObject_GC_Del(o);
    Py_DECREF(type);
}

/* The application has been given BYTES by one call; NULL if that failed. Lock
 * held. */
static PyObject *counted(input_object *in, PyObject *bytes)
{
    wsgi_measure *m = &in->adapter->runner->measure;

    if (m->on && bytes != NULL) {
        wsgi_measure_add(&m->input_reads, 1);
        wsgi_measure_add(&m->input_bytes, (uint64_t)PyBytes_GET_SIZE(bytes));
    }
    return bytes;
}

/* Up to N bytes from the peer, ALL of them if nothing can be done with fewer.
 * Bytes, 0 at the end, -1 with OSError, which every later call raises again.
 * Releases the GIL. Lock held. */
static Py_ssize_t pull(input_object *in, char *to, size_t n, int all)
{
    wsgi_adapter *a = in->adapter;
    ssize_t got;
    int err = a->read_error;

    if (in->remaining == 0 && err == 0)
        return 0;
    if (in->remaining > 0 && n > (size_t)in->remaining)
        n = (size_t)in->remaining;
    if (err == 0) {
        wsgi_runner *w = a->runner;
        PyThreadState *ts = PyEval_SaveThread();
        uint64_t from = w->measure.on ? wsgi_lap_ns() : 0;

        got = a->peer->read(a->ctx, to, n, all);
        err = got < 0 ? errno : got == 0 && in->remaining > 0 ? ECONNRESET : 0;
        if (from != 0)
            wsgi_measure_add(&w->measure.input_ns, wsgi_lap_ns() - from);
        wsgi_resume(w, ts);
    }
    if (err != 0) {
        a->read_error = errno = err;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (got == 0)
        in->remaining = 0;
    else if (in->remaining > 0)
        in->remaining -= got;
    return got;
}

/* Make sure that something is in the buffer. 1, 0 at the end, -1. */
static int fill(input_object *in)
{
    Py_ssize_t got;

    if (in->left > 0)
        return 1;
    if (in->remaining == 0 && in->adapter->read_error == 0)
        return 0;
    if (in->own == NULL && (in->own = PyMem_RawMalloc(AHEAD)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    got = pull(in, in->own, AHEAD, 0);
    if (got > 0) {
        in->data = in->own;
        in->left = (size_t)got;
    }
    return got < 0 ? -1 : got > 0;
}

static size_t take(input_object *in, char *to, size_t n)
{
    if (n > in->left)
        n = in->left;
    memcpy(to, in->data, n);
    in->data += n;
    in->left -= n;
    return n;
}

/* How large a block to try next for a read of WANT bytes, or of all. */
static size_t next_size(const input_object *in, size_t have, Py_ssize_t want)
{
    size_t most = want < 0 ? (size_t)PY_SSIZE_T_MAX / 2 : (size_t)want;
    size_t known = in->left + (in->remaining > 0 ? (size_t)in->remaining : 0);
    size_t step = in->remaining < 0 ? 8 * AHEAD : 0;

    if (have > STEP)              /* trust what came, not what was announced */
        step = have;
    else if (known > STEP)
        known = STEP;
    if (step < known)
        step = known;
    return have + step > most ? most : have + step;
}

/* WANT bytes, or all if negative; new reference. Lock held. */
static PyObject *read_locked(input_object *in, Py_ssize_t want)
{
    PyObject *bytes;
    size_t have = 0, size = next_size(in, 0, want);
    int more = 1;

    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    while (bytes != NULL && more > 0 && (want < 0 || have < (size_t)want)) {
        Py_ssize_t got;

        if (have == size) {
            if (in->left == 0 && (more = fill(in)) <= 0)
                break;
            size = next_size(in, have, want);
            if (_PyBytes_Resize(&bytes, (Py_ssize_t)size) < 0)
                return NULL;
        }
        if (in->left > 0) {
            have += take(in, PyBytes_AS_STRING(bytes) + have, size - have);
            continue;
        }
        if (size - have < AHEAD && in->remaining != 0) {
            more = fill(in);
            continue;
        }
        got = pull(in, PyBytes_AS_STRING(bytes) + have, size - have, 1);
        more = got < 0 ? -1 : got > 0;
        have += got > 0 ? (size_t)got : 0;
    }
    if (more < 0)
        Py_CLEAR(bytes);
    if (bytes != NULL && have < size && _PyBytes_Resize(&bytes, (Py_ssize_t)have) < 0)
        return NULL;
    return bytes;
}

/* A line of at most LIMIT bytes, or of any length if negative; new reference.
 * Lock held. */
static PyObject *line_locked(input_object *in, Py_ssize_t limit)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, 0);
    size_t have = 0;
    int more = 1, ended = 0;

    while (bytes != NULL && !ended && (limit < 0 || have < (size_t)limit)
           && (more = fill(in)) > 0) {
        size_t n = in->left;
        const char *nl;

        if (limit >= 0 && n > (size_t)limit - have)
            n = (size_t)limit - have;
        nl = memchr(in->data, '\n', n);
        if (nl != NULL)
            n = (size_t)(nl - in->data) + 1;
        ended = nl != NULL;
        if (_PyBytes_Resize(&bytes, (Py_ssize_t)(have + n)) < 0)
            return NULL;
        have += take(in, PyBytes_AS_STRING(bytes) + have, n);
    }
    if (more < 0)
        Py_CLEAR(bytes);
    return bytes;
}

/* An optional size: None and nothing are -1. 0, or -1 with TypeError. */
static int parse_size(PyObject *const *args, Py_ssize_t n, const char *what, Py_ssize_t *size)
{
    *size = -1;
    if (n > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument, %zd given", what, n);
        return -1;
    }
    if (n == 0 || args[0] == Py_None)
        return 0;
    *size = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    if (*size == -1 && PyErr_Occurred())
        return -1;
    if (*size < 0)
        *size = -1;
    return 0;
}

static PyObject *input_read(PyObject *o, PyObject *const *args, Py_ssize_t n)
{
    input_object *in = (input_object *)o;
    PyObject *r;
    Py_ssize_t size;

    if (parse_size(args, n, "read", &size) < 0 || wsgi_adapter_lock(in->adapter) < 0)
        return NULL;
    /* read(0) tells the client to go on, as any read does. */
    r = size == 0 && fill(in) < 0 ? NULL : counted(in, read_locked(in, size));
    wsgi_adapter_unlock(in->adapter);
    return r;
}

static PyObject *input_readline(PyObject *o, PyObject *const *args, Py_ssize_t n)
{
    input_object *in = (input_object *)o;
    PyObject *r;
    Py_ssize_t size;

    if (parse_size(args, n, "readline", &size) < 0 || wsgi_adapter_lock(in->adapter) < 0)
        return NULL;
    r = counted(in, line_locked(in, size));
    wsgi_adapter_unlock(in->adapter);
    return r;
}

static PyObject *input_next(PyObject *o)
{
    input_object *in = (input_object *)o;
    PyObject *r;

    if (wsgi_adapter_lock(in->adapter) < 0)
        return NULL;
    r = counted(in, line_locked(in, -1));
    wsgi_adapter_unlock(in->adapter);
    if (r != NULL && PyBytes_GET_SIZE(r) == 0)
        Py_CLEAR(r);
    return r;
}

static PyObject *input_readlines(PyObject *o, PyObject *const *args, Py_ssize_t n)
{
    PyObject *list, *line;
    Py_ssize_t hint, total = 0;

    if (parse_size(args, n, "readlines", &hint) < 0)
        return NULL;
    list = PyList_New(0);
    while (list != NULL && (hint <= 0 || total <= hint) && (line = input_next(o)) != NULL) {
        total += PyBytes_GET_SIZE(line);
        if (PyList_Append(list, line) < 0)
            Py_CLEAR(list);
        Py_DECREF(line);
    }
    if (PyErr_Occurred())
        Py_CLEAR(list);
    return list;
}

static PyObject *input_close(PyObject *o, PyObject *unused)
{
    (void)o;
    (void)unused;
    Py_RETURN_NONE;
}

#define FASTCALL(f) (PyCFunction)(void (*)(void))(f)

static PyMethodDef input_methods[] = {
    {"read", FASTCALL(input_read), METH_FASTCALL, "Bytes of the request body."},
    {"readline", FASTCALL(input_readline), METH_FASTCALL, NULL},
    {"readlines", FASTCALL(input_readlines), METH_FASTCALL, NULL},
    {"close", input_close, METH_NOARGS, "Does nothing."},
    {NULL, NULL, 0, NULL}
};

static PyType_Slot input_slots[] = {
    {Py_tp_dealloc, (void *)(uintptr_t)input_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)input_traverse},
    {Py_tp_methods, input_methods},
    {Py_tp_iter, (void *)(uintptr_t)PyObject_SelfIter},
    {Py_tp_iternext, (void *)(uintptr_t)input_next},
    {0, NULL}
};

PyType_Spec wsgi_input_spec = {
    .name = "mod_wsgi.Input",
    .basicsize = sizeof(input_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = input_slots,
};

/* wsgi_filewrap.c - the file wrapper type, see wsgi_filewrap.h. */

#include "wsgi_filewrap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    PyObject_HEAD
    PyObject *filelike;           /* strong; NULL after close() */
    PyObject *blksize;            /* strong */
    int closed;
} filewrap_object;

static PyObject *filewrap_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {(char *)"filelike", (char *)"blksize", NULL};
    PyObject *filelike, *size;
    Py_ssize_t blksize = 8192;
    filewrap_object *o;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:FileWrapper", names, &filelike, &blksize))
        return NULL;
    if (blksize < 0) {
        PyErr_SetString(PyExc_ValueError, "blksize must not be negative");
        return NULL;
    }
    size = PyLong_FromSsize_t(blksize);
    if (size == NULL)
        return NULL;
    o = PyObject_GC_New(filewrap_object, type);
    if (o == NULL) {
        Py_DECREF(size);
        return NULL;
    }
    o->filelike = Py_NewRef(filelike);
    o->blksize = size;
    o->closed = 0;
    PyObject_GC_Track((PyObject *)o);
    return (PyObject *)o;
}

static int filewrap_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((filewrap_object *)self)->filelike);
    Py_VISIT(((filewrap_object *)self)->blksize);
    return 0;
}

static int filewrap_clear(PyObject *self)
{
    Py_CLEAR(((filewrap_object *)self)->filelike);
    return 0;
}

static void filewrap_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    filewrap_clear(self);
    Py_CLEAR(((filewrap_object *)self)->blksize);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyObject *filewrap_next(PyObject *self)
{
    filewrap_object *o = (filewrap_object *)self;
    PyObject *filelike = o->filelike, *block;

    if (o->closed || filelike == NULL) {
        PyErr_SetString(PyExc_ValueError, "I/O operation on closed file wrapper");
        return NULL;
    }
    Py_INCREF(filelike);
    block = PyObject_CallMethod(filelike, "read", "O", o->blksize);
    Py_DECREF(filelike);
    if (block != NULL && !PyBytes_Check(block)) {
        PyErr_Format(PyExc_TypeError, "read() of the wrapped file returned %.200s, not bytes",
                     Py_TYPE(block)->tp_name);
        Py_CLEAR(block);
    }
    if (block != NULL && PyBytes_GET_SIZE(block) == 0)
        Py_CLEAR(block);
    return block;
}

static PyObject *filewrap_close(PyObject *self, PyObject *unused)
{
    filewrap_object *o = (filewrap_object *)self;
    PyObject *name, *method = NULL, *r;
    int found;

    (void)unused;
    if (o->closed || o->filelike == NULL)
        Py_RETURN_NONE;
    o->closed = 1;
    name = PyUnicode_InternFromString("close");
    if (name == NULL)
        return NULL;
    found = PyObject_GetOptionalAttr(o->filelike, name, &method);
    Py_DECREF(name);
    if (found <= 0)
        return found < 0 ? NULL : Py_NewRef(Py_None);
    r = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return r;
}

static PyMethodDef filewrap_methods[] = {
    {"close", filewrap_close, METH_NOARGS, "Close the wrapped file."},
    {NULL, NULL, 0, NULL}
};

static PyMemberDef filewrap_members[] = {
    {"filelike", T_OBJECT, offsetof(filewrap_object, filelike), READONLY, NULL},
    {"blksize", T_OBJECT, offsetof(filewrap_object, blksize), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}
};

static PyType_Slot filewrap_slots[] = {
    {Py_tp_new, (void *)(uintptr_t)filewrap_new},
    {Py_tp_dealloc, (void *)(uintptr_t)filewrap_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)filewrap_traverse},
    {Py_tp_clear, (void *)(uintptr_t)filewrap_clear},
    {Py_tp_iter, (void *)(uintptr_t)PyObject_SelfIter},
    {Py_tp_iternext, (void *)(uintptr_t)filewrap_next},
    {Py_tp_methods, filewrap_methods},
    {Py_tp_members, filewrap_members},
    {0, NULL}
};

PyType_Spec wsgi_filewrap_spec = {
    .name = "mod_wsgi.FileWrapper",
    .basicsize = sizeof(filewrap_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = filewrap_slots,
};

/* ---- the file itself ------------------------------------------------------------- */

/* Do read() and the descriptor of FILELIKE give the same bytes? Files of
 * module io that transform what they read (gzip, text) have a fileno() and a
 * tell() too. 1, 0, or -1 with an exception. */
static int is_plain(PyObject *filelike)
{
    static const char *const plain[] = {"FileIO", "BufferedReader", "BufferedRandom"};
    PyObject *io = PyImport_ImportModule("io"), *base, *type, *raw = NULL, *file_io = NULL;
    int rv, buffered = 0;
    size_t i;

    base = io == NULL ? NULL : PyObject_GetAttrString(io, "IOBase");
    rv = base == NULL ? -1 : PyObject_IsInstance(filelike, base);
    Py_XDECREF(base);
    if (rv <= 0) {                /* of another making: trusted to mean what it says */
        Py_XDECREF(io);
        return rv < 0 ? -1 : 1;
    }
    for (rv = 0, i = 0; rv == 0 && i < 3; i++) {
        type = PyObject_GetAttrString(io, plain[i]);
        rv = type == NULL ? -1 : (PyObject *)Py_TYPE(filelike) == type;
        buffered = i > 0;
        Py_XDECREF(type);
    }
    if (rv == 1 && buffered) {
        raw = PyObject_GetAttrString(filelike, "raw");
        file_io = PyObject_GetAttrString(io, "FileIO");
        rv = raw == NULL || file_io == NULL ? -1 : (PyObject *)Py_TYPE(raw) == file_io;
        Py_XDECREF(file_io);
        Py_XDECREF(raw);
    }
    Py_DECREF(io);
    return rv;
}

/* An int from a method that may be missing or refuse; -1 if so. No exception
 * is set on exit. */
static long long ask(PyObject *o, PyObject *name)
{
    PyObject *r = PyObject_CallMethodNoArgs(o, name);
    long long v = r == NULL ? -1 : PyLong_AsLongLong(r);

    Py_XDECREF(r);
    PyErr_Clear();
    return v;
}

/* Descriptor and position behind FILELIKE. 1 if it can be passed as a file. */
static int locate(wsgi_state *st, PyObject *filelike, int *fd, int64_t *offset, int64_t *size)
{
    struct stat s;
    long long n = ask(filelike, st->s_fileno);
    int flags;

    if (n < 0 || n > INT32_MAX)
        return 0;
    *fd = (int)n;
    *offset = ask(filelike, st->s_tell);
    flags = fcntl(*fd, F_GETFL);
    if (*offset < 0 || flags < 0 || (flags & O_ACCMODE) == O_WRONLY
        || fstat(*fd, &s) < 0 || !S_ISREG(s.st_mode))
        return 0;
    *size = s.st_size > *offset ? s.st_size - *offset : 0;
    return 1;
}

/* FD opened anew, or -1. Whoever sends the file moves its position, and that is
 * also the one of the application's file object, which may be open for longer
 * than this response is being sent. */
static int own_position(int fd)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Lock held. */
static int send_locked(wsgi_adapter *a, int fd, int64_t offset, int64_t size)
{
    wsgi_runner *w = a->runner;
    PyThreadState *ts;
    int64_t n = size;
    uint64_t from;
    int err, own;

    if (a->content_length >= 0 && n > a->content_length)
        n = a->content_length;
    ts = PyEval_SaveThread();
    from = w->measure.on ? wsgi_lap_ns() : 0;
    err = wsgi_adapter_head_locked(a, a->status == 304 ? -1 : size);
    if (err == 0 && n > 0 && !wsgi_adapter_bodiless(a)) {
        own = own_position(fd);
        err = a->peer->file(a->ctx, own >= 0 ? own : fd, (uint64_t)offset, (uint64_t)n);
        if (own >= 0)
            close(own);
    }
    wsgi_measure_output(&w->measure, from, (uint64_t)n);
    wsgi_resume(w, ts);
    if (err != 0) {
        a->write_error = errno = err;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    a->sent += n;
    return 1;
}

int wsgi_filewrap_send(wsgi_adapter *a, PyObject *wrapper)
{
    filewrap_object *o = (filewrap_object *)wrapper;
    PyObject *filelike = o->filelike;
    int64_t offset, size;
    int fd, rv;

    if (!a->started || a->head_sent || a->written || o->closed || filelike == NULL)
        return 0;
    Py_INCREF(filelike);
    rv = is_plain(filelike);
    if (rv > 0)
        rv = locate(a->state, filelike, &fd, &offset, &size);
    if (rv > 0 && (rv = wsgi_adapter_lock(a)) == 0) {
        rv = send_locked(a, fd, offset, size);
        wsgi_adapter_unlock(a);
    }
    Py_DECREF(filelike);
    return rv;
}

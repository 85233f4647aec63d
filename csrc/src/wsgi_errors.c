/* wsgi_errors.c - log lines and standard streams, see wsgi_errors.h. */

#include "wsgi_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* httpd cuts a record at 8 KiB, prefixes and its own escapes included. */
#define RECORD_MAX 7500

/* ---- lines ------------------------------------------------------------------ */

/* Where in the source of an application a line comes from, if that is known. */
typedef struct { const char *file; int line; } place;

/* To the request of this thread, or to the process' log. */
static void emit(int level, const place *at, const char *text, size_t n)
{
    wsgi_runner *w = wsgi_runner_known();
    const wsgi_python_config *c = wsgi_python_settings();

    if (w != NULL && w->peer != NULL && at != NULL && w->peer->log_at != NULL)
        w->peer->log_at(w->ctx, level, at->file, at->line, text, n);
    else if (w != NULL && w->peer != NULL)
        w->peer->log(w->ctx, level, text, n);
    else if (at != NULL && c->log_at != NULL)
        c->log_at(c->log_ctx, level, at->file, at->line, text, n);
    else
        c->log(c->log_ctx, level, text, n);
}

/* What a byte takes in httpd's log, where others than printable ASCII are
 * written as escapes. */
static size_t logged_size(unsigned char c)
{
    return c < ' ' || c >= 127 ? 4 : c == '"' || c == '\\' ? 2 : 1;
}

/* What there is room for in a record, beside the script that httpd puts before the
 * lines of a request. */
static size_t record_room(void)
{
    const wsgi_runner *w = wsgi_runner_known();
    size_t room = RECORD_MAX, i;

    if (w == NULL || w->peer == NULL || w->request == NULL)
        return room;
    for (i = 0; i < w->request->head.script.len && room > RECORD_MAX / 4; i++)
        room -= logged_size((unsigned char)w->request->head.script.data[i]);
    return room;
}

/* The longest start of TEXT that fits a record and splits no UTF-8 character. */
static size_t record_size(const char *text, size_t n, size_t room)
{
    size_t i, size = 0, back;

    for (i = 0; i < n; i++) {
        size += logged_size((unsigned char)text[i]);
        if (size > room)
            break;
    }
    for (back = 0; i < n && back < 4; back++)
        if (((unsigned char)text[i - back] & 0xC0) != 0x80)
            return i - back;
    return i;                     /* all of it, or no UTF-8 */
}

/* One line of an application, of any length, NUL shown. */
static void emit_line(int level, const place *at, const char *text, size_t n)
{
    size_t room = record_room();
    wsgi_buf shown = {0};
    const char *nul;

    if (memchr(text, '\0', n) != NULL) {
        while ((nul = memchr(text, '\0', n)) != NULL) {
            wsgi_buf_bytes(&shown, text, (size_t)(nul - text));
            wsgi_buf_bytes(&shown, "\\x00", 4);
            n -= (size_t)(nul - text) + 1;
            text = nul + 1;
        }
        wsgi_buf_bytes(&shown, text, n);
        if (!shown.failed) {
            text = (const char *)shown.data;
            n = shown.len;
        }
    }
    do {
        size_t part = record_size(text, n, room);

        emit(level, at, text, part);
        text += part;
        n -= part;
    } while (n > 0);
    wsgi_buf_free(&shown);
}

/* Each line of TEXT. */
static void emit_lines(int level, const place *at, const char *text, size_t n)
{
    while (n > 0) {
        const char *end = memchr(text, '\n', n);
        size_t len = end != NULL ? (size_t)(end - text) : n;

        emit_line(level, at, text, len);
        len += end != NULL;
        text += len;
        n -= len;
    }
}

void wsgi_log_lines(int level, const char *text, size_t n)
{
    emit_lines(level, NULL, text, n);
}

static void log_va(int level, const char *format, va_list args)
{
    char text[4096];
    int n = vsnprintf(text, sizeof text, format, args);

    if (n >= (int)sizeof text)
        n = (int)sizeof text - 1;
    if (n > 0)
        emit_lines(level, NULL, text, (size_t)n);
}

void wsgi_log(int level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(level, format, args);
    va_end(args);
}

void wsgi_log_held(int level, const char *format, ...)
{
    va_list args;
    PyThreadState *ts = PyEval_SaveThread();

    va_start(args, format);
    log_va(level, format, args);
    va_end(args);
    PyEval_RestoreThread(ts);
}

int wsgi_log_level(void)
{
    const wsgi_runner *w = wsgi_runner_known();
    const wsgi_request *r = w != NULL && w->peer != NULL ? w->request : NULL;

    return r != NULL && r->log_level != 0 ? r->log_level : wsgi_python_settings()->log_level;
}

/* An object of JSON holds a text of several lines; it only must fit a frame. */
void wsgi_log_record(int level, const char *file, int line, const char *text, size_t n)
{
    const place at = {file, line};
    size_t part;

    if (!wsgi_python_settings()->server->json) {
        emit_lines(level, &at, text, n);
        return;
    }
    do {
        part = n > WSGI_FRAME_MAX / 2 ? WSGI_FRAME_MAX / 2 : n;
        emit(level, &at, text, part);
        text += part;
        n -= part;
    } while (n > 0);
}

/* TEXT is a line of its own, if there is any. */
static void end_line(wsgi_buf *text)
{
    if (text->len > 0)
        emit_line(WSGI_LOG_ERROR, NULL, (const char *)text->data, text->len);
    wsgi_buf_reset(text);
}

void wsgi_log_flush(wsgi_runner *w)
{
    int i;

    for (i = 0; i < WSGI_LINES; i++) {
        end_line(&w->lines[i].text);
        w->lines[i].flushed = 0;
    }
}

/* ---- type mod_wsgi.Log -------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    enum wsgi_line line;
    const char *name;             /* static */
} log_object;

static int log_traverse(PyObject *o, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(o));
    return 0;
}

static void log_dealloc(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);

    PyObject_GC_UnTrack(o);
    PyObject_GC_Del(o);
    Py_DECREF(type);
}

/* Unfinished lines of a thread that the application started; such a thread is
 * not told when it ends, other than by the destructor of its key. The process may
 * end before that, while the thread still runs: all of them are in a list, and
 * whoever works on the lines of one holds the lock. */
typedef struct stranger stranger;
struct stranger {
    wsgi_unfinished lines[WSGI_LINES];
    stranger *before, *next;
};

static struct {
    pthread_mutex_t lock;
    stranger *first;
    pthread_once_t made;
    pthread_key_t key;
    int failed;
} strangers = { PTHREAD_MUTEX_INITIALIZER, NULL, PTHREAD_ONCE_INIT, 0, 0 };

static void lock_strangers(void) { pthread_mutex_lock(&strangers.lock); }
static void unlock_strangers(void) { pthread_mutex_unlock(&strangers.lock); }

static void end_lines(stranger *s)
{
    int i;

    for (i = 0; i < WSGI_LINES; i++)
        end_line(&s->lines[i].text);
}

static void forget_stranger(void *data)
{
    stranger *s = data;
    int i;

    lock_strangers();
    if (s->before != NULL)
        s->before->next = s->next;
    else
        strangers.first = s->next;
    if (s->next != NULL)
        s->next->before = s->before;
    end_lines(s);
    unlock_strangers();
    for (i = 0; i < WSGI_LINES; i++)
        wsgi_buf_free(&s->lines[i].text);
    free(s);
}

/* A child made by fork has one thread, and must find the lock free. */
static void make_strangers(void)
{
    strangers.failed = pthread_key_create(&strangers.key, forget_stranger);
    if (!strangers.failed)
        strangers.failed = pthread_atfork(lock_strangers, unlock_strangers, unlock_strangers);
}

void wsgi_log_flush_strangers(void)
{
    stranger *s;

    lock_strangers();
    for (s = strangers.first; s != NULL; s = s->next)
        end_lines(s);
    unlock_strangers();
}

/* Where the calling thread's unfinished lines are; NULL without memory, and
 * unless MAKE, if it has none. The lock is held then if *LOCKED. */
static wsgi_unfinished *lines_of_thread(int make, int *locked)
{
    wsgi_runner *w = wsgi_runner_known();
    stranger *s;

    *locked = 0;
    if (w != NULL)
        return w->lines;
    pthread_once(&strangers.made, make_strangers);
    if (strangers.failed)
        return NULL;
    s = pthread_getspecific(strangers.key);
    if (s == NULL && make && (s = calloc(1, sizeof *s)) != NULL
        && pthread_setspecific(strangers.key, s) != 0) {
        free(s);
        return NULL;
    }
    if (s == NULL)
        return NULL;
    *locked = 1;
    lock_strangers();
    if (s != strangers.first && s->before == NULL) {    /* a new one */
        s->next = strangers.first;
        if (s->next != NULL)
            s->next->before = s;
        strangers.first = s;
    }
    return s->lines;
}

/* Whole lines go out; the rest waits in the thread's buffer. */
static void add_text(wsgi_unfinished *line, const char *text, size_t n)
{
    wsgi_buf *kept = &line->text;
    const char *end = NULL;
    size_t i;

    if (n > 0 && line->flushed) {
        line->flushed = 0;
        if (*text == '\n') {
            text++;
            n--;
        }
    }
    for (i = n; i > 0 && end == NULL; i--)
        if (text[i - 1] == '\n')
            end = text + i;
    if (end != NULL && kept->len > 0) {
        size_t first = (size_t)((const char *)memchr(text, '\n', n) - text);

        wsgi_buf_bytes(kept, text, first);
        end_line(kept);
        text += first + 1;
        n -= first + 1;
    }
    if (end != NULL && end > text) {
        emit_lines(WSGI_LOG_ERROR, NULL, text, (size_t)(end - text));
        n -= (size_t)(end - text);
        text = end;
    }
    wsgi_buf_bytes(kept, text, n);
}

/* GIL not held. */
static void log_text(enum wsgi_line line, const char *text, size_t n)
{
    int locked;
    wsgi_unfinished *lines = lines_of_thread(1, &locked);

    if (lines == NULL)
        emit_lines(WSGI_LOG_ERROR, NULL, text, n);
    else
        add_text(&lines[line], text, n);
    if (locked)
        unlock_strangers();
}

static PyObject *log_write(PyObject *o, PyObject *arg)
{
    Py_buffer view;
    Py_ssize_t n;

    if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    n = view.len;
    Py_BEGIN_ALLOW_THREADS
    log_text(((log_object *)o)->line, view.buf, (size_t)n);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(n);
}

static PyObject *log_writelines(PyObject *o, PyObject *arg)
{
    PyObject *iter = PyObject_GetIter(arg), *item, *r = NULL;

    if (iter == NULL)
        return NULL;
    while ((item = PyIter_Next(iter)) != NULL) {
        r = log_write(o, item);
        Py_DECREF(item);
        if (r == NULL)
            break;
        Py_DECREF(r);
    }
    Py_DECREF(iter);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

/* Also what has no newline yet. */
static PyObject *log_flush(PyObject *o, PyObject *unused)
{
    enum wsgi_line line = ((log_object *)o)->line;
    wsgi_unfinished *lines;
    int locked;

    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    lines = lines_of_thread(0, &locked);
    if (lines != NULL && lines[line].text.len > 0) {
        end_line(&lines[line].text);
        lines[line].flushed = 1;
    }
    if (locked)
        unlock_strangers();
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *log_close(PyObject *o, PyObject *unused)
{
    (void)o;
    (void)unused;
    Py_RETURN_NONE;
}

static PyObject *log_true(PyObject *o, PyObject *unused)
{
    (void)o;
    (void)unused;
    Py_RETURN_TRUE;
}

static PyObject *log_false(PyObject *o, PyObject *unused)
{
    (void)o;
    (void)unused;
    Py_RETURN_FALSE;
}

static PyObject *log_fileno(PyObject *o, PyObject *unused)
{
    (void)o;
    (void)unused;
    PyErr_SetString(PyExc_OSError, "the log of the server has no file descriptor");
    return NULL;
}

/* Never closed, so that closing a stream of the interpreter has no effect. */
static PyObject *log_closed(PyObject *o, void *unused)
{
    (void)o;
    (void)unused;
    Py_RETURN_FALSE;
}

static PyObject *log_name(PyObject *o, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((log_object *)o)->name);
}

static PyMethodDef log_methods[] = {
    {"write", log_write, METH_O, "Write bytes; each line is a record of the log."},
    {"writelines", log_writelines, METH_O, NULL},
    {"flush", log_flush, METH_NOARGS, NULL},
    {"close", log_close, METH_NOARGS, "Does nothing."},
    {"isatty", log_false, METH_NOARGS, NULL},
    {"readable", log_false, METH_NOARGS, NULL},
    {"seekable", log_false, METH_NOARGS, NULL},
    {"writable", log_true, METH_NOARGS, NULL},
    {"fileno", log_fileno, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}
};

static PyGetSetDef log_getset[] = {
    {"closed", log_closed, NULL, NULL, NULL},
    {"name", log_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}
};

static PyType_Slot log_slots[] = {
    {Py_tp_dealloc, (void *)(uintptr_t)log_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)log_traverse},
    {Py_tp_methods, log_methods},
    {Py_tp_getset, log_getset},
    {0, NULL}
};

PyType_Spec wsgi_log_spec = {
    .name = "mod_wsgi.Log",
    .basicsize = sizeof(log_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = log_slots,
};

PyObject *wsgi_log_stream(wsgi_state *state, enum wsgi_line line, const char *name)
{
    log_object *log = PyObject_GC_New(log_object, state->log_type);
    PyObject *io = NULL, *wrapper = NULL, *args = NULL, *options = NULL, *stream = NULL;

    if (log == NULL)
        return NULL;
    log->line = line;
    log->name = name;
    PyObject_GC_Track((PyObject *)log);
    io = PyImport_ImportModule("io");
    if (io == NULL || (wrapper = PyObject_GetAttrString(io, "TextIOWrapper")) == NULL)
        goto done;
    args = Py_BuildValue("(O)", log);
    /* Not line_buffering: that flushes the piece behind the last newline. */
    options = Py_BuildValue("{s:s,s:s,s:s,s:O}", "encoding", "utf-8", "errors",
                            "backslashreplace", "newline", "\n", "write_through", Py_True);
    if (args != NULL && options != NULL)
        stream = PyObject_Call(wrapper, args, options);
done:
    Py_XDECREF(options);
    Py_XDECREF(args);
    Py_XDECREF(wrapper);
    Py_XDECREF(io);
    Py_DECREF(log);
    return stream;
}

/* wsgi_traceback.c - exceptions and stacks as the log has them, see wsgi_errors.h. */

#include "wsgi_errors.h"

#include <stdio.h>
#include <string.h>

/* What EXC came from, as a traceback shows it; new reference or NULL. */
static PyObject *origin(PyObject *exc)
{
    PyObject *from = PyException_GetCause(exc), *suppress;

    if (from != NULL)
        return from;
    suppress = PyObject_GetAttrString(exc, "__suppress_context__");
    if (suppress == NULL)
        PyErr_Clear();
    if (suppress != Py_True)
        from = PyException_GetContext(exc);
    Py_XDECREF(suppress);
    return from;
}

void wsgi_exception_text(PyObject *exc, int root, char *out, size_t size)
{
    PyObject *from, *text = NULL, *bytes = NULL;
    const char *name;
    int depth;
    char *p;

    Py_INCREF(exc);
    for (depth = 0; root && depth < 64 && (from = origin(exc)) != NULL; depth++) {
        Py_DECREF(exc);
        exc = from;
    }
    name = strrchr(Py_TYPE(exc)->tp_name, '.');
    name = name != NULL ? name + 1 : Py_TYPE(exc)->tp_name;
    text = PyObject_Str(exc);
    if (text != NULL)
        bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == NULL)
        PyErr_Clear();
    if (bytes != NULL && PyBytes_GET_SIZE(bytes) > 0)
        snprintf(out, size, "%s: %s", name, PyBytes_AS_STRING(bytes));
    else
        snprintf(out, size, "%s", name);
    for (p = out; (p = strpbrk(p, "\r\n")) != NULL; )
        *p = ' ';
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    Py_DECREF(exc);
}

/* As traceback.format_exception() has it; new reference, or NULL with an exception.
 * The module is imported by who needs it: with what it imports it is half a
 * megabyte. */
static PyObject *formatted(PyObject *exc, PyObject *trace)
{
    PyObject *traceback = PyImport_ImportModule("traceback"), *lines = NULL, *empty = NULL;
    PyObject *text = NULL;

    if (traceback != NULL)
        lines = PyObject_CallMethod(traceback, "format_exception", "OOO", (PyObject *)Py_TYPE(exc), exc,
                                    trace != NULL ? trace : Py_None);
    if (lines != NULL && (empty = PyUnicode_FromStringAndSize(NULL, 0)) != NULL)
        text = PyUnicode_Join(empty, lines);
    Py_XDECREF(empty);
    Py_XDECREF(lines);
    Py_XDECREF(traceback);
    return text;
}

/* The same without that module, which a process that has run out of descriptors
 * or memory cannot import: where EXC was raised and what it is, but not what led
 * to it. */
static PyObject *formatted_plainly(PyObject *exc, PyObject *trace)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *file = io == NULL ? NULL : PyObject_CallMethod(io, "StringIO", NULL);
    PyObject *text = NULL, *whole = NULL;
    char last[512];

    if (file != NULL && (trace == NULL || PyTraceBack_Print(trace, file) == 0)
        && (text = PyObject_CallMethod(file, "getvalue", NULL)) != NULL) {
        wsgi_exception_text(exc, 0, last, sizeof last);
        whole = PyUnicode_FromFormat("%U%s", text, last);
    }
    Py_XDECREF(text);
    Py_XDECREF(file);
    Py_XDECREF(io);
    return whole;
}

/* The traceback as one text; new reference to bytes, or NULL with an exception. */
static PyObject *format_traceback(PyObject *exc)
{
    PyObject *trace = PyException_GetTraceback(exc), *text = formatted(exc, trace), *bytes = NULL;

    if (text == NULL) {
        PyErr_Clear();
        text = formatted_plainly(exc, trace);
    }
    if (text != NULL)
        bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    Py_XDECREF(text);
    Py_XDECREF(trace);
    return bytes;
}

void wsgi_log_exception(PyObject *exc, const char *headline)
{
    PyObject *bytes = format_traceback(exc);
    PyThreadState *ts;

    if (bytes == NULL)
        PyErr_Clear();
    ts = PyEval_SaveThread();
    wsgi_log_lines(WSGI_LOG_ERROR, headline, strlen(headline));
    if (bytes != NULL)
        wsgi_log_lines(WSGI_LOG_ERROR, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    PyEval_RestoreThread(ts);
    Py_XDECREF(bytes);
}

void wsgi_log_raised(const char *headline)
{
    PyObject *exc = PyErr_GetRaisedException();
    char text[512], line[2048];

    if (exc == NULL)
        return;
    wsgi_exception_text(exc, 0, text, sizeof text);
    snprintf(line, sizeof line, "%s: %s", headline, text);
    wsgi_log_exception(exc, line);
    Py_DECREF(exc);
}

/* The text of traceback.format_stack(FRAME), bytes; new reference. */
static PyObject *format_stack(PyObject *format, PyObject *frame)
{
    PyObject *lines = PyObject_CallOneArg(format, frame), *empty = NULL, *text = NULL;
    PyObject *bytes = NULL;

    if (lines != NULL && (empty = PyUnicode_FromStringAndSize(NULL, 0)) != NULL
        && (text = PyUnicode_Join(empty, lines)) != NULL)
        bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    Py_XDECREF(text);
    Py_XDECREF(empty);
    Py_XDECREF(lines);
    return bytes;
}

void wsgi_log_stacks(unsigned long only)
{
    PyObject *traceback = PyImport_ImportModule("traceback"), *format = NULL;
    PyObject *frames = NULL, *thread, *frame;
    PyThreadState *ts;
    Py_ssize_t at = 0;

    if (traceback == NULL
        || (format = PyObject_GetAttrString(traceback, "format_stack")) == NULL
        || (frames = wsgi_thread_frames()) == NULL)
        goto done;
    /* The dict is ours alone, so nothing changes it meanwhile. */
    while (PyDict_Next(frames, &at, &thread, &frame)) {
        PyObject *text;

        if (only != 0 && PyLong_AsUnsignedLongMask(thread) != only)
            continue;
        text = format_stack(format, frame);
        if (text == NULL)
            goto done;
        wsgi_log_held(WSGI_LOG_INFO, "stack of thread %lu:",
                      PyLong_AsUnsignedLongMask(thread));
        ts = PyEval_SaveThread();     /* a stack is longer than a line of ours may be */
        wsgi_log_lines(WSGI_LOG_INFO, PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text));
        PyEval_RestoreThread(ts);
        Py_DECREF(text);
    }
done:
    PyErr_Clear();
    Py_XDECREF(frames);
    Py_XDECREF(format);
    Py_XDECREF(traceback);
}

/* wsgi_scoreboard_py.c - mod_wsgi.server_metrics: Apache's scoreboard as a dict.
 *
 * Where it may not be seen, or there is none, it is None.
 */
#include "wsgi_python.h"
#include "wsgi_scoreboard_py.h"
#include "wsgi_scoreboard.h"

#include <errno.h>

/* US microseconds as seconds under KEY, and put_text S. 0, or -1 with an exception. */
static int put_time(PyObject *d, const char *key, uint64_t us)
{
    return wsgi_put(d, key, PyFloat_FromDouble((double)us / 1e6));
}

static int put_text(PyObject *d, const char *key, wsgi_str s)
{
    return wsgi_put(d, key, PyUnicode_DecodeLatin1(s.data, (Py_ssize_t)s.len, NULL));
}

static PyObject *bad_bytes(void)
{
    PyErr_SetString(PyExc_RuntimeError, "Apache's scoreboard cannot be read");
    return NULL;
}

static PyObject *worker(wsgi_cur *in)
{
    wsgi_score_worker w;
    PyObject *d;
    char status;

    if (wsgi_score_get_worker(in, &w) < 0)
        return bad_bytes();
    status = (char)w.status;
    d = PyDict_New();
    if (d != NULL
        && (wsgi_put_int(d, "thread_num", w.number) < 0 || wsgi_put_int(d, "generation", w.generation) < 0
            || put_text(d, "status", (wsgi_str){&status, 1}) < 0
            || wsgi_put_int(d, "access_count", w.access_count) < 0
            || wsgi_put_int(d, "bytes_served", w.bytes_served) < 0
            || put_time(d, "start_time", w.start_us) < 0 || put_time(d, "stop_time", w.stop_us) < 0
            || put_time(d, "last_used", w.last_used_us) < 0 || put_text(d, "client", w.client) < 0
            || put_text(d, "request", w.request) < 0 || put_text(d, "vhost", w.vhost) < 0))
        Py_CLEAR(d);
    return d;
}

/* A list of what COUNT calls of MAKE give. */
static PyObject *list_of(wsgi_cur *in, uint32_t count, PyObject *(*make)(wsgi_cur *))
{
    PyObject *list = PyList_New(0);
    uint32_t i;

    for (i = 0; list != NULL && i < count; i++) {
        PyObject *item = make(in);

        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *process(wsgi_cur *in)
{
    wsgi_score_process p;
    PyObject *d;

    if (wsgi_score_get_process(in, &p) < 0)
        return bad_bytes();
    d = PyDict_New();
    if (d != NULL
        && (wsgi_put_int(d, "process_num", p.number) < 0 || wsgi_put_int(d, "pid", p.pid) < 0
            || wsgi_put_int(d, "generation", p.generation) < 0
            || wsgi_put(d, "quiescing", PyBool_FromLong(p.quiescing)) < 0
            || wsgi_put(d, "workers", list_of(in, p.nworkers, worker)) < 0))
        Py_CLEAR(d);
    return d;
}

static PyObject *score(wsgi_cur *in)
{
    wsgi_score s;
    PyObject *d;

    if (wsgi_score_get(in, &s) < 0)
        return bad_bytes();
    d = PyDict_New();
    if (d != NULL
        && (wsgi_put_int(d, "server_limit", s.server_limit) < 0
            || wsgi_put_int(d, "thread_limit", s.thread_limit) < 0
            || wsgi_put_int(d, "running_generation", s.generation) < 0
            || put_time(d, "restart_time", s.restart_us) < 0
            || put_time(d, "current_time", s.now_us) < 0
            || wsgi_put_int(d, "running_time", s.now_us > s.restart_us ? (s.now_us - s.restart_us) / 1000000 : 0) < 0
            || wsgi_put(d, "processes", list_of(in, s.nprocesses, process)) < 0))
        Py_CLEAR(d);
    return d;
}

static PyObject *server_metrics(PyObject *module, PyObject *unused)
{
    const wsgi_python_config *c = wsgi_python_settings();
    wsgi_buf bytes = {0};
    wsgi_cur in;
    PyObject *d;
    int err;

    (void)module;
    (void)unused;
    if (c->scoreboard == NULL)
        Py_RETURN_NONE;
    Py_BEGIN_ALLOW_THREADS
    err = c->scoreboard(c->scoreboard_ctx, &bytes);
    Py_END_ALLOW_THREADS
    if (err != 0) {
        wsgi_buf_free(&bytes);
        if (err == ENOMEM)
            return PyErr_NoMemory();
        Py_RETURN_NONE;
    }
    in = wsgi_cur_of(bytes.data, bytes.len);
    d = score(&in);
    wsgi_buf_free(&bytes);
    return d;
}

PyMethodDef wsgi_scoreboard_methods[] = {
    {"server_metrics", server_metrics, METH_NOARGS,
     "server_metrics() -> dict or None\n\nWhat Apache's own processes and threads do, if that may be seen."},
    {NULL, NULL, 0, NULL}
};

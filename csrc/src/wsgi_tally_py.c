/* wsgi_tally_py.c - the counters of wsgi_tally.h as dicts, see wsgi_tally_py.h. */

#include "wsgi_tally_py.h"
#include "wsgi_tally.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* 0, or -1 with an exception. */
static int put_float(PyObject *d, const char *key, double value)
{
    return wsgi_put(d, key, PyFloat_FromDouble(value));
}

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

/* ---- phases ------------------------------------------------------------------------ */

static const char *const phase_names[WSGI_PHASES] = {
    "server_time", "queue_time", "daemon_time", "application_time", "request_time",
    "gil_wait_time", "input_read_time", "output_write_time",
};

static PyObject *buckets_of(const uint64_t *buckets)
{
    PyObject *list = PyList_New(WSGI_BUCKETS);
    int i;

    for (i = 0; list != NULL && i < WSGI_BUCKETS; i++) {
        PyObject *n = PyLong_FromUnsignedLongLong(buckets[i]);

        if (n == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, n);
    }
    return list;
}

static PyObject *int_or_none(int known, uint64_t value)
{
    return known ? PyLong_FromUnsignedLongLong(value) : Py_NewRef(Py_None);
}

static int put_phase(PyObject *d, const wsgi_sample *s, int phase)
{
    const char *name = phase_names[phase];
    int in_queue = phase == WSGI_PHASE_QUEUE || phase == WSGI_PHASE_DAEMON;
    int known = !in_queue || wsgi_python_settings()->process_group[0] != '\0';
    double mean = s->totals.count > 0
                ? seconds(s->totals.sum_us[phase]) / (double)s->totals.count : 0;
    char key[64];
    int rv;

    rv = wsgi_put(d, name, known ? PyFloat_FromDouble(mean) : Py_NewRef(Py_None));
    snprintf(key, sizeof key, "%s_min_us", name);
    if (rv == 0)
        rv = wsgi_put(d, key, int_or_none(known && s->totals.count > 0, s->min_us[phase]));
    snprintf(key, sizeof key, "%s_max_us", name);
    if (rv == 0)
        rv = wsgi_put(d, key, int_or_none(known && s->totals.count > 0, s->max_us[phase]));
    snprintf(key, sizeof key, "%s_buckets", name);
    return rv < 0 ? rv : wsgi_put(d, key, buckets_of(s->totals.buckets[phase]));
}

/* ---- threads ------------------------------------------------------------------------- */

static PyObject *as_count(const wsgi_slot_sample *s)
{
    return PyLong_FromUnsignedLongLong(s->completed);
}

static PyObject *as_busy(const wsgi_slot_sample *s)
{
    return PyFloat_FromDouble(seconds(s->busy_us));
}

static PyObject *as_cpu(const wsgi_slot_sample *s)
{
    return PyFloat_FromDouble(seconds(s->cpu_us));
}

static PyObject *as_current(const wsgi_slot_sample *s)
{
    return PyFloat_FromDouble(seconds(s->current_us));
}

static PyObject *as_longest(const wsgi_slot_sample *s)
{
    return PyFloat_FromDouble(seconds(s->longest_us));
}

/* A list with what MAKE says of each thread's slot. */
static int put_slots(PyObject *d, const char *key, const wsgi_sample *s,
                     PyObject *(*make)(const wsgi_slot_sample *))
{
    PyObject *list = PyList_New((Py_ssize_t)s->nslots);
    uint32_t i;

    for (i = 0; list != NULL && i < s->nslots; i++) {
        PyObject *item = make(&s->slots[i]);

        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return wsgi_put(d, key, list);
}

static int put_threads(PyObject *d, const wsgi_sample *s)
{
    return wsgi_put_int(d, "request_threads_maximum", s->maximum) < 0
           || wsgi_put_int(d, "request_threads_started", s->started) < 0
           || wsgi_put_int(d, "request_threads_active", s->active) < 0
           || put_slots(d, "request_threads_completed", s, as_count) < 0
           || put_slots(d, "request_threads_buckets", s, as_count) < 0
           || put_slots(d, "request_threads_busy_time", s, as_busy) < 0
           || put_slots(d, "request_threads_cpu_time", s, as_cpu) < 0
           || put_slots(d, "request_threads_current_elapsed", s, as_current) < 0
           || put_slots(d, "request_threads_max_duration", s, as_longest) < 0 ? -1 : 0;
}

/* ---- a window ------------------------------------------------------------------------- */

static int put_window(PyObject *d, const wsgi_sample *s)
{
    double period = seconds(s->stop_us > s->start_us ? s->stop_us - s->start_us : 0);
    double capacity = period * (double)s->maximum;

    return wsgi_put_int(d, "pid", (uint64_t)getpid()) < 0
           || put_float(d, "start_time", seconds(s->start_us)) < 0
           || put_float(d, "stop_time", seconds(s->stop_us)) < 0
           || put_float(d, "sample_period", period) < 0
           || wsgi_put_int(d, "request_count", s->totals.count) < 0
           || put_float(d, "request_throughput", period > 0 ? (double)s->totals.count / period : 0) < 0
           || put_float(d, "capacity_utilization",
                        capacity > 0 ? seconds(s->totals.busy_us) / capacity : 0) < 0 ? -1 : 0;
}

static int put_totals(PyObject *d, const wsgi_totals *t)
{
    char key[16];
    int i, rv = 0;

    for (i = 0; rv == 0 && i < 5; i++) {
        snprintf(key, sizeof key, "status_%dxx", i + 1);
        rv = wsgi_put_int(d, key, t->status[i]);
    }
    return rv < 0 || wsgi_put_int(d, "gil_wait_count", t->gil_waits) < 0
           || wsgi_put_int(d, "input_bytes", t->input_bytes) < 0
           || wsgi_put_int(d, "input_reads", t->input_reads) < 0
           || wsgi_put_int(d, "output_bytes", t->output_bytes) < 0
           || wsgi_put_int(d, "output_writes", t->output_writes) < 0 ? -1 : 0;
}

static int put_memory(PyObject *d)
{
    uint64_t rss, max_rss;

    wsgi_memory_of_self(&rss, &max_rss);
    return wsgi_put_int(d, "memory_rss", rss) < 0 || wsgi_put_int(d, "memory_max_rss", max_rss) < 0 ? -1 : 0;
}

/* The names of older releases are of the same values. */
static int put_cpu(PyObject *d, const wsgi_sample *s)
{
    static const char *const names[3][2] = {
        {"cpu_user_utilization", "cpu_user_time"},
        {"cpu_system_utilization", "cpu_system_time"},
        {"cpu_utilization", "cpu_time"},
    };
    const double values[3] = {s->cpu_user, s->cpu_system, s->cpu_user + s->cpu_system};
    int i, rv = 0;

    for (i = 0; rv == 0 && i < 6; i++)
        rv = put_float(d, names[i / 2][i % 2], values[i / 2]);
    return rv;
}

/* Is there anything to be told, to this process itself? */
static int recorded(void)
{
    return wsgi_tally_wanted() && wsgi_python_settings()->server->telemetry == NULL;
}

static PyObject *request_metrics(PyObject *module, PyObject *unused)
{
    PyObject *d = NULL;
    wsgi_sample s;
    int i, rv;

    (void)module;
    (void)unused;
    if (!recorded())
        Py_RETURN_NONE;
    if (wsgi_tally_drain(&s) < 0)
        return PyErr_NoMemory();
    d = PyDict_New();
    rv = d == NULL || put_window(d, &s) < 0 || put_threads(d, &s) < 0 || put_totals(d, &s.totals) < 0
         || put_cpu(d, &s) < 0 || put_memory(d) < 0 ? -1 : 0;
    for (i = 0; rv == 0 && i < WSGI_PHASES; i++)
        rv = put_phase(d, &s, i);
    wsgi_sample_free(&s);
    if (rv < 0)
        Py_CLEAR(d);
    return d;
}

/* ---- since the start ---------------------------------------------------------------------- */

static PyObject *threads_of(const wsgi_sample *s)
{
    PyObject *list = PyList_New(0), *item;
    uint32_t i;

    for (i = 0; list != NULL && i < s->nslots; i++) {
        if (s->slots[i].number == 0)
            continue;
        item = Py_BuildValue("{s:I,s:K}", "thread_id", (unsigned)s->slots[i].number,
                             "request_count", (unsigned long long)s->slots[i].lifetime);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static double of_timeval(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int put_process(PyObject *d, const wsgi_sample *s)
{
    double start = wsgi_python_started(), now = seconds(s->stop_us);
    double user = 0, system = 0;
    struct rusage u;

    if (getrusage(RUSAGE_SELF, &u) == 0) {
        user = of_timeval(u.ru_utime);
        system = of_timeval(u.ru_stime);
    }
    return wsgi_put_int(d, "pid", (uint64_t)getpid()) < 0
           || wsgi_put_int(d, "request_count", s->totals.count) < 0
           || put_float(d, "request_busy_time", seconds(s->totals.busy_us)) < 0 || put_memory(d) < 0
           || put_float(d, "cpu_user_time", user) < 0 || put_float(d, "cpu_system_time", system) < 0
           || put_float(d, "cpu_time", user + system) < 0 || put_float(d, "restart_time", start) < 0
           || put_float(d, "current_time", now) < 0
           || wsgi_put_int(d, "running_time", now > start ? (uint64_t)(now - start) : 0) < 0
           || wsgi_put_int(d, "request_threads", s->started) < 0
           || wsgi_put_int(d, "active_requests", s->active) < 0
           || wsgi_put(d, "threads", threads_of(s)) < 0 ? -1 : 0;
}

static PyObject *process_metrics(PyObject *module, PyObject *unused)
{
    PyObject *d;
    wsgi_sample s;

    (void)module;
    (void)unused;
    if (!recorded())
        Py_RETURN_NONE;
    if (wsgi_tally_lifetime(&s) < 0)
        return PyErr_NoMemory();
    d = PyDict_New();
    if (d != NULL && put_process(d, &s) < 0)
        Py_CLEAR(d);
    wsgi_sample_free(&s);
    return d;
}

static PyObject *start_recording_metrics(PyObject *module, PyObject *unused)
{
    int threads = wsgi_python_settings()->threads;

    (void)module;
    (void)unused;
    wsgi_tally_start(threads > 0 ? (uint32_t)threads : 1);
    Py_RETURN_NONE;
}

PyMethodDef wsgi_tally_methods[] = {
    {"start_recording_metrics", start_recording_metrics, METH_NOARGS,
     "start_recording_metrics() -> None\n\nCount requests of this process from now on."},
    {"request_metrics", request_metrics, METH_NOARGS,
     "request_metrics() -> dict or None\n\nWhat requests have cost since the last call."},
    {"process_metrics", process_metrics, METH_NOARGS,
     "process_metrics() -> dict or None\n\nWhat this process has done and used so far."},
    {NULL, NULL, 0, NULL}
};

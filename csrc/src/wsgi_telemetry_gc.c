/* wsgi_telemetry_gc.c - Python's collector of garbage: counts once an interval,
 * and every pass, in each interpreter. See wsgi_telemetry.h. */

#include "wsgi_telemetry_inner.h"
#include "wsgi_events_inner.h"
#include "wsgi_errors.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_MOST       64      /* of an interpreter in one interval */
#define INTERPRETERS_MOST 32
#define NAME_MOST         256
#define COUNTS            17      /* fields 300 to 316 */

typedef struct { uint64_t start_us, ns, generation, collected, uncollectable; } pass;

/* One interpreter; it lives as long as the process. */
typedef struct watched {
    const wsgi_interp *interp;
    pthread_mutex_t lock;
    int seen;                     /* counts are new */
    uint64_t counts[COUNTS];
    pass passes[EVENTS_MOST];
    unsigned npasses;
    uint64_t dropped;             /* passes that did not fit, ever */
    uint64_t start_us, start_ns;  /* of the pass under way; its thread's, GIL held */
    struct watched *next;
} watched;

static struct {
    watched *all;                 /* atomic, append only: by the herald */
    unsigned n;
    uint64_t switch_interval_us;  /* atomic */
} collectors;

double wsgi_gc_switch_interval(void)
{
    return (double)__atomic_load_n(&collectors.switch_interval_us, __ATOMIC_RELAXED) / 1e6;
}

/* ---- in the interpreter, GIL held ------------------------------------------------- */

/* What O counts, borrowed or NULL; True is an int. Without a GIL threads count for
 * themselves before they add it up, so that gc.get_count() may be below zero. */
static uint64_t number(PyObject *o)
{
    long long n = o != NULL && PyLong_Check(o) ? PyLong_AsLongLong(o) : 0;

    if (PyErr_Occurred())
        PyErr_Clear();
    return n > 0 ? (uint64_t)n : 0;
}

static uint64_t number_in(PyObject *info, const char *key)
{
    return number(PyDict_GetItemString(info, key));
}

static void note_pass(watched *g, PyObject *info)
{
    pass p = {g->start_us, wsgi_lap_ns() - g->start_ns, number_in(info, "generation"),
              number_in(info, "collected"), number_in(info, "uncollectable")};

    g->start_us = 0;
    /* In a process that the application forked the lock may never be free. */
    if (pthread_mutex_trylock(&g->lock) != 0)
        return;
    if (g->npasses < EVENTS_MOST)
        g->passes[g->npasses++] = p;
    else
        g->dropped++;
    pthread_mutex_unlock(&g->lock);
}

/* Called by Python before and after each pass. */
static PyObject *on_pass(PyObject *self, PyObject *args)
{
    watched *g = PyCapsule_GetPointer(self, NULL);
    const char *phase;
    PyObject *info;

    if (g == NULL || !PyArg_ParseTuple(args, "sO!", &phase, &PyDict_Type, &info))
        return NULL;
    if (strcmp(phase, "start") == 0) {
        g->start_us = wsgi_clock_us();
        g->start_ns = wsgi_lap_ns();
    }
    else if (g->start_us != 0)
        note_pass(g, info);
    Py_RETURN_NONE;
}

static PyMethodDef on_pass_def = {"on_pass", on_pass, METH_VARARGS, NULL};

/* Have Python call it. 0, or -1 with an exception. */
static int hook(PyObject *gc, watched *g)
{
    PyObject *capsule = PyCapsule_New(g, NULL, NULL), *function = NULL, *list = NULL;
    int rv = -1;

    if (capsule != NULL && (function = PyCFunction_NewEx(&on_pass_def, capsule, NULL)) != NULL
        && (list = PyObject_GetAttrString(gc, "callbacks")) != NULL && PyList_Check(list))
        rv = PyList_Append(list, function);
    Py_XDECREF(list);
    Py_XDECREF(function);
    Py_XDECREF(capsule);
    return rv;
}

/* The numbers of a tuple that METHOD of GC returns, up to three. */
static void read_tuple(PyObject *gc, const char *method, uint64_t *to)
{
    PyObject *t = PyObject_CallMethod(gc, method, NULL);
    Py_ssize_t i;

    for (i = 0; t != NULL && PyTuple_Check(t) && i < PyTuple_GET_SIZE(t) && i < 3; i++)
        to[i] = number(PyTuple_GET_ITEM(t, i));
    Py_XDECREF(t);
    PyErr_Clear();
}

static void read_stats(PyObject *gc, uint64_t *to)
{
    static const char *const keys[3] = {"collections", "collected", "uncollectable"};
    PyObject *list = PyObject_CallMethod(gc, "get_stats", NULL);
    Py_ssize_t i, k;

    for (i = 0; list != NULL && PyList_Check(list) && i < PyList_GET_SIZE(list) && i < 3; i++)
        for (k = 0; k < 3; k++)
            to[3 * k + i] = number_in(PyList_GET_ITEM(list, i), keys[k]);
    Py_XDECREF(list);
    PyErr_Clear();
}

static void read_number(PyObject *gc, const char *method, uint64_t *to)
{
    PyObject *n = PyObject_CallMethod(gc, method, NULL);

    *to = number(n);
    Py_XDECREF(n);
    PyErr_Clear();
}

static void read_switch_interval(void)
{
    PyObject *sys = PyImport_ImportModule("sys");
    PyObject *v = sys != NULL ? PyObject_CallMethod(sys, "getswitchinterval", NULL) : NULL;

    if (v != NULL && PyFloat_Check(v))
        __atomic_store_n(&collectors.switch_interval_us, (uint64_t)(PyFloat_AS_DOUBLE(v) * 1e6 + 0.5),
                         __ATOMIC_RELAXED);
    Py_XDECREF(v);
    Py_XDECREF(sys);
    PyErr_Clear();
}

static void look_at(PyObject *gc, watched *g)
{
    uint64_t counts[COUNTS] = {0};

    read_tuple(gc, "get_count", counts);
    read_tuple(gc, "get_threshold", counts + 3);
    read_stats(gc, counts + 6);
    read_number(gc, "isenabled", counts + 15);
    read_number(gc, "get_freeze_count", counts + 16);
    pthread_mutex_lock(&g->lock);
    memcpy(g->counts, counts, sizeof counts);
    g->seen = 1;
    pthread_mutex_unlock(&g->lock);
}

/* ---- the herald ---------------------------------------------------------------------- */

static watched *find(const wsgi_interp *interp)
{
    watched *g;

    for (g = collectors.all; g != NULL && g->interp != interp; g = g->next)
        ;
    return g;
}

static watched *make(const wsgi_interp *interp)
{
    watched *g = collectors.n < INTERPRETERS_MOST ? calloc(1, sizeof *g) : NULL;

    if (g == NULL)
        return NULL;
    g->interp = interp;
    pthread_mutex_init(&g->lock, NULL);
    g->next = collectors.all;
    collectors.n++;
    return g;
}

void wsgi_gc_look(wsgi_runner *w)
{
    wsgi_interp *i;

    for (i = wsgi_interp_first(); i != NULL; i = i->next) {
        watched *g = find(i), *made = g == NULL ? make(i) : NULL;
        wsgi_slot *slot = g != NULL || made != NULL ? wsgi_interp_slot(w, i) : NULL;
        PyObject *gc;

        if (slot == NULL)
            continue;
        wsgi_interp_enter(slot);
        gc = PyImport_ImportModule("gc");
        if (gc != NULL && made != NULL && hook(gc, made) == 0)
            g = made;
        PyErr_Clear();
        if (gc != NULL && g != NULL)
            look_at(gc, g);
        if (i->group_len == 0)
            read_switch_interval();
        Py_XDECREF(gc);
        wsgi_interp_leave(slot);
        if (made != NULL)         /* known even if it is not called: it is not made again */
            __atomic_store_n(&collectors.all, made, __ATOMIC_RELEASE);
    }
}

/* ---- the reporter ------------------------------------------------------------------------ */

static void put_interpreter(wsgi_buf *b, enum wsgi_datagram_kind kind, const watched *g)
{
    wsgi_telemetry_begin(b, kind);
    wsgi_datagram_text(b, 8, g->interp->group, g->interp->group_len, NAME_MOST);
}

void wsgi_gc_report(void)
{
    watched *g = __atomic_load_n(&collectors.all, __ATOMIC_ACQUIRE);
    pass passes[EVENTS_MOST];
    uint64_t counts[COUNTS + 1];
    wsgi_buf b = {0};
    unsigned n, i;
    int seen;

    for (; g != NULL; g = g->next) {
        pthread_mutex_lock(&g->lock);
        n = g->npasses;
        seen = g->seen;
        memcpy(passes, g->passes, n * sizeof *passes);
        memcpy(counts, g->counts, sizeof g->counts);
        counts[COUNTS] = g->dropped;
        g->npasses = 0;
        g->seen = 0;
        pthread_mutex_unlock(&g->lock);
        put_interpreter(&b, WSGI_DATAGRAM_GC, g);
        for (i = 0; i <= COUNTS; i++)
            wsgi_datagram_u64(&b, (uint16_t)(300 + i), counts[i]);
        if (seen)
            wsgi_telemetry_send(&b);
        for (i = 0; i < n; i++) {
            put_interpreter(&b, WSGI_DATAGRAM_GC_EVENT, g);
            wsgi_datagram_us(&b, 320, passes[i].start_us);
            wsgi_datagram_f64(&b, 321, (double)passes[i].ns / 1e9);
            wsgi_datagram_u64(&b, 322, passes[i].generation);
            wsgi_datagram_u64(&b, 323, passes[i].collected);
            wsgi_datagram_u64(&b, 324, passes[i].uncollectable);
            wsgi_telemetry_send(&b);
        }
    }
    wsgi_buf_free(&b);
}

/* wsgi_environ_py.c - the environ of one request, see wsgi_environ_py.h. */

#include "wsgi_environ_py.h"
#include "wsgi_errors.h"

#include <string.h>

enum key_kind { KEY_LATIN1, KEY_PATH, KEY_OURS };

/* ---- prototype ---------------------------------------------------------------- */

/* VALUE is taken over. */
static int put(PyObject *dict, PyObject *key, PyObject *value)
{
    int rv = value == NULL ? -1 : PyDict_SetItem(dict, key, value);

    Py_XDECREF(value);
    return rv;
}

static int put_named(PyObject *dict, const char *name, PyObject *value)
{
    PyObject *key = PyUnicode_InternFromString(name);
    int rv = -1;

    if (key != NULL)
        rv = put(dict, key, value);
    else
        Py_XDECREF(value);
    Py_XDECREF(key);
    return rv;
}

static PyObject *latin1(const char *text, size_t n)
{
    return PyUnicode_DecodeLatin1(text, (Py_ssize_t)n, NULL);
}

/* New reference. */
static PyObject *make_prototype(wsgi_state *st, const char *application_group)
{
    const wsgi_python_config *c = wsgi_python_settings();
    PyObject *d = PyDict_New(), *errors = wsgi_log_stream(st, WSGI_LINE_ERRORS, "<wsgi.errors>");

    if (d == NULL || errors == NULL) {
        Py_XDECREF(errors);
        Py_XDECREF(d);
        return NULL;
    }
    if (put_named(d, "wsgi.version", Py_BuildValue("(ii)", 1, 0)) < 0
        || PyDict_SetItem(d, st->k_url_scheme, st->s_http) < 0
        || put(d, st->k_input, Py_NewRef(Py_None)) < 0
        || put(d, st->k_early_hints, Py_NewRef(Py_None)) < 0
        || PyDict_SetItemString(d, "wsgi.errors", errors) < 0
        || put(d, st->k_multithread, PyBool_FromLong(c->multithread)) < 0
        || put(d, st->k_multiprocess, PyBool_FromLong(c->multiprocess)) < 0
        || put_named(d, "wsgi.run_once", PyBool_FromLong(c->run_once)) < 0
        || put_named(d, "wsgi.input_terminated", Py_NewRef(Py_True)) < 0
        || put_named(d, "wsgi.file_wrapper", Py_NewRef(st->filewrap_type)) < 0
        || put_named(d, "mod_wsgi.version", Py_BuildValue(WSGI_API_VERSION)) < 0
        || put_named(d, "mod_wsgi.process_group",
                     latin1(c->process_group, strlen(c->process_group))) < 0
        || put_named(d, "mod_wsgi.application_group",
                     latin1(application_group, strlen(application_group))) < 0
        || put(d, st->k_callable_object, Py_NewRef(Py_None)) < 0
        || put(d, st->k_handler_script, latin1("", 0)) < 0
        || put(d, st->k_thread_id, Py_NewRef(Py_None)) < 0
        || put(d, st->k_request_start, Py_NewRef(Py_None)) < 0
        || put(d, st->k_queue_start, PyFloat_FromDouble(0.0)) < 0
        || put(d, st->k_daemon_start, PyFloat_FromDouble(0.0)) < 0
        || put(d, st->k_application_start, Py_NewRef(Py_None)) < 0)
        Py_CLEAR(d);
    Py_DECREF(errors);
    return d;
}

/* That of SLOT, made on first use; borrowed, or NULL with an exception. */
static PyObject *prototype(wsgi_slot *slot)
{
    if (slot->environ == NULL)
        slot->environ = make_prototype(slot->interp->state, slot->interp->group);
    return slot->environ;
}

/* ---- names ----------------------------------------------------------------------- */

/* Is this a key that no variable of a request may set? */
static int kind_of(wsgi_slot *slot, PyObject *key, const wsgi_str *name)
{
    static const char paths[2][16] = {"DOCUMENT_ROOT", "SCRIPT_FILENAME"};
    size_t i;
    int ours;

    for (i = 0; i < 2; i++)
        if (name->len == strlen(paths[i]) && memcmp(name->data, paths[i], name->len) == 0)
            return KEY_PATH;
    ours = PyObject_RichCompareBool(key, slot->interp->state->k_apache_version, Py_EQ);
    if (ours == 0)
        ours = prototype(slot) == NULL ? -1 : PyDict_Contains(slot->environ, key);
    if (ours < 0)
        return -1;
    ours |= (name->len > 5 && memcmp(name->data, "wsgi.", 5) == 0)
            || (name->len > 7 && memcmp(name->data, "apache.", 7) == 0);
    return ours ? KEY_OURS : KEY_LATIN1;
}

static uint32_t hash_name(const wsgi_str *name)
{
    uint32_t h = 2166136261u, i;

    for (i = 0; i < name->len; i++)
        h = (h ^ (unsigned char)name->data[i]) * 16777619u;
    return h ^ (h >> 15);
}

static int same_text(PyObject *key, const wsgi_str *name)
{
    return PyUnicode_GET_LENGTH(key) == (Py_ssize_t)name->len
           && memcmp(PyUnicode_1BYTE_DATA(key), name->data, name->len) == 0;
}

/* The key for NAME; borrowed from the slot. NULL with an exception. */
static const wsgi_key *find_key(wsgi_slot *slot, const wsgi_str *name)
{
    wsgi_key *k = &slot->keys[hash_name(name) % WSGI_KEYS];
    PyObject *key;
    int kind;

    if (k->key != NULL && same_text(k->key, name))
        return k;
    key = latin1(name->data, name->len);
    if (key == NULL)
        return NULL;
    kind = kind_of(slot, key, name);
    if (kind < 0) {
        Py_DECREF(key);
        return NULL;
    }
    /* Interned strings live for ever in some Pythons, so clients must not be
     * able to make up new ones without end: one for each place here. */
    if (k->key == NULL && name->len <= 64)
        PyUnicode_InternInPlace(&key);
    Py_XDECREF(k->key);
    k->key = key;
    k->kind = (uint8_t)kind;
    return k;
}

PyObject *wsgi_environ_name(wsgi_slot *slot, wsgi_str name)
{
    const wsgi_key *k;
    uint32_t i;

    for (i = 0; i < name.len; i++)
        if ((unsigned char)name.data[i] >= 0x80)
            return PyUnicode_DecodeUTF8(name.data, (Py_ssize_t)name.len, "replace");
    k = find_key(slot, &name);
    return k == NULL ? NULL : Py_NewRef(k->key);
}

void wsgi_environ_forget(wsgi_slot *slot)
{
    size_t i;

    for (i = 0; i < WSGI_KEYS; i++)
        Py_CLEAR(slot->keys[i].key);
    Py_CLEAR(slot->environ);
}

/* ---- one request -------------------------------------------------------------------- */

static PyObject *path_value(const wsgi_str *s)
{
    PyObject *v = PyUnicode_DecodeFSDefaultAndSize(s->data, (Py_ssize_t)s->len);

    if (v != NULL)
        return v;
    PyErr_Clear();
    return latin1(s->data, s->len);
}

static int put_pair(wsgi_slot *slot, PyObject *d, const wsgi_pair *pair)
{
    const wsgi_key *k = find_key(slot, &pair->name);

    if (k == NULL)
        return -1;
    switch (k->kind) {
    case KEY_OURS:
        return 0;
    case KEY_PATH:
        return put(d, k->key, path_value(&pair->value));
    default:
        return put(d, k->key, latin1(pair->value.data, pair->value.len));
    }
}

static PyObject *seconds(uint64_t us)
{
    return PyFloat_FromDouble((double)us / 1e6);
}

/* What differs from the prototype in every request, or may. */
static int put_ours(wsgi_state *st, PyObject *d, const wsgi_request *r, PyObject *input,
                    PyObject *hints)
{
    const wsgi_python_config *c = wsgi_python_settings();
    const wsgi_head *h = &r->head;
    wsgi_runner *w = wsgi_runner_known();
    uint64_t now = wsgi_clock_us();

    if (w != NULL)
        wsgi_measure_set(&w->measure.started_us, now);
    if (PyDict_SetItem(d, st->k_input, input) < 0
        || PyDict_SetItem(d, st->k_early_hints, hints) < 0
        || put(d, st->k_thread_id, PyLong_FromLong((long)r->thread)) < 0
        || put(d, st->k_callable_object,
               latin1(h->callable_object.data, h->callable_object.len)) < 0
        || put(d, st->k_request_start, seconds(r->received_us)) < 0
        || put(d, st->k_application_start, seconds(now)) < 0)
        return -1;
    if ((r->flags & WSGI_REQ_HTTPS) && PyDict_SetItem(d, st->k_url_scheme, st->s_https) < 0)
        return -1;
    if (h->handler_script.len > 0
        && put(d, st->k_handler_script, path_value(&h->handler_script)) < 0)
        return -1;
    if (r->taken_us != 0 && (put(d, st->k_queue_start, seconds(r->queued_us)) < 0
                             || put(d, st->k_daemon_start, seconds(r->taken_us)) < 0))
        return -1;
    if (r->multithread != c->multithread
        && put(d, st->k_multithread, PyBool_FromLong(r->multithread)) < 0)
        return -1;
    if (r->multiprocess != c->multiprocess
        && put(d, st->k_multiprocess, PyBool_FromLong(r->multiprocess)) < 0)
        return -1;
    return 0;
}

/* The server's version comes with the first request and stays. */
static int learn_server(wsgi_state *st, PyObject *proto, const wsgi_request *r)
{
    if (r->apache[0] == 0 || PyDict_Contains(proto, st->k_apache_version) == 1)
        return 0;
    return put(proto, st->k_apache_version,
               Py_BuildValue("(iii)", r->apache[0], r->apache[1], r->apache[2]));
}

int wsgi_environ_fill(wsgi_slot *slot, PyObject *environ, const wsgi_head *head)
{
    wsgi_cur cur = wsgi_cur_of(head->pairs, head->pairs_len);
    uint32_t i;

    for (i = 0; i < head->npairs; i++) {
        wsgi_pair pair = wsgi_cur_pair(&cur);

        if (cur.bad) {
            PyErr_SetString(PyExc_SystemError, "request head is cut short");
            return -1;
        }
        if (put_pair(slot, environ, &pair) < 0)
            return -1;
    }
    return 0;
}

PyObject *wsgi_environ_new(wsgi_slot *slot, const wsgi_request *r, PyObject *input,
                           PyObject *hints)
{
    wsgi_state *st = slot->interp->state;
    PyObject *proto = prototype(slot), *d;

    d = proto == NULL || learn_server(st, proto, r) < 0 ? NULL : PyDict_Copy(proto);

    if (d != NULL && (wsgi_environ_fill(slot, d, &r->head) < 0 || put_ours(st, d, r, input, hints) < 0))
        Py_CLEAR(d);
    return d;
}

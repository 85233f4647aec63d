/* wsgi_calls.c - see wsgi_calls.h.
 *
 * What a function returns is judged here, strictly: a verdict that could be taken
 * for another is none, and no verdict is no permission. Scripts are loaded again
 * in place when they have changed, in a daemon process too: it has requests of
 * others to answer.
 */

#include "wsgi_calls.h"
#include "wsgi_environ_py.h"
#include "wsgi_errors.h"
#include "wsgi_script.h"
#include "wsgi_start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const wsgi_request *r;
    const wsgi_call *call;
    const wsgi_peer *peer;
    void *ctx;
    wsgi_runner *runner;
    wsgi_slot *slot;
    wsgi_script *script;
    const char *function;         /* that is called now */
    int code;                     /* the verdict; -1: none yet */
    wsgi_buf values;
    uint32_t nvalues;
} asking;

/* ---- type mod_wsgi.Auth -------------------------------------------------------- */

/* A script may keep it, or use it on a thread of its own: the lock keeps the
 * request from ending under a question. */
typedef struct {
    PyObject_HEAD
    pthread_mutex_t lock;
    const wsgi_peer *peer;        /* NULL: the request is over */
    void *ctx;
    int https;
} auth_object;

static int auth_traverse(PyObject *o, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(o));
    return 0;
}

static void auth_dealloc(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);

    PyObject_GC_UnTrack(o);
    pthread_mutex_destroy(&((auth_object *)o)->lock);
    PyObject_GC_Del(o);
    Py_DECREF(type);
}

static PyObject *over(void)
{
    PyErr_SetString(PyExc_RuntimeError, "the request is over: mod_ssl cannot be asked about it any more");
    return NULL;
}

static PyObject *auth_is_https(PyObject *o, PyObject *unused)
{
    auth_object *a = (auth_object *)o;

    (void)unused;
    return __atomic_load_n(&a->peer, __ATOMIC_ACQUIRE) == NULL ? over() : PyLong_FromLong(a->https);
}

/* Bytes of a name; new reference, or NULL with an exception. */
static PyObject *name_bytes(PyObject *name)
{
    if (PyUnicode_Check(name))
        return PyUnicode_AsLatin1String(name);
    if (PyBytes_Check(name))
        return Py_NewRef(name);
    PyErr_Format(PyExc_TypeError, "the name of a variable must be str or bytes, not %.200s",
                 Py_TYPE(name)->tp_name);
    return NULL;
}

static PyObject *auth_var_lookup(PyObject *o, PyObject *arg)
{
    auth_object *a = (auth_object *)o;
    PyObject *name = name_bytes(arg), *value = NULL;
    wsgi_buf found = {NULL, 0, 0, 0};
    PyThreadState *ts;
    Py_ssize_t n;
    int err;

    if (name == NULL)
        return NULL;
    n = PyBytes_GET_SIZE(name);
    ts = PyEval_SaveThread();
    pthread_mutex_lock(&a->lock);
    if (a->peer == NULL || wsgi_adapter_forked())
        err = ECANCELED;
    else if (n == 0 || n > WSGI_LOOKUP_NAME_MAX)
        err = ENOENT;             /* no variable is called that */
    else
        err = a->peer->lookup(a->ctx, PyBytes_AS_STRING(name), (size_t)n, &found);
    pthread_mutex_unlock(&a->lock);
    PyEval_RestoreThread(ts);
    if (err == 0 && !found.failed)
        value = PyUnicode_DecodeLatin1((const char *)found.data, (Py_ssize_t)found.len, NULL);
    else if (err == ENOENT)
        value = Py_NewRef(Py_None);
    else if (err == ECANCELED)
        over();
    else {
        errno = err != 0 ? err : ENOMEM;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    wsgi_buf_free(&found);
    Py_DECREF(name);
    return value;
}

static PyMethodDef auth_methods[] = {
    {"is_https", auth_is_https, METH_NOARGS, "Does the client speak TLS? 1 or 0."},
    {"var_lookup", auth_var_lookup, METH_O, "The value of a variable of mod_ssl, or None."},
    {NULL, NULL, 0, NULL}
};

static PyType_Slot auth_slots[] = {
    {Py_tp_dealloc, (void *)(uintptr_t)auth_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)auth_traverse},
    {Py_tp_methods, auth_methods},
    {0, NULL}
};

PyType_Spec wsgi_auth_spec = {
    .name = "mod_wsgi.Auth",
    .basicsize = sizeof(auth_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = auth_slots,
};

static PyObject *auth_new(asking *q)
{
    auth_object *a = PyObject_GC_New(auth_object, q->slot->interp->state->auth_type);

    if (a == NULL)
        return NULL;
    pthread_mutex_init(&a->lock, NULL);
    a->peer = q->peer;
    a->ctx = q->ctx;
    a->https = (q->r->flags & WSGI_REQ_HTTPS) != 0;
    PyObject_GC_Track((PyObject *)a);
    return (PyObject *)a;
}

/* Nobody is inside the peer, or comes to be. Drops the reference. GIL held. */
static void auth_end(PyObject **o)
{
    auth_object *a = (auth_object *)*o;
    PyThreadState *ts;

    if (a == NULL)
        return;
    ts = PyEval_SaveThread();
    pthread_mutex_lock(&a->lock);
    __atomic_store_n(&a->peer, NULL, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&a->lock);
    PyEval_RestoreThread(ts);
    Py_CLEAR(*o);
}

/* ---- the environ ------------------------------------------------------------------ */

#define CAPSULE_KEY "apache.request_rec"

/* By a key that the slot keeps, not by one made for this. VALUE is taken over. */
static int put(wsgi_slot *slot, PyObject *d, const char *name, PyObject *value)
{
    wsgi_str text = {name, (uint32_t)strlen(name)};
    PyObject *key = value == NULL ? NULL : wsgi_environ_name(slot, text);
    int rv = key == NULL ? -1 : PyDict_SetItem(d, key, value);

    Py_XDECREF(key);
    Py_XDECREF(value);
    return rv;
}

PyObject *wsgi_capsule_put(wsgi_slot *slot, PyObject *environ, const wsgi_request *r)
{
    PyObject *capsule = PyCapsule_New(r->request_rec, NULL, NULL);

    if (capsule != NULL && put(slot, environ, CAPSULE_KEY, Py_NewRef(capsule)) < 0)
        Py_CLEAR(capsule);
    return capsule;
}

void wsgi_capsule_end(PyObject **capsule)
{
    PyObject *raised;

    if (*capsule == NULL)
        return;
    raised = PyErr_GetRaisedException();
    if (PyCapsule_SetName(*capsule, "apache.request_rec of a request that is over") < 0)
        PyErr_Clear();
    if (raised != NULL)
        PyErr_SetRaisedException(raised);
    Py_CLEAR(*capsule);
}

static PyObject *latin1(const char *p, size_t n)
{
    return PyUnicode_DecodeLatin1(p, (Py_ssize_t)n, NULL);
}

/* What is ours in it comes last, so that no variable of the request takes its
 * place. New reference. */
static PyObject *make_environ(asking *q, PyObject *auth)
{
    const wsgi_request *r = q->r;
    const char *process = wsgi_python_settings()->process_group;
    const wsgi_interp *interp = q->slot->interp;
    PyObject *d = PyDict_New();

    if (d == NULL || wsgi_environ_fill(q->slot, d, &r->head) < 0
        || put(q->slot, d, "apache.version",
               Py_BuildValue("(iii)", r->apache[0], r->apache[1], r->apache[2])) < 0
        || put(q->slot, d, "mod_wsgi.version", Py_BuildValue(WSGI_API_VERSION)) < 0
        || put(q->slot, d, "mod_wsgi.process_group", latin1(process, strlen(process))) < 0
        || put(q->slot, d, "mod_wsgi.application_group", latin1(interp->group, interp->group_len)) < 0
        || put(q->slot, d, "wsgi.errors", Py_NewRef(interp->state->errors)) < 0
        || (auth != NULL
            && (put(q->slot, d, "mod_ssl.is_https", PyObject_GetAttrString(auth, "is_https")) < 0
                || put(q->slot, d, "mod_ssl.var_lookup", PyObject_GetAttrString(auth, "var_lookup")) < 0)))
        Py_CLEAR(d);
    return d;
}

/* ---- verdicts ------------------------------------------------------------------------ */

/* The exception that is set ends the call. */
static enum wsgi_end failed(asking *q)
{
    char line[1024];

    if (PyErr_ExceptionMatches(q->slot->interp->state->request_timeout)) {
        PyErr_Clear();
        wsgi_log_held(WSGI_LOG_ERROR, "WSGIM0643: RequestTimeout ended %s() while processing WSGI script '%s'",
                      q->function, wsgi_script_path(q->script));
        return WSGI_END_TIMEOUT;
    }
    snprintf(line, sizeof line, "WSGIM0640: exception in %s() while processing WSGI script '%s'%s",
             q->function, wsgi_script_path(q->script),
             PyErr_ExceptionMatches(PyExc_SystemExit) ? ", SystemExit ignored" : "");
    wsgi_log_raised(line);
    return WSGI_END_APP_ERROR;
}

/* It says WANTED, and did not get it. Nothing of the value is shown: it may be a
 * secret. */
static enum wsgi_end wrong(asking *q, PyObject *value, const char *wanted)
{
    wsgi_log_held(WSGI_LOG_ERROR, "WSGIM0642: %s() of WSGI script '%s' returned %.200s; it must return %s",
                  q->function, wsgi_script_path(q->script), Py_TYPE(value)->tp_name, wanted);
    return WSGI_END_APP_ERROR;
}

/* Bytes of a str or bytes object; new reference. NULL: it is neither, or, with an
 * exception, not latin-1. */
static PyObject *text_bytes(PyObject *o)
{
    if (PyUnicode_Check(o))
        return PyUnicode_AsLatin1String(o);
    return PyBytes_Check(o) ? Py_NewRef(o) : NULL;
}

static int is_control(unsigned char c)
{
    return c < ' ' || c == 127;
}

/* May these bytes be a name in httpd? There they end at a NUL, and they are put
 * into headers and logs. */
static int is_clean(PyObject *bytes)
{
    Py_ssize_t i;

    for (i = 0; i < PyBytes_GET_SIZE(bytes); i++)
        if (is_control((unsigned char)PyBytes_AS_STRING(bytes)[i]))
            return 0;
    return 1;
}

/* BYTES as a value called NAME. 0, or -1 with an exception: there are too many. */
static int add_value(asking *q, const char *name, PyObject *bytes)
{
    wsgi_buf_pair(&q->values, name, strlen(name), PyBytes_AS_STRING(bytes),
                  (size_t)PyBytes_GET_SIZE(bytes));
    q->nvalues++;
    if (!q->values.failed && q->values.len <= WSGI_FRAME_MAX - 4 && q->nvalues <= WSGI_VERDICT_VALUES_MAX)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s() returned more than %d names or %d bytes", q->function,
                 WSGI_VERDICT_VALUES_MAX, WSGI_FRAME_MAX);
    return -1;
}

/* A text that is to be given back as NAME. */
static enum wsgi_end judge_text(asking *q, PyObject *value, const char *name, int empty,
                                const char *wanted)
{
    PyObject *bytes = text_bytes(value);
    enum wsgi_end end = WSGI_END_OK;

    if (bytes == NULL && PyErr_Occurred())
        return failed(q);
    if (bytes == NULL || !is_clean(bytes) || (!empty && PyBytes_GET_SIZE(bytes) == 0))
        end = wrong(q, value, wanted);
    else if (add_value(q, name, bytes) < 0)
        end = failed(q);
    q->code = WSGI_VERDICT_VALUES;
    Py_XDECREF(bytes);
    return end;
}

static enum wsgi_end judge_access(asking *q, PyObject *value)
{
    q->code = value == Py_None ? WSGI_VERDICT_NONE : value == Py_True ? WSGI_VERDICT_YES : WSGI_VERDICT_NO;
    if (value != Py_None && value != Py_True && value != Py_False)
        return wrong(q, value, "True, False or None");
    return WSGI_END_OK;
}

static enum wsgi_end judge_password(asking *q, PyObject *value)
{
    static const char wanted[] = "True, False, None, or another name for the user as a str that is not "
                                 "empty and has no control characters";

    if (value == Py_None || value == Py_True || value == Py_False) {
        q->code = value == Py_None ? WSGI_VERDICT_NONE : value == Py_True ? WSGI_VERDICT_YES : WSGI_VERDICT_NO;
        return WSGI_END_OK;
    }
    return PyUnicode_Check(value) ? judge_text(q, value, "user", 0, wanted) : wrong(q, value, wanted);
}

static enum wsgi_end judge_hash(asking *q, PyObject *value)
{
    if (value == Py_None) {
        q->code = WSGI_VERDICT_NONE;
        return WSGI_END_OK;
    }
    return judge_text(q, value, "hash", 0, "None, or the digest of user:realm:password as str or bytes");
}

static enum wsgi_end judge_groups(asking *q, PyObject *value)
{
    static const char wanted[] = "an iterable of names of groups, each a str or bytes";
    PyObject *iter, *item, *bytes;
    enum wsgi_end end = WSGI_END_OK;

    /* One name alone would be as many groups as it has letters. */
    if (PyUnicode_Check(value) || PyBytes_Check(value) || Py_TYPE(value)->tp_iter == NULL)
        return wrong(q, value, wanted);
    if ((iter = PyObject_GetIter(value)) == NULL)
        return failed(q);
    q->code = WSGI_VERDICT_VALUES;
    while (end == WSGI_END_OK && (item = PyIter_Next(iter)) != NULL) {
        bytes = text_bytes(item);
        if (bytes == NULL && !PyErr_Occurred())
            end = wrong(q, item, wanted);
        else if (bytes == NULL || add_value(q, "group", bytes) < 0)
            end = failed(q);
        Py_XDECREF(bytes);
        Py_DECREF(item);
    }
    Py_DECREF(iter);
    return end == WSGI_END_OK && PyErr_Occurred() ? failed(q) : end;
}

static enum wsgi_end judge_dispatch(asking *q, PyObject *value)
{
    q->code = WSGI_VERDICT_VALUES;
    if (value == Py_None)
        return WSGI_END_OK;
    return judge_text(q, value, q->function, 1, "None, or a name as str or bytes without control characters");
}

/* ---- functions -------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    enum wsgi_end (*judge)(asking *q, PyObject *value);
    int optional;
} function;

/* Those of each kind, in the order in which they are called. */
static const function functions[][4] = {
    [WSGI_CALL_ACCESS] = {{"allow_access", judge_access, 0}},
    [WSGI_CALL_PASSWORD] = {{"check_password", judge_password, 0}},
    [WSGI_CALL_REALM_HASH] = {{"get_realm_hash", judge_hash, 0}},
    [WSGI_CALL_GROUPS] = {{"groups_for_user", judge_groups, 0}},
    [WSGI_CALL_DISPATCH] = {{"process_group", judge_dispatch, 1}, {"application_group", judge_dispatch, 1},
                            {"callable_object", judge_dispatch, 1}},
};

/* FUNCTION(ENVIRON, arguments). New reference, or NULL with an exception. */
static PyObject *call_function(asking *q, PyObject *f, PyObject *environ)
{
    PyObject *args[1 + WSGI_CALL_ARGS_MAX] = {environ}, *result = NULL;
    int n = wsgi_call_args(q->call->kind), i;

    for (i = 0; i < n; i++)
        if ((args[i + 1] = latin1(q->call->args[i].data, q->call->args[i].len)) == NULL)
            goto done;
    result = PyObject_Vectorcall(f, args, (size_t)n + 1, NULL);
done:
    while (i > 0)
        Py_XDECREF(args[i--]);
    return result;
}

/* A process that the script forked, and that came back here, is not the one that
 * was asked. GIL held. */
static void end_if_forked(asking *q)
{
    if (!wsgi_adapter_forked())
        return;
    PyErr_Clear();
    wsgi_log(WSGI_LOG_ERROR, "WSGIM0644: a process that %s() of WSGI script '%s' forked came back from it "
             "and is ended", q->function, wsgi_script_path(q->script));
    _exit(1);
}

static enum wsgi_end ask_one(asking *q, const function *which, PyObject *environ)
{
    wsgi_str name = {which->name, (uint32_t)strlen(which->name)};
    PyObject *f, *value;
    enum wsgi_end end;

    q->function = which->name;
    f = wsgi_script_callable(q->slot, q->script, name);
    if (f == NULL && PyErr_Occurred())
        return failed(q);
    if (f == NULL && which->optional) {
        q->code = WSGI_VERDICT_VALUES;
        return WSGI_END_OK;
    }
    if (f == NULL) {
        wsgi_log_held(WSGI_LOG_ERROR, "WSGIM0641: WSGI script '%s' has no function %s()",
                      wsgi_script_path(q->script), which->name);
        return WSGI_END_NO_CALLABLE;
    }
    value = call_function(q, f, environ);
    end_if_forked(q);
    end = value == NULL ? failed(q) : which->judge(q, value);
    Py_XDECREF(value);
    Py_DECREF(f);
    return end;
}

/* Ask every function of the kind. GIL held. */
static enum wsgi_end ask(asking *q)
{
    const function *which = functions[q->call->kind];
    PyObject *auth = NULL, *environ = NULL, *capsule = NULL;
    enum wsgi_end end = WSGI_END_OK;

    q->function = which->name;
    if ((q->call->kind != WSGI_CALL_DISPATCH && (auth = auth_new(q)) == NULL)
        || (environ = make_environ(q, auth)) == NULL
        || (q->r->request_rec != NULL && (capsule = wsgi_capsule_put(q->slot, environ, q->r)) == NULL))
        end = failed(q);
    for (; end == WSGI_END_OK && which->name != NULL; which++)
        end = ask_one(q, which, environ);
    wsgi_capsule_end(&capsule);
    Py_XDECREF(environ);
    auth_end(&auth);
    return end;
}

/* The script, as it is on disk now. GIL held. */
static enum wsgi_end prepare(asking *q, const wsgi_stamp *now)
{
    enum wsgi_script_state state;
    unsigned seen;

    state = wsgi_script_check(q->slot, q->script, now, &seen);
    if (state == WSGI_SCRIPT_FAILED)
        wsgi_script_failed(q->slot, q->script);
    else if (state == WSGI_SCRIPT_READY
             || wsgi_script_load(q->slot, q->script, seen, state == WSGI_SCRIPT_STALE) == 0)
        return WSGI_END_OK;
    return WSGI_END_LOAD_FAILED;
}

static enum wsgi_end run_held(asking *q, const wsgi_stamp *now)
{
    enum wsgi_end end = prepare(q, now);

    if (end != WSGI_END_OK)
        return end;
    if (q->peer->begin(q->ctx) != 0)
        return WSGI_END_CANCELLED;
    wsgi_interrupt_begin(q->runner, q->slot->interp, q->r);
    end = ask(q);
    if (wsgi_interrupt_end(q->runner))
        wsgi_log_held(WSGI_LOG_INFO, "RequestTimeout: thread %u recovered (process group '%s')",
                      q->r->thread, q->r->process_group);
    return end;
}

static enum wsgi_end run(asking *q)
{
    const wsgi_head *h = &q->r->head;
    wsgi_interp *interp = wsgi_interp_get(h->application_group.data, h->application_group.len);
    int watch = q->r->flags & WSGI_REQ_RELOADING;
    wsgi_stamp now;
    enum wsgi_end end;

    if (interp == NULL || (q->slot = wsgi_interp_slot(q->runner, interp)) == NULL)
        return WSGI_END_NO_PYTHON;
    q->script = wsgi_script_find(q->slot, h->script.data, h->script.len);
    if (q->script == NULL || wsgi_call_args(q->call->kind) < 0)
        return WSGI_END_INTERNAL;
    if (watch)
        now = wsgi_script_stat(q->script);
    wsgi_interp_enter(q->slot);
    end = run_held(q, watch ? &now : NULL);
    wsgi_interp_leave(q->slot);
    if (end == WSGI_END_OK && (q->values.failed || q->code < 0))
        end = WSGI_END_INTERNAL;
    if (end == WSGI_END_OK && q->peer->verdict(q->ctx, q->code, q->values.data, q->values.len, q->nvalues) != 0)
        end = WSGI_END_CANCELLED;
    return end;
}

enum wsgi_end wsgi_calls_run(const wsgi_request *r, const wsgi_call *call, const wsgi_peer *peer,
                             void *ctx)
{
    asking q = {.r = r, .call = call, .peer = peer, .ctx = ctx, .runner = wsgi_runner_self(), .code = -1};
    enum wsgi_end end;

    if (q.runner == NULL)
        return WSGI_END_INTERNAL;
    wsgi_adapter_watch_forks();
    q.runner->peer = peer;
    q.runner->ctx = ctx;
    q.runner->thread = r->thread;
    end = run(&q);
    wsgi_log_flush(q.runner);
    q.runner->peer = NULL;
    q.runner->ctx = NULL;
    wsgi_buf_free(&q.values);
    return end;
}

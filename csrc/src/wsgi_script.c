/* wsgi_script.c - loading and reloading scripts, see wsgi_script.h. */

#include "wsgi_script.h"
#include "wsgi_environ_py.h"
#include "wsgi_errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct wsgi_script {
    char *path;
    size_t path_len;
    PyObject *module;             /* strong; NULL until loaded */
    wsgi_stamp stamp;             /* of the file that was loaded */
    int loading, failed;          /* now; the last time: under the interpreter's lock, */
    char *failure;                /* as these: why, */
    wsgi_stamp seen;              /* and the change that was noticed last */
    int any_seen;
    int asked;                    /* atomic: see wants_reload */
    unsigned attempts;            /* finished loads; atomic */
    struct wsgi_script *next;
};

#define SOURCE_MAX (64 * 1024 * 1024)

static uint64_t first_attempt_us;     /* atomic */
static int any_loaded;                /* atomic */
static const wsgi_script_gate *gate;  /* set before requests are taken; NULL embedded */

void wsgi_script_keep_failures(const wsgi_script_gate *g)
{
    gate = g;
}

static int exit_asked;            /* atomic */

int wsgi_script_exit_asked(void)
{
    return __atomic_load_n(&exit_asked, __ATOMIC_RELAXED);
}

void wsgi_script_progress(uint64_t *first_us, int *loaded)
{
    *first_us = __atomic_load_n(&first_attempt_us, __ATOMIC_RELAXED);
    *loaded = __atomic_load_n(&any_loaded, __ATOMIC_RELAXED);
}

/* ---- records ------------------------------------------------------------------ */

/* Does PATH name the script S? WSGICaseSensitivity Off: in whatever case. */
static int is_path_of(const wsgi_script *s, const char *path, size_t len)
{
    if (s->path_len != len)
        return 0;
    return memcmp(s->path, path, len) == 0
           || (wsgi_python_settings()->caseless && strncasecmp(s->path, path, len) == 0);
}

static wsgi_script *lookup(wsgi_interp *interp, const char *path, size_t len)
{
    wsgi_script *s = __atomic_load_n(&interp->scripts, __ATOMIC_ACQUIRE);

    for (; s != NULL; s = s->next)
        if (is_path_of(s, path, len))
            return s;
    return NULL;
}

static wsgi_script *append(wsgi_interp *interp, const char *path, size_t len)
{
    wsgi_script *s;

    pthread_mutex_lock(&interp->lock);
    s = lookup(interp, path, len);
    if (s == NULL && (s = calloc(1, sizeof *s)) != NULL) {
        s->path = strndup(path, len);
        s->path_len = len;
        if (s->path == NULL) {
            free(s);
            s = NULL;
        }
        else {
            s->next = interp->scripts;
            __atomic_store_n(&interp->scripts, s, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&interp->lock);
    return s;
}

wsgi_script *wsgi_script_find(wsgi_slot *slot, const char *path, size_t len)
{
    wsgi_script *s = slot->script;

    if (s != NULL && is_path_of(s, path, len))
        return s;
    s = lookup(slot->interp, path, len);
    if (s == NULL)
        s = append(slot->interp, path, len);
    slot->script = s;
    return s;
}

const char *wsgi_script_path(const wsgi_script *s)
{
    return s->path;
}

/* ---- freshness ------------------------------------------------------------------ */

static wsgi_stamp stamp_of(const struct stat *st)
{
    wsgi_stamp w = {(int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                    (int64_t)st->st_size};

    return w;
}

wsgi_stamp wsgi_script_stat(const wsgi_script *s)
{
    struct stat st;
    wsgi_stamp none = {-1, 0};

    return stat(s->path, &st) == 0 ? stamp_of(&st) : none;
}

/* The script's own opinion; an exception is logged and means no. */
static int asks_for_reload(wsgi_script *s, PyObject *hook)
{
    PyObject *path = PyUnicode_DecodeFSDefaultAndSize(s->path, (Py_ssize_t)s->path_len);
    PyObject *r = path == NULL ? NULL : PyObject_CallOneArg(hook, path);
    int yes = r == NULL ? -1 : PyObject_IsTrue(r);
    char line[1024];

    if (yes < 0) {
        snprintf(line, sizeof line, "WSGIM0609: reload_required() of WSGI script '%s' failed, the "
                 "script is not reloaded", s->path);
        wsgi_log_raised(line);
        yes = 0;
    }
    Py_XDECREF(r);
    Py_XDECREF(path);
    return yes;
}

/* The module and the stamp it was loaded with; new reference or NULL. */
static PyObject *current_module(wsgi_interp *interp, wsgi_script *s, wsgi_stamp *stamp,
                                int *has_failed)
{
    PyObject *module;

    wsgi_nogil_lock(&interp->lock);
    module = s->module;
    *stamp = s->stamp;
    *has_failed = s->failed;
    Py_XINCREF(module);
    wsgi_nogil_unlock(&interp->lock);
    return module;
}

static int differ(const wsgi_stamp *a, const wsgi_stamp *b)
{
    return a->mtime_ns != b->mtime_ns || a->size != b->size;
}

int wsgi_script_first_sight(wsgi_slot *slot, wsgi_script *s, const wsgi_stamp *now)
{
    int first;

    wsgi_nogil_lock(&slot->interp->lock);
    first = !s->any_seen || differ(&s->seen, now);
    s->any_seen = 1;
    s->seen = *now;
    wsgi_nogil_unlock(&slot->interp->lock);
    return first;
}

/* Does the module itself want to be loaded again? */
static int module_stale(wsgi_slot *slot, wsgi_script *s, PyObject *module)
{
    wsgi_state *st = slot->interp->state;
    PyObject *dict, *hook = NULL;
    int stale;

    if (!PyModule_Check(module))  /* the script put something else in sys.modules */
        return 0;
    dict = PyModule_GetDict(module);
    if (PyDict_Contains(dict, st->s_mtime) == 0)
        return 1;
    if (PyDict_GetItemRef(dict, st->s_reload_required, &hook) <= 0) {
        PyErr_Clear();
        return 0;
    }
    stale = asks_for_reload(s, hook);
    Py_DECREF(hook);
    return stale;
}

/* The same, and remembered in a daemon process: the one that is to replace it is
 * on the way, whatever the module says until then. */
static int wants_reload(wsgi_slot *slot, wsgi_script *s, PyObject *module)
{
    if (__atomic_load_n(&s->asked, __ATOMIC_RELAXED))
        return 1;
    if (!module_stale(slot, s, module))
        return 0;
    __atomic_store_n(&s->asked, gate != NULL, __ATOMIC_RELAXED);
    return 1;
}

enum wsgi_script_state wsgi_script_check(wsgi_slot *slot, wsgi_script *s, const wsgi_stamp *now,
                                         unsigned *seen)
{
    wsgi_stamp loaded;
    PyObject *module;
    int stale, has_failed;

    *seen = __atomic_load_n(&s->attempts, __ATOMIC_ACQUIRE);
    module = current_module(slot->interp, s, &loaded, &has_failed);
    if (module == NULL && has_failed && gate != NULL)
        return now != NULL && differ(now, &loaded) ? WSGI_SCRIPT_STALE : WSGI_SCRIPT_FAILED;
    if (module == NULL)
        return WSGI_SCRIPT_ABSENT;
    stale = now != NULL && (differ(now, &loaded) || wants_reload(slot, s, module));
    Py_DECREF(module);
    return stale ? WSGI_SCRIPT_STALE : WSGI_SCRIPT_READY;
}

/* ---- loading ---------------------------------------------------------------------- */

/* The whole file; *STAMP is what was read. malloc, or NULL with errno. */
static char *read_source(const char *path, size_t *len, wsgi_stamp *stamp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
    struct stat st;
    char *text = NULL;
    ssize_t n = 0;

    *len = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0)
        err = errno;
    else if (!S_ISREG(st.st_mode))
        err = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    else if (st.st_size > SOURCE_MAX)
        err = EFBIG;
    if (err != 0 || (text = malloc((size_t)st.st_size + 1)) == NULL)
        goto done;
    *stamp = stamp_of(&st);
    while (*len < (size_t)st.st_size
           && (n = read(fd, text + *len, (size_t)st.st_size - *len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err = errno;
            break;
        }
        *len += (size_t)n;
    }
done:
    close(fd);
    if (err != 0) {
        free(text);
        errno = err;
        return NULL;
    }
    return text;
}

/* Name of the script's module, from the digest of its path. hashlib refuses md5
 * where FIPS rules are in force, _md5 does not know of them. New reference. */
static PyObject *module_name(const wsgi_script *s)
{
    PyObject *m = PyImport_ImportModule("_md5"), *hash = NULL, *hex = NULL, *name = NULL;
    PyObject *path = PyBytes_FromStringAndSize(s->path, (Py_ssize_t)s->path_len);

    if (path != NULL && wsgi_python_settings()->caseless)
        Py_SETREF(path, PyObject_CallMethod(path, "lower", NULL));
    if (path == NULL)
        goto done;
    if (m == NULL) {
        PyErr_Clear();
        m = PyImport_ImportModule("hashlib");
    }
    if (m != NULL)
        hash = PyObject_CallMethod(m, "md5", "O", path);
    if (hash != NULL)
        hex = PyObject_CallMethod(hash, "hexdigest", NULL);
    if (hex != NULL)
        name = PyUnicode_FromFormat("_mod_wsgi_%U", hex);
done:
    Py_XDECREF(hex);
    Py_XDECREF(hash);
    Py_XDECREF(m);
    Py_XDECREF(path);
    return name;
}

/* The code of SOURCE, bytes, with regard to its coding line. New reference. Not
 * by the function compile(): what that makes is slow in Pythons without a GIL,
 * since all threads count references to its constants. */
static PyObject *compile_source(PyObject *source, PyObject *path)
{
    PyCompilerFlags flags = {.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
    const char *text = PyBytes_AS_STRING(source);

    if (strlen(text) != (size_t)PyBytes_GET_SIZE(source)) {
        PyErr_SetString(PyExc_SyntaxError, "source code cannot contain null bytes");
        return NULL;
    }
    return Py_CompileStringObject(text, path, Py_file_input, &flags, -1);
}

/* The file's bytes; new reference, or NULL with OSError. Releases the GIL. */
static PyObject *source_bytes(const wsgi_script *s, PyObject *path, wsgi_stamp *stamp)
{
    PyObject *source = NULL;
    char *text;
    size_t len;
    int err;

    Py_BEGIN_ALLOW_THREADS
    errno = ENOMEM;
    text = read_source(s->path, &len, stamp);
    err = errno;
    Py_END_ALLOW_THREADS
    if (text == NULL) {
        errno = err;
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
        return NULL;
    }
    source = PyBytes_FromStringAndSize(text, (Py_ssize_t)len);
    free(text);
    return source;
}

/* Run the file as a new module; new reference, or NULL with an exception and
 * the module gone from sys.modules. */
static PyObject *execute(wsgi_slot *slot, wsgi_script *s, wsgi_stamp *stamp)
{
    PyObject *name = module_name(s), *path = NULL, *source = NULL, *code = NULL;
    PyObject *module = NULL, *mtime = NULL, *modules = PyImport_GetModuleDict();

    if (name == NULL)
        return NULL;
    path = PyUnicode_DecodeFSDefaultAndSize(s->path, (Py_ssize_t)s->path_len);
    if (path == NULL || (source = source_bytes(s, path, stamp)) == NULL
        || (code = compile_source(source, path)) == NULL)
        goto done;
    /* A module of that name would be reused, with all that is in it. */
    if (PyDict_Contains(modules, name) == 1 && PyDict_DelItem(modules, name) < 0)
        goto done;
    module = PyImport_ExecCodeModuleObject(name, code, path, NULL);
    if (module == NULL)
        goto done;
    mtime = PyFloat_FromDouble((double)stamp->mtime_ns / 1e9);
    if (mtime == NULL || PyObject_SetAttr(module, slot->interp->state->s_mtime, mtime) < 0)
        Py_CLEAR(module);
done:
    if (module == NULL) {         /* the old one is not current any more either */
        PyObject *exc = PyErr_GetRaisedException();

        if (PyDict_Contains(modules, name) == 1)
            PyDict_DelItem(modules, name);
        PyErr_SetRaisedException(exc);
    }
    Py_XDECREF(mtime);
    Py_XDECREF(code);
    Py_XDECREF(source);
    Py_XDECREF(path);
    Py_DECREF(name);
    return module;
}

/* The first line names what everything else followed from. */
static void log_failure(wsgi_slot *slot, wsgi_script *s)
{
    PyObject *exc = PyErr_GetRaisedException();
    char text[1024], line[4096];

    if (wsgi_python_settings()->service
        && PyErr_GivenExceptionMatches(exc, PyExc_SystemExit)) {
        __atomic_store_n(&exit_asked, 1, __ATOMIC_RELAXED);
        Py_DECREF(exc);
        return;
    }
    wsgi_exception_text(exc, 1, text, sizeof text);
    wsgi_nogil_lock(&slot->interp->lock);
    free(s->failure);
    s->failure = strdup(text);
    wsgi_nogil_unlock(&slot->interp->lock);
    snprintf(line, sizeof line, "WSGIM0601: Target WSGI script '%s' cannot be loaded: %s%s "
             "(process group '%s', application group '%s')", s->path, text,
             PyErr_GivenExceptionMatches(exc, PyExc_SystemExit) ? " (SystemExit is ignored)" : "",
             wsgi_python_settings()->process_group, slot->interp->group);
    wsgi_log_exception(exc, line);
    Py_DECREF(exc);
}

/* Wait until nobody loads S. 1 if this thread is to load it; if it was loaded
 * since SEEN, 0, or -1 when that failed. GIL not held. */
static int claim(wsgi_interp *interp, wsgi_script *s, unsigned seen)
{
    int rv = 1;

    pthread_mutex_lock(&interp->lock);
    while (s->loading)
        pthread_cond_wait(&interp->loaded, &interp->lock);
    if (s->attempts != seen)
        rv = s->failed ? -1 : 0;
    else
        s->loading = 1;
    pthread_mutex_unlock(&interp->lock);
    return rv;
}

/* The load is over; MODULE, or NULL, is taken over. GIL held: nobody who waits
 * for it has this lock. */
static void release(wsgi_interp *interp, wsgi_script *s, PyObject *module,
                    const wsgi_stamp *stamp)
{
    PyObject *old;

    pthread_mutex_lock(&interp->lock);
    old = s->module;
    s->module = module;
    s->stamp = *stamp;
    s->failed = module == NULL;
    s->loading = 0;
    __atomic_store_n(&s->attempts, s->attempts + 1, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&interp->loaded);
    pthread_mutex_unlock(&interp->lock);
    Py_XDECREF(old);
}

void wsgi_script_failed(wsgi_slot *slot, wsgi_script *s)
{
    char text[1024];

    wsgi_nogil_lock(&slot->interp->lock);
    snprintf(text, sizeof text, "%s", s->failure != NULL ? s->failure : "see above");
    wsgi_nogil_unlock(&slot->interp->lock);
    wsgi_log_held(WSGI_LOG_ERROR, "WSGIM0602: Target WSGI script '%s' could not be loaded, and is not "
                  "tried again in this process: %s", s->path, text);
    if (gate != NULL)
        gate->report(s->path, slot->interp->group, 0);
}

int wsgi_script_elsewhere(const wsgi_slot *slot, const wsgi_script *s)
{
    return gate != NULL && gate->elsewhere(s->path, slot->interp->group);
}

static void note_attempt(void)
{
    uint64_t none = 0;

    __atomic_compare_exchange_n(&first_attempt_us, &none, wsgi_clock_us(), 0,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

int wsgi_script_load(wsgi_slot *slot, wsgi_script *s, unsigned seen, int again)
{
    wsgi_interp *interp = slot->interp;
    wsgi_stamp stamp = {-1, 0};
    PyObject *module;
    PyThreadState *ts;
    int claimed;

    ts = PyEval_SaveThread();
    claimed = claim(interp, s, seen);
    if (claimed == 1)
        wsgi_log(WSGI_LOG_INFO, "%s WSGI script '%s' (process group '%s', application group '%s')",
                 again ? "Reloading" : "Loading", s->path, wsgi_python_settings()->process_group,
                 interp->group);
    else if (claimed < 0 && !wsgi_script_elsewhere(slot, s))
        wsgi_log(WSGI_LOG_ERROR, "WSGIM0602: Target WSGI script '%s' could not be loaded by the "
                 "request that was waited for, see above", s->path);
    PyEval_RestoreThread(ts);
    if (claimed != 1)
        return claimed;

    note_attempt();
    module = execute(slot, s, &stamp);
    if (module == NULL) {
        log_failure(slot, s);
        if (stamp.mtime_ns < 0)   /* not even read; it is there or it is not */
            stamp = wsgi_script_stat(s);
    }
    else
        __atomic_store_n(&any_loaded, 1, __ATOMIC_RELAXED);
    claimed = module == NULL ? -1 : 0;
    release(interp, s, module, &stamp);
    wsgi_interp_watch_gil();
    if (claimed == 0 && gate != NULL)
        gate->report(s->path, interp->group, 1);
    return claimed;
}

/* ---- use ----------------------------------------------------------------------------- */

PyObject *wsgi_script_callable(wsgi_slot *slot, wsgi_script *s, wsgi_str name)
{
    wsgi_stamp stamp;
    int has_failed;
    PyObject *module = current_module(slot->interp, s, &stamp, &has_failed), *key, *value = NULL;

    if (module == NULL)
        return NULL;
    key = wsgi_environ_name(slot, name);
    if (key != NULL)
        PyObject_GetOptionalAttr(module, key, &value);
    Py_XDECREF(key);
    Py_DECREF(module);
    return value;
}

void wsgi_script_forget(wsgi_interp *interp)
{
    wsgi_script *s;

    for (s = interp->scripts; s != NULL; s = s->next)
        Py_CLEAR(s->module);
}

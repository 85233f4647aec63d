/* wsgi_embedded.c - see wsgi_embedded.h.
 *
 * The plugin stays for good (RTLD_NODELETE): a Python that is unloaded leaks
 * thread keys and worse. It is global, since extension modules take Python's
 * symbols from the process. The parent never opens it.
 */
#include "wsgi_embedded.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_env.h"
#include "apr_strings.h"
#include "apr_time.h"
#include "unixd.h"

#include "wsgi_access.h"
#include "wsgi_body.h"
#include "wsgi_config.h"
#include "wsgi_embed.h"
#include "wsgi_environ.h"
#include "wsgi_groups.h"
#include "wsgi_import.h"
#include "wsgi_locate.h"
#include "wsgi_metrics_count.h"
#include "wsgi_report.h"
#include "wsgi_response.h"
#include "wsgi_runtime.h"
#include "wsgi_scoreboard_take.h"

#define COPY_MAX   (64 * 1024)        /* larger data is passed on at once, uncopied */
#define STOP_WAIT  apr_time_from_sec(5)
#define ERROR_LENGTH 1024

/* ---- which half ------------------------------------------------------------------------ */

/* Without daemon groups WSGIPythonHome is for the children, which must be able
 * to reach it as Apache's user; with groups perhaps nothing runs embedded, and
 * each of them was judged as its own user. OK or a status. */
static int check_home(apr_pool_t *pconf, const wsgi_global *global, server_rec *s)
{
    char text[ERROR_LENGTH], group[32];
    wsgi_identity id;
    const char *base, *remark;
    int rv = OK;

    if (global->python_home == NULL || (global->groups != NULL && global->groups->nelts > 0))
        return OK;
    remark = wsgi_runtime_remark(pconf, global->embedded, global->python_home);
    if (remark != NULL)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, WSGI_MSG(0361) "WSGIPythonHome %s", remark);
    if (geteuid() != 0)
        return OK;
    apr_snprintf(group, sizeof(group), "#%lu", (unsigned long)ap_unixd_config.group_id);
    if (wsgi_identity_find(ap_unixd_config.user_name, group, &id, text, sizeof(text)) < 0)
        return OK;                    /* httpd itself says what is wrong with User */
    base = wsgi_runtime_base(pconf, global->python_home);
    if (wsgi_access_check(&id, global->python_home, R_OK | X_OK, text, sizeof(text)) < 0 ||
        (base != NULL && wsgi_access_check(&id, base, X_OK, text, sizeof(text)) < 0)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, WSGI_MSG(0350) "%s%s", "WSGIPythonHome: ", text);
        rv = HTTP_INTERNAL_SERVER_ERROR;
    }
    wsgi_identity_free(&id);
    return rv;
}

/* Can there be Python in a child? */
static int possible(const wsgi_global *global)
{
    return global->restrict_embedded != 1 || global->python_needed;
}

int wsgi_embedded_check(apr_pool_t *pconf, server_rec *s)
{
    wsgi_global *global = wsgi_config_global(s);
    const char *error = "";

    if (!possible(global))
        return OK;
    if (global->runtime == NULL)
        global->runtime = wsgi_runtime_open(pconf, global->runtime_directory, &error);
    if (global->runtime != NULL)
        global->embedded = wsgi_runtime_pick(pconf, global->runtime, global->python_home, &error);
    if (global->embedded != NULL)
        return check_home(pconf, global, s);
    /* Without it daemon groups may still have all they need, and so may a
     * server without any application. What was asked for must be there. */
    global->embedded_error = error;
    if (global->python_home == NULL && global->runtime_directory == NULL && !global->python_needed)
        return OK;
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, WSGI_MSG(0350) "%s%s", global->python_home
                 ? "WSGIPythonHome: " : "", error);
    return wsgi_groups_restarting() ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* ---- the plugin -------------------------------------------------------------------------- */

/* Of this child; the parent has none. */
static struct {
    pthread_mutex_t lock;             /* over opening */
    const wsgi_embed_api *api;        /* set once Python runs */
    int tried;
    server_rec *server;
    int multithread, multiprocess, apache[3];
    const wsgi_embed_script *scripts; /* to be loaded first */
    uint32_t nscripts;
    uint32_t threads;                 /* numbered so far */
    uint32_t running;                 /* requests */
} plugin = { .lock = PTHREAD_MUTEX_INITIALIZER };

static __thread uint32_t thread_number;

static void log_server(void *ctx, int level, const char *text, size_t n)
{
    wsgi_report_server_line(ctx, level, NULL, 0, text, n);
}

static void log_server_at(void *ctx, int level, const char *file, int line, const char *text, size_t n)
{
    wsgi_report_server_line(ctx, level, file, line, text, n);
}

/* Open the plugin and start its Python. Once; NULL if that failed, then also
 * for every later request. */
static const wsgi_embed_api *open_plugin(const wsgi_global *global, server_rec *s)
{
    wsgi_embed_config config;
    wsgi_server description;
    wsgi_embed_entry_fn entry;
    const wsgi_embed_api *api;
    char text[ERROR_LENGTH] = "";
    void *handle;

    if (global->embedded == NULL) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, WSGI_MSG(0351) "no Python for embedded mode: %s",
                     global->embedded_error ? global->embedded_error : "none is installed");
        return NULL;
    }
    handle = dlopen(global->embedded->embed, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    if (handle == NULL) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, WSGI_MSG(0352) "the plugin for embedded mode cannot be "
                     "loaded: %s", dlerror());
        return NULL;
    }
    *(void **)&entry = dlsym(handle, WSGI_EMBED_ENTRY);
    api = entry != NULL ? entry() : NULL;
    if (api == NULL || api->interface_version != WSGI_INTERFACE_VERSION) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, WSGI_MSG(0353) "mod_wsgi.so " MOD_WSGI_VERSION " speaks interface "
                     "%d, %s speaks %d", WSGI_INTERFACE_VERSION, global->embedded->embed,
                     api != NULL ? (int)api->interface_version : 0);
        return NULL;
    }
    memset(&config, 0, sizeof(config));
    config.python_home = global->python_home;
    config.python_path = global->python_path;
    config.runtime = global->runtime->package;
    config.settings = &global->settings;
    config.scripts = plugin.scripts;
    config.nscripts = plugin.nscripts;
    wsgi_report_describe(plugin.server, &description);
    description.parent = (uint64_t)getppid();
    config.server = &description;
    config.log_level = ap_get_server_module_loglevel(plugin.server, wsgi_module.module_index);
    config.log_at = log_server_at;
    config.multithread = plugin.multithread;
    config.multiprocess = plugin.multiprocess;
    config.keep_stdout = ap_exists_config_define("ONE_PROCESS") || ap_exists_config_define("DEBUG");
    config.caseless = wsgi_config_caseless(global);
    config.log = log_server;
    config.scoreboard = global->server_metrics == 1 ? wsgi_score_take : NULL;
    config.log_ctx = plugin.server;
    if (api->start(&config, text, sizeof(text)) < 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, WSGI_MSG(0354) "Python %s cannot be initialised in this child: "
                     "%s", api->python, text);
        return NULL;
    }
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, s, "Python %s runs in this child (%s)", api->python,
                 global->embedded->embed);
    return api;
}

static const wsgi_embed_api *get_plugin(server_rec *s)
{
    const wsgi_embed_api *api = __atomic_load_n(&plugin.api, __ATOMIC_ACQUIRE);

    if (api != NULL)
        return api;
    pthread_mutex_lock(&plugin.lock);
    if (!plugin.tried) {
        plugin.tried = 1;
        __atomic_store_n(&plugin.api, open_plugin(wsgi_config_global(s), plugin.server), __ATOMIC_RELEASE);
    }
    api = plugin.api;
    pthread_mutex_unlock(&plugin.lock);
    return api;
}

/* End Python, unless a request still runs: ending it under a thread that is
 * inside would crash the child on its way out. */
static apr_status_t stop_plugin(void *data)
{
    apr_time_t until = (apr_time_t)wsgi_steady_us() + STOP_WAIT;
    uint32_t running;

    (void)data;
    if (plugin.api == NULL)
        return APR_SUCCESS;
    while ((running = __atomic_load_n(&plugin.running, __ATOMIC_ACQUIRE)) > 0 && (apr_time_t)wsgi_steady_us() < until)
        apr_sleep(apr_time_from_msec(10));
    if (running == 0)
        plugin.api->stop();
    else
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, plugin.server, WSGI_MSG(0355) "%u requests in embedded mode did "
                     "not end; Python is not shut down in this child", running);
    plugin.api = NULL;
    return APR_SUCCESS;
}

void wsgi_embedded_child_init(apr_pool_t *pchild, server_rec *s)
{
    const wsgi_global *global = wsgi_config_global(s);
    int threaded = 0, threads = 1, daemons = 1;
    ap_version_t version;

    if (!possible(global))
        return;
    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &daemons);
    ap_get_server_revision(&version);
    plugin.server = s;
    plugin.multithread = threaded != AP_MPMQ_NOT_SUPPORTED && threads > 1;
    plugin.multiprocess = daemons != 1;
    plugin.apache[0] = version.major;
    plugin.apache[1] = version.minor;
    plugin.apache[2] = version.patch;
    if (global->settings.python_eggs != NULL)
        apr_env_set("PYTHON_EGG_CACHE", global->settings.python_eggs, pchild);
    plugin.scripts = wsgi_import_embedded(pchild, global, &plugin.nscripts);
    apr_pool_cleanup_register(pchild, NULL, stop_plugin, apr_pool_cleanup_null);
    if (plugin.nscripts > 0 || global->python_needed)
        get_plugin(s);
}

/* ---- the request, lent through the table of functions ---------------------------------------- */

typedef struct {
    request_rec *r;
    wsgi_body body;
    wsgi_response out;
    const char *piece;                /* of the body, lent by it */
    size_t piece_left;
    int missing;                      /* HTTP_NOT_FOUND: the script has gone */
} loan;

static int peer_begin(void *ctx)
{
    return ((loan *)ctx)->r->connection->aborted ? ECANCELED : 0;
}

static int peer_stale(void *ctx, enum wsgi_stale how)
{
    loan *l = ctx;

    (void)how;
    if (*l->out.route->handler_script == '\0')
        l->missing = wsgi_locate_missing(l->r);
    return l->missing != OK ? ENOENT : 0;     /* load it again, here */
}

/* The piece lent next; none left at the end of the body. 0 or an errno. */
static int next_piece(loan *l, size_t n)
{
    /* What was answered so far may be what the client waits for. */
    if (wsgi_response_pass(&l->out, 1) != 0)
        return ECONNRESET;
    return wsgi_body_next(&l->body, n, &l->piece, &l->piece_left);
}

static ssize_t peer_read(void *ctx, void *buf, size_t n, int all)
{
    loan *l = ctx;
    size_t got = 0;

    do {
        int error = l->piece_left == 0 ? next_piece(l, n - got) : 0;
        size_t step = n - got < l->piece_left ? n - got : l->piece_left;

        if (error != 0 && got == 0) {         /* else it is told next time */
            errno = error;
            return -1;
        }
        if (step == 0)
            break;
        memcpy((char *)buf + got, l->piece, step);
        got += step;
        l->piece += step;
        l->piece_left -= step;
    } while (all && got < n);
    return (ssize_t)got;
}

static int peer_head(void *ctx, int status, const char *reason, size_t reason_len,
                     int64_t content_length, const void *headers, size_t headers_len,
                     uint32_t nheaders)
{
    wsgi_response_head head = {
        .status = (uint16_t)status,
        .content_length = content_length,
        .reason = { reason, (uint32_t)reason_len },
        .nheaders = nheaders,
        .headers = headers,
        .headers_len = headers_len
    };

    return wsgi_response_start(&((loan *)ctx)->out, &head);
}

static int peer_hints(void *ctx, const void *headers, size_t headers_len, uint32_t nheaders)
{
    wsgi_response_head head = {
        .status = 103,
        .content_length = -1,
        .nheaders = nheaders,
        .headers = headers,
        .headers_len = headers_len
    };

    return wsgi_response_hints(&((loan *)ctx)->out, &head);
}

static int peer_data(void *ctx, const void *p, size_t n, int flush)
{
    loan *l = ctx;
    int error;

    if (n <= COPY_MAX && !flush)
        return wsgi_response_copy(&l->out, p, n);
    error = wsgi_response_lend(&l->out, p, n);
    return error != 0 ? error : wsgi_response_pass(&l->out, flush);
}

static int peer_file(void *ctx, int fd, uint64_t offset, uint64_t length)
{
    return wsgi_response_file(&((loan *)ctx)->out, fd, offset, length);
}

static void peer_log(void *ctx, int level, const char *text, size_t n)
{
    wsgi_report_line(((loan *)ctx)->r, ((loan *)ctx)->out.route, level, NULL, 0, text, n);
}

static void peer_log_at(void *ctx, int level, const char *file, int line, const char *text, size_t n)
{
    wsgi_report_line(((loan *)ctx)->r, ((loan *)ctx)->out.route, level, file, line, text, n);
}

static const wsgi_peer peer = {
    .begin = peer_begin,
    .stale = peer_stale,
    .read = peer_read,
    .head = peer_head,
    .data = peer_data,
    .file = peer_file,
    .log = peer_log,
    .log_at = peer_log_at,
    .hints = peer_hints
};

/* The request as the gateway wants it, or one that a call is about (else NULL);
 * HEAD must outlive the call. 0 or -1. */
static int describe(request_rec *r, const wsgi_route *route, const wsgi_call *call, wsgi_buf *head,
                    wsgi_request *to)
{
    memset(to, 0, sizeof(*to));
    to->flags = call == NULL ? wsgi_environ_write(r, route, head)
                             : wsgi_environ_write_call(r, route, call->kind, head);
    if (head->failed || wsgi_head_decode(head->data, head->len, &to->head) < 0)
        return -1;
    if (thread_number == 0)
        thread_number = __atomic_add_fetch(&plugin.threads, 1, __ATOMIC_RELAXED);
    to->process_group = "";
    to->content_length = route->content_length;
    to->received_us = (uint64_t)r->request_time;
    to->thread = thread_number;
    to->log_level = wsgi_report_level(r);
    to->multithread = plugin.multithread;
    to->multiprocess = plugin.multiprocess;
    memcpy(to->apache, plugin.apache, sizeof(to->apache));
    to->request_rec = wsgi_config_dir(r)->pass_apache_request == 1 ? r : NULL;
    return 0;
}

/* Run it; through TAKEN, how much of its body was read. */
static int run(request_rec *r, const wsgi_route *route, uint64_t *taken)
{
    const wsgi_embed_api *api = get_plugin(r->server);
    wsgi_request request;
    wsgi_buf head;
    enum wsgi_end end;
    loan l;
    uint64_t gil_us, gil_waits;
    int status;

    if (api == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0356) "Python does not run in this child: '%s' is not "
                      "run", route->script);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    memset(&head, 0, sizeof(head));
    if (describe(r, route, NULL, &head, &request) < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0357) "the environment of a request is too large");
        wsgi_buf_free(&head);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    memset(&l, 0, sizeof(l));
    l.r = r;
    wsgi_body_init(&l.body, r, route->content_length);
    wsgi_response_init(&l.out, r, route);
    __atomic_add_fetch(&plugin.running, 1, __ATOMIC_ACQ_REL);
    end = api->run(&request, &peer, &l);
    __atomic_sub_fetch(&plugin.running, 1, __ATOMIC_ACQ_REL);
    api->waited(&gil_us, &gil_waits);
    wsgi_metrics_waited(gil_us, gil_waits);
    wsgi_buf_free(&head);
    if (l.body.error != 0 && !l.out.sent)
        status = wsgi_response_fail(&l.out, l.body.status);      /* one answer: Apache's own */
    else if (l.missing != OK)
        status = wsgi_response_fail(&l.out, l.missing);
    else
        status = wsgi_response_end(&l.out, end);
    *taken = l.body.taken;
    return wsgi_body_leave(&l.body, status);
}

int wsgi_embedded_run(request_rec *r, const wsgi_route *route)
{
    uint64_t taken = 0;
    int status;

    wsgi_metrics_enter(r);
    status = run(r, route, &taken);
    wsgi_metrics_leave(r, taken, status);
    return status;
}

/* ---- calls ------------------------------------------------------------------------------------- */

typedef struct {
    request_rec *r;
    const wsgi_route *route;
    uint8_t kind;
    wsgi_reply *reply;
} question;

static int call_begin(void *ctx)
{
    return ((question *)ctx)->r->connection->aborted ? ECANCELED : 0;
}

static int call_verdict(void *ctx, int code, const void *values, size_t values_len, uint32_t nvalues)
{
    question *q = ctx;
    wsgi_verdict v = { .code = (uint16_t)code, .nvalues = nvalues, .values = values, .values_len = values_len };

    return wsgi_reply_take(q->reply, q->r->pool, q->kind, &v);
}

static int call_lookup(void *ctx, const char *name, size_t n, wsgi_buf *out)
{
    const char *value = wsgi_calls_lookup(((question *)ctx)->r, name, n);

    if (value == NULL)
        return ENOENT;
    wsgi_buf_bytes(out, value, strlen(value));
    return out->failed ? ENOMEM : 0;
}

static void call_log(void *ctx, int level, const char *text, size_t n)
{
    wsgi_report_line(((question *)ctx)->r, ((question *)ctx)->route, level, NULL, 0, text, n);
}

static void call_log_at(void *ctx, int level, const char *file, int line, const char *text, size_t n)
{
    wsgi_report_line(((question *)ctx)->r, ((question *)ctx)->route, level, file, line, text, n);
}

/* There is no answer to be sent, and so no more functions. */
static const wsgi_peer call_peer = {
    .begin = call_begin,
    .log = call_log,
    .log_at = call_log_at,
    .verdict = call_verdict,
    .lookup = call_lookup
};

int wsgi_embedded_call(request_rec *r, const wsgi_route *route, const wsgi_call *call, wsgi_reply *reply)
{
    question q = { r, route, call->kind, reply };
    const wsgi_embed_api *api;
    wsgi_request request;
    wsgi_buf head = { NULL, 0, 0, 0 };
    int status = OK;

    if (!possible(wsgi_config_global(r->server))) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0267) "there is no Python in httpd's children "
                      "(WSGIRestrictEmbedded On) and '%s' is not asked: name a process-group= for it, or name it in "
                      "the configuration of the server", route->script);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    api = get_plugin(r->server);
    if (api == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0356) "Python does not run in this child: '%s' is not "
                      "run", route->script);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (describe(r, route, call, &head, &request) < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0357) "the environment of a request is too large");
        status = HTTP_INTERNAL_SERVER_ERROR;
    }
    else {
        __atomic_add_fetch(&plugin.running, 1, __ATOMIC_ACQ_REL);
        reply->end = api->call(&request, call, &call_peer, &q);
        __atomic_sub_fetch(&plugin.running, 1, __ATOMIC_ACQ_REL);
    }
    wsgi_buf_free(&head);
    return status;
}

/* wsgi_environ.c - see wsgi_environ.h.
 *
 * Order is precedence, a later pair of a name wins: what SetEnv and other
 * modules left, request headers, CGI variables, what a trusted proxy says of
 * them, our own keys. So no SetEnv can pretend to be REMOTE_ADDR, and no other
 * header can pretend to be anything, since only letters, digits and hyphens pass
 * and HTTP_ is put before them.
 */
#include "wsgi_environ.h"

#include "apr_base64.h"
#include "apr_hash.h"
#include "apr_lib.h"
#include "apr_optional.h"
#include "apr_strings.h"
#include "ap_listen.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_script.h"

#include "wsgi_calls_wire.h"
#include "wsgi_config.h"
#include "wsgi_proxies.h"

APR_DECLARE_OPTIONAL_FN(int, ssl_is_https, (conn_rec *));
static APR_OPTIONAL_FN_TYPE(ssl_is_https) *is_https;

static unsigned long child_pid;       /* asking the kernel is a system call */
static int core_log_ids;              /* no module but the core makes them */

void wsgi_environ_retrieve(void)
{
    is_https = APR_RETRIEVE_OPTIONAL_FN(ssl_is_https);
}

void wsgi_environ_child_init(void)
{
    const apr_array_header_t *makers = ap_hook_get_generate_log_id();

    child_pid = (unsigned long)getpid();
    core_log_ids = makers != NULL && makers->nelts == 1;
}

/* The pairs being written. */
typedef struct {
    wsgi_buf *buf;
    uint32_t count;
} pairs;

static void put(pairs *to, const char *name, size_t n, const char *value)
{
    wsgi_buf_pair(to->buf, name, n, value, strlen(value));
    to->count++;
}

/* NAME is a literal. A NULL value writes nothing. */
#define PUT(to, name, value) \
    do { const char *put_value = (value); \
         if (put_value != NULL) put(to, name, sizeof(name) - 1, put_value); } while (0)

static void put_number(pairs *to, const char *name, size_t n, unsigned long value)
{
    char text[24];
    int length = apr_snprintf(text, sizeof(text), "%lu", value);

    wsgi_buf_pair(to->buf, name, n, text, (size_t)length);
    to->count++;
}

#define PUT_NUMBER(to, name, value) put_number(to, name, sizeof(name) - 1, value)

/* ---- what others left ------------------------------------------------------------- */

/* SetEnv, mod_ssl, mod_unique_id, REDIRECT_* of an internal redirect and so on.
 * PATH is the server's own affair; HTTPS is consumed: 1 if it says TLS. */
static int put_subprocess(pairs *to, request_rec *r)
{
    const apr_array_header_t *table = apr_table_elts(r->subprocess_env);
    const apr_table_entry_t *e = (const apr_table_entry_t *)table->elts;
    int i, https = 0;

    for (i = 0; i < table->nelts; i++) {
        if (e[i].key == NULL || e[i].val == NULL || e[i].key[0] == '\0')
            continue;
        if (strcmp(e[i].key, "HTTPS") == 0)
            https = strcasecmp(e[i].val, "on") == 0 || strcmp(e[i].val, "1") == 0;
        else if (strcmp(e[i].key, "PATH") != 0)
            put(to, e[i].key, strlen(e[i].key), e[i].val);
    }
    return https;
}

/* ---- headers -------------------------------------------------------------------------- */

#define HEADER_NAME_MAX 256

/* HTTP_NAME of header NAME into OUT: its length, or 0 if the name is to be
 * dropped (_ would let X_User pass as X-User; longer ones nobody sends). */
static size_t header_variable(const char *name, char out[HEADER_NAME_MAX])
{
    size_t n = 5;

    memcpy(out, "HTTP_", 5);
    for (; *name != '\0'; name++) {
        if (n == HEADER_NAME_MAX)
            return 0;
        if (apr_isalnum(*name))
            out[n++] = apr_toupper(*name);
        else if (*name == '-')
            out[n++] = '_';
        else
            return 0;
    }
    return n;
}

/* Which headers with passwords are shown. */
enum { SHOW_NONE, SHOW_AUTHORIZATION, SHOW_BOTH };

static int credentials(request_rec *r, const wsgi_route *route)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    return core->cgi_pass_auth == AP_CGI_PASS_AUTH_ON ? SHOW_BOTH
         : route->pass_authorization ? SHOW_AUTHORIZATION : SHOW_NONE;
}

/* CHANGES: what a trusted proxy says, NULL if no header is declared. */
static void put_headers(pairs *to, request_rec *r, const wsgi_route *route,
                        const wsgi_forwarded_changes *changes, int show)
{
    const apr_array_header_t *table = apr_table_elts(r->headers_in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)table->elts;
    char name[HEADER_NAME_MAX];
    int i;

    for (i = 0; i < table->nelts; i++) {
        const char *key = e[i].key, *value = e[i].val;
        size_t n;

        if (key == NULL || value == NULL)
            continue;
        switch (key[0] | 0x20) {
        case 'c':
            if (strcasecmp(key, "Content-Type") == 0) {
                PUT(to, "CONTENT_TYPE", value);
                continue;
            }
            if (strcasecmp(key, "Content-Length") == 0) {
                if (route->content_length != WSGI_LENGTH_NONE)
                    PUT(to, "CONTENT_LENGTH", value);
                continue;
            }
            break;
        case 'p':
            /* httpoxy: HTTP_PROXY is a setting of HTTP clients. */
            if (strcasecmp(key, "Proxy") == 0 ||
                (strcasecmp(key, "Proxy-Authorization") == 0 && show != SHOW_BOTH))
                continue;
            break;
        case 'a':
            if (strcasecmp(key, "Authorization") == 0 && show == SHOW_NONE)
                continue;
            break;
        case 'x':
            if (changes != NULL && wsgi_proxies_hides(changes, key))
                continue;
            break;
        }
        n = header_variable(key, name);
        if (n > 0)
            put(to, name, n, value);
    }
}

/* ---- CGI variables --------------------------------------------------------------------- */

/* The target of the request line, whatever it was rewritten to since. */
static const char *original_target(request_rec *r)
{
    const char *start, *end;

    if (r->the_request == NULL || (start = strchr(r->the_request, ' ')) == NULL)
        return r->unparsed_uri ? r->unparsed_uri : r->uri;
    start += strspn(start, " ");
    end = start + strcspn(start, " ");
    return apr_pstrmemdup(r->pool, start, end - start);
}

static const char *request_uri(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *rule = core->cgi_var_rules == NULL ? NULL
                       : apr_hash_get(core->cgi_var_rules, "REQUEST_URI", APR_HASH_KEY_STRING);

    return rule != NULL && strcmp(rule, "current-uri") == 0 ? r->uri : original_target(r);
}

/* What an internal redirect came from. The REDIRECT_ forms of variables are in
 * subprocess_env, where Apache puts them. */
static void put_redirect(pairs *to, request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const request_rec *back;

    if (r->prev == NULL)
        return;
    PUT(to, "REDIRECT_URL", core->qualify_redirect_url == AP_CORE_CONFIG_ON
                            ? ap_construct_url(r->pool, r->prev->uri, r->prev) : r->prev->uri);
    PUT(to, "REDIRECT_QUERY_STRING", r->prev->args);
    for (back = r->prev; r->user == NULL && back != NULL; back = back->prev)
        if (back->user != NULL) {
            PUT(to, "REDIRECT_REMOTE_USER", back->user);
            break;
        }
}

static const char *server_name(request_rec *r)
{
    const char *name = ap_get_server_name_for_url(r);

    return strpbrk(name, "<>&\"'") == NULL ? name : ap_escape_html(r->pool, name);
}

/* Of those, the ones that are known of any request, whoever is to answer it. */
static void put_request(pairs *to, request_rec *r, const wsgi_route *route)
{
    conn_rec *c = r->connection;

    PUT(to, "REQUEST_METHOD", route->method);
    PUT(to, "SCRIPT_NAME", route->script_name);
    PUT(to, "PATH_INFO", route->path_info);
    PUT(to, "QUERY_STRING", r->args ? r->args : "");
    PUT(to, "REQUEST_URI", request_uri(r));
    PUT(to, "SERVER_PROTOCOL", r->protocol);
    PUT(to, "SERVER_NAME", server_name(r));
    PUT_NUMBER(to, "SERVER_PORT", ap_get_server_port(r));
    PUT(to, "SERVER_ADDR", c->local_ip);
    PUT(to, "REMOTE_ADDR", r->useragent_ip);
    PUT_NUMBER(to, "REMOTE_PORT", c->client_addr->port);
    PUT(to, "SERVER_SOFTWARE", ap_get_server_banner());
    if (r->server->server_admin != NULL && strcmp(r->server->server_admin, DEFAULT_ADMIN) != 0)
        put(to, "SERVER_ADMIN", 12, r->server->server_admin);
    PUT(to, "DOCUMENT_ROOT", ap_document_root(r));
}

static void put_cgi(pairs *to, request_rec *r, const wsgi_route *route)
{
    put_request(to, r, route);
    PUT(to, "CONTEXT_PREFIX", ap_context_prefix(r));
    PUT(to, "CONTEXT_DOCUMENT_ROOT", ap_context_document_root(r));
    PUT(to, "REQUEST_SCHEME", ap_http_scheme(r));
    PUT(to, "SCRIPT_FILENAME", r->filename);
    PUT(to, "REMOTE_USER", r->user);
    PUT(to, "AUTH_TYPE", r->ap_auth_type);
}

/* What proxies say of the client, over what Apache knows of the connection. */
static void put_forwarded(pairs *to, const wsgi_forwarded_changes *changes)
{
    PUT(to, "REMOTE_ADDR", changes->value[WSGI_FORWARDED_CLIENT].data);
    PUT(to, "HTTP_X_FORWARDED_FOR", changes->chain);
    PUT(to, "HTTP_HOST", changes->value[WSGI_FORWARDED_HOST].data);
    PUT(to, "SERVER_NAME", changes->value[WSGI_FORWARDED_SERVER].data);
    PUT(to, "SERVER_PORT", changes->value[WSGI_FORWARDED_PORT].data);
    PUT(to, "SCRIPT_NAME", changes->value[WSGI_FORWARDED_SCRIPT].data);
    PUT(to, "mod_wsgi.mount_point", changes->value[WSGI_FORWARDED_SCRIPT].data);
}

/* ---- our own keys ------------------------------------------------------------------------ */

/* Host of the socket the connection came in by; "" if that listens on all. */
static const char *listener_host(const conn_rec *c)
{
    const ap_listen_rec *l;

    for (l = ap_listeners; l != NULL; l = l->next)
        if (l->bind_addr != NULL && l->bind_addr->port == c->local_addr->port &&
            apr_sockaddr_equal(l->bind_addr, c->local_addr))
            return c->local_ip;
    return "";
}

/* The id as the core makes it, of time, process and thread, but without asking
 * the kernel for the process each time. It is what %L logs, too. */
static void set_log_id(request_rec *r)
{
    uint64_t id = (uint64_t)r->request_time;
    char *text = apr_palloc(r->pool, (apr_size_t)apr_base64_encode_len(sizeof(id)));
    int length;

    id ^= (uint64_t)child_pid << 40;
    id ^= (uint64_t)child_pid >> 24;
    id ^= (uint64_t)(uintptr_t)r->connection->current_thread << 32;
    length = apr_base64_encode(text, (const char *)&id, sizeof(id));
    text[length - 2] = '\0';         /* before the = that is always there */
    r->log_id = text;
}

static const char *request_id(request_rec *r)
{
    if (r->log_id == NULL && core_log_ids)
        set_log_id(r);
    if (r->log_id == NULL) {
        const char *id = NULL;

        if (ap_run_generate_log_id(r->connection, r, &id) == OK)
            r->log_id = id;
    }
    return r->log_id ? r->log_id : "";
}

static void put_module(pairs *to, request_rec *r, const wsgi_route *route)
{
    PUT(to, "mod_wsgi.request_handler", r->handler);
    PUT(to, "mod_wsgi.script_name", route->script_name);
    PUT(to, "mod_wsgi.path_info", route->path_info);
    PUT(to, "mod_wsgi.listener_host", listener_host(r->connection));
    PUT_NUMBER(to, "mod_wsgi.listener_port", r->connection->local_addr->port);
    PUT_NUMBER(to, "mod_wsgi.server_pid", child_pid);
    PUT(to, "mod_wsgi.request_id", request_id(r));
    PUT(to, "mod_wsgi.connection_id", r->connection->log_id);
}

/* The strings of ROUTE. Returns where the number of pairs goes that follow. */
static size_t begin_head(const wsgi_route *route, wsgi_buf *out)
{
    size_t count_at;

    wsgi_buf_str(out, route->script, strlen(route->script));
    wsgi_buf_str(out, route->application_group, strlen(route->application_group));
    wsgi_buf_str(out, route->callable_object, strlen(route->callable_object));
    wsgi_buf_str(out, route->handler_script, strlen(route->handler_script));
    count_at = out->len;
    wsgi_buf_u32(out, 0);
    return count_at;
}

uint8_t wsgi_environ_write_call(request_rec *r, const wsgi_route *route, uint8_t kind, wsgi_buf *out)
{
    wsgi_forwarded_changes forwarded;
    const wsgi_forwarded_changes *changes = wsgi_proxies_judge(r, &forwarded) ? &forwarded : NULL;
    size_t count_at = begin_head(route, out);
    pairs to = { out, 0 };

    if (kind == WSGI_CALL_DISPATCH) {
        put_subprocess(&to, r);
        put_headers(&to, r, route, changes, credentials(r, route));
        put_redirect(&to, r);
        put_cgi(&to, r, route);
    }
    else {
        put_headers(&to, r, route, changes, SHOW_NONE);
        put_request(&to, r, route);
        PUT(&to, "SERVER_SIGNATURE", ap_psignature("", r));
        PUT(&to, "REMOTE_HOST", ap_get_useragent_host(r, REMOTE_HOST, NULL));
    }
    if (changes != NULL)
        put_forwarded(&to, changes);
    wsgi_buf_patch_u32(out, count_at, to.count);
    return (is_https != NULL && is_https(r->connection) ? WSGI_REQ_HTTPS : 0) |
           (route->script_reloading ? WSGI_REQ_RELOADING : 0) | (route->ignore_activity ? WSGI_REQ_UNSEEN : 0);
}

uint8_t wsgi_environ_write(request_rec *r, const wsgi_route *route, wsgi_buf *out)
{
    size_t count_at = begin_head(route, out);
    wsgi_forwarded_changes forwarded;
    const wsgi_forwarded_changes *changes = wsgi_proxies_judge(r, &forwarded) ? &forwarded : NULL;
    pairs to = { out, 0 };
    uint8_t flags = 0;
    int https;

    https = put_subprocess(&to, r) || (is_https != NULL && is_https(r->connection));
    if (changes != NULL && changes->https != -1)
        https = changes->https;
    if (https)
        flags |= WSGI_REQ_HTTPS;
    put_headers(&to, r, route, changes, credentials(r, route));
    put_redirect(&to, r);
    put_cgi(&to, r, route);
    if (changes != NULL)
        put_forwarded(&to, changes);
    put_module(&to, r, route);
    wsgi_buf_patch_u32(out, count_at, to.count);
    if (route->script_reloading)
        flags |= WSGI_REQ_RELOADING;
    if (route->ignore_activity)
        flags |= WSGI_REQ_UNSEEN;
    if (route->head_only)
        flags |= WSGI_REQ_HEAD;
    return flags;
}

/* wsgi_request.c - see wsgi_request.h.
 *
 * A request that is not ours costs the handler one comparison. For one that is,
 * the checks are made in the order of the reference, so that the same mistake
 * gives the same status.
 */
#include "wsgi_request.h"

#include <ctype.h>

#include "apr_env.h"
#include "apr_strings.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"
#include "util_script.h"

#include "wsgi_config.h"
#include "wsgi_dispatch.h"
#include "wsgi_embedded.h"
#include "wsgi_groups.h"
#include "wsgi_locate.h"
#include "wsgi_relay.h"
#include "wsgi_wire.h"

#define SCRIPT_HANDLER "wsgi-script"
#define SCRIPT_TYPE    "application/x-httpd-wsgi"
#define FORCED_TYPE    "alias-forced-type"    /* as mod_alias notes it for ScriptAlias */

/* ---- WSGIScriptAlias ------------------------------------------------------------ */

/* How many bytes of URI the alias LOCATION matches, 0 if it does not. Runs of
 * slashes are equal, and a match ends where a path component ends. */
static size_t match_location(const char *uri, const char *location)
{
    const char *u = uri, *l = location;

    while (*l != '\0') {
        if (*l == '/') {
            if (*u != '/')
                return 0;
            while (*l == '/')
                l++;
            while (*u == '/')
                u++;
        }
        else if (*l++ != *u++)
            return 0;
    }
    if (l[-1] != '/' && *u != '\0' && *u != '/')
        return 0;
    return (size_t)(u - uri);
}

static int is_root(const char *location)
{
    return location[strspn(location, "/")] == '\0';
}

static int map_location(request_rec *r, const wsgi_alias *alias)
{
    size_t matched = match_location(r->uri, alias->location);

    if (matched == 0)
        return DECLINED;
    r->filename = apr_pstrcat(r->pool, alias->file,
                              is_root(alias->location) ? r->uri : r->uri + matched, NULL);
    return OK;
}

/* WSGIScriptAliasMatch. A match that is no more than the first slash gives
 * that to the path info, as the alias / does. */
static int map_regex(request_rec *r, const wsgi_alias *alias)
{
    ap_regmatch_t groups[AP_MAX_REG_MATCH];
    const char *rest, *file;

    if (ap_regexec(alias->regex, r->uri, AP_MAX_REG_MATCH, groups, 0) != 0)
        return DECLINED;
    rest = r->uri + groups[0].rm_eo;
    if (rest == r->uri + 1)
        rest = r->uri;
    file = ap_pregsub(r->pool, alias->file, r->uri, AP_MAX_REG_MATCH, groups);
    if (file == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0215) "WSGIScriptAliasMatch %s: the groups of "
                      "this URL make no file name of '%s'", alias->location, alias->file);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    r->filename = apr_pstrcat(r->pool, file, rest, NULL);
    return OK;
}

int wsgi_request_translate(request_rec *r)
{
    const wsgi_server_config *server = wsgi_config_server(r->server);
    int i;

    if (r->uri == NULL || r->uri[0] != '/')
        return DECLINED;
    for (i = 0; i < server->aliases->nelts; i++) {
        wsgi_alias *alias = &APR_ARRAY_IDX(server->aliases, i, wsgi_alias);
        int matched = alias->regex != NULL ? map_regex(r, alias) : map_location(r, alias);

        if (matched == DECLINED)
            continue;
        if (matched != OK)
            return matched;
        r->handler = SCRIPT_HANDLER;
        apr_table_setn(r->notes, FORCED_TYPE, SCRIPT_HANDLER);
        ap_set_module_config(r->request_config, &wsgi_module, alias);
        return OK;
    }
    return DECLINED;
}

/* ---- tokens ----------------------------------------------------------------------- */

static const char *with_port(request_rec *r, const char *host, apr_port_t port)
{
    if (port == 80 || port == 443 || port == 0)
        return host;
    return apr_psprintf(r->pool, "%s:%u", host, port);
}

/* That of ServerName, or of the socket. With UseCanonicalName Off Apache takes
 * the port of the Host field, and by default, where nobody asked for the token,
 * a client could make an interpreter for each number that it writes there. */
static apr_port_t true_port(request_rec *r)
{
    apr_port_t port = ap_get_server_port(r), socket = r->connection->local_addr->port;

    return port == 80 || port == 443 || port == r->server->port ? port : socket;
}

/* The value of %{ENV:NAME} where VALUE is that token, else NULL. */
static const char *env_value(request_rec *r, const char *value)
{
    size_t n = strlen(value);
    const char *name, *found;
    char *process = NULL;

    if (strncmp(value, "%{ENV:", 6) != 0 || value[n - 1] != '}')
        return NULL;
    name = apr_pstrmemdup(r->pool, value + 6, n - 7);
    if ((found = apr_table_get(r->notes, name)) == NULL &&
        (found = apr_table_get(r->subprocess_env, name)) == NULL &&
        apr_env_get(&process, name, r->pool) == APR_SUCCESS)
        found = process;
    return found;
}

/* %{RESOURCE}, in lower case behind the server if case says nothing. */
static const char *resource(request_rec *r, const char *script_name)
{
    const char *name = script_name;

    if (wsgi_config_caseless(wsgi_config_global(r->server))) {
        char *lower = apr_pstrdup(r->pool, script_name);

        ap_str_tolower(lower);
        name = lower;
    }
    return apr_pstrcat(r->pool, with_port(r, r->server->server_hostname, true_port(r)), "|", name, NULL);
}

/* The name that a group directive means for this request. A token that is not
 * known, or has no value, stays as it is written. */
static const char *expand_group(request_rec *r, const char *script_name, const char *value)
{
    if (value[0] != '%')
        return value;
    if (strncmp(value, "%{ENV:", 6) == 0) {
        const char *found = env_value(r, value);

        if (found == NULL)
            return value;
        if (found[0] != '%' || strncmp(found, "%{ENV:", 6) == 0)
            return found;
        value = found;                /* once more, but not without end */
    }
    if (strcmp(value, "%{GLOBAL}") == 0)
        return "";
    if (strcmp(value, "%{SERVER}") == 0)
        return with_port(r, r->server->server_hostname, ap_get_server_port(r));
    if (strcmp(value, "%{HOST}") == 0)
        return with_port(r, r->hostname ? r->hostname : r->server->server_hostname, ap_get_server_port(r));
    if (strcmp(value, "%{RESOURCE}") == 0)
        return resource(r, script_name);
    return value;
}

const char *wsgi_request_script_group(request_rec *r, const char *value)
{
    return strcmp(value, "%{SERVER}") == 0 || strcmp(value, "%{HOST}") == 0 ? expand_group(r, "", value) : value;
}

static const char *expand_callable(request_rec *r, const char *value)
{
    const char *found;

    if (value[0] != '%')
        return value;
    found = env_value(r, value);
    return found != NULL && *found != '\0' && *found != '%' ? found : "application";
}

/* ---- checks ------------------------------------------------------------------------- */

static int refuse_file(request_rec *r)
{
    if (!(ap_allow_options(r) & OPT_EXECCGI) && apr_table_get(r->notes, FORCED_TYPE) == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0200) "Options ExecCGI is off in this "
                      "directory: '%s' is not run", r->filename);
        return HTTP_FORBIDDEN;
    }
    if (r->finfo.filetype == APR_NOFILE)
        return wsgi_locate_not_found(r);
    if (r->finfo.filetype == APR_DIR) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0202) "a directory is not a WSGI script: "
                      "'%s'", r->filename);
        return HTTP_FORBIDDEN;
    }
    return OK;
}

/* A Content-Length, digit by digit: no sign, no space, no overflow. 0 or -1. */
static int parse_length(const char *text, int64_t *out)
{
    int64_t value = 0;

    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text) || value > (INT64_MAX - 9) / 10)
            return -1;
        value = value * 10 + (*text - '0');
    }
    *out = value;
    return 0;
}

/* Does R show the ErrorDocument of a request that failed? Apache makes it a GET
 * and leaves it the headers; the body belongs to the one that failed, which may
 * have read it. */
static int is_error_document(const request_rec *r)
{
    for (; r->prev != NULL; r = r->prev)
        if (r->method_number == M_GET && apr_table_get(r->subprocess_env, "REDIRECT_REQUEST_METHOD") != NULL)
            return 1;
    return 0;
}

/* How the body is framed, into *LENGTH; or the status that refuses it. */
static int refuse_body(request_rec *r, int64_t *length)
{
    const char *coding = apr_table_get(r->headers_in, "Transfer-Encoding");
    const char *declared = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t limit;

    *length = WSGI_LENGTH_NONE;
    if (is_error_document(r))
        return OK;
    if (coding != NULL && strcasecmp(coding, "chunked") != 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0204) "unknown Transfer-Encoding '%s'", coding);
        return HTTP_NOT_IMPLEMENTED;
    }
    if (coding != NULL && wsgi_config_dir(r)->chunked_request != 1) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0205) "chunked request bodies are not "
                      "accepted here (WSGIChunkedRequest Off): '%s'", r->uri);
        return HTTP_LENGTH_REQUIRED;
    }
    if (coding != NULL && declared != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0216) "a request with both Transfer-Encoding and "
                      "Content-Length: '%s'", r->uri);
        return HTTP_BAD_REQUEST;
    }
    if (coding != NULL) {
        *length = WSGI_LENGTH_CHUNKED;      /* LimitRequestBody is held by Apache while it is read */
        return OK;
    }
    if (declared == NULL)
        return OK;
    if (parse_length(declared, length) < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0206) "invalid Content-Length '%s'", declared);
        return HTTP_BAD_REQUEST;
    }
    limit = ap_get_limit_req_body(r);
    if (limit > 0 && *length > limit) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0207) "a request body of %" APR_INT64_T_FMT
                      " bytes exceeds LimitRequestBody %" APR_OFF_T_FMT, *length, limit);
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    return OK;
}

static int refuse_path_info(request_rec *r)
{
    if (r->used_path_info != AP_REQ_REJECT_PATH_INFO || r->path_info == NULL || *r->path_info == '\0')
        return OK;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0203) "AcceptPathInfo is Off and '%s' has the "
                  "path info '%s'", r->filename, r->path_info);
    return HTTP_NOT_FOUND;
}

/* ---- the route ------------------------------------------------------------------------ */

static const char *collapsed(request_rec *r, const char *path)
{
    char *copy;

    if (strstr(path, "//") == NULL)
        return path;
    copy = apr_pstrdup(r->pool, path);
    ap_no2slash(copy);
    return copy;
}

/* WSGIMapHEADToGET: a filter of content may need the body that GET has to give
 * HEAD the same headers. What comes out of it is dropped by Apache. */
static void choose_method(request_rec *r, wsgi_route *route)
{
    int map = wsgi_config_dir(r)->map_head;

    route->method = r->method;
    route->head_only = r->header_only;
    if (!r->header_only || r->method_number != M_GET || map == WSGI_MAP_HEAD_OFF)
        return;
    if (map == WSGI_MAP_HEAD_ON ||
        (r->output_filters != NULL && r->output_filters->frec->ftype < AP_FTYPE_PROTOCOL)) {
        route->method = "GET";
        route->head_only = 0;
    }
}

void wsgi_request_split(request_rec *r, wsgi_route *route)
{
    const char *name = r->uri;

    if (r->path_info != NULL && *r->path_info != '\0')
        name = apr_pstrmemdup(r->pool, r->uri, ap_find_path_info(r->uri, r->path_info));
    route->script_name = collapsed(r, name);
    route->path_info = collapsed(r, r->path_info ? r->path_info : "");
}

static const char *first(const char *a, const char *b, const char *c)
{
    return a != NULL ? a : b != NULL ? b : c;
}

/* script-user and script-group of the group. */
static int refuse_owner(request_rec *r, const wsgi_route *route)
{
    char text[1024];

    if (wsgi_access_owned(&route->group->owner, route->script, text, sizeof(text)) == 0)
        return OK;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0245) "daemon process group '%s' does not run this "
                  "script, see its script-%s: %s", route->group->name,
                  route->group->owner.by_user ? "user" : "group", text);
    return HTTP_FORBIDDEN;
}

int wsgi_request_admit(request_rec *r, const wsgi_route *route)
{
    if (wsgi_group_visible(route->group, r->server))
        return refuse_owner(r, route);
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0209) "the daemon process group '%s' belongs to "
                  "the virtual host %s and cannot be used from %s", route->group->name,
                  route->group->server->server_hostname, r->server->server_hostname);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* WSGIRestrictProcess: names are equal byte for byte. "" is embedded mode. */
static int refuse_group(request_rec *r, const char *name, const wsgi_route *route)
{
    const apr_array_header_t *allowed = wsgi_config_dir(r)->restrict_process;
    int i;

    if (allowed == NULL)
        return OK;
    for (i = 0; i < allowed->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(allowed, i, const char *), name) == 0)
            return OK;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0217) "WSGIRestrictProcess does not list %s%s%s, "
                  "which is chosen for '%s'", *name ? "the daemon process group '" : "embedded mode "
                  "(%{GLOBAL})", name, *name ? "'" : "", route->script);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Who runs it: as DISPATCHED, by OPTIONS of the alias or handler script (NULL:
 * none), then the directory, then the defaults. Returns OK or a status. */
static int choose_group(request_rec *r, const wsgi_choice *dispatched, const wsgi_choice *options,
                        wsgi_route *route)
{
    const wsgi_dir_config *dir = wsgi_config_dir(r);
    const wsgi_global *global = wsgi_config_global(r->server);
    const char *name;
    int status;

    name = first(options ? options->process_group : NULL, dir->process_group, "");
    name = expand_group(r, route->script_name, first(dispatched->process_group, name, NULL));
    route->application_group =
        first(options ? options->application_group : NULL, dir->application_group, "%{RESOURCE}");
    route->application_group =
        expand_group(r, route->script_name, first(dispatched->application_group, route->application_group, NULL));
    if ((status = refuse_group(r, name, route)) != OK)
        return status;
    if (*name == '\0') {
        if (global->restrict_embedded == 1) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0210) "embedded mode is off "
                          "(WSGIRestrictEmbedded On) and no process group is chosen for '%s'",
                          route->script);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        return OK;
    }
    route->group = wsgi_config_group(global, name);
    if (route->group == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0208) "there is no daemon process group "
                      "'%s' for '%s'", name, route->script);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return wsgi_request_admit(r, route);
}

static int build_route(request_rec *r, const wsgi_handler_script *handler, wsgi_route *route)
{
    const wsgi_dir_config *dir = wsgi_config_dir(r);
    const wsgi_alias *alias = ap_get_module_config(r->request_config, &wsgi_module);
    const wsgi_choice *options = handler ? &handler->choice : alias ? &alias->choice : NULL;
    wsgi_choice dispatched;
    int status;

    wsgi_request_split(r, route);
    route->script = handler ? handler->file : r->filename;
    route->handler_script = handler ? handler->file : "";
    if (handler != NULL)
        route->callable_object = "handle_request";
    else if (options != NULL && options->callable_object != NULL)
        route->callable_object = options->callable_object;
    else
        route->callable_object = dir->callable_object ? expand_callable(r, dir->callable_object)
                                                      : "application";
    route->pass_authorization = options != NULL && options->pass_authorization != -1
                                ? options->pass_authorization : dir->pass_authorization == 1;
    route->script_reloading = dir->script_reloading != 0;
    route->ignore_activity = dir->ignore_activity == 1;
    route->error_override = dir->error_override == 1;
    route->enable_sendfile = dir->enable_sendfile == 1;
    choose_method(r, route);
    memset(&dispatched, 0, sizeof(dispatched));
    if (dir->dispatch_script != NULL &&
        (status = wsgi_dispatch(r, dir->dispatch_script, route, &dispatched)) != OK)
        return status;
    if (dispatched.callable_object != NULL && handler == NULL)
        route->callable_object = expand_callable(r, dispatched.callable_object);
    return choose_group(r, &dispatched, options, route);
}

int wsgi_request_handler(request_rec *r)
{
    const wsgi_handler_script *handler = NULL;
    wsgi_route route;
    int status;

    if (r->handler == NULL)
        return DECLINED;
    if (strcmp(r->handler, SCRIPT_HANDLER) != 0 && strcmp(r->handler, SCRIPT_TYPE) != 0) {
        const wsgi_dir_config *dir = wsgi_config_dir(r);

        if (dir->handlers == NULL)
            return DECLINED;
        handler = apr_hash_get(dir->handlers, r->handler, APR_HASH_KEY_STRING);
        if (handler == NULL)
            return DECLINED;
    }
    memset(&route, 0, sizeof(route));
    if ((handler == NULL && (status = refuse_file(r)) != OK) ||
        (status = refuse_path_info(r)) != OK ||
        (status = refuse_body(r, &route.content_length)) != OK ||
        (status = build_route(r, handler, &route)) != OK)
        return status;
    return route.group != NULL ? wsgi_relay_run(r, &route) : wsgi_embedded_run(r, &route);
}

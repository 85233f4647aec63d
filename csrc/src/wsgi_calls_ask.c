/* wsgi_calls_ask.c - see wsgi_calls_ask.h. */
#include "wsgi_calls_ask.h"

#include <errno.h>

#include "apr_optional.h"
#include "apr_strings.h"

#include "wsgi_auth_conf.h"
#include "wsgi_config.h"
#include "wsgi_embedded.h"
#include "wsgi_groups.h"
#include "wsgi_relay.h"

APR_DECLARE_OPTIONAL_FN(char *, ssl_var_lookup, (apr_pool_t *, server_rec *, conn_rec *, request_rec *, char *));
static APR_OPTIONAL_FN_TYPE(ssl_var_lookup) *var_lookup;

void wsgi_calls_retrieve(void)
{
    var_lookup = APR_RETRIEVE_OPTIONAL_FN(ssl_var_lookup);
}

const char *wsgi_calls_lookup(request_rec *r, const char *name, apr_size_t n)
{
    if (var_lookup == NULL || memchr(name, '\0', n) != NULL)
        return NULL;
    return var_lookup(r->pool, r->server, r->connection, r, apr_pstrmemdup(r->pool, name, n));
}

int wsgi_reply_take(wsgi_reply *to, apr_pool_t *pool, uint8_t kind, const wsgi_verdict *v)
{
    if (to->answered || !wsgi_verdict_fits(kind, v))
        return EPROTO;
    to->answered = 1;
    to->verdict = *v;
    to->verdict.values = apr_pmemdup(pool, v->values, v->values_len);
    return 0;
}

/* Which group is to answer, if one is named: it must be one that this server may
 * use. OK or a status. */
static int choose_group(request_rec *r, const wsgi_hook_script *script, wsgi_route *route)
{
    if (*script->process_group == '\0')
        return OK;
    route->group = wsgi_config_group(wsgi_config_global(r->server), script->process_group);
    if (route->group == NULL) {       /* of a .htaccess that the child has read under another configuration */
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0266) "%s %s: there is no daemon process group '%s'",
                      script->directive, script->file, script->process_group);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return wsgi_request_admit(r, route);
}

/* Was it asked, and did it have its say? Its own failures are no business of ours. */
static int status_of_end(request_rec *r, const wsgi_hook_script *script, const wsgi_reply *reply)
{
    switch (reply->end) {
    case WSGI_END_OK:
        if (reply->answered)
            return OK;
        break;
    case WSGI_END_APP_ERROR:
    case WSGI_END_LOAD_FAILED:
    case WSGI_END_NO_CALLABLE:
        return OK;
    case WSGI_END_TIMEOUT:
        return HTTP_GATEWAY_TIME_OUT;
    case WSGI_END_NO_PYTHON:
    case WSGI_END_CANCELLED:          /* for want of a client */
        return HTTP_INTERNAL_SERVER_ERROR;
    default:
        break;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0265) "%s %s could not be asked, it ended with %d",
                  script->directive, script->file, (int)reply->end);
    return HTTP_INTERNAL_SERVER_ERROR;
}

void wsgi_calls_ask(request_rec *r, const wsgi_hook_script *script, const wsgi_call *call,
                    const wsgi_route *request, wsgi_reply *out)
{
    wsgi_route route;

    memset(out, 0, sizeof(*out));
    out->end = WSGI_END_INTERNAL;
    if (request != NULL)
        route = *request;
    else {
        memset(&route, 0, sizeof(route));
        route.method = r->method;
        wsgi_request_split(r, &route);
    }
    route.group = NULL;
    route.script = route.handler_script = script->file;
    route.callable_object = "";
    route.application_group = wsgi_request_script_group(r, script->application_group);
    route.script_reloading = wsgi_config_dir(r)->script_reloading != 0;
    route.ignore_activity = wsgi_config_dir(r)->ignore_activity == 1;
    out->status = choose_group(r, script, &route);
    if (out->status == OK)
        out->status = route.group != NULL ? wsgi_relay_call(r, &route, call, out)
                                          : wsgi_embedded_call(r, &route, call, out);
    if (out->status == OK)
        out->status = status_of_end(r, script, out);
    if (out->status != OK || out->end != WSGI_END_OK)
        out->answered = 0;
}

/* wsgi_auth.c - see wsgi_auth.h.
 *
 * Whatever goes wrong keeps the door shut. A question that could not be asked
 * (no Python, no daemon process in time) is the server's failure and answered as
 * such; a script that fails has said no.
 */
#include "wsgi_auth.h"

#include "apr_base64.h"
#include "apr_general.h"
#include "apr_lib.h"
#include "apr_md5.h"
#include "apr_optional.h"
#include "apr_strings.h"
#include "ap_expr.h"
#include "ap_provider.h"
#include "http_request.h"
#include "mod_auth.h"

#include "wsgi_auth_conf.h"
#include "wsgi_calls_ask.h"

#define PROVIDER    "wsgi"
#define REQUIREMENT "wsgi-group"
#define HASH_LENGTH 32                /* of MD5, in hexadecimal digits */

static APR_OPTIONAL_FN_TYPE(ap_authn_cache_store) *cache_store;

void wsgi_auth_retrieve(void)
{
    cache_store = APR_RETRIEVE_OPTIONAL_FN(ap_authn_cache_store);
}

static wsgi_str str_of(const char *text)
{
    wsgi_str s = { text, (uint32_t)strlen(text) };

    return s;
}

/* The one value of a verdict that has one. */
static const char *only_value(request_rec *r, const wsgi_reply *reply)
{
    wsgi_cur cur = wsgi_cur_of(reply->verdict.values, reply->verdict.values_len);
    wsgi_str value = wsgi_cur_pair(&cur).value;

    return apr_pstrmemdup(r->pool, value.data, value.len);
}

/* ---- access --------------------------------------------------------------------------- */

static int check_access(request_rec *r)
{
    const wsgi_hook_script *script = wsgi_config_dir(r)->access_script;
    wsgi_call call = { .kind = WSGI_CALL_ACCESS };
    wsgi_reply reply;

    if (script == NULL)
        return DECLINED;
    call.args[0] = str_of(ap_get_useragent_host(r, REMOTE_NAME, NULL));
    wsgi_calls_ask(r, script, &call, NULL, &reply);
    if (reply.status != OK)
        return reply.status;
    if (reply.answered && reply.verdict.code == WSGI_VERDICT_NONE)
        return DECLINED;
    if (reply.answered && reply.verdict.code == WSGI_VERDICT_YES)
        return OK;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0260) "%s by WSGIAccessScript '%s': '%s'",
                  reply.answered ? "denied" : "not allowed, since there was no answer,", script->file, r->uri);
    return HTTP_FORBIDDEN;
}

/* ---- authentication --------------------------------------------------------------------- */

static const wsgi_hook_script *user_script(request_rec *r)
{
    const wsgi_hook_script *script = wsgi_config_dir(r)->auth_user_script;

    if (script == NULL)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0261) "the provider wsgi is asked for, and there is "
                      "no WSGIAuthUserScript here: '%s'", r->uri);
    return script;
}

/* mod_authn_socache, if it is there and told so, keeps a digest of what was
 * right: one that is slow to guess. */
static void offer_to_cache(request_rec *r, const char *user, const char *password)
{
    unsigned char noise[6];
    char salt[9], hash[120];

    if (cache_store == NULL || apr_generate_random_bytes(noise, sizeof(noise)) != APR_SUCCESS)
        return;
    apr_base64_encode_binary(salt, noise, sizeof(noise));
    if (apr_md5_encode(password, salt, hash, sizeof(hash)) == APR_SUCCESS)
        cache_store(r, PROVIDER, user, NULL, hash);
}

static authn_status check_password(request_rec *r, const char *user, const char *password)
{
    const wsgi_hook_script *script = user_script(r);
    wsgi_call call = { WSGI_CALL_PASSWORD, { str_of(user), str_of(password) } };
    wsgi_reply reply;

    if (script == NULL)
        return AUTH_GENERAL_ERROR;
    wsgi_calls_ask(r, script, &call, NULL, &reply);
    if (!reply.answered)
        return AUTH_GENERAL_ERROR;
    switch (reply.verdict.code) {
    case WSGI_VERDICT_NONE:
        return AUTH_USER_NOT_FOUND;
    case WSGI_VERDICT_YES:
        offer_to_cache(r, user, password);
        return AUTH_GRANTED;
    case WSGI_VERDICT_VALUES:
        r->user = (char *)only_value(r, &reply);
        return AUTH_GRANTED;
    default:
        return AUTH_DENIED;
    }
}

/* Anything else as a digest would be one that others can guess: an empty one, say. */
static int is_hash(const char *text)
{
    const char *p;

    for (p = text; apr_isxdigit(*p); p++)
        ;
    return *p == '\0' && p - text == HASH_LENGTH;
}

static authn_status get_realm_hash(request_rec *r, const char *user, const char *realm, char **out)
{
    const wsgi_hook_script *script = user_script(r);
    wsgi_call call = { WSGI_CALL_REALM_HASH, { str_of(user), str_of(realm) } };
    wsgi_reply reply;
    char *hash;

    if (script == NULL)
        return AUTH_GENERAL_ERROR;
    wsgi_calls_ask(r, script, &call, NULL, &reply);
    if (!reply.answered)
        return AUTH_GENERAL_ERROR;
    if (reply.verdict.code != WSGI_VERDICT_VALUES)
        return AUTH_USER_NOT_FOUND;
    hash = (char *)only_value(r, &reply);
    if (!is_hash(hash)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0262) "get_realm_hash() of '%s' did not return the MD5 "
                      "digest of user:realm:password in %d hexadecimal digits", script->file, HASH_LENGTH);
        return AUTH_GENERAL_ERROR;
    }
    ap_str_tolower(hash);
    if (cache_store != NULL)
        cache_store(r, PROVIDER, user, realm, hash);
    *out = hash;
    return AUTH_USER_FOUND;
}

/* ---- authorization ------------------------------------------------------------------------ */

/* One "Require wsgi-group" line. */
typedef struct {
    const ap_expr_info_t *names;
    int turned;                       /* what is denied here may be granted by those around it */
} requirement;

/* Is a denial by this line no denial? "Require not", or below <RequireNone>; of an
 * alias for a line like this one it is not known yet. */
static int is_turned(const cmd_parms *cmd)
{
    const ap_directive_t *d = cmd->directive;
    const char *args = d->args;

    if (strcasecmp(d->directive, "Require") != 0)
        return 1;
    if (strcasecmp(ap_getword_white(cmd->temp_pool, &args), "not") == 0)
        return 1;
    for (d = d->parent; d != NULL; d = d->parent)
        if (strcasecmp(d->directive, "<RequireNone") == 0)
            return 1;
    return 0;
}

static const char *parse_require(cmd_parms *cmd, const char *line, const void **parsed)
{
    requirement *q = apr_pcalloc(cmd->pool, sizeof(*q));
    const char *error = NULL;

    if (line[strspn(line, " \t")] == '\0')
        return "Require " REQUIREMENT " needs the name of at least one group";
    q->turned = is_turned(cmd);
    q->names = ap_expr_parse_cmd(cmd, line, AP_EXPR_FLAG_STRING_RESULT, &error, NULL);
    if (error != NULL)
        return apr_pstrcat(cmd->pool, "Require " REQUIREMENT ": cannot parse expression: ", error, NULL);
    *parsed = q;
    return NULL;
}

static int is_member(const wsgi_verdict *v, const char *group)
{
    wsgi_cur cur = wsgi_cur_of(v->values, v->values_len);
    size_t n = strlen(group);
    uint32_t i;

    for (i = 0; i < v->nvalues; i++) {
        wsgi_str value = wsgi_cur_pair(&cur).value;

        if (value.len == n && memcmp(value.data, group, n) == 0)
            return 1;
    }
    return 0;
}

static authz_status check_names(request_rec *r, const wsgi_verdict *v, const char *names)
{
    const char *group;

    while (*(group = ap_getword_conf(r->pool, &names)) != '\0')
        if (is_member(v, group))
            return AUTHZ_GRANTED;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "user '%s' is in none of the groups of this Require wsgi-group: "
                  "'%s'", r->user, r->uri);
    return AUTHZ_DENIED;
}

/* Where "denied" could let somebody in, a failure is a failure of the server. */
static authz_status failed(const requirement *q)
{
    return q->turned ? AUTHZ_GENERAL_ERROR : AUTHZ_DENIED;
}

static authz_status check_groups(request_rec *r, const char *line, const void *parsed)
{
    const wsgi_hook_script *script = wsgi_config_dir(r)->auth_group_script;
    wsgi_call call = { .kind = WSGI_CALL_GROUPS };
    const requirement *q = parsed;
    const char *error = NULL, *names;
    wsgi_reply reply;

    (void)line;
    if (r->user == NULL)
        return AUTHZ_DENIED_NO_USER;
    if (script == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0263) "Require wsgi-group, and there is no "
                      "WSGIAuthGroupScript here: '%s'", r->uri);
        return failed(q);
    }
    names = ap_expr_str_exec(r, q->names, &error);
    if (error != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0264) "Require wsgi-group: cannot evaluate the "
                      "expression: %s", error);
        return failed(q);
    }
    call.args[0] = str_of(r->user);
    wsgi_calls_ask(r, script, &call, NULL, &reply);
    if (reply.status != OK)
        return AUTHZ_GENERAL_ERROR;
    return reply.answered ? check_names(r, &reply.verdict, names) : failed(q);
}

/* ---- hooks --------------------------------------------------------------------------------- */

/* As Apache's own modules have it, internal requests with the configuration of the
 * request they belong to are not asked about again. Otherwise none of its modules
 * could leave that out either. */
void wsgi_auth_register(apr_pool_t *p)
{
    static const char *const ssl_first[] = { "mod_ssl.c", NULL };
    static const char *const host_later[] = { "mod_authz_host.c", NULL };
    static const authn_provider authn = { check_password, get_realm_hash };
    static const authz_provider authz = { check_groups, parse_require };

    ap_hook_check_access(check_access, ssl_first, host_later, APR_HOOK_MIDDLE, AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHN_PROVIDER_GROUP, PROVIDER, AUTHN_PROVIDER_VERSION, &authn,
                              AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, REQUIREMENT, AUTHZ_PROVIDER_VERSION, &authz,
                              AP_AUTH_INTERNAL_PER_CONF);
}

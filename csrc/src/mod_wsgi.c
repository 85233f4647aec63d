/* mod_wsgi.c - the module record and its hooks, nothing else.
 *
 * No Python is linked or loaded here: applications run in daemon processes
 * under wsgi-supervisor (wsgi_groups, wsgi_relay), or in a child through the
 * plugin wsgi-embed.so (wsgi_embedded).
 */
#include "wsgi_module.h"

#include "apr_strings.h"
#include "http_request.h"
#include "mpm_common.h"

#include "wsgi_auth.h"
#include "wsgi_body.h"
#include "wsgi_calls_ask.h"
#include "wsgi_config.h"
#include "wsgi_embedded.h"
#include "wsgi_environ.h"
#include "wsgi_groups.h"
#include "wsgi_health.h"
#include "wsgi_keeper.h"
#include "wsgi_legacy.h"
#include "wsgi_locate.h"
#include "wsgi_metrics.h"
#include "wsgi_metrics_count.h"
#include "wsgi_reach.h"
#include "wsgi_relay.h"
#include "wsgi_request.h"
#include "wsgi_runtime.h"
#include "wsgi_status.h"
#include "wsgi_settings_conf.h"
#include "wsgi_worker.h"

/* Everything that can be wrong with the configuration as a whole is said here,
 * so that `apachectl configtest` says it too. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    int groups = wsgi_groups_check(pconf, s), embedded = wsgi_embedded_check(pconf, s);

    (void)plog;
    (void)ptemp;
    wsgi_settings_conf_check(wsgi_config_global(s), s);
    wsgi_legacy_remark(wsgi_config_global(s), s);
    return groups != OK ? groups : embedded;
}

/* What the Server header says where ServerTokens lets it: the module, and the
 * Python of requests that ask for no other. */
static void announce(apr_pool_t *pconf, const wsgi_global *global)
{
    const wsgi_half *half = global->embedded;
    const char *unused;

    ap_add_version_component(pconf, "mod_wsgi/" MOD_WSGI_VERSION);
    if (half == NULL && global->runtime != NULL)
        half = wsgi_runtime_pick(pconf, global->runtime, global->python_home, &unused);
    if (half != NULL)
        ap_add_version_component(pconf, apr_psprintf(pconf, "Python/%.*s",
                                                     (int)strcspn(half->tag, "td"), half->tag));
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const wsgi_global *global = wsgi_config_global(s);

    (void)plog;
    (void)ptemp;
    /* The first of the two passes at startup only proves the configuration. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    announce(pconf, global);
    wsgi_reach_remark(global, s);
    if (global->socket_prefix != NULL)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "WSGISocketPrefix %s has nothing to act on: "
                     "requests reach daemon processes without a socket on disk",
                     global->socket_prefix);
    return wsgi_metrics_start(pconf, s) != OK ? HTTP_INTERNAL_SERVER_ERROR : wsgi_groups_start(pconf, s);
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    wsgi_environ_child_init();
    wsgi_groups_child_init();
    wsgi_worker_child_init(pchild, s);
    wsgi_metrics_child_init(pchild);
    wsgi_embedded_child_init(pchild, s);
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const alias_first[] = { "mod_alias.c", NULL };
    static const char *const others_later[] = { "mod_userdir.c", "mod_vhost_alias.c", NULL };

    wsgi_body_register();
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(wsgi_keeper_monitor, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
    ap_hook_child_stopping(wsgi_relay_stopping, NULL, NULL, APR_HOOK_MIDDLE);
#endif
    ap_hook_optional_fn_retrieve(wsgi_environ_retrieve, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_optional_fn_retrieve(wsgi_auth_retrieve, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_optional_fn_retrieve(wsgi_calls_retrieve, NULL, NULL, APR_HOOK_MIDDLE);
    wsgi_auth_register(p);
    ap_hook_translate_name(wsgi_request_translate, alias_first, others_later, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(wsgi_locate, NULL, NULL, APR_HOOK_LAST);     /* TRACE comes before, the core after */
    ap_hook_handler(wsgi_request_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(wsgi_metrics_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(wsgi_health_handler, NULL, NULL, APR_HOOK_MIDDLE);
    wsgi_status_register();
}

module AP_MODULE_DECLARE_DATA wsgi_module = {
    STANDARD20_MODULE_STUFF,
    wsgi_config_create_dir,
    wsgi_config_merge_dir,
    wsgi_config_create_server,
    wsgi_config_merge_server,
    wsgi_config_directives,
    register_hooks
#if defined(AP_MODULE_FLAG_NONE)
    , AP_MODULE_FLAG_NONE
#endif
};

/* wsgi_settings_conf.c - see wsgi_settings_conf.h.
 *
 * A configuration has one wsgi_settings, in malloc's memory as everywhere else,
 * and freed with the configuration.
 */
#include "wsgi_settings_conf.h"

#include <stdlib.h>

#include "apr_lib.h"
#include "apr_strings.h"

#include "wsgi_groups.h"
#include "wsgi_options.h"

static apr_status_t free_settings(void *data)
{
    wsgi_settings_free(data);
    return APR_SUCCESS;
}

void wsgi_settings_conf_create(apr_pool_t *pool, wsgi_settings *settings)
{
    wsgi_settings_init(settings);
    if (wsgi_settings_add_scope(settings, NULL, NULL) == NULL)
        abort();                      /* as APR does without memory */
    apr_pool_cleanup_register(pool, settings, free_settings, apr_pool_cleanup_null);
}

/* The scope that directives set now. */
static wsgi_scope *open_scope(const cmd_parms *cmd)
{
    const wsgi_global *global = wsgi_config_global(cmd->server);

    return &global->settings.scopes[global->open_scope];
}

/* A copy of VALUE in *TO, which is the settings' own. */
static void replace(char **to, const char *value)
{
    free(*to);
    *to = strdup(value);
}

/* ---- the container ------------------------------------------------------------------ */

static const char *const inside[] = { "WSGIPerInterpreterGIL", "WSGIFreeThreading", "WSGISwitchInterval",
                                      "WSGIPythonPath", "WSGIRestrictStdin", "WSGIRestrictStdout",
                                      "WSGIRestrictSignal" };

/* Selector NAME, in PROCESS or APPLICATION. NULL or an error text. */
static const char *set_selector(cmd_parms *cmd, const char *name, const char *value,
                                const char **process, const char **application)
{
    const char **to;

    if (strcasecmp(name, "process-group") == 0)
        to = process;
    else if (strcasecmp(name, "application-group") == 0)
        to = application;
    else
        return apr_psprintf(cmd->pool, "<WSGIInterpreterOptions>: '%s' selects nothing; the selectors are "
                            "process-group and application-group", name);
    if (*to != NULL)
        return apr_psprintf(cmd->pool, "<WSGIInterpreterOptions>: %s is given twice", name);
    *to = wsgi_config_parse_group(value);
    return NULL;
}

/* Refuse what cannot be said of an interpreter, with the place where it stands. */
static const char *check_inside(cmd_parms *cmd)
{
    const ap_directive_t *d;
    size_t i;

    for (d = cmd->directive->first_child; d != NULL; d = d->next) {
        for (i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
            if (strcasecmp(d->directive, inside[i]) == 0)
                break;
        if (i < sizeof(inside) / sizeof(inside[0]))
            continue;
        cmd->err_directive = d;
        return apr_psprintf(cmd->pool, "%s%s cannot stand in <WSGIInterpreterOptions>, which takes "
                            "WSGIPerInterpreterGIL, WSGIFreeThreading, WSGISwitchInterval, WSGIPythonPath, "
                            "WSGIRestrictStdin, WSGIRestrictStdout and WSGIRestrictSignal", d->directive,
                            *d->directive == '<' ? ">" : "");
    }
    return NULL;
}

const char *wsgi_settings_set_options(cmd_parms *cmd, void *dir, const char *args)
{
    wsgi_global *global = wsgi_config_global(cmd->server);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY), *process = NULL, *application = NULL;
    const char *end = ap_strrchr_c(args, '>'), *selectors;
    char *name, *value;

    (void)dir;
    if (error != NULL)
        return error;
    if (end == NULL || end[1 + strspn(end + 1, " \t")] != '\0')
        return "<WSGIInterpreterOptions does not end in >";
    selectors = apr_pstrmemdup(cmd->pool, args, end - args);
    while ((error = wsgi_config_next_option(cmd, &selectors, &name, &value)) == NULL && name != NULL) {
        error = set_selector(cmd, name, value, &process, &application);
        if (error != NULL)
            return error;
    }
    if (error == NULL)
        error = check_inside(cmd);
    if (error != NULL)
        return error;
    if (wsgi_settings_add_scope(&global->settings, process, application) == NULL)
        return apr_psprintf(cmd->pool, "<WSGIInterpreterOptions>: there are more than %d", WSGI_SCOPES_MAX - 1);
    global->open_scope = global->settings.nscopes - 1;
    error = ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
    global->open_scope = 0;
    return error;
}

/* ---- values ---------------------------------------------------------------------------- */

const char *wsgi_settings_set_flag(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *base = (char *)&wsgi_config_global(cmd->server)->settings;

    (void)dir;
    return error ? error : wsgi_config_parse_flag(cmd, "", value, (int *)(void *)(base + (apr_size_t)cmd->info));
}

const char *wsgi_settings_set_scope_flag(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *base = (char *)open_scope(cmd);

    (void)dir;
    return error ? error : wsgi_config_parse_flag(cmd, "", value, (int *)(void *)(base + (apr_size_t)cmd->info));
}

/* Where WSGIPerInterpreterGIL stands. */
typedef struct {
    uint32_t scope;
    const ap_directive_t *directive;
} own_gil;

const char *wsgi_settings_set_own_gil_flag(cmd_parms *cmd, void *dir, const char *value)
{
    wsgi_global *global = wsgi_config_global(cmd->server);
    own_gil *at;

    if (global->own_gils == NULL)
        global->own_gils = apr_array_make(cmd->pool, 2, sizeof(own_gil));
    at = apr_array_push(global->own_gils);
    at->scope = global->open_scope;
    at->directive = cmd->directive;
    return wsgi_settings_set_scope_flag(cmd, dir, value);
}

static int all_digits(const char *s)
{
    return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

const char *wsgi_settings_set_optimize(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *digit = value + strspn(value, "0");

    (void)dir;
    if (error != NULL)
        return error;
    if (!all_digits(value))
        return apr_psprintf(cmd->pool, "WSGIPythonOptimize: '%s' is not understood; use 0, 1 or 2", value);
    wsgi_config_global(cmd->server)->settings.python_optimize =
        *digit == '\0' ? 0 : strcmp(digit, "1") == 0 ? 1 : WSGI_OPTIMIZE_MAX;
    return NULL;
}

const char *wsgi_settings_set_warnings(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (error == NULL && wsgi_settings_add_warning(&wsgi_config_global(cmd->server)->settings, value) < 0)
        error = apr_psprintf(cmd->pool, "WSGIPythonWarnings: there are more than %d", WSGI_WARNINGS_MAX);
    return error;
}

const char *wsgi_settings_set_hash_seed(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    wsgi_settings *settings = &wsgi_config_global(cmd->server)->settings;

    (void)dir;
    if (error != NULL)
        return error;
    if (strcasecmp(value, "random") == 0)
        settings->hash_seed = WSGI_HASH_SEED_RANDOM;
    else if (all_digits(value) && strlen(value) <= 18 && apr_atoi64(value) <= UINT32_MAX)
        settings->hash_seed = apr_atoi64(value);
    else
        return apr_psprintf(cmd->pool, "WSGIPythonHashSeed: '%s' is not understood; use random, or a whole "
                            "number from 0 to 4294967295", value);
    return NULL;
}

const char *wsgi_settings_set_eggs(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (error == NULL && *value != '/')
        error = apr_psprintf(cmd->pool, "WSGIPythonEggs: '%s' is not an absolute path", value);
    if (error == NULL)
        replace(&wsgi_config_global(cmd->server)->settings.python_eggs, value);
    return error;
}

/* The grammar is that of the daemon option. */
const char *wsgi_settings_set_switch_interval(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    wsgi_options options;
    char unused[1];

    (void)dir;
    if (error != NULL)
        return error;
    wsgi_options_init(&options);
    if (wsgi_options_set(&options, "switch-interval", value, unused, sizeof(unused)) < 0)
        return apr_psprintf(cmd->pool, "WSGISwitchInterval: '%s' is not understood; use seconds with a "
                            "fraction, from 0.000001 to 1000", value);
    open_scope(cmd)->switch_interval_us = options.switch_interval_us;
    return NULL;
}

/* The plain one is for embedded mode only; one in a scope for whom that selects. */
const char *wsgi_settings_set_path(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    wsgi_global *global = wsgi_config_global(cmd->server);

    (void)dir;
    if (error != NULL)
        return error;
    if (global->open_scope == 0)
        global->python_path = value;
    else
        replace(&open_scope(cmd)->python_path, value);
    return NULL;
}

/* ---- without effect ------------------------------------------------------------------------ */

/* Does the directive AT ask for what the Python HALF of PROCESS_GROUP does not have? */
static int lacks_own_gil(const wsgi_global *global, const own_gil *at, const wsgi_half *half, const char *process_group)
{
    const wsgi_scope *scope = &global->settings.scopes[at->scope];
    wsgi_scope holds;

    if (half == NULL || strncmp(half->tag, "3.", 2) != 0 || atoi(half->tag + 2) >= 12 ||
        (scope->process_group != NULL && strcmp(scope->process_group, process_group) != 0))
        return 0;
    wsgi_settings_resolve(&global->settings, process_group, scope->application_group, &holds);
    return scope->per_interpreter_gil == 1 && holds.per_interpreter_gil == 1;
}

/* Say it for the directive AT, with the groups that it is about. Embedded mode counts
 * where there is no group: else nobody knows whether anything runs in it. */
static void remark_own_gil(const wsgi_global *global, const own_gil *at, server_rec *s)
{
    const char *whom = "";
    int i;

    for (i = 0; i < global->groups->nelts; i++) {
        const wsgi_group *group = APR_ARRAY_IDX(global->groups, i, const wsgi_group *);

        if (lacks_own_gil(global, at, group->half, group->name))
            whom = apr_psprintf(s->process->pconf, "%s%sprocess group '%s' (Python %s)", whom, *whom ? ", " : "",
                                group->name, group->half->python);
    }
    if (global->groups->nelts == 0 && lacks_own_gil(global, at, global->embedded, ""))
        whom = apr_psprintf(s->process->pconf, "embedded mode (Python %s)", global->embedded->python);
    if (*whom)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, WSGI_MSG(0103) "WSGIPerInterpreterGIL On (%s:%d) has no effect "
                     "in %s: before 3.12 Python has one GIL for all interpreters", at->directive->filename,
                     at->directive->line_num, whom);
}

void wsgi_settings_conf_check(const wsgi_global *global, server_rec *s)
{
    uint32_t i;
    int k;

    for (k = 0; global->own_gils != NULL && k < global->own_gils->nelts; k++)
        remark_own_gil(global, &APR_ARRAY_IDX(global->own_gils, k, own_gil), s);

    for (i = 0; i < global->settings.nscopes; i++) {
        const wsgi_scope *scope = &global->settings.scopes[i];

        if (scope->application_group != NULL && scope->free_threading != -1)
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, WSGI_MSG(0101) "WSGIFreeThreading in "
                         "<WSGIInterpreterOptions application-group=%s> has no effect: all interpreters of a "
                         "process run with a GIL or all without; select by process-group alone",
                         *scope->application_group ? scope->application_group : "%{GLOBAL}");
    }
}

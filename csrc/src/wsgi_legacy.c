/* wsgi_legacy.c - see wsgi_legacy.h. */
#include "wsgi_legacy.h"

#include "apr_strings.h"

/* A remark is made at WARNING where the administrator asked for something that
 * does not happen. NULL: nobody misses it. */
struct wsgi_legacy {
    const char *directive;
    int global;                       /* for the main server alone */
    int only_off;                     /* On is what always happens */
    int level;
    const char *remark;
};

static const struct wsgi_legacy table[] = {
    { "WSGILazyInitialization", 1, 1, APLOG_WARNING,
      "Off has no effect: Apache's parent never starts Python" },
    { "WSGINewRelicConfigFile", 1, 0, APLOG_WARNING,
      "it has no effect: no agent is started; wrap the application in the agent's own middleware" },
    { "WSGINewRelicEnvironment", 1, 0, APLOG_WARNING,
      "it has no effect: no agent is started" },
    { "WSGIVerboseDebugging", 1, 0, APLOG_INFO,
      "LogLevel wsgi:debug, or wsgi:trace1 for each request, takes its place" },
    { "WSGIPy3kWarningFlag", 1, 0, APLOG_DEBUG, "it was for Python 2" },
    { "WSGIUserAuthoritative", 0, 0, APLOG_DEBUG, "it was for Apache 2.2" },
    { "WSGIGroupAuthoritative", 0, 0, APLOG_DEBUG, NULL },
    { "WSGISocketRotation", 1, 0, APLOG_DEBUG, NULL }
};

static const struct wsgi_legacy *find(const char *directive)
{
    size_t i = 0;

    while (strcmp(table[i].directive, directive) != 0)
        i++;
    return &table[i];
}

/* A .htaccess file is read when the configuration is long complete, by any thread. */
static void note(cmd_parms *cmd, const struct wsgi_legacy *what)
{
    wsgi_legacy_sighting *seen;

    if (what->remark == NULL || ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_RUN_MPM)
        return;
    seen = apr_array_push(wsgi_config_global(cmd->server)->legacy);
    seen->what = what;
    seen->file = cmd->directive->filename;
    seen->line = (unsigned)cmd->directive->line_num;
}

const char *wsgi_legacy_set_text(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    (void)value;
    if (error == NULL)
        note(cmd, find(cmd->cmd->name));
    return error;
}

const char *wsgi_legacy_set_flag(cmd_parms *cmd, void *dir, const char *value)
{
    const struct wsgi_legacy *what = find(cmd->cmd->name);
    const char *error = what->global ? ap_check_cmd_context(cmd, GLOBAL_ONLY) : NULL;
    int on = 0;

    (void)dir;
    if (error == NULL)
        error = wsgi_config_parse_flag(cmd, "", value, &on);
    if (error == NULL && !(on && what->only_off))
        note(cmd, what);
    return error;
}

const char *wsgi_legacy_set_mutex(cmd_parms *cmd, void *dir, const char *value)
{
    static const char *const mechanisms[] = {
        "default",
#if APR_HAS_FLOCK_SERIALIZE
        "flock",
#endif
#if APR_HAS_FCNTL_SERIALIZE
        "fcntl",
#endif
#if APR_HAS_SYSVSEM_SERIALIZE
        "sysvsem",
#endif
#if APR_HAS_POSIXSEM_SERIALIZE
        "posixsem",
#endif
#if APR_HAS_PROC_PTHREAD_SERIALIZE
        "pthread",
#endif
    };
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY), *list = "";
    size_t i;

    (void)dir;
    if (error != NULL)
        return error;
    for (i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (strcasecmp(value, mechanisms[i]) == 0)
            return NULL;
        list = apr_pstrcat(cmd->pool, list, i > 0 ? ", " : "", mechanisms[i], NULL);
    }
    return apr_psprintf(cmd->pool, "WSGIAcceptMutex: '%s' is not understood; the mechanisms are %s", value, list);
}

void wsgi_legacy_remark(const wsgi_global *global, server_rec *s)
{
    int i;

    for (i = 0; i < global->legacy->nelts; i++) {
        const wsgi_legacy_sighting *seen = &APR_ARRAY_IDX(global->legacy, i, wsgi_legacy_sighting);
        const struct wsgi_legacy *what = seen->what;

        if (what->level == APLOG_WARNING)
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, WSGI_MSG(0102) "%s (%s:%u): %s", what->directive,
                         seen->file, seen->line, what->remark);
        else
            ap_log_error(APLOG_MARK, what->level, 0, s, "%s (%s:%u) does nothing: %s", what->directive,
                         seen->file, seen->line, what->remark);
    }
}

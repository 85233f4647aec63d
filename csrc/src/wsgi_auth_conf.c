/* wsgi_auth_conf.c - see wsgi_auth_conf.h. */
#include "wsgi_auth_conf.h"

#include "apr_strings.h"

#include "wsgi_groups.h"
#include "wsgi_import.h"
#include "wsgi_options.h"

/* The daemon group of the script must be one that can answer. NULL or an error
 * text. */
static const char *judge_group(cmd_parms *cmd, const char *name)
{
    const wsgi_group *group = wsgi_config_group(wsgi_config_global(cmd->server), name);

    if (*name == '%')
        return apr_psprintf(cmd->pool, "%s: option process-group: '%s' is no name of a group; of the tokens "
                            "only %%{GLOBAL} may be used here", cmd->cmd->name, name);
    if (group == NULL)
        return apr_psprintf(cmd->pool, "%s: process group '%s' is not yet configured; WSGIDaemonProcess %s must "
                            "stand before this line", cmd->cmd->name, name, name);
    if (wsgi_options_threads(&group->options) == 0)
        return apr_psprintf(cmd->pool, "%s: process group '%s' has no request threads (threads=0) and answers "
                            "nothing", cmd->cmd->name, name);
    return NULL;
}

static const char *parse_options(cmd_parms *cmd, const char *args, wsgi_hook_script *script)
{
    const char *error;
    char *name, *value;

    while ((error = wsgi_config_next_option(cmd, &args, &name, &value)) == NULL && name != NULL) {
        if (strcmp(name, "process-group") == 0)
            script->process_group = wsgi_config_parse_group(value);
        else if (strcmp(name, "application-group") == 0)
            script->application_group = wsgi_config_parse_group(value);
        else
            return apr_psprintf(cmd->pool, "%s: invalid option %s=%s; the options are process-group and "
                                "application-group", cmd->cmd->name, name, value);
    }
    return error;
}

/* What processes are told when they start: a group to load the script ahead of
 * requests; httpd's children that they need Python, whatever
 * WSGIRestrictEmbedded says of applications. A .htaccess comes too late for
 * either. */
static const char *announce(cmd_parms *cmd, const wsgi_hook_script *script)
{
    wsgi_choice choice = { script->process_group, script->application_group, NULL, -1 };

    if (ap_check_cmd_context(cmd, NOT_IN_HTACCESS) != NULL)
        return NULL;
    if (*script->process_group == '\0')
        wsgi_config_global(cmd->server)->python_needed = 1;
    else if (strstr(script->application_group, "%{") == NULL)
        return wsgi_import_add(cmd, script->file, &choice);
    return NULL;
}

const char *wsgi_auth_set_script(cmd_parms *cmd, void *dir, const char *args)
{
    wsgi_hook_script *script = apr_pcalloc(cmd->pool, sizeof(*script));
    const char *error;

    script->directive = cmd->cmd->name;
    script->file = ap_getword_conf(cmd->pool, &args);
    script->process_group = script->application_group = "";
    if (*script->file == '\0')
        return apr_psprintf(cmd->pool, "%s needs a script: %s file-path [process-group=NAME] "
                            "[application-group=NAME]", cmd->cmd->name, cmd->cmd->name);
    error = parse_options(cmd, args, script);
    if (error == NULL && *script->process_group != '\0')
        error = judge_group(cmd, script->process_group);
    if (error == NULL)
        error = announce(cmd, script);
    if (error == NULL)
        *(const wsgi_hook_script **)((char *)dir + (apr_size_t)cmd->info) = script;
    return error;
}

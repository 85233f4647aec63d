/* wsgi_import.c - see wsgi_import.h. */
#include "wsgi_import.h"

#include "apr_strings.h"

#include "wsgi_control.h"
#include "wsgi_groups.h"

const char *wsgi_import_add(cmd_parms *cmd, const char *script, const wsgi_choice *choice)
{
    wsgi_global *global = wsgi_config_global(cmd->server);
    wsgi_import *import;

    if (*choice->process_group != '\0' && wsgi_config_group(global, choice->process_group) == NULL)
        return apr_psprintf(cmd->pool, "%s: process group '%s' is not yet configured; "
                            "WSGIDaemonProcess %s must stand before this line", cmd->cmd->name,
                            choice->process_group, choice->process_group);
    import = apr_array_push(global->imports);
    import->directive = cmd->cmd->name;
    import->script = script;
    import->group = choice->process_group;
    import->application_group = choice->application_group;
    import->callable_object = choice->callable_object;
    import->server = cmd->server;
    return NULL;
}

const char *wsgi_import_set(cmd_parms *cmd, void *dir, const char *args)
{
    const char *file = ap_getword_conf(cmd->pool, &args), *error;
    wsgi_choice choice;
    char *name, *value;

    (void)dir;
    memset(&choice, 0, sizeof(choice));
    if (*file == '\0')
        return "WSGIImportScript needs a script: "
               "WSGIImportScript file-path process-group=NAME application-group=NAME";
    while ((error = wsgi_config_next_option(cmd, &args, &name, &value)) == NULL && name != NULL) {
        if (strcmp(name, "process-group") == 0)
            choice.process_group = wsgi_config_parse_group(value);
        else if (strcmp(name, "application-group") == 0)
            choice.application_group = wsgi_config_parse_group(value);
        else
            return apr_psprintf(cmd->pool, "WSGIImportScript: invalid option %s=%s; the options "
                                "are process-group and application-group", name, value);
    }
    if (error != NULL)
        return error;
    if (choice.process_group == NULL || choice.application_group == NULL)
        return apr_psprintf(cmd->pool, "WSGIImportScript %s: both process-group= and "
                            "application-group= are required", file);
    if (*choice.process_group == '\0')
        wsgi_config_global(cmd->server)->python_needed = 1;
    return wsgi_import_add(cmd, file, &choice);
}

int wsgi_import_distribute(const wsgi_global *global)
{
    int i, rv = 0;

    for (i = 0; i < global->imports->nelts; i++) {
        const wsgi_import *import = &APR_ARRAY_IDX(global->imports, i, wsgi_import);
        wsgi_group *group = *import->group != '\0' ? wsgi_config_group(global, import->group) : NULL;
        wsgi_preload *preload;

        if (group == NULL)
            continue;
        if (!wsgi_group_visible(group, import->server)) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, 0, import->server, WSGI_MSG(0308) "%s %s: the daemon process "
                         "group '%s' belongs to the virtual host %s and is not accessible from %s",
                         import->directive, import->script, group->name, group->server->server_hostname,
                         import->server->server_hostname);
            rv = -1;
            continue;
        }
        preload = apr_array_push(group->preloads);
        preload->script = (char *)import->script;
        preload->application_group = (char *)import->application_group;
        preload->callable_object = (char *)(import->callable_object ? import->callable_object : "");
        preload->required = 0;
    }
    return rv;
}

const wsgi_embed_script *wsgi_import_embedded(apr_pool_t *pool, const wsgi_global *global, uint32_t *n)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(wsgi_embed_script));
    int i;

    for (i = 0; i < global->imports->nelts; i++) {
        const wsgi_import *import = &APR_ARRAY_IDX(global->imports, i, wsgi_import);
        wsgi_embed_script *script;

        /* No request may run an alias in embedded mode where that is restricted. */
        if (*import->group != '\0' ||
            (global->restrict_embedded == 1 && strcmp(import->directive, "WSGIImportScript") != 0))
            continue;
        script = apr_array_push(list);
        script->path = import->script;
        script->application_group = import->application_group;
    }
    *n = (uint32_t)list->nelts;
    return (const wsgi_embed_script *)list->elts;
}

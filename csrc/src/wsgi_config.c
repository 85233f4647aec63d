/* wsgi_config.c - see wsgi_config.h.
 *
 * A setter returns NULL or a text for Apache, which puts file and line before
 * it; the text names the directive, what was given and what is accepted.
 */
#include "wsgi_config.h"

#include "apr_lib.h"
#include "apr_strings.h"

#include "wsgi_auth_conf.h"
#include "wsgi_groups.h"
#include "wsgi_import.h"
#include "wsgi_legacy.h"
#include "wsgi_locate.h"
#include "wsgi_options.h"
#include "wsgi_proxies.h"
#include "wsgi_report.h"
#include "wsgi_settings_conf.h"

#define ERROR_LENGTH 512

/* ---- create and merge ------------------------------------------------- */

void *wsgi_config_create_dir(apr_pool_t *p, char *dir)
{
    wsgi_dir_config *c = apr_pcalloc(p, sizeof(*c));

    (void)dir;
    c->pass_authorization = -1;
    c->script_reloading = -1;
    c->ignore_activity = -1;
    c->error_override = -1;
    c->chunked_request = -1;
    c->enable_sendfile = -1;
    c->map_head = -1;
    c->pass_apache_request = -1;
    return c;
}

void *wsgi_config_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const wsgi_dir_config *b = base, *a = add;
    wsgi_dir_config *c = apr_palloc(p, sizeof(*c));

    c->process_group = a->process_group ? a->process_group : b->process_group;
    c->application_group = a->application_group ? a->application_group : b->application_group;
    c->callable_object = a->callable_object ? a->callable_object : b->callable_object;
    c->pass_authorization = a->pass_authorization != -1 ? a->pass_authorization
                                                        : b->pass_authorization;
    c->script_reloading = a->script_reloading != -1 ? a->script_reloading : b->script_reloading;
    c->ignore_activity = a->ignore_activity != -1 ? a->ignore_activity : b->ignore_activity;
    c->error_override = a->error_override != -1 ? a->error_override : b->error_override;
    c->chunked_request = a->chunked_request != -1 ? a->chunked_request : b->chunked_request;
    c->enable_sendfile = a->enable_sendfile != -1 ? a->enable_sendfile : b->enable_sendfile;
    c->map_head = a->map_head != -1 ? a->map_head : b->map_head;
    c->pass_apache_request = a->pass_apache_request != -1 ? a->pass_apache_request : b->pass_apache_request;
    c->access_script = a->access_script ? a->access_script : b->access_script;
    c->auth_user_script = a->auth_user_script ? a->auth_user_script : b->auth_user_script;
    c->auth_group_script = a->auth_group_script ? a->auth_group_script : b->auth_group_script;
    c->dispatch_script = a->dispatch_script ? a->dispatch_script : b->dispatch_script;
    c->restrict_process = a->restrict_process ? a->restrict_process : b->restrict_process;
    c->trusted_proxies = a->trusted_proxies ? a->trusted_proxies : b->trusted_proxies;
    c->trusted_headers = a->trusted_headers ? a->trusted_headers : b->trusted_headers;
    if (a->handlers != NULL && b->handlers != NULL)
        c->handlers = apr_hash_overlay(p, a->handlers, b->handlers);
    else
        c->handlers = a->handlers ? a->handlers : b->handlers;
    return c;
}

/* The one wsgi_global of this configuration hangs on its pool, so that it goes
 * when the configuration goes. */
static wsgi_global *global_of(apr_pool_t *pconf)
{
    static const char key[] = "mod_wsgi-global";
    wsgi_global *global;
    void *found = NULL;

    apr_pool_userdata_get(&found, key, pconf);
    if (found != NULL)
        return found;
    global = apr_pcalloc(pconf, sizeof(*global));
    global->groups = apr_array_make(pconf, 4, sizeof(wsgi_group *));
    global->imports = apr_array_make(pconf, 4, sizeof(wsgi_import));
    global->legacy = apr_array_make(pconf, 1, sizeof(wsgi_legacy_sighting));
    wsgi_settings_conf_create(pconf, &global->settings);
    global->restrict_embedded = -1;
    global->server_metrics = -1;
    global->case_sensitivity = -1;
    apr_pool_userdata_setn(global, key, NULL, pconf);
    return global;
}

void *wsgi_config_create_server(apr_pool_t *p, server_rec *s)
{
    wsgi_server_config *c = apr_pcalloc(p, sizeof(*c));

    (void)s;
    c->global = global_of(p);
    c->aliases = apr_array_make(p, 2, sizeof(wsgi_alias));
    c->log_json = -1;
    return c;
}

void *wsgi_config_merge_server(apr_pool_t *p, void *base, void *add)
{
    const wsgi_server_config *b = base, *a = add;
    wsgi_server_config *c = apr_pcalloc(p, sizeof(*c));

    c->global = b->global;
    c->aliases = apr_array_append(p, a->aliases, b->aliases);
    c->log_json = a->log_json != -1 ? a->log_json : b->log_json;
    return c;
}

const wsgi_server_config *wsgi_config_server(server_rec *s)
{
    return ap_get_module_config(s->module_config, &wsgi_module);
}

wsgi_global *wsgi_config_global(server_rec *s)
{
    return wsgi_config_server(s)->global;
}

const wsgi_dir_config *wsgi_config_dir(request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &wsgi_module);
}

int wsgi_config_caseless(const wsgi_global *global)
{
#ifdef __APPLE__
    return global->case_sensitivity != 1;
#else
    return global->case_sensitivity == 0;
#endif
}

wsgi_group *wsgi_config_group(const wsgi_global *global, const char *name)
{
    int i;

    for (i = 0; i < global->groups->nelts; i++) {
        wsgi_group *group = APR_ARRAY_IDX(global->groups, i, wsgi_group *);

        if (strcmp(group->name, name) == 0)
            return group;
    }
    return NULL;
}

/* ---- words and values --------------------------------------------------- */

const char *wsgi_config_parse_flag(cmd_parms *cmd, const char *what, const char *text, int *out)
{
    if (strcasecmp(text, "on") == 0)
        *out = 1;
    else if (strcasecmp(text, "off") == 0)
        *out = 0;
    else
        return apr_psprintf(cmd->pool, "%s%s%s: '%s' is not understood; use On or Off",
                            cmd->cmd->name, *what ? ": option " : "", what, text);
    return NULL;
}

const char *wsgi_config_parse_group(const char *text)
{
    return strcmp(text, "%{GLOBAL}") == 0 ? "" : text;
}

const char *wsgi_config_next_option(cmd_parms *cmd, const char **args, char **name, char **value)
{
    const char *p = *args, *start;

    *name = *value = NULL;
    while (apr_isspace(*p))
        p++;
    *args = start = p;
    if (*p == '\0')
        return NULL;
    if (*p == '"' || *p == '\'') {
        char *word = ap_getword_conf(cmd->pool, args), *equals = strchr(word, '=');

        if (equals != NULL && equals != word) {
            *equals = '\0';
            *name = word;
            *value = equals + 1;
        }
    }
    else {
        while (*p != '\0' && *p != '=' && !apr_isspace(*p))
            p++;
        if (*p == '=' && p != start) {
            *name = apr_pstrmemdup(cmd->pool, start, p - start);
            *args = ++p;
            /* ap_getword_conf would skip space and take the next option. */
            *value = *p == '\0' || apr_isspace(*p) ? apr_pstrdup(cmd->pool, "")
                                                   : ap_getword_conf(cmd->pool, args);
        }
    }
    if (*name == NULL)
        return apr_psprintf(cmd->pool, "%s: '%s' is not an option; options are written "
                            "name=value, without white space round the =", cmd->cmd->name,
                            ap_getword_conf(cmd->pool, &start));
    if (**value == '\0')
        return apr_psprintf(cmd->pool, "%s: option %s= has no value", cmd->cmd->name, *name);
    return NULL;
}

/* One option of an alias or a handler script. */
static const char *set_choice(cmd_parms *cmd, wsgi_choice *choice, int with_callable,
                              const char *name, const char *value)
{
    if (strcmp(name, "process-group") == 0)
        choice->process_group = wsgi_config_parse_group(value);
    else if (strcmp(name, "application-group") == 0)
        choice->application_group = wsgi_config_parse_group(value);
    else if (strcmp(name, "pass-authorization") == 0)
        return wsgi_config_parse_flag(cmd, name, value, &choice->pass_authorization);
    else if (with_callable && strcmp(name, "callable-object") == 0)
        choice->callable_object = value;
    else
        return apr_psprintf(cmd->pool, "%s: invalid option %s=%s; the options are process-group, "
                            "application-group,%s pass-authorization", cmd->cmd->name, name, value,
                            with_callable ? " callable-object," : "");
    return NULL;
}

static const char *parse_choice(cmd_parms *cmd, const char *args, int with_callable,
                                wsgi_choice *out)
{
    const char *error;
    char *name, *value;

    memset(out, 0, sizeof(*out));
    out->pass_authorization = -1;
    while ((error = wsgi_config_next_option(cmd, &args, &name, &value)) == NULL && name != NULL) {
        error = set_choice(cmd, out, with_callable, name, value);
        if (error != NULL)
            return error;
    }
    return error;
}

/* ---- scripts -------------------------------------------------------------- */

static int is_literal(const char *group)
{
    return group != NULL && strstr(group, "%{") == NULL;
}

/* Both aliases from where the options begin. REGEX is NULL for a path. */
static const char *add_alias(cmd_parms *cmd, const char *location, ap_regex_t *regex,
                             const char *file, const char *options)
{
    wsgi_server_config *server = ap_get_module_config(cmd->server->module_config, &wsgi_module);
    wsgi_choice choice;
    const char *error = parse_choice(cmd, options, 1, &choice);
    wsgi_alias *alias;

    if (error != NULL)
        return error;
    alias = apr_array_push(server->aliases);
    alias->location = location;
    alias->regex = regex;
    alias->file = file;
    alias->choice = choice;
    alias->sighting = regex == NULL ? wsgi_sighting_new(cmd->pool) : NULL;
    if (is_literal(choice.process_group) && is_literal(choice.application_group) &&
        (regex == NULL || strchr(file, '$') == NULL))
        return wsgi_import_add(cmd, file, &choice);
    return NULL;
}

static const char *set_script_alias(cmd_parms *cmd, void *dir, const char *args)
{
    const char *location = ap_getword_conf(cmd->pool, &args);
    const char *file = ap_getword_conf(cmd->pool, &args);

    (void)dir;
    if (*location == '\0' || *file == '\0')
        return "WSGIScriptAlias needs a URL path and a script: "
               "WSGIScriptAlias URL-path file-path [option=value ...]";
    if (*location != '/')
        return apr_psprintf(cmd->pool, "WSGIScriptAlias: the URL path '%s' can never match; "
                            "it must start with /", location);
    return add_alias(cmd, location, NULL, file, args);
}

static const char *set_script_alias_match(cmd_parms *cmd, void *dir, const char *args)
{
    const char *pattern = ap_getword_conf(cmd->pool, &args);
    const char *file = ap_getword_conf(cmd->pool, &args);
    ap_regex_t *regex;

    (void)dir;
    if (*pattern == '\0' || *file == '\0')
        return "WSGIScriptAliasMatch needs a regular expression and a script: "
               "WSGIScriptAliasMatch regex file-path [option=value ...]";
    regex = ap_pregcomp(cmd->pool, pattern, AP_REG_EXTENDED);
    if (regex == NULL)
        return apr_psprintf(cmd->pool, "WSGIScriptAliasMatch: '%s' is not understood; use a regular "
                            "expression, of which $1 to $9 in the file are the groups", pattern);
    return add_alias(cmd, pattern, regex, file, args);
}

static const char *set_handler_script(cmd_parms *cmd, void *dir, const char *args)
{
    wsgi_dir_config *config = dir;
    const char *name = ap_getword_conf(cmd->pool, &args);
    const char *file = ap_getword_conf(cmd->pool, &args), *error;
    wsgi_handler_script *script;

    if (*name == '\0' || *file == '\0')
        return "WSGIHandlerScript needs the name of a handler and a script: "
               "WSGIHandlerScript name file-path [option=value ...]";
    script = apr_pcalloc(cmd->pool, sizeof(*script));
    script->file = file;
    error = parse_choice(cmd, args, 0, &script->choice);
    if (error != NULL)
        return error;
    if (config->handlers == NULL)
        config->handlers = apr_hash_make(cmd->pool);
    apr_hash_set(config->handlers, name, APR_HASH_KEY_STRING, script);
    return NULL;
}

/* ---- groups ---------------------------------------------------------------- */

static const char *set_daemon_process(cmd_parms *cmd, void *dir, const char *args)
{
    wsgi_global *global = wsgi_config_global(cmd->server);
    const char *group_name = ap_getword_conf(cmd->pool, &args), *error;
    char *name, *value, text[ERROR_LENGTH];
    wsgi_group *group;

    (void)dir;
    if (*group_name == '\0')
        return "WSGIDaemonProcess needs a name: WSGIDaemonProcess name [option=value ...]";
    if (strncmp(group_name, "%{", 2) == 0 || strchr(group_name, '=') != NULL)
        return apr_psprintf(cmd->pool, "WSGIDaemonProcess: '%s' cannot be the name of a process "
                            "group; the name comes first, before the options", group_name);
    group = wsgi_config_group(global, group_name);
    if (group != NULL)
        return apr_psprintf(cmd->pool, "WSGIDaemonProcess: the name '%s' is already taken by %s:%u; "
                            "names are unique over all virtual hosts", group_name,
                            group->file, group->line);
    group = wsgi_group_new(cmd->pool, group_name, cmd->server);
    group->file = cmd->directive->filename;
    group->line = (unsigned)cmd->directive->line_num;
    while ((error = wsgi_config_next_option(cmd, &args, &name, &value)) == NULL && name != NULL)
        if (wsgi_options_set(&group->options, name, value, text, sizeof(text)) < 0)
            return apr_psprintf(cmd->pool, "WSGIDaemonProcess %s: %s", group_name, text);
    if (error != NULL)
        return error;
    group->index = (uint32_t)global->groups->nelts;
    APR_ARRAY_PUSH(global->groups, wsgi_group *) = group;
    return NULL;
}

/* ---- single values --------------------------------------------------------- */

/* Where one argument is taken, Apache has refused an empty one. */

static const char *set_process_group(cmd_parms *cmd, void *dir, const char *value)
{
    (void)cmd;
    ((wsgi_dir_config *)dir)->process_group = wsgi_config_parse_group(value);
    return NULL;
}

static const char *set_application_group(cmd_parms *cmd, void *dir, const char *value)
{
    (void)cmd;
    ((wsgi_dir_config *)dir)->application_group = wsgi_config_parse_group(value);
    return NULL;
}

static const char *set_callable_object(cmd_parms *cmd, void *dir, const char *value)
{
    (void)cmd;
    ((wsgi_dir_config *)dir)->callable_object = value;
    return NULL;
}

/* The last list in a scope is the one that counts. */
static const char *set_restrict_process(cmd_parms *cmd, void *dir, const char *args)
{
    apr_array_header_t *names = apr_array_make(cmd->pool, 4, sizeof(const char *));

    while (*args != '\0') {
        const char *name = ap_getword_conf(cmd->pool, &args);

        if (*name == '\0')
            return apr_psprintf(cmd->pool, "%s: the name is empty; use %%{GLOBAL} if embedded mode "
                                "was meant", cmd->cmd->name);
        APR_ARRAY_PUSH(names, const char *) = wsgi_config_parse_group(name);
    }
    if (names->nelts == 0)
        return apr_psprintf(cmd->pool, "%s needs at least one name of a process group; %%{GLOBAL} "
                            "stands for embedded mode", cmd->cmd->name);
    ((wsgi_dir_config *)dir)->restrict_process = names;
    return NULL;
}

/* On or Off for requests. cmd->info: its place in wsgi_dir_config. */
static const char *set_flag(cmd_parms *cmd, void *dir, const char *value)
{
    return wsgi_config_parse_flag(cmd, "", value, (int *)(void *)((char *)dir + (apr_size_t)cmd->info));
}

static const char *set_map_head(cmd_parms *cmd, void *dir, const char *value)
{
    wsgi_dir_config *config = dir;

    if (strcasecmp(value, "auto") == 0)
        config->map_head = WSGI_MAP_HEAD_AUTO;
    else if (strcasecmp(value, "on") == 0)
        config->map_head = WSGI_MAP_HEAD_ON;
    else if (strcasecmp(value, "off") == 0)
        config->map_head = WSGI_MAP_HEAD_OFF;
    else
        return apr_psprintf(cmd->pool, "%s: '%s' is not understood; use On, Off or Auto",
                            cmd->cmd->name, value);
    return NULL;
}

/* On or Off that there is once a server. cmd->info: its place in wsgi_global. */
static const char *set_global_flag(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *base = (char *)wsgi_config_global(cmd->server);

    (void)dir;
    return error ? error : wsgi_config_parse_flag(cmd, "", value, (int *)(void *)(base + (apr_size_t)cmd->info));
}

/* A text that there is once a server. cmd->info: its place in wsgi_global. */
static const char *set_global_text(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *base = (char *)wsgi_config_global(cmd->server);

    (void)dir;
    if (error == NULL)
        *(const char **)(base + (apr_size_t)cmd->info) = value;
    return error;
}

static const char *set_runtime_directory(cmd_parms *cmd, void *dir, const char *value)
{
    if (*value != '/')
        return apr_psprintf(cmd->pool, "WSGIRuntimeDirectory: '%s' is not an absolute path; give "
                            "the folder that holds wsgi-supervisor", value);
    return set_global_text(cmd, dir, value);
}

static const char *set_socket_prefix(cmd_parms *cmd, void *dir, const char *value)
{
    const char *full = ap_server_root_relative(cmd->pool, value);

    if (full == NULL)
        return apr_psprintf(cmd->pool, "WSGISocketPrefix: '%s' is not a path", value);
    return set_global_text(cmd, dir, full);
}

/* ---- the table --------------------------------------------------------------- */

#define GLOBAL_TEXT(member) (void *)APR_OFFSETOF(wsgi_global, member)
#define GLOBAL_FLAG(member) (void *)APR_OFFSETOF(wsgi_global, member)
#define SETTING(member) (void *)APR_OFFSETOF(wsgi_settings, member)
#define SCOPE(member) (void *)APR_OFFSETOF(wsgi_scope, member)
#define FLAG(member) (void *)APR_OFFSETOF(wsgi_dir_config, member)
#define GLOBAL  RSRC_CONF             /* the setter refuses virtual hosts */
#define SERVER  RSRC_CONF
#define SECTION (RSRC_CONF | ACCESS_CONF)
#define HTACCESS (RSRC_CONF | ACCESS_CONF | OR_FILEINFO)
#define AUTHCONFIG OR_AUTHCFG         /* directory sections and .htaccess, not a server itself */

const command_rec wsgi_config_directives[] = {
    AP_INIT_RAW_ARGS("WSGIScriptAlias", set_script_alias, NULL, SERVER,
                     "URL path, script file, and options process-group=, application-group=, "
                     "callable-object=, pass-authorization="),
    AP_INIT_RAW_ARGS("WSGIScriptAliasMatch", set_script_alias_match, NULL, SERVER,
                     "regular expression, script file, and options process-group=, "
                     "application-group=, callable-object=, pass-authorization="),
    AP_INIT_RAW_ARGS("WSGIDaemonProcess", set_daemon_process, NULL, SERVER,
                     "name of a group of daemon processes, and its options"),
    AP_INIT_RAW_ARGS("WSGIImportScript", wsgi_import_set, NULL, SERVER,
                     "script file to load when a process starts, process-group= and "
                     "application-group="),
    AP_INIT_RAW_ARGS("WSGIHandlerScript", set_handler_script, NULL, SECTION,
                     "name of a handler, script file, and options process-group=, "
                     "application-group=, pass-authorization="),
    AP_INIT_TAKE1("WSGIProcessGroup", set_process_group, NULL, SECTION,
                  "name of a group of daemon processes, or %{GLOBAL} for embedded mode"),
    AP_INIT_RAW_ARGS("WSGIRestrictProcess", set_restrict_process, NULL, SECTION,
                     "names of the groups of daemon processes that may be used, and %{GLOBAL} if "
                     "embedded mode may"),
    AP_INIT_TAKE1("WSGIApplicationGroup", set_application_group, NULL, SECTION,
                  "name of a Python interpreter, or %{GLOBAL} for the main one"),
    AP_INIT_TAKE1("WSGICallableObject", set_callable_object, NULL, HTACCESS,
                  "name of the application object in the script"),
    AP_INIT_TAKE1("WSGIPassAuthorization", set_flag, FLAG(pass_authorization), HTACCESS,
                  "On to let applications see the Authorization header, else Off"),
    AP_INIT_TAKE1("WSGIScriptReloading", set_flag, FLAG(script_reloading), HTACCESS,
                  "On to load a script again when its file has changed, else Off"),
    AP_INIT_TAKE1("WSGIErrorOverride", set_flag, FLAG(error_override), HTACCESS,
                  "On to answer errors of an application with Apache's error pages, else Off"),
    AP_INIT_TAKE1("WSGIChunkedRequest", set_flag, FLAG(chunked_request), HTACCESS,
                  "On to accept request bodies of unknown length, else Off"),
    AP_INIT_TAKE1("WSGIMapHEADToGET", set_map_head, NULL, HTACCESS,
                  "On to show HEAD requests to applications as GET, Off not to, Auto to do so where "
                  "a filter needs the body"),
    AP_INIT_TAKE1("WSGIIgnoreActivity", set_flag, FLAG(ignore_activity), HTACCESS,
                  "On: these requests do not keep a daemon process from its inactivity-timeout, else Off"),
    AP_INIT_TAKE1("WSGIEnableSendfile", set_flag, FLAG(enable_sendfile), HTACCESS,
                  "On to send files of wsgi.file_wrapper by sendfile, else Off"),
    AP_INIT_TAKE1("WSGIPassApacheRequest", set_flag, FLAG(pass_apache_request), SECTION,
                  "On to let Python in httpd's processes have the request_rec, else Off"),
    AP_INIT_RAW_ARGS("WSGIDispatchScript", wsgi_auth_set_script, FLAG(dispatch_script), SECTION,
                     "script file that chooses where requests go, and options process-group= and "
                     "application-group="),
    AP_INIT_RAW_ARGS("WSGIAccessScript", wsgi_auth_set_script, FLAG(access_script), AUTHCONFIG,
                     "script file that says who may come in, and options process-group= and "
                     "application-group="),
    AP_INIT_RAW_ARGS("WSGIAuthUserScript", wsgi_auth_set_script, FLAG(auth_user_script), AUTHCONFIG,
                     "script file that knows users and their passwords, and options process-group= and "
                     "application-group="),
    AP_INIT_RAW_ARGS("WSGIAuthGroupScript", wsgi_auth_set_script, FLAG(auth_group_script), AUTHCONFIG,
                     "script file that knows the groups of users, and options process-group= and "
                     "application-group="),
    AP_INIT_TAKE1("WSGICaseSensitivity", set_global_flag, GLOBAL_FLAG(case_sensitivity), GLOBAL,
                  "Off if paths that differ only in case are the same file, else On"),
    AP_INIT_RAW_ARGS("WSGITrustedProxyHeaders", wsgi_proxies_set_headers, NULL, HTACCESS,
                     "names of headers by which proxies tell of the client"),
    AP_INIT_RAW_ARGS("WSGITrustedProxies", wsgi_proxies_set_proxies, NULL, HTACCESS,
                     "addresses and networks of the proxies that may send those headers"),
    AP_INIT_TAKE1("WSGIServerMetrics", set_global_flag, GLOBAL_FLAG(server_metrics), GLOBAL,
                  "On: applications in embedded mode may see Apache's scoreboard, mod_wsgi.server_metrics()"),
    AP_INIT_TAKE1("WSGIRestrictEmbedded", set_global_flag, GLOBAL_FLAG(restrict_embedded), GLOBAL,
                  "On to refuse applications in embedded mode, else Off"),
    AP_INIT_TAKE1("WSGIPythonHome", set_global_text, GLOBAL_TEXT(python_home), GLOBAL,
                  "prefix of a Python installation or virtual environment"),
    AP_INIT_TAKE1("WSGIPythonPath", wsgi_settings_set_path, NULL, GLOBAL,
                  "directories for sys.path, separated by colons"),
    AP_INIT_TAKE1("WSGIPythonEggs", wsgi_settings_set_eggs, NULL, GLOBAL,
                  "directory for files unpacked from eggs in embedded mode"),
    AP_INIT_TAKE1("WSGIPythonOptimize", wsgi_settings_set_optimize, NULL, GLOBAL,
                  "0, 1 or 2, as Python's option -O none, once or twice"),
    AP_INIT_TAKE1("WSGIDontWriteBytecode", wsgi_settings_set_flag, SETTING(dont_write_bytecode), GLOBAL,
                  "On to write no .pyc files, else Off"),
    AP_INIT_TAKE1("WSGIPythonWarnings", wsgi_settings_set_warnings, NULL, GLOBAL,
                  "a filter for warnings, as of Python's option -W"),
    AP_INIT_TAKE1("WSGIPythonHashSeed", wsgi_settings_set_hash_seed, NULL, GLOBAL,
                  "random, or a whole number up to 4294967295"),
    AP_INIT_TAKE1("WSGIDestroyInterpreter", wsgi_settings_set_flag, SETTING(destroy_interpreter), GLOBAL,
                  "Off to end processes without ending their interpreters, else On"),
    AP_INIT_RAW_ARGS("<WSGIInterpreterOptions", wsgi_settings_set_options, NULL, GLOBAL,
                     "process-group= and application-group= of the interpreters that the directives "
                     "inside are for"),
    AP_INIT_TAKE1("WSGISwitchInterval", wsgi_settings_set_switch_interval, NULL, GLOBAL,
                  "seconds for which a thread may keep Python's lock while others wait for it"),
    AP_INIT_TAKE1("WSGIPerInterpreterGIL", wsgi_settings_set_own_gil_flag, SCOPE(per_interpreter_gil), GLOBAL,
                  "On to give interpreters other than the main one locks of their own, else Off"),
    AP_INIT_TAKE1("WSGIFreeThreading", wsgi_settings_set_scope_flag, SCOPE(free_threading), GLOBAL,
                  "On to run a Python that was built without the GIL without it, else Off"),
    AP_INIT_TAKE1("WSGIRestrictStdin", wsgi_settings_set_scope_flag, SCOPE(restrict_stdin), GLOBAL,
                  "On to make reading sys.stdin an error, else Off"),
    AP_INIT_TAKE1("WSGIRestrictStdout", wsgi_settings_set_scope_flag, SCOPE(restrict_stdout), GLOBAL,
                  "On to make writing to sys.stdout an error, else Off"),
    AP_INIT_TAKE1("WSGIRestrictSignal", wsgi_settings_set_scope_flag, SCOPE(restrict_signal), GLOBAL,
                  "Off to let applications register handlers of signals, else On"),
    AP_INIT_TAKE1("WSGISocketPrefix", set_socket_prefix, GLOBAL_TEXT(socket_prefix), GLOBAL,
                  "accepted for compatibility: there is no socket on disk"),
    AP_INIT_TAKE1("WSGILogFormat", wsgi_report_set_format, NULL, SERVER,
                  "json for lines of applications as one JSON object each, else text"),
    AP_INIT_RAW_ARGS("WSGITelemetryService", wsgi_report_set_service, NULL, GLOBAL,
                     "unix:/path of the socket that numbers are sent to, and option interval="),
    AP_INIT_TAKE1("WSGISlowRequests", wsgi_report_set_slow, NULL, GLOBAL,
                  "seconds after which a request is reported to the telemetry service; 0 is off"),
    AP_INIT_RAW_ARGS("WSGITelemetryOptions", wsgi_report_set_options, NULL, GLOBAL,
                     "None, All, or CaptureUserAgent, also with + or -"),
    AP_INIT_TAKE1("WSGIRuntimeDirectory", set_runtime_directory, GLOBAL_TEXT(runtime_directory),
                  GLOBAL, "folder of wsgi-supervisor and of the Python halves"),
    AP_INIT_TAKE1("WSGISocketRotation", wsgi_legacy_set_flag, NULL, GLOBAL, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGIAcceptMutex", wsgi_legacy_set_mutex, NULL, GLOBAL, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGILazyInitialization", wsgi_legacy_set_flag, NULL, GLOBAL, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGIVerboseDebugging", wsgi_legacy_set_flag, NULL, GLOBAL, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGIPy3kWarningFlag", wsgi_legacy_set_flag, NULL, GLOBAL, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGINewRelicConfigFile", wsgi_legacy_set_text, NULL, GLOBAL, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGINewRelicEnvironment", wsgi_legacy_set_text, NULL, GLOBAL, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGIUserAuthoritative", wsgi_legacy_set_flag, NULL, AUTHCONFIG, "accepted for compatibility"),
    AP_INIT_TAKE1("WSGIGroupAuthoritative", wsgi_legacy_set_flag, NULL, AUTHCONFIG, "accepted for compatibility"),
    { NULL }
};

/* wsgi_config.h - the directives: their table, and the settings they make.
 *
 * Settings that may stand in a directory section live in the per-directory
 * configuration alone; at server level Apache keeps that as the default of all
 * requests of the server, so "a directory beats its server" needs no code.
 * Unset is a value of its own (NULL, -1); defaults apply where a setting is
 * read, by wsgi_request. %{GLOBAL} has become the empty name already.
 */
#ifndef WSGI_CONFIG_H
#define WSGI_CONFIG_H

#include "apr_hash.h"
#include "apr_tables.h"
#include "wsgi_module.h"
#include "wsgi_server.h"
#include "wsgi_settings.h"

struct wsgi_group;
struct wsgi_hook_script;
struct wsgi_runtime;
struct wsgi_half;
struct wsgi_sighting;

/* What the options of an alias or a handler script decide. */
typedef struct {
    const char *process_group, *application_group, *callable_object;
    int pass_authorization;
} wsgi_choice;

typedef struct {
    const char *location, *file;
    ap_regex_t *regex;                /* of a WSGIScriptAliasMatch; NULL: location is a path */
    wsgi_choice choice;
    struct wsgi_sighting *sighting;   /* of the file; NULL with a regex */
} wsgi_alias;

typedef struct {
    const char *file;
    wsgi_choice choice;
} wsgi_handler_script;

/* WSGIMapHEADToGET. */
enum wsgi_map_head { WSGI_MAP_HEAD_OFF, WSGI_MAP_HEAD_ON, WSGI_MAP_HEAD_AUTO };

typedef struct {
    const char *process_group, *application_group, *callable_object;
    int pass_authorization, script_reloading, error_override, chunked_request, enable_sendfile;
    int ignore_activity;
    int map_head;                     /* enum wsgi_map_head; -1 unset: auto */
    int pass_apache_request;
    const struct wsgi_hook_script *access_script, *auth_user_script, *auth_group_script, *dispatch_script;
    apr_hash_t *handlers;             /* name to wsgi_handler_script; NULL: none */
    apr_array_header_t *restrict_process;   /* const char *, names of groups; NULL: any */
    apr_array_header_t *trusted_proxies;    /* wsgi_network; NULL: every peer */
    apr_array_header_t *trusted_headers;    /* uint8_t, places in wsgi_forwarded_registry; NULL: none */
} wsgi_dir_config;

/* A script that a directive wants loaded before its group serves. */
typedef struct {
    const char *directive, *script;
    const char *group, *application_group, *callable_object;
    server_rec *server;               /* in which the directive stands */
} wsgi_import;

/* One a configuration, whatever virtual hosts there are. */
typedef struct {
    apr_array_header_t *groups;       /* struct wsgi_group *, in file order */
    apr_array_header_t *imports;      /* wsgi_import, in file order */
    const char *python_home, *python_path;
    const char *runtime_directory, *socket_prefix;
    wsgi_settings settings;           /* of Python; the first scope is of the plain directives */
    uint32_t open_scope;              /* the one that directives set now: wsgi_settings_conf.c */
    apr_array_header_t *own_gils;     /* where WSGIPerInterpreterGIL stands: wsgi_settings_conf.c; or NULL */
    apr_array_header_t *legacy;       /* wsgi_legacy_sighting */
    int python_needed;                /* in each child, even if WSGIRestrictEmbedded is On */
    wsgi_server server;               /* telemetry; the rest is wsgi_report_describe's */
    int restrict_embedded;            /* -1 unset: off */
    int server_metrics;               /* the same */
    int case_sensitivity;             /* -1 unset: wsgi_config_caseless() knows */
    /* Found by wsgi_groups_check and wsgi_embedded_check. */
    const struct wsgi_runtime *runtime;
    const struct wsgi_half *embedded;
    const char *embedded_error;       /* why embedded is NULL */
} wsgi_global;

typedef struct {
    wsgi_global *global;
    apr_array_header_t *aliases;      /* wsgi_alias; own first, then the main server's */
    int log_json;                     /* WSGILogFormat; -1 unset: text */
} wsgi_server_config;

extern const command_rec wsgi_config_directives[];

void *wsgi_config_create_dir(apr_pool_t *p, char *dir);
void *wsgi_config_merge_dir(apr_pool_t *p, void *base, void *add);
void *wsgi_config_create_server(apr_pool_t *p, server_rec *s);
void *wsgi_config_merge_server(apr_pool_t *p, void *base, void *add);

/* Never NULL. */
wsgi_global *wsgi_config_global(server_rec *s);
const wsgi_server_config *wsgi_config_server(server_rec *s);
const wsgi_dir_config *wsgi_config_dir(request_rec *r);

/* Are names of scripts and URLs that differ only in case the same? */
int wsgi_config_caseless(const wsgi_global *global);

/* The group of this name, or NULL. */
struct wsgi_group *wsgi_config_group(const wsgi_global *global, const char *name);

/* ---- for setters in other files ---- */

/* On or Off into *OUT. WHAT is the option it is the value of, or "". Returns NULL
 * or an error text. */
const char *wsgi_config_parse_flag(cmd_parms *cmd, const char *what, const char *text, int *out);
/* %{GLOBAL} is the empty name; everything else stays as it is until a request
 * expands it. */
const char *wsgi_config_parse_group(const char *text);
/* Take the next name=value off *ARGS. The value, or the whole word, may be
 * quoted. At the end *NAME is NULL. Returns NULL or an error text. */
const char *wsgi_config_next_option(cmd_parms *cmd, const char **args, char **name, char **value);

#endif

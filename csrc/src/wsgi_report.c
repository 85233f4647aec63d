/* wsgi_report.c - see wsgi_report.h.
 *
 * httpd escapes every quote and backslash of an error log record, so an object
 * of JSON can only be written past it, to the same file. Where there is no file
 * (syslog) lines stay as they are.
 */
#include "wsgi_report.h"

#include <stdlib.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_file_io.h"
#include "apr_lib.h"
#include "apr_strings.h"

#include "wsgi_groups.h"
#include "wsgi_json.h"

#define INTERVAL_LEAST 0.5
#define SECONDS_MOST   1e9

/* ---- directives ------------------------------------------------------------ */

const char *wsgi_report_set_format(cmd_parms *cmd, void *dir, const char *value)
{
    wsgi_server_config *server = ap_get_module_config(cmd->server->module_config, &wsgi_module);

    (void)dir;
    if (strcasecmp(value, "json") == 0)
        server->log_json = 1;
    else if (strcasecmp(value, "text") == 0)
        server->log_json = 0;
    else
        return apr_psprintf(cmd->pool, "WSGILogFormat: '%s' is not understood; use text or json", value);
    return NULL;
}

/* Seconds as microseconds; -1 if TEXT is no number of at least LEAST. */
static apr_int64_t seconds_of(const char *text, double least)
{
    char *end;
    double value;

    if (!apr_isdigit(*text) && *text != '.')
        return -1;                    /* strtod takes words and signs */
    value = strtod(text, &end);
    return *end == '\0' && value >= least && value <= SECONDS_MOST ? (apr_int64_t)(value * 1e6 + 0.5) : -1;
}

/* The wsgi_server of this configuration, or NULL with *ERROR. */
static wsgi_server *telemetry_of(cmd_parms *cmd, const char **error)
{
    *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    return *error != NULL ? NULL : &wsgi_config_global(cmd->server)->server;
}

const char *wsgi_report_set_service(cmd_parms *cmd, void *dir, const char *args)
{
    const char *target = ap_getword_conf(cmd->pool, &args), *error;
    wsgi_server *server = telemetry_of(cmd, &error);

    (void)dir;
    if (server == NULL)
        return error;
    if (target[0] == '\0')
        return "WSGITelemetryService needs unix:/absolute/path/of/a/socket [interval=seconds]";
    if (strncmp(target, "unix:/", 6) != 0)
        return apr_psprintf(cmd->pool, "WSGITelemetryService: '%s' is not understood; it takes "
                            "unix:/absolute/path/of/a/socket [interval=seconds]", target);
    if (strlen(target + 5) > WSGI_TELEMETRY_PATH_MAX)
        return apr_psprintf(cmd->pool, "WSGITelemetryService: the path '%s' has %d characters; a socket "
                            "can have %d", target + 5, (int)strlen(target + 5), WSGI_TELEMETRY_PATH_MAX);
    server->telemetry = apr_pstrdup(cmd->pool, target + 5);
    while (*args != '\0') {
        const char *word = ap_getword_conf(cmd->pool, &args);
        apr_int64_t us;

        if (strncmp(word, "interval=", 9) != 0)
            return apr_psprintf(cmd->pool, "WSGITelemetryService: invalid option '%s'; the option is "
                                "interval=", word);
        us = seconds_of(word + 9, INTERVAL_LEAST);
        if (us < 0)
            return apr_psprintf(cmd->pool, "WSGITelemetryService: interval=%s is not understood; it takes "
                                "seconds, 0.5 or more", word + 9);
        server->interval_us = us;
    }
    return NULL;
}

const char *wsgi_report_set_slow(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error;
    wsgi_server *server = telemetry_of(cmd, &error);
    apr_int64_t us = seconds_of(value, 0);

    (void)dir;
    if (server == NULL)
        return error;
    if (us < 0)
        return apr_psprintf(cmd->pool, "WSGISlowRequests: '%s' is not understood; it takes seconds, 0 is off",
                            value);
    server->slow_us = us;
    return NULL;
}

/* One word of WSGITelemetryOptions. *FORM: 0 not known yet, 1 flags, 2 changes
 * to what is set. */
static const char *set_option(cmd_parms *cmd, wsgi_server *server, const char *word, int *form)
{
    int change = *word == '+' || *word == '-';
    const char *name = word + change;

    if (*form != 0 && *form != 1 + change)
        return apr_psprintf(cmd->pool, "WSGITelemetryOptions: '%s' cannot be mixed with the words before it; "
                            "either all have + or -, or none has", word);
    if (*form == 0 && !change)
        server->user_agent = 0;
    *form = 1 + change;
    if (strcasecmp(name, "CaptureUserAgent") == 0 || (!change && strcasecmp(name, "All") == 0))
        server->user_agent = *word != '-';
    else if (change || strcasecmp(name, "None") != 0)
        return apr_psprintf(cmd->pool, "WSGITelemetryOptions: '%s' is not understood; it takes None, All, or "
                            "CaptureUserAgent, also with + or -", word);
    return NULL;
}

const char *wsgi_report_set_options(cmd_parms *cmd, void *dir, const char *args)
{
    const char *error;
    wsgi_server *server = telemetry_of(cmd, &error);
    int form = 0, words = 0, whole = 0;

    (void)dir;
    if (server == NULL)
        return error;
    for (; *args != '\0' && error == NULL; words++) {
        const char *word = ap_getword_conf(cmd->pool, &args);

        whole |= strcasecmp(word, "All") == 0 || strcasecmp(word, "None") == 0;
        error = set_option(cmd, server, word, &form);
    }
    if (error == NULL && words == 0)
        return "WSGITelemetryOptions needs an argument: None, All, or CaptureUserAgent, also with + or -";
    if (error == NULL && whole && words > 1)
        return "WSGITelemetryOptions: None and All stand alone";
    return error;
}

/* ---- what a process is told ----------------------------------------------------- */

static int is_json(const server_rec *s)
{
    const wsgi_server_config *c = ap_get_module_config(s->module_config, &wsgi_module);

    return c->log_json == 1;
}

void wsgi_report_describe(server_rec *s, wsgi_server *out)
{
    int threads = 0, processes = 0;
    ap_version_t version;

    *out = wsgi_config_global(s)->server;
    ap_get_server_revision(&version);
    out->version[0] = (uint16_t)version.major;
    out->version[1] = (uint16_t)version.minor;
    out->version[2] = (uint16_t)version.patch;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &processes);
    out->description = (char *)(apr_uintptr_t)ap_get_server_description();
    out->mpm = (char *)(apr_uintptr_t)ap_show_mpm();
    out->build_date = (char *)(apr_uintptr_t)ap_get_server_built();
    out->threads = threads > 0 ? (uint32_t)threads : 1;
    out->processes = processes > 0 ? (uint32_t)processes : 1;
    out->json = is_json(s) && s->error_log != NULL;
}

int wsgi_report_level(request_rec *r)
{
    return ap_get_request_module_loglevel(r, wsgi_module.module_index);
}

/* ---- lines ----------------------------------------------------------------------- */

static void put_text(wsgi_buf *b, const char *name, const char *text)
{
    if (text != NULL && *text != '\0')
        wsgi_json_text(b, name, text, strlen(text));
}

/* Members that every line has, and where it comes from. */
static void put_line(wsgi_buf *b, const char *file, int line, const char *text, apr_size_t n)
{
    wsgi_json_number(b, "pid", (apr_int64_t)getpid());
    if (file != NULL) {
        put_text(b, "file", file);
        wsgi_json_number(b, "line", line);
    }
    wsgi_json_text(b, "message", text, n);
    wsgi_json_end(b);
}

/* With one write, so that lines of several processes do not mix. */
static void write_line(server_rec *s, wsgi_buf *b)
{
    if (!b->failed)
        apr_file_write_full(s->error_log, b->data, b->len, NULL);
    wsgi_buf_free(b);
}

static void write_json(request_rec *r, const wsgi_route *route, int level, const char *file, int line,
                       const char *text, apr_size_t n)
{
    wsgi_buf b = { NULL, 0, 0, 0 };

    wsgi_json_begin(&b, (uint64_t)apr_time_now(), level);
    put_text(&b, "request_id", r->log_id);
    put_text(&b, "server", r->server->server_hostname);
    put_text(&b, "client", r->useragent_ip);
    put_text(&b, "process_group", route->group != NULL ? route->group->name : NULL);
    put_text(&b, "application_group", route->application_group);
    put_text(&b, "script", route->script);
    put_line(&b, file, line, text, n);
    write_line(r->server, &b);
}

void wsgi_report_line(request_rec *r, const wsgi_route *route, int level, const char *file,
                      int line, const char *text, apr_size_t n)
{
    if (level > APLOG_TRACE1)
        level = APLOG_TRACE1;
    if (level > wsgi_report_level(r))
        return;
    if (is_json(r->server) && r->server->error_log != NULL)
        write_json(r, route, level, file, line, text, n);
    else
        ap_log_rerror_(file != NULL ? file : __FILE__, file != NULL ? line : __LINE__,
                       APLOG_MODULE_INDEX, level, 0, r, "[script %s] %.*s", route->script, (int)n, text);
}

void wsgi_report_server_line(server_rec *s, int level, const char *file, int line,
                             const char *text, apr_size_t n)
{
    wsgi_buf b = { NULL, 0, 0, 0 };

    if (level > APLOG_TRACE1)
        level = APLOG_TRACE1;
    if (level > ap_get_server_module_loglevel(s, wsgi_module.module_index))
        return;
    if (is_json(s) && s->error_log != NULL) {
        wsgi_json_begin(&b, (uint64_t)apr_time_now(), level);
        put_line(&b, file, line, text, n);
        write_line(s, &b);
    }
    else
        ap_log_error_(file != NULL ? file : __FILE__, file != NULL ? line : __LINE__,
                      APLOG_MODULE_INDEX, level, 0, s, "%.*s", (int)n, text);
}

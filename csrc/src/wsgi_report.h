/* wsgi_report.h - what the module says to those who run it: lines of
 * applications in the error log, in either format, and the directives of format
 * and telemetry.
 */
#ifndef WSGI_REPORT_H
#define WSGI_REPORT_H

#include "wsgi_config.h"
#include "wsgi_request.h"
#include "wsgi_server.h"

/* Setters of WSGILogFormat, WSGITelemetryService, WSGISlowRequests and
 * WSGITelemetryOptions. */
const char *wsgi_report_set_format(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_report_set_service(cmd_parms *cmd, void *dir, const char *args);
const char *wsgi_report_set_slow(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_report_set_options(cmd_parms *cmd, void *dir, const char *args);

/* What a process with Python in it that logs to S is told. Borrows. */
void wsgi_report_describe(server_rec *s, wsgi_server *out);

/* The most verbose level that lines of R are written at. */
int  wsgi_report_level(request_rec *r);

/* One line of the application that answers R, from LINE of FILE (NULL: from no
 * place that is known). LEVEL 0..8 as APLOG_*. */
void wsgi_report_line(request_rec *r, const wsgi_route *route, int level, const char *file,
                      int line, const char *text, apr_size_t n);
/* One that belongs to no request. */
void wsgi_report_server_line(server_rec *s, int level, const char *file, int line,
                             const char *text, apr_size_t n);

#endif

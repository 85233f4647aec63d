/* wsgi_request.h - which requests are ours, and who runs them: script,
 * interpreter and process group, decided once per request.
 */
#ifndef WSGI_REQUEST_H
#define WSGI_REQUEST_H

#include <stdint.h>

#include "wsgi_module.h"

struct wsgi_group;

/* Lives in the request's pool; texts are never NULL. */
typedef struct {
    const char *script;               /* file to load */
    const char *handler_script;       /* as script if a WSGIHandlerScript runs, else "" */
    const char *application_group;    /* "" is the main interpreter */
    const char *callable_object;
    const char *script_name, *path_info;
    const char *method;               /* as the application is to see it */
    struct wsgi_group *group;         /* NULL: embedded */
    int pass_authorization, script_reloading, error_override, enable_sendfile, ignore_activity;
    int head_only;                    /* neither client nor filter wants the body */
    int64_t content_length;           /* or WSGI_LENGTH_* */
} wsgi_route;

/* Name and path info of R, by its URL, into ROUTE. */
void wsgi_request_split(request_rec *r, wsgi_route *route);
/* The application group that VALUE means for a script that is not asked for by a
 * URL: of the tokens %{SERVER} and %{HOST} only. */
const char *wsgi_request_script_group(request_rec *r, const char *value);
/* May R use the group of ROUTE, and that run its script? OK or a status. */
int wsgi_request_admit(request_rec *r, const wsgi_route *route);

/* Hooks of Apache. */
int wsgi_request_translate(request_rec *r);
int wsgi_request_handler(request_rec *r);

#endif

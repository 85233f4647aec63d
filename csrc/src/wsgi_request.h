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
    int pass_authorization, script_reloading, error_override, enable_sendfile;
    int head_only;                    /* neither client nor filter wants the body */
    int64_t content_length;           /* or WSGI_LENGTH_* */
} wsgi_route;

/* Hooks of Apache. */
int wsgi_request_translate(request_rec *r);
int wsgi_request_handler(request_rec *r);

#endif

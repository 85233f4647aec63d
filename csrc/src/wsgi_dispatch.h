/* wsgi_dispatch.h - WSGIDispatchScript: functions that choose process group,
 * interpreter and callable of a request.
 */
#ifndef WSGI_DISPATCH_H
#define WSGI_DISPATCH_H

#include "wsgi_auth_conf.h"
#include "wsgi_request.h"

/* Ask SCRIPT where R is to go; ROUTE is how an application would be shown it. What
 * a function has no opinion on is NULL in OUT. OK or a status. */
int wsgi_dispatch(request_rec *r, const wsgi_hook_script *script, const wsgi_route *route, wsgi_choice *out);

#endif

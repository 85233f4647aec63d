/* wsgi_embedded.h - a request in embedded mode: the plugin wsgi-embed.so is
 * opened in this child by the first request that needs it, and lent the
 * request through the table of wsgi_peer.h.
 */
#ifndef WSGI_EMBEDDED_H
#define WSGI_EMBEDDED_H

#include "wsgi_calls_ask.h"
#include "wsgi_request.h"

/* Which half would serve. OK, or a status if WSGIPythonHome can never work. */
int wsgi_embedded_check(apr_pool_t *pconf, server_rec *s);
void wsgi_embedded_child_init(apr_pool_t *pchild, server_rec *s);

/* Run R in this process. Returns what the handler returns. */
int wsgi_embedded_run(request_rec *r, const wsgi_route *route);

/* Ask CALL about R in this process. OK, or the status of why it could not be. */
int wsgi_embedded_call(request_rec *r, const wsgi_route *route, const wsgi_call *call, wsgi_reply *reply);

#endif

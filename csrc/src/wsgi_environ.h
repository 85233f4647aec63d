/* wsgi_environ.h - a request as the variables an application sees: written
 * straight from Apache's record into a request head of wsgi_wire.h. No tables
 * are copied, no sub-request is made, no name is looked up.
 */
#ifndef WSGI_ENVIRON_H
#define WSGI_ENVIRON_H

#include "wsgi_request.h"
#include "wsgi_wire.h"

/* Append the head of R to OUT: strings of the route, then the pairs. Returns
 * enum wsgi_request_flag bits of the request. */
uint8_t wsgi_environ_write(request_rec *r, const wsgi_route *route, wsgi_buf *out);

/* The same for a call of KIND about R (wsgi_calls_wire.h): one to dispatch sees the
 * variables that an application sees, the others what is known of the client and
 * its request before anybody has let it in, and never who it says it is. Of the
 * flags HTTPS means mod_ssl's own verdict. */
uint8_t wsgi_environ_write_call(request_rec *r, const wsgi_route *route, uint8_t kind, wsgi_buf *out);

/* Hook: finds the functions that other modules offer. */
void wsgi_environ_retrieve(void);
/* What is the same for every request of a child. */
void wsgi_environ_child_init(void);

#endif

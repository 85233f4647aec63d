/* wsgi_response.h - an application's answer applied to the request: head, body,
 * file, end. Relay and embedded mode share it, hence the same bytes.
 *
 * Framing is set from what was passed on, not from what was claimed: more than
 * the declared length is cut, less breaks the connection, so that no later
 * response is ever taken for the rest of this one. As long as nothing went down
 * the filter chain a failure is still a proper error page.
 */
#ifndef WSGI_RESPONSE_H
#define WSGI_RESPONSE_H

#include <stdint.h>

#include "apr_buckets.h"
#include "wsgi_request.h"
#include "wsgi_frames.h"

typedef struct {
    request_rec *r;
    const wsgi_route *route;          /* what directives say of the answer */
    apr_bucket_brigade *bb;           /* not passed on yet */
    int64_t declared;                 /* Content-Length of the application, or -1 */
    int64_t taken;                    /* body bytes seen */
    int hints;                        /* interim responses sent */
    int64_t flushed;                  /* of them, when the client was last made to see them */
    const char *redirect;             /* local path to go to instead, or NULL */
    unsigned head:1;                  /* there was one */
    unsigned sent:1;                  /* something is down the filter chain */
    unsigned unflushed:1;             /* body passed on or pending since the last flush */
    unsigned bodiless:1;              /* HEAD, 204, 304: body bytes are dropped */
    unsigned overridden:1;            /* WSGIErrorOverride: Apache answers for this status */
    unsigned gone:1;                  /* the client went away */
    unsigned file:1;                  /* the body is of a file, or began with one */
    unsigned ended:1;                 /* its end is down the filter chain */
} wsgi_response;

/* ROUTE is borrowed for the length of the request. */
void wsgi_response_init(wsgi_response *out, request_rec *r, const wsgi_route *route);

/* Each returns 0, ECONNRESET when the client is gone, or EPROTO when the answer
 * cannot be one (a second head, data before it, no regular file); the first also
 * EMSGSIZE, when a header is longer than the group allows. */
int wsgi_response_start(wsgi_response *out, const wsgi_response_head *head);
/* An interim response with the headers of HEAD, at once, and only to clients
 * that know of such: HTTP/1.1 and later. */
int wsgi_response_hints(wsgi_response *out, const wsgi_response_head *head);
/* The bytes are borrowed until wsgi_response_pass. */
int wsgi_response_lend(wsgi_response *out, const void *p, size_t n);
/* The bytes are copied. */
int wsgi_response_copy(wsgi_response *out, const void *p, size_t n);
/* FD stays the caller's. */
int wsgi_response_file(wsgi_response *out, int fd, uint64_t offset, uint64_t length);
/* Hand what is pending to Apache; FLUSH: the client is to see it now. */
int wsgi_response_pass(wsgi_response *out, int flush);

/* The application ended with END. Returns what the handler returns. */
int wsgi_response_end(wsgi_response *out, enum wsgi_end end);
/* Whoever ran it is gone or too late: STATUS as long as nothing was sent, else
 * the response is cut. Returns what the handler returns. */
int wsgi_response_fail(wsgi_response *out, int status);

#endif

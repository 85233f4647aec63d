/* wsgi_body.h - the request body as the client sends it, for relay and embedded
 * mode alike.
 *
 * Nothing is read before it is asked for: the first read sends the interim 100
 * a client may wait for. When reading fails, Apache's filter may have answered
 * the client already; the status kept here is then the one answer.
 */
#ifndef WSGI_BODY_H
#define WSGI_BODY_H

#include <stdint.h>

#include "apr_buckets.h"
#include "wsgi_module.h"

typedef struct {
    request_rec *r;
    apr_bucket_brigade *bb;           /* made by the first read */
    int64_t left;                     /* bytes still to come, at most if CHUNKED */
    int chunked;                      /* its end is told by Apache */
    int error;                        /* errno that ended it: ECONNRESET, ETIMEDOUT, EPROTO, EFBIG */
    int status;                       /* what the handler is to return for that error */
} wsgi_body;

/* LENGTH as in wsgi_route: none is an empty body. */
void wsgi_body_init(wsgi_body *body, request_rec *r, int64_t length);

/* The next piece of at most MAX bytes; blocks. 0 with *N bytes at *P, borrowed
 * until the next call, *N 0 at the end; or an errno, then also kept in error. */
int wsgi_body_next(wsgi_body *body, size_t max, const char **p, size_t *n);

#endif

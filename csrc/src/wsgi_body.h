/* wsgi_body.h - the request body as the client sends it, for relay and embedded
 * mode alike.
 *
 * Nothing is read before it is asked for: the first read sends the interim 100
 * a client may wait for. When reading fails, Apache's input filter would answer
 * the client by itself, with a page or, behind the first bytes of a response,
 * with a clean end of it. It is kept from doing so: the status kept here is the
 * one answer, and a response that has begun is the handler's to cut.
 */
#ifndef WSGI_BODY_H
#define WSGI_BODY_H

#include <stdint.h>
#include <sys/uio.h>

#include "apr_buckets.h"
#include "wsgi_module.h"

typedef struct {
    request_rec *r;
    apr_bucket_brigade *bb;           /* made by the first read */
    apr_bucket_brigade *lent;         /* so is this: the pieces that the caller has */
    int64_t left;                     /* bytes still to come, at most if CHUNKED */
    uint64_t taken;                   /* bytes that were read */
    int chunked;                      /* its end is told by Apache */
    int error;                        /* errno that ended it: ECONNRESET, ETIMEDOUT, EPROTO, EFBIG */
    int status;                       /* what the handler is to return for that error */
    struct wsgi_body_guard *guard;    /* made by the first read */
    apr_time_t silent;                /* nothing has come since; 0: something just has */
    int idle;                         /* reads since then without a byte although the socket was ready */
} wsgi_body;

#define WSGI_BODY_PIECES 32

typedef struct {
    struct iovec *piece;              /* room for WSGI_BODY_PIECES, the caller's */
    int count;
    size_t size;                      /* of all of them */
} wsgi_body_pieces;

/* When the hooks are registered. */
void wsgi_body_register(void);

/* LENGTH as in wsgi_route: none is an empty body. */
void wsgi_body_init(wsgi_body *body, request_rec *r, int64_t length);

/* The next piece of at most MAX bytes; blocks. 0 with *N bytes at *P, borrowed
 * until the next call, *N 0 at the end; or an errno, then also kept in error. */
int wsgi_body_next(wsgi_body *body, size_t max, const char **p, size_t *n);

/* The same of pieces, MOST bytes at most, and for no longer than about MS
 * milliseconds. It returns as soon as NEED bytes have come, with as many more as
 * are there; with fewer if the time is over, or as many pieces as there may be
 * have come; EAGAIN, which is not kept, if nothing has. Timeout of Apache holds
 * as it does for one long wait. */
int wsgi_body_gather(wsgi_body *body, size_t need, size_t most, int ms, wsgi_body_pieces *out);

/* The handler is about to return STATUS. Apache reads what is left of a body
 * before it sends what it holds back of the answer; the client gets that now,
 * whether or not it ever sends the rest. Returns STATUS. */
int wsgi_body_leave(wsgi_body *body, int status);

#endif

/* wsgi_calls_wire.h - a call: httpd asks a function of a script something about
 * a request, other than to answer it. May it pass, is this the password, where
 * is it to go? What the call carries besides the head of the request, and the
 * verdict that comes back, as bytes.
 *
 * In a packet (flag WSGI_REQ_CALL) the call stands before the head: u8 kind, then
 * the arguments of that kind as strings. A verdict is a frame of its own, before
 * the end: code, u32 count, pairs of what it names. The rules of wsgi_wire.h hold.
 *
 * Plain tier.
 */
#ifndef WSGI_CALLS_WIRE_H
#define WSGI_CALLS_WIRE_H

#include "wsgi_frames.h"

#define WSGI_VERDICT_VALUES_MAX 65536

enum wsgi_call_kind {
    WSGI_CALL_ACCESS = 1,         /* allow_access(environ, host) */
    WSGI_CALL_PASSWORD,           /* check_password(environ, user, password) */
    WSGI_CALL_REALM_HASH,         /* get_realm_hash(environ, user, realm) */
    WSGI_CALL_GROUPS,             /* groups_for_user(environ, user) */
    WSGI_CALL_DISPATCH            /* process_group, application_group, callable_object(environ) */
};

#define WSGI_CALL_ARGS_MAX 2

typedef struct {
    uint8_t kind;                 /* enum wsgi_call_kind */
    wsgi_str args[WSGI_CALL_ARGS_MAX];    /* borrowed; behind the environ, in this order */
} wsgi_call;

/* How many arguments a kind has besides the environ; -1: there is no such kind. */
int wsgi_call_args(uint8_t kind);

void wsgi_call_encode(const wsgi_call *c, wsgi_buf *out);
/* *USED gets the bytes of the call; the head follows them. 0 or -1. */
int  wsgi_call_decode(const void *p, size_t n, wsgi_call *out, size_t *used);

enum wsgi_verdict_code {
    WSGI_VERDICT_NONE = 0,        /* None: it has no opinion */
    WSGI_VERDICT_NO,
    WSGI_VERDICT_YES,
    WSGI_VERDICT_VALUES           /* pairs: "user", "hash", "group"s, or names of functions */
};

typedef struct {
    uint16_t code;                /* enum wsgi_verdict_code */
    uint32_t nvalues;
    const unsigned char *values;  /* undecoded; walk with wsgi_cur_pair */
    size_t values_len;
} wsgi_verdict;

/* Can V be the answer to a call of this kind? What cannot is never taken for
 * one: a door stays shut. Its values have been walked by the decoder. */
int wsgi_verdict_fits(uint8_t kind, const wsgi_verdict *v);
/* From a frame VERDICT, borrowed from it, checked to its end. 0 or -1. */
int wsgi_verdict_decode(const wsgi_frame *f, wsgi_verdict *out);

#endif

/* wsgi_peer.h - how the gateway sees a request, whoever brought it.
 *
 * The gateway (Python tier) is the same in a daemon process and in embedded
 * mode. It is given a request and a table of functions: the host's table
 * writes frames, the plugin's calls back into mod_wsgi.so. Neither httpd nor
 * Python is named here. Functions of the table may block and are called
 * without the GIL; they return 0 or an errno unless said otherwise.
 */
#ifndef WSGI_PEER_H
#define WSGI_PEER_H

#include "wsgi_frames.h"

typedef struct {
    wsgi_head head;               /* strings borrowed for the length of the call */
    const char *process_group;    /* "" in embedded mode */
    uint8_t flags;                /* enum wsgi_request_flag */
    int64_t content_length;
    wsgi_str body;                /* what rode along: all of it, or empty */
    uint64_t received_us, queued_us, taken_us;   /* the last two 0 in embedded mode */
    uint16_t resent, refused;     /* as in wsgi_packet; 0 in embedded mode */
    uint32_t thread;              /* 1-based number of the request thread */
    int multithread, multiprocess;
    int apache[3];                /* version of the running server */
    void *request_rec;            /* httpd's own, for those who ask for it; NULL in a daemon process */
    int log_level;                /* more verbose lines of it are not written; 0: as those of the process */
} wsgi_request;

/* A change of a script that is seen for the first time, or again; or it is not
 * there any more. ELSEWHERE: it could not be loaded here, and another process of
 * the group has it in service. */
enum wsgi_stale { WSGI_STALE_FIRST, WSGI_STALE_AGAIN, WSGI_STALE_MISSING, WSGI_STALE_ELSEWHERE };

/* Headers were checked by the gateway: names are tokens, values have no
 * control characters, hop-by-hop and framing headers are gone, Content-Length
 * is in content_length only. */
typedef struct wsgi_peer {
    /* The script is fresh and the call is about to happen. 0, or ECANCELED:
     * nobody waits for the answer any more, do not run it. Never blocks, and
     * is the one function that is called with the GIL held. */
    int (*begin)(void *ctx);
    /* The script changed on disk. 0: load it again in this interpreter and go
     * on (embedded). EAGAIN: refused; this process is being replaced. EALREADY:
     * go on with the one that is loaded, a successor is on its way or has failed. */
    int (*stale)(void *ctx, enum wsgi_stale how);
    /* Up to N bytes of body: bytes, 0 at its end, -1 with errno when the client
     * is gone (ECONNRESET), slow (ETIMEDOUT), malformed (EPROTO), too large (EFBIG).
     * ALL: nothing is done with fewer, so the peer may wait for N of them; else
     * for no more than the client has sent, which may wait for an answer. */
    ssize_t (*read)(void *ctx, void *buf, size_t n, int all);
    /* The response head. HEADERS: encoded pairs (wsgi_buf_pair). May be kept
     * back until the first data, flush or the end. */
    int (*head)(void *ctx, int status, const char *reason, size_t reason_len,
                int64_t content_length, const void *headers, size_t headers_len,
                uint32_t nheaders);
    /* Body bytes; borrowed for the call. FLUSH: the client is to see them now. */
    int (*data)(void *ctx, const void *p, size_t n, int flush);
    /* LENGTH bytes of an open regular file from OFFSET; FD is borrowed. */
    int (*file)(void *ctx, int fd, uint64_t offset, uint64_t length);
    /* One line without its newline; LEVEL as APLOG_* (3 error, 4 warning, 6
     * info, 7 debug). Never fails. */
    void (*log)(void *ctx, int level, const char *text, size_t n);
    /* The same from LINE of source file FILE; may be NULL, then log is used. */
    void (*log_at)(void *ctx, int level, const char *file, int line, const char *text, size_t n);
    /* As log, by another thread than that of the request, which cannot end meanwhile;
     * never blocks. LEVEL 0: of where the request is; kept, and logged if
     * request-deadline passes without an answer. An empty TEXT begins such anew. 0,
     * or an errno: the line goes elsewhere. NULL where requests are not watched. */
    int (*tell)(void *ctx, int level, const char *text, size_t n);
    /* An interim response (103) with HEADERS, before the head. Sent at once, or
     * not at all to a client that does not know of such. */
    int (*hints)(void *ctx, const void *headers, size_t headers_len, uint32_t nheaders);
    /* Of a call, once: enum wsgi_verdict_code and encoded pairs. */
    int (*verdict)(void *ctx, int code, const void *values, size_t values_len, uint32_t nvalues);
    /* Of a call: put the value of a variable of mod_ssl into OUT. ENOENT: it has
     * none, or there is no mod_ssl. */
    int (*lookup)(void *ctx, const char *name, size_t n, wsgi_buf *out);
} wsgi_peer;

#endif

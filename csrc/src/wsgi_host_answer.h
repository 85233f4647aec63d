/* wsgi_host_answer.h - the answer of one request, as frames to the relay.
 *
 * Frames are kept back until data must be seen, something must be waited for,
 * or the request ends: a small response is one sendmsg. Whatever the relay was
 * asked to send of the body is read to its end before the answer ends, since
 * the stream is used again by the next request.
 */
#ifndef WSGI_HOST_ANSWER_H
#define WSGI_HOST_ANSWER_H

#include <pthread.h>

#include "wsgi_board.h"
#include "wsgi_peer.h"

/* One per request thread, kept. */
typedef struct wsgi_answer {
    int fd;                       /* the stream; of this request */
    /* Over sending: another thread of the application may be in write() while
     * the request's own logs, and half a frame in another is the end of it. */
    pthread_mutex_t sending;
    wsgi_buf out;                 /* frames kept back */
    wsgi_reader reader;           /* of body frames; made when first needed */
    int reader_made;
    uint32_t owed;                /* body bytes asked for that were not handed out yet */
    uint32_t need;                /* of those as many come in any case, if there are; more with the last */
    uint64_t handed_out;          /* body bytes of this request */
    const unsigned char *piece;   /* of a body frame, not handed out yet */
    size_t piece_left;
    int body_end, body_error;
    int write_error;              /* errno: the relay is gone */
    int begun, refused;
    wsgi_board *board;
    uint16_t thread;              /* number of the request thread, from 1 */
    uint32_t slot, cell, ticket;
    uint16_t incarnation;
    int unseen;                   /* no sign of life: WSGIIgnoreActivity */
    uint32_t signs;               /* of life of its requests, counted; read by the watch */
    int own_log_level;            /* of the process */
    int log_level;                /* of the request; lines of no use to anybody are not sent */
    void (*lost_line)(int level, const char *text, size_t n);   /* the relay is gone */
    /* The script changed. EAGAIN: the successor is to answer, EBUSY: any other
     * process, EALREADY: this one, with the script it has. */
    int (*refuse)(enum wsgi_stale how);
} wsgi_answer;

extern const wsgi_peer wsgi_answer_peer;      /* its ctx is a wsgi_answer */

/* A new request on stream FD. */
void wsgi_answer_begin(wsgi_answer *a, int fd, const wsgi_packet *p);

/* Send what is left and how it ended, unless the request was refused or nobody
 * wants it. 0 or an errno. */
int  wsgi_answer_end(wsgi_answer *a, enum wsgi_end end);

/* Refuse a request that was not taken. */
void wsgi_answer_refuse(wsgi_answer *a, enum wsgi_refusal why);

void wsgi_answer_free(wsgi_answer *a);

#endif

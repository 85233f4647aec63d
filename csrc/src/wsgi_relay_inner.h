/* wsgi_relay_inner.h - what the files of the relay share: a request or a call on
 * its way to a group, and what happens to either.
 */
#ifndef WSGI_RELAY_INNER_H
#define WSGI_RELAY_INNER_H

#include "wsgi_relay.h"

#include "wsgi_body.h"
#include "wsgi_groups.h"
#include "wsgi_response.h"
#include "wsgi_worker.h"

/* Limits are kept by a clock that nobody sets. */
static inline apr_time_t steady_now(void)
{
    return (apr_time_t)wsgi_steady_us();
}

/* How a request stands; anything but GOING ends it. */
enum standing { GOING, ENDED, FAILED };

typedef struct {
    request_rec *r;
    wsgi_group *group;
    wsgi_answer *answer;
    wsgi_buf *packet;
    wsgi_packet header;
    int memfd;                   /* with a head too large for a packet, else -1 */
    const wsgi_call *call;       /* that is asked, instead of an answer; else NULL */
    wsgi_reply *reply;           /* to it */
    wsgi_body body;
    wsgi_response out;
    enum wsgi_end end;           /* of ENDED */
    int status;                  /* of FAILED */
    apr_time_t taken;            /* seen to run since; 0 before */
    int wanting;                 /* the body is being sent that it asked for */
    int last_look;               /* its process is gone; read what is left */
    uint32_t deaths, turns;      /* of the group when it was queued */
    int refused;                 /* how often */
    int thread;                  /* number of the one that runs it; 0: not told */
    apr_array_header_t *stack;   /* lines of where that is: told shortly before the deadline; or NULL */
    size_t stack_size;
    apr_interval_time_t pause;   /* before it is sent again */
    /* By the steady clock: */
    apr_time_t received;         /* by httpd */
    apr_time_t queued;           /* first entered the queue */
    apr_time_t alive;            /* something was heard */
    apr_time_t looked;           /* last tick */
    apr_time_t hopeful;          /* a process was ready or starting */
    apr_time_t dry;              /* nothing more came, and the client has not seen all; else 0 */
} relay;

#define LOG(x, level, number, format, ...) \
    ap_log_rerror(APLOG_MARK, level, 0, (x)->r, WSGI_MSG(number) "daemon process group '%s': " format, \
                  (x)->group->name, __VA_ARGS__)

static inline enum standing failed(relay *x, int status)
{
    x->status = status;
    return FAILED;
}

/* ---- wsgi_relay.c: from the handler to the end ------------------------------------ */

/* Make X for R. NULL if its group cannot be asked at all, which is logged; else
 * the worker, to be left. */
wsgi_worker *wsgi_relay_begin(relay *x, request_rec *r, const wsgi_route *route);
/* Have the pair, cell and reader to be answered by. 0 or a status. */
int  wsgi_relay_open(relay *x);
/* Send it, and follow what becomes of it. */
enum standing wsgi_relay_deliver(relay *x);
/* Keep the pair if nothing can follow on it: WHOLE, the answer had an end. */
void wsgi_relay_let_go(relay *x, int whole);
/* For the metrics page: it is httpd that answers with STATUS. */
void wsgi_relay_note_loss(const wsgi_group *group, int status);
/* Send a frame to the process that asked. 0 or an errno. */
int  wsgi_relay_send(relay *x, uint8_t type, uint16_t code, const void *p, size_t n);
/* The same of NIOV parts at IOV, N bytes in all; IOV[0] is for the header, and all
 * of it is changed. */
int  wsgi_relay_send_parts(relay *x, uint8_t type, uint16_t code, struct iovec *iov, int niov, size_t n);

/* ---- wsgi_relay_packet.c: what enters the queue ------------------------------------- */

/* Packet header, head and perhaps body, ready to be sent. OK or a status. */
int  wsgi_relay_build(relay *x, const wsgi_route *route);

/* ---- wsgi_relay_queue.c: into it, and out of it again --------------------------------- */

/* How much is left of request-deadline; no matter where there is none. */
apr_interval_time_t wsgi_relay_time_left(const relay *x, apr_time_t now);
int  wsgi_relay_out_of_time(const relay *x, apr_time_t now);
/* Send it under its ticket, waiting while the queue is full. */
enum standing wsgi_relay_queue(relay *x);
/* Send it once more under a new ticket, which voids what was sent before, and
 * with a new pair: whoever still holds the far end of the old one, or died in
 * the middle of a line, cannot put in a word of it. */
enum standing wsgi_relay_queue_again(relay *x);
/* Give up a request that nobody took. 0: too late, somebody just did. */
int  wsgi_relay_abandon(relay *x);
/* Any thread of a process on its way out may take the request once more and
 * refuse it, so it is time that sets the limit, and a pause that gives the next
 * process its chance. */
enum standing wsgi_relay_on_refuse(relay *x, const wsgi_frame *f);

/* ---- wsgi_relay_hear.c: what the daemon process says ---------------------------------- */

/* Take every frame that is there. */
enum standing wsgi_relay_take_frames(relay *x);

/* ---- wsgi_relay_body.c: what it asks for ---------------------------------------------- */

/* Send the body bytes asked for by F, and wait for them. */
enum standing wsgi_relay_on_want(relay *x, const wsgi_frame *f);

/* ---- wsgi_relay_watch.c: what it does not say ------------------------------------------- */

/* Nothing was heard for a tick: is there any hope? */
enum standing wsgi_relay_tick(relay *x);
/* This child was told to end. */
int  wsgi_relay_child_stops(void);

/* ---- wsgi_relay_call.c: frames of a call ---------------------------------------- */

/* 0, or EPROTO. */
int wsgi_relay_on_verdict(relay *x, const wsgi_frame *f);
/* The script asks back. */
enum standing wsgi_relay_on_lookup(relay *x, const wsgi_frame *f);

#endif

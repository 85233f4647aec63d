/* wsgi_relay.c - see wsgi_relay.h.
 *
 * Since both ends of the pair are held here, a process that dies gives no end
 * of file: whenever an answer takes longer than a tick the scoreboard is asked
 * whether the process that took the request still lives. Who may run or give up
 * the request is decided by compare-and-swap on its cell, so it runs once at
 * most, and never after its client has been told otherwise.
 *
 * A quick request costs two system calls: the packet out, the answer in.
 */
#include "wsgi_relay.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_strings.h"

#include "wsgi_body.h"
#include "wsgi_environ.h"
#include "wsgi_groups.h"
#include "wsgi_locate.h"
#include "wsgi_response.h"
#include "wsgi_worker.h"

#define BODY_PIECE    (64 * 1024)
#define BODY_TICK_MS  100        /* as WSGI_ANSWER_TICK, while the client is waited for */
#define FULL_QUEUE_MS 20         /* between attempts to enter a full queue */
#define REFUSED_PAUSE apr_time_from_msec(2)     /* doubled each time, up to */
#define WAIT_MOST     apr_time_from_sec(3600)
#define TURN_PAUSE    apr_time_from_msec(5)
#define REFUSED_MOST  apr_time_from_msec(64)

/* ---- one request --------------------------------------------------------------------------- */

static apr_time_t stopping;               /* when this child was told to end, or 0 */

/* Limits are kept by a clock that nobody sets. */
static apr_time_t steady_now(void)
{
    return (apr_time_t)wsgi_steady_us();
}

/* When httpd received R, by that clock. A step of the other one meanwhile is not
 * taken for a long wait. */
static apr_time_t received_at(const request_rec *r)
{
    apr_interval_time_t ago = (apr_interval_time_t)wsgi_now_us() - r->request_time;

    return steady_now() - (ago < 0 || ago > WAIT_MOST ? 0 : ago);
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
    wsgi_body body;
    wsgi_response out;
    enum wsgi_end end;           /* of ENDED */
    int status;                  /* of FAILED */
    apr_time_t taken;            /* seen to run since; 0 before */
    int last_look;               /* its process is gone; read what is left */
    uint32_t deaths, turns;      /* of the group when it was queued */
    int refused;                 /* how often */
    apr_interval_time_t pause;   /* before it is sent again */
    /* By the steady clock: */
    apr_time_t received;         /* by httpd */
    apr_time_t queued;           /* first entered the queue */
    apr_time_t alive;            /* something was heard */
    apr_time_t looked;           /* last tick */
    apr_time_t hopeful;          /* a process was ready or starting */
    apr_time_t dry;              /* nothing more came, and the client has not seen all; else 0 */
} relay;

static enum standing failed(relay *x, int status)
{
    x->status = status;
    return FAILED;
}

/* Give up a request that nobody took. 0: too late, somebody just did. */
static int abandon(relay *x)
{
    return wsgi_cell_abandon(x->answer->board, x->answer->cell, x->header.ticket);
}

#define LOG(x, level, number, format, ...) \
    ap_log_rerror(APLOG_MARK, level, 0, (x)->r, WSGI_MSG(number) "daemon process group '%s': " format, \
                  (x)->group->name, __VA_ARGS__)

/* Have the pair, cell and reader to be answered by. 0 or a status. */
static int open_answer(relay *x)
{
    int error = wsgi_answer_open(x->answer, x->group);

    if (error == 0)
        return 0;
    LOG(x, APLOG_ERR, 0236, "no answer from a daemon process can be awaited: %s", strerror(error));
    return HTTP_SERVICE_UNAVAILABLE;
}

static const char *ending_of(relay *x, uint32_t slot, uint16_t incarnation)
{
    wsgi_slot_view view;
    const char *why;

    wsgi_slot_read(x->answer->board, slot, &view);
    if (view.death == WSGI_DEATH_NONE || (incarnation != 0 && view.dead_incarnation != incarnation))
        return "how it ended is not known";
    switch (view.death) {
    case WSGI_DEATH_SIGNAL:
        why = apr_psprintf(x->r->pool, "killed by signal %u", view.death_detail);
        break;
    case WSGI_DEATH_EXIT:
        why = apr_psprintf(x->r->pool, "exited with status %u", view.death_detail);
        break;
    default:
        why = wsgi_death_text((enum wsgi_death)view.death);
        break;
    }
    return apr_psprintf(x->r->pool, "pid %ld: %s", (long)view.dead_pid, why);
}

/* What its client is told of a process that is gone. */
static int status_of_ending(const relay *x, uint32_t slot, uint16_t incarnation)
{
    wsgi_slot_view view;

    wsgi_slot_read(x->answer->board, slot, &view);
    return view.dead_incarnation == incarnation && view.death == WSGI_DEATH_REQUEST_TIMEOUT
           ? HTTP_GATEWAY_TIME_OUT : HTTP_BAD_GATEWAY;
}

static long pid_of(const relay *x, uint32_t slot)
{
    wsgi_slot_view view;

    wsgi_slot_read(x->answer->board, slot, &view);
    return (long)view.pid;
}

/* ---- into the queue --------------------------------------------------------------------------- */

/* How much is left of request-deadline; no matter where there is none. */
static apr_interval_time_t time_left(const relay *x, apr_time_t now)
{
    return x->received + x->group->request_deadline - now;
}

static int out_of_time(const relay *x, apr_time_t now)
{
    return x->group->request_deadline > 0 && time_left(x, now) <= 0;
}

/* How long it may wait there: 0 is not at all any more. */
static apr_interval_time_t patience(const relay *x, apr_time_t now)
{
    apr_interval_time_t left = x->queued + x->group->connect_timeout - now, more;

    if (x->group->queue_timeout > 0) {
        more = x->received + x->group->queue_timeout - now;
        left = more < left ? more : left;
    }
    if (x->group->request_deadline > 0) {
        more = time_left(x, now);
        left = more < left ? more : left;
    }
    return left > 0 ? left : 0;
}

static int put_packet(relay *x)
{
    struct iovec iov[2];
    int niov = 1;

    wsgi_packet_encode(&x->header, x->packet->data);
    iov[0].iov_base = x->packet->data;
    iov[0].iov_len = x->packet->len;
    if (x->memfd >= 0) {
        iov[0].iov_len = WSGI_PACKET_HEADER;
        iov[1].iov_base = x->packet->data + WSGI_PACKET_HEADER + x->header.head_len;
        iov[1].iov_len = x->header.body_len;
        niov = x->header.body_len > 0 ? 2 : 1;
    }
    return wsgi_rendezvous_send(x->group->rendezvous, iov, niov, x->answer->far, x->memfd);
}

/* Send it under its ticket, waiting while the queue is full. */
static enum standing enter_queue(relay *x)
{
    for (;;) {
        int error;

        x->header.queued_us = wsgi_now_us();
        x->deaths = wsgi_board_deaths(x->answer->board);
        x->turns = wsgi_board_turns(x->answer->board);
        error = put_packet(x);
        if (error == 0)
            return GOING;
        if (error == EINTR)
            continue;
        if (error != EAGAIN && error != EWOULDBLOCK && error != ENOBUFS && error != ETOOMANYREFS) {
            if (!abandon(x))
                return GOING;     /* an earlier copy has just been taken */
            LOG(x, APLOG_ERR, 0221, "no daemon process can be reached: %s", strerror(error));
            return failed(x, HTTP_SERVICE_UNAVAILABLE);
        }
        if (patience(x, steady_now()) == 0) {
            if (!abandon(x))
                return GOING;
            LOG(x, APLOG_ERR, 0222, "the queue of the daemon process group stayed full for %d seconds",
                (int)apr_time_sec(steady_now() - x->queued));
            return failed(x, out_of_time(x, steady_now()) ? HTTP_GATEWAY_TIME_OUT : HTTP_SERVICE_UNAVAILABLE);
        }
        if (error == EAGAIN) {
            struct pollfd p = { x->group->rendezvous, POLLOUT, 0 };

            poll(&p, 1, FULL_QUEUE_MS);
        }
        else
            apr_sleep(apr_time_from_msec(FULL_QUEUE_MS));     /* descriptors in flight: not polled for */
    }
}

/* Send it once more under a new ticket, which voids what was sent before, and
 * with a new pair: whoever still holds the far end of the old one, or died in
 * the middle of a line, cannot put in a word of it. */
static enum standing queue_again(relay *x)
{
    uint32_t ticket = wsgi_cell_requeue(x->answer->board, x->answer->cell, x->header.ticket);
    int status;

    if (ticket == 0)
        return GOING;             /* somebody has just taken it */
    x->header.ticket = ticket;
    wsgi_answer_close(x->answer);
    status = open_answer(x);
    return status == 0 ? enter_queue(x) : failed(x, status);
}

/* ---- what the daemon process says ------------------------------------------------------------- */

/* Send bytes of body, or its end, to the process that asked. 0 or an errno. */
static int send_body(relay *x, uint8_t type, uint16_t code, const void *p, size_t n)
{
    unsigned char header[WSGI_FRAME_HEADER];
    struct iovec iov[2] = { { header, sizeof(header) }, { (void *)p, n } };
    int error;

    wsgi_frame_header(header, type, code, (uint32_t)n);
    for (;;) {
        uint32_t slot;
        uint16_t incarnation;

        error = wsgi_stream_send(x->answer->near, iov, n > 0 ? 2 : 1, -1);
        if (error == EINTR)
            continue;
        if (error != EAGAIN && error != EWOULDBLOCK)
            return error;
        if (wsgi_cell_read(x->answer->board, x->answer->cell, &slot, &incarnation) != WSGI_CELL_TAKEN ||
            !wsgi_slot_lives(x->answer->board, slot, incarnation))
            return EPIPE;
        if (steady_now() - x->alive > x->group->socket_timeout)
            return ETIMEDOUT;
    }
}

static enum standing tick(relay *x);

static enum standing on_want(relay *x, const wsgi_frame *f)
{
    wsgi_cur cur = wsgi_cur_of(f->data, f->len);
    size_t left = wsgi_cur_u32(&cur);
    int error = 0;

    /* What was answered so far may be what the client waits for. */
    if (wsgi_response_pass(&x->out, 1) != 0)
        return ENDED;
    while (left > 0) {
        const char *p;
        size_t n;

        error = wsgi_body_try(&x->body, left < BODY_PIECE ? left : BODY_PIECE, &p, &n, BODY_TICK_MS);
        x->alive = steady_now();
        if (error == EAGAIN) {
            /* The client is slow: does anybody wait for it? */
            enum standing standing = tick(x);

            if (standing != GOING || x->last_look)
                return standing;
            continue;
        }
        if (error != 0)
            error = send_body(x, WSGI_FRAME_BODY_ERROR, (uint16_t)error, NULL, 0);
        else if (n == 0)
            error = send_body(x, WSGI_FRAME_BODY_END, 0, NULL, 0);
        else {
            error = send_body(x, WSGI_FRAME_BODY, 0, p, n);
            left -= n;
            if (error == 0 && f->code == WSGI_WANT_ALL)
                continue;
        }
        break;
    }
    if (left > 0 && error != 0) {
        /* What it said before it went is still to be read. */
        x->last_look = 1;
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, error, x->r, "daemon process group '%s': the request body "
                      "cannot be sent on", x->group->name);
    }
    x->alive = steady_now();
    return GOING;
}

/* The first request that sees a change waits for the new process, or for the
 * news that it failed. A third of its patience is left for what comes then. */
static void await_turn(const relay *x)
{
    apr_interval_time_t rest = x->group->connect_timeout / 3;

    while (wsgi_board_turns(x->answer->board) == x->turns &&
           wsgi_board_deaths(x->answer->board) == x->deaths && patience(x, steady_now()) > rest &&
           __atomic_load_n(&stopping, __ATOMIC_RELAXED) == 0)
        apr_sleep(TURN_PAUSE);
}

/* Any thread of a process on its way out may take the request once more and
 * refuse it, so it is time that sets the limit, and a pause that gives the next
 * process its chance. */
static enum standing on_refuse(relay *x, const wsgi_frame *f)
{
    int status;

    if (f->code == WSGI_REFUSE_RELOAD && *x->out.route->handler_script == '\0' &&
        (status = wsgi_locate_missing(x->r)) != OK)
        return abandon(x) ? failed(x, status) : GOING;
    x->refused++;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, x->r, "daemon process group '%s': refused by a process that %s; "
                  "sent again", x->group->name,
                  f->code == WSGI_REFUSE_RELOAD ? "restarts for a changed script" : "takes no more requests");
    if (patience(x, steady_now()) == 0) {
        if (!abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0223, "a request was refused %d times by daemon processes that restart", x->refused);
        return failed(x, HTTP_SERVICE_UNAVAILABLE);
    }
    if (f->code == WSGI_REFUSE_RELOAD)
        await_turn(x);
    apr_sleep(x->pause);
    x->pause = x->pause * 2 > REFUSED_MOST ? REFUSED_MOST : x->pause * 2;
    return queue_again(x);
}

static enum standing on_head(relay *x, const wsgi_frame *f)
{
    wsgi_response_head head;
    int error = wsgi_response_head_decode(f, &head) < 0 ? EPROTO : wsgi_response_start(&x->out, &head);

    if (error == EMSGSIZE) {
        LOG(x, APLOG_ERR, 0248, "the response for '%s' has a header of more than %d bytes (header-buffer-size)",
            x->r->uri, wsgi_options_header_buffer_size(&x->group->options));
        return failed(x, HTTP_INTERNAL_SERVER_ERROR);
    }
    if (error != 0) {
        LOG(x, APLOG_ERR, 0224, "a daemon process sent a bad response head for '%s'", x->r->uri);
        return failed(x, HTTP_INTERNAL_SERVER_ERROR);
    }
    return GOING;
}

static enum standing on_frame(relay *x, const wsgi_frame *f)
{
    wsgi_response_head hints;
    uint64_t offset, length;
    wsgi_cur cur;
    int error;

    switch (f->type) {
    case WSGI_FRAME_HEAD:
        return on_head(x, f);
    case WSGI_FRAME_HINTS:
        error = wsgi_hints_decode(f, &hints) < 0 ? EPROTO : wsgi_response_hints(&x->out, &hints);
        break;
    case WSGI_FRAME_DATA:
        error = wsgi_response_lend(&x->out, f->data, f->len);
        break;
    case WSGI_FRAME_FILE:
        cur = wsgi_cur_of(f->data, f->len);
        offset = wsgi_cur_u64(&cur);
        length = wsgi_cur_u64(&cur);
        error = f->fd < 0 ? EPROTO : wsgi_response_file(&x->out, f->fd, offset, length);
        break;
    case WSGI_FRAME_LOG:
        ap_log_rerror(APLOG_MARK, f->code <= 7 ? f->code : APLOG_TRACE1, 0, x->r, "%.*s",
                      (int)f->len, (const char *)f->data);
        return GOING;
    case WSGI_FRAME_WANT:
        return on_want(x, f);
    case WSGI_FRAME_REFUSE:
        if (!x->out.head)
            return on_refuse(x, f);
        error = EPROTO;           /* the answer has begun */
        break;
    case WSGI_FRAME_END:
        x->end = (enum wsgi_end)f->code;
        return ENDED;
    default:
        error = EPROTO;
        break;
    }
    if (error == EPROTO) {
        LOG(x, APLOG_ERR, 0225, "a daemon process broke the protocol (frame '%c')", f->type);
        return failed(x, HTTP_BAD_GATEWAY);
    }
    return error == 0 ? GOING : ENDED;
}

/* ---- what it does not say --------------------------------------------------------------------- */

static int anyone_to_hope_for(const relay *x)
{
    uint32_t i;

    for (i = 0; i < wsgi_board_slots(x->answer->board); i++) {
        wsgi_slot_view view;

        wsgi_slot_read(x->answer->board, i, &view);
        if (view.state == WSGI_SLOT_STARTING || view.state == WSGI_SLOT_READY)
            return 1;
    }
    return 0;
}

/* How the last process of the group ended, for those who wonder why none is there. */
static const char *last_ending(relay *x)
{
    uint32_t i;

    for (i = 0; i < wsgi_board_slots(x->answer->board); i++) {
        wsgi_slot_view view;

        wsgi_slot_read(x->answer->board, i, &view);
        if (view.death != WSGI_DEATH_NONE)
            return ending_of(x, i, 0);
    }
    return "none was ever started";
}

/* request-deadline: the client has its answer, whatever the thread does. */
static enum standing too_late(relay *x, int taken, uint32_t slot)
{
    if (!taken && !abandon(x))
        return GOING;             /* seen again at once */
    if (taken)
        LOG(x, APLOG_ERR, 0247, "the daemon process (pid %ld) has not answered '%s' within the request-deadline "
            "of %d seconds", pid_of(x, slot), x->r->unparsed_uri, (int)apr_time_sec(x->group->request_deadline));
    else
        LOG(x, APLOG_ERR, 0247, "no daemon process took '%s' within the request-deadline of %d seconds",
            x->r->unparsed_uri, (int)apr_time_sec(x->group->request_deadline));
    return failed(x, HTTP_GATEWAY_TIME_OUT);
}

/* Still in the queue after a tick. */
static enum standing look_at_queue(relay *x, apr_time_t now)
{
    if (x->group->queue_timeout > 0 && now - x->received > x->group->queue_timeout) {
        if (!abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0226, "no daemon process took the request within the queue-timeout of %d seconds",
            (int)apr_time_sec(x->group->queue_timeout));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    if (anyone_to_hope_for(x))
        x->hopeful = now;
    else if (now - x->hopeful > x->group->connect_timeout) {
        if (!abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0227, "no daemon process has been running for %d seconds; the last one: %s",
            (int)apr_time_sec(x->group->connect_timeout), last_ending(x));
        return failed(x, HTTP_SERVICE_UNAVAILABLE);
    }
    if (now - x->queued > x->group->socket_timeout) {
        if (!abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0228, "no daemon process took the request within %d seconds (socket-timeout)",
            (int)apr_time_sec(x->group->socket_timeout));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    /* A process that died may have had it in hand. */
    return wsgi_board_deaths(x->answer->board) != x->deaths ? queue_again(x) : GOING;
}

void wsgi_relay_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    if (!graceful)
        __atomic_store_n(&stopping, steady_now(), __ATOMIC_RELAXED);
}

static int stopped_long_ago(const relay *x, apr_time_t now)
{
    apr_time_t since = __atomic_load_n(&stopping, __ATOMIC_RELAXED);

    return since > 0 && now - since > apr_time_from_sec(wsgi_options_shutdown_timeout(&x->group->options));
}

static enum standing tick(relay *x)
{
    apr_time_t now = steady_now();
    uint16_t incarnation = 0;
    uint32_t slot = 0;

    x->looked = now;
    if (stopped_long_ago(x, now)) {
        LOG(x, APLOG_ERR, 0239, "Apache stops and the request did not end within %d seconds (shutdown-timeout)",
            wsgi_options_shutdown_timeout(&x->group->options));
        abandon(x);
        return failed(x, HTTP_SERVICE_UNAVAILABLE);
    }
    if (wsgi_cell_read(x->answer->board, x->answer->cell, &slot, &incarnation) != WSGI_CELL_TAKEN)
        return out_of_time(x, now) ? too_late(x, 0, 0) : look_at_queue(x, now);
    if (out_of_time(x, now))
        return too_late(x, 1, slot);
    if (x->taken == 0)
        x->taken = x->alive = now;
    if (!wsgi_slot_lives(x->answer->board, slot, incarnation)) {
        if (!x->last_look) {
            x->last_look = 1;     /* it may have answered before it died */
            return GOING;
        }
        LOG(x, APLOG_ERR, 0229, "the daemon process that ran the request is gone (%s); %s",
            ending_of(x, slot, incarnation), x->out.sent ? "the response is cut" : "no response was sent");
        return failed(x, status_of_ending(x, slot, incarnation));
    }
    x->last_look = 0;
    /* The client need not wait until the process has been replaced for it. */
    if (x->group->deadline > 0 && now - x->taken > x->group->deadline) {
        LOG(x, APLOG_ERR, 0238, "the daemon process (pid %ld) ran the request for %d seconds, longer than "
            "request-timeout allows", pid_of(x, slot), (int)apr_time_sec(now - x->taken));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    if (now - x->alive > x->group->socket_timeout) {
        LOG(x, APLOG_ERR, 0230, "the daemon process (pid %ld) sent nothing for %d seconds (socket-timeout)",
            pid_of(x, slot), (int)apr_time_sec(x->group->socket_timeout));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    return GOING;
}

/* Take every frame that is there. */
static enum standing take_frames(relay *x)
{
    enum standing standing = GOING;
    wsgi_frame frame;
    int more;

    while (standing == GOING && (more = wsgi_reader_next(&x->answer->reader, &frame)) != 0) {
        if (more < 0) {
            LOG(x, APLOG_ERR, 0231, "a daemon process broke the protocol answering '%s'", x->r->uri);
            return failed(x, HTTP_BAD_GATEWAY);
        }
        standing = on_frame(x, &frame);
        if (frame.fd >= 0)
            close(frame.fd);
    }
    return standing;
}

/* Where the deadline comes before the next tick it is that which is waited for.
 * Flags for the read. */
static int wait_for_deadline(const relay *x)
{
    struct pollfd p = { x->answer->near, POLLIN, 0 };
    apr_interval_time_t left;

    if (x->group->request_deadline == 0 || (left = time_left(x, steady_now())) >= WSGI_ANSWER_TICK)
        return 0;
    if (left > 0)
        poll(&p, 1, (int)apr_time_as_msec(left) + 1);
    return MSG_DONTWAIT;
}

/* The stream ran dry: is there time left of response-flush-delay? Waits for more,
 * but no longer than a tick. */
static int may_wait(relay *x)
{
    struct pollfd p = { x->answer->near, POLLIN, 0 };
    apr_time_t now;
    apr_interval_time_t left;

    if (x->group->flush_delay == 0)
        return 0;
    now = steady_now();
    if (x->dry == 0)
        x->dry = now;
    left = x->dry + x->group->flush_delay - now;
    if (left > WSGI_ANSWER_TICK)
        left = WSGI_ANSWER_TICK;
    if (left > 0)
        poll(&p, 1, (int)apr_time_as_msec(left + 999));
    return left > 0;
}

/* Read until the request has ended one way or the other. What was lent to the
 * response is in the reader's memory: it is passed on before more is read. Once
 * the stream runs dry the client gets to see it. */
static enum standing follow(relay *x)
{
    enum standing standing = GOING;

    while (standing == GOING) {
        int flags = x->out.unflushed || x->last_look ? MSG_DONTWAIT : wait_for_deadline(x);
        ssize_t n = wsgi_reader_fill(&x->answer->reader, x->answer->near, flags);

        if (n > 0) {
            x->alive = steady_now();
            standing = take_frames(x);
            if (standing == GOING && wsgi_response_pass(&x->out, 0) != 0)
                standing = ENDED;
            /* One that never falls silent is under the same limits. */
            if (standing == GOING && !x->last_look && x->alive - x->looked > WSGI_ANSWER_TICK)
                standing = tick(x);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
            LOG(x, APLOG_ERR, 0232, "reading the answer of a daemon process failed: %s",
                n == 0 ? "end of file" : strerror(errno));
            return failed(x, HTTP_BAD_GATEWAY);
        }
        if (x->out.unflushed && !x->last_look) {
            if (may_wait(x)) {
                if (steady_now() - x->looked > WSGI_ANSWER_TICK)
                    standing = tick(x);
                continue;
            }
            x->dry = 0;
            if (wsgi_response_pass(&x->out, 1) != 0)
                standing = ENDED;
        }
        else
            standing = tick(x);
    }
    return standing;
}

/* ---- from the handler ----------------------------------------------------------------------------- */

/* The head in a file of its own, since it is too large for a packet. 0 or an errno. */
static int head_to_memfd(relay *x)
{
    const unsigned char *p = x->packet->data + WSGI_PACKET_HEADER;
    size_t left = x->header.head_len;

    x->memfd = memfd_create("mod_wsgi-head", MFD_CLOEXEC);
    if (x->memfd < 0)
        return errno;
    while (left > 0) {
        ssize_t n = write(x->memfd, p, left);

        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            p += n;
            left -= (size_t)n;
        }
    }
    x->header.flags |= WSGI_REQ_MEMFD;
    return 0;
}

/* Read a small body now, so that it rides along. Returns OK or a status. */
static int inline_body(relay *x, int64_t length)
{
    const char *p;
    size_t n;

    if (length <= 0 || length > WSGI_BODY_INLINE_MAX || x->memfd >= 0 ||
        x->packet->len + (size_t)length > WSGI_PACKET_MAX ||
        apr_table_get(x->r->headers_in, "Expect") != NULL)
        return OK;
    while (wsgi_body_next(&x->body, WSGI_BODY_INLINE_MAX, &p, &n) == 0 && n > 0)
        wsgi_buf_bytes(x->packet, p, n);
    if (x->body.error != 0)
        return x->body.status;
    x->header.body_len = (uint32_t)length;
    return OK;
}

/* Packet header, head and perhaps body, ready to be sent. OK or a status. */
static int build_packet(relay *x, const wsgi_route *route)
{
    static const unsigned char room[WSGI_PACKET_HEADER];
    int error = 0, status;

    memset(&x->header, 0, sizeof(x->header));
    wsgi_buf_reset(x->packet);
    wsgi_buf_bytes(x->packet, room, sizeof(room));
    x->header.version = WSGI_INTERFACE_VERSION;
    x->header.flags = wsgi_environ_write(x->r, route, x->packet);
    x->header.content_length = route->content_length;
    x->header.received_us = (uint64_t)x->r->request_time;
    x->header.cell = x->answer->cell;
    if (x->packet->failed || x->packet->len - WSGI_PACKET_HEADER > WSGI_HEAD_MAX) {
        LOG(x, APLOG_ERR, 0233, "the environment of a request for a daemon process is too large (more than %d "
            "bytes)", WSGI_HEAD_MAX);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    x->header.head_len = (uint32_t)(x->packet->len - WSGI_PACKET_HEADER);
    if (x->packet->len > WSGI_PACKET_MAX)
        error = head_to_memfd(x);
    status = error == 0 ? inline_body(x, route->content_length) : OK;
    if (error == 0 && x->packet->failed)
        error = ENOMEM;
    if (error != 0) {
        LOG(x, APLOG_ERR, 0234, "a request for a daemon process cannot be built: %s", strerror(error));
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return status;
}

/* The request is over: tell the client, and keep the pair if nothing can follow
 * on it. What was lent to the response lies in the reader until then. */
static int conclude(relay *x, enum standing standing)
{
    int status;

    wsgi_cell_abandon(x->answer->board, x->answer->cell, x->header.ticket);
    wsgi_cell_done(x->answer->board, x->answer->cell);
    if (x->body.error != 0 && !x->out.sent)
        status = wsgi_response_fail(&x->out, x->body.status);    /* one answer: Apache's own */
    else if (standing == FAILED)
        status = wsgi_response_fail(&x->out, x->status);
    else
        status = wsgi_response_end(&x->out, x->end);
    if (standing == ENDED && x->end == WSGI_END_OK && x->out.head && !x->out.gone &&
        wsgi_reader_idle(&x->answer->reader))
        wsgi_reader_reset(&x->answer->reader);
    else
        wsgi_answer_close(x->answer);
    return status;
}

static int serve(relay *x, const wsgi_route *route)
{
    enum standing standing;
    int status = open_answer(x);

    if (status != 0)
        return status;
    wsgi_body_init(&x->body, x->r, route->content_length);
    wsgi_response_init(&x->out, x->r, route);
    status = build_packet(x, route);
    if (status == OK) {
        x->received = received_at(x->r);
        x->queued = x->alive = x->looked = x->hopeful = steady_now();
        x->header.ticket = wsgi_cell_queue(x->answer->board, x->answer->cell);
        standing = enter_queue(x);
        if (standing == GOING)
            standing = follow(x);
        status = wsgi_body_leave(&x->body, conclude(x, standing));
    }
    if (x->memfd >= 0)
        close(x->memfd);
    return status;
}

int wsgi_relay_run(request_rec *r, const wsgi_route *route)
{
    wsgi_worker *w;
    int status;
    relay x;

    memset(&x, 0, sizeof(x));
    x.r = r;
    x.group = route->group;
    x.memfd = -1;
    x.pause = REFUSED_PAUSE;
    if (x.group->broken) {
        LOG(&x, APLOG_ERR, 0237, "no daemon process was started for '%s': at the last restart of the server the "
            "group could not work (see the lines of that time)", r->uri);
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (wsgi_options_threads(&x.group->options) == 0) {
        LOG(&x, APLOG_ERR, 0246, "its processes are services without request threads (threads=0), they answer no "
            "requests: '%s'", r->uri);
        return HTTP_SERVICE_UNAVAILABLE;
    }
    w = wsgi_worker_enter();
    if (w == NULL) {
        LOG(&x, APLOG_ERR, 0235, "out of memory before a daemon process was asked for '%s'", r->uri);
        return HTTP_SERVICE_UNAVAILABLE;
    }
    x.packet = &w->packet;
    x.answer = &w->answers[x.group->index];
    status = serve(&x, route);
    wsgi_worker_leave(w);
    return status;
}

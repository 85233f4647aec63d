/* wsgi_relay_queue.c - into the queue of a group, once or, where a process refused
 * the request or died with it in hand, again.
 *
 * Who may run or give up the request is decided by compare-and-swap on its cell,
 * so it runs once at most, and never after its client has been told otherwise.
 */
#include "wsgi_relay_inner.h"

#include <errno.h>
#include <poll.h>

#include "wsgi_locate.h"
#include "wsgi_numbers.h"

#define FULL_QUEUE_MS 20         /* between attempts to enter a full queue */
#define TURN_PAUSE    apr_time_from_msec(5)
#define REFUSED_MOST  apr_time_from_msec(64)

int wsgi_relay_abandon(relay *x)
{
    return wsgi_cell_abandon(x->answer->board, x->answer->cell, x->header.ticket);
}

apr_interval_time_t wsgi_relay_time_left(const relay *x, apr_time_t now)
{
    return x->received + x->group->request_deadline - now;
}

int wsgi_relay_out_of_time(const relay *x, apr_time_t now)
{
    return x->group->request_deadline > 0 && wsgi_relay_time_left(x, now) <= 0;
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
        more = wsgi_relay_time_left(x, now);
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

enum standing wsgi_relay_queue(relay *x)
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
            if (!wsgi_relay_abandon(x))
                return GOING;     /* an earlier copy has just been taken */
            LOG(x, APLOG_ERR, 0221, "no daemon process can be reached: %s", strerror(error));
            return failed(x, HTTP_SERVICE_UNAVAILABLE);
        }
        if (patience(x, steady_now()) == 0) {
            if (!wsgi_relay_abandon(x))
                return GOING;
            LOG(x, APLOG_ERR, 0222, "the queue of the daemon process group stayed full for %d seconds",
                (int)apr_time_sec(steady_now() - x->queued));
            return failed(x, wsgi_relay_out_of_time(x, steady_now()) ? HTTP_GATEWAY_TIME_OUT : HTTP_SERVICE_UNAVAILABLE);
        }
        if (error == EAGAIN) {
            struct pollfd p = { x->group->rendezvous, POLLOUT, 0 };

            poll(&p, 1, FULL_QUEUE_MS);
        }
        else
            apr_sleep(apr_time_from_msec(FULL_QUEUE_MS));     /* descriptors in flight: not polled for */
    }
}

/* What the next process is told of those before it. */
static void count_again(relay *x)
{
    wsgi_packet *p = &x->header;

    if (p->resent < UINT16_MAX)
        p->resent++;
    p->refused = x->refused < p->resent ? (uint16_t)x->refused : p->resent;
}

enum standing wsgi_relay_queue_again(relay *x)
{
    uint32_t ticket = wsgi_cell_requeue(x->answer->board, x->answer->cell, x->header.ticket);
    int status;

    if (ticket == 0)
        return GOING;             /* somebody has just taken it */
    x->header.ticket = ticket;
    count_again(x);
    wsgi_answer_close(x->answer);
    status = wsgi_relay_open(x);
    return status == 0 ? wsgi_relay_queue(x) : failed(x, status);
}

/* The first request that sees a change waits for the new process, or for the
 * news that it failed. A third of its patience is left for what comes then. */
static void await_turn(const relay *x)
{
    apr_interval_time_t rest = x->group->connect_timeout / 3;

    while (wsgi_board_turns(x->answer->board) == x->turns &&
           wsgi_board_deaths(x->answer->board) == x->deaths && patience(x, steady_now()) > rest &&
           !wsgi_relay_child_stops())
        apr_sleep(TURN_PAUSE);
}

enum standing wsgi_relay_on_refuse(relay *x, const wsgi_frame *f)
{
    int status;

    if (f->code == WSGI_REFUSE_RELOAD && *x->out.route->handler_script == '\0' &&
        (status = wsgi_locate_missing(x->r)) != OK)
        return wsgi_relay_abandon(x) ? failed(x, status) : GOING;
    x->refused++;
    wsgi_numbers_lose(x->answer->board, WSGI_LOSS_REFUSED);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, x->r, "daemon process group '%s': refused by a process that %s; "
                  "sent again", x->group->name,
                  f->code == WSGI_REFUSE_RELOAD ? "restarts for a changed script" : "takes no more requests");
    if (patience(x, steady_now()) == 0) {
        if (!wsgi_relay_abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0223, "a request was refused %d times by daemon processes that restart", x->refused);
        return failed(x, HTTP_SERVICE_UNAVAILABLE);
    }
    if (f->code == WSGI_REFUSE_RELOAD)
        await_turn(x);
    apr_sleep(x->pause);
    x->pause = x->pause * 2 > REFUSED_MOST ? REFUSED_MOST : x->pause * 2;
    return wsgi_relay_queue_again(x);
}

/* wsgi_relay.c - see wsgi_relay.h: a request from the handler to its end.
 *
 * A quick request costs two system calls: the packet out, the answer in.
 */
#include "wsgi_relay_inner.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wsgi_metrics_count.h"
#include "wsgi_numbers.h"
#include "wsgi_scoreboard_take.h"

#define REFUSED_PAUSE apr_time_from_msec(2)     /* doubled each time */
#define WAIT_MOST     apr_time_from_sec(3600)

/* When httpd received R, by that clock. A step of the other one meanwhile is not
 * taken for a long wait. */
static apr_time_t received_at(const request_rec *r)
{
    apr_interval_time_t ago = (apr_interval_time_t)wsgi_now_us() - r->request_time;

    return steady_now() - (ago < 0 || ago > WAIT_MOST ? 0 : ago);
}

int wsgi_relay_open(relay *x)
{
    int error = wsgi_answer_open(x->answer, x->group);

    if (error == 0)
        return 0;
    LOG(x, APLOG_ERR, 0236, "no answer from a daemon process can be awaited: %s", strerror(error));
    return HTTP_SERVICE_UNAVAILABLE;
}

int wsgi_relay_send_parts(relay *x, uint8_t type, uint16_t code, struct iovec *iov, int niov, size_t n)
{
    unsigned char header[WSGI_FRAME_HEADER];
    int error;

    iov[0] = (struct iovec){ header, sizeof(header) };
    wsgi_frame_header(header, type, code, (uint32_t)n);
    for (;;) {
        uint32_t slot;
        uint16_t incarnation;

        error = wsgi_stream_send(x->answer->near, iov, niov, -1);
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

int wsgi_relay_send(relay *x, uint8_t type, uint16_t code, const void *p, size_t n)
{
    struct iovec iov[2] = { { NULL, 0 }, { (void *)p, n } };

    return wsgi_relay_send_parts(x, type, code, iov, n > 0 ? 2 : 1, n);
}

/* Where the deadline comes before the next tick it is that which is waited for.
 * Flags for the read. */
static int wait_for_deadline(const relay *x)
{
    struct pollfd p = { x->answer->near, POLLIN, 0 };
    apr_interval_time_t left;

    if (x->group->request_deadline == 0 || (left = wsgi_relay_time_left(x, steady_now())) >= WSGI_ANSWER_TICK)
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
            standing = wsgi_relay_take_frames(x);
            if (standing == GOING && wsgi_response_pass(&x->out, 0) != 0)
                standing = ENDED;
            /* One that never falls silent is under the same limits. */
            if (standing == GOING && !x->last_look && x->alive - x->looked > WSGI_ANSWER_TICK)
                standing = wsgi_relay_tick(x);
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
                    standing = wsgi_relay_tick(x);
                continue;
            }
            x->dry = 0;
            if (wsgi_response_pass(&x->out, 1) != 0)
                standing = ENDED;
        }
        else
            standing = wsgi_relay_tick(x);
    }
    return standing;
}

void wsgi_relay_note_loss(const wsgi_group *group, int status)
{
    if (status == HTTP_BAD_GATEWAY)
        wsgi_numbers_lose(group->board, WSGI_LOSS_BAD_GATEWAY);
    else if (status == HTTP_SERVICE_UNAVAILABLE)
        wsgi_numbers_lose(group->board, WSGI_LOSS_UNAVAILABLE);
    else if (status == HTTP_GATEWAY_TIME_OUT)
        wsgi_numbers_lose(group->board, WSGI_LOSS_TIMEOUT);
}

enum standing wsgi_relay_deliver(relay *x)
{
    enum standing standing;

    x->received = received_at(x->r);
    x->queued = x->alive = x->looked = x->hopeful = steady_now();
    if (x->group->options.server_metrics == 1)
        wsgi_score_renew(x->group->board, (uint64_t)x->queued);
    x->header.ticket = wsgi_cell_queue(x->answer->board, x->answer->cell);
    standing = wsgi_relay_queue(x);
    if (standing == GOING)
        standing = follow(x);
    wsgi_cell_abandon(x->answer->board, x->answer->cell, x->header.ticket);
    wsgi_cell_done(x->answer->board, x->answer->cell);
    return standing;
}

void wsgi_relay_let_go(relay *x, int whole)
{
    if (whole && wsgi_reader_idle(&x->answer->reader))
        wsgi_reader_reset(&x->answer->reader);
    else
        wsgi_answer_close(x->answer);
}

/* The request is over: tell the client. What was lent to the response lies in the
 * reader until then. */
static int conclude(relay *x, enum standing standing)
{
    int status;

    if (x->body.error != 0 && !x->out.sent)
        status = wsgi_response_fail(&x->out, x->body.status);    /* one answer: Apache's own */
    else if (standing == FAILED) {
        wsgi_relay_note_loss(x->group, x->status);
        status = wsgi_response_fail(&x->out, x->status);
    }
    else
        status = wsgi_response_end(&x->out, x->end);
    wsgi_relay_let_go(x, standing == ENDED && x->end == WSGI_END_OK && x->out.head && !x->out.gone);
    return status;
}

static int serve(relay *x, const wsgi_route *route)
{
    int status = wsgi_relay_open(x);

    if (status != 0) {
        wsgi_relay_note_loss(x->group, status);
        return status;
    }
    wsgi_body_init(&x->body, x->r, route->content_length);
    wsgi_response_init(&x->out, x->r, route);
    status = wsgi_relay_build(x, route);
    if (status == OK)
        status = wsgi_body_leave(&x->body, conclude(x, wsgi_relay_deliver(x)));
    if (x->memfd >= 0)
        close(x->memfd);
    return status;
}

/* Not even begun. */
static int unserved(request_rec *r, const wsgi_group *group)
{
    wsgi_relay_note_loss(group, HTTP_SERVICE_UNAVAILABLE);
    wsgi_metrics_count(r, group->board, WSGI_CELL_INVALID, 0, HTTP_SERVICE_UNAVAILABLE);
    return HTTP_SERVICE_UNAVAILABLE;
}

wsgi_worker *wsgi_relay_begin(relay *x, request_rec *r, const wsgi_route *route)
{
    wsgi_worker *w;

    memset(x, 0, sizeof(*x));
    x->r = r;
    x->group = route->group;
    x->memfd = -1;
    x->pause = REFUSED_PAUSE;
    if (x->group->broken) {
        LOG(x, APLOG_ERR, 0237, "no daemon process was started for '%s': at the last restart of the server the "
            "group could not work (see the lines of that time)", r->uri);
        return NULL;
    }
    if (wsgi_options_threads(&x->group->options) == 0) {
        LOG(x, APLOG_ERR, 0246, "its processes are services without request threads (threads=0), they answer no "
            "requests: '%s'", r->uri);
        return NULL;
    }
    w = wsgi_worker_enter();
    if (w == NULL) {
        LOG(x, APLOG_ERR, 0235, "out of memory before a daemon process was asked for '%s'", r->uri);
        return NULL;
    }
    x->packet = &w->packet;
    x->answer = &w->answers[x->group->index];
    return w;
}

int wsgi_relay_run(request_rec *r, const wsgi_route *route)
{
    relay x;
    wsgi_worker *w = wsgi_relay_begin(&x, r, route);
    int status;

    if (w == NULL)
        return x.group->broken ? HTTP_SERVICE_UNAVAILABLE : unserved(r, x.group);
    status = serve(&x, route);
    wsgi_metrics_count(r, x.group->board, x.answer->cell, x.body.taken, status);
    wsgi_worker_leave(w);
    return status;
}

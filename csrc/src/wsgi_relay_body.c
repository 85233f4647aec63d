/* wsgi_relay_body.c - the request body, sent when it is asked for: what nobody
 * reads is never fetched from the client.
 */
#include "wsgi_relay_inner.h"

#include <errno.h>
#include <sys/socket.h>

#define BODY_FRAME    (256 * 1024)    /* the most that is sent at once */
#define BODY_TICK_MS  100        /* as WSGI_ANSWER_TICK, while the client is waited for */

/* Read what the process says while the body is awaited: where the request is, or
 * that it is over. An end of the stream is for who reads it next. */
static enum standing hear_meanwhile(relay *x)
{
    enum standing standing = GOING;

    while (standing == GOING && wsgi_reader_fill(&x->answer->reader, x->answer->near, MSG_DONTWAIT) > 0) {
        standing = wsgi_relay_take_frames(x);
        if (standing == GOING && wsgi_response_pass(&x->out, 1) != 0)
            standing = ENDED;
    }
    return standing;
}

/* Send what comes of the body until NEED bytes have, as wsgi_frames.h has it. 0, or
 * an errno: it cannot be sent; EAGAIN: see *STANDING. */
static int send_body(relay *x, size_t need, size_t most, enum standing *standing)
{
    struct iovec iov[1 + WSGI_BODY_PIECES];
    wsgi_body_pieces got = { iov + 1, 0, 0 };
    int error = 0;

    while (need > 0 && error == 0) {
        error = wsgi_body_gather(&x->body, need < BODY_FRAME ? need : BODY_FRAME,
                                 most < BODY_FRAME ? most : BODY_FRAME, BODY_TICK_MS, &got);
        x->alive = steady_now();
        if (error == EAGAIN) {
            /* The client is slow: does anybody wait for it? */
            *standing = hear_meanwhile(x);
            if (*standing == GOING)
                *standing = wsgi_relay_tick(x);
            if (*standing != GOING || x->last_look)
                return EAGAIN;
            error = 0;
            continue;
        }
        if (error != 0)
            return wsgi_relay_send(x, WSGI_FRAME_BODY_ERROR, (uint16_t)error, NULL, 0);
        if (got.size == 0)
            return wsgi_relay_send(x, WSGI_FRAME_BODY_END, 0, NULL, 0);
        error = wsgi_relay_send_parts(x, WSGI_FRAME_BODY, 0, iov, 1 + got.count, got.size);
        need -= got.size < need ? got.size : need;
        most -= got.size;
    }
    return error;
}

enum standing wsgi_relay_on_want(relay *x, const wsgi_frame *f)
{
    wsgi_cur cur = wsgi_cur_of(f->data, f->len);
    size_t need = wsgi_cur_u32(&cur), most = wsgi_cur_u32(&cur);
    enum standing standing = GOING;
    int error;

    /* What was answered so far may be what the client waits for. */
    if (wsgi_response_pass(&x->out, 1) != 0)
        return ENDED;
    error = send_body(x, need, most > need ? most : need, &standing);
    if (error == EAGAIN)
        return standing;
    if (error != 0) {
        /* What it said before it went is still to be read. */
        x->last_look = 1;
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, error, x->r, "daemon process group '%s': the request body "
                      "cannot be sent on", x->group->name);
    }
    x->alive = steady_now();
    return GOING;
}

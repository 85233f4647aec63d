/* The host's side of the answer stream. What another thread says of a request:
 * whole frames, or nothing at all, and never a moment of waiting. And how much of
 * a body is asked for, and where that goes. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../src/wsgi_host_answer.h"

static wsgi_answer answer;
static wsgi_reader reader;
static int far;

static void begin(void)
{
    int pair[2];

    memset(&answer, 0, sizeof(answer));
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_INT(wsgi_reader_init(&reader, 64 * 1024), 0);
    pthread_mutex_init(&answer.sending, NULL);
    answer.fd = pair[0];
    answer.thread = 7;
    far = pair[1];
    CHECK_INT(fcntl(far, F_SETFL, O_NONBLOCK), 0);
}

static void end(void)
{
    close(answer.fd);
    if (far >= 0)
        close(far);
    wsgi_reader_free(&reader);
    wsgi_answer_free(&answer);
    pthread_mutex_destroy(&answer.sending);
}

static int tell(int level, const char *text, size_t n)
{
    return wsgi_answer_peer.tell(&answer, level, text, n);
}

/* The next frame; 0 if there is none. */
static int next(wsgi_frame *f)
{
    int more;

    while ((more = wsgi_reader_next(&reader, f)) == 0 && wsgi_reader_fill(&reader, far, 0) > 0)
        ;
    CHECK(more >= 0);
    return more > 0;
}

static void lines(void)
{
    static char longest[2 * WSGI_STACK_LINE_MAX];
    wsgi_frame f;

    begin();
    memset(longest, 'x', sizeof(longest));
    CHECK_INT(tell(0, "", 0), 0);
    CHECK_INT(tell(0, "in f", 4), 0);
    CHECK_INT(tell(0, longest, sizeof(longest)), 0);
    CHECK_INT(tell(4, "late", 4), 0);
    CHECK(next(&f) && f.type == WSGI_FRAME_STACK && f.code == 7 && f.len == 0);
    CHECK(next(&f) && f.type == WSGI_FRAME_STACK && f.code == 7 && f.len == 4 && memcmp(f.data, "in f", 4) == 0);
    CHECK(next(&f) && f.type == WSGI_FRAME_STACK && f.len == WSGI_STACK_LINE_MAX);
    CHECK(next(&f) && f.type == WSGI_FRAME_LOG && f.code == 4 && f.len == 4 && memcmp(f.data, "late", 4) == 0);
    CHECK(!next(&f));
    end();
}

/* A relay that does not read has room for so many, and all of them whole. */
static void full(void)
{
    char line[WSGI_STACK_LINE_MAX];
    int sent = 0, got = 0, err;
    wsgi_frame f;

    begin();
    memset(line, 'y', sizeof(line));
    while ((err = tell(0, line, sizeof(line))) == 0)
        sent++;
    CHECK_INT(err, EAGAIN);
    CHECK(sent > 10);
    CHECK_INT(answer.write_error, 0);         /* the request goes on */
    while (next(&f)) {
        CHECK(f.type == WSGI_FRAME_STACK && f.len == sizeof(line));
        got++;
    }
    CHECK_INT(got, sent);
    CHECK_INT(tell(0, line, sizeof(line)), 0);
    end();
}

/* The thread of the request is in the middle of something; or nobody listens. */
static void not_now(void)
{
    begin();
    pthread_mutex_lock(&answer.sending);
    CHECK_INT(tell(4, "late", 4), EBUSY);
    pthread_mutex_unlock(&answer.sending);
    close(far);
    far = -1;
    CHECK_INT(tell(4, "late", 4), EPIPE);
    answer.write_error = ECONNRESET;
    CHECK_INT(tell(4, "late", 4), ECONNRESET);
    end();
}

/* ---- the request body ------------------------------------------------------------ */

/* What has been asked for is NEED bytes, and MOST; nothing if both are 0. */
static int asked(uint32_t need, uint32_t most)
{
    wsgi_frame f;
    wsgi_cur c;

    if (!next(&f))
        return need == 0 && most == 0;
    c = wsgi_cur_of(f.data, f.len);
    return f.type == WSGI_FRAME_WANT && wsgi_cur_u32(&c) == need && wsgi_cur_u32(&c) == most && !next(&f);
}

/* A frame of N bytes of the body from AT on, each of them by its place. */
static void put_body(size_t at, size_t n)
{
    unsigned char header[WSGI_FRAME_HEADER], *p = malloc(n);
    struct iovec iov[2] = { { header, sizeof(header) }, { p, n } };
    size_t i;

    CHECK(p != NULL);
    for (i = 0; i < n; i++)
        p[i] = (unsigned char)((at + i) % 251);
    wsgi_frame_header(header, WSGI_FRAME_BODY, 0, (uint32_t)n);
    CHECK_INT(wsgi_stream_send(far, iov, 2, -1), 0);
    free(p);
}

/* A read of N bytes gives GOT of them, those from AT on. */
static void reads(size_t n, int all, size_t at, size_t got)
{
    unsigned char *p = malloc(n);
    size_t i;

    CHECK_INT(wsgi_answer_peer.read(&answer, p, n, all), got);
    for (i = 0; i < got; i++)
        if (p[i] != (at + i) % 251) {
            CHECK_INT(i, got);
            break;
        }
    free(p);
}

/* An application that reads on has more asked for, as much as it has read; that is
 * here before it goes on, and is given out without asking. */
static void ahead(void)
{
    begin();
    put_body(0, 10);
    reads(10, 1, 0, 10);
    CHECK(asked(10, 10));
    put_body(10, 110);
    reads(100, 1, 10, 100);
    CHECK(asked(100, 110));
    CHECK_INT(answer.reader.end - answer.reader.start, 10);   /* nothing is left in the socket */
    reads(20, 1, 110, 10);
    CHECK(asked(0, 0));
    put_body(120, 3);                                         /* some is enough */
    reads(50, 0, 120, 3);
    CHECK(asked(1, 170));
    put_body(123, 5);                                         /* two frames: nothing but what is needed */
    put_body(128, 5);
    reads(10, 1, 123, 5);
    reads(5, 1, 128, 5);
    CHECK(asked(10, 133));
    end();
}

/* What was taken in and not read goes with the request. */
static void left(void)
{
    wsgi_frame f;

    begin();
    put_body(0, 5000);
    reads(5000, 1, 0, 5000);
    CHECK(asked(5000, 5000));
    put_body(5000, 9000);
    reads(4000, 1, 5000, 4000);
    CHECK(asked(4000, 9000));
    answer.begun = 1;
    CHECK_INT(wsgi_answer_end(&answer, WSGI_END_OK), 0);
    CHECK(next(&f) && f.type == WSGI_FRAME_END);
    CHECK(wsgi_reader_idle(&answer.reader));
    end();
}

/* More than the most that was asked for, or data of the other direction. */
static void too_much(void)
{
    char buf[64];

    begin();
    put_body(0, 11);
    CHECK_INT(wsgi_answer_peer.read(&answer, buf, 10, 1), -1);
    CHECK_INT(errno, EPROTO);
    end();
    begin();
    put_body(0, 10);
    reads(10, 1, 0, 10);
    put_body(10, 21);
    CHECK_INT(wsgi_answer_peer.read(&answer, buf, 10, 1), -1);
    CHECK_INT(errno, EPROTO);
    end();
}

/* The relay is gone in the middle of a frame. */
static void cut(void)
{
    unsigned char header[WSGI_FRAME_HEADER + 3] = { 0 };
    struct iovec iov = { header, sizeof(header) };
    char buf[64];

    begin();
    wsgi_frame_header(header, WSGI_FRAME_BODY, 0, 10);
    CHECK_INT(wsgi_stream_send(far, &iov, 1, -1), 0);
    CHECK_INT(shutdown(far, SHUT_WR), 0);
    CHECK_INT(wsgi_answer_peer.read(&answer, buf, 10, 1), -1);
    CHECK_INT(errno, ECONNRESET);
    CHECK_INT(wsgi_answer_peer.read(&answer, buf, 10, 1), -1);
    CHECK_INT(errno, ECONNRESET);
    end();
}

int main(void)
{
    RUN(lines);
    RUN(full);
    RUN(not_now);
    RUN(ahead);
    RUN(left);
    RUN(too_much);
    RUN(cut);
    return TEST_DONE();
}

/* Buffers, cursors, packets, heads: round trips, and everything cut or bent. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../src/wsgi_wire.h"

static void buffers_and_cursors(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_cur c;
    wsgi_str s;
    wsgi_pair p;
    size_t mark;

    wsgi_buf_u8(&b, 0xfe);
    wsgi_buf_u16(&b, 0xfedc);
    mark = b.len;
    wsgi_buf_u32(&b, 1);
    wsgi_buf_u64(&b, 0x0123456789abcdefu);
    wsgi_buf_str(&b, "a\0b", 3);
    wsgi_buf_str(&b, NULL, 0);
    wsgi_buf_pair(&b, "NAME", 4, "", 0);
    wsgi_buf_pair(&b, NULL, 0, "value", 5);
    wsgi_buf_patch_u32(&b, mark, 0xdeadbeef);
    wsgi_buf_patch_u32(&b, b.len - 3, 7);           /* outside: nothing happens */
    CHECK(!b.failed);
    CHECK(b.data[1] == 0xdc && b.data[2] == 0xfe);  /* little-endian */

    c = wsgi_cur_of(b.data, b.len);
    CHECK_INT(wsgi_cur_u8(&c), 0xfe);
    CHECK_INT(wsgi_cur_u16(&c), 0xfedc);
    CHECK_INT(wsgi_cur_u32(&c), 0xdeadbeef);
    CHECK(wsgi_cur_u64(&c) == 0x0123456789abcdefu);
    s = wsgi_cur_str(&c);
    CHECK(s.len == 3 && memcmp(s.data, "a\0b", 3) == 0);
    CHECK(wsgi_cur_str(&c).len == 0);
    p = wsgi_cur_pair(&c);
    CHECK(p.name.len == 4 && p.value.len == 0);
    p = wsgi_cur_pair(&c);
    CHECK(p.name.len == 0 && p.value.len == 5 && memcmp(p.value.data, "value", 5) == 0);
    CHECK(!c.bad && c.left == 0);
    CHECK(wsgi_cur_u8(&c) == 0 && c.bad);
    CHECK(wsgi_cur_u64(&c) == 0 && c.bad);          /* sticky */
    wsgi_buf_reset(&b);
    CHECK(b.len == 0 && b.cap > 0);
    wsgi_buf_free(&b);
    CHECK(b.data == NULL);
}

static void cursor_cut_everywhere(void)
{
    static const unsigned char hostile[] = { 0xff, 0xff, 0xff, 0xff, 'x', 'y', 'z', 'w' };
    wsgi_buf b = { NULL, 0, 0, 0 };
    size_t n;
    wsgi_cur c;

    wsgi_buf_pair(&b, "abc", 3, "defg", 4);
    for (n = 0; n < b.len; n++) {
        unsigned char *exact = malloc(n ? n : 1);   /* so that ASan sees one byte too many */

        memcpy(exact, b.data, n);
        c = wsgi_cur_of(exact, n);
        wsgi_cur_pair(&c);
        CHECK(c.bad);
        c = wsgi_cur_of(exact, n < 6 ? n : 6);
        wsgi_cur_str(&c);
        CHECK(c.bad);
        free(exact);
    }
    c = wsgi_cur_of(hostile, sizeof(hostile));
    CHECK(wsgi_cur_str(&c).len == 0 && c.bad);
    c = wsgi_cur_of(hostile, sizeof(hostile));
    CHECK(wsgi_cur_pair(&c).value.len == 0 && c.bad);
    c = wsgi_cur_of(NULL, 0);
    CHECK(wsgi_cur_u32(&c) == 0 && c.bad);
    wsgi_buf_free(&b);
}

static wsgi_packet good_packet(void)
{
    wsgi_packet p = { .version = WSGI_INTERFACE_VERSION, .flags = WSGI_REQ_HTTPS, .cell = 7,
                      .ticket = 0xffffffff, .head_len = 20, .body_len = 5, .content_length = 5,
                      .resent = 0xffff, .refused = 0xfffe, .received_us = 1, .queued_us = 0xffffffffffffffffu };
    return p;
}

/* 0 or -1: PACKET through encode and decode, as a packet of SIZE bytes. */
static int through(wsgi_packet packet, size_t size, wsgi_packet *out)
{
    unsigned char *raw = calloc(1, size < WSGI_PACKET_HEADER ? WSGI_PACKET_HEADER : size);
    int rv;

    wsgi_packet_encode(&packet, raw);
    rv = wsgi_packet_decode(raw, size, out);
    free(raw);
    return rv;
}

static void packets(void)
{
    wsgi_packet p = good_packet(), got;
    unsigned char raw[WSGI_PACKET_HEADER + 25];
    size_t n;

    CHECK_INT(through(p, WSGI_PACKET_HEADER + 25, &got), 0);
    CHECK(got.version == p.version && got.flags == p.flags && got.cell == 7 &&
          got.ticket == p.ticket && got.head_len == 20 && got.body_len == 5 &&
          got.resent == 0xffff && got.refused == 0xfffe &&
          got.content_length == 5 && got.received_us == 1 && got.queued_us == p.queued_us);
    for (n = 0; n < WSGI_PACKET_HEADER + 25; n++)
        CHECK_INT(through(p, n, &got), -1);
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 26, &got), -1);

    p = good_packet(); p.version++;
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 25, &got), -1);
    p = good_packet(); p.flags = 0x80;
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 25, &got), -1);
    p = good_packet(); p.ticket = 0;
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 25, &got), -1);
    p = good_packet(); p.resent = 1;                /* refused more often than sent */
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 25, &got), -1);
    p = good_packet(); p.content_length = 6;        /* part of a body does not ride along */
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 25, &got), -1);
    p = good_packet(); p.content_length = -3;
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 25, &got), -1);
    p = good_packet(); p.head_len = 0xfffffffb;     /* wraps round with the body */
    CHECK_INT(through(p, WSGI_PACKET_HEADER, &got), -1);

    p = good_packet();                              /* body absent, length declared */
    p.body_len = 0;
    p.content_length = 1 << 20;
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 20, &got), 0);
    p.content_length = WSGI_LENGTH_CHUNKED;
    CHECK_INT(through(p, WSGI_PACKET_HEADER + 20, &got), 0);

    p.flags |= WSGI_REQ_MEMFD;                      /* the head is elsewhere */
    p.head_len = WSGI_HEAD_MAX;
    CHECK_INT(through(p, WSGI_PACKET_HEADER, &got), 0);
    p.head_len = WSGI_HEAD_MAX + 1;
    CHECK_INT(through(p, WSGI_PACKET_HEADER, &got), -1);
    p.flags = 0;
    p.head_len = WSGI_PACKET_MAX + 1;
    CHECK_INT(through(p, WSGI_PACKET_HEADER + WSGI_PACKET_MAX + 1, &got), -1);

    p = good_packet();
    memset(raw, 0, sizeof(raw));
    wsgi_packet_encode(&p, raw);
    raw[2] = 1;                                     /* reserved */
    CHECK_INT(wsgi_packet_decode(raw, sizeof(raw), &got), -1);
}

static void build_head(wsgi_buf *b, uint32_t claimed)
{
    wsgi_buf_str(b, "/srv/app.wsgi", 13);
    wsgi_buf_str(b, "", 0);
    wsgi_buf_str(b, "application", 11);
    wsgi_buf_str(b, "", 0);
    wsgi_buf_u32(b, claimed);
    wsgi_buf_pair(b, "SCRIPT_NAME", 11, "", 0);
    wsgi_buf_pair(b, "PATH_INFO", 9, "/x", 2);
}

static void heads(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_head h;
    wsgi_cur c;
    size_t n;

    build_head(&b, 2);
    CHECK_INT(wsgi_head_decode(b.data, b.len, &h), 0);
    CHECK(h.script.len == 13 && h.application_group.len == 0 && h.npairs == 2);
    c = wsgi_cur_of(h.pairs, h.pairs_len);
    wsgi_cur_pair(&c);
    CHECK_INT(wsgi_cur_pair(&c).value.len, 2);
    CHECK_INT(c.left, 0);
    for (n = 0; n < b.len; n++) {
        unsigned char *exact = malloc(n ? n : 1);

        memcpy(exact, b.data, n);
        CHECK_INT(wsgi_head_decode(exact, n, &h), -1);
        free(exact);
    }
    wsgi_buf_u8(&b, 0);                             /* one byte too many */
    CHECK_INT(wsgi_head_decode(b.data, b.len, &h), -1);
    wsgi_buf_reset(&b);
    build_head(&b, 1);                              /* fewer than there are */
    CHECK_INT(wsgi_head_decode(b.data, b.len, &h), -1);
    wsgi_buf_reset(&b);
    build_head(&b, WSGI_HEAD_PAIRS_MAX + 1);
    CHECK_INT(wsgi_head_decode(b.data, b.len, &h), -1);
    wsgi_buf_free(&b);
}

/* One packet with an answer descriptor, and MEMFD unless -1. 0 or an errno. */
static int send_packet(int fd, const char *text, int answer, int memfd)
{
    struct iovec iov[2] = { { (void *)text, 1 }, { (void *)(text + 1), strlen(text) - 1 } };

    return wsgi_rendezvous_send(fd, iov, 2, answer, memfd);
}

static void rendezvous(void)
{
    int pair[2], pipe_fd[2], answer, memfd, i, error;
    char buf[64], one;
    ssize_t n;

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && pipe(pipe_fd) == 0);
    CHECK_INT(send_packet(pair[0], "hello", pipe_fd[1], -1), 0);
    n = wsgi_rendezvous_recv(pair[1], buf, sizeof(buf), &answer, &memfd);
    CHECK(n == 5 && memcmp(buf, "hello", 5) == 0 && answer >= 0 && memfd == -1);
    CHECK(fcntl(answer, F_GETFD) & FD_CLOEXEC);
    CHECK(write(answer, "!", 1) == 1 && read(pipe_fd[0], &one, 1) == 1 && one == '!');
    close(answer);

    CHECK_INT(send_packet(pair[0], "two", pipe_fd[1], pipe_fd[0]), 0);
    n = wsgi_rendezvous_recv(pair[1], buf, sizeof(buf), &answer, &memfd);
    CHECK(n == 3 && answer >= 0 && memfd >= 0);
    close(answer);
    close(memfd);

    CHECK_INT(send_packet(pair[0], "longer than the room for it", pipe_fd[1], -1), 0);
    n = wsgi_rendezvous_recv(pair[1], buf, 4, &answer, &memfd);
    CHECK(n == -1 && errno == EMSGSIZE && answer == -1 && memfd == -1);
    CHECK(send(pair[0], "no descriptor", 13, 0) == 13);
    n = wsgi_rendezvous_recv(pair[1], buf, sizeof(buf), &answer, &memfd);
    CHECK(n == -1 && errno == EMSGSIZE);
    CHECK(send(pair[0], "", 0, 0) == 0);            /* empty: not the end */
    n = wsgi_rendezvous_recv(pair[1], buf, sizeof(buf), &answer, &memfd);
    CHECK(n == -1 && errno == EMSGSIZE);

    for (i = 0, error = 0; error == 0 && i < 100000; i++)
        error = send_packet(pair[0], "fill", pipe_fd[1], -1);
    CHECK(error == EAGAIN || error == ENOBUFS || error == ETOOMANYREFS);
    for (; i > 1; i--) {
        n = wsgi_rendezvous_recv(pair[1], buf, sizeof(buf), &answer, &memfd);
        CHECK_INT(n, 4);
        close(answer);
    }
    close(pair[0]);
    CHECK_INT(wsgi_rendezvous_recv(pair[1], buf, sizeof(buf), &answer, &memfd), 0);
    close(pair[1]);

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    close(pair[1]);
    error = send_packet(pair[0], "nobody", pipe_fd[1], -1);
    CHECK(error == EPIPE || error == ECONNRESET);
    close(pair[0]);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

static void surplus_descriptors_are_closed(void)
{
    int pair[2], p[2], fds[3], answer, memfd, before, after;
    struct iovec iov = { "x", 1 };
    char buf[8];

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && pipe(p) == 0);
    fds[0] = fds[1] = fds[2] = p[1];
    before = dup(p[0]);
    close(before);
    CHECK(wsgi_msg_send(pair[0], &iov, 1, 0, fds, 3) == 1);
    CHECK_INT(wsgi_rendezvous_recv(pair[1], buf, sizeof(buf), &answer, &memfd), 1);
    CHECK(answer >= 0 && memfd >= 0);
    close(answer);
    close(memfd);
    after = dup(p[0]);                              /* the lowest free one, as before */
    CHECK_INT(after, before);
    close(after);
    CHECK(wsgi_msg_send(pair[0], &iov, 1, 0, fds, 4) == -1 && errno == EINVAL);
    close(p[0]); close(p[1]); close(pair[0]); close(pair[1]);
}

int main(void)
{
    RUN(buffers_and_cursors);
    RUN(cursor_cut_everywhere);
    RUN(packets);
    RUN(heads);
    RUN(rendezvous);
    RUN(surplus_descriptors_are_closed);
    return TEST_DONE();
}

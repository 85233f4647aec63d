/* The answer stream: frames whole, in pieces, one byte at a time, with
 * descriptors, and from a peer that breaks the rules. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../src/wsgi_frames.h"

static int near_fd = -1, far_fd = -1;
static wsgi_reader reader;

static void open_pair(void)
{
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    near_fd = pair[0];
    far_fd = pair[1];
    CHECK_INT(wsgi_reader_init(&reader, 0), 0);
}

static void close_pair(void)
{
    close(near_fd);
    if (far_fd >= 0)
        close(far_fd);
    near_fd = far_fd = -1;
    wsgi_reader_free(&reader);
}

static void put_frame(wsgi_buf *b, uint8_t type, uint16_t code, const void *p, uint32_t n)
{
    unsigned char h[WSGI_FRAME_HEADER];

    wsgi_frame_header(h, type, code, n);
    wsgi_buf_bytes(b, h, sizeof(h));
    wsgi_buf_bytes(b, p, n);
}

static void put_head(wsgi_buf *b, uint16_t status)
{
    wsgi_buf p = { NULL, 0, 0, 0 };

    wsgi_buf_u64(&p, 12);
    wsgi_buf_u32(&p, 2);
    wsgi_buf_str(&p, "Fine", 4);
    wsgi_buf_pair(&p, "Content-Type", 12, "text/plain", 10);
    wsgi_buf_pair(&p, "X-Empty", 7, "", 0);
    put_frame(b, WSGI_FRAME_HEAD, status, p.data, (uint32_t)p.len);
    wsgi_buf_free(&p);
}

/* A whole small answer: head, 12 bytes, end. */
static void put_answer(wsgi_buf *b)
{
    put_head(b, 200);
    put_frame(b, WSGI_FRAME_DATA, 0, "Hello", 5);
    put_frame(b, WSGI_FRAME_DATA, 0, "", 0);        /* passed over */
    put_frame(b, WSGI_FRAME_DATA, 0, " world!", 7);
    put_frame(b, WSGI_FRAME_LOG, 3, "a line", 6);
    put_frame(b, WSGI_FRAME_END, WSGI_END_OK, NULL, 0);
}

/* What of an answer has been seen. */
typedef struct { char types[64]; char body[64]; size_t nbody; int heads; } seen;

static int drain(seen *s)
{
    wsgi_frame f;
    int rv;

    while ((rv = wsgi_reader_next(&reader, &f)) == 1) {
        size_t n = strlen(s->types);
        wsgi_response_head h;

        if (n == 0 || s->types[n - 1] != (char)f.type || f.type != WSGI_FRAME_DATA)
            s->types[n] = (char)f.type;
        if (f.type == WSGI_FRAME_DATA) {
            CHECK(f.len > 0);
            memcpy(s->body + s->nbody, f.data, f.len);
            s->nbody += f.len;
        }
        if (f.type == WSGI_FRAME_HEAD) {
            CHECK_INT(wsgi_response_head_decode(&f, &h), 0);
            CHECK(h.status == 200 && h.content_length == 12 && h.nheaders == 2);
            CHECK(h.reason.len == 4 && memcmp(h.reason.data, "Fine", 4) == 0);
            s->heads++;
        }
        CHECK_INT(f.fd, -1);
    }
    return rv;
}

static void one_byte_at_a_time(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    seen s;
    size_t i;

    memset(&s, 0, sizeof(s));
    open_pair();
    put_answer(&b);
    for (i = 0; i < b.len; i++) {
        CHECK(send(far_fd, b.data + i, 1, 0) == 1);
        CHECK_INT(wsgi_reader_fill(&reader, near_fd, MSG_DONTWAIT), 1);
        CHECK_INT(drain(&s), 0);
    }
    CHECK(strcmp(s.types, "HDLE") == 0);
    CHECK(s.nbody == 12 && memcmp(s.body, "Hello world!", 12) == 0 && s.heads == 1);
    CHECK(wsgi_reader_idle(&reader));
    CHECK(wsgi_reader_fill(&reader, near_fd, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    close(far_fd);
    far_fd = -1;
    CHECK_INT(wsgi_reader_fill(&reader, near_fd, 0), 0);
    close_pair();
    wsgi_buf_free(&b);
}

static void all_at_once(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    struct iovec iov[3];
    seen s;

    memset(&s, 0, sizeof(s));
    open_pair();
    put_answer(&b);
    iov[0] = (struct iovec){ b.data, 10 };
    iov[1] = (struct iovec){ NULL, 0 };
    iov[2] = (struct iovec){ b.data + 10, b.len - 10 };
    CHECK_INT(wsgi_stream_send(far_fd, iov, 3, -1), 0);
    CHECK_INT(wsgi_reader_fill(&reader, near_fd, 0), b.len);
    CHECK(!wsgi_reader_idle(&reader));
    CHECK_INT(drain(&s), 0);
    CHECK(strcmp(s.types, "HDLE") == 0 && s.nbody == 12);
    CHECK(wsgi_reader_idle(&reader));
    close_pair();
    wsgi_buf_free(&b);
}

/* One HINTS frame with CODE and COUNT pairs announced, of which one is there.
 * What the reader says, and the decoder if that let it through. */
static int hints(uint16_t code, uint32_t count, const char *name, const char *value, size_t n)
{
    wsgi_buf payload = { NULL, 0, 0, 0 }, b = { NULL, 0, 0, 0 };
    wsgi_response_head h;
    wsgi_frame f;
    int rv;

    open_pair();
    wsgi_buf_u32(&payload, count);
    if (name != NULL)
        wsgi_buf_pair(&payload, name, strlen(name), value, n);
    put_frame(&b, WSGI_FRAME_HINTS, code, payload.data, payload.len);
    CHECK(send(far_fd, b.data, b.len, 0) == (ssize_t)b.len);
    CHECK(wsgi_reader_fill(&reader, near_fd, 0) > 0);
    rv = wsgi_reader_next(&reader, &f);
    if (rv == 1) {
        rv = wsgi_hints_decode(&f, &h);
        CHECK(rv != 0 || (h.status == 103 && h.content_length == -1 && h.nheaders == count));
    }
    close_pair();
    wsgi_buf_free(&payload);
    wsgi_buf_free(&b);
    return rv;
}

static void interim_heads(void)
{
    static char large[WSGI_HINTS_MAX];
    unsigned char header[WSGI_FRAME_HEADER];
    wsgi_frame f;

    memset(large, 'x', sizeof(large));
    CHECK_INT(hints(103, 1, "Link", "</a>; rel=preload", 17), 0);
    CHECK_INT(hints(103, 0, NULL, NULL, 0), 0);
    CHECK_INT(hints(103, 1, "X", large, 60000), 0);
    CHECK_INT(hints(100, 1, "X", "a", 1), -1);
    CHECK_INT(hints(200, 1, "X", "a", 1), -1);
    CHECK_INT(hints(103, 0, "X", "a", 1), -1);
    CHECK_INT(hints(103, 2, "X", "a", 1), -1);
    CHECK_INT(hints(103, UINT32_MAX, "X", "a", 1), -1);
    CHECK_INT(hints(103, 1, "", "a", 1), -1);
    CHECK_INT(hints(103, 1, "X Y", "a", 1), -1);
    CHECK_INT(hints(103, 1, "X", "a\r\nHTTP/1.1 200", 15), -1);
    CHECK_INT(hints(103, 1, "X", "a\0b", 3), -1);
    /* Its length is refused before any of it has come. */
    open_pair();
    wsgi_frame_header(header, WSGI_FRAME_HINTS, 103, WSGI_HINTS_MAX + 1);
    CHECK(send(far_fd, header, sizeof(header), 0) == (ssize_t)sizeof(header));
    CHECK(wsgi_reader_fill(&reader, near_fd, 0) > 0);
    CHECK_INT(wsgi_reader_next(&reader, &f), -1);
    close_pair();
}

static void *send_all(void *arg)
{
    struct iovec iov = { ((wsgi_buf *)arg)->data, ((wsgi_buf *)arg)->len };

    return wsgi_stream_send(far_fd, &iov, 1, -1) == 0 ? arg : NULL;
}

/* A megabyte of head, two of data: the buffer grows for the one only, and is
 * given back. */
static void large_frames(void)
{
    static unsigned char block[WSGI_FRAME_MAX];
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_frame f;
    pthread_t writer;
    void *sent;
    size_t data = 0, i;
    int ended = 0, heads = 0;

    for (i = 0; i < sizeof(block); i++)
        block[i] = (unsigned char)(i * 7);
    put_frame(&b, WSGI_FRAME_LOG, 6, block, WSGI_FRAME_MAX);
    put_frame(&b, WSGI_FRAME_DATA, 0, block, WSGI_FRAME_MAX);
    put_frame(&b, WSGI_FRAME_DATA, 0, block, WSGI_FRAME_MAX);
    put_frame(&b, WSGI_FRAME_END, 0, NULL, 0);
    open_pair();
    CHECK(pthread_create(&writer, NULL, send_all, &b) == 0);
    while (!ended) {
        int rv = wsgi_reader_next(&reader, &f);

        if (rv == 0) {
            if (wsgi_reader_fill(&reader, near_fd, 0) <= 0)
                break;
            continue;
        }
        CHECK_INT(rv, 1);
        if (rv < 0)
            break;
        if (f.type == WSGI_FRAME_LOG) {
            heads++;
            CHECK(f.len == WSGI_FRAME_MAX && memcmp(f.data, block, f.len) == 0);
        } else if (f.type == WSGI_FRAME_DATA) {
            CHECK(memcmp(f.data, block + data % WSGI_FRAME_MAX, f.len) == 0);
            data += f.len;
        } else {
            ended = f.type == WSGI_FRAME_END;
        }
    }
    CHECK(ended && heads == 1);
    CHECK_INT(data, 2 * WSGI_FRAME_MAX);
    CHECK(pthread_join(writer, &sent) == 0 && sent != NULL);
    wsgi_reader_reset(&reader);
    CHECK(reader.cap <= 256 * 1024);
    close_pair();
    wsgi_buf_free(&b);
}

static void put_file(wsgi_buf *b, uint64_t offset, uint64_t length)
{
    wsgi_buf p = { NULL, 0, 0, 0 };

    wsgi_buf_u64(&p, offset);
    wsgi_buf_u64(&p, length);
    put_frame(b, WSGI_FRAME_FILE, 0, p.data, (uint32_t)p.len);
    wsgi_buf_free(&p);
}

/* Two files, each descriptor with its own frame, however the bytes are cut. */
static void file_frames(size_t cut)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    int a[2], c[2], files = 0, pass[2], k;
    wsgi_frame f;

    CHECK(pipe(a) == 0 && pipe(c) == 0);
    pass[0] = a[1];
    pass[1] = c[1];
    open_pair();
    put_file(&b, 5, 10);
    for (k = 0; k < 2; k++) {
        struct iovec iov = { b.data, cut };

        CHECK_INT(wsgi_stream_send(far_fd, &iov, 1, pass[k]), 0);
        iov = (struct iovec){ b.data + cut, b.len - cut };
        CHECK_INT(wsgi_stream_send(far_fd, &iov, 1, -1), 0);
    }
    while (files < 2) {
        int rv = wsgi_reader_next(&reader, &f);
        char letter = (char)('a' + files), got = 0;

        if (rv == 0) {
            if (wsgi_reader_fill(&reader, near_fd, MSG_DONTWAIT) <= 0)
                break;
            continue;
        }
        CHECK(rv == 1 && f.type == WSGI_FRAME_FILE && f.fd >= 0 && f.len == 16);
        if (rv != 1)
            break;
        CHECK(fcntl(f.fd, F_GETFD) & FD_CLOEXEC);
        CHECK(write(f.fd, &letter, 1) == 1);
        CHECK(read(files == 0 ? a[0] : c[0], &got, 1) == 1 && got == letter);
        close(f.fd);
        files++;
    }
    CHECK_INT(files, 2);
    CHECK(wsgi_reader_idle(&reader));
    close_pair();
    close(a[0]); close(a[1]); close(c[0]); close(c[1]);
    wsgi_buf_free(&b);
}

static void file_frames_cut_everywhere(void)
{
    size_t cut;

    for (cut = 1; cut <= WSGI_FRAME_HEADER + 16; cut++)
        file_frames(cut);
}

/* A descriptor nobody asked for: not idle, and closed by reset. */
static void stray_descriptors(void)
{
    int p[2], i, n = 0;
    struct iovec iov;
    char half = WSGI_FRAME_LOG;

    CHECK(pipe(p) == 0);
    open_pair();
    iov = (struct iovec){ &half, 1 };
    CHECK_INT(wsgi_stream_send(far_fd, &iov, 1, p[1]), 0);
    CHECK_INT(wsgi_reader_fill(&reader, near_fd, 0), 1);
    CHECK(!wsgi_reader_idle(&reader));
    wsgi_reader_reset(&reader);
    CHECK(wsgi_reader_idle(&reader));
    for (i = 0; i < 4; i++) {
        iov = (struct iovec){ &half, 1 };
        CHECK_INT(wsgi_stream_send(far_fd, &iov, 1, p[1]), 0);
    }
    for (i = 0; i < 4 && n >= 0; i++)
        n = (int)wsgi_reader_fill(&reader, near_fd, MSG_DONTWAIT);
    CHECK(n == -1 && errno == EPROTO);
    wsgi_reader_reset(&reader);
    close(p[1]);
    close(far_fd);                  /* drops what is still in flight */
    far_fd = -1;
    close_pair();
    CHECK_INT(read(p[0], &half, 1), 0);     /* every copy of the write end is closed */
    close(p[0]);
}

/* What the reader makes of one frame with this header and LEN zero bytes. */
static int verdict(uint8_t type, uint8_t reserved, uint16_t code, uint32_t len, uint32_t there)
{
    unsigned char *raw = calloc(1, WSGI_FRAME_HEADER + there);
    struct iovec iov = { raw, WSGI_FRAME_HEADER + there };
    wsgi_frame f;
    int rv;

    open_pair();
    wsgi_frame_header(raw, type, code, len);
    raw[1] = reserved;
    CHECK_INT(wsgi_stream_send(far_fd, &iov, 1, -1), 0);
    CHECK(wsgi_reader_fill(&reader, near_fd, 0) > 0);
    rv = wsgi_reader_next(&reader, &f);
    close_pair();
    free(raw);
    return rv;
}

static void broken_frames(void)
{
    CHECK_INT(verdict('H', 0, 200, 16, 16), 1);
    CHECK_INT(verdict('H', 0, 200, 15, 15), -1);
    CHECK_INT(verdict('H', 0, 200, WSGI_FRAME_MAX + 1, 0), -1);
    CHECK_INT(verdict('H', 0, 200, 0xffffffff, 0), -1);
    CHECK_INT(verdict('H', 1, 200, 16, 16), -1);
    CHECK_INT(verdict('D', 0, 0, WSGI_FRAME_MAX + 1, 8), -1);
    CHECK_INT(verdict('D', 0, 1, 8, 8), -1);
    CHECK_INT(verdict('D', 0, 0, 8, 4), 1);
    CHECK_INT(verdict('b', 0, 0, 8, 8), 1);
    CHECK_INT(verdict('F', 0, 0, 16, 16), -1);      /* no descriptor came */
    CHECK_INT(verdict('F', 0, 0, 17, 17), -1);
    CHECK_INT(verdict('W', 0, 0, 8, 8), 1);
    CHECK_INT(verdict('W', 0, 1, 8, 8), -1);
    CHECK_INT(verdict('W', 0, 0, 4, 4), -1);
    CHECK_INT(verdict('W', 0, 0, 9, 9), -1);
    CHECK_INT(verdict('R', 0, WSGI_REFUSE_DRAIN, 0, 0), 1);
    CHECK_INT(verdict('R', 0, 0, 0, 0), -1);
    CHECK_INT(verdict('R', 0, 3, 0, 0), -1);
    CHECK_INT(verdict('E', 0, WSGI_END_INTERNAL, 0, 0), 1);
    CHECK_INT(verdict('E', 0, WSGI_END_MAX_, 0, 0), -1);
    CHECK_INT(verdict('E', 0, 0, 1, 1), -1);
    CHECK_INT(verdict('L', 0, 8, 0, 0), 1);
    CHECK_INT(verdict('L', 0, 9, 0, 0), -1);
    CHECK_INT(verdict('e', 0, 0, 0, 0), 1);
    CHECK_INT(verdict('x', 0, ECONNRESET, 0, 0), 1);
    CHECK_INT(verdict('x', 0, 0, 1, 1), -1);
    CHECK_INT(verdict(0, 0, 0, 0, 0), -1);
    CHECK_INT(verdict('Z', 0, 0, 0, 0), -1);
}

/* 0 or -1 for a head with these. */
static int head_verdict(uint16_t status, int64_t length, uint32_t count, const char *reason,
                        const char *name, const char *value, size_t vlen, size_t surplus)
{
    wsgi_buf p = { NULL, 0, 0, 0 };
    wsgi_frame f = { .type = WSGI_FRAME_HEAD, .code = status };
    wsgi_response_head h;
    int rv;

    wsgi_buf_u64(&p, (uint64_t)length);
    wsgi_buf_u32(&p, count);
    wsgi_buf_str(&p, reason, strlen(reason));
    wsgi_buf_pair(&p, name, strlen(name), value, vlen);
    wsgi_buf_bytes(&p, "zzzz", surplus);
    f.data = p.data;
    f.len = (uint32_t)p.len;
    rv = wsgi_response_head_decode(&f, &h);
    while (rv == 0 && f.len-- > 0)
        CHECK_INT(wsgi_response_head_decode(&f, &h), -1);
    wsgi_buf_free(&p);
    return rv;
}

static void response_heads(void)
{
    CHECK_INT(head_verdict(200, -1, 1, "OK", "X", "y", 1, 0), 0);
    CHECK_INT(head_verdict(999, 0, 1, "", "X", "\xff\x80 \t", 4, 0), 0);
    CHECK_INT(head_verdict(99, -1, 1, "OK", "X", "y", 1, 0), -1);
    CHECK_INT(head_verdict(1000, -1, 1, "OK", "X", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -2, 1, "OK", "X", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, 0, "OK", "X", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, 2, "OK", "X", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, WSGI_HEADERS_MAX + 1, "OK", "X", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "O\nK", "X", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "OK", "", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "OK", "X:", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "OK", "X y", "y", 1, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "OK", "X", "y\r", 2, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "OK", "X", "y\n", 2, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "OK", "X", "y\0", 2, 0), -1);
    CHECK_INT(head_verdict(200, -1, 1, "OK", "X", "y", 1, 1), -1);
}

static void a_peer_that_does_not_read(void)
{
    static char block[64 * 1024];
    struct timeval tv = { 0, 20000 };
    struct iovec iov;
    int error = 0, i;

    open_pair();
    CHECK(setsockopt(far_fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
    for (i = 0; i < 1000 && error == 0; i++) {
        iov = (struct iovec){ block, sizeof(block) };
        error = wsgi_stream_send(far_fd, &iov, 1, -1);
    }
    CHECK(error == EAGAIN);
    close(near_fd);
    near_fd = dup(far_fd);
    iov = (struct iovec){ block, 1 };
    CHECK_INT(wsgi_stream_send(far_fd, &iov, 1, -1), EPIPE);    /* and no SIGPIPE */
    close_pair();
}

int main(void)
{
    RUN(one_byte_at_a_time);
    RUN(all_at_once);
    RUN(interim_heads);
    RUN(large_frames);
    RUN(file_frames_cut_everywhere);
    RUN(stray_descriptors);
    RUN(broken_frames);
    RUN(response_heads);
    RUN(a_peer_that_does_not_read);
    return TEST_DONE();
}

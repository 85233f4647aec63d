/* The answer stream. The first byte says in which pieces the rest arrives, and
 * with which of them a descriptor comes along. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../src/wsgi_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything the reader has. -1 once the peer broke the protocol. */
static int drain(wsgi_reader *r)
{
    wsgi_frame f;
    wsgi_response_head h;
    unsigned sum = 0;
    uint32_t i;
    int rv;

    while ((rv = wsgi_reader_next(r, &f)) == 1) {
        if (f.fd >= 0)
            close(f.fd);
        for (i = 0; i < f.len; i++)
            sum += f.data[i];
        if ((f.type == WSGI_FRAME_HEAD && wsgi_response_head_decode(&f, &h) == 0)
            || (f.type == WSGI_FRAME_HINTS && wsgi_hints_decode(&f, &h) == 0)) {
            wsgi_cur c = wsgi_cur_of(h.headers, h.headers_len);

            for (i = 0; i < h.nheaders; i++)
                wsgi_cur_pair(&c);
            if (c.bad || c.left != 0)
                abort();
        }
    }
    return sum == UINT32_MAX ? -1 : rv;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wsgi_reader r;
    int pair[2], turn = 0, broken = 0;
    size_t piece;

    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 0;
    if (wsgi_reader_init(&r, 0) != 0)
        abort();
    piece = 1u << (data[0] & 15);
    for (data++, size--; size > 0 && !broken; turn++) {
        size_t n = size < piece ? size : piece;
        struct iovec iov = { (void *)data, n };

        if (wsgi_stream_send(pair[0], &iov, 1, (data[-1] & 0x40) && turn % 3 == 0 ? 1 : -1) != 0)
            abort();
        data += n;
        size -= n;
        while (!broken && wsgi_reader_fill(&r, pair[1], MSG_DONTWAIT) > 0)
            broken = drain(&r) < 0;
    }
    wsgi_reader_reset(&r);
    if (!wsgi_reader_idle(&r))
        abort();
    wsgi_reader_free(&r);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

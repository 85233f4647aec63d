/* The head of a response and an early hint, as the relay gets them from a host
 * that it does not trust. What is accepted can be written as header lines that
 * are read back as the same headers, and as a frame that is the same bytes.
 *
 * Input: the type of the frame, its code in two bytes, its payload. */
#include "fuzz.h"

#include "wsgi_frames.h"
#include "wsgi_wire.h"

/* One header may not end its line, nor begin another. */
static void check_header(wsgi_pair p)
{
    MUST(p.name.len > 0);
    MUST(memchr(p.name.data, ':', p.name.len) == NULL);
    MUST(memchr(p.name.data, ' ', p.name.len) == NULL && memchr(p.name.data, '\t', p.name.len) == NULL);
    MUST(memchr(p.name.data, '\n', p.name.len) == NULL && memchr(p.name.data, '\r', p.name.len) == NULL);
    MUST(memchr(p.name.data, '\0', p.name.len) == NULL);
    MUST(memchr(p.value.data, '\n', p.value.len) == NULL && memchr(p.value.data, '\r', p.value.len) == NULL);
    MUST(memchr(p.value.data, '\0', p.value.len) == NULL);
}

/* The headers of H, each looked at, behind what is in OUT. */
static void copy_headers(const wsgi_response_head *h, wsgi_buf *out)
{
    wsgi_cur c = wsgi_cur_of(h->headers, h->headers_len);
    uint32_t i;

    MUST(h->nheaders <= WSGI_HEADERS_MAX);
    for (i = 0; i < h->nheaders; i++) {
        wsgi_pair p = wsgi_cur_pair(&c);

        check_header(p);
        wsgi_buf_pair(out, p.name.data, p.name.len, p.value.data, p.value.len);
    }
    MUST(!c.bad && c.left == 0);
}

static void check_same(const wsgi_frame *f, wsgi_buf *again)
{
    MUST(!again->failed && again->len == f->len && memcmp(again->data, f->data, f->len) == 0);
    fuzz_accepted++;
    wsgi_buf_free(again);
}

static void check_head(const wsgi_frame *f, const wsgi_response_head *h)
{
    wsgi_buf again = { NULL, 0, 0, 0 };
    uint32_t i;

    MUST(f->type == WSGI_FRAME_HEAD && h->status == f->code);
    MUST(h->status >= 100 && h->status <= 999 && h->content_length >= -1);
    for (i = 0; i < h->reason.len; i++)
        MUST(h->reason.data[i] != '\r' && h->reason.data[i] != '\n' && h->reason.data[i] != '\0');
    wsgi_buf_u64(&again, (uint64_t)h->content_length);
    wsgi_buf_u32(&again, h->nheaders);
    wsgi_buf_str(&again, h->reason.data, h->reason.len);
    copy_headers(h, &again);
    check_same(f, &again);
}

static void check_hints(const wsgi_frame *f, const wsgi_response_head *h)
{
    wsgi_buf again = { NULL, 0, 0, 0 };

    MUST(f->type == WSGI_FRAME_HINTS && h->content_length == -1 && h->reason.len == 0);
    wsgi_buf_u32(&again, h->nheaders);
    copy_headers(h, &again);
    check_same(f, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wsgi_response_head h;
    wsgi_frame f = { .fd = -1 };

    if (size < 3)
        return 0;
    f.type = data[0];
    f.code = (uint16_t)(data[1] | data[2] << 8);
    f.data = data + 3;
    f.len = (uint32_t)(size - 3);
    if (wsgi_response_head_decode(&f, &h) == 0)
        check_head(&f, &h);
    if (wsgi_hints_decode(&f, &h) == 0)
        check_hints(&f, &h);
    return 0;
}

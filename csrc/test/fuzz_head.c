/* Packet and head of a request, as a host reads them from the rendezvous. What
 * is accepted is written again as the same bytes.
 *
 * Input: a packet, whose version may be 0 for ours; where its flags say that the
 * head is in a memfd, what follows the inline body is that file. */
#include "fuzz.h"

#include "wsgi_wire.h"

static void check_packet(const uint8_t *data, const wsgi_packet *p)
{
    unsigned char again[WSGI_PACKET_HEADER];

    MUST(p->head_len <= WSGI_HEAD_MAX && p->body_len <= WSGI_BODY_INLINE_MAX && p->ticket != 0);
    MUST(p->content_length >= WSGI_LENGTH_CHUNKED);
    MUST(p->body_len == 0 || p->content_length == (int64_t)p->body_len);
    wsgi_packet_encode(p, again);
    MUST(memcmp(again, data, sizeof(again)) == 0);
}

static void check_head(const uint8_t *data, size_t n, const wsgi_head *h)
{
    wsgi_buf again = { NULL, 0, 0, 0 };
    wsgi_cur c = wsgi_cur_of(h->pairs, h->pairs_len);
    uint32_t i;

    MUST(h->npairs <= WSGI_HEAD_PAIRS_MAX);
    wsgi_buf_str(&again, h->script.data, h->script.len);
    wsgi_buf_str(&again, h->application_group.data, h->application_group.len);
    wsgi_buf_str(&again, h->callable_object.data, h->callable_object.len);
    wsgi_buf_str(&again, h->handler_script.data, h->handler_script.len);
    wsgi_buf_u32(&again, h->npairs);
    for (i = 0; i < h->npairs; i++) {
        wsgi_pair p = wsgi_cur_pair(&c);

        wsgi_buf_pair(&again, p.name.data, p.name.len, p.value.data, p.value.len);
    }
    MUST(!c.bad && c.left == 0);            /* what decode accepted can be walked to its end */
    MUST(!again.failed && again.len == n && memcmp(again.data, data, n) == 0);
    fuzz_accepted++;
    wsgi_buf_free(&again);
}

static void check(const uint8_t *data, size_t size)
{
    const uint8_t *head = data + WSGI_PACKET_HEADER;
    size_t n = size;
    wsgi_packet p;
    wsgi_head h;

    /* The packet ends where its inline body does, and the file begins. */
    if (size >= WSGI_PACKET_HEADER && (data[1] & WSGI_REQ_MEMFD)) {
        wsgi_cur c = wsgi_cur_of(data + 16, 4);
        uint32_t body = wsgi_cur_u32(&c);

        if (body <= size - WSGI_PACKET_HEADER)
            n = WSGI_PACKET_HEADER + body;
    }
    if (wsgi_packet_decode(data, n, &p) < 0)
        return;
    check_packet(data, &p);
    if (p.flags & WSGI_REQ_MEMFD) {
        head = data + n;
        if (size - n < p.head_len)          /* as read_head of the host: not there in full */
            return;
    }
    else {
        MUST(p.head_len + p.body_len + (size_t)WSGI_PACKET_HEADER == size && p.head_len <= WSGI_PACKET_MAX);
    }
    if (wsgi_head_decode(head, p.head_len, &h) == 0)
        check_head(head, p.head_len, &h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    MUST(copy != NULL);
    memcpy(copy, data, size);
    if (size > 0 && copy[0] == 0)           /* so that the corpus outlives a version */
        copy[0] = WSGI_INTERFACE_VERSION;
    check(copy, size);
    free(copy);
    return 0;
}

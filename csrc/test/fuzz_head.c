/* Packet and head, as a host reads them from the rendezvous. */
#include <stdint.h>
#include <stdlib.h>

#include "../src/wsgi_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *head;
    wsgi_packet p;
    wsgi_head h;
    wsgi_cur c;
    uint32_t i;
    unsigned sum = 0;

    if (wsgi_packet_decode(data, size, &p) < 0)
        return 0;
    if (p.flags & WSGI_REQ_MEMFD)
        return 0;
    head = data + WSGI_PACKET_HEADER;
    if (wsgi_head_decode(head, p.head_len, &h) < 0)
        return 0;
    c = wsgi_cur_of(h.pairs, h.pairs_len);
    for (i = 0; i < h.npairs; i++) {
        wsgi_pair pair = wsgi_cur_pair(&c);
        uint32_t k;

        for (k = 0; k < pair.name.len; k++)
            sum += (unsigned char)pair.name.data[k];
        for (k = 0; k < pair.value.len; k++)
            sum += (unsigned char)pair.value.data[k];
    }
    if (c.bad || c.left != 0)       /* what decode accepted can be walked to its end */
        abort();
    return sum == 1 ? 1 : 0;
}

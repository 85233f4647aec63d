/* wsgi_datagram.c - see wsgi_datagram.h. */
#include "wsgi_datagram.h"

#include <string.h>

enum { TYPE_U64 = 1, TYPE_F64 = 2, TYPE_BYTES = 4, TYPE_I32S = 5, TYPE_F64S = 6 };

static void put_record(wsgi_buf *b, uint16_t field, uint8_t type)
{
    wsgi_buf_u16(b, field);
    wsgi_buf_u8(b, type);
}

void wsgi_datagram_double(wsgi_buf *b, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    wsgi_buf_u64(b, bits);
}

void wsgi_datagram_begin(wsgi_buf *b, enum wsgi_datagram_kind kind, uint32_t pid, uint32_t sequence,
                         uint64_t now_us)
{
    wsgi_buf_reset(b);
    wsgi_buf_bytes(b, "WSGI", 4);
    wsgi_buf_u8(b, WSGI_DATAGRAM_VERSION);
    wsgi_buf_u8(b, (uint8_t)kind);
    wsgi_buf_u16(b, 0);
    wsgi_buf_u32(b, pid);
    wsgi_buf_u32(b, sequence);
    wsgi_datagram_double(b, (double)now_us / 1e6);
}

void wsgi_datagram_u64(wsgi_buf *b, uint16_t field, uint64_t value)
{
    put_record(b, field, TYPE_U64);
    wsgi_buf_u64(b, value);
}

void wsgi_datagram_f64(wsgi_buf *b, uint16_t field, double value)
{
    put_record(b, field, TYPE_F64);
    wsgi_datagram_double(b, value);
}

void wsgi_datagram_us(wsgi_buf *b, uint16_t field, uint64_t us)
{
    wsgi_datagram_f64(b, field, (double)us / 1e6);
}

void wsgi_datagram_text(wsgi_buf *b, uint16_t field, const char *text, size_t n, size_t most)
{
    int cut = n > most;

    put_record(b, field, TYPE_BYTES);
    wsgi_buf_u16(b, (uint16_t)(cut ? most : n));
    wsgi_buf_bytes(b, text, cut ? most - 3 : n);
    if (cut)
        wsgi_buf_bytes(b, "...", 3);
}

void wsgi_datagram_i32s(wsgi_buf *b, uint16_t field, uint16_t count)
{
    put_record(b, field, TYPE_I32S);
    wsgi_buf_u16(b, count);
}

void wsgi_datagram_f64s(wsgi_buf *b, uint16_t field, uint16_t count)
{
    put_record(b, field, TYPE_F64S);
    wsgi_buf_u16(b, count);
}

void wsgi_datagram_i32(wsgi_buf *b, uint64_t value)
{
    wsgi_buf_u32(b, value > INT32_MAX ? (uint32_t)INT32_MAX : (uint32_t)value);
}

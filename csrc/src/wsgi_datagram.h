/* wsgi_datagram.h - one datagram of telemetry, as docs/telemetry.md has it: a
 * header of 24 bytes, then records of a field id, a type and a value.
 *
 * Plain tier.
 */
#ifndef WSGI_DATAGRAM_H
#define WSGI_DATAGRAM_H

#include "wsgi_wire.h"

#define WSGI_DATAGRAM_VERSION 1
#define WSGI_DATAGRAM_HEADER  24

enum wsgi_datagram_kind { WSGI_DATAGRAM_SAMPLE = 2, WSGI_DATAGRAM_SLOW = 4, WSGI_DATAGRAM_STARTED = 5,
                          WSGI_DATAGRAM_STOPPING = 6, WSGI_DATAGRAM_STOPPED = 7,
                          WSGI_DATAGRAM_GC = 8, WSGI_DATAGRAM_GC_EVENT = 9 };

void wsgi_datagram_begin(wsgi_buf *b, enum wsgi_datagram_kind kind, uint32_t pid, uint32_t sequence,
                         uint64_t now_us);
void wsgi_datagram_u64(wsgi_buf *b, uint16_t field, uint64_t value);
void wsgi_datagram_f64(wsgi_buf *b, uint16_t field, double value);
/* Microseconds, as seconds. */
void wsgi_datagram_us(wsgi_buf *b, uint16_t field, uint64_t us);
/* The first MOST bytes of a text; one that is longer ends in "...". */
void wsgi_datagram_text(wsgi_buf *b, uint16_t field, const char *text, size_t n, size_t most);
/* An array: then its COUNT values, each by one of the last two. */
void wsgi_datagram_i32s(wsgi_buf *b, uint16_t field, uint16_t count);
void wsgi_datagram_f64s(wsgi_buf *b, uint16_t field, uint16_t count);
void wsgi_datagram_i32(wsgi_buf *b, uint64_t value);    /* at most INT32_MAX is said */
void wsgi_datagram_double(wsgi_buf *b, double value);

#endif

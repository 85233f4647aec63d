/* What a process is told of its server, as bytes of another process: what is
 * accepted is written again as the same bytes, and is within its bounds.
 *
 * Input: 0 and bytes; or 1 and changes (fuzz_bend) to what is right. */
#include "fuzz.h"

#include "wsgi_server.h"

static void check(const unsigned char *data, size_t size)
{
    wsgi_buf again = { NULL, 0, 0, 0 };
    wsgi_cur c = wsgi_cur_of(data, size);
    wsgi_server s;

    if (wsgi_server_decode(&c, &s) < 0) {
        MUST(s.description == NULL && s.mpm == NULL && s.build_date == NULL && s.telemetry == NULL);
        return;
    }
    MUST(s.interval_us >= 0 && s.slow_us >= 0 && s.json <= 1 && s.threads <= WSGI_SERVER_LIMIT_MAX);
    MUST(s.telemetry == NULL || (s.telemetry[0] == '/' && strlen(s.telemetry) <= WSGI_TELEMETRY_PATH_MAX));
    wsgi_server_encode(&s, &again);
    MUST(!again.failed && again.len == size - c.left && memcmp(again.data, data, again.len) == 0);
    fuzz_accepted++;
    wsgi_buf_free(&again);
    wsgi_server_free(&s);
}

static wsgi_buf encoded(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_server s;

    wsgi_server_init(&s);
    s.description = (char *)"Apache/2.4.62";
    s.mpm = (char *)"event";
    s.build_date = (char *)"";
    s.threads = 25;
    s.telemetry = (char *)"/run/t";
    s.interval_us = 500000;
    wsgi_server_encode(&s, &b);
    return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = { data, size };
    uint8_t kind = fuzz_byte(&in);
    wsgi_buf good;

    if (kind == 0) {
        check(in.p, in.left);
        return 0;
    }
    good = encoded();
    fuzz_check_bent(&in, good.data, good.len, check);
    wsgi_buf_free(&good);
    return 0;
}

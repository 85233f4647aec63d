/* What is written for others to read: objects of JSON, datagrams, and what a
 * process is told of its server. */
#include "test.h"

#include "../src/wsgi_datagram.h"
#include "../src/wsgi_json.h"
#include "../src/wsgi_server.h"

static void json(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    static const char text[] = "a\"b\\c\nd\0e\xff\xc3\xa9\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80\x7f";
    static const char want[] = "{\"time\":\"1970-01-01T00:00:01.500000Z\",\"level\":\"warn\",\"message\":"
        "\"a\\\"b\\\\c\\u000ad\\u0000e\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u007f\",\"n\":-5}\n";

    wsgi_json_begin(&b, 1500000, 4);
    wsgi_json_text(&b, "message", text, sizeof(text) - 1);
    wsgi_json_number(&b, "n", -5);
    wsgi_json_end(&b);
    CHECK(b.len == sizeof(want) - 1 && memcmp(b.data, want, b.len) == 0);
    wsgi_buf_reset(&b);
    wsgi_json_text(&b, "x", "\xe2\x82", 2);       /* cut in a character */
    CHECK(b.len == 13 && memcmp(b.data, ",\"x\":\"\xef\xbf\xbd\xef\xbf\xbd\"", 13) == 0);
    wsgi_buf_free(&b);
}

static void datagrams(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    char text[600];

    wsgi_datagram_begin(&b, WSGI_DATAGRAM_SLOW, 7, 9, 1500000);
    CHECK(b.len == WSGI_DATAGRAM_HEADER && memcmp(b.data, "WSGI\1\4\0\0\7\0\0\0\11\0\0\0\0\0\0\0\0\0\xf8\x3f", 24) == 0);
    wsgi_datagram_u64(&b, 200, 1);
    CHECK(b.len == 35 && memcmp(b.data + 24, "\xc8\0\1\1\0\0\0\0\0\0\0", 11) == 0);
    wsgi_datagram_us(&b, 201, 500000);
    CHECK(b.len == 46 && memcmp(b.data + 35, "\xc9\0\2\0\0\0\0\0\0\xe0\x3f", 11) == 0);
    memset(text, 'x', sizeof(text));
    wsgi_buf_reset(&b);
    wsgi_datagram_text(&b, 214, text, sizeof(text), 512);
    CHECK(b.len == 5 + 512 && memcmp(b.data, "\xd6\0\4\0\2", 5) == 0 && memcmp(b.data + 5 + 509, "...", 3) == 0);
    wsgi_buf_reset(&b);
    wsgi_datagram_text(&b, 214, text, 512, 512);
    CHECK(b.len == 5 + 512 && b.data[5 + 511] == 'x');
    wsgi_buf_reset(&b);
    wsgi_datagram_i32s(&b, 90, 1);
    wsgi_datagram_i32(&b, (uint64_t)1 << 40);
    CHECK(b.len == 9 && memcmp(b.data, "\x5a\0\5\1\0\xff\xff\xff\x7f", 9) == 0);
    wsgi_buf_free(&b);
}

static void server(void)
{
    wsgi_server s, got, copy;
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_cur c;
    size_t n;

    wsgi_server_init(&s);
    s.description = (char *)"Apache/2.4.62 (Debian)";
    s.version[0] = 2;
    s.version[1] = 4;
    s.version[2] = 62;
    s.mpm = (char *)"event";
    s.threads = 25;
    s.parent = 77;
    s.telemetry = (char *)"/run/t";
    s.interval_us = 500000;
    s.slow_us = 1;
    s.user_agent = s.json = 1;
    wsgi_server_encode(&s, &b);
    c = wsgi_cur_of(b.data, b.len);
    CHECK_INT(wsgi_server_decode(&c, &got), 0);
    CHECK(c.left == 0 && strcmp(got.description, s.description) == 0 && got.version[2] == 62 && got.threads == 25);
    CHECK(got.parent == 77 && strcmp(got.telemetry, "/run/t") == 0 && got.slow_us == 1 && got.json == 1 && got.build_date == NULL);
    CHECK_INT(wsgi_server_copy(&got, &copy), 0);
    wsgi_server_free(&got);
    CHECK(got.description == NULL && strcmp(copy.mpm, "event") == 0);
    wsgi_server_free(&copy);
    for (n = 0; n < b.len; n++) {
        c = wsgi_cur_of(b.data, n);
        CHECK_INT(wsgi_server_decode(&c, &got), -1);
        CHECK(got.description == NULL && got.telemetry == NULL);
    }
    wsgi_buf_reset(&b);
    s.telemetry = (char *)"relative";
    wsgi_server_encode(&s, &b);
    c = wsgi_cur_of(b.data, b.len);
    CHECK_INT(wsgi_server_decode(&c, &got), -1);
    wsgi_buf_free(&b);
}

int main(void)
{
    RUN(json);
    RUN(datagrams);
    RUN(server);
    return TEST_DONE();
}

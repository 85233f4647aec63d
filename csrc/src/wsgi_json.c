/* wsgi_json.c - see wsgi_json.h. */
#include "wsgi_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void put(wsgi_buf *b, const char *text)
{
    wsgi_buf_bytes(b, text, strlen(text));
}

/* Length of the UTF-8 character that P begins with, 0 if it begins with none:
 * no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t len, i;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (n < len || p[1] < low || p[1] > high)
        return 0;
    for (i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

static void put_escaped(wsgi_buf *b, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    char escape[8];

    while (n > 0) {
        size_t len = utf8_length(p, n);

        if (len == 0) {
            put(b, "\xEF\xBF\xBD");
            len = 1;
        }
        else if (*p == '"' || *p == '\\') {
            wsgi_buf_u8(b, '\\');
            wsgi_buf_u8(b, *p);
        }
        else if (*p < ' ' || *p == 127) {
            snprintf(escape, sizeof(escape), "\\u%04x", *p);
            put(b, escape);
        }
        else
            wsgi_buf_bytes(b, p, len);
        p += len;
        n -= len;
    }
}

void wsgi_json_begin(wsgi_buf *b, uint64_t now_us, int level)
{
    static const char names[][8] = { "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
                                     "trace1" };
    time_t seconds = (time_t)(now_us / 1000000);
    char when[40], line[96];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(line, sizeof(line), "{\"time\":\"%s.%06uZ\",\"level\":\"%s\"", when,
             (unsigned)(now_us % 1000000), names[level < 0 ? 0 : level > 8 ? 8 : level]);
    put(b, line);
}

static void put_name(wsgi_buf *b, const char *name)
{
    put(b, ",\"");
    put(b, name);
    put(b, "\":");
}

void wsgi_json_text(wsgi_buf *b, const char *name, const char *text, size_t n)
{
    put_name(b, name);
    wsgi_buf_u8(b, '"');
    put_escaped(b, text, n);
    wsgi_buf_u8(b, '"');
}

void wsgi_json_number(wsgi_buf *b, const char *name, int64_t value)
{
    char text[24];

    put_name(b, name);
    snprintf(text, sizeof(text), "%lld", (long long)value);
    put(b, text);
}

void wsgi_json_end(wsgi_buf *b)
{
    put(b, "}\n");
}

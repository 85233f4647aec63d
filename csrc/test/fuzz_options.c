/* Options of a group: as words of the configuration, and as bytes of another
 * process. What was taken survives the wire.
 *
 * Input: lines of name=value; or a zero byte, and changes (fuzz_bend) to the
 * bytes of options of which some are set. */
#include "fuzz.h"

#include "wsgi_options.h"

static void check_wire(const wsgi_options *o)
{
    wsgi_buf one = { NULL, 0, 0, 0 }, two = { NULL, 0, 0, 0 };
    wsgi_options again;
    wsgi_cur c;

    wsgi_options_encode(o, &one);
    c = wsgi_cur_of(one.data, one.len);
    MUST(!one.failed && wsgi_options_decode(&c, &again) == 0 && c.left == 0);
    wsgi_options_encode(&again, &two);
    MUST(two.len == one.len && memcmp(one.data, two.data, one.len) == 0);
    wsgi_options_free(&again);
    wsgi_buf_free(&one);
    wsgi_buf_free(&two);
}

static void set_line(wsgi_options *o, char *line)
{
    char *value = strchr(line, '=');
    char err[64];               /* small: every message must bear being cut */

    if (value == NULL) {
        wsgi_options_nearest(line);
        return;
    }
    *value++ = '\0';
    memset(err, 'x', sizeof(err));
    if (wsgi_options_set(o, line, value, err, sizeof(err)) < 0) {
        MUST(memchr(err, '\0', sizeof(err)) != NULL && err[0] != '\0');
        return;
    }
    MUST(wsgi_options_set(o, line, value, err, sizeof(err)) == 0);      /* the later one wins */
    MUST(wsgi_options_nearest(line) != NULL && strcmp(wsgi_options_nearest(line), line) == 0);
}

static void check_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *line, *rest;
    wsgi_options o;

    MUST(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    wsgi_options_init(&o);
    rest = text;
    while ((line = strsep(&rest, "\n")) != NULL)
        set_line(&o, line);
    check_wire(&o);
    free(wsgi_options_title(&o));
    wsgi_options_free(&o);
    free(text);
}

static void check_bytes(const unsigned char *data, size_t size)
{
    wsgi_buf again = { NULL, 0, 0, 0 };
    wsgi_cur c = wsgi_cur_of(data, size);
    wsgi_options o;

    if (wsgi_options_decode(&c, &o) < 0)
        return;
    wsgi_options_encode(&o, &again);
    MUST(!again.failed && again.len == size - c.left && memcmp(again.data, data, again.len) == 0);
    fuzz_accepted++;
    wsgi_buf_free(&again);
    wsgi_options_free(&o);
}

static void bend_bytes(fuzz_input *in)
{
    wsgi_buf good = { NULL, 0, 0, 0 };
    wsgi_options o;
    char err[200];

    wsgi_options_init(&o);
    o.name = strdup("g");
    MUST(wsgi_options_set(&o, "user", "u", err, sizeof(err)) == 0 &&
         wsgi_options_set(&o, "threads", "5", err, sizeof(err)) == 0 &&
         wsgi_options_set(&o, "maximum-requests", "2147483647", err, sizeof(err)) == 0);
    wsgi_options_encode(&o, &good);
    fuzz_check_bent(in, good.data, good.len, check_bytes);
    wsgi_buf_free(&good);
    wsgi_options_free(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = { data, size };

    if (size > 0 && data[0] == 0) {
        fuzz_byte(&in);
        bend_bytes(&in);
    }
    else
        check_text(data, size);
    return 0;
}

/* Lines of name=value as options; what was taken survives the wire. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/wsgi_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_wire(const wsgi_options *o)
{
    wsgi_buf one = { NULL, 0, 0, 0 }, two = { NULL, 0, 0, 0 };
    wsgi_options again;
    wsgi_cur c;

    wsgi_options_encode(o, &one);
    c = wsgi_cur_of(one.data, one.len);
    if (one.failed || wsgi_options_decode(&c, &again) < 0 || c.left != 0)
        abort();
    wsgi_options_encode(&again, &two);
    if (two.len != one.len || memcmp(one.data, two.data, one.len) != 0)
        abort();
    wsgi_options_free(&again);
    wsgi_buf_free(&one);
    wsgi_buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *line, *rest;
    wsgi_options o;
    char err[64];               /* small: every message must bear being cut */

    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    wsgi_options_init(&o);
    rest = text;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, '=');

        if (value == NULL) {
            wsgi_options_nearest(line);
            continue;
        }
        *value++ = '\0';
        memset(err, 'x', sizeof(err));
        if (wsgi_options_set(&o, line, value, err, sizeof(err)) < 0 &&
            memchr(err, '\0', sizeof(err)) == NULL)
            abort();
    }
    check_wire(&o);
    free(wsgi_options_title(&o));
    wsgi_options_free(&o);
    free(text);
    return 0;
}

/* The Accept field of a scrape, and labels from names that configurations hold:
 * whatever is in them, there is an answer, and a label stays on its line, inside
 * its quotes, and UTF-8. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../src/wsgi_metrics_text.h"

/* Between the quotes of a label: nothing that ends it before its end. */
static void check_label(const unsigned char *p, size_t n)
{
    size_t i, more = 0;

    for (i = 0; i < n; i++) {
        MUST(p[i] >= ' ' && p[i] != 127 && (p[i] != '"'));
        MUST(more == 0 ? (p[i] & 0xc0) != 0x80 : (p[i] & 0xc0) == 0x80);
        if (more > 0)
            more--;
        else if (p[i] >= 0xc0)
            more = p[i] >= 0xf0 ? 3 : p[i] >= 0xe0 ? 2 : 1;
        if (p[i] == '\\') {
            MUST(i + 1 < n && strchr("\\\"n", p[i + 1]) != NULL);
            i++;
        }
    }
    MUST(more == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const wsgi_metric gauge = { WSGI_METRIC_GAUGE, "a", NULL, "A gauge." };
    const size_t head = strlen("# TYPE a gauge\n# HELP a A gauge.\na{group=\""), tail = strlen("\"} 1\n");
    char *text = malloc(size + 1);
    wsgi_label labels[] = { { "group", text }, { NULL, NULL } };
    wsgi_metrics_text t = { .open = 1 };
    int open;

    MUST(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    open = wsgi_metrics_wants_open(text);
    MUST(open == 0 || open == 1);
    wsgi_metrics_begin(&t, &gauge);
    wsgi_metrics_whole(&t, labels, 1);
    MUST(!t.out.failed && t.out.len >= head + tail);
    check_label(t.out.data + head, t.out.len - head - tail);
    MUST(memcmp(t.out.data + t.out.len - tail, "\"} 1\n", tail) == 0);
    if (!open)
        fuzz_accepted++;
    wsgi_buf_free(&t.out);
    free(text);
    return 0;
}

/* wsgi_metrics_text.c - see wsgi_metrics_text.h. */
#include "wsgi_metrics_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Accept ------------------------------------------------------------------ */

/* How well a media range of N bytes fits TYPE: 0 is not at all, 3 is exactly. */
static int fits(const char *range, size_t n, const char *type)
{
    size_t main_type = strcspn(type, "/") + 1;

    if (n == strlen(type) && strncasecmp(range, type, n) == 0)
        return 3;
    if (n == main_type + 1 && range[n - 1] == '*' && strncasecmp(range, type, main_type) == 0)
        return 2;
    return n == 3 && memcmp(range, "*/*", 3) == 0;
}

/* The parameter q among those from P to END; 1 if there is none. */
static double quality(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p != ';')
            continue;
        p++;
        p += strspn(p, " \t");
        if (end - p > 2 && (*p == 'q' || *p == 'Q') && p[1] == '=')
            return strtod(p + 2, NULL);
        p--;
    }
    return 1;
}

/* How much TYPE is wanted: the quality of the range that fits it best. */
static double wanted(const char *accept, const char *type)
{
    double q = 0;
    int best = 0;

    while (*accept != '\0') {
        const char *end = accept + strcspn(accept, ",");
        const char *range = accept + strspn(accept, " \t");
        int fit = fits(range, strcspn(range, ";, \t"), type);

        if (fit > 0 && fit >= best) {
            double this = quality(range, end);

            if (fit > best || this > q)
                q = this;
            best = fit;
        }
        accept = *end != '\0' ? end + 1 : end;
    }
    return q;
}

int wsgi_metrics_wants_open(const char *accept)
{
    return accept == NULL ||
           wanted(accept, "application/openmetrics-text") >= wanted(accept, "text/plain");
}

/* ---- text -------------------------------------------------------------------- */

static void put(wsgi_metrics_text *t, const char *s)
{
    wsgi_buf_bytes(&t->out, s, strlen(s));
}

static void print(wsgi_metrics_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(wsgi_metrics_text *t, const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put(t, text);
}

/* How many bytes the character of UTF-8 at P has; 0: it is none. */
static int utf8_length(const unsigned char *p)
{
    int n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : (*p & 0xf0) == 0xe0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0, i;

    for (i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return n;
}

/* A value as it may stand between quotes. What is no UTF-8 becomes a question
 * mark, since one such byte would make the whole page unreadable. */
static void put_escaped(wsgi_metrics_text *t, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;

    while (*p != '\0') {
        int n = utf8_length(p);

        if (n == 0 || (*p < ' ' && *p != '\n') || *p == 127)
            put(t, "?");
        else if (*p == '\n')
            put(t, "\\n");
        else if (*p == '"' || *p == '\\')
            print(t, "\\%c", *p);
        else
            wsgi_buf_bytes(&t->out, p, (size_t)n);
        p += n > 0 ? n : 1;
    }
}

/* The name that samples of a counter or an info have. */
static const char *sample_suffix(const wsgi_metric *m)
{
    return m->kind == WSGI_METRIC_COUNTER ? "_total" : m->kind == WSGI_METRIC_INFO ? "_info" : "";
}

static void put_line(wsgi_metrics_text *t, const char *word, const char *text)
{
    put(t, "# ");
    put(t, word);
    put(t, " ");
    put(t, t->family->name);
    put(t, t->open ? "" : sample_suffix(t->family));
    put(t, " ");
    put(t, text);
    put(t, "\n");
}

void wsgi_metrics_begin(wsgi_metrics_text *t, const wsgi_metric *family)
{
    static const char *const types[] = { "gauge", "counter", "histogram", "info" };
    int info = family->kind == WSGI_METRIC_INFO;

    t->family = family;
    put_line(t, "TYPE", info && !t->open ? "gauge" : types[family->kind]);
    if (t->open && family->unit != NULL)
        put_line(t, "UNIT", family->unit);
    put_line(t, "HELP", family->help);
}

/* Everything in front of the value; BOUND is that of a bucket, or NULL. */
static void put_name(wsgi_metrics_text *t, const char *suffix, const wsgi_label *labels, const char *bound)
{
    const char *between = "{";

    put(t, t->family->name);
    put(t, suffix);
    for (; labels->name != NULL; labels++) {
        put(t, between);
        put(t, labels->name);
        put(t, "=\"");
        put_escaped(t, labels->value);
        put(t, "\"");
        between = ",";
    }
    if (bound != NULL) {
        put(t, between);
        put(t, "le=\"");
        put(t, bound);
        put(t, "\"");
        between = ",";
    }
    put(t, *between == ',' ? "} " : " ");
}

void wsgi_metrics_whole(wsgi_metrics_text *t, const wsgi_label *labels, uint64_t value)
{
    put_name(t, sample_suffix(t->family), labels, NULL);
    print(t, "%llu\n", (unsigned long long)value);
}

static void put_seconds(wsgi_metrics_text *t, uint64_t us)
{
    print(t, "%llu.%06llu\n", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
}

void wsgi_metrics_seconds(wsgi_metrics_text *t, const wsgi_label *labels, uint64_t us)
{
    put_name(t, sample_suffix(t->family), labels, NULL);
    put_seconds(t, us);
}

/* A bound as OpenMetrics writes numbers: 0.0001, 2.5, 10.0. */
static const char *bound_text(char text[32], uint64_t us)
{
    char *end = text + snprintf(text, 32, "%llu.%06llu", (unsigned long long)(us / 1000000),
                                (unsigned long long)(us % 1000000));

    while (end[-1] == '0' && end[-2] != '.')
        *--end = '\0';
    return text;
}

void wsgi_metrics_histogram(wsgi_metrics_text *t, const wsgi_label *labels, const wsgi_histogram *h)
{
    uint64_t count = 0;
    char bound[32];
    unsigned i;

    for (i = 0; i < WSGI_HISTOGRAM_BUCKETS; i++) {
        count += h->buckets[i];
        put_name(t, "_bucket", labels, i < WSGI_HISTOGRAM_BOUNDS ? bound_text(bound, wsgi_histogram_bounds[i]) : "+Inf");
        print(t, "%llu\n", (unsigned long long)count);
    }
    put_name(t, "_sum", labels, NULL);
    put_seconds(t, h->sum_us);
    put_name(t, "_count", labels, NULL);
    print(t, "%llu\n", (unsigned long long)count);
}

void wsgi_metrics_end(wsgi_metrics_text *t)
{
    if (t->open)
        put(t, "# EOF\n");
}

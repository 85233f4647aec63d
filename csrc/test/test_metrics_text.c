/* Numbers as text: which format is wanted, what a page looks like, and what
 * labels may hold. */
#include "test.h"

#include "../src/wsgi_metrics_text.h"

static void formats(void)
{
    static const struct { const char *accept; int open; } table[] = {
        { NULL, 1 },
        { "", 1 },
        { "*/*", 1 },
        { "text/plain", 0 },
        { "text/plain; version=0.0.4", 0 },
        { "TEXT/Plain;q=0.5", 0 },
        { "text/*", 0 },
        { "application/openmetrics-text", 1 },
        { "application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", 1 },
        { "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
          "text/plain;version=0.0.4;q=0.3,*/*;q=0.1", 1 },
        { "text/plain;version=0.0.4,*/*;q=0.1", 0 },
        { "text/plain, application/openmetrics-text;q=0.9", 0 },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 1 },
        { "application/openmetrics-text;q=0, text/plain", 0 },
        { "application/*, text/plain;q=0.9", 1 },
        { "text/plain;q=0.9;x=\"q=2\", application/openmetrics-text", 1 },
        { " , ,;q=", 1 }
    };
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (wsgi_metrics_wants_open(table[i].accept) != table[i].open)
            CHECK_HAS(table[i].accept, table[i].open ? "(OpenMetrics)" : "(Prometheus)");
}

/* A page with one family of each kind. */
static char *page(int open, const char *group)
{
    static const wsgi_metric gauge = { WSGI_METRIC_GAUGE, "a", NULL, "A gauge." },
        counter = { WSGI_METRIC_COUNTER, "b_seconds", "seconds", "A counter." },
        histogram = { WSGI_METRIC_HISTOGRAM, "c_seconds", "seconds", "A histogram." },
        info = { WSGI_METRIC_INFO, "d", NULL, "An info." };
    const wsgi_label labels[] = { { "group", group }, { "code", "2xx" }, { NULL, NULL } }, none[] = { { NULL, NULL } };
    wsgi_histogram h = { .sum_us = 61000001, .buckets = { [0] = 1, [1] = 2, [17] = 3, [18] = 4 } };
    wsgi_metrics_text t = { .open = open };

    wsgi_metrics_begin(&t, &gauge);
    wsgi_metrics_whole(&t, none, 7);
    wsgi_metrics_begin(&t, &counter);
    wsgi_metrics_seconds(&t, labels, 1500000);
    wsgi_metrics_begin(&t, &histogram);
    wsgi_metrics_histogram(&t, labels, &h);
    wsgi_metrics_begin(&t, &info);
    wsgi_metrics_whole(&t, labels, 1);
    wsgi_metrics_end(&t);
    wsgi_buf_u8(&t.out, 0);
    return (char *)t.out.data;
}

static void both_formats(void)
{
    char *open = page(1, "g"), *text = page(0, "g");

    CHECK_HAS(open, "# TYPE a gauge\n# HELP a A gauge.\na 7\n");
    CHECK_HAS(open, "# TYPE b_seconds counter\n# UNIT b_seconds seconds\n# HELP b_seconds A counter.\n"
              "b_seconds_total{group=\"g\",code=\"2xx\"} 1.500000\n");
    CHECK_HAS(open, "# TYPE c_seconds histogram\n");
    CHECK_HAS(open, "\nc_seconds_bucket{group=\"g\",code=\"2xx\",le=\"0.0001\"} 1\n"
              "c_seconds_bucket{group=\"g\",code=\"2xx\",le=\"0.00025\"} 3\n");
    CHECK_HAS(open, "le=\"1.0\"} 3\n");
    CHECK_HAS(open, "le=\"60.0\"} 6\nc_seconds_bucket{group=\"g\",code=\"2xx\",le=\"+Inf\"} 10\n"
              "c_seconds_sum{group=\"g\",code=\"2xx\"} 61.000001\nc_seconds_count{group=\"g\",code=\"2xx\"} 10\n");
    CHECK_HAS(open, "# TYPE d info\n# HELP d An info.\nd_info{group=\"g\",code=\"2xx\"} 1\n# EOF\n");
    CHECK(strcmp(strstr(open, "# EOF"), "# EOF\n") == 0);

    CHECK_HAS(text, "# TYPE b_seconds_total counter\n# HELP b_seconds_total A counter.\nb_seconds_total{");
    CHECK_HAS(text, "# TYPE d_info gauge\n# HELP d_info An info.\nd_info{");
    CHECK(strstr(text, "UNIT") == NULL && strstr(text, "EOF") == NULL);
    free(open);
    free(text);
}

static void labels(void)
{
    static const struct { const char *value, *want; } table[] = {
        { "plain", "plain" },
        { "a\"b\\c\nd", "a\\\"b\\\\c\\nd" },
        { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d" },
        { "caf\xe9", "caf?" },                                  /* Latin-1 */
        { "\xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80 \xe2\x82", "?? ??? ???? ??" },
        { "\xf0\x8f\xbf\xbf\xf4\x90\x80\x80", "????????" },
        { "\x01\x7f\r", "???" }
    };
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *p = page(1, table[i].value), want[100];

        snprintf(want, sizeof(want), "{group=\"%s\",", table[i].want);
        CHECK_HAS(p, want);
        free(p);
    }
}

int main(void)
{
    RUN(formats);
    RUN(both_formats);
    RUN(labels);
    return TEST_DONE();
}

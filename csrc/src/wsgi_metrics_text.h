/* wsgi_metrics_text.h - numbers as text for monitoring: OpenMetrics 1.0, or the
 * older text format of Prometheus (0.0.4). Plain tier.
 *
 * A family is begun, then its samples follow, of all groups one after the other,
 * as both formats want it. The two differ in what a counter's family is called,
 * in units, and in the last line.
 */
#ifndef WSGI_METRICS_TEXT_H
#define WSGI_METRICS_TEXT_H

#include "wsgi_numbers.h"
#include "wsgi_wire.h"

#define WSGI_METRICS_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define WSGI_METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum wsgi_metric_kind { WSGI_METRIC_GAUGE, WSGI_METRIC_COUNTER, WSGI_METRIC_HISTOGRAM, WSGI_METRIC_INFO };

typedef struct {
    enum wsgi_metric_kind kind;
    const char *name;             /* without the suffix of its samples */
    const char *unit;             /* that NAME ends in, or NULL */
    const char *help;
} wsgi_metric;

typedef struct { const char *name, *value; } wsgi_label;

typedef struct {
    wsgi_buf out;                 /* the caller's to free */
    int open;                     /* OpenMetrics */
    const wsgi_metric *family;
} wsgi_metrics_text;

/* Does an Accept field, NULL if there was none, want OpenMetrics rather than the
 * older format? */
int wsgi_metrics_wants_open(const char *accept);

void wsgi_metrics_begin(wsgi_metrics_text *t, const wsgi_metric *family);
/* Labels end with one that has no name. */
void wsgi_metrics_whole(wsgi_metrics_text *t, const wsgi_label *labels, uint64_t value);
/* US microseconds, in seconds. */
void wsgi_metrics_seconds(wsgi_metrics_text *t, const wsgi_label *labels, uint64_t us);
void wsgi_metrics_histogram(wsgi_metrics_text *t, const wsgi_label *labels, const wsgi_histogram *h);
/* After the last family. */
void wsgi_metrics_end(wsgi_metrics_text *t);

#endif

/* wsgi_status.c - see wsgi_status.h.
 *
 * What clients sent is shown without its query string, and escaped.
 */
#include "wsgi_status.h"

#include "apr_optional_hooks.h"
#include "apr_strings.h"
#include "http_protocol.h"
#include "mod_status.h"

#include "wsgi_metrics_view.h"

static uint64_t requests_of(const wsgi_view *v)
{
    uint64_t n = 0;
    int i;

    for (i = 0; i < WSGI_CLASSES; i++)
        n += v->sums.classes[i];
    return n;
}

static uint32_t processes_of(const wsgi_view *v)
{
    return v->processes[WSGI_SLOT_STARTING] + v->processes[WSGI_SLOT_READY] + v->processes[WSGI_SLOT_DRAINING];
}

/* Milliseconds that B has its request, reckoned from its receipt. */
static uint64_t age_of(const wsgi_busy *b, uint64_t now_us)
{
    uint64_t since = b->now.received_us != 0 ? b->now.received_us : b->now.since_us;

    return now_us > since ? (now_us - since) / 1000 : 0;
}

/* "exit 2, oom 1": how processes ended, "none". */
static const char *endings(request_rec *r, const wsgi_view *v)
{
    const char *text = "";
    uint32_t i;

    for (i = WSGI_DEATH_NONE + 1; i < WSGI_DEATH_KINDS; i++)
        if (v->sums.deaths[i] > 0)
            text = apr_psprintf(r->pool, "%s%s%s %" APR_UINT64_T_FMT, text, *text ? ", " : "",
                                wsgi_death_word((enum wsgi_death)i), (apr_uint64_t)v->sums.deaths[i]);
    return *text ? text : "none";
}

/* ---- ?auto ------------------------------------------------------------------------------- */

/* A line, whatever is in it. */
static const char *flat(request_rec *r, const char *text)
{
    char *copy = apr_pstrdup(r->pool, text), *p;

    for (p = copy; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
    return copy;
}

static void group_lines(request_rec *r, const wsgi_view *v, const apr_array_header_t *busy, uint64_t now_us)
{
    const char *name = flat(r, v->name);
    int i;

    ap_rprintf(r, "WSGIProcesses[%s]: %u\n", name, processes_of(v));
    ap_rprintf(r, "WSGIThreads[%s]: %u\n", name, v->threads);
    ap_rprintf(r, "WSGIBusyThreads[%s]: %u\n", name, v->busy);
    ap_rprintf(r, "WSGIRequests[%s]: %" APR_UINT64_T_FMT "\n", name, (apr_uint64_t)requests_of(v));
    ap_rprintf(r, "WSGIQueue[%s]: %u\n", name, v->queued);
    ap_rprintf(r, "WSGIRestarts[%s]: %s\n", name, endings(r, v));
    for (i = 0; i < busy->nelts; i++) {
        const wsgi_busy *b = &APR_ARRAY_IDX(busy, i, wsgi_busy);

        ap_rprintf(r, "WSGIRequest[%s]: %ld %u %" APR_UINT64_T_FMT " %s\n", name, (long)b->pid, b->thread,
                   (apr_uint64_t)age_of(b, now_us), flat(r, b->now.what));
    }
}

/* ---- HTML ---------------------------------------------------------------------------------- */

static void group_row(request_rec *r, const wsgi_view *v)
{
    ap_rprintf(r, "<tr><td>%s</td><td>%u</td><td>%u</td><td>%u</td><td>%" APR_UINT64_T_FMT "</td><td>%u</td>"
               "<td>%s</td></tr>\n", ap_escape_html(r->pool, v->name), processes_of(v), v->threads, v->busy,
               (apr_uint64_t)requests_of(v), v->queued, endings(r, v));
}

static void busy_rows(request_rec *r, const wsgi_view *v, const apr_array_header_t *busy, uint64_t now_us)
{
    int i;

    for (i = 0; i < busy->nelts; i++) {
        const wsgi_busy *b = &APR_ARRAY_IDX(busy, i, wsgi_busy);
        uint64_t ms = age_of(b, now_us);

        ap_rprintf(r, "<tr><td>%s</td><td>%ld</td><td>%u</td><td>%" APR_UINT64_T_FMT ".%03u</td><td>%s</td></tr>\n",
                   ap_escape_html(r->pool, v->name), (long)b->pid, b->thread, (apr_uint64_t)(ms / 1000),
                   (unsigned)(ms % 1000), ap_escape_html(r->pool, flat(r, b->now.what)));
    }
}

static void tables(request_rec *r, const apr_array_header_t *views, apr_array_header_t *const *busy, uint64_t now_us)
{
    int i;

    ap_rputs("<hr />\n<h2>mod_wsgi</h2>\n<table border=\"0\"><tr><th>Group</th><th>Processes</th><th>Threads</th>"
             "<th>Busy</th><th>Requests</th><th>Queue</th><th>Restarts</th></tr>\n", r);
    for (i = 0; i < views->nelts; i++)
        group_row(r, &APR_ARRAY_IDX(views, i, wsgi_view));
    ap_rputs("</table>\n<table border=\"0\"><tr><th>Group</th><th>PID</th><th>Thread</th><th>Seconds</th>"
             "<th>Request</th></tr>\n", r);
    for (i = 0; i < views->nelts; i++)
        busy_rows(r, &APR_ARRAY_IDX(views, i, wsgi_view), busy[i], now_us);
    ap_rputs("</table>\n", r);
}

static int show(request_rec *r, int flags)
{
    apr_array_header_t *views = wsgi_views(r->pool, r->server), **busy;
    uint64_t now_us = wsgi_now_us();
    int i;

    busy = apr_palloc(r->pool, (apr_size_t)(views->nelts + 1) * sizeof(*busy));
    for (i = 0; i < views->nelts; i++)
        busy[i] = wsgi_view_busy(r->pool, &APR_ARRAY_IDX(views, i, wsgi_view));
    if (!(flags & AP_STATUS_SHORT)) {
        tables(r, views, busy, now_us);
        return OK;
    }
    for (i = 0; i < views->nelts; i++)
        group_lines(r, &APR_ARRAY_IDX(views, i, wsgi_view), busy[i], now_us);
    return OK;
}

void wsgi_status_register(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, show, NULL, NULL, APR_HOOK_MIDDLE);
}

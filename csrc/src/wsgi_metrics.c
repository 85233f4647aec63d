/* wsgi_metrics.c - see wsgi_metrics.h.
 *
 * The page is a table: a row for each metric, with the function that writes its
 * samples for one group. docs/metrics.md has the same rows; a test compares them.
 */
#include "wsgi_metrics.h"

#include "apr_strings.h"
#include "http_protocol.h"

#include "wsgi_metrics_text.h"
#include "wsgi_metrics_view.h"
#include "wsgi_wire.h"

#define HANDLER "wsgi-metrics"

typedef void (*emit_fn)(wsgi_metrics_text *t, const wsgi_view *v);

typedef struct {
    wsgi_metric metric;
    emit_fn emit;                 /* NULL: not of a group */
} row;

/* ---- samples of a group ----------------------------------------------------------------- */

/* Labels: the group, and up to two more. */
#define LABELS(...) ((const wsgi_label[]){ { "group", v->name }, __VA_ARGS__ { NULL, NULL } })
#define WHOLE(value, ...) wsgi_metrics_whole(t, LABELS(__VA_ARGS__), (value))

static const char *number(char text[16], uint64_t n)
{
    apr_snprintf(text, 16, "%" APR_UINT64_T_FMT, (apr_uint64_t)n);
    return text;
}

static void requests(wsgi_metrics_text *t, const wsgi_view *v)
{
    static const char codes[WSGI_CLASSES][4] = { "1xx", "2xx", "3xx", "4xx", "5xx" };
    int i;

    for (i = 0; i < WSGI_CLASSES; i++)
        WHOLE(v->sums.classes[i], { "code", codes[i] },);
}

static void duration(wsgi_metrics_text *t, const wsgi_view *v)
{
    wsgi_metrics_histogram(t, LABELS(), &v->sums.duration);
}

static void queue_wait(wsgi_metrics_text *t, const wsgi_view *v)
{
    if (!v->embedded)
        wsgi_metrics_histogram(t, LABELS(), &v->sums.wait);
}

static void bytes_in(wsgi_metrics_text *t, const wsgi_view *v)
{
    WHOLE(v->sums.bytes_in,);
}

static void bytes_out(wsgi_metrics_text *t, const wsgi_view *v)
{
    WHOLE(v->sums.bytes_out,);
}

static void failures(wsgi_metrics_text *t, const wsgi_view *v)
{
    if (v->embedded)
        return;
    WHOLE(v->sums.losses[WSGI_LOSS_BAD_GATEWAY], { "code", "502" },);
    WHOLE(v->sums.losses[WSGI_LOSS_UNAVAILABLE], { "code", "503" },);
    WHOLE(v->sums.losses[WSGI_LOSS_TIMEOUT], { "code", "504" },);
}

static void refusals(wsgi_metrics_text *t, const wsgi_view *v)
{
    if (!v->embedded)
        WHOLE(v->sums.losses[WSGI_LOSS_REFUSED],);
}

static void queue_depth(wsgi_metrics_text *t, const wsgi_view *v)
{
    if (!v->embedded)
        WHOLE(v->queued,);
}

static void threads(wsgi_metrics_text *t, const wsgi_view *v)
{
    WHOLE(v->threads,);
}

static void threads_busy(wsgi_metrics_text *t, const wsgi_view *v)
{
    WHOLE(v->busy,);
}

static void busy_seconds(wsgi_metrics_text *t, const wsgi_view *v)
{
    wsgi_metrics_seconds(t, LABELS(), v->sums.busy_us);
}

static void gil_seconds(wsgi_metrics_text *t, const wsgi_view *v)
{
    wsgi_metrics_seconds(t, LABELS(), v->sums.gil_us);
}

static void gil_waits(wsgi_metrics_text *t, const wsgi_view *v)
{
    WHOLE(v->sums.gil_waits,);
}

static void processes(wsgi_metrics_text *t, const wsgi_view *v)
{
    if (!v->embedded)
        WHOLE(v->processes[WSGI_SLOT_STARTING], { "state", "starting" },);
    WHOLE(v->processes[WSGI_SLOT_READY], { "state", "ready" },);
    if (!v->embedded)
        WHOLE(v->processes[WSGI_SLOT_DRAINING], { "state", "draining" },);
}

static void restarts(wsgi_metrics_text *t, const wsgi_view *v)
{
    uint32_t i;

    for (i = WSGI_DEATH_NONE + 1; !v->embedded && i < WSGI_DEATH_KINDS; i++)
        WHOLE(v->sums.deaths[i], { "cause", wsgi_death_word((enum wsgi_death)i) },);
}

/* ---- samples of its processes ------------------------------------------------------------- */

/* The process in SLOT, if one is there. */
static int process_at(const wsgi_view *v, uint32_t slot, wsgi_slot_view *p)
{
    wsgi_slot_read(v->board, slot, p);
    return p->state >= WSGI_SLOT_STARTING && p->state <= WSGI_SLOT_DRAINING;
}

/* For each SLOT that has a process P, with SLOT_TEXT as its label. */
#define EACH_PROCESS(slot, slot_text, p) \
    char slot_text[16]; \
    wsgi_slot_view p; \
    uint32_t slot; \
    for (slot = 0; !v->embedded && slot < wsgi_board_slots(v->board); slot++) \
        if (process_at(v, slot, &p) && number(slot_text, slot) != NULL)

static void process_info(wsgi_metrics_text *t, const wsgi_view *v)
{
    static const char *const states[] = { "free", "starting", "ready", "draining", "gone" };
    char pid[16];

    EACH_PROCESS(slot, text, p)
        WHOLE(1, { "process", text }, { "pid", number(pid, (uint64_t)p.pid) }, { "state", states[p.state] },);
}

static void process_start(wsgi_metrics_text *t, const wsgi_view *v)
{
    EACH_PROCESS(slot, text, p)
        wsgi_metrics_seconds(t, LABELS({ "process", text },), p.started_us);
}

static void process_requests(wsgi_metrics_text *t, const wsgi_view *v)
{
    EACH_PROCESS(slot, text, p)
        WHOLE(p.requests, { "process", text },);
}

static void process_busy(wsgi_metrics_text *t, const wsgi_view *v)
{
    EACH_PROCESS(slot, text, p) {
        uint32_t i, busy = 0;

        for (i = 0; i < wsgi_board_threads(v->board); i++)
            busy += wsgi_thread_read(v->board, slot, i, NULL, NULL) == WSGI_THREAD_BUSY;
        WHOLE(busy, { "process", text },);
    }
}

static void process_memory(wsgi_metrics_text *t, const wsgi_view *v)
{
    EACH_PROCESS(slot, text, p) {
        if (p.rss > 0)
            WHOLE(p.rss, { "process", text }, { "kind", "rss" },);
        if (p.pss > 0)
            WHOLE(p.pss, { "process", text }, { "kind", "pss" },);
    }
}

/* ---- the page --------------------------------------------------------------------------------- */

static const row rows[] = {
    { { WSGI_METRIC_INFO, "wsgi_module", NULL, "The module that answers." }, NULL },
    { { WSGI_METRIC_COUNTER, "wsgi_requests", NULL, "Requests that ended, by class of the status that the client got." },
      requests },
    { { WSGI_METRIC_HISTOGRAM, "wsgi_request_duration_seconds", "seconds",
        "From the receipt of a request by Apache to its end." }, duration },
    { { WSGI_METRIC_HISTOGRAM, "wsgi_queue_wait_seconds", "seconds",
        "From the queue of the group to a thread that took the request." }, queue_wait },
    { { WSGI_METRIC_COUNTER, "wsgi_request_body_bytes", "bytes", "Bytes of request bodies that were read." },
      bytes_in },
    { { WSGI_METRIC_COUNTER, "wsgi_response_body_bytes", "bytes", "Bytes of response bodies that were sent." },
      bytes_out },
    { { WSGI_METRIC_COUNTER, "wsgi_relay_failures", NULL,
        "Requests that Apache answered since no daemon process did: gone (502), none to be had (503), too late (504)." },
      failures },
    { { WSGI_METRIC_COUNTER, "wsgi_refusals", NULL,
        "Requests that a process on its way out sent back to the queue." }, refusals },
    { { WSGI_METRIC_GAUGE, "wsgi_queue_depth", NULL, "Requests that wait for a thread." }, queue_depth },
    { { WSGI_METRIC_GAUGE, "wsgi_threads", NULL, "Request threads." }, threads },
    { { WSGI_METRIC_GAUGE, "wsgi_threads_busy", NULL, "Request threads that have a request." }, threads_busy },
    { { WSGI_METRIC_COUNTER, "wsgi_threads_busy_seconds", "seconds", "Time that threads spent with requests." },
      busy_seconds },
    { { WSGI_METRIC_COUNTER, "wsgi_gil_wait_seconds", "seconds", "Time that requests waited for Python's lock." },
      gil_seconds },
    { { WSGI_METRIC_COUNTER, "wsgi_gil_waits", NULL, "How often a request had to wait for Python's lock." },
      gil_waits },
    { { WSGI_METRIC_GAUGE, "wsgi_processes", NULL, "Processes by state." }, processes },
    { { WSGI_METRIC_COUNTER, "wsgi_process_restarts", NULL, "Daemon processes that ended, by cause." }, restarts },
    { { WSGI_METRIC_INFO, "wsgi_process", NULL, "The daemon processes there are." }, process_info },
    { { WSGI_METRIC_GAUGE, "wsgi_process_start_time_seconds", "seconds",
        "When the process was started, in seconds since the epoch." }, process_start },
    { { WSGI_METRIC_GAUGE, "wsgi_process_requests", NULL, "Requests that the process has ended so far." },
      process_requests },
    { { WSGI_METRIC_GAUGE, "wsgi_process_threads_busy", NULL, "Its request threads that have a request." },
      process_busy },
    { { WSGI_METRIC_GAUGE, "wsgi_process_memory_bytes", "bytes",
        "Its memory, looked at once a second: resident (rss), and with what is shared by its share (pss)." },
      process_memory }
};

static void module_info(wsgi_metrics_text *t)
{
    char interface[16];
    const wsgi_label labels[] = { { "version", MOD_WSGI_VERSION },
                                  { "interface", number(interface, WSGI_INTERFACE_VERSION) }, { NULL, NULL } };

    wsgi_metrics_whole(t, labels, 1);
}

static void write_page(wsgi_metrics_text *t, const apr_array_header_t *views)
{
    size_t i;
    int k;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wsgi_metrics_begin(t, &rows[i].metric);
        if (rows[i].emit == NULL)
            module_info(t);
        else
            for (k = 0; k < views->nelts; k++)
                rows[i].emit(t, &APR_ARRAY_IDX(views, k, wsgi_view));
    }
    wsgi_metrics_end(t);
}

int wsgi_metrics_handler(request_rec *r)
{
    wsgi_metrics_text t;
    int status = OK;

    if (r->handler == NULL || strcmp(r->handler, HANDLER) != 0)
        return DECLINED;
    r->allowed |= AP_METHOD_BIT << M_GET;
    if (r->method_number != M_GET)        /* HEAD is one, too */
        return HTTP_METHOD_NOT_ALLOWED;
    memset(&t, 0, sizeof(t));
    t.open = wsgi_metrics_wants_open(apr_table_get(r->headers_in, "Accept"));
    write_page(&t, wsgi_views(r->pool, r->server));
    if (t.out.failed)
        status = HTTP_INTERNAL_SERVER_ERROR;
    else {
        ap_set_content_type(r, t.open ? WSGI_METRICS_OPEN_TYPE : WSGI_METRICS_TEXT_TYPE);
        ap_set_content_length(r, (apr_off_t)t.out.len);
        apr_table_mergen(r->headers_out, "Vary", "Accept");
        apr_table_setn(r->headers_out, "Cache-Control", "no-store");
        if (!r->header_only)
            ap_rwrite(t.out.data, (int)t.out.len, r);
    }
    wsgi_buf_free(&t.out);
    return status;
}

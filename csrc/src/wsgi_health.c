/* wsgi_health.c - see wsgi_health.h.
 *
 * A group can answer when a process of it is ready and has a thread for one more
 * request, or will have one in time: it cannot when each of its threads has had
 * its request for longer than one more would wait in the queue.
 */
#include "wsgi_health.h"

#include "apr_strings.h"
#include "http_protocol.h"

#include "wsgi_config.h"
#include "wsgi_groups.h"

#define HANDLER "wsgi-health"
#define PATIENCE_US (60 * APR_USEC_PER_SEC)       /* of a group without queue-timeout */

typedef struct {
    uint32_t ready, starting, threads, busy;
    uint64_t newest_us;           /* when the last of its busy threads was given a request */
} state;

static void look(const wsgi_board *b, state *out)
{
    wsgi_slot_view process;
    uint32_t i, k;

    for (i = 0; i < wsgi_board_slots(b); i++) {
        wsgi_slot_read(b, i, &process);
        out->starting += process.state == WSGI_SLOT_STARTING;
        if (process.state != WSGI_SLOT_READY)
            continue;
        out->ready++;
        for (k = 0; k < wsgi_board_threads(b); k++) {
            uint64_t since = 0;
            enum wsgi_thread_state thread = wsgi_thread_read(b, i, k, &since, NULL);

            out->threads += thread != WSGI_THREAD_NONE;
            out->busy += thread == WSGI_THREAD_BUSY;
            if (thread == WSGI_THREAD_BUSY && since > out->newest_us)
                out->newest_us = since;
        }
    }
}

/* The word for GROUP, and through WELL (never set to 1) whether it can answer. */
static const char *judge(const wsgi_group *group, uint64_t now_us, state *s, int *well)
{
    uint64_t patience = (uint64_t)(group->queue_timeout > 0 ? group->queue_timeout : PATIENCE_US);

    memset(s, 0, sizeof(*s));
    if (group->board != NULL)
        look(group->board, s);
    if (s->ready > 0 && (s->busy < s->threads || s->threads == 0))
        return "ok";
    if (s->ready > 0 && now_us < s->newest_us + patience)
        return "busy";
    *well = 0;
    return s->ready > 0 ? "stuck" : s->starting > 0 ? "starting" : "down";
}

int wsgi_health_handler(request_rec *r)
{
    const apr_array_header_t *groups;
    apr_array_header_t *lines;
    int i, well = 1;

    if (r->handler == NULL || strcmp(r->handler, HANDLER) != 0)
        return DECLINED;
    r->allowed |= AP_METHOD_BIT << M_GET;
    if (r->method_number != M_GET)        /* HEAD is one, too */
        return HTTP_METHOD_NOT_ALLOWED;
    groups = wsgi_config_global(r->server)->groups;
    lines = apr_array_make(r->pool, groups->nelts + 1, sizeof(const char *));
    for (i = 0; i < groups->nelts; i++) {
        const wsgi_group *group = APR_ARRAY_IDX(groups, i, const wsgi_group *);
        state s;
        const char *word;

        if (wsgi_options_threads(&group->options) == 0)
            continue;             /* it takes no requests */
        word = judge(group, wsgi_now_us(), &s, &well);
        APR_ARRAY_PUSH(lines, const char *) = apr_psprintf(r->pool,
            "%s: %s, %u of %u threads busy, %u processes ready\n", group->name, word, s.busy, s.threads, s.ready);
    }
    r->status = well ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE;
    ap_set_content_type(r, "text/plain; charset=utf-8");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_rputs(well ? "ok\n" : "unavailable\n", r);
    ap_rputs(apr_array_pstrcat(r->pool, lines, '\0'), r);
    return OK;
}

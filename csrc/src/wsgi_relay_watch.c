/* wsgi_relay_watch.c - what the daemon process does not say: that it is gone, late
 * or hangs, that there is none, that Apache stops.
 *
 * Since both ends of the pair are held here, a process that dies gives no end
 * of file: whenever an answer takes longer than a tick the scoreboard is asked
 * whether the process that took the request still lives.
 */
#include "wsgi_relay_inner.h"

#include "apr_strings.h"

static apr_time_t stopping;               /* when this child was told to end, or 0 */

static const char *ending_of(relay *x, uint32_t slot, uint16_t incarnation)
{
    wsgi_slot_view view;
    const char *why;

    wsgi_slot_read(x->answer->board, slot, &view);
    if (view.death == WSGI_DEATH_NONE || (incarnation != 0 && view.dead_incarnation != incarnation))
        return "how it ended is not known";
    switch (view.death) {
    case WSGI_DEATH_SIGNAL:
        why = apr_psprintf(x->r->pool, "killed by signal %u", view.death_detail);
        break;
    case WSGI_DEATH_EXIT:
        why = apr_psprintf(x->r->pool, "exited with status %u", view.death_detail);
        break;
    default:
        why = wsgi_death_text((enum wsgi_death)view.death);
        break;
    }
    return apr_psprintf(x->r->pool, "pid %ld: %s", (long)view.dead_pid, why);
}

/* What its client is told of a process that is gone. */
static int status_of_ending(const relay *x, uint32_t slot, uint16_t incarnation)
{
    wsgi_slot_view view;

    wsgi_slot_read(x->answer->board, slot, &view);
    return view.dead_incarnation == incarnation && view.death == WSGI_DEATH_REQUEST_TIMEOUT
           ? HTTP_GATEWAY_TIME_OUT : HTTP_BAD_GATEWAY;
}

static long pid_of(const relay *x, uint32_t slot)
{
    wsgi_slot_view view;

    wsgi_slot_read(x->answer->board, slot, &view);
    return (long)view.pid;
}

static int anyone_to_hope_for(const relay *x)
{
    uint32_t i;

    for (i = 0; i < wsgi_board_slots(x->answer->board); i++) {
        wsgi_slot_view view;

        wsgi_slot_read(x->answer->board, i, &view);
        if (view.state == WSGI_SLOT_STARTING || view.state == WSGI_SLOT_READY)
            return 1;
    }
    return 0;
}

/* How the last process of the group ended, for those who wonder why none is there. */
static const char *last_ending(relay *x)
{
    uint32_t i;

    for (i = 0; i < wsgi_board_slots(x->answer->board); i++) {
        wsgi_slot_view view;

        wsgi_slot_read(x->answer->board, i, &view);
        if (view.death != WSGI_DEATH_NONE)
            return ending_of(x, i, 0);
    }
    return "none was ever started";
}

/* "GET '/path'": a query string may be nobody's business. */
static const char *name_of(const relay *x)
{
    const char *url = x->r->unparsed_uri != NULL ? x->r->unparsed_uri : "";

    return apr_psprintf(x->r->pool, "%s '%.*s'", x->r->method, (int)strcspn(url, "?"), url);
}

/* "in thread 3 of the daemon process (pid 1234)" as far as it is known. */
static const char *place_of(const relay *x, uint32_t slot)
{
    return apr_psprintf(x->r->pool, "%sthe daemon process (pid %ld)",
                        x->thread > 0 ? apr_psprintf(x->r->pool, "thread %d of ", x->thread) : "", pid_of(x, slot));
}

/* How the line goes on that says of a request that it is late. */
static const char *stack_word(const relay *x)
{
    return x->stack == NULL ? "its Python stack goes to the log of the process"
         : x->stack->nelts == 0 ? "no thread of the process could have Python's lock to tell its stack"
         : "its Python stack:";
}

static void log_stack(const relay *x)
{
    int i;

    for (i = 0; x->stack != NULL && i < x->stack->nelts; i++)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, x->r, "%s", APR_ARRAY_IDX(x->stack, i, const char *));
}

/* request-deadline: the client has its answer, whatever the thread does. */
static enum standing too_late(relay *x, int taken, uint32_t slot)
{
    double age = (double)(steady_now() - x->received) / 1e6;

    if (!taken && !wsgi_relay_abandon(x))
        return GOING;             /* seen again at once */
    if (taken)
        LOG(x, APLOG_ERR, 0247, "%s is answered 504 after %.1f s, by request-deadline, and goes on in %s; %s",
            name_of(x), age, place_of(x, slot), stack_word(x));
    else if (x->thread > 0)
        LOG(x, APLOG_ERR, 0247, "%s is answered 504 after %.1f s, by request-deadline, while thread %d of a daemon "
            "process loads its script; %s", name_of(x), age, x->thread, stack_word(x));
    else
        LOG(x, APLOG_ERR, 0247, "%s is answered 504 after %.1f s, by request-deadline; no daemon process took it",
            name_of(x), age);
    log_stack(x);
    return failed(x, HTTP_GATEWAY_TIME_OUT);
}

/* Still in the queue after a tick. */
static enum standing look_at_queue(relay *x, apr_time_t now)
{
    if (x->group->queue_timeout > 0 && now - x->received > x->group->queue_timeout) {
        if (!wsgi_relay_abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0226, "no daemon process took the request within the queue-timeout of %d seconds",
            (int)apr_time_sec(x->group->queue_timeout));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    if (anyone_to_hope_for(x))
        x->hopeful = now;
    else if (now - x->hopeful > x->group->connect_timeout) {
        if (!wsgi_relay_abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0227, "no daemon process has been running for %d seconds; the last one: %s",
            (int)apr_time_sec(x->group->connect_timeout), last_ending(x));
        return failed(x, HTTP_SERVICE_UNAVAILABLE);
    }
    if (now - x->queued > x->group->socket_timeout) {
        if (!wsgi_relay_abandon(x))
            return GOING;
        LOG(x, APLOG_ERR, 0228, "no daemon process took the request within %d seconds (socket-timeout)",
            (int)apr_time_sec(x->group->socket_timeout));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    /* A process that died may have had it in hand. */
    return wsgi_board_deaths(x->answer->board) != x->deaths ? wsgi_relay_queue_again(x) : GOING;
}

void wsgi_relay_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    if (!graceful)
        __atomic_store_n(&stopping, steady_now(), __ATOMIC_RELAXED);
}

int wsgi_relay_child_stops(void)
{
    return __atomic_load_n(&stopping, __ATOMIC_RELAXED) != 0;
}

static int stopped_long_ago(const relay *x, apr_time_t now)
{
    apr_time_t since = __atomic_load_n(&stopping, __ATOMIC_RELAXED);

    return since > 0 && now - since > apr_time_from_sec(wsgi_options_shutdown_timeout(&x->group->options));
}

enum standing wsgi_relay_tick(relay *x)
{
    apr_time_t now = steady_now();
    uint16_t incarnation = 0;
    uint32_t slot = 0;

    x->looked = now;
    if (stopped_long_ago(x, now)) {
        LOG(x, APLOG_ERR, 0239, "Apache stops and the request did not end within %d seconds (shutdown-timeout)",
            wsgi_options_shutdown_timeout(&x->group->options));
        wsgi_relay_abandon(x);
        return failed(x, HTTP_SERVICE_UNAVAILABLE);
    }
    if (wsgi_cell_read(x->answer->board, x->answer->cell, &slot, &incarnation) != WSGI_CELL_TAKEN)
        return wsgi_relay_out_of_time(x, now) ? too_late(x, 0, 0) : look_at_queue(x, now);
    if (wsgi_relay_out_of_time(x, now))
        return too_late(x, 1, slot);
    if (x->taken == 0)
        x->taken = x->alive = now;
    if (!wsgi_slot_lives(x->answer->board, slot, incarnation)) {
        if (!x->last_look) {
            x->last_look = 1;     /* it may have answered before it died */
            return GOING;
        }
        LOG(x, APLOG_ERR, 0229, "the daemon process that ran the request is gone (%s); %s",
            ending_of(x, slot, incarnation), x->out.sent ? "the response is cut" : "no response was sent");
        return failed(x, status_of_ending(x, slot, incarnation));
    }
    x->last_look = 0;
    /* The client need not wait until the process has been replaced for it. */
    if (x->group->deadline > 0 && now - x->taken > x->group->deadline) {
        LOG(x, APLOG_ERR, 0238, "%s is answered 504 after %.1f s, longer than request-timeout allows, and goes on in "
            "%s", name_of(x), (double)(now - x->taken) / 1e6, place_of(x, slot));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    if (now - x->alive > x->group->socket_timeout) {
        LOG(x, APLOG_ERR, 0230, "the daemon process (pid %ld) sent nothing for %d seconds (socket-timeout)",
            pid_of(x, slot), (int)apr_time_sec(x->group->socket_timeout));
        return failed(x, HTTP_GATEWAY_TIME_OUT);
    }
    return GOING;
}

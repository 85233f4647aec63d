/* wsgi_telemetry_slow.c - requests that take longer than WSGISlowRequests: told
 * of once an interval while they run, and once when they are done. The query
 * string is never told. See wsgi_telemetry.h. */

#include "wsgi_telemetry_inner.h"
#include "wsgi_events.h"
#include "wsgi_interp_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNNING_MOST 16           /* told of in one interval */
#define WAITING_MOST 4096         /* that have ended */
#define WAITING_LEAST 32
#define WORD_MOST    64
#define NAME_MOST    256
#define PATH_MOST    512

enum { RUNS = 0, DONE = 1 };

/* Datagrams of requests that have ended, until the reporter comes round. */
static struct {
    pthread_mutex_t lock;
    wsgi_buf *waiting;
    uint32_t size, first, count;
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

void wsgi_slow_start(uint32_t threads, uint64_t interval_us)
{
    uint64_t slow = (uint64_t)wsgi_python_settings()->server->slow_us, size;

    if (slow == 0)
        return;
    size = (uint64_t)threads * ((interval_us + slow - 1) / slow) * 5;
    ring.size = size < WAITING_LEAST ? WAITING_LEAST : size > WAITING_MOST ? WAITING_MOST : (uint32_t)size;
    ring.waiting = calloc(ring.size, sizeof *ring.waiting);
    if (ring.waiting != NULL)
        __atomic_store_n(&wsgi_telemetry_slow_us, slow, __ATOMIC_RELEASE);
}

static void put_text(wsgi_buf *b, uint16_t field, const wsgi_request *r, const char *name, size_t most)
{
    wsgi_str s = wsgi_request_value(r, name);

    wsgi_datagram_text(b, field, s.data, s.len, most);
}

static void put_number(wsgi_buf *b, uint16_t field, const wsgi_request *r, const char *name)
{
    wsgi_str s = wsgi_request_value(r, name);
    char text[24];

    snprintf(text, sizeof text, "%.*s", (int)s.len, s.data);
    wsgi_datagram_u64(b, field, strtoull(text, NULL, 10));
}

static void put_request(wsgi_buf *b, const wsgi_request *r)
{
    const char *scheme = r->flags & WSGI_REQ_HTTPS ? "https" : "http";

    put_text(b, 210, r, "REQUEST_METHOD", WORD_MOST);
    wsgi_datagram_text(b, 211, scheme, strlen(scheme), WORD_MOST);
    put_text(b, 212, r, "HTTP_HOST", NAME_MOST);
    put_text(b, 213, r, "SCRIPT_NAME", NAME_MOST);
    put_text(b, 214, r, "PATH_INFO", PATH_MOST);
    put_text(b, 215, r, "SERVER_PROTOCOL", WORD_MOST);
    put_text(b, 216, r, "REMOTE_ADDR", WORD_MOST);
    if (wsgi_python_settings()->server->user_agent)
        put_text(b, 217, r, "HTTP_USER_AGENT", PATH_MOST);
}

static uint64_t now_of(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* What it has cost, up to M's finished_us. */
static void put_costs(wsgi_buf *b, const wsgi_measure *m)
{
    wsgi_datagram_us(b, 220, wsgi_phase_us(m, WSGI_PHASE_SERVER));
    wsgi_datagram_us(b, 221, wsgi_phase_us(m, WSGI_PHASE_QUEUE));
    wsgi_datagram_us(b, 222, wsgi_phase_us(m, WSGI_PHASE_DAEMON));
    wsgi_datagram_us(b, 223, wsgi_phase_us(m, WSGI_PHASE_APPLICATION));
    wsgi_datagram_us(b, 224, wsgi_phase_us(m, WSGI_PHASE_GIL));
    wsgi_datagram_u64(b, 225, m->gil_waits);
    wsgi_datagram_u64(b, 230, m->input_bytes);
    wsgi_datagram_u64(b, 231, m->input_reads);
    wsgi_datagram_u64(b, 232, m->output_bytes);
    wsgi_datagram_u64(b, 233, m->output_writes);
    wsgi_datagram_us(b, 234, wsgi_phase_us(m, WSGI_PHASE_INPUT));
    wsgi_datagram_us(b, 235, wsgi_phase_us(m, WSGI_PHASE_OUTPUT));
}

static void put_slow(wsgi_buf *b, int state, const wsgi_request *r, const wsgi_measure *m, int status)
{
    wsgi_telemetry_begin(b, WSGI_DATAGRAM_SLOW);
    wsgi_datagram_u64(b, 200, (uint64_t)state);
    wsgi_datagram_us(b, 201, m->began_us);
    wsgi_datagram_us(b, 202, m->finished_us > m->began_us ? m->finished_us - m->began_us : 0);
    wsgi_datagram_u64(b, 203, r->thread);
    put_text(b, 204, r, "mod_wsgi.request_id", WORD_MOST);
    put_number(b, 205, r, "mod_wsgi.server_pid");
    put_request(b, r);
    put_costs(b, m);
    wsgi_datagram_u64(b, 240, (uint64_t)status);
    if (state == DONE) {          /* the CPU time of another thread is not known */
        wsgi_datagram_us(b, 250, m->cpu_user_us);
        wsgi_datagram_us(b, 251, m->cpu_system_us);
    }
    wsgi_datagram_u64(b, 260, m->active);
    if (state == DONE)
        wsgi_datagram_u64(b, 261, wsgi_tally_active());
}

/* A copy of what its thread is still writing, as if it ended now. */
static wsgi_measure snapshot(const wsgi_measure *m)
{
    wsgi_measure s = {.on = 1, .finished_us = wsgi_clock_us(), .received_us = m->received_us,
                      .queued_us = m->queued_us, .taken_us = m->taken_us, .began_us = m->began_us,
                      .active = m->active};

    s.started_us = now_of(&m->started_us);
    s.gil_ns = now_of(&m->gil_ns);
    s.gil_waits = now_of(&m->gil_waits);
    s.input_ns = now_of(&m->input_ns);
    s.input_reads = now_of(&m->input_reads);
    s.input_bytes = now_of(&m->input_bytes);
    s.output_ns = now_of(&m->output_ns);
    s.output_writes = now_of(&m->output_writes);
    s.output_bytes = now_of(&m->output_bytes);
    return s;
}

void wsgi_telemetry_slow(const wsgi_runner *w, const wsgi_request *r, int status)
{
    wsgi_buf b = {0};

    put_slow(&b, DONE, r, &w->measure, status);
    pthread_mutex_lock(&ring.lock);
    if (!b.failed && ring.count < ring.size) {
        ring.waiting[(ring.first + ring.count++) % ring.size] = b;
        b = (wsgi_buf){0};
    }
    pthread_mutex_unlock(&ring.lock);
    wsgi_buf_free(&b);
}

static void report_done(void)
{
    for (;;) {
        wsgi_buf b = {0};

        pthread_mutex_lock(&ring.lock);
        if (ring.count > 0) {
            b = ring.waiting[ring.first];
            ring.first = (ring.first + 1) % ring.size;
            ring.count--;
        }
        pthread_mutex_unlock(&ring.lock);
        if (b.data == NULL)
            return;
        wsgi_telemetry_send(&b);
        wsgi_buf_free(&b);
    }
}

/* Its thread cannot end the request, nor itself, while it is looked at. */
static int describe_running(wsgi_runner *w, uint64_t now, uint64_t slow, wsgi_buf *b)
{
    wsgi_measure m;
    int found = 0;

    pthread_mutex_lock(&w->interrupting);
    if (w->request != NULL && w->measure.on && now_of(&w->measure.finished_us) == 0
        && now > w->measure.began_us + slow) {
        m = snapshot(&w->measure);
        put_slow(b, RUNS, w->request, &m, 0);
        found = 1;
    }
    pthread_mutex_unlock(&w->interrupting);
    return found;
}

void wsgi_slow_report(void)
{
    uint64_t slow = wsgi_telemetry_slow_us, now = wsgi_clock_us();
    wsgi_buf found[RUNNING_MOST];
    wsgi_runner *w;
    int n = 0, i;

    if (slow == 0)
        return;
    memset(found, 0, sizeof found);
    pthread_mutex_lock(&wsgi_interps.lock);
    for (w = wsgi_interps.runners; w != NULL && n < RUNNING_MOST; w = w->next)
        n += describe_running(w, now, slow, &found[n]);
    pthread_mutex_unlock(&wsgi_interps.lock);
    for (i = 0; i < n; i++)
        wsgi_telemetry_send(&found[i]);
    for (i = 0; i < RUNNING_MOST; i++)
        wsgi_buf_free(&found[i]);
    report_done();
}

/* wsgi_scoreboard_take.c - see wsgi_scoreboard_take.h. */
#include "wsgi_scoreboard_take.h"

#include <errno.h>

#include "ap_mpm.h"
#include "scoreboard.h"

#define RENEW_US 100000           /* no older when a request begins */

uint32_t wsgi_score_room(void)
{
    int daemons = 1, threads = 1;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    return wsgi_score_bytes(daemons > 0 ? (uint32_t)daemons : 1, threads > 0 ? (uint32_t)threads : 1);
}

static uint8_t status_of(int status)
{
    switch (status) {
    case SERVER_STARTING:       return 'S';
    case SERVER_READY:          return '_';
    case SERVER_BUSY_READ:      return 'R';
    case SERVER_BUSY_WRITE:     return 'W';
    case SERVER_BUSY_KEEPALIVE: return 'K';
    case SERVER_BUSY_LOG:       return 'L';
    case SERVER_BUSY_DNS:       return 'D';
    case SERVER_CLOSING:        return 'C';
    case SERVER_GRACEFUL:       return 'G';
    case SERVER_IDLE_KILL:      return 'I';
    default:                    return '.';
    }
}

/* A text that others write meanwhile. */
static wsgi_str text_of(const char *p, size_t size)
{
    return (wsgi_str){ p, (uint32_t)strnlen(p, size) };
}

static void take_worker(wsgi_buf *out, int process, int thread)
{
    worker_score w;
    wsgi_score_worker to = { .number = (uint32_t)thread };

    ap_copy_scoreboard_worker(&w, process, thread);
    to.generation = (uint32_t)w.generation;
    to.status = status_of(w.status);
    to.access_count = w.access_count;
    to.bytes_served = (uint64_t)w.bytes_served;
    to.start_us = (uint64_t)w.start_time;
    to.stop_us = (uint64_t)w.stop_time;
    to.last_used_us = (uint64_t)w.last_used;
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 34)
    to.client = text_of(w.client64, sizeof(w.client64));
#else
    to.client = text_of(w.client, sizeof(w.client));
#endif
    to.request = text_of(w.request, sizeof(w.request));
    to.vhost = text_of(w.vhost, sizeof(w.vhost));
    wsgi_score_put_worker(out, &to);
}

/* Child NUMBER, if there is one. 1 if so. */
static int take_process(wsgi_buf *out, const global_score *global, int number)
{
    const process_score *p = ap_get_scoreboard_process(number);
    wsgi_score_process to = { .number = (uint32_t)number, .nworkers = (uint32_t)global->thread_limit };
    int i;

    if (p == NULL || p->pid <= 0)
        return 0;
    to.pid = (uint32_t)p->pid;
    to.generation = (uint32_t)p->generation;
    to.quiescing = p->quiescing != 0;
    wsgi_score_put_process(out, &to);
    for (i = 0; i < global->thread_limit; i++)
        take_worker(out, number, i);
    return 1;
}

int wsgi_score_take(void *ctx, wsgi_buf *out)
{
    const global_score *global = ap_exists_scoreboard_image() ? ap_get_scoreboard_global() : NULL;
    size_t count_at;
    wsgi_score s;
    int i;

    (void)ctx;
    if (global == NULL)
        return ENODATA;
    memset(&s, 0, sizeof(s));
    s.server_limit = (uint32_t)global->server_limit;
    s.thread_limit = (uint32_t)global->thread_limit;
    s.generation = (uint32_t)global->running_generation;
    s.restart_us = (uint64_t)global->restart_time;
    s.now_us = wsgi_now_us();
    wsgi_score_put(out, &s);
    count_at = out->len - 4;
    for (i = 0; i < global->server_limit; i++)
        s.nprocesses += (uint32_t)take_process(out, global, i);
    wsgi_buf_patch_u32(out, count_at, s.nprocesses);
    return out->failed ? ENOMEM : 0;
}

void wsgi_score_renew(wsgi_board *b, uint64_t now_us)
{
    wsgi_buf out;

    if (!wsgi_score_claim(b, now_us, RENEW_US))
        return;
    memset(&out, 0, sizeof(out));
    if (wsgi_score_take(NULL, &out) != 0)
        wsgi_buf_reset(&out);
    wsgi_score_publish(b, out.data, out.len);
    wsgi_buf_free(&out);
}

/* wsgi_scoreboard.c - see wsgi_scoreboard.h.
 *
 * On a board the bytes are written in words under a turn that is odd meanwhile,
 * as the text of a thread's request is. A child that is killed while it writes
 * leaves it odd: the next one that finds it so for a while takes over.
 */
#include "wsgi_scoreboard.h"
#include "wsgi_board_inner.h"

#include <errno.h>
#include <string.h>

#define HEAD_BYTES    40
#define PROCESS_BYTES 24
#define WORKER_BYTES  (64 + 3 * 68)       /* with texts as long as httpd keeps */
#define STUCK_US      5000000
#define READ_MOST     16                  /* attempts */

/* ---- bytes --------------------------------------------------------------------- */

void wsgi_score_put(wsgi_buf *out, const wsgi_score *s)
{
    wsgi_buf_u32(out, s->server_limit);
    wsgi_buf_u32(out, s->thread_limit);
    wsgi_buf_u32(out, s->generation);
    wsgi_buf_u64(out, s->restart_us);
    wsgi_buf_u64(out, s->now_us);
    wsgi_buf_u32(out, s->nprocesses);
}

int wsgi_score_get(wsgi_cur *in, wsgi_score *s)
{
    s->server_limit = wsgi_cur_u32(in);
    s->thread_limit = wsgi_cur_u32(in);
    s->generation = wsgi_cur_u32(in);
    s->restart_us = wsgi_cur_u64(in);
    s->now_us = wsgi_cur_u64(in);
    s->nprocesses = wsgi_cur_u32(in);
    return in->bad ? -1 : 0;
}

void wsgi_score_put_process(wsgi_buf *out, const wsgi_score_process *p)
{
    wsgi_buf_u32(out, p->number);
    wsgi_buf_u32(out, p->pid);
    wsgi_buf_u32(out, p->generation);
    wsgi_buf_u8(out, p->quiescing);
    wsgi_buf_u32(out, p->nworkers);
}

int wsgi_score_get_process(wsgi_cur *in, wsgi_score_process *p)
{
    p->number = wsgi_cur_u32(in);
    p->pid = wsgi_cur_u32(in);
    p->generation = wsgi_cur_u32(in);
    p->quiescing = wsgi_cur_u8(in);
    p->nworkers = wsgi_cur_u32(in);
    return in->bad ? -1 : 0;
}

void wsgi_score_put_worker(wsgi_buf *out, const wsgi_score_worker *w)
{
    wsgi_buf_u32(out, w->number);
    wsgi_buf_u32(out, w->generation);
    wsgi_buf_u8(out, w->status);
    wsgi_buf_u64(out, w->access_count);
    wsgi_buf_u64(out, w->bytes_served);
    wsgi_buf_u64(out, w->start_us);
    wsgi_buf_u64(out, w->stop_us);
    wsgi_buf_u64(out, w->last_used_us);
    wsgi_buf_str(out, w->client.data, w->client.len);
    wsgi_buf_str(out, w->request.data, w->request.len);
    wsgi_buf_str(out, w->vhost.data, w->vhost.len);
}

int wsgi_score_get_worker(wsgi_cur *in, wsgi_score_worker *w)
{
    w->number = wsgi_cur_u32(in);
    w->generation = wsgi_cur_u32(in);
    w->status = wsgi_cur_u8(in);
    w->access_count = wsgi_cur_u64(in);
    w->bytes_served = wsgi_cur_u64(in);
    w->start_us = wsgi_cur_u64(in);
    w->stop_us = wsgi_cur_u64(in);
    w->last_used_us = wsgi_cur_u64(in);
    w->client = wsgi_cur_str(in);
    w->request = wsgi_cur_str(in);
    w->vhost = wsgi_cur_str(in);
    return in->bad || w->status >= 0x80 ? -1 : 0;
}

uint32_t wsgi_score_bytes(uint32_t server_limit, uint32_t thread_limit)
{
    uint64_t n = HEAD_BYTES + (uint64_t)server_limit * (PROCESS_BYTES + (uint64_t)thread_limit * WORKER_BYTES);

    return n < WSGI_SCORE_MAX ? (uint32_t)n : WSGI_SCORE_MAX;
}

/* ---- on a board ------------------------------------------------------------------ */

/* How long ago SINCE was. Somebody may have been quicker, who looked at the clock
 * after us; one that was far ahead of ours has been set back. */
static uint64_t ago(uint64_t now_us, uint64_t since)
{
    if (now_us >= since)
        return now_us - since;
    return since - now_us < STUCK_US ? 0 : UINT64_MAX;
}

int wsgi_score_claim(wsgi_board *b, uint64_t now_us, uint64_t age_us)
{
    wsgi_board_score *s = b->score;
    uint64_t turn, since;

    if (s == NULL)
        return 0;
    since = WSGI_LOAD(&s->since_us);
    if (since != 0 && ago(now_us, since) < age_us)
        return 0;
    turn = WSGI_LOAD(&s->turn);
    if (turn % 2 != 0 && ago(now_us, since) < STUCK_US)
        return 0;
    if (!__atomic_compare_exchange_n(&s->turn, &turn, (turn | 1) + (turn % 2 != 0 ? 2 : 0), 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return 0;
    WSGI_STORE(&s->since_us, now_us);
    return 1;
}

void wsgi_score_publish(wsgi_board *b, const void *p, size_t n)
{
    wsgi_board_score *s = b->score;
    const unsigned char *from = p;
    size_t i;

    if (n > b->score_bytes)
        n = 0;                        /* as if there was none */
    for (i = 0; i < n; i += 8) {
        uint64_t word = 0;

        memcpy(&word, from + i, n - i < 8 ? n - i : 8);
        WSGI_STORE_RELEASE(&s->words[i / 8], word);
    }
    WSGI_STORE_RELEASE(&s->len, (uint64_t)n);
    WSGI_STORE_RELEASE(&s->turn, WSGI_LOAD(&s->turn) + 1);
}

/* One attempt: 1 if OUT has a whole one. */
static int try_read(const wsgi_board *b, wsgi_buf *out)
{
    const wsgi_board_score *s = b->score;
    uint64_t turn = WSGI_LOAD_ACQUIRE(&s->turn), n = WSGI_LOAD_ACQUIRE(&s->len), i;
    size_t before = out->len;

    if (turn % 2 != 0)
        return 0;
    if (n > b->score_bytes)           /* nobody of ours wrote that */
        n = 0;
    for (i = 0; i < n; i += 8) {
        uint64_t word = WSGI_LOAD_ACQUIRE(&s->words[i / 8]);

        wsgi_buf_bytes(out, &word, n - i < 8 ? (size_t)(n - i) : 8);
    }
    if (WSGI_LOAD(&s->turn) == turn)
        return 1;
    out->len = before;
    return 0;
}

int wsgi_score_read(const wsgi_board *b, wsgi_buf *out)
{
    size_t before = out->len;
    int i;

    if (b->score == NULL)
        return ENODATA;
    for (i = 0; i < READ_MOST; i++)
        if (try_read(b, out))
            return out->failed ? ENOMEM : out->len == before ? ENODATA : 0;
    return EAGAIN;
}

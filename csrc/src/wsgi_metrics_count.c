/* wsgi_metrics_count.c - see wsgi_metrics_count.h. */
#include "wsgi_metrics_count.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "wsgi_config.h"
#include "wsgi_groups.h"
#include "wsgi_numbers.h"

#define RETAINED_EMBEDDED "mod_wsgi-embedded-1"

/* Kept over restarts, during which this module is unloaded. */
typedef struct {
    int fd;
    uint32_t cells;
} retained_board;

static wsgi_board *board;         /* of embedded mode; NULL: none */

static struct {
    pthread_key_t key;            /* of a thread: its cell and one */
    int ready;
    pid_t pid;
} child;

/* Requests of this thread that are inside one another. */
static __thread unsigned depth;

/* ---- the board of embedded mode ------------------------------------------------------- */

static apr_status_t unmap(void *data)
{
    wsgi_board_unmap(data);
    board = NULL;
    return APR_SUCCESS;
}

/* A board with so many cells, which goes on where the one before ended. 0 or an
 * errno. */
static int renew(retained_board *kept, uint32_t cells)
{
    wsgi_board *before = NULL, *b;
    wsgi_sums sums;
    int fd, error = wsgi_board_create(1, cells, cells, &b, &fd);

    if (error != 0)
        return error;
    if (kept->fd >= 0 && wsgi_board_map(kept->fd, &before) == 0) {
        memset(&sums, 0, sizeof(sums));
        wsgi_numbers_add(before, &sums);
        wsgi_numbers_inherit(b, &sums);
        wsgi_board_unmap(before);
    }
    wsgi_board_unmap(b);
    if (kept->fd >= 0)
        close(kept->fd);
    kept->fd = fd;
    kept->cells = cells;
    return 0;
}

int wsgi_metrics_start(apr_pool_t *pconf, server_rec *s)
{
    retained_board *kept = ap_retained_data_get(RETAINED_EMBEDDED);
    uint32_t cells = wsgi_groups_cells();
    int error = 0;

    board = NULL;
    if (wsgi_config_global(s)->restrict_embedded == 1)
        return OK;
    if (kept == NULL) {
        kept = ap_retained_data_create(RETAINED_EMBEDDED, sizeof(*kept));
        kept->fd = -1;
    }
    if (kept->fd < 0 || kept->cells < cells)
        error = renew(kept, cells);
    if (error == 0)
        error = wsgi_board_map(kept->fd, &board);
    if (error != 0) {
        /* Requests are answered all the same. */
        ap_log_error(APLOG_MARK, APLOG_WARNING, error, s, WSGI_MSG(0360) "requests in embedded mode are not counted, "
                     "since there is no scoreboard for them");
        board = NULL;
        return OK;
    }
    apr_pool_cleanup_register(pconf, board, unmap, apr_pool_cleanup_null);
    return OK;
}

wsgi_board *wsgi_metrics_embedded(void)
{
    return board;
}

/* ---- a place on it for each thread ------------------------------------------------------- */

static void give_back(void *data)
{
    uint32_t cell = (uint32_t)(uintptr_t)data - 1;

    if (board != NULL) {
        wsgi_thread_none(board, 0, cell);
        wsgi_cell_release(board, cell);
    }
}

static apr_status_t forget_key(void *data)
{
    void *own = pthread_getspecific(child.key);

    (void)data;
    if (own != NULL && depth == 0)    /* prefork's SIGTERM comes in the midst of a request */
        give_back(own);
    pthread_key_delete(child.key);
    child.ready = 0;
    return APR_SUCCESS;
}

void wsgi_metrics_child_init(apr_pool_t *pchild)
{
    child.pid = getpid();
    if (board == NULL || pthread_key_create(&child.key, give_back) != 0)
        return;
    child.ready = 1;
    apr_pool_cleanup_register(pchild, NULL, forget_key, apr_pool_cleanup_null);
}

static uint32_t own_cell(void)
{
    void *own;
    uint32_t cell;

    if (!child.ready)
        return WSGI_CELL_INVALID;
    own = pthread_getspecific(child.key);
    if (own != NULL)
        return (uint32_t)(uintptr_t)own - 1;
    cell = wsgi_cell_claim(board, child.pid);
    if (cell == WSGI_CELL_INVALID)
        return cell;
    if (pthread_setspecific(child.key, (void *)((uintptr_t)cell + 1)) != 0) {
        wsgi_cell_release(board, cell);
        return WSGI_CELL_INVALID;
    }
    return cell;
}

/* ---- counting ------------------------------------------------------------------------------ */

/* Microseconds of R up to NOW. The clock may have been set back meanwhile. */
static uint64_t age(const request_rec *r, uint64_t now)
{
    uint64_t received = (uint64_t)r->request_time;

    return now > received ? now - received : 0;
}

static void count(request_rec *r, wsgi_board *b, uint32_t cell, uint64_t bytes_in, int status, uint64_t now)
{
    wsgi_outcome o = {
        .status = ap_is_HTTP_VALID_RESPONSE(status) ? status : r->status,
        .duration_us = age(r, now),
        .bytes_in = bytes_in,
        .bytes_out = r->bytes_sent > 0 ? (uint64_t)r->bytes_sent : 0
    };

    wsgi_numbers_count(b, cell, &o);
}

void wsgi_metrics_count(request_rec *r, wsgi_board *b, uint32_t cell, uint64_t bytes_in, int status)
{
    count(r, b, cell, bytes_in, status, wsgi_now_us());
}

void wsgi_metrics_enter(request_rec *r)
{
    uint32_t cell;

    if (board == NULL || depth++ > 0 || (cell = own_cell()) == WSGI_CELL_INVALID)
        return;
    wsgi_thread_busy(board, 0, cell, (uint64_t)r->request_time);
    wsgi_thread_what(board, 0, cell, (uint64_t)r->request_time, r->method, strlen(r->method),
                     r->unparsed_uri, strlen(r->unparsed_uri));
}

void wsgi_metrics_waited(uint64_t us, uint64_t waits)
{
    uint32_t cell = waits > 0 && board != NULL ? own_cell() : WSGI_CELL_INVALID;

    if (cell != WSGI_CELL_INVALID)
        wsgi_thread_gil(board, 0, cell, us, waits);
}

void wsgi_metrics_leave(request_rec *r, uint64_t bytes_in, int status)
{
    uint64_t now = wsgi_now_us();
    uint32_t cell;

    if (board == NULL)
        return;
    cell = own_cell();
    count(r, board, cell, bytes_in, status, now);
    if (--depth == 0 && cell != WSGI_CELL_INVALID)
        wsgi_thread_done(board, 0, cell, now);
}

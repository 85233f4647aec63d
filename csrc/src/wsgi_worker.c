/* wsgi_worker.c - see wsgi_worker.h. */
#include "wsgi_worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wsgi_config.h"
#include "wsgi_groups.h"

#define READER_SIZE (128 * 1024)

/* Made in child_init; the parent has none. */
static struct {
    pthread_key_t key;
    int ready;
    pid_t pid;
    int ngroups;
} child;

void wsgi_answer_close(wsgi_answer *answer)
{
    if (answer->near >= 0) {
        shutdown(answer->near, SHUT_RDWR);      /* the host may still hold a copy of far */
        close(answer->near);
        close(answer->far);
    }
    answer->near = answer->far = -1;
    if (answer->has_reader)
        wsgi_reader_reset(&answer->reader);
}

static void worker_free(void *data)
{
    wsgi_worker *w = data;
    int i;

    for (i = 0; i < w->nanswers; i++) {
        wsgi_answer_close(&w->answers[i]);
        if (w->answers[i].cell != WSGI_CELL_INVALID)
            wsgi_cell_release(w->answers[i].board, w->answers[i].cell);
        if (w->answers[i].has_reader)
            wsgi_reader_free(&w->answers[i].reader);
    }
    wsgi_buf_free(&w->packet);
    free(w->answers);
    free(w);
}

static wsgi_worker *worker_new(void)
{
    wsgi_worker *w = calloc(1, sizeof(*w));
    int i;

    if (w == NULL)
        return NULL;
    w->answers = calloc((size_t)child.ngroups, sizeof(*w->answers));
    if (w->answers == NULL) {
        free(w);
        return NULL;
    }
    w->nanswers = child.ngroups;
    for (i = 0; i < w->nanswers; i++) {
        w->answers[i].near = w->answers[i].far = -1;
        w->answers[i].cell = WSGI_CELL_INVALID;
    }
    return w;
}

wsgi_worker *wsgi_worker_enter(void)
{
    wsgi_worker *own, *w;

    if (!child.ready)
        return NULL;
    own = pthread_getspecific(child.key);
    w = own == NULL || own->busy ? worker_new() : own;
    if (own == NULL && w != NULL && pthread_setspecific(child.key, w) != 0) {
        worker_free(w);
        return NULL;
    }
    if (w != NULL)
        w->busy = 1;
    return w;
}

void wsgi_worker_leave(wsgi_worker *w)
{
    w->busy = 0;
    if (w != pthread_getspecific(child.key))
        worker_free(w);
}

static apr_status_t forget_key(void *data)
{
    wsgi_worker *w = pthread_getspecific(child.key);

    (void)data;
    if (w != NULL && !w->busy)        /* prefork's SIGTERM comes in the midst of a request */
        worker_free(w);
    pthread_key_delete(child.key);
    child.ready = 0;
    return APR_SUCCESS;
}

void wsgi_worker_child_init(apr_pool_t *pchild, server_rec *s)
{
    child.ngroups = wsgi_config_global(s)->groups->nelts;
    if (child.ngroups == 0)
        return;
    child.pid = getpid();
    if (pthread_key_create(&child.key, worker_free) != 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, WSGI_MSG(0220) "no thread key is left: requests for daemon "
                     "processes are refused by this child");
        return;
    }
    child.ready = 1;
    apr_pool_cleanup_register(pchild, NULL, forget_key, apr_pool_cleanup_null);
}

static void set_timeout(int fd, int option, apr_interval_time_t t)
{
    struct timeval tv = { (time_t)apr_time_sec(t), (suseconds_t)apr_time_usec(t) };

    setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

static void set_buffer(const int ends[2], int option, int bytes)
{
    int i;

    for (i = 0; bytes > 0 && i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, option, &bytes, sizeof(bytes));
}

int wsgi_answer_open(wsgi_answer *answer, const wsgi_group *group)
{
    int ends[2], error;

    if (!answer->has_reader) {
        error = wsgi_reader_init(&answer->reader, READER_SIZE);
        if (error != 0)
            return error;
        answer->has_reader = 1;
    }
    if (answer->cell == WSGI_CELL_INVALID) {
        answer->board = group->board;
        answer->cell = wsgi_cell_claim(answer->board, child.pid);
        if (answer->cell == WSGI_CELL_INVALID)
            return EUSERS;
    }
    if (answer->near >= 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return errno;
    answer->near = ends[0];
    answer->far = ends[1];
    set_buffer(ends, SO_SNDBUF, group->options.send_buffer_size);
    set_buffer(ends, SO_RCVBUF, group->options.receive_buffer_size);
    set_timeout(answer->near, SO_RCVTIMEO, WSGI_ANSWER_TICK);
    set_timeout(answer->near, SO_SNDTIMEO, WSGI_ANSWER_TICK);
    set_timeout(answer->far, SO_RCVTIMEO, group->socket_timeout);
    set_timeout(answer->far, SO_SNDTIMEO, group->socket_timeout);
    return 0;
}

/* wsgi_interp_home.c - what the home thread does for the others: it makes
 * interpreters and logs stacks; and what others may know of a request that runs, see wsgi_interp.h. */

#include "wsgi_interp_inner.h"
#include "wsgi_errors.h"
#include "wsgi_pymod.h"

#include <stdio.h>
#include <string.h>

/* ---- interrupting -------------------------------------------------------- */

void wsgi_interrupt_begin(wsgi_runner *w, wsgi_interp *interp, const wsgi_request *r)
{
    if (__atomic_load_n(&wsgi_interps.gil_since_us, __ATOMIC_RELAXED) != 0)
        wsgi_interp_watch_gil();
    pthread_mutex_lock(&w->interrupting);
    w->ident = PyThread_get_thread_ident();
    w->state = PyThreadState_Get();
    w->interrupted = 0;
    w->running = interp;
    __atomic_store_n(&w->interruptible, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&w->request, r, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&w->interrupting);
}

void wsgi_interrupt_allow(wsgi_runner *w)
{
    __atomic_store_n(&w->interruptible, 1, __ATOMIC_RELAXED);
}

int wsgi_interrupt_end(wsgi_runner *w)
{
    int interrupted;

    pthread_mutex_lock(&w->interrupting);
    interrupted = w->interrupted;
    __atomic_store_n(&w->request, NULL, __ATOMIC_RELAXED);
    if (interrupted)
        PyThreadState_SetAsyncExc(w->ident, NULL);
    pthread_mutex_unlock(&w->interrupting);
    return interrupted;
}

/* What the client asked for, without its query string, or the path of the script. */
static wsgi_str url_of(const wsgi_request *r)
{
    wsgi_cur cur = wsgi_cur_of(r->head.pairs, r->head.pairs_len);
    uint32_t i;

    for (i = 0; i < r->head.npairs; i++) {
        wsgi_pair pair = wsgi_cur_pair(&cur);
        const char *query;

        if (cur.bad)
            break;
        if (pair.name.len == 11 && memcmp(pair.name.data, "REQUEST_URI", 11) == 0) {
            query = memchr(pair.value.data, '?', pair.value.len);
            if (query != NULL)
                pair.value.len = (uint32_t)(query - pair.value.data);
            return pair.value;
        }
    }
    return r->head.script;
}

/* Is it request thread THREAD, and runs a request? *INTERP: where. */
static int runs(wsgi_runner *w, uint32_t thread, wsgi_interp **interp)
{
    int found;

    pthread_mutex_lock(&w->interrupting);
    found = w->request != NULL && w->thread == thread;
    if (found)
        *interp = w->running;
    pthread_mutex_unlock(&w->interrupting);
    return found;
}

wsgi_runner *wsgi_runner_pin(uint32_t thread, wsgi_interp **interp)
{
    wsgi_runner *w;

    pthread_mutex_lock(&wsgi_interps.lock);
    for (w = wsgi_interps.runners; w != NULL && !runs(w, thread, interp); w = w->next)
        ;
    if (w != NULL)
        w->pinned++;
    pthread_mutex_unlock(&wsgi_interps.lock);
    return w;
}

void wsgi_runner_unpin(wsgi_runner *w)
{
    pthread_mutex_lock(&wsgi_interps.lock);
    w->pinned--;
    pthread_cond_broadcast(&wsgi_interps.unpinned);
    pthread_mutex_unlock(&wsgi_interps.lock);
}

/* Each request under way as a text that ends in a zero byte. GIL not held. */
static void list_requests(wsgi_buf *out)
{
    uint64_t now = wsgi_clock_us();
    wsgi_runner *w;
    char line[640];

    pthread_mutex_lock(&wsgi_interps.lock);
    for (w = wsgi_interps.runners; w != NULL; w = w->next) {
        pthread_mutex_lock(&w->interrupting);
        if (w->request != NULL) {
            wsgi_str url = url_of(w->request);
            int n = snprintf(line, sizeof line, "thread %lu runs '%.*s' for %.1f s", w->ident,
                             url.len > 512 ? 512 : (int)url.len, url.data,
                             (double)(now - w->request->taken_us) / 1e6);

            wsgi_buf_bytes(out, line, (size_t)n + 1);
        }
        pthread_mutex_unlock(&w->interrupting);
    }
    pthread_mutex_unlock(&wsgi_interps.lock);
}

static void log_requests(void)
{
    wsgi_buf list = {0};
    size_t at;

    list_requests(&list);
    for (at = 0; !list.failed && at < list.len; at += strlen((char *)list.data + at) + 1)
        wsgi_log(WSGI_LOG_INFO, "%s (process group '%s')", (char *)list.data + at,
                      wsgi_python_settings()->process_group);
    wsgi_buf_free(&list);
}

/* Those with a GIL of their own come last: it may be what is waited for. */
static void log_stacks(void)
{
    wsgi_interp *i;
    int own;

    log_requests();
    for (own = 0; own <= WSGI_FRAMES_APART; own++)
        for (i = wsgi_interps.interps; i != NULL; i = i->next) {
            if (WSGI_FRAMES_APART ? own != (i->turn == &i->own_turn) : i->next != NULL)
                continue;
            PyEval_RestoreThread(wsgi_slot_find(wsgi_runner_known(), i)->ts);
            wsgi_log_stacks(0);
            PyEval_SaveThread();
        }
}

void wsgi_home_run(void)
{
    pthread_mutex_lock(&wsgi_interps.lock);
    while (!wsgi_interps.stop || wsgi_interps.jobs != NULL) {
        wsgi_interp_job *j = wsgi_interps.jobs;
        wsgi_interp *made;

        if (wsgi_interps.stacks) {
            wsgi_interps.stacks = 0;
            pthread_mutex_unlock(&wsgi_interps.lock);
            log_stacks();
            pthread_mutex_lock(&wsgi_interps.lock);
            continue;
        }
        if (j == NULL) {
            pthread_cond_wait(&wsgi_interps.wake, &wsgi_interps.lock);
            continue;
        }
        wsgi_interps.jobs = j->next;
        pthread_mutex_unlock(&wsgi_interps.lock);
        made = wsgi_interp_find(j->group, j->len);
        if (made == NULL)
            made = wsgi_interp_create(j->group, j->len);
        pthread_mutex_lock(&wsgi_interps.lock);
        j->made = made;
        j->done = 1;
        pthread_cond_broadcast(&wsgi_interps.made);
    }
    pthread_mutex_unlock(&wsgi_interps.lock);
}

void wsgi_home_stacks(void)
{
    pthread_mutex_lock(&wsgi_interps.lock);
    wsgi_interps.stacks = 1;
    pthread_cond_signal(&wsgi_interps.wake);
    pthread_mutex_unlock(&wsgi_interps.lock);
}

void wsgi_home_stop(void)
{
    pthread_mutex_lock(&wsgi_interps.lock);
    wsgi_interps.stop = 1;
    pthread_cond_signal(&wsgi_interps.wake);
    pthread_mutex_unlock(&wsgi_interps.lock);
}

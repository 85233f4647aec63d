/* wsgi_host_lock.c - the thread that tries Python's locks, once a second: while
 * it waits in vain for one nobody else can run Python in the interpreters of that
 * one either. What it sees is judged by the watch. Where Python has no lock it
 * always gets through. */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_interp.h"

#define EVERY_S 1

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int running, stop;            /* under the mutex */
    int locking;                  /* atomic */
    uint32_t locked;              /* atomic */
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Wait for the next round. 0 when there is none. */
static int wait_round(void)
{
    struct timespec until;
    int rv = 0, go;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += EVERY_S;
    pthread_mutex_lock(&state.mutex);
    while (!state.stop && rv == 0)
        rv = pthread_cond_timedwait(&state.wake, &state.mutex, &until);
    go = !state.stop;
    pthread_mutex_unlock(&state.mutex);
    return go;
}

static void *try_lock(void *arg)
{
    wsgi_runner *w = wsgi_runner_self();

    (void)arg;
    while (w != NULL && wait_round()) {
        __atomic_store_n(&state.locking, 1, __ATOMIC_RELAXED);
        wsgi_interp_probe(w);
        __atomic_add_fetch(&state.locked, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&state.locking, 0, __ATOMIC_RELAXED);
    }
    wsgi_runner_end();
    pthread_mutex_lock(&state.mutex);
    state.running = 0;
    pthread_mutex_unlock(&state.mutex);
    wsgi_watch_tell(WSGI_NEWS_LOOK);
    return NULL;
}

int wsgi_host_lock_start(const wsgi_host *h)
{
    pthread_condattr_t attr;
    pthread_t thread;
    int err = 0;

    if (wsgi_options_deadlock_timeout(&h->config.options) == 0)
        return 0;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_lock(&state.mutex);
    pthread_cond_init(&state.wake, &attr);
    if (!state.stop) {
        err = pthread_create(&thread, NULL, try_lock, NULL);
        state.running = err == 0;
        if (err == 0)
            pthread_detach(thread);
    }
    pthread_mutex_unlock(&state.mutex);
    pthread_condattr_destroy(&attr);
    return err;
}

void wsgi_host_lock_stop(void)
{
    pthread_mutex_lock(&state.mutex);
    state.stop = 1;
    if (state.running)
        pthread_cond_signal(&state.wake);
    pthread_mutex_unlock(&state.mutex);
}

int wsgi_host_lock_state(int *locking, uint32_t *locked)
{
    int running;

    pthread_mutex_lock(&state.mutex);
    running = state.running;
    pthread_mutex_unlock(&state.mutex);
    *locking = __atomic_load_n(&state.locking, __ATOMIC_RELAXED);
    *locked = __atomic_load_n(&state.locked, __ATOMIC_RELAXED);
    return running;
}

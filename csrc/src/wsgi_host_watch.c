/* wsgi_host_watch.c - when a daemon process stops, and that it does.
 *
 *   running -> draining   takes no more requests; those under way have the
 *                         graceful timeout
 *           -> stopping   as before, and the shutdown timeout ends the process
 *           -> finishing  no request is left; Python is being ended, in the
 *                         rest of the shutdown timeout
 *
 * Threads that wait for a request are woken by a signal, again and again until
 * they have seen it: one that comes just before recvmsg has no effect.
 */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_interp.h"
#include "wsgi_script.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAKE_SIGNAL   SIGURG      /* ignored by default, so harmless when it is late */
#define WAKE_EVERY_MS 20
#define CHECK_EVERY_MS 1000
#define NEVER         INT64_MAX

enum { LEVEL_ERROR = 3, LEVEL_INFO = 6 };

enum state { RUNNING, DRAINING, STOPPING, FINISHING };

typedef struct {
    wsgi_host *host;
    enum state state;
    int control;                  /* -1: the supervisor is gone */
    int stuck_dont_count;         /* draining since requests are stuck */
    int64_t serving_ms;           /* since when, or NEVER */
    int64_t drain_end_ms, kill_ms;
} watch;

static int news[2] = {-1, -1};
static pid_t own_pid;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- signals -------------------------------------------------------------------- */

void wsgi_watch_tell(enum wsgi_news what)
{
    char byte = (char)what;
    int err = errno;

    /* A full pipe holds news enough: everything is looked at again. */
    if (write(news[1], &byte, 1) < 0)
        errno = err;
}

/* A process that the application forked ends as it would have without us. */
static void on_signal(int sig)
{
    if (getpid() != own_pid) {
        signal(sig, SIG_DFL);
        raise(sig);
        return;
    }
    wsgi_watch_tell(sig == SIGUSR1 ? WSGI_NEWS_DRAIN : WSGI_NEWS_STOP);
}

static void on_nothing(int sig)
{
    (void)sig;
}

static void handle(int sig, void (*handler)(int), int flags)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = handler;
    sa.sa_flags = flags;
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

static void set_signals(void)
{
    sigset_t none;

    handle(SIGTERM, on_signal, SA_RESTART);
    handle(SIGINT, on_signal, SA_RESTART);
    handle(SIGUSR1, on_signal, SA_RESTART);
    handle(SIGHUP, on_nothing, SA_RESTART);      /* never end the process; what it */
    handle(SIGUSR2, on_nothing, SA_RESTART);     /* executes gets the default back */
    handle(WAKE_SIGNAL, on_nothing, 0);
    handle(SIGPIPE, SIG_IGN, 0);
    handle(SIGCHLD, SIG_DFL, 0);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* ---- seats ------------------------------------------------------------------------- */

static int seat_state(const wsgi_seat *s)
{
    return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
}

static uint32_t count_seats(const watch *w, enum wsgi_seat_state state)
{
    uint32_t i, n = 0;

    for (i = 0; i < w->host->nseats; i++)
        n += seat_state(&w->host->seats[i]) == (int)state;
    return n;
}

static void wake_seats(const watch *w)
{
    uint32_t i;

    for (i = 0; i < w->host->nseats; i++)
        if (seat_state(&w->host->seats[i]) == WSGI_SEAT_WAITING)
            pthread_kill(w->host->seats[i].thread, WAKE_SIGNAL);
}

/* Requests that run for longer than LIMIT seconds. */
static uint32_t count_longer(const watch *w, double limit)
{
    uint64_t now = wsgi_now_us();
    uint32_t i, n = 0;

    for (i = 0; i < w->host->nseats; i++) {
        const wsgi_seat *s = &w->host->seats[i];
        uint64_t since = __atomic_load_n(&s->since_us, __ATOMIC_RELAXED);

        n += seat_state(s) == WSGI_SEAT_BUSY && now > since
             && (double)(now - since) / 1e6 > limit;
    }
    return n;
}

/* ---- transitions ---------------------------------------------------------------------- */

static int64_t after(int64_t now, int seconds)
{
    return seconds > 0 ? now + (int64_t)seconds * 1000 : NEVER;
}

/* Ask for a successor. */
static void recycle(watch *w, enum wsgi_death why)
{
    if (w->control >= 0)
        wsgi_control_send(w->control, WSGI_CTL_RECYCLE, (uint16_t)why, NULL, 0, NULL, 0);
}

static void stop(watch *w, const char *reason)
{
    const wsgi_options *o = &w->host->config.options;
    int limit = wsgi_options_shutdown_timeout(o);

    if (w->state >= STOPPING)
        return;
    w->state = STOPPING;
    w->kill_ms = after(now_ms(), limit);
    __atomic_store_n(&w->host->closing, 1, __ATOMIC_RELEASE);
    wsgi_host_log(LEVEL_INFO, "daemon process '%s': shutdown requested, %s; %u requests under way "
                  "have %d seconds", w->host->group, reason, count_seats(w, WSGI_SEAT_BUSY), limit);
}

static void drain(watch *w, const char *reason)
{
    const wsgi_options *o = &w->host->config.options;
    int limit = wsgi_options_graceful_timeout(o);

    if (w->state >= DRAINING)
        return;
    if (limit == 0) {
        stop(w, reason);
        return;
    }
    w->state = DRAINING;
    w->drain_end_ms = after(now_ms(), limit);
    __atomic_store_n(&w->host->closing, 1, __ATOMIC_RELEASE);
    wsgi_slot_state(w->host->board, w->host->config.slot, WSGI_SLOT_DRAINING);
    wsgi_host_log(LEVEL_INFO, "daemon process '%s': draining, %s; %u requests under way have %d "
                  "seconds", w->host->group, reason, count_seats(w, WSGI_SEAT_BUSY), limit);
}

static void finish(watch *w)
{
    if (w->kill_ms == NEVER)
        w->kill_ms = after(now_ms(),
                           wsgi_options_shutdown_timeout(&w->host->config.options));
    w->state = FINISHING;
    wsgi_host_log(LEVEL_INFO, "daemon process '%s': stopping process", w->host->group);
    wsgi_home_stop();
}

static void force(watch *w)
{
    uint32_t busy = count_seats(w, WSGI_SEAT_BUSY);

    if (w->state == FINISHING)
        wsgi_host_log(LEVEL_ERROR, "WSGIM0510: daemon process '%s': shutdown-timeout passed while "
                      "Python was being ended, the process is aborted", w->host->group);
    else
        wsgi_host_log(LEVEL_ERROR, "WSGIM0511: daemon process '%s': shutdown-timeout passed with "
                      "%u requests running, the process is aborted", w->host->group, busy);
    _exit(WSGI_HOST_EXIT_FORCED);
}

/* ---- timers ------------------------------------------------------------------------------ */

/* Natural logarithm of a small whole number, to spare libm. */
static double ln(int n)
{
    double x = n, y, y2, term, sum = 0;
    int halvings = 0, k;

    for (; x > 1.5; halvings++)
        x /= 2;
    y = (x - 1) / (x + 1);
    y2 = y * y;
    for (term = y, k = 1; k < 30; k += 2, term *= y2)
        sum += term / k;
    return 2 * sum + halvings * 0.69314718055994531;
}

static void check_startup(watch *w, int limit)
{
    uint64_t first;
    int loaded;

    wsgi_script_progress(&first, &loaded);
    if (first == 0 || loaded || wsgi_now_us() < first + (uint64_t)limit * 1000000)
        return;
    recycle(w, WSGI_DEATH_STARTUP_TIMEOUT);
    stop(w, "startup-timeout: no script was loaded in time");
}

static void check_requests(watch *w, int limit)
{
    int threads = wsgi_options_threads(&w->host->config.options);
    double fire = limit * (1 + ln(threads > 0 ? threads : 1));

    if (w->state == RUNNING && count_longer(w, fire) > 0) {
        w->stuck_dont_count = 1;
        wsgi_home_stacks();
        recycle(w, WSGI_DEATH_REQUEST_TIMEOUT);
        drain(w, "request-timeout: a request runs for too long");
    }
    if (w->state == DRAINING && w->stuck_dont_count
        && count_seats(w, WSGI_SEAT_BUSY) == count_longer(w, limit)
        && count_seats(w, WSGI_SEAT_WAITING) == 0)
        stop(w, "request-timeout: only requests that run for too long are left");
}

static void check_inactivity(watch *w, int limit)
{
    uint64_t active = __atomic_load_n(&w->host->active_us, __ATOMIC_RELAXED);

    if (count_seats(w, WSGI_SEAT_BUSY) > 0 || wsgi_now_us() < active + (uint64_t)limit * 1000000)
        return;
    recycle(w, WSGI_DEATH_RECYCLED);
    stop(w, "inactivity-timeout: no requests came");
}

static void check_timers(watch *w, int64_t now)
{
    const wsgi_options *o = &w->host->config.options;
    int limit;

    if (w->state == RUNNING && (limit = wsgi_options_seconds(o->startup_timeout)) > 0)
        check_startup(w, limit);
    if (w->state <= DRAINING && (limit = wsgi_options_seconds(o->request_timeout)) > 0)
        check_requests(w, limit);
    if (w->state == RUNNING && w->serving_ms != NEVER) {
        if ((limit = wsgi_options_seconds(o->inactivity_timeout)) > 0)
            check_inactivity(w, limit);
        if ((limit = wsgi_options_seconds(o->restart_interval)) > 0
            && now >= w->serving_ms + (int64_t)limit * 1000) {
            recycle(w, WSGI_DEATH_RECYCLED);
            drain(w, "restart-interval is over");
        }
    }
    if (w->state == DRAINING && now >= w->drain_end_ms)
        stop(w, "graceful-timeout passed");
    if (w->state == DRAINING || w->state == STOPPING) {
        wake_seats(w);
        /* Before the seats are made the main thread itself sees the end. */
        if (count_seats(w, WSGI_SEAT_GONE) == w->host->nseats)
            finish(w);
    }
    if (w->state >= STOPPING && now >= w->kill_ms)
        force(w);
}

/* Milliseconds until something has to be looked at without news. */
static int next_check(const watch *w, int64_t now)
{
    const wsgi_options *o = &w->host->config.options;
    int64_t at = NEVER;

    if (w->state < FINISHING && w->state > RUNNING && count_seats(w, WSGI_SEAT_WAITING) > 0)
        return WAKE_EVERY_MS;
    if (w->state == DRAINING)
        at = w->drain_end_ms;
    if (w->state >= STOPPING)
        at = w->kill_ms;
    if (w->state <= DRAINING && wsgi_options_seconds(o->request_timeout) > 0)
        at = now + CHECK_EVERY_MS;
    if (w->state == RUNNING && (wsgi_options_seconds(o->startup_timeout) > 0
                                || wsgi_options_seconds(o->inactivity_timeout) > 0
                                || wsgi_options_seconds(o->restart_interval) > 0))
        at = now + CHECK_EVERY_MS;
    return at == NEVER ? -1 : at <= now ? 0 : at - now > 60000 ? 60000 : (int)(at - now);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void hear(watch *w, char what)
{
    switch ((enum wsgi_news)what) {
    case WSGI_NEWS_STOP:
        stop(w, "shutdown_signal");
        break;
    case WSGI_NEWS_DRAIN:
        drain(w, "graceful_signal");
        break;
    case WSGI_NEWS_END_OF_QUEUE:
        stop(w, "no process of Apache is left");
        break;
    case WSGI_NEWS_STALE:
        recycle(w, WSGI_DEATH_RELOAD);
        stop(w, "script_reload: a script was changed");
        break;
    case WSGI_NEWS_MAXIMUM:
        recycle(w, WSGI_DEATH_RECYCLED);
        drain(w, "maximum-requests were served");
        break;
    case WSGI_NEWS_SERVING:
        w->serving_ms = now_ms();
        break;
    case WSGI_NEWS_SEAT:
        break;                    /* seats are counted after all news */
    }
}

static void hear_all(watch *w)
{
    char bytes[64];
    ssize_t n, i;

    while ((n = read(news[0], bytes, sizeof bytes)) > 0)
        for (i = 0; i < n; i++)
            hear(w, bytes[i]);
}

/* Nothing is said on it after CONFIG, so anything but an end is dropped. */
static void hear_control(watch *w)
{
    unsigned char buf[256];
    uint8_t type;
    uint16_t code;
    int fds[3], i;
    ssize_t n = wsgi_control_recv(w->control, &type, &code, buf, sizeof buf, fds);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    for (i = 0; n >= 0 && i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (n < 0 || type == 0) {
        w->control = -1;
        drain(w, "the supervisor is gone");
    }
}

static void *run(void *arg)
{
    watch w = {.host = arg, .control = WSGI_HOST_CONTROL_FD, .serving_ms = NEVER,
               .drain_end_ms = NEVER, .kill_ms = NEVER};

    for (;;) {
        struct pollfd fds[2] = {{news[0], POLLIN, 0}, {w.control, POLLIN, 0}};

        if (poll(fds, 2, next_check(&w, now_ms())) < 0 && errno != EINTR)
            fds[0].revents = fds[1].revents = 0;
        if (fds[0].revents)
            hear_all(&w);
        if (fds[1].revents)
            hear_control(&w);
        check_timers(&w, now_ms());
    }
    return NULL;
}

int wsgi_watch_start(wsgi_host *h)
{
    pthread_t thread;
    int err;

    own_pid = getpid();
    if (pipe2(news, O_CLOEXEC | O_NONBLOCK) != 0)
        return errno;
    set_signals();
    err = pthread_create(&thread, NULL, run, h);
    if (err == 0)
        pthread_detach(thread);
    return err;
}

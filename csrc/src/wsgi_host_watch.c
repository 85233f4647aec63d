/* wsgi_host_watch.c - the thread that keeps time in a daemon process: signals,
 * the supervisor and the state of the other threads, for the machine of
 * wsgi_life.h to decide on. It never touches Python, so that it can end a
 * process in which Python hangs.
 *
 * Threads that wait for a request are woken by a signal, again and again until
 * they have seen it: one that comes just before recvmsg has no effect.
 */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_events.h"
#include "wsgi_interp.h"
#include "wsgi_memory.h"
#include "wsgi_numbers.h"
#include "wsgi_script.h"
#include "wsgi_telemetry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_EVERY_MS 2000
#define SHOW_EVERY_MS 1000
#define HANG_EVERY_MS 100
#define WAKE_SIGNAL   SIGURG      /* ignored by default, so harmless when it is late */

typedef struct {
    wsgi_host *host;
    wsgi_life life;
    wsgi_life_seat *seats;        /* of the view */
    int control;                  /* -1: the supervisor is gone */
    int64_t memory, memory_at;    /* when it was looked at */
    int64_t shown_at;             /* on the scoreboard; 0: never */
    uint64_t shown_after;         /* so many requests */
    char reason[40];              /* why the process ends, once it is told */
} watch;

static int news[2] = {-1, -1};
static pid_t own_pid, supervisor_pid;

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
static void on_signal(int sig, siginfo_t *from, void *context)
{
    (void)context;
    if (getpid() != own_pid) {
        signal(sig, SIG_DFL);
        raise(sig);
        return;
    }
    if (sig == SIGUSR1)
        wsgi_watch_tell(from->si_pid == supervisor_pid ? WSGI_NEWS_DRAIN : WSGI_NEWS_EVICT);
    else
        wsgi_watch_tell(sig == SIGXCPU ? WSGI_NEWS_CPU : WSGI_NEWS_STOP);
}

/* Never end the process; subscribers are told of them. */
static void on_message(int sig)
{
    wsgi_events_signal(sig);
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
    static const int ours[] = {SIGTERM, SIGINT, SIGUSR1, SIGXCPU};
    struct sigaction sa;
    sigset_t none;
    size_t i;

    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = on_signal;
    sa.sa_flags = SA_RESTART | SA_SIGINFO;
    sigemptyset(&sa.sa_mask);
    for (i = 0; i < sizeof ours / sizeof ours[0]; i++)
        sigaction(ours[i], &sa, NULL);
    handle(SIGHUP, on_message, SA_RESTART);      /* what the process executes gets */
    handle(SIGUSR2, on_message, SA_RESTART);     /* the default back */
    handle(WAKE_SIGNAL, on_nothing, 0);
    handle(SIGPIPE, SIG_IGN, 0);
    handle(SIGCHLD, SIG_DFL, 0);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* ---- the view ----------------------------------------------------------------------- */

/* Looked at now and then, since the kernel has to add it up. */
static int64_t memory_of(watch *w)
{
    int64_t now = now_ms();

    /* What it is once it serves counts, not what it grew from. */
    if (w->host->config.options.memory_soft_limit <= 0
        || !__atomic_load_n(&w->host->serving, __ATOMIC_RELAXED))
        return -1;
    if (w->memory_at == 0 || now - w->memory_at >= MEMORY_EVERY_MS) {
        w->memory_at = now;
        w->memory = wsgi_memory_own("");
    }
    return w->memory;
}

/* On the scoreboard, once a second, unless nothing has been done since. */
static void show_memory(watch *w)
{
    wsgi_host *h = w->host;
    int64_t now = now_ms(), rss, pss;
    uint64_t requests = __atomic_load_n(&h->requests, __ATOMIC_RELAXED);

    if (!__atomic_load_n(&h->serving, __ATOMIC_RELAXED)
        || (w->shown_at != 0 && (now - w->shown_at < SHOW_EVERY_MS || requests == w->shown_after)))
        return;
    w->shown_at = now;
    w->shown_after = requests;
    rss = wsgi_memory_resident("");
    pss = wsgi_memory_own("");
    wsgi_numbers_memory(h->board, h->config.slot, rss > 0 ? (uint64_t)rss : 0, pss > 0 ? (uint64_t)pss : 0);
}

/* What all threads do at this moment. */
static wsgi_life_view view_of(watch *w)
{
    wsgi_host *h = w->host;
    wsgi_life_view v = {.seats = w->seats, .nseats = __atomic_load_n(&h->nseats, __ATOMIC_ACQUIRE),
                        .serving = __atomic_load_n(&h->serving, __ATOMIC_RELAXED),
                        .wall_us = wsgi_now_us(), .memory = memory_of(w)};
    uint64_t first;
    uint32_t i, gone = 0;

    for (i = 0; i < v.nseats; i++) {
        const wsgi_seat *s = &h->seats[i];

        w->seats[i].state = (enum wsgi_seat_state)__atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
        w->seats[i].since_us = __atomic_load_n(&s->since_us, __ATOMIC_RELAXED);
        w->seats[i].received_us = __atomic_load_n(&s->received_us, __ATOMIC_RELAXED);
        v.activity += __atomic_load_n(&s->answer.signs, __ATOMIC_RELAXED);
        gone += w->seats[i].state == WSGI_SEAT_GONE;
    }
    wsgi_script_progress(&first, &v.loaded);
    v.loading = first != 0;
    if (w->life.state >= WSGI_LIFE_STOPPING
        || (w->life.state == WSGI_LIFE_DRAINING && gone == v.nseats))
        wsgi_host_lock_stop();
    v.helpers = (uint32_t)(wsgi_host_lock_state(&v.locking, &v.locked) + wsgi_hang_busy());
    return v;
}

/* ---- what the machine wants done ------------------------------------------------------ */

static void do_close(void *ctx)
{
    watch *w = ctx;

    __atomic_store_n(&w->host->closing, 1, __ATOMIC_RELEASE);
}

static void do_draining(void *ctx)
{
    const watch *w = ctx;
    const wsgi_group_config *c = &w->host->config;

    wsgi_slot_state(w->host->board, c->slot, (uint16_t)c->incarnation, WSGI_SLOT_DRAINING);
}

static void do_recycle(void *ctx, enum wsgi_death why)
{
    const watch *w = ctx;

    if (w->control >= 0)
        wsgi_control_send(w->control, WSGI_CTL_RECYCLE, (uint16_t)why, NULL, 0, NULL, 0);
}

static int do_renew(void *ctx, enum wsgi_death why)
{
    const watch *w = ctx;

    return !__atomic_load_n(&w->host->closing, __ATOMIC_ACQUIRE) && w->control >= 0
           && wsgi_control_send(w->control, WSGI_CTL_RENEW, (uint16_t)why, NULL, 0, NULL, 0) == 0;
}

static void do_report(void *ctx, uint32_t seat, uint64_t since_us, int ahead)
{
    (void)ctx;
    wsgi_hang_ask(seat + 1, since_us, ahead ? WSGI_HANG_AHEAD : WSGI_HANG_TIMEOUT);
}

static void do_interrupt(void *ctx, uint32_t seat, uint64_t since_us, int told)
{
    (void)ctx;
    wsgi_hang_ask(seat + 1, since_us, told ? WSGI_HANG_RAISE_TOLD : WSGI_HANG_RAISE);
}

static void do_stacks(void *ctx)
{
    (void)ctx;
    wsgi_home_stacks();
}

static void do_wake(void *ctx)
{
    const watch *w = ctx;
    uint32_t i, n = __atomic_load_n(&w->host->nseats, __ATOMIC_ACQUIRE);

    for (i = 0; i < n; i++)
        if (__atomic_load_n(&w->host->seats[i].state, __ATOMIC_ACQUIRE) == WSGI_SEAT_WAITING)
            pthread_kill(w->host->seats[i].thread, WAKE_SIGNAL);
}

/* Applications hear of the end as soon as it is certain, while requests still
 * run: of the reason by its name, without what our log adds to it. */
static void tell_stopping(watch *w)
{
    if (w->life.state < WSGI_LIFE_STOPPING || w->reason[0] != '\0' || w->life.reason == NULL)
        return;
    snprintf(w->reason, sizeof w->reason, "%.*s", (int)strcspn(w->life.reason, " "), w->life.reason);
    wsgi_events_stopping(w->reason);
    wsgi_telemetry_stopping(w->reason);
}

static void do_finish(void *ctx)
{
    tell_stopping(ctx);           /* before the home thread tells who has not been told */
    wsgi_home_stop();
}

static void do_force(void *ctx)
{
    (void)ctx;
    _exit(WSGI_HOST_EXIT_FORCED);
}

static void do_log(void *ctx, int level, const char *text)
{
    (void)ctx;
    wsgi_host_log(level, "%s", text);
}

static const wsgi_life_effects effects = {
    .close = do_close, .draining = do_draining, .recycle = do_recycle, .renew = do_renew, .report = do_report, .interrupt = do_interrupt,
    .stacks = do_stacks, .wake = do_wake, .finish = do_finish, .force = do_force, .log = do_log,
};

/* ---- the loop -------------------------------------------------------------------------------- */

static void hear(watch *w, enum wsgi_news what)
{
    wsgi_life_view v = view_of(w);

    wsgi_life_hear(&w->life, what, &v, now_ms());
}

static void hear_all(watch *w)
{
    char bytes[64];
    ssize_t n, i;

    while ((n = read(news[0], bytes, sizeof bytes)) > 0)
        for (i = 0; i < n; i++)
            if (bytes[i] != (char)WSGI_NEWS_LOOK)
                hear(w, (enum wsgi_news)bytes[i]);
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
        hear(w, WSGI_NEWS_ORPHAN);
    }
}

static void *run(void *arg)
{
    watch *w = arg;

    for (;;) {
        struct pollfd fds[2] = {{news[0], POLLIN, 0}, {w->control, POLLIN, 0}};
        wsgi_life_view v = view_of(w);
        int next = wsgi_life_next(&w->life, &v, now_ms());

        if (wsgi_hang_busy() > 0 && (next < 0 || next > HANG_EVERY_MS))
            next = HANG_EVERY_MS;
        if (next < 0 || next > SHOW_EVERY_MS)
            next = SHOW_EVERY_MS;
        if (poll(fds, 2, next) < 0 && errno != EINTR)
            fds[0].revents = fds[1].revents = 0;
        if (fds[0].revents)
            hear_all(w);
        if (fds[1].revents)
            hear_control(w);
        wsgi_hang_look();
        v = view_of(w);
        wsgi_life_tick(&w->life, &v, now_ms());
        tell_stopping(w);
        show_memory(w);
    }
    return NULL;
}

int wsgi_watch_start(wsgi_host *h)
{
    static watch w;
    uint32_t threads = (uint32_t)wsgi_options_threads(&h->config.options);
    pthread_t thread;
    int err;

    w.host = h;
    w.control = WSGI_HOST_CONTROL_FD;
    w.seats = calloc(threads > 0 ? threads : 1, sizeof *w.seats);
    if (w.seats == NULL)
        return ENOMEM;
    err = wsgi_life_init(&w.life, &h->config.options, threads, &effects, &w, now_ms());
    if (err != 0)
        return err;
    own_pid = getpid();
    supervisor_pid = getppid();
    if (pipe2(news, O_CLOEXEC | O_NONBLOCK) != 0)
        return errno;
    set_signals();
    err = pthread_create(&thread, NULL, run, &w);
    if (err == 0)
        pthread_detach(thread);
    return err;
}

/* wsgi_telemetry.c - the reporter's thread, its socket and the samples, see
 * wsgi_telemetry.h. */

#include "wsgi_telemetry_inner.h"
#include "wsgi_errors.h"
#include "wsgi_events.h"
#include "wsgi_tally.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SEND_BUFFER (256 * 1024)
#define SLOTS_MOST  128
#define INTERVAL_US 1000000       /* unless another is given */
#define NAME_MOST   255
#define WORD_MOST   200

uint64_t wsgi_telemetry_slow_us;

static struct {
    pthread_mutex_t lock;         /* over all of it but what is written once */
    pthread_cond_t wake;
    pthread_t thread;
    int running, ending;
    int fd;
    struct sockaddr_un to;
    int failing;                  /* errno of the last datagram; -1: none has been sent yet */
    uint32_t sequence;
    uint64_t started_us, interval_us;
    char host[NAME_MOST + 1];
    char reason[64];
    int told;                     /* that the process ends */
    uint32_t active;              /* requests under way then */
    int introduced;               /* whoever listens has been told of this process. Thread */
    struct {                      /* the socket when that was. Thread */
        dev_t device;
        ino_t number;
        time_t made;
    } heard_by;
} reporter = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .failing = -1};

static const char *group_name(void)
{
    return wsgi_python_settings()->process_group;
}

/* ---- sending ------------------------------------------------------------------------- */

static void put_name(wsgi_buf *b, uint16_t field, const char *text)
{
    if (text != NULL)
        wsgi_datagram_text(b, field, text, strlen(text), WORD_MOST);
}

void wsgi_telemetry_begin(wsgi_buf *b, enum wsgi_datagram_kind kind)
{
    uint32_t sequence = __atomic_add_fetch(&reporter.sequence, 1, __ATOMIC_RELAXED);

    wsgi_datagram_begin(b, kind, (uint32_t)getpid(), sequence, wsgi_clock_us());
    if (kind == WSGI_DATAGRAM_SAMPLE || kind == WSGI_DATAGRAM_STARTED
        || kind == WSGI_DATAGRAM_STOPPING || kind == WSGI_DATAGRAM_STOPPED) {
        put_name(b, 5, reporter.host);
        put_name(b, 6, group_name());
    }
}

/* One line when it begins not to work, and one when it works again. */
static void note_result(int err)
{
    int before = __atomic_exchange_n(&reporter.failing, err, __ATOMIC_RELAXED);
    const char *group = group_name();
    int daemon = group[0] != '\0';

    if (err != 0 && before <= 0)
        wsgi_log(WSGI_LOG_INFO, "%s%s%stelemetry cannot be sent to '%s' and is dropped: %s",
                 daemon ? "daemon process '" : "", group, daemon ? "': " : "", reporter.to.sun_path,
                 strerror(err));
    else if (err == 0 && before > 0)
        wsgi_log(WSGI_LOG_INFO, "%s%s%stelemetry is sent to '%s' again", daemon ? "daemon process '" : "",
                 group, daemon ? "': " : "", reporter.to.sun_path);
}

int wsgi_telemetry_send(const wsgi_buf *b)
{
    ssize_t n;
    int err;

    if (b->failed)
        return ENOMEM;
    n = sendto(reporter.fd, b->data, b->len, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&reporter.to, sizeof reporter.to);
    err = n < 0 ? errno : 0;
    note_result(err);
    return err;
}

/* ---- samples ------------------------------------------------------------------------- */

static void put_arrays(wsgi_buf *b, const wsgi_sample *s)
{
    uint16_t n = (uint16_t)(s->nslots < SLOTS_MOST ? s->nslots : SLOTS_MOST), i;

    wsgi_datagram_i32s(b, 110, n);
    for (i = 0; i < n; i++)
        wsgi_datagram_i32(b, s->slots[i].completed);
    wsgi_datagram_f64s(b, 111, n);
    for (i = 0; i < n; i++)
        wsgi_datagram_double(b, (double)s->slots[i].busy_us / 1e6);
    wsgi_datagram_f64s(b, 112, n);
    for (i = 0; i < n; i++)
        wsgi_datagram_double(b, (double)s->slots[i].cpu_us / 1e6);
    wsgi_datagram_f64s(b, 113, n);
    for (i = 0; i < n; i++)
        wsgi_datagram_double(b, (double)s->slots[i].current_us / 1e6);
    wsgi_datagram_f64s(b, 114, n);
    for (i = 0; i < n; i++)
        wsgi_datagram_double(b, (double)s->slots[i].longest_us / 1e6);
}

static void put_phases(wsgi_buf *b, const wsgi_sample *s)
{
    uint64_t n = s->totals.count;
    uint16_t p, i;

    for (p = 0; p < WSGI_PHASES; p++) {
        wsgi_datagram_f64(b, 60 + p, n > 0 ? (double)s->totals.sum_us[p] / 1e6 / (double)n : 0);
        if (n > 0) {
            wsgi_datagram_us(b, 70 + p, s->min_us[p]);
            wsgi_datagram_us(b, 80 + p, s->max_us[p]);
        }
        wsgi_datagram_i32s(b, 90 + p, WSGI_BUCKETS);
        for (i = 0; i < WSGI_BUCKETS; i++)
            wsgi_datagram_i32(b, s->totals.buckets[p][i]);
    }
}

static void put_rates(wsgi_buf *b, const wsgi_sample *s)
{
    double period = s->stop_us > s->start_us ? (double)(s->stop_us - s->start_us) / 1e6 : 0;
    double capacity = period * (double)s->maximum;

    wsgi_datagram_f64(b, 10, period);
    wsgi_datagram_us(b, 11, reporter.interval_us);
    wsgi_datagram_us(b, 12, wsgi_telemetry_slow_us);
    wsgi_datagram_f64(b, 13, wsgi_gc_switch_interval());
    wsgi_datagram_u64(b, 20, s->totals.count);
    wsgi_datagram_f64(b, 21, period > 0 ? (double)s->totals.count / period : 0);
    wsgi_datagram_f64(b, 22, capacity > 0 ? (double)s->totals.busy_us / 1e6 / capacity : 0);
    wsgi_datagram_f64(b, 30, s->cpu_user);
    wsgi_datagram_f64(b, 31, s->cpu_system);
    wsgi_datagram_f64(b, 32, s->cpu_user + s->cpu_system);
}

static void report_sample(wsgi_buf *b)
{
    uint64_t rss, max_rss;
    wsgi_sample s;
    uint16_t i;

    if (wsgi_tally_drain(&s) < 0)
        return;
    wsgi_memory_of_self(&rss, &max_rss);
    wsgi_telemetry_begin(b, WSGI_DATAGRAM_SAMPLE);
    put_rates(b, &s);
    wsgi_datagram_u64(b, 40, rss);
    wsgi_datagram_u64(b, 41, max_rss);
    wsgi_datagram_u64(b, 50, s.maximum);
    wsgi_datagram_u64(b, 51, s.started);
    wsgi_datagram_u64(b, 52, s.active);
    put_phases(b, &s);
    wsgi_datagram_u64(b, 100, s.totals.input_bytes);
    wsgi_datagram_u64(b, 101, s.totals.input_reads);
    wsgi_datagram_u64(b, 102, s.totals.output_bytes);
    wsgi_datagram_u64(b, 103, s.totals.output_writes);
    put_arrays(b, &s);
    for (i = 0; i < 5; i++)
        wsgi_datagram_u64(b, 120 + i, s.totals.status[i]);
    wsgi_sample_free(&s);
    wsgi_telemetry_send(b);
}

/* ---- life --------------------------------------------------------------------------------- */

/* Tell whoever listens of this process, unless they know of it. A program that is
 * there later than we, or again, has made another socket. */
static void introduce(wsgi_buf *b)
{
    const wsgi_server *server = wsgi_python_settings()->server;
    struct stat st;

    if (stat(reporter.to.sun_path, &st) == 0
        && (st.st_dev != reporter.heard_by.device || st.st_ino != reporter.heard_by.number
            || st.st_ctime != reporter.heard_by.made)) {
        reporter.introduced = 0;
        reporter.heard_by.device = st.st_dev;
        reporter.heard_by.number = st.st_ino;
        reporter.heard_by.made = st.st_ctime;
    }
    if (reporter.introduced)
        return;
    wsgi_telemetry_begin(b, WSGI_DATAGRAM_STARTED);
    put_name(b, 1, MOD_WSGI_VERSION);
    put_name(b, 2, PY_VERSION);
    put_name(b, 3, server->description);
    put_name(b, 4, server->mpm);
    wsgi_datagram_u64(b, 7, server->parent);
    put_name(b, 8, "");
    wsgi_datagram_us(b, 9, wsgi_clock_us() - reporter.started_us);
    reporter.introduced = wsgi_telemetry_send(b) == 0;
}

/* How the process ends: 130 on. */
static void report_end(wsgi_buf *b, enum wsgi_datagram_kind kind, int clean)
{
    wsgi_sample s;

    if (wsgi_tally_lifetime(&s) < 0)
        return;
    wsgi_telemetry_begin(b, kind);
    put_name(b, 130, reporter.reason);
    wsgi_datagram_us(b, 131, wsgi_clock_us() - reporter.started_us);
    wsgi_datagram_u64(b, 132, s.totals.count);
    wsgi_datagram_u64(b, 133, reporter.active);
    if (kind == WSGI_DATAGRAM_STOPPED) {
        wsgi_datagram_u64(b, 134, s.active);
        wsgi_datagram_u64(b, 135, clean && s.active == 0);
    }
    wsgi_sample_free(&s);
    wsgi_telemetry_send(b);
}

/* Wait for the next round. 0 when there is none. */
static int wait_round(void)
{
    struct timespec until;
    uint64_t ns;
    int rv = 0, go;

    clock_gettime(CLOCK_MONOTONIC, &until);
    ns = (uint64_t)until.tv_nsec + reporter.interval_us % 1000000 * 1000;
    until.tv_sec += (time_t)(reporter.interval_us / 1000000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&reporter.lock);
    while (!reporter.ending && rv == 0)
        rv = pthread_cond_timedwait(&reporter.wake, &reporter.lock, &until);
    go = !reporter.ending;
    pthread_mutex_unlock(&reporter.lock);
    return go;
}

static void *run(void *unused)
{
    wsgi_buf b = {0};

    (void)unused;
    introduce(&b);
    while (wait_round()) {
        introduce(&b);
        wsgi_events_errand(wsgi_gc_look);       /* seen in the next round */
        report_sample(&b);
        wsgi_slow_report();
        wsgi_gc_report();
    }
    wsgi_buf_free(&b);
    return NULL;
}

/* 0 or an errno. */
static int open_socket(const char *path)
{
    int size = SEND_BUFFER;

    reporter.to.sun_family = AF_UNIX;
    snprintf(reporter.to.sun_path, sizeof reporter.to.sun_path, "%s", path);
    reporter.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (reporter.fd < 0)
        return errno;
    setsockopt(reporter.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return 0;
}

static int start_thread(void)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    int err;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&reporter.wake, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&reporter.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    reporter.running = err == 0;
    return err;
}

void wsgi_telemetry_start(void)
{
    const wsgi_python_config *c = wsgi_python_settings();
    uint32_t threads = c->threads > 0 ? (uint32_t)c->threads : 1;
    int err;

    if (c->server->telemetry == NULL || c->service)
        return;
    reporter.started_us = wsgi_clock_us();
    reporter.interval_us = c->server->interval_us > 0 ? (uint64_t)c->server->interval_us : INTERVAL_US;
    gethostname(reporter.host, sizeof reporter.host - 1);
    err = open_socket(c->server->telemetry);
    if (err == 0) {
        wsgi_tally_start(threads);
        wsgi_slow_start(threads, reporter.interval_us);
        err = start_thread();
    }
    if (err != 0)
        wsgi_log(WSGI_LOG_WARNING, "WSGIM0652: there is no telemetry of this process (process group '%s'): %s",
                 group_name(), strerror(err));
}

void wsgi_telemetry_stopping(const char *reason)
{
    wsgi_buf b = {0};
    int first;

    if (!reporter.running)
        return;
    pthread_mutex_lock(&reporter.lock);
    first = !reporter.told;
    reporter.told = 1;
    if (first) {
        snprintf(reporter.reason, sizeof reporter.reason, "%s", reason);
        reporter.active = wsgi_tally_active();
    }
    pthread_mutex_unlock(&reporter.lock);
    if (first)
        report_end(&b, WSGI_DATAGRAM_STOPPING, 0);
    wsgi_buf_free(&b);
}

void wsgi_telemetry_end(int clean)
{
    wsgi_buf b = {0};

    if (!reporter.running)
        return;
    wsgi_telemetry_stopping("");
    pthread_mutex_lock(&reporter.lock);
    reporter.ending = 1;
    pthread_cond_signal(&reporter.wake);
    pthread_mutex_unlock(&reporter.lock);
    pthread_join(reporter.thread, NULL);
    report_sample(&b);
    wsgi_slow_report();
    report_end(&b, WSGI_DATAGRAM_STOPPED, clean);
    wsgi_buf_free(&b);
    close(reporter.fd);
    reporter.running = 0;
}

/* wsgi_host.c - the program wsgi-host: one daemon process.
 *
 * Executed by the supervisor. Order matters: the configuration comes first,
 * what is not ours is closed, privileges are dropped and read back, and only
 * then is Python started and the queue of requests read.
 */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_adapter.h"
#include "wsgi_calls.h"
#include "wsgi_host_identity.h"
#include "wsgi_host_tables.h"
#include "wsgi_interp.h"
#include "wsgi_numbers.h"
#include "wsgi_scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEAD_KEPT (1024 * 1024)   /* a buffer for larger heads is given back */

static wsgi_host host = {.group = "", .config = {.log_level = 6}};

enum { LEVEL_ALERT = 1, LEVEL_CRIT = 2, LEVEL_ERROR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6, LEVEL_DEBUG = 7 };

/* ---- log ------------------------------------------------------------------------- */

static void log_line(void *ctx, int level, const char *text, size_t n)
{
    (void)ctx;
    wsgi_host_line(level, NULL, 0, text, n);
}

static void log_line_at(void *ctx, int level, const char *file, int line, const char *text, size_t n)
{
    (void)ctx;
    wsgi_host_line(level, file, line, text, n);
}

/* ---- one request ------------------------------------------------------------------- */

/* Memory of a seat that is used for every request. The packet is not cleared: of
 * what never came there are no pages either. */
typedef struct {
    unsigned char packet[WSGI_PACKET_BUFFER];
    unsigned char *head;          /* one that came in a memfd */
    size_t head_cap;
} scratch;

/* The head in FD, copied: its sender could change it under our eyes. NULL if
 * it is not there in full. */
static const unsigned char *read_head(scratch *s, int fd, uint32_t len)
{
    size_t got = 0;
    ssize_t n;

    if (len > s->head_cap) {
        unsigned char *more = realloc(s->head, len);

        if (more == NULL)
            return NULL;
        s->head = more;
        s->head_cap = len;
    }
    while (got < len) {
        n = pread(fd, s->head + got, len - got, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NULL;
        got += (size_t)n;
    }
    return s->head;
}

/* Make a request of a packet of N bytes, or a call about one: its kind is 0 if it
 * is none. 0, or -1 if it is neither. */
static int parse(scratch *s, size_t n, int memfd, wsgi_packet *p, wsgi_request *r, wsgi_call *call)
{
    const unsigned char *head = s->packet + WSGI_PACKET_HEADER;
    size_t inside, used = 0;

    if (wsgi_packet_decode(s->packet, n, p) != 0)
        return -1;
    inside = p->flags & WSGI_REQ_MEMFD ? 0 : p->head_len;
    if (n != WSGI_PACKET_HEADER + inside + p->body_len)
        return -1;
    r->body.data = (const char *)head + inside;
    r->body.len = p->body_len;
    if ((p->flags & WSGI_REQ_MEMFD)
        && (memfd < 0 || (head = read_head(s, memfd, p->head_len)) == NULL))
        return -1;
    call->kind = 0;
    if ((p->flags & WSGI_REQ_CALL) && wsgi_call_decode(head, p->head_len, call, &used) < 0)
        return -1;
    if (wsgi_head_decode(head + used, p->head_len - used, &r->head) != 0)
        return -1;
    r->flags = p->flags;
    r->log_level = p->log_level;
    r->content_length = p->content_length;
    r->received_us = p->received_us;
    r->queued_us = p->queued_us;
    r->resent = p->resent;
    r->refused = p->refused;
    return 0;
}

/* Whichever it is. Passwords are not left lying about. */
static enum wsgi_end run_either(wsgi_seat *seat, const wsgi_request *r, const wsgi_call *call)
{
    enum wsgi_end end;
    int i;

    if (call->kind == 0)
        return wsgi_adapter_run(r, &wsgi_answer_peer, &seat->answer);
    end = wsgi_calls_run(r, call, &wsgi_answer_peer, &seat->answer);
    for (i = 0; i < wsgi_call_args(call->kind); i++)
        explicit_bzero((void *)(uintptr_t)call->args[i].data, call->args[i].len);
    return end;
}

/* What R had to wait for, on the scoreboard. */
static void count_waits(const wsgi_seat *seat, const wsgi_request *r)
{
    uint32_t slot = host.config.slot;
    uint64_t us, waits;

    if (seat->answer.begun)       /* one that was refused, or came too late, has not run */
        wsgi_thread_waited(host.board, slot, seat->number,
                           r->taken_us > r->queued_us ? r->taken_us - r->queued_us : 0);
    wsgi_interp_waited(&us, &waits);
    wsgi_thread_gil(host.board, slot, seat->number, us, waits);
}

static void run_request(wsgi_seat *seat, scratch *s, size_t n, int answer_fd, int memfd)
{
    const wsgi_group_config *c = &host.config;
    wsgi_packet p;
    wsgi_call call;
    wsgi_request r = {.process_group = host.group, .thread = seat->number + 1,
                      .multithread = wsgi_options_threads(&c->options) != 1,
                      .multiprocess = wsgi_options_multiprocess(&c->options),
                      .apache = {c->apache[0], c->apache[1], c->apache[2]}};

    r.taken_us = wsgi_now_us();
    __atomic_store_n(&seat->since_us, r.taken_us, __ATOMIC_RELAXED);
    __atomic_store_n(&seat->received_us, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&seat->state, WSGI_SEAT_BUSY, __ATOMIC_RELEASE);
    wsgi_thread_busy(host.board, c->slot, seat->number, r.taken_us);
    if (answer_fd < 0 || parse(s, n, memfd, &p, &r, &call) < 0) {
        wsgi_host_log(LEVEL_ERROR, "WSGIM0512: daemon process '%s': a request of %zu bytes is "
                      "malformed and was dropped", host.group, n);
    }
    else {
        __atomic_store_n(&seat->received_us, r.received_us, __ATOMIC_RELAXED);
        wsgi_thread_what(host.board, c->slot, seat->number, r.received_us, r.head.method.data,
                         r.head.method.len, r.head.uri.data, r.head.uri.len);
        wsgi_answer_begin(&seat->answer, answer_fd, &p);
        wsgi_answer_end(&seat->answer, run_either(seat, &r, &call));
        count_waits(seat, &r);
    }
    wsgi_thread_done(host.board, c->slot, seat->number, wsgi_now_us());
    if (s->head_cap > HEAD_KEPT) {
        free(s->head);
        s->head = NULL;
        s->head_cap = 0;
    }
}

static void count_request(void)
{
    uint64_t n = __atomic_add_fetch(&host.requests, 1, __ATOMIC_RELAXED);
    int most = wsgi_options_seconds(host.config.options.maximum_requests);

    if (most > 0 && n == (uint64_t)most) {
        if (most == 1)            /* wsgi.run_once was promised: not one more */
            __atomic_store_n(&host.closing, 1, __ATOMIC_RELEASE);
        wsgi_watch_tell(WSGI_NEWS_MAXIMUM);
    }
}

/* ---- seats --------------------------------------------------------------------------- */

static void lost_line(int level, const char *text, size_t n)
{
    wsgi_host_line(level, NULL, 0, text, n);
}

/* The script of a request has changed: this process has the old one, and serves
 * with it until its successor, which is to answer this first request, is ready. */
static int refuse(enum wsgi_stale how)
{
    if (how == WSGI_STALE_ELSEWHERE || __atomic_load_n(&host.closing, __ATOMIC_ACQUIRE)
        || wsgi_gate_passed())
        return EBUSY;
    if (how == WSGI_STALE_FIRST)
        wsgi_watch_tell(WSGI_NEWS_STALE);
    return how == WSGI_STALE_AGAIN ? EALREADY : EAGAIN;
}

/* Take requests until there are no more to be taken. */
static void serve(wsgi_seat *seat, scratch *s)
{
    for (;;) {
        int answer_fd = -1, memfd = -1;
        ssize_t n;

        __atomic_store_n(&seat->state, WSGI_SEAT_WAITING, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&host.closing, __ATOMIC_SEQ_CST))
            return;
        n = wsgi_rendezvous_recv(WSGI_HOST_RENDEZVOUS_FD, s->packet, sizeof s->packet,
                                 &answer_fd, &memfd);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EMSGSIZE) {
            wsgi_host_log(LEVEL_ERROR, "WSGIM0513: daemon process '%s': a request that does not "
                          "fit the buffer was dropped", host.group);
            continue;
        }
        if (n <= 0) {
            if (n < 0)
                wsgi_host_log(LEVEL_ERROR, "WSGIM0514: daemon process '%s': the queue of requests "
                              "cannot be read: %s", host.group, strerror(errno));
            wsgi_watch_tell(WSGI_NEWS_END_OF_QUEUE);
            return;
        }
        run_request(seat, s, (size_t)n, answer_fd, memfd);
        if (memfd >= 0)
            close(memfd);
        if (answer_fd >= 0)
            close(answer_fd);
        count_request();
    }
}

static void *sit(void *arg)
{
    wsgi_seat *seat = arg;
    scratch *s = malloc(sizeof *s);

    if (s != NULL) {
        s->head = NULL;
        s->head_cap = 0;
    }
    pthread_mutex_init(&seat->answer.sending, NULL);
    seat->answer.thread = (uint16_t)(seat->number + 1);
    seat->answer.board = host.board;
    seat->answer.slot = host.config.slot;
    seat->answer.incarnation = (uint16_t)host.config.incarnation;
    seat->answer.own_log_level = host.config.log_level;
    seat->answer.lost_line = lost_line;
    seat->answer.refuse = refuse;
    wsgi_thread_idle(host.board, host.config.slot, seat->number);
    wsgi_host_log(LEVEL_DEBUG, "daemon process '%s': request thread %u starts", host.group, seat->number + 1);
    if (s != NULL)
        serve(seat, s);
    wsgi_runner_end();
    wsgi_host_log(LEVEL_DEBUG, "daemon process '%s': request thread %u ends", host.group, seat->number + 1);
    wsgi_thread_none(host.board, host.config.slot, seat->number);
    wsgi_answer_free(&seat->answer);
    if (s != NULL)
        free(s->head);
    free(s);
    __atomic_store_n(&seat->state, WSGI_SEAT_GONE, __ATOMIC_RELEASE);
    wsgi_watch_tell(WSGI_NEWS_LOOK);
    return NULL;
}

/* As many request threads as can be had. 0 or an errno if there is none. */
static int seat_threads(void)
{
    uint32_t wanted = (uint32_t)wsgi_options_threads(&host.config.options), i;
    int64_t stack = host.config.options.stack_size;
    pthread_attr_t attr;
    int err;

    pthread_attr_init(&attr);
    err = stack > 0 ? pthread_attr_setstacksize(&attr, (size_t)stack) : 0;
    if (err != 0)
        wsgi_host_log(LEVEL_WARNING, "WSGIM0522: daemon process '%s': request threads cannot have a "
                      "stack of %lld bytes: %s", host.group, (long long)stack, strerror(err));
    err = 0;
    for (i = 0; i < wanted && err == 0; i++) {
        host.seats[i].number = i;
        err = pthread_create(&host.seats[i].thread, &attr, sit, &host.seats[i]);
        if (err == 0)
            __atomic_store_n(&host.nseats, i + 1, __ATOMIC_RELEASE);
    }
    pthread_attr_destroy(&attr);
    if (err != 0 && host.nseats > 0) {
        wsgi_host_log(LEVEL_WARNING, "WSGIM0515: daemon process '%s': only %u of %u request "
                      "threads could be started: %s", host.group, host.nseats, wanted,
                      strerror(err));
        err = 0;
    }
    return err;
}

/* ---- start ---------------------------------------------------------------------------- */

/* Say why and end. */
static void give_up(enum wsgi_host_exit status, const char *text)
{
    wsgi_host_log(status == WSGI_HOST_EXIT_IDENTITY ? LEVEL_ALERT : LEVEL_CRIT, "%s", text);
    _exit(status);
}

static void read_config(void)
{
    unsigned char *buf = malloc(WSGI_CONTROL_MAX);
    uint8_t type = 0;
    uint16_t code;
    int fds[3], i;
    ssize_t n;
    wsgi_cur cur;
    wsgi_group_config config;
    char text[512];

    if (buf == NULL)
        give_up(WSGI_HOST_EXIT_CONFIG, "WSGIM0500: daemon process: no memory");
    do
        n = wsgi_control_recv(WSGI_HOST_CONTROL_FD, &type, &code, buf, WSGI_CONTROL_MAX, fds);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        snprintf(text, sizeof text, errno == EPROTO
                 ? "WSGIM0501: daemon process: the supervisor is not of interface version %d, "
                   "which this wsgi-host (%s, Python %s) needs: install both from one build"
                 : "WSGIM0502: daemon process: no configuration on descriptor %d; wsgi-host (%s, "
                   "Python %s) is started by wsgi-supervisor, not by hand",
                 errno == EPROTO ? WSGI_INTERFACE_VERSION : WSGI_HOST_CONTROL_FD,
                 MOD_WSGI_VERSION, PY_VERSION);
        give_up(WSGI_HOST_EXIT_CONFIG, text);
    }
    for (i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    cur = wsgi_cur_of(buf, (size_t)n);
    if (type != WSGI_CTL_CONFIG || wsgi_group_config_decode(&cur, &config) != 0)
        give_up(WSGI_HOST_EXIT_CONFIG, "WSGIM0503: daemon process: the supervisor's "
                "configuration message cannot be read");
    host.config = config;
    host.group = host.config.options.name != NULL ? host.config.options.name : "";
    wsgi_host_log_setup(host.group, host.config.log_level, host.config.server.json);
    free(buf);
}

static void close_strangers(void)
{
    int fd, last;

#ifdef SYS_close_range
    if (syscall(SYS_close_range, WSGI_HOST_CONTROL_FD + 1, ~0U, 0) == 0)
        return;
#endif
    last = (int)sysconf(_SC_OPEN_MAX);
    for (fd = WSGI_HOST_CONTROL_FD + 1; fd < (last > 0 ? last : 65536); fd++)
        close(fd);
}

/* What the application executes must not inherit these. */
static void guard_descriptors(void)
{
    int fd;

    for (fd = WSGI_HOST_RENDEZVOUS_FD; fd <= WSGI_HOST_CONTROL_FD; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void open_board(void)
{
    const wsgi_group_config *c = &host.config;
    uint32_t threads = (uint32_t)wsgi_options_threads(&c->options);
    char text[256];
    int err = wsgi_board_map(WSGI_HOST_BOARD_FD, &host.board);

    if (err == 0 && (c->slot >= wsgi_board_slots(host.board)
                     || threads > wsgi_board_threads(host.board)))
        err = EPROTO;
    if (err == 0 && (host.seats = calloc(threads > 0 ? threads : 1, sizeof *host.seats)) == NULL)
        err = ENOMEM;
    if (err != 0) {
        snprintf(text, sizeof text, "WSGIM0504: daemon process '%s': the scoreboard cannot be "
                 "used: %s", host.group, strerror(err));
        give_up(WSGI_HOST_EXIT_CONFIG, text);
    }
    close(WSGI_HOST_BOARD_FD);
}

static void set_environment(void)
{
    const wsgi_options *o = &host.config.options;

    if (o->python_eggs != NULL)
        setenv("PYTHON_EGG_CACHE", o->python_eggs, 1);
    if (o->lang != NULL)
        setenv("LANG", o->lang, 1);
    if (o->locale == NULL)
        return;
    if (setlocale(LC_ALL, o->locale) == NULL)
        wsgi_host_log(LEVEL_WARNING, "WSGIM0516: daemon process '%s': locale '%s' is not supported "
                      "on this system, the inherited one stays", host.group, o->locale);
    else
        setenv("LC_ALL", o->locale, 1);
}

static void take_identity(void)
{
    char text[512], err[400] = "";

    if (wsgi_host_identity(&host.config.options, err, sizeof err) == 0)
        return;
    snprintf(text, sizeof text, "WSGIM0505: daemon process '%s': %s", host.group, err);
    give_up(WSGI_HOST_EXIT_IDENTITY, text);
}

static void start_lock(void)
{
    int err = wsgi_host_lock_start(&host);

    if (err != 0)
        wsgi_host_log(LEVEL_WARNING, "WSGIM0519: daemon process '%s': deadlock-timeout is not kept, "
                      "since its thread could not be started: %s", host.group, strerror(err));
}

static void start_watch(void)
{
    char text[256];
    int err = wsgi_watch_start(&host);

    if (err == 0)
        return;
    snprintf(text, sizeof text, "WSGIM0506: daemon process '%s': signals cannot be watched: %s",
             host.group, strerror(err));
    give_up(WSGI_HOST_EXIT_THREADS, text);
}

static int read_score(void *ctx, wsgi_buf *out)
{
    (void)ctx;
    return wsgi_score_read(host.board, out);
}

static void start_python(void)
{
    static wsgi_python_config python;
    const wsgi_options *o = &host.config.options;
    char text[700], err[600] = "";

    python = (wsgi_python_config){
        .python_home = o->python_home, .python_path = o->python_path,
        .working_folder = o->home,
        .switch_interval_us = o->switch_interval_us,
        .service = wsgi_options_threads(o) == 0, .stacks_at_crash = 1,
        .runtime = host.config.runtime[0] != '\0' ? host.config.runtime : NULL,
        .process_group = host.group, .settings = &host.config.settings, .server = &host.config.server,
        .processes = wsgi_options_processes(o), .threads = wsgi_options_threads(o),
        .multithread = wsgi_options_threads(o) != 1,
        .multiprocess = wsgi_options_multiprocess(o),
        .caseless = host.config.caseless != 0,
        .run_once = wsgi_options_threads(o) == 1
                    && wsgi_options_seconds(o->maximum_requests) == 1,
        .scoreboard = o->server_metrics == 1 ? read_score : NULL,
        .log = log_line, .log_at = log_line_at, .log_level = host.config.log_level};
    if (wsgi_python_start(&python, err, sizeof err) == 0)
        return;
    snprintf(text, sizeof text, "WSGIM0507: daemon process '%s': %s", host.group, err);
    give_up(WSGI_HOST_EXIT_PYTHON, text);
}


static void start_threads(void)
{
    char text[256];
    int err = seat_threads();

    if (err == 0)
        return;
    snprintf(text, sizeof text, "WSGIM0508: daemon process '%s': no request thread can be "
             "started: %s", host.group, strerror(err));
    give_up(WSGI_HOST_EXIT_THREADS, text);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("wsgi-host %s, interface %d, Python %s\n", MOD_WSGI_VERSION,
               WSGI_INTERFACE_VERSION, PY_VERSION);
        return 0;
    }
    read_config();
    close_strangers();
    guard_descriptors();
    open_board();
    prctl(PR_SET_NAME, host.group, 0, 0, 0);
    set_environment();
    wsgi_host_memory(&host);
    wsgi_host_priority(&host);
    take_identity();
    wsgi_host_cores(&host);
    wsgi_host_limits(&host);
    if (wsgi_options_threads(&host.config.options) == 0) {
        start_python();
        return wsgi_host_service(&host);
    }
    start_watch();
    wsgi_host_log(LEVEL_INFO, "daemon process '%s': starting, Python %s, %d threads", host.group,
                  PY_VERSION, wsgi_options_threads(&host.config.options));
    wsgi_host_log_settings(&host);
    start_python();
    start_lock();
    wsgi_hang_start(&host);
    wsgi_gate_load(&host);
    wsgi_host_tables_release();
    start_threads();
    wsgi_slot_state(host.board, host.config.slot, (uint16_t)host.config.incarnation, WSGI_SLOT_READY);
    wsgi_control_send(WSGI_HOST_CONTROL_FD, WSGI_CTL_READY, 0, NULL, 0, NULL, 0);
    __atomic_store_n(&host.serving, 1, __ATOMIC_RELAXED);
    wsgi_watch_tell(WSGI_NEWS_LOOK);
    wsgi_home_run();
    if (!wsgi_python_stop())
        _exit(0);
    return 0;
}

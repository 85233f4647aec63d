/* wsgi_keeper.c - see wsgi_keeper.h.
 *
 * This module is unloaded and loaded again at each restart of Apache, the
 * supervisor is not. So what is kept of it is plain numbers, and the callback
 * for its death is given back with pconf and registered anew.
 */
#include "wsgi_keeper.h"
#include "wsgi_board.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_thread_proc.h"
#include "apr_time.h"

#define ACK_SECONDS     10
#define STOP_SPARE      5        /* seconds more than the supervisor grants its processes */
#define STOP_UNFORCED   60       /* where shutdown-timeout=0 forces nobody */
#define QUICK_DEATH     apr_time_from_sec(2)

typedef struct {
    pid_t pid;                    /* 0: none */
    int control;                  /* our end, -1: none */
    pid_t parent;
    int stop_seconds;             /* how long STOP may take */
    apr_time_t started;
} keeper;

/* Of this run of the configuration; the parent's. NULL between two. */
static struct generation *current;

#define RETAINED_KEEPER "mod_wsgi-supervisor-1"

/* One a configuration, in pconf. */
typedef struct generation {
    apr_pool_t *pool;
    server_rec *server;
    const char *program;
    apr_array_header_t *groups;
    int log;
    apr_proc_t proc;              /* what APR knows of the supervisor */
    int registered;
} generation;

static keeper *retained(void)
{
    keeper *k = ap_retained_data_get(RETAINED_KEEPER);

    if (k == NULL) {
        k = ap_retained_data_create(RETAINED_KEEPER, sizeof(*k));
        k->control = -1;
        k->parent = getpid();
    }
    return k;
}

/* ---- starting it ------------------------------------------------------------------------ */

static void close_from(int first)
{
    long max;
    int fd;

#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0)
        return;
#endif
    max = sysconf(_SC_OPEN_MAX);
    for (fd = first; fd < (max > 0 ? max : 1024); fd++)
        close(fd);
}

/* In the new process, to the end: nothing of httpd's stays but its error log
 * and the control socket, and no signal is blocked or ignored. */
static void become_supervisor(const char *program, int control)
{
    char *argv[] = { (char *)program, NULL };
    struct sigaction action;
    sigset_t none;
    int null, sig;

    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_DFL;
    for (sig = 1; sig < NSIG; sig++)
        sigaction(sig, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();                         /* a Ctrl-C is for httpd, which then tells us */
    control = fcntl(control, F_DUPFD, WSGI_CONTROL_FD + 1);
    null = open("/dev/null", O_RDONLY);
    if (control < 0 || null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0 ||
        dup2(control, WSGI_CONTROL_FD) < 0)
        _exit(127);
    close_from(WSGI_CONTROL_FD + 1);
    execv(program, argv);
    _exit(127);
}

/* A new supervisor. 0 or an errno. */
static int spawn(keeper *k, const char *program)
{
    struct timeval limit = { ACK_SECONDS, 0 };
    int pair[2], error;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return errno;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    pid = fork();
    if (pid == 0)
        become_supervisor(program, pair[1]);
    error = errno;
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return error;
    }
    k->pid = pid;
    k->control = pair[0];
    k->started = (apr_time_t)wsgi_steady_us();
    return 0;
}

/* Let go of a supervisor that is dead or of no use. */
static void drop(keeper *k)
{
    if (k->control >= 0)
        close(k->control);
    k->control = -1;
    k->pid = 0;
}

/* The same of one that may still run. Its processes see the end of it, and
 * finish what they have. */
static void end_useless(keeper *k)
{
    if (k->pid > 0 && waitpid(k->pid, NULL, WNOHANG) == 0) {
        kill(k->pid, SIGKILL);
        waitpid(k->pid, NULL, 0);
    }
    drop(k);
}

/* ---- telling it -------------------------------------------------------------------------- */

/* An answer that came too late for an earlier generation is not one to this. */
static void forget_answers(const keeper *k)
{
    char text[64];

    while (recv(k->control, text, sizeof(text), MSG_DONTWAIT) > 0)
        ;
}

static int send_generation(const keeper *k, const generation *g)
{
    wsgi_buf buf;
    int i, error = 0;

    forget_answers(k);
    memset(&buf, 0, sizeof(buf));
    for (i = 0; i < g->groups->nelts && error == 0; i++) {
        const wsgi_keeper_group *group = &APR_ARRAY_IDX(g->groups, i, wsgi_keeper_group);
        int fds[3] = { group->rendezvous, group->board, group->log };

        wsgi_buf_reset(&buf);
        wsgi_group_config_encode(&group->config, &buf);
        error = buf.failed ? ENOMEM : buf.len > WSGI_CONTROL_MAX ? EMSGSIZE
                : wsgi_control_send(k->control, WSGI_CTL_GROUP, 0, buf.data, buf.len, fds, 3);
    }
    wsgi_buf_free(&buf);
    if (error == 0)
        error = wsgi_control_send(k->control, WSGI_CTL_COMMIT, 0, NULL, 0, &g->log, 1);
    return error == EAGAIN ? ETIMEDOUT : error;     /* its queue stayed full */
}

/* Wait for the answer to COMMIT. 0 or an errno; TEXT is what cannot work. */
static int await_ack(const keeper *k, char *text, size_t size)
{
    int fds[3];
    uint8_t type;
    uint16_t code;
    ssize_t n;

    do {
        n = wsgi_control_recv(k->control, &type, &code, text, size - 1, fds);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? ETIMEDOUT : errno;
    if (type != WSGI_CTL_ACK)
        return type == 0 ? ECONNRESET : EPROTO;
    text[n] = '\0';
    return 0;
}

static void on_change(int reason, void *data, int status);

static void watch(keeper *k, generation *g)
{
    g->proc.pid = k->pid;
    apr_proc_other_child_register(&g->proc, on_change, g, NULL, g->pool);
    g->registered = 1;
}

static void unwatch(generation *g)
{
    if (g->registered) {
        g->registered = 0;
        apr_proc_other_child_unregister(g);
    }
}

/* Bring the supervisor to generation G, starting one if there is none. */
static int tell(keeper *k, generation *g)
{
    char text[WSGI_CONTROL_MAX / 16] = "";
    int error = EPIPE, fresh;

    for (fresh = k->control < 0; error == EPIPE || error == ECONNRESET || error == ETIMEDOUT; fresh = 1) {
        if (error == ETIMEDOUT)
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, g->server, WSGI_MSG(0314) "the supervisor of the daemon "
                         "processes (pid %ld) did not answer for %d seconds; it is replaced", (long)k->pid,
                         ACK_SECONDS);
        if (fresh) {
            end_useless(k);
            error = spawn(k, g->program);
            if (error != 0)
                break;
        }
        error = send_generation(k, g);
        if (error == 0)
            error = await_ack(k, text, sizeof(text));
        if (fresh)
            break;
    }
    if (k->pid > 0)
        watch(k, g);                  /* whatever became of it: its end is to be heard of */
    if (error != 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, error, g->server, WSGI_MSG(0310) "the supervisor of the daemon "
                     "processes (%s) cannot be %s", g->program, k->pid ? "told its groups" : "started");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (*text != '\0') {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, g->server, WSGI_MSG(0311) "the supervisor of the daemon "
                     "processes reports: %s", text);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* ---- its death ---------------------------------------------------------------------------- */

static int is_stopping(void)
{
    int state = AP_MPMQ_RUNNING;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

/* APR's callback; in the parent's own loop. */
static void on_change(int reason, void *data, int status)
{
    generation *g = data;
    keeper *k = retained();

    if (reason == APR_OC_REASON_UNREGISTER)
        g->registered = 0;            /* APR does it by itself when pconf goes */
    if ((reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) || !g->registered)
        return;
    unwatch(g);
    drop(k);
    if (is_stopping() || g->groups->nelts == 0)
        return;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, g->server, WSGI_MSG(0312) "the supervisor of the daemon processes "
                 "ended (%s %d); starting it again", WIFSIGNALED(status) ? "signal" : "exit status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if ((apr_time_t)wsgi_steady_us() - k->started < QUICK_DEATH)
        apr_sleep(apr_time_from_sec(1));      /* no faster than this if it cannot live */
    tell(k, g);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Wait for the supervisor's end of the socket to close. 1: it did. */
static int wait_for_end(const keeper *k, apr_interval_time_t most)
{
    apr_time_t until = (apr_time_t)wsgi_steady_us() + most, now;

    while ((now = (apr_time_t)wsgi_steady_us()) < until) {
        struct pollfd p = { k->control, POLLIN, 0 };
        uint8_t type;
        uint16_t code;
        char text[512];
        int fds[3];

        if (poll(&p, 1, (int)apr_time_as_msec(until - now) + 1) > 0 &&
            wsgi_control_recv(k->control, &type, &code, text, sizeof(text), fds) <= 0 && type == 0)
            return 1;
    }
    return 0;
}

static void stop(keeper *k, server_rec *s)
{
    if (k->control < 0)
        return;
    if (wsgi_control_send(k->control, WSGI_CTL_STOP, 0, NULL, 0, NULL, 0) == 0 &&
        !wait_for_end(k, apr_time_from_sec(k->stop_seconds + STOP_SPARE))) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, WSGI_MSG(0313) "the daemon processes did not end within "
                     "%d seconds; they are killed", k->stop_seconds + STOP_SPARE);
        kill(-k->pid, SIGKILL);           /* it leads the process group of all of them */
        kill(k->pid, SIGKILL);
    }
    waitpid(k->pid, NULL, 0);
    drop(k);
}

static apr_status_t leave_generation(void *data)
{
    generation *g = data;
    keeper *k = retained();

    if (k->parent != getpid())
        return APR_SUCCESS;
    unwatch(g);
    current = NULL;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING)
        stop(k, g->server);
    return APR_SUCCESS;
}

static int longest_stop(const apr_array_header_t *groups)
{
    int i, most = 0;

    for (i = 0; i < groups->nelts; i++) {
        int value = wsgi_options_shutdown_timeout(&APR_ARRAY_IDX(groups, i, wsgi_keeper_group).config.options);

        if (value == 0)
            value = STOP_UNFORCED;
        most = value > most ? value : most;
    }
    return most;
}

/* No groups are left: nothing to do but to let the old processes finish. */
static int dismiss(keeper *k, generation *g)
{
    char text[64];

    if (send_generation(k, g) == 0 && await_ack(k, text, sizeof(text)) == 0)
        watch(k, g);
    else
        drop(k);                      /* it is dead, or ends by this */
    return OK;
}

int wsgi_keeper_start(apr_pool_t *pconf, server_rec *s, const char *program,
                      apr_array_header_t *groups, int log)
{
    keeper *k = retained();
    generation *g;

    if (groups->nelts == 0 && k->control < 0)
        return OK;
    g = apr_pcalloc(pconf, sizeof(*g));
    g->pool = pconf;
    g->server = s;
    g->program = program;
    g->groups = groups;
    g->log = log;
    apr_pool_cleanup_register(pconf, g, leave_generation, apr_pool_cleanup_null);
    if (groups->nelts == 0)
        return dismiss(k, g);
    k->stop_seconds = longest_stop(groups);
    current = g;
    return tell(k, g);
}

/* The parent's loop comes by every ten seconds or so. */
int wsgi_keeper_monitor(apr_pool_t *pool, server_rec *s)
{
    keeper *k = retained();

    (void)pool;
    (void)s;
    if (current != NULL && k->pid == 0 && k->parent == getpid() && !is_stopping())
        tell(k, current);
    return DECLINED;
}

void wsgi_keeper_child_init(void)
{
    keeper *k = ap_retained_data_get(RETAINED_KEEPER);

    if (k != NULL && k->parent != getpid())
        drop(k);
}

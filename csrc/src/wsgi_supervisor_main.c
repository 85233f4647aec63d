/* wsgi_supervisor_main.c - the program wsgi-supervisor: the machine of
 * wsgi_supervisor.c with real processes, sockets and a clock.
 *
 * Executed by the httpd parent with the control socket on WSGI_CONTROL_FD and
 * the error log on 1 and 2. One thread, one poll loop. It leads a process
 * group of its own, so that signals meant for httpd and its children (ctrl-C,
 * the parent's kill of its group) do not reach the daemon processes past it;
 * the end of the parent is seen on the control socket. SIGTERM and SIGINT are
 * as STOP, SIGUSR1 replaces all processes one after the other.
 *
 * A parent that ends without STOP was killed. Its children go on serving, as
 * they do with files, and so do the daemon processes until the last child has
 * let go of the rendezvous.
 */
#include "wsgi_supervisor.h"
#include "wsgi_memory.h"
#include "wsgi_supervisor_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#ifndef MOD_WSGI_VERSION
#define MOD_WSGI_VERSION "unknown"
#endif

#define EXIT_USAGE  64
#define EXIT_OS     71
#define HOST_MESSAGES_AT_ONCE 8
#define ORPHANED_LOOK_MS 500

enum { LEVEL_ERR = 3, LEVEL_WARNING = 4, LEVEL_NOTICE = 5, LEVEL_INFO = 6 };

typedef struct {
    wsgi_supervisor machine;
    int control;                    /* to the httpd parent; -1 once it is gone */
    pid_t parent;
    int orphaned;                   /* it went without a word */
    int level;                      /* for lines that belong to no group */
    char problems[2048];            /* of the generation being told to us */
    struct rlimit nofile;           /* as we found it: hosts get it back */
    wsgi_memory_watch memory;
    unsigned char *buffer;          /* WSGI_CONTROL_MAX */
    struct pollfd *polled;
    size_t polled_cap;
} supervisor;

static int signal_pipe[2] = { -1, -1 };     /* the handler's; write end first used in main */

/* ---- log ------------------------------------------------------------------- */

static const char *const level_names[] = { "emerg", "alert", "crit", "error", "warn",
                                           "notice", "info", "debug", "trace1" };

/* A line as httpd writes it, in one write. */
static void write_line(int fd, int level, const char *text)
{
    char line[1400], day[40], year[8];
    struct timeval tv;
    struct tm tm;
    int n;

    gettimeofday(&tv, NULL);
    localtime_r(&tv.tv_sec, &tm);
    strftime(day, sizeof(day), "%a %b %d %H:%M:%S", &tm);
    strftime(year, sizeof(year), "%Y", &tm);
    n = snprintf(line, sizeof(line), "[%s.%06ld %s] [wsgi:%s] [pid %ld] %.1200s\n", day,
                 (long)tv.tv_usec, year, level_names[level < 0 || level > 8 ? 8 : level],
                 (long)getpid(), text);
    if (n > 0 && write(fd, line, (size_t)n) < 0)
        return;                     /* nowhere left to complain */
}

/* Lines about a group go where its processes write: the log of its server. */
static void log_effect(void *ctx, const wsgi_sv_group *g, int level, const char *text)
{
    const supervisor *s = ctx;
    int limit = g != NULL ? g->config.log_level : s->level;

    if (level <= limit || level == LEVEL_NOTICE)    /* as httpd does it */
        write_line(g != NULL && g->log_fd >= 0 ? g->log_fd : 2, level, text);
}

static void say_of(const supervisor *s, const wsgi_sv_group *g, int level, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

static void say_of(const supervisor *s, const wsgi_sv_group *g, int level, const char *format,
                   ...)
{
    char text[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_effect((void *)s, g, level, text);
}

#define say(s, ...) say_of((s), NULL, __VA_ARGS__)

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- what the machine does to the world ----------------------------------------- */

static pid_t spawn_effect(void *ctx, const wsgi_sv_group *g, uint32_t slot,
                          uint16_t incarnation, int *control)
{
    supervisor *s = ctx;

    wsgi_memory_look(&s->memory, "", now_ms());
    return wsgi_spawn_host(g, slot, incarnation, &s->nofile, control);
}

static void signal_effect(void *ctx, pid_t pid, int sig)
{
    (void)ctx;
    if (pid > 0)
        kill(pid, sig);
}

static int exists_effect(void *ctx, pid_t pid)
{
    (void)ctx;
    return wsgi_process_kind(pid);
}

static const wsgi_sv_effects effects = { spawn_effect, signal_effect, exists_effect, log_effect };

/* ---- messages ---------------------------------------------------------------- */

static void note_problem(supervisor *s, const char *text)
{
    size_t used = strlen(s->problems);

    snprintf(s->problems + used, sizeof(s->problems) - used, "%s%s", used ? "; " : "", text);
}

/* Takes the descriptors. */
static void on_group(supervisor *s, size_t n, int fds[3])
{
    wsgi_cur in = wsgi_cur_of(s->buffer, n);
    wsgi_group_config config;
    char err[512];
    int i, missing = 0;

    for (i = 0; i < 3; i++) {
        fds[i] = wsgi_lift(fds[i]);
        missing |= fds[i] < 0;
    }
    if (missing || wsgi_group_config_decode(&in, &config) < 0) {
        note_problem(s, missing ? "a daemon process group came without its descriptors"
                                : "the configuration of a daemon process group is malformed");
        for (i = 0; i < 3; i++)
            if (fds[i] >= 0)
                close(fds[i]);
        return;
    }
    if (config.log_level > s->level)
        s->level = config.log_level;
    /* The group is taken all the same: what runs of it stays. */
    if (access(config.host, X_OK) < 0) {
        snprintf(err, sizeof(err), "daemon process group '%.100s' cannot run %.300s: %s",
                 config.options.name, config.host, strerror(errno));
        note_problem(s, err);
    }
    if (wsgi_sv_stage(&s->machine, &config, fds, err, sizeof(err)) < 0)
        note_problem(s, err);
}

/* Tell httpd how the generation was taken, and forget what was wrong with it. */
static void acknowledge(supervisor *s)
{
    int error;

    if (s->problems[0] != '\0')
        say(s, LEVEL_ERR, "WSGIM0420: %s", s->problems);
    error = wsgi_control_send(s->control, WSGI_CTL_ACK, 0, s->problems, strlen(s->problems),
                              NULL, 0);
    if (error != 0)
        say(s, LEVEL_WARNING, "WSGIM0421: httpd does not take the answer of the supervisor of "
            "its daemon processes: %s", strerror(error));
    s->problems[0] = '\0';
}

static void on_commit(supervisor *s, int log_fd)
{
    if (log_fd >= 0) {                      /* httpd may have opened new ones */
        dup2(log_fd, 1);
        dup2(log_fd, 2);
    }
    wsgi_sv_commit(&s->machine, now_ms());
    acknowledge(s);
}

static void stop_all(supervisor *s, const char *why)
{
    if (!s->machine.stopping)
        say(s, LEVEL_INFO, "stopping all daemon processes: %s", why);
    wsgi_sv_stop(&s->machine, now_ms());
}

static void lose_parent(supervisor *s)
{
    if (s->orphaned || s->machine.stopping)
        return;
    s->orphaned = 1;
    say(s, LEVEL_WARNING, "WSGIM0426: the parent process of httpd (pid %ld) ended without stopping its "
        "server; daemon processes go on until its children are gone", (long)s->parent);
}

/* Has every process of httpd let go of every group? */
static int nobody_sends(const supervisor *s)
{
    const wsgi_sv_group *g;

    for (g = s->machine.groups; g != NULL; g = g->link) {
        struct pollfd p = { .fd = g->rendezvous };

        if (poll(&p, 1, 0) < 1 || (p.revents & (POLLHUP | POLLERR)) == 0)
            return 0;
    }
    return 1;
}

/* One message of the httpd parent. */
static void on_parent(supervisor *s)
{
    uint8_t type;
    uint16_t code;
    int fds[3], i;
    ssize_t n = wsgi_control_recv(s->control, &type, &code, s->buffer, WSGI_CONTROL_MAX, fds);

    if (n < 0) {
        if (errno == EAGAIN)
            return;
        if (errno == EMSGSIZE || errno == EMFILE) {
            note_problem(s, errno == EMFILE ? "the supervisor has too many open files"
                                            : "a message of httpd's module is too long");
            return;
        }
        /* After an upgrade httpd speaks a newer version than we, who outlived the
         * restart: give way to a supervisor of its own build. */
        if (errno == EPROTO)
            say(s, LEVEL_ERR, "WSGIM0425: httpd's module speaks another interface version than "
                "this supervisor of its daemon processes (%d); ending", WSGI_INTERFACE_VERSION);
        type = 0;
    }
    if (type == 0) {
        close(s->control);
        s->control = -1;
        if (n < 0)
            stop_all(s, "httpd cannot be understood");
        else
            lose_parent(s);
        return;
    }
    if (s->machine.stopping) {
        for (i = 0; i < 3; i++)
            if (fds[i] >= 0)
                close(fds[i]);
        return;
    }
    if (type == WSGI_CTL_GROUP) {
        on_group(s, (size_t)n, fds);
        return;
    }
    if (type == WSGI_CTL_COMMIT)
        on_commit(s, fds[0]);
    else if (type == WSGI_CTL_STOP)
        stop_all(s, "httpd asks for it");
    else
        note_problem(s, "an unknown message came from httpd's module");
    for (i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int may_ask_for(uint16_t reason)
{
    switch (reason) {
    case WSGI_DEATH_RELOAD:
    case WSGI_DEATH_RECYCLED:
    case WSGI_DEATH_REQUEST_TIMEOUT:
    case WSGI_DEATH_STARTUP_TIMEOUT:
    case WSGI_DEATH_IMPORT:
    case WSGI_DEATH_MAXIMUM_REQUESTS:
    case WSGI_DEATH_RESTART_INTERVAL:
    case WSGI_DEATH_INACTIVITY:
    case WSGI_DEATH_DEADLOCK:
    case WSGI_DEATH_CPU_TIME:
    case WSGI_DEATH_MEMORY:
    case WSGI_DEATH_SIGNALLED:
        return 1;
    default:
        return 0;
    }
}

/* The script that the message of N bytes in the buffer names. 0 if it is none. */
static int note_script(const supervisor *s, wsgi_sv_group *g, size_t n)
{
    wsgi_str script, application_group;

    if (wsgi_control_script_decode(s->buffer, n, &script, &application_group) < 0)
        return 0;
    wsgi_sv_script_seen(g, script, application_group);
    return 1;
}

/* What a host says. It runs the application, so it is believed nothing but
 * what it may say of itself. */
static void on_host(supervisor *s, wsgi_sv_group *g, uint32_t slot)
{
    wsgi_sv_process *p = &g->processes[slot];
    int turns;

    for (turns = 0; turns < HOST_MESSAGES_AT_ONCE && p->control >= 0 && !p->deaf;
         turns++) {
        uint8_t type;
        uint16_t code;
        int fds[3], i;
        ssize_t n = wsgi_control_recv(p->control, &type, &code, s->buffer, WSGI_CONTROL_MAX, fds);

        if (n < 0 && errno == EAGAIN)
            return;
        for (i = 0; n >= 0 && i < 3; i++)
            if (fds[i] >= 0)
                close(fds[i]);
        if (n >= 0 && type == WSGI_CTL_READY) {
            wsgi_sv_ready(&s->machine, g, slot, now_ms());
        } else if (n >= 0 && type == WSGI_CTL_LOADED && note_script(s, g, (size_t)n)) {
            continue;
        } else if (n >= 0 && type == WSGI_CTL_RENEW && may_ask_for(code)) {
            wsgi_sv_renew(&s->machine, g, slot, (enum wsgi_death)code, now_ms());
        } else if (n >= 0 && type == WSGI_CTL_RECYCLE && may_ask_for(code)) {
            wsgi_sv_recycle(&s->machine, g, slot, (enum wsgi_death)code, now_ms());
        } else if ((n < 0 && errno != ECONNRESET) || (n >= 0 && type != 0)) {
            /* Left open: at the end of file it would think that we are gone. */
            say_of(s, g, LEVEL_WARNING, "WSGIM0422: daemon process (pid %ld) of group '%s' sent "
                   "a message that is not understood; not listening to it any more",
                   (long)p->pid, g->config.options.name);
            p->deaf = 1;
        } else {
            /* Reset: it ended before it read its configuration. Its death, if it
             * is one, comes by SIGCHLD. */
            close(p->control);
            p->control = -1;
        }
    }
}

/* ---- the loop -------------------------------------------------------------------- */

static void on_signal(int sig)
{
    int error = errno;
    unsigned char byte = sig == SIGCHLD ? 'c' : sig == SIGUSR2 ? 'p' : sig == SIGUSR1 ? 'r' : 't';

    if (write(signal_pipe[1], &byte, 1) < 0)
        byte = 0;                   /* full: the reader has enough to wake up for */
    errno = error;
}

static void reap(supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        wsgi_sv_group *g;
        uint32_t slot;
        int oom = 0;

        if (wsgi_sv_find(&s->machine, pid, &g, &slot) != NULL)
            on_host(s, g, slot);    /* its last words may not have been read */
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            oom = wsgi_memory_blame(&s->memory, "", now_ms());
        wsgi_sv_exited(&s->machine, pid, status, oom, now_ms());
    }
}

static void on_signals(supervisor *s)
{
    unsigned char bytes[64];
    ssize_t n;

    while ((n = read(signal_pipe[0], bytes, sizeof(bytes))) > 0) {
        if (memchr(bytes, 't', (size_t)n) != NULL)
            stop_all(s, "the supervisor was told to by a signal");
        if (memchr(bytes, 'r', (size_t)n) != NULL)
            wsgi_sv_roll(&s->machine, now_ms());
        if (memchr(bytes, 'p', (size_t)n) != NULL && getppid() != s->parent)
            lose_parent(s);
    }
    reap(s);
}

/* Fill s->polled: signals, parent, then the hosts in the order of the walk
 * that reads the result. Their number, 0 if memory is out. */
static size_t prepare_poll(supervisor *s)
{
    const wsgi_sv_group *g;
    size_t n = 2;
    uint32_t i;

    for (g = s->machine.groups; g != NULL; g = g->link)
        n += g->nslots;
    if (n > s->polled_cap) {
        struct pollfd *larger = realloc(s->polled, n * sizeof(*larger));

        if (larger == NULL)
            return 0;
        s->polled = larger;
        s->polled_cap = n;
    }
    s->polled[0] = (struct pollfd){ .fd = signal_pipe[0], .events = POLLIN };
    s->polled[1] = (struct pollfd){ .fd = s->control, .events = POLLIN };
    n = 2;
    for (g = s->machine.groups; g != NULL; g = g->link)
        for (i = 0; i < g->nslots; i++)
            s->polled[n++] = (struct pollfd){
                .fd = g->processes[i].deaf ? -1 : g->processes[i].control,
                .events = POLLIN };
    return n;
}

static int wait_ms(const supervisor *s)
{
    int64_t ms = wsgi_sv_next(&s->machine, now_ms());

    if (s->orphaned && (ms < 0 || ms > ORPHANED_LOOK_MS))
        return ORPHANED_LOOK_MS;
    return ms < 0 ? -1 : ms > 60000 ? 60000 : (int)ms;
}

/* Until everything was stopped. An exit status. */
static int run(supervisor *s)
{
    while (!wsgi_sv_done(&s->machine)) {
        wsgi_sv_group *g;
        size_t n = prepare_poll(s), k = 2;
        uint32_t i;

        if (n == 0 || (poll(s->polled, (nfds_t)n, wait_ms(s)) < 0 && errno != EINTR)) {
            say(s, LEVEL_ERR, "WSGIM0423: the supervisor of the daemon processes cannot wait "
                "for events: %s", strerror(n == 0 ? ENOMEM : errno));
            return EXIT_OS;
        }
        /* Hosts first: neither groups nor slots have changed since the poll. */
        for (g = s->machine.groups; g != NULL; g = g->link)
            for (i = 0; i < g->nslots; i++, k++)
                if (s->polled[k].revents != 0)
                    on_host(s, g, i);
        if (s->polled[0].revents != 0)
            on_signals(s);
        if (s->polled[1].revents != 0)
            on_parent(s);
        if (s->orphaned && !s->machine.stopping && nobody_sends(s))
            stop_all(s, "httpd is gone");
        wsgi_sv_tick(&s->machine, now_ms());
    }
    return 0;
}

/* ---- start --------------------------------------------------------------------- */

static int set_up_signals(void)
{
    struct sigaction sa;
    sigset_t none;
    static const int ignored[] = { SIGPIPE, SIGHUP, SIGWINCH, SIGTTOU };
    size_t i;

    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0 || wsgi_lift_pair(signal_pipe) < 0)
        return -1;
    memset(&sa, 0, sizeof(sa));
    sigemptyset(&sa.sa_mask);
    sa.sa_handler = SIG_IGN;
    for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        sigaction(ignored[i], &sa, NULL);
    sa.sa_handler = on_signal;
    sa.sa_flags = SA_RESTART | SA_NOCLDSTOP;
    sigaction(SIGCHLD, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGUSR2, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
    supervisor s;
    struct stat st;
    int status;

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("wsgi-supervisor %s (interface %d)\n", MOD_WSGI_VERSION, WSGI_INTERFACE_VERSION);
        return 0;
    }
    memset(&s, 0, sizeof(s));
    s.level = LEVEL_WARNING;
    if (fstat(WSGI_CONTROL_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        fprintf(stderr, "wsgi-supervisor: error: descriptor %d is not a control socket\n"
                "wsgi-supervisor: hint: this program is started by mod_wsgi.so, not by hand\n",
                WSGI_CONTROL_FD);
        return EXIT_USAGE;
    }
    wsgi_close_from(WSGI_CONTROL_FD + 1);
    setpgid(0, 0);
    s.parent = getppid();
    s.control = wsgi_lift(WSGI_CONTROL_FD);
    s.buffer = malloc(WSGI_CONTROL_MAX);
    wsgi_sv_init(&s.machine, &effects, &s);
    if (s.control < 0 || s.buffer == NULL || set_up_signals() < 0) {
        say(&s, LEVEL_ERR, "WSGIM0424: the supervisor of the daemon processes cannot start: %s",
            strerror(errno));
        return EXIT_OS;
    }
#ifdef PR_SET_PDEATHSIG
    /* Besides the end of file: a child of httpd may still hold the parent's end. */
    prctl(PR_SET_PDEATHSIG, SIGUSR2);
#endif
    fcntl(s.control, F_SETFL, O_NONBLOCK);
    wsgi_raise_nofile(&s.nofile);
    wsgi_memory_look(&s.memory, "", now_ms());
    status = run(&s);
    wsgi_sv_free(&s.machine);
    free(s.buffer);
    free(s.polled);
    return status;
}

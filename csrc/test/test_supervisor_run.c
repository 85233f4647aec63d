/* The program wsgi-supervisor with real processes: this binary is three, told
 * apart by argv[0]: the test, the supervisor, and a host that reads its
 * CONFIG, says READY and obeys (or does not, when the option lang says so). */
#include "test.h"

#define main supervisor_main
#include "../src/wsgi_supervisor_main.c"
#undef main

#include <dirent.h>
#include <sys/mman.h>

#define PATIENCE_MS 20000

/* ---- the host ------------------------------------------------------------------ */

static void complain(const char *what)
{
    char line[128];
    int n = snprintf(line, sizeof(line), "fake host: %s\n", what);

    if (write(2, line, (size_t)n) < 0)
        _exit(99);
}

/* Only 0 to 5 came along. (6 is the folder that is read here.) */
static void check_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    int n = 0;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.') {
            n++;
            if (atoi(e->d_name) > 6)
                complain("a descriptor was left open");
        }
    if (d == NULL || n != 7)
        complain("descriptors are missing");
    if (d != NULL)
        closedir(d);
}

static volatile sig_atomic_t told;

static void on_told(int sig)
{
    told = sig;
}

static int host_main(void)
{
    static unsigned char buf[WSGI_CONTROL_MAX];
    struct pollfd p = { .fd = WSGI_HOST_CONTROL_FD, .events = POLLIN };
    wsgi_group_config c;
    wsgi_board *b = NULL;
    wsgi_cur in;
    uint8_t type;
    uint16_t code;
    int fds[3];
    sigset_t mask, before;
    ssize_t n;

    sigprocmask(SIG_SETMASK, NULL, &before);
    if (sigismember(&before, SIGUSR2) != 0)
        complain("a signal is blocked");
    sigemptyset(&mask);
    check_descriptors();
    n = wsgi_control_recv(WSGI_HOST_CONTROL_FD, &type, &code, buf, sizeof(buf), fds);
    in = wsgi_cur_of(buf, n > 0 ? (size_t)n : 0);
    if (n <= 0 || type != WSGI_CTL_CONFIG || wsgi_group_config_decode(&in, &c) < 0)
        return WSGI_HOST_EXIT_CONFIG;
    if (wsgi_board_map(WSGI_HOST_BOARD_FD, &b) != 0 ||
        !wsgi_slot_lives(b, c.slot, (uint16_t)c.incarnation))
        return WSGI_HOST_EXIT_CONFIG;
    wsgi_board_unmap(b);
    if (c.options.lang != NULL && strcmp(c.options.lang, "fails") == 0)
        return WSGI_HOST_EXIT_PYTHON;
    if (c.options.lang != NULL && strcmp(c.options.lang, "stubborn") == 0) {
        signal(SIGTERM, SIG_IGN);
    } else {
        signal(SIGUSR1, on_told);
        signal(SIGTERM, on_told);
    }
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, &before);
    wsgi_control_send(WSGI_HOST_CONTROL_FD, WSGI_CTL_READY, 0, NULL, 0, NULL, 0);
    if (c.options.lang != NULL && strcmp(c.options.lang, "nonsense") == 0)
        wsgi_control_send(WSGI_HOST_CONTROL_FD, WSGI_CTL_RECYCLE, 999, NULL, 0, NULL, 0);
    if (c.options.lang != NULL && strcmp(c.options.lang, "recycles") == 0)
        wsgi_control_send(WSGI_HOST_CONTROL_FD, WSGI_CTL_RECYCLE, WSGI_DEATH_RELOAD, NULL, 0,
                          NULL, 0);
    wsgi_group_config_free(&c);
    while (!told && (ppoll(&p, 1, NULL, &before) <= 0 || (p.revents & POLLHUP) == 0))
        if (p.revents & (POLLERR | POLLNVAL))
            return 1;
    return 0;
}

/* ---- the test's side ---------------------------------------------------------------- */

typedef struct {
    pid_t pid;                      /* of the supervisor */
    int control, log;
    int rendezvous[2], board_fd;
    wsgi_board *board;
    const char *options[12];
} world;

static char self[4096];

static int64_t deadline;

static int waiting(void)
{
    struct timespec ts = { 0, 5000000 };

    nanosleep(&ts, NULL);
    return now_ms() < deadline;
}

/* Wait until CONDITION, not for ever. */
#define WAIT_FOR(condition) do { \
        deadline = now_ms() + PATIENCE_MS; \
        while (!(condition) && waiting()) \
            ; \
        CHECK(condition); \
    } while (0)

static void start_supervisor(world *w)
{
    int pair[2];

    memset(w, 0, sizeof(*w));
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->rendezvous) == 0);
    w->log = memfd_create("log", MFD_CLOEXEC);
    CHECK(fcntl(w->log, F_SETFL, O_APPEND) == 0);
    w->control = pair[0];
    w->pid = fork();
    if (w->pid == 0) {
        int control = fcntl(pair[1], F_DUPFD, 20), log = fcntl(w->log, F_DUPFD, 20);
        sigset_t blocked;

        /* Descriptors too many, and a blocked signal: as a careless parent leaves them. */
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGUSR2);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        if (dup2(control, WSGI_CONTROL_FD) < 0 || dup2(log, 2) < 0 || dup2(log, 9) < 0)
            _exit(99);
        execl(self, "wsgi-supervisor", (char *)NULL);
        _exit(98);
    }
    close(pair[1]);
}

static void send_group(world *w, const char *host, const char *lang, uint64_t key)
{
    wsgi_group_config c;
    wsgi_buf b = { NULL, 0, 0, 0 };
    char err[256];
    int fds[3];

    memset(&c, 0, sizeof(c));
    wsgi_options_init(&c.options);
    c.key = key;
    c.host = strdup(host);
    c.log_level = 6;
    c.options.name = strdup("test group");
    CHECK_INT(wsgi_options_set(&c.options, "processes", "2", err, sizeof(err)), 0);
    CHECK_INT(wsgi_options_set(&c.options, "threads", "1", err, sizeof(err)), 0);
    CHECK_INT(wsgi_options_set(&c.options, "shutdown-timeout", "1", err, sizeof(err)), 0);
    CHECK_INT(wsgi_options_set(&c.options, "display-name", "%{GROUP}", err, sizeof(err)), 0);
    if (lang != NULL)
        CHECK_INT(wsgi_options_set(&c.options, "lang", lang, err, sizeof(err)), 0);
    if (w->board == NULL)
        CHECK_INT(wsgi_board_create(wsgi_group_slots(&c.options), 1, 4, &w->board,
                                    &w->board_fd), 0);
    fds[0] = w->rendezvous[1];
    fds[1] = w->board_fd;
    fds[2] = w->log;
    wsgi_group_config_encode(&c, &b);
    CHECK_INT(wsgi_control_send(w->control, WSGI_CTL_GROUP, 0, b.data, b.len, fds, 3), 0);
    wsgi_buf_free(&b);
    wsgi_group_config_free(&c);
}

/* Commit, and give the text of the answer. */
static const char *commit(world *w)
{
    static char text[2100];
    uint8_t type;
    uint16_t code;
    int fds[3];
    ssize_t n;

    CHECK_INT(wsgi_control_send(w->control, WSGI_CTL_COMMIT, 0, NULL, 0, &w->log, 1), 0);
    n = wsgi_control_recv(w->control, &type, &code, text, sizeof(text) - 1, fds);
    CHECK(n >= 0 && type == WSGI_CTL_ACK);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* How many processes are ready, and their pids from the first slot on. */
static int ready(const world *w, pid_t pids[8])
{
    wsgi_slot_view v;
    uint32_t i;
    int n = 0;

    for (i = 0; i < wsgi_board_slots(w->board); i++) {
        wsgi_slot_read(w->board, i, &v);
        if (v.state == WSGI_SLOT_READY && n < 8)
            pids[n++] = v.pid;
    }
    return n;
}

static const char *log_of(const world *w)
{
    static char text[1 << 16];
    ssize_t n = pread(w->log, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* The exit status of the supervisor, or -1 if it does not end. */
static int wait_supervisor(world *w)
{
    int status = 0;
    pid_t pid;

    deadline = now_ms() + PATIENCE_MS;
    while ((pid = waitpid(w->pid, &status, WNOHANG)) == 0 && waiting())
        ;
    if (pid == 0) {
        kill(w->pid, SIGKILL);
        waitpid(w->pid, &status, 0);
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static void finish(world *w)
{
    CHECK(strstr(log_of(w), "fake host:") == NULL);
    if (test_failed > 0)
        fputs(log_of(w), stdout);
    wsgi_board_unmap(w->board);
    if (w->board != NULL)
        close(w->board_fd);
    if (w->control >= 0)
        close(w->control);
    close(w->log);
    if (w->rendezvous[0] >= 0)
        close(w->rendezvous[0]);
    close(w->rendezvous[1]);
}

/* ---- what must hold ----------------------------------------------------------------- */

static int title_is(pid_t pid, const char *want)
{
    char path[64], text[256] = "";
    int fd, n;

    snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
    fd = open(path, O_RDONLY);
    n = fd >= 0 ? (int)read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    return n == (int)strlen(want) + 1 && strcmp(text, want) == 0;
}

static void a_life(void)
{
    world w;
    pid_t first[8] = { 0 }, second[8] = { 0 }, third[8] = { 0 };

    start_supervisor(&w);
    send_group(&w, self, NULL, 1);
    CHECK(strcmp(commit(&w), "") == 0);
    WAIT_FOR(ready(&w, first) == 2);
    CHECK(title_is(first[0], "(wsgi:test group)"));
    CHECK(getpgid(w.pid) == w.pid && getpgid(first[0]) == w.pid);
    CHECK_HAS(log_of(&w), "] [wsgi:info] [pid ");
    CHECK_HAS(log_of(&w), "starting daemon process (pid ");

    CHECK(kill(w.pid, SIGHUP) == 0 && kill(w.pid, SIGUSR2) == 0);      /* not for it */
    CHECK(kill(first[1], SIGKILL) == 0);
    WAIT_FOR(wsgi_board_deaths(w.board) == 1 && ready(&w, second) == 2);
    CHECK(gone(first[1]) && second[0] != first[1] && second[1] != first[1]);
    CHECK_HAS(log_of(&w), "WSGIM0401");
    CHECK_HAS(log_of(&w), "of group 'test group' was killed by signal 9");

    send_group(&w, self, NULL, 1);                  /* a graceful restart */
    CHECK(strcmp(commit(&w), "") == 0);
    WAIT_FOR(wsgi_board_deaths(w.board) == 3 && ready(&w, third) == 2);
    CHECK(gone(second[0]) && gone(second[1]));

    CHECK(kill(w.pid, SIGUSR1) == 0);               /* a rolling reload */
    WAIT_FOR(strstr(log_of(&w), "rolling reload of daemon process group 'test group' is complete") != NULL);
    WAIT_FOR(wsgi_board_deaths(w.board) == 5 && ready(&w, third) == 2);

    send_group(&w, self, "fails", 1);               /* one that cannot work */
    CHECK(strcmp(commit(&w), "") == 0);
    WAIT_FOR(strstr(log_of(&w), "WSGIM0412") != NULL);
    CHECK(ready(&w, second) == 2 && second[0] == third[0] && second[1] == third[1]);
    send_group(&w, "/nowhere/host", NULL, 1);
    CHECK_HAS(commit(&w), "cannot run /nowhere/host: No such file or directory");
    WAIT_FOR(strstr(log_of(&w), "WSGIM0405") != NULL);
    CHECK(ready(&w, second) == 2 && second[0] == third[0]);

    close(w.control);                               /* the parent is gone ... */
    w.control = -1;
    WAIT_FOR(strstr(log_of(&w), "WSGIM0426") != NULL);
    CHECK(kill(third[1], SIGKILL) == 0);            /* ... but not its children */
    WAIT_FOR(wsgi_board_deaths(w.board) >= 6 && gone(third[1]));
    close(w.rendezvous[0]);
    w.rendezvous[0] = -1;
    CHECK_INT(wait_supervisor(&w), 0);
    CHECK(gone(third[0]) && gone(third[1]) && ready(&w, first) == 0);
    finish(&w);
}

static void recycles(void)
{
    world w;
    pid_t pids[8];

    start_supervisor(&w);
    send_group(&w, self, "recycles", 1);
    CHECK(strcmp(commit(&w), "") == 0);
    WAIT_FOR(wsgi_board_deaths(w.board) >= 4);
    CHECK_INT(wsgi_control_send(w.control, WSGI_CTL_STOP, 0, NULL, 0, NULL, 0), 0);
    CHECK_INT(wait_supervisor(&w), 0);
    CHECK_INT(ready(&w, pids), 0);
    CHECK(strstr(log_of(&w), "WSGIM0401") == NULL);
    finish(&w);
}

static void stubborn_hosts_are_killed(void)
{
    world w;
    pid_t pids[8] = { 0 };

    start_supervisor(&w);
    send_group(&w, self, "stubborn", 1);
    CHECK(strcmp(commit(&w), "") == 0);
    WAIT_FOR(ready(&w, pids) == 2);
    CHECK(kill(w.pid, SIGTERM) == 0);
    CHECK_INT(wait_supervisor(&w), 0);
    CHECK(gone(pids[0]) && gone(pids[1]));
    CHECK_HAS(log_of(&w), "WSGIM0410");
    finish(&w);
}

/* Messages that are not any: from a host, and from a parent of another build. */
static void nonsense(void)
{
    world w;
    pid_t pids[8] = { 0 };

    start_supervisor(&w);
    send_group(&w, self, "nonsense", 1);
    CHECK(strcmp(commit(&w), "") == 0);
    WAIT_FOR(ready(&w, pids) == 2);
    WAIT_FOR(strstr(log_of(&w), "WSGIM0422") != NULL);
    CHECK_INT(wsgi_control_send(w.control, WSGI_CTL_GROUP, 0, "x", 1, NULL, 0), 0);
    send_group(&w, self, NULL, 1);
    CHECK_HAS(commit(&w), "without its descriptors");
    CHECK(send(w.control, "\x63G\0\0", 4, 0) == 4);
    CHECK_INT(wait_supervisor(&w), 0);
    CHECK_HAS(log_of(&w), "WSGIM0425");
    CHECK(gone(pids[0]) && gone(pids[1]));
    finish(&w);
}

int main(int argc, char **argv)
{
    ssize_t n;

    if (strncmp(argv[0], "(wsgi:", 6) == 0)
        return host_main();
    if (strcmp(argv[0], "wsgi-supervisor") == 0)
        return supervisor_main(argc, argv);
    n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0) {
        printf("# skip: /proc/self/exe cannot be read\n");
        return 0;
    }
    RUN(a_life);
    RUN(recycles);
    RUN(stubborn_hosts_are_killed);
    RUN(nonsense);
    return TEST_DONE();
}

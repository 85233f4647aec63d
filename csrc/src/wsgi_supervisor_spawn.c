/* wsgi_supervisor_spawn.c - see wsgi_supervisor_spawn.h.
 */
#include "wsgi_supervisor_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOWEST_FD 10
#define NOFILE_MAX 65536

int wsgi_lift(int fd)
{
    int lifted, error;

    if (fd < 0)
        return -1;
    lifted = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
    error = errno;
    close(fd);
    errno = error;
    return lifted;
}

int wsgi_lift_pair(int pair[2])
{
    int error;

    pair[0] = wsgi_lift(pair[0]);
    error = errno;
    pair[1] = wsgi_lift(pair[1]);
    if (pair[0] >= 0 && pair[1] >= 0)
        return 0;
    error = pair[0] < 0 ? error : errno;
    if (pair[0] >= 0)
        close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
    errno = error;
    return -1;
}

void wsgi_close_from(int first)
{
    long max = sysconf(_SC_OPEN_MAX);
    int fd;

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    if (close_range((unsigned)first, ~0U, 0) == 0)
        return;
#endif
    if (max < 0 || max > NOFILE_MAX)
        max = NOFILE_MAX;
    for (fd = first; fd < max; fd++)
        close(fd);
}

void wsgi_raise_nofile(struct rlimit *found)
{
    struct rlimit more;

    if (getrlimit(RLIMIT_NOFILE, found) < 0) {
        found->rlim_cur = found->rlim_max = 0;
        return;
    }
    more = *found;
    more.rlim_cur = more.rlim_max == RLIM_INFINITY || more.rlim_max > NOFILE_MAX
                  ? NOFILE_MAX : more.rlim_max;
    if (more.rlim_cur > found->rlim_cur)
        setrlimit(RLIMIT_NOFILE, &more);
}

int wsgi_process_kind(pid_t pid)
{
    static const char program[] = "/wsgi-host";
    char path[40], target[4096];
    const char *name;
    ssize_t n;

    if (pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH))
        return 0;
    snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
    n = readlink(path, target, sizeof(target) - 1);
    if (n < 0)                      /* it is closed to us; then so is the signal, or it is our own */
        return geteuid() != 0 ? 2 : 1;
    target[n] = '\0';
    name = strrchr(target, '/');
    return name != NULL && strncmp(name, program, sizeof(program) - 1) == 0 ? 2 : 1;
}

/* Between fork and exec: nothing here but system calls. Returns only if the
 * program cannot be executed. */
static void become_host(const wsgi_sv_group *g, const struct rlimit *nofile, int control,
                        char *title)
{
    char *argv[2] = { title, NULL };
    sigset_t none;
    int sig, null;

    for (sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(g->log_fd, 1) < 0 || dup2(g->log_fd, 2) < 0 ||
        dup2(g->rendezvous, WSGI_HOST_RENDEZVOUS_FD) < 0 ||
        dup2(g->board_fd, WSGI_HOST_BOARD_FD) < 0 || dup2(control, WSGI_HOST_CONTROL_FD) < 0)
        return;
    if (null > WSGI_HOST_CONTROL_FD)
        close(null);
    if (nofile->rlim_max != 0)
        setrlimit(RLIMIT_NOFILE, nofile);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(g->config.host, argv);
}

/* Put the configuration of SLOT in the queue of the host's control socket,
 * where the new process will find it. 0 or an errno. */
static int send_config(const wsgi_sv_group *g, uint32_t slot, uint16_t incarnation, int fd)
{
    wsgi_group_config config = g->config;       /* borrowed; few members differ */
    uint32_t most = config.npreloads + WSGI_SV_SCRIPTS_MAX;
    wsgi_preload *preloads = calloc(most, sizeof(*preloads));
    wsgi_buf b = { NULL, 0, 0, 0 };
    int error;

    if (preloads == NULL)
        return ENOMEM;
    config.preloads = preloads;
    config.npreloads = wsgi_sv_preloads(g, slot, preloads, most);
    config.slot = slot;
    config.incarnation = incarnation;
    wsgi_group_config_encode(&config, &b);
    error = b.failed ? ENOMEM
          : wsgi_control_send(fd, WSGI_CTL_CONFIG, 0, b.data, b.len, NULL, 0);
    wsgi_buf_free(&b);
    free(preloads);
    return error;
}

/* The child's errno if it could not execute the program; 0 once it has. */
static int exec_result(int fd, pid_t pid)
{
    int error = 0;
    ssize_t n;

    do {
        n = read(fd, &error, sizeof(error));
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(error))
        return 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return error;
}

/* Fork with every signal held back, so that no handler of ours runs in the child. */
static pid_t fork_host(const wsgi_sv_group *g, const struct rlimit *nofile, int control,
                       int report, char *title)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        int error;

        become_host(g, nofile, control, title);
        error = errno;
        if (write(report, &error, sizeof(error)) < 0)
            _exit(126);
        _exit(127);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

pid_t wsgi_spawn_host(const wsgi_sv_group *g, uint32_t slot, uint16_t incarnation,
                      const struct rlimit *nofile, int *control)
{
    int pair[2] = { -1, -1 }, report[2] = { -1, -1 };
    char *title = wsgi_options_title(&g->config.options);
    pid_t pid = -1;
    int error = 0, i;

    *control = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
        wsgi_lift_pair(pair) < 0) {
        error = errno;
        pair[0] = pair[1] = -1;
        goto done;
    }
    if (pipe2(report, O_CLOEXEC) < 0 || wsgi_lift_pair(report) < 0) {
        error = errno;
        report[0] = report[1] = -1;
        goto done;
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    error = send_config(g, slot, incarnation, pair[0]);
    if (error != 0)
        goto done;
    pid = fork_host(g, nofile, pair[1], report[1], title != NULL ? title : "wsgi-host");
    if (pid < 0) {
        error = errno;
        goto done;
    }
    close(report[1]);
    report[1] = -1;
    error = exec_result(report[0], pid);
    if (error == 0) {
        *control = pair[0];
        pair[0] = -1;
    }
done:
    for (i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
        if (report[i] >= 0)
            close(report[i]);
    }
    free(title);
    if (error == 0)
        return pid;
    errno = error;
    return -1;
}

/* wsgi_supervisor_death.c - why a process ended, and the line that says so.
 */
#include "wsgi_supervisor_inner.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const char *exit_meaning(int code)
{
    switch (code) {
    case WSGI_HOST_EXIT_CONFIG:
        return " (no usable configuration, or a host of another interface version)";
    case WSGI_HOST_EXIT_IDENTITY:
        return " (user, group, folder or umask could not be set)";
    case WSGI_HOST_EXIT_PYTHON:
        return " (Python did not start)";
    case WSGI_HOST_EXIT_THREADS:
        return " (no request thread could be started)";
    case WSGI_HOST_EXIT_IMPORT:
        return " (a script could not be imported)";
    case WSGI_HOST_EXIT_FORCED:
        return " (shutdown-timeout passed while requests were running)";
    default:
        return "";
    }
}

enum wsgi_death wsgi_sv_cause(const wsgi_sv_process *p, int status, int oom,
                              uint32_t *detail)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    int ours = sig == SIGKILL ? p->state == WSGI_SV_KILLED
             : sig == SIGTERM ? p->state >= WSGI_SV_STOPPING
             : sig == SIGUSR1 ? p->state >= WSGI_SV_DRAINING
             : sig == 0 && (code == 0 || code == WSGI_HOST_EXIT_FORCED);

    *detail = (uint32_t)(sig ? sig : code);
    if (p->planned != WSGI_DEATH_NONE && ours)
        return p->planned;
    if (sig == SIGKILL && oom)
        return WSGI_DEATH_OOM;
    if (code == WSGI_HOST_EXIT_IMPORT)
        return WSGI_DEATH_IMPORT;
    return sig ? WSGI_DEATH_SIGNAL : WSGI_DEATH_EXIT;
}

/* Not SIGALRM and its like, which a program sets up for itself. */
int wsgi_sv_killed_by_others(enum wsgi_death cause, uint32_t detail)
{
    if (cause != WSGI_DEATH_SIGNAL)
        return 0;
    return detail == SIGKILL || detail == SIGTERM || detail == SIGINT || detail == SIGHUP ||
           detail == SIGQUIT || detail == SIGUSR1 || detail == SIGUSR2;
}

void wsgi_sv_log_end(wsgi_supervisor *sv, const wsgi_sv_group *g, const wsgi_sv_process *p,
                    enum wsgi_death cause, int status)
{
    long pid = (long)p->pid;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

    if (cause == WSGI_DEATH_OOM)
        wsgi_sv_say(sv, g, LEVEL_ERR, "WSGIM0402: daemon process (pid %ld) of group '%s' was killed by "
            "signal 9: out of memory, which its control group or the machine had no more of",
            pid, wsgi_sv_name(g));
    else if (cause == WSGI_DEATH_SIGNAL)
        wsgi_sv_say(sv, g, LEVEL_ERR, "WSGIM0401: daemon process (pid %ld) of group '%s' was killed by "
            "signal %d (%s)%s", pid, wsgi_sv_name(g), WTERMSIG(status), strsignal(WTERMSIG(status)),
            WCOREDUMP(status) ? ", core dumped" : "");
    else if (cause == WSGI_DEATH_IMPORT)
        wsgi_sv_say(sv, g, LEVEL_ERR, "WSGIM0407: the new daemon process (pid %ld) of group '%s' could "
            "not import a script that is in service; its own line in this log names the exception",
            pid, wsgi_sv_name(g));
    else if (cause == WSGI_DEATH_EXIT && code >= WSGI_HOST_EXIT_CONFIG &&
             code <= WSGI_HOST_EXIT_THREADS)
        wsgi_sv_say(sv, g, LEVEL_ERR, "WSGIM0404: daemon process (pid %ld) of group '%s' could not start: "
            "it exited with code %d%s; its own line in this log says more", pid, wsgi_sv_name(g),
            code, exit_meaning(code));
    else if (cause == WSGI_DEATH_EXIT && code != 0)
        wsgi_sv_say(sv, g, LEVEL_ERR, "WSGIM0403: daemon process (pid %ld) of group '%s' exited with "
            "code %d%s", pid, wsgi_sv_name(g), code, exit_meaning(code));
    else if (WIFSIGNALED(status))
        wsgi_sv_say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' was ended by signal %d",
            pid, wsgi_sv_name(g), WTERMSIG(status));
    else
        wsgi_sv_say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' exited with code %d%s",
            pid, wsgi_sv_name(g), code, exit_meaning(code));
}

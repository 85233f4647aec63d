/* What a machine does to a server when something runs out, on demand: loaded in
 * front of libc (LD_PRELOAD), it fails calls while files of these names are in
 * the folder FAULTS.
 *
 *   clock   CLOCK_REALTIME is a day ahead
 *   fork    wsgi-supervisor cannot fork
 *   disk    nothing can be written to files that have a name
 *
 * FAULTS_NOFILE is the most descriptors that each process may have.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int wanted(const char *what)
{
    const char *folder = getenv("FAULTS");
    char path[4096];
    int error = errno, yes;

    if (folder == NULL)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", folder, what);
    yes = access(path, F_OK) == 0;
    errno = error;
    return yes;
}

__attribute__((constructor)) static void limit(void)
{
    const char *n = getenv("FAULTS_NOFILE");
    struct rlimit r;

    if (n == NULL)
        return;
    r.rlim_cur = r.rlim_max = (rlim_t)atol(n);
    setrlimit(RLIMIT_NOFILE, &r);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);
    int rv;

    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    rv = real(id, ts);
    if (rv == 0 && id == CLOCK_REALTIME && wanted("clock"))
        ts->tv_sec += 86400;
    return rv;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (out != NULL)
        *out = ts.tv_sec;
    return ts.tv_sec;
}

pid_t fork(void)
{
    static pid_t (*real)(void);

    if (strncmp(program_invocation_short_name, "wsgi-supervisor", 15) == 0 && wanted("fork")) {
        errno = EAGAIN;
        return -1;
    }
    if (real == NULL)
        real = (pid_t (*)(void))dlsym(RTLD_NEXT, "fork");
    return real();
}

static int full(int fd)
{
    struct stat st;

    return wanted("disk") && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 0;
}

ssize_t write(int fd, const void *p, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);

    if (full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    if (real == NULL)
        real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return real(fd, p, n);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);

    if (full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    if (real == NULL)
        real = (ssize_t (*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    return real(fd, iov, count);
}

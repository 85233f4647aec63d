/* failing_calls.c - preloaded into a host by host_identity.py: the system call
 * named in WSGI_CALL fails, or, with WSGI_WAY=lie, is not made and said to have
 * been. Any other goes through. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0: make the call NAME. Else what it is to return is in *RV. */
static int meddle(const char *name, long *rv)
{
    const char *call = getenv("WSGI_CALL"), *way = getenv("WSGI_WAY");

    if (call == NULL || strcmp(call, name) != 0)
        return 0;
    *rv = way != NULL && strcmp(way, "lie") == 0 ? 0 : -1;
    errno = strcmp(name, "setresuid") == 0 ? EAGAIN : EPERM;
    return 1;
}

/* What the next library makes of it. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int setgroups(size_t n, const gid_t *list)
{
    long rv;

    return meddle("setgroups", &rv) ? (int)rv : NEXT(setgroups)(n, list);
}

int setresgid(gid_t r, gid_t e, gid_t s)
{
    long rv;

    return meddle("setresgid", &rv) ? (int)rv : NEXT(setresgid)(r, e, s);
}

int setresuid(uid_t r, uid_t e, uid_t s)
{
    long rv;

    return meddle("setresuid", &rv) ? (int)rv : NEXT(setresuid)(r, e, s);
}

int chroot(const char *path)
{
    long rv;

    return meddle("chroot", &rv) ? (int)rv : NEXT(chroot)(path);
}

int chdir(const char *path)
{
    long rv;

    return meddle("chdir", &rv) ? (int)rv : NEXT(chdir)(path);
}

mode_t umask(mode_t mask)
{
    long rv;

    return meddle("umask", &rv) ? 0 : NEXT(umask)(mask);
}

int prctl(int option, ...)
{
    unsigned long a[4];
    va_list args;
    long rv;
    int i;

    va_start(args, option);
    for (i = 0; i < 4; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    if ((option == PR_SET_NO_NEW_PRIVS && meddle("no_new_privs", &rv)) ||
        (option == PR_SET_DUMPABLE && meddle("dumpable", &rv)))
        return (int)rv;
    return NEXT(prctl)(option, a[0], a[1], a[2], a[3]);
}

long syscall(long number, ...)
{
    unsigned long a[6];
    va_list args;
    long rv;
    int i;

    va_start(args, number);
    for (i = 0; i < 6; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    if (number == SYS_capset && meddle("capset", &rv))
        return rv;
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

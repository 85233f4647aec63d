/* wsgi_host_identity.c - see wsgi_host_identity.h.
 *
 * Every call is checked, and then the kernel is asked what became of it: a
 * process that is not exactly who it should be runs no Python.
 */

#include "wsgi_host_identity.h"
#include "wsgi_access.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#endif

typedef struct {
    char *text;
    size_t size;
} failure;

static int fail(const failure *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(const failure *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->text, f->size, format, args);
    va_end(args);
    return -1;
}

static int by_id(const void *a, const void *b)
{
    gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

    return x < y ? -1 : x > y;
}

/* Are exactly the groups of ID in force, in any order and with repeats? */
static int groups_match(const wsgi_identity *id)
{
    int n = getgroups(0, NULL), i, found, ok = n >= 0;
    gid_t *have = malloc(sizeof *have * (size_t)(n > 0 ? n : 1));

    if (have == NULL || (n > 0 && getgroups(n, have) != n)) {
        free(have);
        return 0;
    }
    if (n > 0)
        qsort(have, (size_t)n, sizeof *have, by_id);
    for (i = 0; ok && i < n; i++) {
        int k;

        for (found = have[i] == id->gid, k = 0; !found && k < id->ngroups; k++)
            found = have[i] == id->groups[k];
        ok = found;
    }
    for (i = 0; ok && i < id->ngroups; i++)
        ok = n > 0 && bsearch(&id->groups[i], have, (size_t)n, sizeof *have, by_id) != NULL;
    free(have);
    return ok;
}

static int ids_match(const wsgi_identity *id)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;

    return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0
           && r == id->uid && e == id->uid && s == id->uid
           && rg == id->gid && eg == id->gid && sg == id->gid;
}

#ifdef __linux__
/* No capability in any set, and none to be had by executing something. */
static int drop_capabilities(const failure *f)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2], now[2];

    memset(none, 0, sizeof none);
    memset(now, 0xff, sizeof now);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &h, none) != 0)
        return fail(f, "capabilities cannot be dropped: %s", strerror(errno));
    if (syscall(SYS_capget, &h, now) != 0 || memcmp(none, now, sizeof now) != 0)
        return fail(f, "capabilities are left after they were dropped");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return fail(f, "no_new_privs cannot be set: %s", strerror(errno));
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(f, "the process cannot be made undumpable: %s", strerror(errno));
    return 0;
}
#else
static int drop_capabilities(const failure *f)
{
    (void)f;
    return 0;
}
#endif

/* From root to ID, with no way back. */
static int drop(const wsgi_identity *id, const failure *f)
{
    if (id->uid == 0)
        return fail(f, "applications are not run as root: give the group a user=");
    if (setgroups((size_t)id->ngroups, id->groups) != 0)
        return fail(f, "the groups of user %s cannot be set: %s", id->name, strerror(errno));
    if (setresgid(id->gid, id->gid, id->gid) != 0)
        return fail(f, "group #%lu cannot be set: %s", (unsigned long)id->gid, strerror(errno));
    if (setresuid(id->uid, id->uid, id->uid) != 0)
        return fail(f, "user %s cannot be set: %s", id->name, strerror(errno));
    if (!ids_match(id) || !groups_match(id))
        return fail(f, "user and groups are not those of %s after they were set", id->name);
    if (setuid(0) == 0 || seteuid(0) == 0)
        return fail(f, "user %s could become root again", id->name);
    return drop_capabilities(f);
}

/* HOME is the daemon user's; names are only changed where there are some. */
static int set_environment(const wsgi_identity *id, const failure *f)
{
    static const char *const names[] = {"USER", "USERNAME", "LOGNAME"};
    size_t i;

    if (id->home != NULL && setenv("HOME", id->home, 1) != 0)
        return fail(f, "HOME cannot be set: %s", strerror(errno));
    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]) != NULL && setenv(names[i], id->name, 1) != 0)
            return fail(f, "%s cannot be set: %s", names[i], strerror(errno));
    return 0;
}

static int enter_folder(const wsgi_options *o, const failure *f)
{
    if (o->umask >= 0) {
        umask((mode_t)o->umask);
        if (umask((mode_t)o->umask) != (mode_t)o->umask)
            return fail(f, "umask %03o cannot be set", (unsigned)o->umask);
    }
    if (o->home != NULL && chdir(o->home) != 0)
        return fail(f, "home folder '%s' cannot be entered: %s", o->home, strerror(errno));
    if (o->home == NULL && o->start_folder != NULL && chdir(o->start_folder) != 0)
        return fail(f, "'%s', the home folder of the user, cannot be entered: %s; name another with home=",
                    o->start_folder, strerror(errno));
    return 0;
}

/* Nothing outside may stay within reach by the working directory, so that is
 * moved inside at once. */
static int enter_root(const wsgi_options *o, const failure *f)
{
    struct stat want, got;

    if (o->chroot == NULL)
        return 0;
    if (stat(o->chroot, &want) != 0 || chroot(o->chroot) != 0)
        return fail(f, "'%s' cannot be made the root folder: %s", o->chroot, strerror(errno));
    if (chdir("/") != 0)
        return fail(f, "the root folder '%s' cannot be entered: %s", o->chroot, strerror(errno));
    if (stat("/", &got) != 0 || want.st_dev != got.st_dev || want.st_ino != got.st_ino
        || stat(".", &got) != 0 || want.st_dev != got.st_dev || want.st_ino != got.st_ino)
        return fail(f, "the root folder is not '%s' after it was set", o->chroot);
    return 0;
}

int wsgi_host_identity(const wsgi_options *o, char *err, size_t errlen)
{
    failure f = {err, errlen};
    wsgi_identity id;
    int rv;

    if (o->user == NULL && geteuid() == 0)
        return fail(&f, "started as root without a user to become");
    if ((o->chroot != NULL || o->supplementary_groups != NULL) && geteuid() != 0)
        return fail(&f, "chroot and supplementary-groups need Apache to be started by root");
    if (o->user == NULL)
        return enter_folder(o, &f);
    if (wsgi_identity_find(o->user, o->group, &id, err, errlen) < 0)
        return -1;
    if (o->supplementary_groups != NULL
        && wsgi_identity_groups(o->supplementary_groups, &id, err, errlen) < 0) {
        wsgi_identity_free(&id);
        return -1;
    }
    if (geteuid() == 0)
        rv = enter_root(o, &f) < 0 ? -1 : drop(&id, &f);
    else if (geteuid() != id.uid || getegid() != id.gid)
        rv = fail(&f, "user %s and group #%lu can only be taken when Apache is started as root",
                  id.name, (unsigned long)id.gid);
    else
        rv = 0;
    if (rv == 0)
        rv = set_environment(&id, &f);
    if (rv == 0)
        rv = enter_folder(o, &f);
    wsgi_identity_free(&id);
    return rv;
}

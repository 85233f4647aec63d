/* wsgi_access.c - may this user reach this path?
 *
 * Asked by a process that is usually root, so access(2) cannot answer. The
 * path is walked one component at a time with lstat; a symbolic link puts its
 * target in front of what is left. Where a POSIX access list grants more than
 * the mode shows, the walk lets the path pass: this is advice in time, the
 * kernel has the last word when the process starts.
 */
#include "wsgi_access.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/xattr.h>
#endif

#define LINKS_MAX 40

static int explain(char *err, size_t errlen, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int explain(char *err, size_t errlen, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err, errlen, format, args);
    va_end(args);
    return -1;
}

/* ---- who --------------------------------------------------------------------- */

/* The number of "#123". 0, or -1. */
static int parse_id(const char *text, unsigned long *out)
{
    char *end;

    if (text[0] != '#' || text[1] < '0' || text[1] > '9')
        return -1;
    errno = 0;
    *out = strtoul(text + 1, &end, 10);
    return errno == 0 && *end == '\0' && *out < UINT_MAX ? 0 : -1;
}

static const struct passwd *find_user(const char *user, uid_t *uid)
{
    const struct passwd *pw;
    unsigned long id;

    if (user[0] != '#') {
        pw = getpwnam(user);
        if (pw != NULL)
            *uid = pw->pw_uid;
        return pw;
    }
    if (parse_id(user, &id) < 0)
        return NULL;
    *uid = (uid_t)id;
    return getpwuid(*uid);
}

static int find_group(const char *group, gid_t *gid)
{
    const struct group *gr;
    unsigned long id;

    if (parse_id(group, &id) == 0) {
        *gid = (gid_t)id;
        return 0;
    }
    gr = getgrnam(group);
    if (gr == NULL)
        return -1;
    *gid = gr->gr_gid;
    return 0;
}

/* All groups of user NAME, GID among them. 0 or -1. */
static int find_groups(const char *name, wsgi_identity *id)
{
    int room = 32;

    for (;;) {
        int count = room;
        gid_t *list = realloc(id->groups, sizeof(gid_t) * (size_t)room);

        if (list == NULL)
            return -1;
        id->groups = list;
        if (getgrouplist(name, id->gid, list, &count) >= 0) {
            id->ngroups = count;
            return 0;
        }
        room = count > room ? count : room * 2;
        if (room > 1 << 20)
            return -1;
    }
}

int wsgi_identity_find(const char *user, const char *group, wsgi_identity *out,
                       char *err, size_t errlen)
{
    const struct passwd *pw;

    memset(out, 0, sizeof(*out));
    pw = find_user(user, &out->uid);
    if (pw == NULL)
        return explain(err, errlen, "user '%s' does not exist on this machine", user);
    out->gid = pw->pw_gid;
    out->name = strdup(pw->pw_name);
    out->home = pw->pw_dir != NULL && pw->pw_dir[0] != '\0' ? strdup(pw->pw_dir) : NULL;
    if (out->name == NULL) {
        explain(err, errlen, "out of memory at user '%s'", user);
        goto failed;
    }
    if (group != NULL && find_group(group, &out->gid) < 0) {
        explain(err, errlen, "group '%s' does not exist on this machine", group);
        goto failed;
    }
    if (find_groups(out->name, out) < 0) {
        explain(err, errlen, "the groups of user '%s' cannot be read", user);
        goto failed;
    }
    return 0;
failed:
    wsgi_identity_free(out);
    return -1;
}

int wsgi_identity_groups(const char *list, wsgi_identity *id, char *err, size_t errlen)
{
    long most = sysconf(_SC_NGROUPS_MAX);
    size_t room = 2;
    const char *p;
    gid_t *groups;

    for (p = list; *p != '\0'; p++)
        room += *p == ',';
    groups = realloc(id->groups, room * sizeof(*groups));
    if (groups == NULL)
        return explain(err, errlen, "out of memory at the supplementary groups");
    id->groups = groups;
    groups[0] = id->gid;
    id->ngroups = 1;
    for (p = list; ; p++) {
        size_t n = strcspn(p, ",");
        char *name = strndup(p, n);
        gid_t gid = 0;
        int rv = name != NULL ? wsgi_access_group(name, &gid, err, errlen)
                              : explain(err, errlen, "out of memory at the supplementary groups");

        free(name);
        if (rv < 0)
            return -1;
        if (gid != id->gid)
            groups[id->ngroups++] = gid;
        p += n;
        if (*p == '\0')
            break;
    }
    if (most > 0 && id->ngroups > most)
        return explain(err, errlen, "these are %d groups with the primary one, and a process may have "
                       "%ld", id->ngroups, most);
    return 0;
}

int wsgi_access_user(const char *user, uid_t *out, char *err, size_t errlen)
{
    unsigned long id;

    if (parse_id(user, &id) == 0) {
        *out = (uid_t)id;
        return 0;
    }
    if (find_user(user, out) != NULL)
        return 0;
    return explain(err, errlen, "user '%s' does not exist on this machine", user);
}

int wsgi_access_group(const char *group, gid_t *out, char *err, size_t errlen)
{
    if (find_group(group, out) == 0)
        return 0;
    return explain(err, errlen, "group '%s' does not exist on this machine", group);
}

void wsgi_identity_free(wsgi_identity *id)
{
    free(id->groups);
    free(id->name);
    free(id->home);
    memset(id, 0, sizeof(*id));
}

/* ---- may it -------------------------------------------------------------------- */

static int in_group(const wsgi_identity *id, gid_t gid)
{
    int i;

    if (id->gid == gid)
        return 1;
    for (i = 0; i < id->ngroups; i++)
        if (id->groups[i] == gid)
            return 1;
    return 0;
}

/* Which of the three classes of mode bits counts: 'u', 'g' or 'o'. */
static char class_of(const wsgi_identity *id, const struct stat *st)
{
    if (st->st_uid == id->uid)
        return 'u';
    return in_group(id, st->st_gid) ? 'g' : 'o';
}

static int permitted(const wsgi_identity *id, const struct stat *st, int want)
{
    int shift = 0;

    if (id->uid == 0)
        return 1;
    switch (class_of(id, st)) {
    case 'u': shift = 6; break;
    case 'g': shift = 3; break;
    default: break;
    }
    return (((int)st->st_mode >> shift) & want & 7) == (want & 7);
}

/* An access list decides, and only the kernel reads those right. */
static int has_access_list(const char *path)
{
#ifdef __linux__
    return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
#else
    (void)path;
    return 0;
#endif
}

/* PATH as a shell word, for the command in the advice. */
static void quote(const char *path, char *out, size_t n)
{
    size_t used = 0;

    if (path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "0123456789/._-+:@%,=")] == '\0') {
        snprintf(out, n, "%s", path);
        return;
    }
    out[used++] = '\'';
    for (; *path != '\0' && used + 6 < n; path++) {
        if (*path == '\'') {
            memcpy(out + used, "'\\''", 4);
            used += 4;
        } else {
            out[used++] = *path;
        }
    }
    out[used++] = '\'';
    out[used] = '\0';
}

static int denied(const wsgi_identity *id, const char *at, const struct stat *st,
                  int want, const char *path, char *err, size_t errlen)
{
    const struct passwd *pw = getpwuid(st->st_uid);
    const struct group *gr = getgrgid(st->st_gid);
    const char *verb = S_ISDIR(st->st_mode) ? "search" : "run";
    char owner[80], group[80], word[PATH_MAX + 16], on_the_way[PATH_MAX + 32] = "";

    if (want & R_OK)
        verb = want & X_OK ? (S_ISDIR(st->st_mode) ? "read and search" : "read and run")
                           : "read";
    if (pw != NULL)
        snprintf(owner, sizeof(owner), "%.64s", pw->pw_name);
    else
        snprintf(owner, sizeof(owner), "#%lu", (unsigned long)st->st_uid);
    if (gr != NULL)
        snprintf(group, sizeof(group), "%.64s", gr->gr_name);
    else
        snprintf(group, sizeof(group), "#%lu", (unsigned long)st->st_gid);
    if (strcmp(at, path) != 0)
        snprintf(on_the_way, sizeof(on_the_way), " (on the way to '%s')", path);
    quote(at, word, sizeof(word));
    return explain(err, errlen, "user '%s' may not %s '%s'%s: its mode is %04o and it "
                   "belongs to %s:%s; give permission with: chmod %c+%s%s %s",
                   id->name, verb, at, on_the_way, (unsigned)st->st_mode & 07777,
                   owner, group, class_of(id, st), want & R_OK ? "r" : "",
                   want & X_OK ? "x" : "", word);
}

/* Append the component [P, P+N) to the path AT. 0, or -1 when it is too long. */
static int append(char at[PATH_MAX], const char *p, size_t n)
{
    size_t have = strlen(at);

    if (have == 1)                      /* "/" */
        have = 0;
    if (have + 1 + n >= PATH_MAX)
        return -1;
    at[have] = '/';
    memcpy(at + have + 1, p, n);
    at[have + 1 + n] = '\0';
    return 0;
}

static void parent_of(char *at)
{
    char *slash = strrchr(at, '/');

    slash[slash == at ? 1 : 0] = '\0';
}

/* REST becomes the target of link AT and what was left behind it. */
static int follow(char at[PATH_MAX], char rest[PATH_MAX], const char *left)
{
    char target[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t n = readlink(at, target, sizeof(target) - 1);

    if (n < 0)
        return -1;
    target[n] = '\0';
    if (snprintf(joined, sizeof(joined), "%s/%s", target, left) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(rest, joined);
    if (target[0] == '/')
        strcpy(at, "/");
    else
        parent_of(at);
    return 0;
}

int wsgi_access_check(const wsgi_identity *id, const char *path, int want,
                      char *err, size_t errlen)
{
    char at[PATH_MAX] = "/", rest[PATH_MAX];
    char *p = rest;
    struct stat st;
    int links = 0;

    if (path[0] != '/' || strlen(path) >= PATH_MAX)
        return explain(err, errlen, "'%.200s' is not an absolute path of bearable length", path);
    strcpy(rest, path);
    if (lstat(at, &st) < 0)
        return explain(err, errlen, "'/' cannot be examined: %s", strerror(errno));
    for (;;) {
        size_t n;

        p += strspn(p, "/");
        n = strcspn(p, "/");
        if (n == 0)
            break;
        /* AT is what the next component is looked up in. */
        if (!S_ISDIR(st.st_mode))
            return explain(err, errlen, "'%s' (on the way to '%s') is not a folder", at, path);
        if (!permitted(id, &st, X_OK) && !has_access_list(at))
            return denied(id, at, &st, X_OK, path, err, errlen);
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            parent_of(at);
        } else if ((n != 1 || p[0] != '.') && append(at, p, n) < 0) {
            return explain(err, errlen, "'%s' leads to a path that is too long", path);
        }
        p += n;
        if (lstat(at, &st) < 0)
            return explain(err, errlen, "'%s'%s%s%s cannot be examined: %s", at,
                           strcmp(at, path) ? " (on the way to '" : "",
                           strcmp(at, path) ? path : "", strcmp(at, path) ? "')" : "",
                           strerror(errno));
        if (S_ISLNK(st.st_mode)) {
            char left[PATH_MAX];

            strcpy(left, p);
            if (++links > LINKS_MAX || follow(at, rest, left) < 0)
                return explain(err, errlen, "the symbolic link '%s' (on the way to '%s') cannot "
                               "be followed: %s", at, path,
                               links > LINKS_MAX ? strerror(ELOOP) : strerror(errno));
            p = rest;
            if (lstat(at, &st) < 0)
                return explain(err, errlen, "'%s' cannot be examined: %s", at, strerror(errno));
        }
    }
    if (want != 0 && !permitted(id, &st, want) && !has_access_list(at))
        return denied(id, at, &st, want, path, err, errlen);
    return 0;
}

/* ---- whose is it ------------------------------------------------------------------ */

/* AT, the script or its folder, WHAT it is. 0 or -1. */
static int owned(const wsgi_owner *o, const char *what, const char *at, char *err, size_t errlen)
{
    struct stat st;

    if (stat(at, &st) < 0)
        return explain(err, errlen, "%s '%s' cannot be examined: %s", what, at, strerror(errno));
    if (o->by_user && st.st_uid != o->uid)
        return explain(err, errlen, "%s '%s' belongs to user #%lu and not to #%lu", what, at,
                       (unsigned long)st.st_uid, (unsigned long)o->uid);
    if (o->by_group && st.st_gid != o->gid)
        return explain(err, errlen, "%s '%s' belongs to group #%lu and not to #%lu", what, at,
                       (unsigned long)st.st_gid, (unsigned long)o->gid);
    if (o->by_user && (st.st_mode & S_IWGRP))
        return explain(err, errlen, "%s '%s' may be written by its group (mode %04o)", what, at,
                       (unsigned)st.st_mode & 07777);
    if (st.st_mode & S_IWOTH)
        return explain(err, errlen, "%s '%s' may be written by everybody (mode %04o)", what, at,
                       (unsigned)st.st_mode & 07777);
    return 0;
}

int wsgi_access_owned(const wsgi_owner *owner, const char *path, char *err, size_t errlen)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int rv;

    if (!owner->by_user && !owner->by_group)
        return 0;
    if (owned(owner, "script", path, err, errlen) < 0)
        return -1;
    folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL)
        return explain(err, errlen, "out of memory at script '%s'", path);
    rv = owned(owner, "the script's folder", folder, err, errlen);
    free(folder);
    return rv;
}

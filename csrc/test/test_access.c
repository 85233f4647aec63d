/* May somebody reach a path? A tree of folders of every kind, judged for users
 * that need not exist. */
#include "test.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/wsgi_access.h"

static char root[64] = "/tmp/wsgi access XXXXXX";
static char err[4096];

/* PATH below the root, in one of a few buffers used in turn. */
static const char *at(const char *path)
{
    static char buffers[4][512];
    static int turn;
    char *b = buffers[turn++ % 4];

    snprintf(b, sizeof(buffers[0]), "%s%s", root, path);
    return b;
}

static void folder(const char *path, mode_t mode)
{
    CHECK(mkdir(at(path), 0700) == 0 && chmod(at(path), mode) == 0);
}

static void file(const char *path, mode_t mode)
{
    FILE *f = fopen(at(path), "w");

    CHECK(f != NULL && fclose(f) == 0 && chmod(at(path), mode) == 0);
}

/* A user that is not us, in group GROUP besides his own. */
static wsgi_identity stranger(gid_t *group)
{
    wsgi_identity id = { .uid = getuid() + 54321, .gid = getgid() + 54321, .groups = group,
                         .ngroups = group ? 1 : 0, .name = (char *)"somebody", .home = NULL };
    return id;
}

static int check(const wsgi_identity *id, const char *path, int want)
{
    err[0] = '\0';
    return wsgi_access_check(id, at(path), want, err, sizeof(err));
}

static void make_tree(void)
{
    CHECK(mkdtemp(root) != NULL && chmod(root, 0755) == 0);
    folder("/open", 0755);
    file("/open/script.wsgi", 0644);
    file("/open/private", 0600);
    folder("/closed", 0700);
    folder("/closed/venv", 0755);
    folder("/grouped", 0750);
    file("/grouped/f", 0640);
    folder("/it's here", 0700);
    CHECK(symlink("closed/venv", at("/relative")) == 0);
    CHECK(symlink(at("/open"), at("/absolute")) == 0);
    CHECK(symlink("../open/script.wsgi", at("/open/up")) == 0);
    CHECK(symlink("loop", at("/loop")) == 0);
    CHECK(symlink("nowhere", at("/dangling")) == 0);
}

static void remove_tree(void)
{
    static const char *const files[] = { "/open/script.wsgi", "/open/private", "/open/up",
        "/grouped/f", "/relative", "/absolute", "/loop", "/dangling" };
    static const char *const folders[] = { "/closed/venv", "/closed", "/open", "/grouped",
                                           "/it's here", "" };
    size_t i;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        CHECK(unlink(at(files[i])) == 0);
    for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        CHECK(rmdir(at(folders[i])) == 0);
}

static void reachable(void)
{
    wsgi_identity id = stranger(NULL);

    CHECK_INT(check(&id, "/open/script.wsgi", R_OK), 0);
    CHECK_INT(check(&id, "//open/./../open//script.wsgi", R_OK), 0);
    CHECK_INT(check(&id, "/absolute/script.wsgi", R_OK), 0);
    CHECK_INT(check(&id, "/open/up", R_OK), 0);
    CHECK_INT(check(&id, "/open", R_OK | X_OK), 0);
    CHECK_INT(check(&id, "/closed", 0), 0);         /* to be seen it need not be entered */
    CHECK_INT(wsgi_access_check(&id, "/", X_OK, err, sizeof(err)), 0);
}

/* The classic: a home folder of mode 0700. */
static void the_component_is_named(void)
{
    wsgi_identity id = stranger(NULL);
    char want[256];

    CHECK_INT(check(&id, "/closed/venv", X_OK), -1);
    snprintf(want, sizeof(want), "'%s'", at("/closed"));
    CHECK_HAS(err, want);
    CHECK_HAS(err, "user 'somebody' may not search");
    CHECK_HAS(err, "mode is 0700");
    snprintf(want, sizeof(want), "chmod o+x '%s'", at("/closed"));
    CHECK_HAS(err, want);
    CHECK_INT(check(&id, "/relative", X_OK), -1);   /* through a link */
    CHECK_HAS(err, want);

    CHECK_INT(check(&id, "/open/private", R_OK), -1);
    CHECK_HAS(err, "may not read");
    CHECK_HAS(err, "chmod o+r ");
    CHECK_INT(check(&id, "/open/script.wsgi", X_OK), -1);
    CHECK_HAS(err, "may not run");
    CHECK_INT(check(&id, "/closed", R_OK | X_OK), -1);
    CHECK_HAS(err, "chmod o+rx ");
    CHECK_INT(check(&id, "/it's here/x", R_OK), -1);
    CHECK_HAS(err, "/it'\\''s here'");              /* can be pasted */
}

static void owner_group_root(void)
{
    gid_t mine = getgid();
    wsgi_identity id = stranger(&mine);

    CHECK_INT(check(&id, "/grouped/f", R_OK), 0);
    id.ngroups = 0;
    CHECK_INT(check(&id, "/grouped/f", R_OK), -1);
    id.gid = mine;
    CHECK_INT(check(&id, "/grouped/f", R_OK), 0);
    CHECK_INT(check(&id, "/closed/venv", X_OK), -1);
    CHECK_HAS(err, "chmod g+x");
    CHECK(chmod(at("/grouped"), 0077) == 0);        /* the owner's bits count for the owner */
    id.uid = getuid();
    if (id.uid != 0) {
        CHECK_INT(check(&id, "/grouped/f", R_OK), -1);
        CHECK_HAS(err, "chmod u+x");
    }
    CHECK(chmod(at("/grouped"), 0750) == 0);
    id.uid = 0;
    CHECK_INT(check(&id, "/closed/venv", X_OK), 0);
    CHECK_INT(check(&id, "/open/private", R_OK), 0);
}

static void not_there(void)
{
    wsgi_identity id = stranger(NULL);
    char *long_path = malloc(10000);

    CHECK_INT(check(&id, "/open/missing/deep", R_OK), -1);
    CHECK_HAS(err, "/open/missing' (on the way to");
    CHECK_HAS(err, "No such file");
    CHECK_INT(check(&id, "/dangling", R_OK), -1);
    CHECK_HAS(err, "No such file");
    CHECK_INT(check(&id, "/loop", R_OK), -1);
    CHECK_HAS(err, "symbolic link");
    CHECK_INT(check(&id, "/open/script.wsgi/x", R_OK), -1);
    CHECK_HAS(err, "is not a folder");
    CHECK_INT(wsgi_access_check(&id, "relative", R_OK, err, sizeof(err)), -1);
    CHECK_INT(wsgi_access_check(&id, "", R_OK, err, sizeof(err)), -1);
    memset(long_path, '/', 9999);
    long_path[9999] = '\0';
    CHECK_INT(wsgi_access_check(&id, long_path, R_OK, err, sizeof(err)), -1);
    free(long_path);
}

static void identities(void)
{
    struct passwd *me = getpwuid(getuid());
    wsgi_identity id;
    char number[32];

    if (me == NULL) {
        printf("# skip identities: uid %ld has no entry\n", (long)getuid());
        return;
    }
    CHECK_INT(wsgi_identity_find(me->pw_name, NULL, &id, err, sizeof(err)), 0);
    CHECK(id.uid == getuid() && id.gid == me->pw_gid && id.ngroups >= 1);
    CHECK(strcmp(id.name, me->pw_name) == 0);
    wsgi_identity_free(&id);
    snprintf(number, sizeof(number), "#%ld", (long)getuid());
    CHECK_INT(wsgi_identity_find(number, "#123", &id, err, sizeof(err)), 0);
    CHECK(id.uid == getuid() && id.gid == 123);
    wsgi_identity_free(&id);
    CHECK(id.name == NULL);
    CHECK_INT(wsgi_identity_find("no such user", NULL, &id, err, sizeof(err)), -1);
    CHECK_HAS(err, "user 'no such user' does not exist");
    CHECK_INT(wsgi_identity_find(number, "no such group", &id, err, sizeof(err)), -1);
    CHECK_HAS(err, "group 'no such group' does not exist");
    CHECK_INT(wsgi_identity_find("#4000000000", NULL, &id, err, sizeof(err)), -1);
    CHECK_INT(wsgi_identity_find("#12x", NULL, &id, err, sizeof(err)), -1);
}

/* "#1,#2,...": N of them, from FIRST on. */
static char *list_of(long n, long first)
{
    char *list = malloc((size_t)n * 12 + 1), *p = list;
    long i;

    *p = '\0';
    for (i = 0; i < n; i++)
        p += sprintf(p, "%s#%ld", i ? "," : "", first + i);
    return list;
}

static void supplementary(void)
{
    long most = sysconf(_SC_NGROUPS_MAX);
    wsgi_identity id = stranger(NULL);
    char *list;

    id.gid = 5;
    CHECK_INT(wsgi_identity_groups("#5", &id, err, sizeof(err)), 0);     /* none but the primary one */
    CHECK_INT(id.ngroups, 1);
    CHECK_INT(wsgi_identity_groups("#7,#5,#6", &id, err, sizeof(err)), 0);
    CHECK(id.ngroups == 3 && id.groups[0] == 5 && id.groups[1] == 7 && id.groups[2] == 6);
    CHECK_INT(wsgi_identity_groups("#7,no such group", &id, err, sizeof(err)), -1);
    CHECK_HAS(err, "'no such group' does not exist");
    list = list_of(most - 1, 100);
    CHECK_INT(wsgi_identity_groups(list, &id, err, sizeof(err)), 0);
    CHECK_INT(id.ngroups, most);
    free(list);
    list = list_of(most, 100);
    CHECK_INT(wsgi_identity_groups(list, &id, err, sizeof(err)), -1);
    CHECK_HAS(err, "a process may have");
    free(list);
    free(id.groups);
}

static void single_ids(void)
{
    uid_t uid = 1;
    gid_t gid = 1;

    CHECK(wsgi_access_user("#77", &uid, err, sizeof(err)) == 0 && uid == 77);
    CHECK(wsgi_access_user("root", &uid, err, sizeof(err)) == 0 && uid == 0);
    CHECK(wsgi_access_group("#78", &gid, err, sizeof(err)) == 0 && gid == 78);
    CHECK_INT(wsgi_access_user("no such user", &uid, err, sizeof(err)), -1);
    CHECK_HAS(err, "user 'no such user'");
    CHECK_INT(wsgi_access_group("no such group", &gid, err, sizeof(err)), -1);
    CHECK_HAS(err, "group 'no such group'");
}

static int owned(const wsgi_owner *o)
{
    err[0] = '\0';
    return wsgi_access_owned(o, at("/open/script.wsgi"), err, sizeof(err));
}

/* The owner, then each bit that lets somebody else write, on both. */
static void owners(void)
{
    wsgi_owner user = { .by_user = 1, .uid = getuid() }, group = { .by_group = 1, .gid = getgid() };
    wsgi_owner nobody = { 0 }, other_user = user, other_group = group;

    other_user.uid++;
    other_group.gid++;
    CHECK(owned(&user) == 0 && owned(&group) == 0 && owned(&nobody) == 0);
    CHECK_INT(owned(&other_user), -1);
    CHECK_HAS(err, "belongs to user #");
    CHECK_INT(owned(&other_group), -1);
    CHECK_HAS(err, "belongs to group #");

    CHECK(chmod(at("/open/script.wsgi"), 0664) == 0);
    CHECK(owned(&user) < 0 && owned(&group) == 0);
    CHECK(chmod(at("/open/script.wsgi"), 0646) == 0);
    CHECK(owned(&user) < 0 && owned(&group) < 0 && owned(&nobody) == 0);
    CHECK_HAS((owned(&group), err), "script.wsgi' may be written by everybody");
    CHECK(chmod(at("/open/script.wsgi"), 0644) == 0);

    CHECK(chmod(at("/open"), 0775) == 0);
    CHECK(owned(&user) < 0 && owned(&group) == 0);
    CHECK_HAS((owned(&user), err), "the script's folder");
    CHECK(chmod(at("/open"), 0757) == 0);
    CHECK(owned(&user) < 0 && owned(&group) < 0);
    CHECK(chmod(at("/open"), 0755) == 0);
    CHECK(owned(&user) == 0 && owned(&group) == 0);
    CHECK_INT(wsgi_access_owned(&user, at("/open/missing"), err, sizeof(err)), -1);
    CHECK_HAS(err, "cannot be examined");
}

int main(void)
{
    make_tree();
    RUN(reachable);
    RUN(the_component_is_named);
    RUN(owner_group_root);
    RUN(not_there);
    RUN(identities);
    RUN(supplementary);
    RUN(single_ids);
    RUN(owners);
    remove_tree();
    return TEST_DONE();
}

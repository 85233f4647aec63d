/* What is read of the kernel's files, from a folder of our own. */
#include "test.h"

#include <errno.h>
#include <sys/stat.h>

#include "../src/wsgi_memory.h"

static char root[] = "/tmp/test_memory.XXXXXX";

/* Write TEXT to PATH below the root, with the folders before it. */
static void put(const char *path, const char *text)
{
    char name[512];
    char *slash;
    FILE *f;

    snprintf(name, sizeof(name), "%s%s", root, path);
    for (slash = strchr(name + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        CHECK(mkdir(name, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    f = fopen(name, "w");
    CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void kills(void)
{
    CHECK_INT(wsgi_memory_kills(root), 0);          /* nothing to be read at all */
    put("/proc/vmstat", "nr_free_pages 5\noom_kill 3\n");
    CHECK_INT(wsgi_memory_kills(root), 3);
    put("/proc/self/cgroup", "12:cpu:/x\n5:memory:/one\n");
    CHECK_INT(wsgi_memory_kills(root), 3);          /* a group that cannot be read */
    put("/sys/fs/cgroup/memory/one/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    CHECK_INT(wsgi_memory_kills(root), 7);
    put("/proc/self/cgroup", "0::/a.slice/b\n");
    put("/sys/fs/cgroup/a.slice/b/memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 4\n");
    CHECK_INT(wsgi_memory_kills(root), 2);
    put("/sys/fs/cgroup/a.slice/b/memory.events", "oom_kill many\n");
    CHECK_INT(wsgi_memory_kills(root), 3);
}

static void own(void)
{
    CHECK_INT(wsgi_memory_own(root), -1);
    put("/proc/self/status", "Name:\tx\nVmRSS:\t    2048 kB\n");
    CHECK_INT(wsgi_memory_own(root), 2048 * 1024);
    put("/proc/self/smaps_rollup", "5555-7777 ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss:  400 kB\nPss_Anon: 1 kB\n");
    CHECK_INT(wsgi_memory_own(root), 400 * 1024);
    CHECK(wsgi_memory_own("") > 0);
}

int main(void)
{
    char command[64];

    if (mkdtemp(root) == NULL) {
        printf("# skip: no temporary folder\n");
        return 0;
    }
    RUN(kills);
    RUN(own);
    snprintf(command, sizeof(command), "rm -r %s", root);
    CHECK_INT(system(command), 0);
    return TEST_DONE();
}

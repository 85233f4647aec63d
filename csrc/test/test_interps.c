/* test_interps.c - makes and ends interpreters, one after the other.
 *
 *     test_interps ours|bare shared|own|free ROUNDS
 *
 * "ours" are made by the gateway for a request thread and ended as at the end of
 * a process; "bare" by Python alone, with the same configuration, the modules that
 * the gateway has in each and a second thread in it. What either leaves behind, after a tenth of the
 * rounds and after all of them, is the line
 *
 *     ROUNDS: rss N KiB, keys N, fds N, threads N
 *
 * where keys are those of threads that the process can still make. Whoever runs
 * it compares. Not of the plain tier: linked with the objects of the gateway. */

#include "wsgi_interp_inner.h"

#include <dirent.h>

#include "test.h"

#define IMPORTS "import threading, importlib.machinery, signal"

static wsgi_settings settings;
static wsgi_server server;
static pthread_barrier_t ended;
static int rounds;

static void log_line(void *ctx, int level, const char *text, size_t n)
{
    (void)ctx;
    (void)level;
    printf("%.*s\n", (int)n, text);
}

static long rss_kib(void)
{
    long all, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f == NULL || fscanf(f, "%ld %ld", &all, &resident) != 2)
        resident = 0;
    if (f != NULL)
        fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int keys_left(void)
{
    static pthread_key_t keys[4096];
    int n = 0, i;

    while (n < 4096 && pthread_key_create(&keys[n], NULL) == 0)
        n++;
    for (i = 0; i < n; i++)
        pthread_key_delete(keys[i]);
    return n;
}

static int entries(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n - 2;
}

static void tell(int round)
{
    if (round == rounds / 10 || round == rounds)
        printf("%d: rss %ld KiB, keys %d, fds %d, threads %d\n", round, rss_kib(), keys_left(),
               entries("/proc/self/fd") - 1, entries("/proc/self/task"));
}

/* The request thread: it asks for the interpreter and runs something there. */
static void *serve(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < rounds; i++) {
        wsgi_interp *interp = wsgi_interp_get("sub", 3);
        wsgi_slot *slot = interp == NULL ? NULL : wsgi_interp_slot(wsgi_runner_self(), interp);

        CHECK(slot != NULL);
        if (slot != NULL) {
            wsgi_interp_enter(slot);
            CHECK_INT(PyRun_SimpleString(IMPORTS), 0);
            wsgi_interp_leave(slot);
        }
        wsgi_home_stop();
        pthread_barrier_wait(&ended);
    }
    wsgi_runner_end();
    return NULL;
}

/* The home thread: what a process does at its end, and then forgets it. */
static void ours(void)
{
    pthread_t thread;
    int i;

    pthread_barrier_init(&ended, NULL, 2);
    CHECK_INT(pthread_create(&thread, NULL, serve, NULL), 0);
    for (i = 0; i < rounds; i++) {
        wsgi_interp *interp;

        wsgi_home_run();
        interp = wsgi_interp_find("sub", 3);
        CHECK(interp != NULL && wsgi_interp_end(interp) == 0);
        if (interp != NULL) {
            wsgi_interps.interps = interp->next;
            free(interp->group);
            free(interp);
        }
        wsgi_interps.stop = 0;
        tell(i + 1);
        pthread_barrier_wait(&ended);
    }
    pthread_join(thread, NULL);
}

/* A thread beside, which has been in the interpreter. */
static void *visit(void *arg)
{
    PyThreadState *ts = PyThreadState_New(arg);

    PyEval_RestoreThread(ts);
    CHECK_INT(PyRun_SimpleString(IMPORTS), 0);
    PyThreadState_Clear(ts);
    PyThreadState_DeleteCurrent();
    return NULL;
}

static void bare(int own)
{
    wsgi_slot *home = wsgi_slot_find(wsgi_runner_self(), wsgi_interp_main());
    int i;

    for (i = 0; i < rounds; i++) {
        PyThreadState *ts;
        pthread_t thread;

        PyEval_RestoreThread(home->ts);
        ts = wsgi_interpreter_new(own);
        CHECK(ts != NULL && PyRun_SimpleString(IMPORTS) == 0);
        PyEval_SaveThread();
        CHECK_INT(pthread_create(&thread, NULL, visit, ts->interp), 0);
        pthread_join(thread, NULL);
        PyEval_RestoreThread(ts);
        wsgi_interpreter_end(ts, home->ts);
        PyEval_SaveThread();
        tell(i + 1);
    }
}

int main(int argc, char **argv)
{
    wsgi_python_config config = {
        .runtime = "/nowhere", .process_group = "test", .settings = &settings, .server = &server,
        .threads = 1, .processes = 1, .log = log_line, .log_level = 4,
    };
    wsgi_scope *scope;
    char err[512] = "";
    int own;

    if (argc != 4) {
        fputs("usage: test_interps ours|bare shared|own|free ROUNDS\n", stderr);
        return 2;
    }
    own = strcmp(argv[2], "own") == 0;
    rounds = atoi(argv[3]);
    wsgi_settings_init(&settings);
    wsgi_server_init(&server);
    scope = wsgi_settings_add_scope(&settings, NULL, NULL);
    scope->per_interpreter_gil = own;
    scope->free_threading = strcmp(argv[2], "free") == 0;
    CHECK_INT(wsgi_python_start(&config, err, sizeof err), 0);
    fputs(err, stdout);
    if (strcmp(argv[1], "ours") == 0)
        ours();
    else
        bare(own);
    CHECK_INT(wsgi_python_stop(), 1);
    wsgi_settings_free(&settings);
    return TEST_DONE();
}

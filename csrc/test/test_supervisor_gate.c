/* Who may take a place, and when it is tried again: broken scripts, processes
 * that cannot do what the others do, kills by somebody else. */
#include "supervisor_world.h"

/* A broken deploy: one process tries, all go on, a new change is tried at once. */
static void the_gate(void)
{
    const char *const options[] = { "processes", "3", NULL };

    begin();
    stage(1, "g", options);
    commit();
    ready(0); ready(1); ready(2);
    pass(5000);
    renew(1, WSGI_DEATH_RELOAD);
    CHECK_INT(nfakes, 4);                   /* one at a time */
    ends(3, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    CHECK_HAS(log_text, "3 WSGIM0407: the new daemon process (pid 1003) of group 'g' could not import");
    CHECK_HAS(log_text, "4 WSGIM0412");
    CHECK_INT(view(sv.groups, fakes[3].slot).death, WSGI_DEATH_IMPORT);
    CHECK_INT(wsgi_board_turns(sv.groups->board), 1);
    CHECK_INT(nfakes, 4);
    pass(99);
    CHECK_INT(nfakes, 4);
    pass(1);
    CHECK_INT(nfakes, 5);                   /* it may have been the database */
    ends(4, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    pass(999);
    CHECK_INT(nfakes, 5);
    renew(2, WSGI_DEATH_RELOAD);            /* changed again */
    CHECK_INT(nfakes, 6);
    CHECK(fakes[0].signals + fakes[1].signals + fakes[2].signals == 0);
    ready(5);
    CHECK_INT(nfakes, 7);
    ready(6);
    CHECK_INT(nfakes, 8);
    ready(7);
    CHECK(fakes[0].last_signal == SIGUSR1 && fakes[1].last_signal == SIGUSR1 && fakes[2].last_signal == SIGUSR1);
    pass(100000);
    CHECK_INT(nfakes, 8);
    over();
}

static void rolling(void)
{
    const char *const options[] = { "processes", "2", NULL };

    begin();
    stage(1, "g", options);
    commit();
    ready(0); ready(1);
    wsgi_sv_roll(&sv, now);
    tick();
    CHECK_INT(nfakes, 3);
    ready(2);
    CHECK_INT(nfakes, 4);
    CHECK(strstr(log_text, "is complete") == NULL);
    ready(3);
    CHECK_HAS(log_text, "5 rolling reload of daemon process group 'g' is complete");
    ends(0, exited_with(0), 0); ends(1, exited_with(0), 0);
    wsgi_sv_roll(&sv, now);
    tick();
    ends(4, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    CHECK_HAS(log_text, "4 WSGIM0414: rolling reload of daemon process group 'g' is given up");
    pass(100000);
    CHECK_INT(nfakes, 5);
    CHECK_INT(alive(), 2);
    over();
}

/* One that was still starting began with what was there before: it is replaced
 * too, and nothing is complete until then. */
static void rolling_over_one_that_starts(void)
{
    const char *const options[] = { "processes", "2", NULL };

    begin();
    stage(1, "g", options);
    commit();
    ready(0);
    wsgi_sv_roll(&sv, now);
    tick();
    CHECK_INT(nfakes, 3);
    ready(2);
    CHECK(strstr(log_text, "is complete") == NULL);
    ready(1);
    tick();
    CHECK_INT(nfakes, 4);
    ready(3);
    CHECK_INT(fakes[1].last_signal, SIGUSR1);
    CHECK_HAS(log_text, "5 rolling reload of daemon process group 'g' is complete");
    over();
}

/* A failed import is tried again in a new process when it is asked for, with
 * growing delay. */
static void an_import_is_tried_again(void)
{
    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    renew(0, WSGI_DEATH_IMPORT);
    CHECK_INT(nfakes, 1);
    pass(100);
    CHECK_INT(nfakes, 2);
    ends(1, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    pass(100000);
    CHECK_INT(nfakes, 2);                   /* nobody asks */
    renew(0, WSGI_DEATH_IMPORT);
    CHECK_INT(nfakes, 3);
    ends(2, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    renew(0, WSGI_DEATH_IMPORT);
    pass(1999);
    CHECK_INT(nfakes, 3);
    pass(1);
    CHECK_INT(nfakes, 4);
    ready(3);
    CHECK_INT(fakes[0].last_signal, SIGUSR1);
    over();
}

static wsgi_str text(const char *s)
{
    wsgi_str t = { s, (uint32_t)strlen(s) };

    return t;
}

/* The process of fake I has loaded PATH, and says so. */
static void serves(int i, const char *path, const char *application_group)
{
    uint32_t slot;
    wsgi_sv_group *g = group_of(i, &slot);

    wsgi_slot_serves(g->board, slot, wsgi_script_number(path, application_group));
    wsgi_sv_script_seen(g, text(path), text(application_group));
}

/* What fake I has to load. */
static uint32_t preloads(int i, wsgi_preload *list, uint32_t most)
{
    uint32_t slot;
    const wsgi_sv_group *g = group_of(i, &slot);

    return wsgi_sv_preloads(g, slot, list, most);
}

static void scripts_of_the_others(void)
{
    wsgi_preload list[100];
    wsgi_sv_group *g;
    uint32_t slot;
    char name[40];
    int i;

    begin();
    stage(1, "g", NULL);
    commit();
    g = group_of(0, &slot);
    ready(0);
    serves(0, "/a", "");
    serves(0, "/a", "");
    wsgi_sv_script_seen(g, text("/b"), text("sub"));        /* wanted, and not to be had */
    CHECK_INT(preloads(0, list, 100), 0);                   /* the first has nobody to equal */
    renew(0, WSGI_DEATH_MAXIMUM_REQUESTS);
    CHECK_INT(preloads(1, list, 100), 1);
    CHECK(strcmp(list[0].script, "/a") == 0 && list[0].required);
    g->places[0].renew = WSGI_DEATH_RELOAD;
    CHECK_INT(preloads(1, list, 100), 2);
    CHECK_INT(preloads(1, list, 1), 1);
    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "/%d", i);
        serves(0, name, "");
    }
    CHECK_INT(preloads(1, list, 100), WSGI_SV_SCRIPTS_MAX);
    over();
}

/* A group of two processes, of which only the first has a script in service. */
static void one_of_two_serves(void)
{
    const char *const options[] = { "processes", "2", NULL };

    begin();
    stage(1, "g", options);
    commit();
    ready(0); ready(1);
    serves(0, "/a", "");
    pass(5000);
}

/* One that could not load what another serves has made room. Its successor has
 * to be able to, is tried again with growing delay, and at once after a change. */
static void a_cold_process(void)
{
    wsgi_preload list[4];

    one_of_two_serves();
    recycle(1, WSGI_DEATH_IMPORT);
    CHECK(fakes[0].signals == 0 && fakes[1].last_signal == SIGUSR1);
    CHECK_INT(nfakes, 2);
    pass(100);
    CHECK_INT(nfakes, 3);
    CHECK_INT(preloads(2, list, 4), 1);
    CHECK(list[0].required);
    ends(2, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    ends(1, exited_with(0), 0);
    CHECK_HAS(log_text, "3 WSGIM0407");
    pass(999);
    CHECK_INT(nfakes, 3);
    pass(1);
    CHECK_INT(nfakes, 4);
    ends(3, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    pass(10);
    renew(0, WSGI_DEATH_RELOAD);            /* mended: both places try at once */
    CHECK_INT(nfakes, 6);
    ready(4); ready(5);
    CHECK_INT(fakes[0].last_signal, SIGUSR1);
    ends(0, exited_with(0), 0);
    pass(100000);
    CHECK_INT(nfakes, 6);
    CHECK_INT(alive(), 2);
    over();
}

/* Where nobody serves there is nothing to equal: one that starts as it may is
 * better than none. */
static void the_last_one_dies(void)
{
    wsgi_preload list[4];

    one_of_two_serves();
    ends(1, killed_by(SIGSEGV), 0);
    CHECK_INT(preloads(2, list, 4), 1);     /* while the other serves */
    ends(2, exited_with(WSGI_HOST_EXIT_IMPORT), 0);
    ends(0, killed_by(SIGSEGV), 0);
    CHECK_INT(nfakes, 4);
    CHECK_INT(preloads(3, list, 4), 0);
    over();
}

/* Kill the fake I, which becomes ready before if READY, LIFE ms after its start;
 * the next one has to come after WANT ms. */
static void kill_young(int i, int is_ready, int64_t life, int64_t want)
{
    if (is_ready)
        ready(i);
    pass(life);
    ends(i, killed_by(SIGKILL), 0);
    if (want > 0) {
        CHECK_INT(wsgi_sv_next(&sv, now), want);
        pass(want - 1);
        CHECK_INT(nfakes, i + 1);
        pass(1);
    }
    CHECK_INT(nfakes, i + 2);
}

/* Who is killed by somebody has not failed. */
static void killed_by_others(void)
{
    static const int64_t want[] = { 0, 100, 100, 100, 100, 1000, 1000, 1000 };
    int i, n = (int)(sizeof(want) / sizeof(want[0]));

    begin();
    stage(1, "g", NULL);
    commit();
    for (i = 0; i < n; i++) {
        CHECK((strstr(log_text, "4 WSGIM0427") != NULL) == (i > 5));
        kill_young(i, i % 2, i % 2 ? 900 : 20, want[i]);
    }
    CHECK(strstr(log_text, "WSGIM0413") == NULL);
    ready(n);
    pass(1000);
    ends(n, killed_by(SIGKILL), 0);         /* old enough: all is forgotten */
    CHECK_INT(nfakes, n + 2);
    kill_young(n + 1, 1, 10, 0);
    kill_young(n + 2, 1, 10, 100);
    ends(n + 3, killed_by(SIGSEGV), 0);     /* a crash is one, whatever came before */
    CHECK_INT(wsgi_sv_next(&sv, now), 100);
    pass(100);
    ends(n + 4, killed_by(SIGSEGV), 0);
    CHECK_INT(wsgi_sv_next(&sv, now), 1000);
    pass(1000);
    kill_young(n + 5, 0, 10, 100);          /* nor does a kill make it worse */
    ends(n + 6, killed_by(SIGKILL), 1);     /* but there is not enough memory for it */
    CHECK_INT(wsgi_sv_next(&sv, now), 2000);
    over();
}

static void each_signal(void)
{
    static const struct { int sig, others; } all[] = {
        { SIGKILL, 1 }, { SIGTERM, 1 }, { SIGINT, 1 }, { SIGHUP, 1 }, { SIGQUIT, 1 }, { SIGUSR1, 1 }, { SIGUSR2, 1 },
        { SIGSEGV, 0 }, { SIGBUS, 0 }, { SIGABRT, 0 }, { SIGILL, 0 }, { SIGFPE, 0 }, { SIGSYS, 0 }, { SIGALRM, 0 },
        { SIGXCPU, 0 },
    };
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        begin();
        stage(1, "g", NULL);
        commit();
        ends(0, killed_by(all[i].sig), 0);
        CHECK_INT(nfakes, all[i].others ? 2 : 1);
        over();
    }
}

/* SIGTERM to one that still starts: it says so itself. */
static void told_to_go_at_its_start(void)
{
    begin();
    stage(1, "g", NULL);
    commit();
    recycle(0, WSGI_DEATH_SIGNALLED);
    CHECK_INT(nfakes, 2);
    ends(0, exited_with(0), 0);
    recycle(1, WSGI_DEATH_SIGNALLED);
    CHECK_INT(wsgi_sv_next(&sv, now), 100);
    pass(100);
    CHECK_INT(nfakes, 3);
    over();
}

/* A successor that somebody kills is started again; it holds nothing up. */
static void the_next_one_is_killed(void)
{
    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    pass(5000);
    wsgi_sv_roll(&sv, now);
    tick();
    ends(1, killed_by(SIGKILL), 0);
    CHECK_INT(nfakes, 3);
    CHECK(strstr(log_text, "WSGIM0414") == NULL && strstr(log_text, "WSGIM0412") == NULL);
    ready(2);
    CHECK_HAS(log_text, "is complete");
    CHECK_INT(fakes[0].last_signal, SIGUSR1);
    over();
}

/* In a group that is not to have a successor nobody waits for one. */
static void a_change_after_the_end(void)
{
    const char *const other[] = { "threads", "3", NULL };
    wsgi_sv_group *g;
    uint32_t slot, turns;

    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    g = group_of(0, &slot);
    wsgi_sv_renew(&sv, g, slot, WSGI_DEATH_RELOAD, now);    /* before: whoever waits is let go */
    turns = wsgi_board_turns(g->board);
    stage(2, "g", other);
    commit();
    CHECK_INT(g->state, WSGI_SV_RETIRED);
    CHECK_INT(wsgi_board_turns(g->board), turns + 1);
    renew(0, WSGI_DEATH_RELOAD);                            /* after */
    CHECK_INT(wsgi_board_turns(g->board), turns + 2);
    CHECK_INT(nfakes, 2);
    over();
}

int main(void)
{
    RUN(the_gate);
    RUN(rolling);
    RUN(rolling_over_one_that_starts);
    RUN(an_import_is_tried_again);
    RUN(scripts_of_the_others);
    RUN(a_cold_process);
    RUN(the_last_one_dies);
    RUN(killed_by_others);
    RUN(each_signal);
    RUN(told_to_go_at_its_start);
    RUN(the_next_one_is_killed);
    RUN(a_change_after_the_end);
    return TEST_DONE();
}

/* Settings of Python: which scope decides what for whom, and the way through
 * bytes. */
#include "test.h"

#include "../src/wsgi_settings.h"

static wsgi_scope *add(wsgi_settings *s, const char *process_group, const char *application_group)
{
    wsgi_scope *scope = wsgi_settings_add_scope(s, process_group, application_group);

    CHECK(scope != NULL);
    return scope;
}

static void unset(void)
{
    wsgi_settings s;
    wsgi_scope out;

    wsgi_settings_init(&s);
    CHECK(s.python_optimize == -1 && s.dont_write_bytecode == -1 && s.destroy_interpreter == -1);
    CHECK(s.hash_seed == -1 && s.python_eggs == NULL && s.nwarnings == 0 && s.nscopes == 0);
    wsgi_settings_resolve(&s, "g", "", &out);
    CHECK(out.per_interpreter_gil == -1 && out.free_threading == -1 && out.restrict_stdin == -1);
    CHECK(out.restrict_stdout == -1 && out.restrict_signal == -1 && out.switch_interval_us == -1);
    CHECK(out.process_group == NULL && out.application_group == NULL && out.python_path == NULL);
    CHECK(wsgi_settings_path(&s, "g", "", 0) == NULL);
    CHECK_INT(wsgi_settings_own_interval(&s, "g", ""), -1);
}

/* The most specific scope decides, whatever the order; of two that are equal
 * the later. */
static void precedence(void)
{
    wsgi_settings s;
    wsgi_scope out;

    wsgi_settings_init(&s);
    add(&s, NULL, NULL)->restrict_stdin = 0;            /* the plain directives */
    add(&s, "g", "a")->restrict_stdin = 1;
    add(&s, "g", NULL)->restrict_stdin = 0;
    add(&s, NULL, NULL)->restrict_stdout = 1;
    add(&s, NULL, "a")->restrict_stdout = 0;
    add(&s, "g", NULL)->restrict_stdout = 1;            /* later, and as specific */
    add(&s, "", NULL)->restrict_signal = 0;             /* the children's */
    add(&s, NULL, "")->per_interpreter_gil = 1;         /* the main interpreter's */

    wsgi_settings_resolve(&s, "g", "a", &out);
    CHECK(out.restrict_stdin == 1 && out.restrict_stdout == 1 && out.restrict_signal == -1);
    CHECK(out.per_interpreter_gil == -1);
    wsgi_settings_resolve(&s, "other", "a", &out);
    CHECK(out.restrict_stdin == 0 && out.restrict_stdout == 0);
    wsgi_settings_resolve(&s, "other", "b", &out);
    CHECK(out.restrict_stdin == 0 && out.restrict_stdout == 1);
    wsgi_settings_resolve(&s, "", "", &out);
    CHECK(out.restrict_signal == 0 && out.per_interpreter_gil == 1);
    wsgi_settings_resolve(&s, "", NULL, &out);          /* the process as a whole */
    CHECK(out.restrict_signal == 0 && out.per_interpreter_gil == -1);
    wsgi_settings_free(&s);
}

/* Threads run with a GIL or without in a whole process. */
static void free_threading(void)
{
    wsgi_settings s;
    wsgi_scope out;

    wsgi_settings_init(&s);
    add(&s, NULL, NULL)->free_threading = 0;
    add(&s, "g", "a")->free_threading = 1;
    add(&s, NULL, "a")->free_threading = 1;
    wsgi_settings_resolve(&s, "g", "a", &out);
    CHECK_INT(out.free_threading, 0);
    add(&s, "g", NULL)->free_threading = 1;
    wsgi_settings_resolve(&s, "g", "a", &out);
    CHECK_INT(out.free_threading, 1);
    wsgi_settings_resolve(&s, "h", "a", &out);
    CHECK_INT(out.free_threading, 0);
    wsgi_settings_free(&s);
}

static void intervals(void)
{
    wsgi_settings s;
    wsgi_scope out;

    wsgi_settings_init(&s);
    add(&s, NULL, NULL)->switch_interval_us = 1000;
    add(&s, "g", NULL)->switch_interval_us = 2000;
    add(&s, "g", "a")->switch_interval_us = 3000;
    add(&s, NULL, "a")->switch_interval_us = 4000;
    wsgi_settings_resolve(&s, "g", NULL, &out);
    CHECK_INT(out.switch_interval_us, 2000);
    wsgi_settings_resolve(&s, "", NULL, &out);
    CHECK_INT(out.switch_interval_us, 1000);
    wsgi_settings_resolve(&s, "g", "a", &out);
    CHECK_INT(out.switch_interval_us, 3000);
    CHECK_INT(wsgi_settings_own_interval(&s, "g", "a"), 3000);
    CHECK_INT(wsgi_settings_own_interval(&s, "h", "a"), 4000);
    CHECK_INT(wsgi_settings_own_interval(&s, "g", "b"), -1);
    CHECK_INT(wsgi_settings_own_interval(&s, "g", NULL), -1);
    wsgi_settings_free(&s);
}

static void paths(void)
{
    wsgi_settings s;

    wsgi_settings_init(&s);
    add(&s, "g", "a")->python_path = strdup("/both");
    add(&s, NULL, "a")->python_path = strdup("/one:/more");
    add(&s, NULL, NULL)->python_path = strdup("/all");
    add(&s, "g", NULL)->python_path = strdup("/other");
    CHECK(strcmp(wsgi_settings_path(&s, "g", "a", 0), "/all") == 0);
    CHECK(strcmp(wsgi_settings_path(&s, "g", "a", 1), "/one:/more") == 0);
    CHECK(strcmp(wsgi_settings_path(&s, "g", "a", 2), "/other") == 0);
    CHECK(strcmp(wsgi_settings_path(&s, "g", "a", 3), "/both") == 0);
    CHECK(wsgi_settings_path(&s, "g", "a", 4) == NULL);
    CHECK(strcmp(wsgi_settings_path(&s, "", "", 0), "/all") == 0);
    CHECK(wsgi_settings_path(&s, "", "", 1) == NULL);
    wsgi_settings_free(&s);
}

static void fill(wsgi_settings *s)
{
    wsgi_scope *scope;

    wsgi_settings_init(s);
    s->python_optimize = 2;
    s->dont_write_bytecode = 1;
    s->destroy_interpreter = 0;
    s->hash_seed = UINT32_MAX;
    s->python_eggs = strdup("/eggs");
    CHECK_INT(wsgi_settings_add_warning(s, "error::UserWarning"), 0);
    CHECK_INT(wsgi_settings_add_warning(s, "ignore"), 0);
    add(s, NULL, NULL)->python_path = strdup("/a:/b");
    scope = add(s, "", "sub");
    scope->per_interpreter_gil = scope->restrict_stdin = 1;
    scope->switch_interval_us = WSGI_SWITCH_INTERVAL_MAX;
}

static wsgi_buf bytes_of(const wsgi_settings *s)
{
    wsgi_buf b = { NULL, 0, 0, 0 };

    wsgi_settings_encode(s, &b);
    return b;
}

static void bytes(void)
{
    wsgi_settings s, got;
    wsgi_buf b, again;
    wsgi_cur c;
    size_t n;

    fill(&s);
    CHECK_INT(wsgi_settings_copy(&s, &got), 0);
    CHECK(got.python_optimize == 2 && got.hash_seed == UINT32_MAX && got.destroy_interpreter == 0);
    CHECK(strcmp(got.python_eggs, "/eggs") == 0 && got.python_eggs != s.python_eggs);
    CHECK(got.nwarnings == 2 && strcmp(got.warnings[0], "error::UserWarning") == 0);
    CHECK(got.nscopes == 2 && got.scopes[0].process_group == NULL);
    CHECK(got.scopes[1].process_group[0] == '\0' && got.scopes[1].restrict_signal == -1);
    b = bytes_of(&s);
    again = bytes_of(&got);
    CHECK(b.len == again.len && memcmp(b.data, again.data, b.len) == 0);
    wsgi_buf_free(&again);
    wsgi_settings_free(&got);
    wsgi_settings_free(&s);

    for (n = 0; n < b.len; n++) {           /* cut anywhere it is none */
        unsigned char *exact = malloc(n ? n : 1);

        memcpy(exact, b.data, n);
        c = wsgi_cur_of(exact, n);
        CHECK_INT(wsgi_settings_decode(&c, &got), -1);
        CHECK(got.scopes == NULL && got.warnings == NULL && got.python_eggs == NULL);
        free(exact);
    }
    wsgi_buf_free(&b);
}

static int refused(const wsgi_settings *s)
{
    wsgi_settings got;
    int rv = wsgi_settings_copy(s, &got);

    wsgi_settings_free(&got);
    return rv < 0;
}

static void bounds(void)
{
    wsgi_settings s;

    fill(&s);
    CHECK(!refused(&s));
    s.python_optimize = 3;
    CHECK(refused(&s));
    s.python_optimize = -1;
    s.dont_write_bytecode = 2;
    CHECK(refused(&s));
    s.dont_write_bytecode = -1;
    s.destroy_interpreter = -2;
    CHECK(refused(&s));
    s.destroy_interpreter = 1;
    s.hash_seed = -3;
    CHECK(refused(&s));
    s.hash_seed = (int64_t)UINT32_MAX + 1;
    CHECK(refused(&s));
    s.hash_seed = WSGI_HASH_SEED_RANDOM;
    CHECK(!refused(&s));
    s.scopes[1].switch_interval_us = 0;
    CHECK(refused(&s));
    s.scopes[1].switch_interval_us = WSGI_SWITCH_INTERVAL_MAX + 1;
    CHECK(refused(&s));
    s.scopes[1].switch_interval_us = 1;
    s.scopes[1].restrict_stdout = 2;
    CHECK(refused(&s));
    s.scopes[1].restrict_stdout = 0;
    CHECK(!refused(&s));
    while (s.nscopes < WSGI_SCOPES_MAX)
        add(&s, NULL, NULL);
    CHECK(!refused(&s));
    CHECK(wsgi_settings_add_scope(&s, NULL, NULL) == NULL);
    while (s.nwarnings < WSGI_WARNINGS_MAX)
        CHECK_INT(wsgi_settings_add_warning(&s, "ignore"), 0);
    CHECK_INT(wsgi_settings_add_warning(&s, "ignore"), -1);
    CHECK(!refused(&s));
    wsgi_settings_free(&s);
}

int main(void)
{
    RUN(unset);
    RUN(precedence);
    RUN(free_threading);
    RUN(intervals);
    RUN(paths);
    RUN(bytes);
    RUN(bounds);
    return TEST_DONE();
}

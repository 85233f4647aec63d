/* Settings of Python as bytes of another process: what is accepted is written
 * again as the same bytes, within its bounds, and can be asked for anybody.
 *
 * Input: 0 and bytes; or 1 and changes (fuzz_bend) to settings that are right. */
#include "fuzz.h"

#include "wsgi_settings.h"

static void ask(const wsgi_settings *s, const char *process_group, const char *application_group)
{
    wsgi_scope out;
    uint32_t i;

    wsgi_settings_resolve(s, process_group, application_group, &out);
    MUST(out.process_group == NULL && out.application_group == NULL && out.python_path == NULL);
    MUST(out.restrict_stdin >= -1 && out.restrict_stdin <= 1 && out.switch_interval_us != 0);
    MUST(wsgi_settings_own_interval(s, process_group, application_group) <= WSGI_SWITCH_INTERVAL_MAX);
    for (i = 0; wsgi_settings_path(s, process_group, application_group, i) != NULL; i++)
        MUST(i < s->nscopes);
}

static void check(const unsigned char *data, size_t size)
{
    wsgi_buf again = { NULL, 0, 0, 0 };
    wsgi_cur c = wsgi_cur_of(data, size);
    wsgi_settings s;

    if (wsgi_settings_decode(&c, &s) < 0) {
        MUST(s.scopes == NULL && s.warnings == NULL && s.python_eggs == NULL);  /* nothing is left behind */
        return;
    }
    MUST(s.python_optimize <= WSGI_OPTIMIZE_MAX && s.hash_seed <= UINT32_MAX);
    ask(&s, "", "");
    ask(&s, "g", "a");
    ask(&s, "g", NULL);
    wsgi_settings_encode(&s, &again);
    MUST(!again.failed && again.len == size - c.left && memcmp(again.data, data, again.len) == 0);
    fuzz_accepted++;
    wsgi_buf_free(&again);
    wsgi_settings_free(&s);
}

static wsgi_buf encoded(void)
{
    static char *warnings[] = { (char *)"error", (char *)"ignore::DeprecationWarning" };
    wsgi_scope scopes[3];
    wsgi_settings s;
    wsgi_buf b = { NULL, 0, 0, 0 };

    wsgi_settings_init(&s);
    s.python_optimize = 1;
    s.hash_seed = 7;
    s.python_eggs = (char *)"/e";
    s.warnings = warnings;
    s.nwarnings = 2;
    wsgi_scope_init(&scopes[0]);
    scopes[0].restrict_stdin = 1;
    wsgi_scope_init(&scopes[1]);
    scopes[1].process_group = (char *)"g";
    scopes[1].python_path = (char *)"/a:/b";
    wsgi_scope_init(&scopes[2]);
    scopes[2].process_group = (char *)"g";
    scopes[2].application_group = (char *)"a";
    scopes[2].switch_interval_us = 1000;
    scopes[2].per_interpreter_gil = 1;
    s.scopes = scopes;
    s.nscopes = 3;
    wsgi_settings_encode(&s, &b);
    return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = { data, size };
    uint8_t kind = fuzz_byte(&in);
    wsgi_buf good;

    if (kind == 0) {
        check(in.p, in.left);
        return 0;
    }
    good = encoded();
    fuzz_check_bent(&in, good.data, good.len, check);
    wsgi_buf_free(&good);
    return 0;
}

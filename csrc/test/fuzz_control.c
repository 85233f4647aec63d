/* The configuration of a group, as supervisor and host read it: what is
 * accepted is written again as the same bytes.
 *
 * Input: 0 and the payload of a GROUP or CONFIG message; or 1 or 2 and changes
 * (fuzz_bend) to the payload of a plain group or of one with everything. */
#include "fuzz.h"

#include "wsgi_control.h"

static void check_limits(const wsgi_group_config *g)
{
    MUST(g->host[0] == '/' && g->options.name != NULL && g->default_socket_timeout >= 0);
    MUST(wsgi_options_processes(&g->options) >= 1 && wsgi_options_processes(&g->options) <= 4096);
    MUST(wsgi_options_threads(&g->options) >= 0 && wsgi_options_threads(&g->options) <= 65533);
    MUST(wsgi_group_slots(&g->options) > (uint32_t)wsgi_options_processes(&g->options));
}

static void check(const unsigned char *data, size_t size)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_cur c = wsgi_cur_of(data, size);
    wsgi_group_config g;

    if (wsgi_group_config_decode(&c, &g) < 0) {
        MUST(g.settings.scopes == NULL && g.settings.warnings == NULL);
        MUST(g.host == NULL && g.preloads == NULL && g.options.name == NULL);   /* nothing is left behind */
        return;
    }
    check_limits(&g);
    wsgi_group_config_encode(&g, &b);
    MUST(!b.failed && b.len == size && memcmp(b.data, data, size) == 0);
    fuzz_accepted++;
    free(wsgi_options_title(&g.options));
    wsgi_buf_free(&b);
    wsgi_group_config_free(&g);
}

/* The payload of a group that is right. */
static wsgi_buf encoded(int everything)
{
    static const char *const words[] = { "user=www-data", "processes=4096", "threads=3", "umask=22", "home=/",
                                         "python-path=/a:/b", "display-name=%{GROUP} x%{GROUP}" };
    static wsgi_preload preloads[] = { { (char *)"/a.py", (char *)"", (char *)"application", 0 },
                                       { (char *)"/b c.py", (char *)"group", (char *)"app", 1 } };
    wsgi_group_config g;
    wsgi_buf b = { NULL, 0, 0, 0 };
    char err[200], name[40];
    size_t i;

    memset(&g, 0, sizeof(g));
    wsgi_options_init(&g.options);
    wsgi_settings_init(&g.settings);
    g.host = (char *)"/lib/wsgi-host";
    g.runtime = (char *)"/lib/python";
    g.server_name = (char *)"";
    g.options.name = strdup("g");
    for (i = 0; everything && i < sizeof(words) / sizeof(words[0]); i++) {
        const char *value = strchr(words[i], '=');

        snprintf(name, sizeof(name), "%.*s", (int)(value - words[i]), words[i]);
        MUST(wsgi_options_set(&g.options, name, value + 1, err, sizeof(err)) == 0);
    }
    if (everything) {
        g.key = UINT64_MAX;
        g.server_name = (char *)"example.org";
        g.preloads = preloads;
        g.npreloads = 2;
        g.slot = 3;
        g.incarnation = 9;
    }
    wsgi_group_config_encode(&g, &b);
    wsgi_options_free(&g.options);
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
    good = encoded(kind > 1);
    fuzz_check_bent(&in, good.data, good.len, check);
    wsgi_buf_free(&good);
    return 0;
}

/* The options table: every name, every range, what is refused and how, and
 * the way through bytes. */
#include "test.h"

#include "../src/wsgi_options.h"

static char err[512];

static int set(wsgi_options *o, const char *name, const char *value)
{
    err[0] = '\0';
    return wsgi_options_set(o, name, value, err, sizeof(err));
}

/* Is VALUE taken by NAME? Checks that a refusal is a sentence about it. */
static int takes(const char *name, const char *value)
{
    wsgi_options o;
    int rv;

    wsgi_options_init(&o);
    rv = set(&o, name, value);
    if (rv < 0)
        CHECK_HAS(err, name);
    else
        CHECK(err[0] == '\0');
    wsgi_options_free(&o);
    return rv == 0;
}

static void integers(void)
{
    static const struct { const char *name; const char *low, *below, *high, *above; } ranges[] = {
        { "processes", "1", "0", "4096", "4097" },
        { "threads", "0", "-1", "65533", "65534" },
        { "eviction-timeout", "0", "-1", "1000000000", "1000000001" },
        { "deadlock-timeout", "0", "-1", "1000000000", "1000000001" },
        { "interrupt-timeout", "0", "-1", "1000000000", "1000000001" },
        { "request-deadline", "0", "-1", "1000000000", "1000000001" },
        { "response-socket-timeout", "0", "-1", "1000000000", "1000000001" },
        { "cpu-time-limit", "0", "-1", "1000000000", "1000000001" },
        { "cpu-priority", "-20", "-21", "19", "20" },
        { "stack-size", "1", "0", "1099511627776", "1099511627777" },
        { "memory-limit", "0", "-1", "999999999999999999", "1000000000000000000" },
        { "memory-soft-limit", "0", "-1", "999999999999999999", "1000000000000000000" },
        { "memory-soft-limit", "1%", "0%", "100%", "101%" },
        { "memory-soft-limit", "070%", "%", "7%", "7.5%" },
        { "memory-soft-limit", "8%", "-8%", "80%", "80%%" },
        { "virtual-memory-limit", "0", "-1", "999999999999999999", "1000000000000000000" },
        { "listen-backlog", "0", "-1", "1000000", "1000001" },
        { "send-buffer-size", "512", "511", "2147483647", "2147483648" },
        { "receive-buffer-size", "512", "100", "2147483647", "2147483648" },
        { "header-buffer-size", "8192", "8191", "2147483647", "2147483648" },
        { "response-buffer-size", "65536", "65535", "2147483647", "2147483648" },
        { "response-flush-delay", "0", "-1", "3600000", "3600001" },
        { "startup-timeout", "0", "-1", "1000000000", "1000000001" },
        { "shutdown-timeout", "0", "-1", "1000000000", "1000000001" },
        { "graceful-timeout", "0", "-1", "1000000000", "1000000001" },
        { "request-timeout", "0", "-1", "1000000000", "1000000001" },
        { "queue-timeout", "0", "-1", "1000000000", "1000000001" },
        { "connect-timeout", "0", "-1", "1000000000", "1000000001" },
        { "socket-timeout", "0", "-1", "1000000000", "1000000001" },
        { "inactivity-timeout", "0", "-1", "1000000000", "1000000001" },
        { "restart-interval", "0", "-1", "1000000000", "1000000001" },
        { "maximum-requests", "0", "-1", "2147483647", "2147483648" },
        { "umask", "0", "-1", "0777", "01000" }
    };
    static const char *const never[] = { "", " ", "5x", "x", "+5", " 5", "5 ", "0x5", "1e3", "1.5",
                                         "99999999999999999999", "18446744073709551617" };
    size_t i, k;

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        CHECK(takes(ranges[i].name, ranges[i].low));
        CHECK(takes(ranges[i].name, ranges[i].high));
        CHECK(!takes(ranges[i].name, ranges[i].below));
        CHECK(!takes(ranges[i].name, ranges[i].above));
        for (k = 0; k < sizeof(never) / sizeof(never[0]); k++)
            CHECK(!takes(ranges[i].name, never[k]));
    }
    CHECK(takes("threads", "0005"));
    CHECK(takes("send-buffer-size", "0") && takes("header-buffer-size", "0"));
    CHECK(takes("response-buffer-size", "0") && takes("cpu-priority", "-0"));
    CHECK(!takes("cpu-priority", "--5") && !takes("cpu-priority", "-"));
    CHECK(!takes("umask", "8") && !takes("umask", "0o22"));
}

static void texts(void)
{
    CHECK(takes("user", "www-data") && takes("user", "#1000"));
    CHECK(!takes("user", "") && !takes("user", "root") && !takes("user", "#0"));
    CHECK(!takes("user", "#") && !takes("user", "#12x") && !takes("user", "#99999999999"));
    CHECK(takes("group", "root") && takes("group", "#0") && !takes("group", "#-1"));
    CHECK(takes("home", "/") && takes("home", "/with a space"));
    CHECK(!takes("home", "relative") && !takes("home", "") && !takes("home", "~"));
    CHECK(takes("python-home", "/opt/venv") && !takes("python-home", "venv"));
    CHECK(!takes("python-home", "/usr:/usr/lib"));
    CHECK_HAS((set(&(wsgi_options){ 0 }, "python-home", "/usr:/lib"), err), "prefix:exec_prefix");
    CHECK(takes("python-path", "/a") && takes("python-path", "/a:/b c:/d"));
    CHECK(!takes("python-path", "") && !takes("python-path", "a:/b"));
    CHECK(!takes("python-path", "/a:") && !takes("python-path", "/a::/b"));
    CHECK(!takes("python-path", ":/a"));
    CHECK(takes("lang", "en_US.UTF-8") && takes("locale", "C.UTF-8"));
    CHECK(!takes("lang", "") && !takes("locale", "a\nb"));
    CHECK(takes("display-name", "%{GROUP}") && !takes("display-name", ""));
}

static int64_t interval(const char *value)
{
    wsgi_options o;

    wsgi_options_init(&o);
    if (set(&o, "switch-interval", value) < 0)
        CHECK_HAS(err, "switch-interval");
    return o.switch_interval_us;
}

static void intervals(void)
{
    CHECK_INT(interval("0.005"), 5000);
    CHECK_INT(interval("1"), 1000000);
    CHECK_INT(interval("1."), 1000000);
    CHECK_INT(interval(".25"), 250000);
    CHECK_INT(interval("0.0000019"), 1);
    CHECK_INT(interval("1000"), 1000000000);
    CHECK_INT(interval("0"), -1);
    CHECK_INT(interval("0.0"), -1);
    CHECK_INT(interval("0.0000001"), -1);
    CHECK_INT(interval("1000.1"), -1);
    CHECK_INT(interval(""), -1);
    CHECK_INT(interval("."), -1);
    CHECK_INT(interval("1.2.3"), -1);
    CHECK_INT(interval("-1"), -1);
    CHECK_INT(interval("1e3"), -1);
    CHECK_INT(interval("abc"), -1);
}

static void owners(void)
{
    wsgi_options o;

    CHECK(takes("supplementary-groups", "audio") && takes("supplementary-groups", "#1,video,#3"));
    CHECK(!takes("supplementary-groups", "") && !takes("supplementary-groups", "a,"));
    CHECK(!takes("supplementary-groups", ",a") && !takes("supplementary-groups", "a,,b"));
    CHECK(!takes("supplementary-groups", "#,a") && !takes("supplementary-groups", "a,#x"));
    CHECK(!takes("supplementary-groups", "#12x,a"));
    CHECK(takes("script-user", "www-data") && takes("script-user", "root"));
    CHECK(takes("script-group", "#0") && !takes("script-group", "#"));
    CHECK(takes("socket-user", "www-data") && !takes("socket-user", ""));
    CHECK(takes("chroot", "/srv/jail") && !takes("chroot", "jail"));
    CHECK(takes("python-eggs", "/var/eggs") && !takes("python-eggs", "eggs"));
    wsgi_options_init(&o);
    CHECK_INT(set(&o, "script-user", "a"), 0);
    CHECK_INT(set(&o, "script-user", "b"), 0);
    CHECK_INT(set(&o, "script-group", "b"), -1);
    CHECK_HAS(err, "'script-user' and 'script-group'");
    wsgi_options_free(&o);
    CHECK_INT(set(&o, "script-group", "a"), 0);
    CHECK_INT(set(&o, "script-user", "b"), -1);
    CHECK_HAS(err, "'script-user' and 'script-group'");
    wsgi_options_free(&o);
}

/* What is taken and has no effect is said, each once. */
static void remarks(void)
{
    wsgi_options o;

    wsgi_options_init(&o);
    CHECK(wsgi_options_remark(&o, 0) == NULL);
    CHECK_INT(set(&o, "newrelic-environment", "production"), 0);
    CHECK_HAS(wsgi_options_remark(&o, 0), "'newrelic-environment' has no effect");
    CHECK(wsgi_options_remark(&o, 1) == NULL);
    CHECK_INT(set(&o, "newrelic-config-file", "/etc/newrelic.ini"), 0);
    CHECK_INT(set(&o, "socket-user", "www-data"), 0);
    CHECK_HAS(wsgi_options_remark(&o, 0), "'socket-user' has no effect");
    CHECK_HAS(wsgi_options_remark(&o, 1), "'newrelic-config-file' has no effect");
    CHECK(wsgi_options_remark(&o, 2) != NULL && wsgi_options_remark(&o, 3) == NULL);
    wsgi_options_free(&o);
}

static void refused_values_and_names(void)
{
    wsgi_options o;

    CHECK(takes("server-metrics", "On") && takes("server-metrics", "oFF"));
    CHECK(!takes("server-metrics", "1") && !takes("server-metrics", ""));
    CHECK_HAS(err, "it accepts On or Off");
    wsgi_options_init(&o);
    CHECK_INT(set(&o, "thread", "5"), -1);
    CHECK_HAS(err, "did you mean 'threads'");
    CHECK_INT(set(&o, "frobnicate", "5"), -1);
    CHECK_HAS(err, "'frobnicate' is not known");
    CHECK(strstr(err, "did you mean") == NULL);
    CHECK_INT(set(&o, "name", "x"), -1);            /* a member, not an option */
    CHECK_INT(wsgi_options_set(&o, "thread", "5", err, 10), -1);    /* cut, but ended */
    CHECK_INT(strlen(err), 9);
    wsgi_options_free(&o);
}

static void nearest(void)
{
    static const struct { const char *in, *want; } cases[] = {
        { "thread", "threads" }, { "Threads", "threads" }, { "proceses", "processes" },
        { "python_path", "python-path" }, { "pythonpath", "python-path" },
        { "request-timout", "request-timeout" }, { "maximum-request", "maximum-requests" },
        { "locale", "locale" }, { "usr", "user" }, { "x", NULL }, { "", NULL },
        { "server_metric", "server-metrics" }, { "user-script", NULL }, { "something-else-altogether", NULL },
        { "an-option-name-far-longer-than-any-that-there-is-in-the-table", NULL }
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = wsgi_options_nearest(cases[i].in);

        if (cases[i].want == NULL)
            CHECK(got == NULL);
        else
            CHECK_HAS(got ? got : "(nothing)", cases[i].want);
    }
}

static void defaults(void)
{
    wsgi_options o;

    wsgi_options_init(&o);
    CHECK(o.processes == -1 && o.umask == -1 && o.maximum_requests == -1 && o.user == NULL);
    CHECK_INT(wsgi_options_processes(&o), 1);
    CHECK_INT(wsgi_options_threads(&o), 15);
    CHECK_INT(wsgi_options_shutdown_timeout(&o), 5);
    CHECK_INT(wsgi_options_graceful_timeout(&o), 15);
    CHECK_INT(wsgi_options_connect_timeout(&o), 15);
    CHECK_INT(wsgi_options_deadlock_timeout(&o), 300);
    CHECK_INT(wsgi_options_header_buffer_size(&o), 32768);
    CHECK_INT(wsgi_options_response_buffer_size(&o), 8388608);
    CHECK_INT(wsgi_options_response_flush_delay(&o), 5);
    CHECK_INT(wsgi_options_drain_limit(&o), 15);
    CHECK_INT(wsgi_options_queue_bytes(&o), 4 * 1024 * 1024);
    CHECK(o.cpu_priority == 0 && o.stack_size == -1 && o.switch_interval_us == -1);
    CHECK_INT(set(&o, "eviction-timeout", "60"), 0);
    CHECK_INT(wsgi_options_drain_limit(&o), 60);
    CHECK_INT(set(&o, "listen-backlog", "1000"), 0);
    CHECK_INT(wsgi_options_queue_bytes(&o), 1152000);
    CHECK_INT(set(&o, "listen-backlog", "0"), 0);
    CHECK_INT(wsgi_options_queue_bytes(&o), 65536);
    CHECK_INT(set(&o, "header-buffer-size", "0"), 0);
    CHECK_INT(wsgi_options_header_buffer_size(&o), 32768);
    CHECK_INT(set(&o, "response-flush-delay", "0"), 0);
    CHECK_INT(wsgi_options_response_flush_delay(&o), 0);
    CHECK_INT(wsgi_options_seconds(o.request_timeout), 0);
    CHECK(!wsgi_options_multiprocess(&o));
    CHECK_INT(set(&o, "processes", "1"), 0);
    CHECK(wsgi_options_multiprocess(&o));
    CHECK_INT(set(&o, "graceful-timeout", "0"), 0);
    CHECK_INT(wsgi_options_graceful_timeout(&o), 0);
    CHECK_INT(set(&o, "umask", "0027"), 0);
    CHECK_INT(o.umask, 027);
    wsgi_options_free(&o);
    CHECK(o.processes == -1);
}

/* The table of the reference: 60 seconds with so many threads. */
static void request_limit(void)
{
    static const struct { const char *threads; int64_t ms; } cases[] = {
        { "0", 60000 }, { "1", 60000 }, { "5", 156566 }, { "10", 198155 }, { "15", 222483 },
        { "25", 253132 }, { "65533", 725418 }
    };
    wsgi_options o;
    size_t i;

    wsgi_options_init(&o);
    CHECK_INT(wsgi_options_request_limit(&o), 0);
    CHECK_INT(set(&o, "request-timeout", "60"), 0);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_INT(set(&o, "threads", cases[i].threads), 0);
        CHECK_INT(wsgi_options_request_limit(&o), cases[i].ms);
    }
    wsgi_options_free(&o);
}

/* TEXT as the title of group "a b". */
static void title_is(const char *text, const char *want)
{
    wsgi_options o;
    char *got;

    wsgi_options_init(&o);
    o.name = strdup("a b");
    if (text != NULL)
        CHECK_INT(set(&o, "display-name", text), 0);
    got = wsgi_options_title(&o);
    CHECK(want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0);
    free(got);
    wsgi_options_free(&o);
}

static void titles(void)
{
    title_is(NULL, NULL);
    title_is("fixed", "fixed");
    title_is("%{GROUP}", "(wsgi:a b)");
    title_is("x %{GROUP} y%{GROUP}", "x (wsgi:a b) y(wsgi:a b)");
    title_is("%{OTHER} 100%", "%{OTHER} 100%");
}

/* A text that option I takes, from what its document says. */
static const char *sample(const wsgi_option_doc *d)
{
    if (strstr(d->type, "folders") != NULL)
        return "/one:/two";
    if (strstr(d->type, "at least") != NULL)
        return "70000";
    if (strstr(d->type, "path") != NULL)
        return "/some where/é";
    if (strstr(d->type, "name") != NULL || strcmp(d->type, "text") == 0)
        return "www-data";
    return strcmp(d->type, "On or Off") == 0 ? "On" : "7";
}

static void round_trip(void)
{
    wsgi_buf b = { NULL, 0, 0, 0 }, again = { NULL, 0, 0, 0 };
    wsgi_options o, got;
    const wsgi_option_doc *d;
    wsgi_cur c;
    size_t i, n;

    wsgi_options_init(&o);                          /* all unset stays unset */
    wsgi_options_encode(&o, &b);
    c = wsgi_cur_of(b.data, b.len);
    CHECK_INT(wsgi_options_decode(&c, &got), 0);
    CHECK(c.left == 0 && got.name == NULL && got.lang == NULL && got.umask == -1);
    wsgi_options_free(&got);

    o.name = strdup("group");
    o.start_folder = strdup("/home/somebody");
    for (i = 0; (d = wsgi_options_doc(i)) != NULL; i++)
        CHECK_INT(set(&o, d->name, sample(d)), strcmp(d->name, "script-group") == 0 ? -1 : 0);
    CHECK_INT(i, 48);
    wsgi_buf_reset(&b);
    wsgi_options_encode(&o, &b);
    c = wsgi_cur_of(b.data, b.len);
    CHECK_INT(wsgi_options_decode(&c, &got), 0);
    CHECK_INT(c.left, 0);
    CHECK(strcmp(got.name, "group") == 0 && strcmp(got.python_path, "/one:/two") == 0);
    CHECK(got.memory_limit == 7 && got.switch_interval_us == 7000000 && got.cpu_priority == 7);
    CHECK(strcmp(got.start_folder, "/home/somebody") == 0 && got.response_buffer_size == 70000);
    CHECK(got.threads == 7 && got.umask == 7 && got.maximum_requests == 7 && got.server_metrics == 1);
    wsgi_options_encode(&got, &again);
    CHECK(again.len == b.len && memcmp(again.data, b.data, b.len) == 0);
    wsgi_options_free(&got);

    for (n = 0; n < b.len; n++) {                   /* cut anywhere */
        unsigned char *exact = malloc(n ? n : 1);

        memcpy(exact, b.data, n);
        c = wsgi_cur_of(exact, n);
        CHECK_INT(wsgi_options_decode(&c, &got), -1);
        free(exact);
    }
    o.threads = 70000;                              /* out of range on the wire */
    wsgi_buf_reset(&b);
    wsgi_options_encode(&o, &b);
    c = wsgi_cur_of(b.data, b.len);
    CHECK_INT(wsgi_options_decode(&c, &got), -1);
    wsgi_options_free(&o);
    wsgi_buf_free(&b);
    wsgi_buf_free(&again);
}

static void documents(void)
{
    const wsgi_option_doc *d;
    size_t i;

    for (i = 0; (d = wsgi_options_doc(i)) != NULL; i++)
        CHECK(d->name[0] && d->type[0] && d->fallback[0] && d->help[strlen(d->help) - 1] == '.');
    CHECK(wsgi_options_doc(1000) == NULL);
}

int main(void)
{
    RUN(integers);
    RUN(texts);
    RUN(intervals);
    RUN(owners);
    RUN(remarks);
    RUN(refused_values_and_names);
    RUN(nearest);
    RUN(defaults);
    RUN(request_limit);
    RUN(titles);
    RUN(round_trip);
    RUN(documents);
    return TEST_DONE();
}

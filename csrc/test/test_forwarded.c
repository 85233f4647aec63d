/* What proxies say: addresses and networks, the walk through X-Forwarded-For,
 * and each header of the registry against each other, from the table itself. */
#include "test.h"

#include "../src/wsgi_forwarded.h"

static int inside(const char *network, const char *address)
{
    wsgi_network n;

    CHECK_INT(wsgi_network_parse(network, &n), 0);
    return wsgi_network_holds(&n, 1, address, strlen(address));
}

static void networks(void)
{
    static const struct { const char *network, *in, *out; } cases[] = {
        { "10.0.0.1", "10.0.0.1", "10.0.0.2" },
        { "10.0.0.0/8", "10.255.255.255", "11.0.0.0" },
        { "10.1.2.3/8", "10.9.9.9", "11.0.0.0" },
        { "10.0.0.0/255.0.0.0", "10.1.1.1", "11.1.1.1" },
        { "192.168.4.0/22", "192.168.7.255", "192.168.8.0" },
        { "10.1", "10.1.255.1", "10.2.0.0" },
        { "10.1.", "10.1.255.1", "10.2.0.0" },
        { "127", "127.0.0.1", "128.0.0.1" },
        { "0.0.0.0/0", "255.255.255.255", "::1" },
        { "1.2.3.4/32", "1.2.3.4", "1.2.3.5" },
        { "1.2.3.4/31", "1.2.3.5", "1.2.3.6" },
        { "::1", "::1", "::2" },
        { "FE80::/10", "febf::ABCD", "fec0::1" },
        { "fe80::/10", "FE80::1", "10.0.0.1" },
        { "2001:DB8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
        { "::/0", "ffff::", "10.0.0.1" },
        { "10.0.0.0/8", "::ffff:10.0.0.1", "::10.0.0.1" },
        { "10.0.0.0/8", "::FFFF:0a00:1", "::ffff:11.0.0.1" },
        { "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2" },
        { "::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0" },
        { "::ffff:0:0/96", "1.2.3.4", "::1" }
    };
    static const char *const refused[] = {
        "", " ", "host.example", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/08",
        "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/255.0.255.0", "10.0.0.0/255.0.0", "10.1/16", "256.1.1.1",
        "1.2.3.4.5", "010.0.0.1", "1..2", ".", ".1", "1.2.3.256", "300", "::1/129", "::1/", "::1/255.0.0.0", "fe80::1%eth0",
        "[::1]", "1.2.3.4:80", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1,10.0.0.2", "0x7f.1", ":::", "g::1", "*", "all",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/8"
    };
    wsgi_network n;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_HAS(inside(cases[i].network, cases[i].in) ? "in" : cases[i].network, "in");
        CHECK_HAS(inside(cases[i].network, cases[i].out) ? cases[i].network : "out", "out");
    }
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        CHECK_HAS(wsgi_network_parse(refused[i], &n) < 0 ? "refused" : refused[i], "refused");
        CHECK(!inside("0.0.0.0/0", refused[i]) && !inside("::/0", refused[i]));
    }
    CHECK(!wsgi_network_holds(NULL, 0, "10.0.0.1", 8));
    CHECK(!inside("10", "10.1"));                   /* the short form is none for addresses */
    CHECK_INT(wsgi_network_parse("1.2.3.4", &n), 0);
    CHECK(!wsgi_network_holds(&n, 1, "1.2.3.4\0x", 9));
}

static void names(void)
{
    int i;

    for (i = 0; i < WSGI_FORWARDED_HEADERS; i++) {
        char copy[40];
        size_t k;

        CHECK_INT(wsgi_forwarded_find(wsgi_forwarded_registry[i].header), i);
        strcpy(copy, wsgi_forwarded_registry[i].header);
        for (k = 0; copy[k] != '\0'; k++)
            copy[k] = copy[k] == '-' ? '_' : (char)(copy[k] | 0x20);
        CHECK_INT(wsgi_forwarded_find_declared(copy), i);
        CHECK_INT(wsgi_forwarded_find(copy), -1);   /* S16: no header may be spelled so */
    }
    CHECK_INT(wsgi_forwarded_find(""), -1);
    CHECK_INT(wsgi_forwarded_find("X"), -1);
    CHECK_INT(wsgi_forwarded_find("X-Forwarded-For "), -1);
    CHECK_INT(wsgi_forwarded_find_declared("Forwarded"), -1);
    CHECK_INT(wsgi_forwarded_find_declared("X-A-Name-Longer-Than-Every-Name-In-The-Table"), -1);
}

/* A request from PEER with X-Forwarded-For VALUE, where 10/8 and fd00::/8 are
 * trusted or, without LIST, everybody is. "-" for WANT: nothing changes. */
static void list_is(int list, const char *peer, const char *value, const char *want, const char *chain)
{
    static const uint8_t declared[] = { 0 };
    const char *values[WSGI_FORWARDED_HEADERS] = { value };
    wsgi_network trusted[2];
    wsgi_forwarded_rules rules = { declared, 1, list ? trusted : NULL, list ? 2 : 0 };
    wsgi_forwarded_changes c;
    char got[200], joined[400];

    CHECK_INT(wsgi_network_parse("10.0.0.0/8", &trusted[0]) | wsgi_network_parse("fd00::/8", &trusted[1]), 0);
    wsgi_forwarded_judge(&rules, peer, values, &c);
    snprintf(got, sizeof(got), "%.*s", (int)c.value[0].len, c.value[0].data ? c.value[0].data : "");
    CHECK_HAS(c.value[0].data == NULL ? "-" : got, want);
    CHECK_INT(c.value[0].len, strcmp(want, "-") == 0 ? 0 : strlen(want));
    CHECK(!(c.hidden & 1));
    CHECK(chain == NULL ? c.chain == NULL : c.chain != NULL);
    if (c.chain != NULL && chain != NULL) {
        CHECK_INT(wsgi_forwarded_join(c.chain, joined), strlen(chain));
        CHECK(strcmp(joined, chain) == 0);
    }
}

static void lists(void)
{
    static const char *const peer = "10.0.0.9";

    list_is(0, peer, "1.1.1.1, 2.2.2.2", "1.1.1.1", NULL);                              /* PX02 */
    list_is(0, "whoever", " ,, unknown , x", "unknown", NULL);
    list_is(0, peer, ", ,", "-", NULL);
    list_is(1, peer, "1.1.1.1, 10.0.0.1", "1.1.1.1", "1.1.1.1, 10.0.0.1");              /* PX03 */
    list_is(1, peer, "9.9.9.9, 1.1.1.1, 10.0.0.1", "1.1.1.1", "1.1.1.1, 10.0.0.1");     /* PX04 */
    list_is(1, peer, "9.9.9.9,10.0.0.1,1.1.1.1", "1.1.1.1", "1.1.1.1");                 /* PX05 */
    list_is(1, peer, ", ,1.1.1.1,", "1.1.1.1", "1.1.1.1");                              /* PX07 */
    list_is(1, peer, "", "-", NULL);
    list_is(1, peer, " \t", "-", NULL);
    list_is(1, peer, " , ,", "-", NULL);
    list_is(1, peer, "10.0.0.1", "10.0.0.1", "10.0.0.1");
    list_is(1, peer, "10.0.0.1,10.0.0.2\t,, 10.0.0.3", "10.0.0.1", "10.0.0.1, 10.0.0.2, 10.0.0.3");
    list_is(1, peer, "host.example", "host.example", "host.example");                   /* PX11 */
    list_is(1, peer, "1.1.1.1, host.example, 10.0.0.1", "host.example", "host.example, 10.0.0.1");
    list_is(1, peer, "1.1.1.1, 10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80");
    list_is(1, peer, "2001:db8::1, FD00::5, ::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1, FD00::5, ::ffff:10.0.0.1");
    list_is(1, "::ffff:10.0.0.9", "1.1.1.1", "1.1.1.1", "1.1.1.1");
    list_is(1, "fd00::1%eth0", "1.1.1.1", "1.1.1.1", "1.1.1.1");
}

/* Each header of the registry, each list of one or two names, each set of what
 * was sent of them, three sorts of peer: rules 1, 4 and 6. */
static void every_pair(void)
{
    const wsgi_forwarded_header *all = wsgi_forwarded_registry;
    wsgi_network here, elsewhere;
    int i, k, h, sent, peer;

    CHECK_INT(wsgi_network_parse("127.0.0.1", &here) | wsgi_network_parse("192.0.2.1", &elsewhere), 0);
    for (i = 0; i < WSGI_FORWARDED_HEADERS; i++)
        for (k = 0; k < WSGI_FORWARDED_HEADERS; k++)
            for (sent = 0; sent < 4; sent++)
                for (peer = 0; peer < 3; peer++) {
                    const uint8_t declared[] = { (uint8_t)i, (uint8_t)k };
                    wsgi_forwarded_rules rules = { declared, 2, peer == 0 ? NULL : peer == 1 ? &here : &elsewhere, peer != 0 };
                    const char *values[WSGI_FORWARDED_HEADERS];
                    wsgi_forwarded_changes c;

                    for (h = 0; h < WSGI_FORWARDED_HEADERS; h++)
                        values[h] = h == i ? (sent & 1 ? "1" : NULL) : h == k ? (sent & 2 ? "1" : NULL) : "1";
                    wsgi_forwarded_judge(&rules, "127.0.0.1", values, &c);
                    for (h = 0; h < WSGI_FORWARDED_HEADERS; h++) {
                        int mine = all[h].category == all[i].category || all[h].category == all[k].category;
                        int wins = peer != 2 && values[h] != NULL &&
                                   (h == k || (h == i && (all[k].category != all[i].category || values[k] == NULL)));

                        CHECK_INT(c.hidden >> h & 1, mine && !wins);
                    }
                    for (h = 0; h < WSGI_FORWARDED_CATEGORIES; h++)
                        CHECK(c.value[h].data == NULL || (peer != 2 && ((int)all[i].category == h || (int)all[k].category == h)));
                    CHECK(c.value[WSGI_FORWARDED_SCHEME].data == NULL);
                    CHECK(peer != 2 || (c.https == -1 && c.chain == NULL));
                }
}

static void values(void)
{
    static const struct { const char *proto; int as_proto, as_switch; } words[] = {
        { "https", 1, -1 }, { "HTTPS", 1, -1 }, { "http", 0, -1 }, { "Http", 0, -1 }, { "on", -1, 1 }, { "On", -1, 1 },
        { "TRUE", -1, 1 }, { "1", -1, 1 }, { "Off", -1, 0 }, { "false", -1, 0 }, { "0", -1, 0 }, { "", -1, -1 },
        { "wss", -1, -1 }, { "https, http", -1, -1 }, { "yes", -1, -1 }
    };
    int h;
    size_t i;

    for (h = 0; h < WSGI_FORWARDED_HEADERS; h++) {
        const wsgi_forwarded_header *header = &wsgi_forwarded_registry[h];
        const uint8_t declared[] = { (uint8_t)h };
        const wsgi_forwarded_rules rules = { declared, 1, NULL, 0 };
        const char *sent[WSGI_FORWARDED_HEADERS] = { NULL };
        wsgi_forwarded_changes c;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            sent[h] = words[i].proto;
            wsgi_forwarded_judge(&rules, "x", sent, &c);
            if (header->effect == WSGI_FORWARDED_PROTO || header->effect == WSGI_FORWARDED_SWITCH)
                CHECK_INT(c.https, header->effect == WSGI_FORWARDED_PROTO ? words[i].as_proto : words[i].as_switch);
            else {
                CHECK_INT(c.https, -1);
                CHECK_INT(c.value[header->category].data != NULL,
                          *words[i].proto != '\0' || header->effect == WSGI_FORWARDED_PATH);
            }
        }
    }
}

int main(void)
{
    RUN(networks);
    RUN(names);
    RUN(lists);
    RUN(every_pair);
    RUN(values);
    return TEST_DONE();
}

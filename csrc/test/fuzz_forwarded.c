/* What a proxy says of the client, against the rules of the documentation done
 * the long way: the list is cut into its elements from the left, and the walk
 * goes over their numbers.
 *
 * Input, in lines: trusted networks, - for no list; headers declared; the peer;
 * then headers of the request, "Name: value". */
#include "fuzz.h"

#include <strings.h>

#include "wsgi_forwarded.h"

#define NETWORKS 8
#define DECLARED 20
#define ELEMENTS 64

static const char client_list[] = "X-Forwarded-For";

typedef struct { wsgi_forwarded_text element[ELEMENTS]; size_t n; } list;

/* The elements of TEXT that are not empty; -1 if they are too many. */
static int split(const char *text, list *out)
{
    out->n = 0;
    for (;;) {
        const char *comma = strchrnul(text, ','), *from = text, *to = comma;

        while (from < to && (*from == ' ' || *from == '\t'))
            from++;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
            to--;
        if (to > from) {
            if (out->n == ELEMENTS)
                return -1;
            out->element[out->n++] = (wsgi_forwarded_text){ from, (size_t)(to - from) };
        }
        if (*comma == '\0')
            return 0;
        text = comma + 1;
    }
}

static int same(wsgi_forwarded_text a, wsgi_forwarded_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Which element is the client: spec of WSGITrustedProxies, from the right over
 * what is trusted. Only an address can be passed over. */
static size_t find_client(const wsgi_forwarded_rules *rules, const list *l)
{
    size_t i = l->n - 1;

    if (rules->trusted == NULL)
        return 0;
    while (i > 0 && wsgi_network_holds(rules->trusted, rules->ntrusted, l->element[i].data, l->element[i].len)) {
        MUST(strspn(l->element[i].data, "0123456789abcdefABCDEF:.") >= l->element[i].len);
        i--;
    }
    return i;
}

/* The list that the application sees is the client and what stands right of it. */
static void check_chain(const wsgi_forwarded_changes *got, const list *all, size_t client)
{
    char *joined = malloc(2 * strlen(got->chain) + 1);
    list seen;
    size_t i, n;

    MUST(joined != NULL);
    n = wsgi_forwarded_join(got->chain, joined);
    MUST(n == strlen(joined) && n <= 2 * strlen(got->chain));
    MUST(split(joined, &seen) == 0 && seen.n == all->n - client);
    for (i = 0; i < seen.n; i++)
        MUST(same(seen.element[i], all->element[client + i]));
    free(joined);
}

static void check_client(const wsgi_forwarded_rules *rules, const char *text, const wsgi_forwarded_changes *got)
{
    size_t client;
    list l;

    if (split(text, &l) < 0)
        return;
    if (l.n == 0) {                 /* a list without elements changes nothing */
        MUST(got->value[WSGI_FORWARDED_CLIENT].data == NULL && got->chain == NULL);
        return;
    }
    client = find_client(rules, &l);
    MUST(same(got->value[WSGI_FORWARDED_CLIENT], l.element[client]));
    MUST((got->chain != NULL) == (rules->trusted != NULL));
    fuzz_accepted++;
    if (got->chain != NULL)
        check_chain(got, &l, client);
}

/* The declared header that counts for CATEGORY: the last one that was sent, if
 * the peer is to be believed. -1 is none. */
static int find_winner(const wsgi_forwarded_rules *rules, int believed, unsigned category,
                       const char *const *values, int *declared)
{
    int winner = -1;
    size_t i;

    *declared = 0;
    for (i = 0; i < rules->ndeclared; i++) {
        if (wsgi_forwarded_registry[rules->declared[i]].category != category)
            continue;
        *declared = 1;
        if (believed && values[rules->declared[i]] != NULL)
            winner = rules->declared[i];
    }
    return winner;
}

static void check_category(const wsgi_forwarded_rules *rules, unsigned category, int winner,
                           const char *const *values, const wsgi_forwarded_changes *got)
{
    wsgi_forwarded_text value = got->value[category];
    const char *sent = winner < 0 ? NULL : values[winner];

    if (sent == NULL) {
        MUST(value.data == NULL && (category != WSGI_FORWARDED_SCHEME || got->https == -1));
        return;
    }
    switch (wsgi_forwarded_registry[winner].effect) {
    case WSGI_FORWARDED_LIST:
        check_client(rules, sent, got);
        break;
    case WSGI_FORWARDED_VALUE:
        MUST((value.data != NULL) == (*sent != '\0'));
        /* fall through */
    case WSGI_FORWARDED_PATH:
        MUST(value.data == NULL || (value.data == sent && value.len == strlen(sent)));
        break;
    default:
        MUST(value.data == NULL);
        if (strcasecmp(sent, "https") == 0)
            MUST(got->https == (wsgi_forwarded_registry[winner].effect == WSGI_FORWARDED_PROTO ? 1 : -1));
    }
}

static void check(const wsgi_forwarded_rules *rules, const char *peer, const char *const *values)
{
    int believed = rules->trusted == NULL ||
                   wsgi_network_holds(rules->trusted, rules->ntrusted, peer, strcspn(peer, "%"));
    wsgi_forwarded_changes got;
    unsigned category;
    int i;

    wsgi_forwarded_judge(rules, peer, values, &got);
    for (category = 0; category < WSGI_FORWARDED_CATEGORIES; category++) {
        int declared, winner = find_winner(rules, believed, category, values, &declared);

        check_category(rules, category, winner, values, &got);
        for (i = 0; i < WSGI_FORWARDED_HEADERS; i++)    /* of a declared kind only the winner is seen */
            if (wsgi_forwarded_registry[i].category == category)
                MUST((got.hidden >> i & 1) == (uint32_t)(declared && i != winner));
    }
}

static void read_networks(char *line, wsgi_network *trusted, wsgi_forwarded_rules *rules)
{
    char *word;

    rules->trusted = strcmp(line, "-") == 0 ? NULL : trusted;
    while ((word = strsep(&line, " ")) != NULL)
        if (rules->ntrusted < NETWORKS && wsgi_network_parse(word, &trusted[rules->ntrusted]) == 0)
            rules->ntrusted++;
}

static void read_declared(char *line, uint8_t *declared, wsgi_forwarded_rules *rules)
{
    char *word;

    while ((word = strsep(&line, " ")) != NULL) {
        int i = wsgi_forwarded_find_declared(word);

        MUST(i >= -1 && i < WSGI_FORWARDED_HEADERS);
        if (i >= 0 && rules->ndeclared < DECLARED)
            declared[rules->ndeclared++] = (uint8_t)i;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *rest, *networks, *names, *peer, *line;
    const char *values[WSGI_FORWARDED_HEADERS] = { NULL };
    wsgi_network trusted[NETWORKS];
    uint8_t declared[DECLARED];
    wsgi_forwarded_rules rules = { declared, 0, trusted, 0 };

    MUST(text != NULL && strcmp(wsgi_forwarded_registry[0].header, client_list) == 0);
    memcpy(text, data, size);
    text[size] = '\0';
    rest = text;
    networks = strsep(&rest, "\n");
    names = strsep(&rest, "\n");
    peer = strsep(&rest, "\n");
    if (peer != NULL) {
        read_networks(networks, trusted, &rules);
        read_declared(names, declared, &rules);
        while ((line = strsep(&rest, "\n")) != NULL) {
            char *colon = strstr(line, ": ");
            int i;

            if (colon == NULL)
                continue;
            *colon = '\0';
            i = wsgi_forwarded_find(line);
            MUST(i < 0 || strcasecmp(wsgi_forwarded_registry[i].header, line) == 0);
            if (i >= 0)
                values[i] = colon + 2;
        }
        check(&rules, peer, values);
    }
    free(text);
    return 0;
}

/* A line of networks, a peer, and the value of X-Forwarded-For. The client that
 * is found is an element of the list, and finding it again changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/wsgi_forwarded.h"

#define NETWORKS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_element(const wsgi_forwarded_text *e, const char *list)
{
    if (e->data < list || e->data + e->len > list + strlen(list) || e->len == 0)
        abort();
    if (memchr(e->data, ',', e->len) != NULL || strchr(" \t", e->data[0]) || strchr(" \t", e->data[e->len - 1]))
        abort();
}

static void check_list(const wsgi_forwarded_rules *rules, const char *peer, const char *list)
{
    const char *values[WSGI_FORWARDED_HEADERS] = { list };
    char *joined = malloc(2 * strlen(list) + 1);
    wsgi_forwarded_changes one, two;
    size_t n;

    if (joined == NULL)
        abort();
    wsgi_forwarded_judge(rules, peer, values, &one);
    if (one.value[WSGI_FORWARDED_CLIENT].data != NULL)
        check_element(&one.value[WSGI_FORWARDED_CLIENT], list);
    n = wsgi_forwarded_join(one.chain != NULL ? one.chain : list, joined);
    if (n != strlen(joined) || n > 2 * strlen(list))
        abort();
    values[0] = joined;
    wsgi_forwarded_judge(rules, peer, values, &two);
    if (two.value[WSGI_FORWARDED_CLIENT].len != one.value[WSGI_FORWARDED_CLIENT].len || two.hidden != one.hidden)
        abort();
    if (one.value[WSGI_FORWARDED_CLIENT].len > 0 &&
        memcmp(two.value[WSGI_FORWARDED_CLIENT].data, one.value[WSGI_FORWARDED_CLIENT].data, two.value[WSGI_FORWARDED_CLIENT].len) != 0)
        abort();
    if (two.chain != NULL && two.chain != joined)
        abort();
    free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t declared[] = { 0 };
    char *text = malloc(size + 1), *rest, *networks, *peer, *word;
    wsgi_network trusted[NETWORKS];
    wsgi_forwarded_rules rules = { declared, 1, trusted, 0 };

    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    rest = text;
    networks = strsep(&rest, "\n");
    peer = strsep(&rest, "\n");
    while ((word = strsep(&networks, " ")) != NULL) {
        wsgi_network n;

        wsgi_forwarded_find_declared(word);
        if (wsgi_network_parse(word, &n) < 0)
            continue;
        if ((n.size != 4 && n.size != 16) || n.bits > n.size * 8)
            abort();
        if (strchr(word, '/') == NULL && n.bits == n.size * 8 && !wsgi_network_holds(&n, 1, word, strlen(word)))
            abort();                  /* an address is inside itself */
        if (rules.ntrusted < NETWORKS)
            trusted[rules.ntrusted++] = n;
    }
    if (peer != NULL && rest != NULL) {
        check_list(&rules, peer, rest);
        rules.trusted = NULL;
        check_list(&rules, peer, rest);
    }
    free(text);
    return 0;
}

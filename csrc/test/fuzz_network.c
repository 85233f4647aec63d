/* Networks of WSGITrustedProxies, and addresses that a proxy wrote.
 *
 * Input: a network, a newline, an address. */
#include "fuzz.h"

#include <arpa/inet.h>

#include "wsgi_forwarded.h"

/* Bit I of an address that begins at BYTES. */
static int bit(const unsigned char *bytes, int i)
{
    return bytes[i / 8] >> (7 - i % 8) & 1;
}

/* ADDRESS is inside NET: by every bit, with IPv4 as the IPv6 that it is mapped to. */
static int inside(const wsgi_network *net, const char *address)
{
    static const unsigned char prefix[12] = { [10] = 0xff, [11] = 0xff };
    unsigned char wide[16], own[16];
    int i, skip = 0;

    memcpy(wide, prefix, sizeof(prefix));
    if (inet_pton(AF_INET, address, wide + 12) != 1 && inet_pton(AF_INET6, address, wide) != 1)
        return 0;
    if (net->size == 4)
        skip = 96;
    else if (memcmp(wide, prefix, sizeof(prefix)) == 0)
        return 0;               /* IPv4 is in no network of IPv6, however wide */
    memcpy(own, prefix, sizeof(prefix));
    memcpy(own + (net->size == 4 ? 12 : 0), net->bytes, net->size);
    for (i = 0; i < skip + net->bits; i++)
        if (bit(own, i) != bit(wide, i))
            return 0;
    return 1;
}

static void check_network(const wsgi_network *n)
{
    char text[INET6_ADDRSTRLEN + 8];
    wsgi_network again;
    int i;

    MUST((n->size == 4 || n->size == 16) && n->bits <= n->size * 8);
    for (i = n->bits; i < 128; i++)
        MUST(bit(n->bytes, i) == 0);
    MUST(inet_ntop(n->size == 4 ? AF_INET : AF_INET6, n->bytes, text, INET6_ADDRSTRLEN) != NULL);
    snprintf(text + strlen(text), 8, "/%d", n->bits);
    MUST(wsgi_network_parse(text, &again) == 0 && memcmp(&again, n, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *rest, *network;
    wsgi_network n;

    MUST(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    rest = text;
    network = strsep(&rest, "\n");
    if (wsgi_network_parse(network, &n) == 0) {
        check_network(&n);
        if (strchr(network, '/') == NULL && n.bits == n.size * 8)
            MUST(wsgi_network_holds(&n, 1, network, strlen(network)));      /* an address is inside itself */
        fuzz_accepted += rest != NULL;
        if (rest != NULL)
            MUST(wsgi_network_holds(&n, 1, rest, strlen(rest)) == inside(&n, rest));
    }
    free(text);
    return 0;
}

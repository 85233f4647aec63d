/* wsgi_forwarded.c - see wsgi_forwarded.h. */
#include "wsgi_forwarded.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* Go tests read this table: a row is a header, its category, its effect. */
const wsgi_forwarded_header wsgi_forwarded_registry[WSGI_FORWARDED_HEADERS] = {
    { "X-Forwarded-For",         WSGI_FORWARDED_CLIENT, WSGI_FORWARDED_LIST },
    { "X-Client-IP",             WSGI_FORWARDED_CLIENT, WSGI_FORWARDED_VALUE },
    { "X-Real-IP",               WSGI_FORWARDED_CLIENT, WSGI_FORWARDED_VALUE },
    { "X-Forwarded-Proto",       WSGI_FORWARDED_SCHEME, WSGI_FORWARDED_PROTO },
    { "X-Forwarded-Scheme",      WSGI_FORWARDED_SCHEME, WSGI_FORWARDED_PROTO },
    { "X-Scheme",                WSGI_FORWARDED_SCHEME, WSGI_FORWARDED_PROTO },
    { "X-Forwarded-HTTPS",       WSGI_FORWARDED_SCHEME, WSGI_FORWARDED_SWITCH },
    { "X-Forwarded-SSL",         WSGI_FORWARDED_SCHEME, WSGI_FORWARDED_SWITCH },
    { "X-HTTPS",                 WSGI_FORWARDED_SCHEME, WSGI_FORWARDED_SWITCH },
    { "X-Forwarded-Host",        WSGI_FORWARDED_HOST,   WSGI_FORWARDED_VALUE },
    { "X-Host",                  WSGI_FORWARDED_HOST,   WSGI_FORWARDED_VALUE },
    { "X-Forwarded-Server",      WSGI_FORWARDED_SERVER, WSGI_FORWARDED_VALUE },
    { "X-Forwarded-Port",        WSGI_FORWARDED_PORT,   WSGI_FORWARDED_VALUE },
    { "X-Script-Name",           WSGI_FORWARDED_SCRIPT, WSGI_FORWARDED_PATH },
    { "X-Forwarded-Script-Name", WSGI_FORWARDED_SCRIPT, WSGI_FORWARDED_PATH }
};

/* ---- addresses -------------------------------------------------------------------- */

#define ADDRESS_MAX 46                /* with NUL, as INET6_ADDRSTRLEN */

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static int parse_address(const char *text, wsgi_network *out)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, out->bytes) == 1)
        out->size = 4;
    else if (inet_pton(AF_INET6, text, out->bytes) == 1)
        out->size = 16;
    else
        return -1;
    out->bits = (uint8_t)(out->size * 8);
    return 0;
}

/* IPv4 written as IPv6, where the bits reach so far, becomes IPv4. */
static void unmap(wsgi_network *a)
{
    if (a->size != 16 || a->bits < 96 || memcmp(a->bytes, mapped, sizeof(mapped)) != 0)
        return;
    memmove(a->bytes, a->bytes + 12, 4);
    memset(a->bytes + 4, 0, 12);
    a->size = 4;
    a->bits = (uint8_t)(a->bits - 96);
}

/* Digits up to LIMIT and nothing else; -1 if TEXT is something else. */
static int parse_small(const char *text, size_t n, int limit)
{
    int value = 0;
    size_t i;

    if (n == 0 || n > 3 || (n > 1 && text[0] == '0'))
        return -1;
    for (i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value <= limit ? value : -1;
}

/* The part behind the slash: how many bits, or a mask in the form of an address
 * whose bits are all in front. -1 if it is neither. */
static int parse_mask(const char *text, const wsgi_network *address)
{
    unsigned char mask[4];
    uint32_t bits;
    int n;

    if (address->size != 4 || inet_pton(AF_INET, text, mask) != 1)
        return parse_small(text, strlen(text), address->size * 8);
    bits = (uint32_t)mask[0] << 24 | (uint32_t)mask[1] << 16 | (uint32_t)mask[2] << 8 | mask[3];
    for (n = 0; bits & 0x80000000u; bits <<= 1)
        n++;
    return bits == 0 ? n : -1;
}

static void clear_host(wsgi_network *a)
{
    size_t i;

    for (i = 0; i < sizeof(a->bytes); i++) {
        int keep = (int)a->bits - (int)i * 8;

        if (keep <= 0)
            a->bytes[i] = 0;
        else if (keep < 8)
            a->bytes[i] &= (unsigned char)(0xff << (8 - keep));
    }
}

/* One to three numbers of an IPv4 address, a dot at the end or not: the network
 * that starts so, as Require ip has it. */
static int parse_start(const char *text, wsgi_network *out)
{
    size_t count = 0;

    memset(out, 0, sizeof(*out));
    out->size = 4;
    while (*text != '\0') {
        size_t n = strcspn(text, ".");
        int value = count < 3 ? parse_small(text, n, 255) : -1;

        if (value < 0)
            return -1;
        out->bytes[count++] = (unsigned char)value;
        text += n;
        text += *text == '.';
    }
    out->bits = (uint8_t)(count * 8);
    return count > 0 ? 0 : -1;
}

int wsgi_network_parse(const char *text, wsgi_network *out)
{
    const char *slash = strchr(text, '/');
    char address[ADDRESS_MAX];
    int bits;

    if (slash == NULL) {
        if (parse_address(text, out) < 0)
            return parse_start(text, out);
    }
    else {
        size_t n = (size_t)(slash - text);

        if (n >= sizeof(address))
            return -1;
        memcpy(address, text, n);
        address[n] = '\0';
        if (parse_address(address, out) < 0 || (bits = parse_mask(slash + 1, out)) < 0)
            return -1;
        out->bits = (uint8_t)bits;
    }
    unmap(out);
    clear_host(out);
    return 0;
}

static int holds(const wsgi_network *net, const wsgi_network *address)
{
    size_t whole = net->bits / 8;
    unsigned rest = net->bits % 8;

    return net->size == address->size && memcmp(net->bytes, address->bytes, whole) == 0 &&
           (rest == 0 || (net->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0);
}

int wsgi_network_holds(const wsgi_network *list, size_t count, const char *text, size_t n)
{
    char copy[ADDRESS_MAX];
    wsgi_network address;
    size_t i;

    if (count == 0 || n >= sizeof(copy))
        return 0;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (strlen(copy) != n || parse_address(copy, &address) < 0)
        return 0;
    unmap(&address);
    for (i = 0; i < count; i++)
        if (holds(&list[i], &address))
            return 1;
    return 0;
}

/* ---- names ---------------------------------------------------------------------------- */

int wsgi_forwarded_find(const char *name)
{
    int i;

    if ((name[0] | 0x20) != 'x' || name[1] != '-')
        return -1;
    for (i = 0; i < WSGI_FORWARDED_HEADERS; i++)
        if (strcasecmp(name, wsgi_forwarded_registry[i].header) == 0)
            return i;
    return -1;
}

int wsgi_forwarded_find_declared(const char *name)
{
    char copy[32];
    size_t i, n = strlen(name);

    if (n >= sizeof(copy))
        return -1;
    for (i = 0; i <= n; i++)
        copy[i] = name[i] == '_' ? '-' : name[i];
    return wsgi_forwarded_find(copy);
}

/* ---- lists ------------------------------------------------------------------------------ */

static int is_gap(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

/* The first element that begins at or after AT; data NULL if there is none. */
static wsgi_forwarded_text next_element(const char *at)
{
    wsgi_forwarded_text e = { NULL, 0 };

    while (is_gap(*at))
        at++;
    if (*at == '\0')
        return e;
    e.data = at;
    e.len = strcspn(at, ",");
    while (is_gap(at[e.len - 1]))
        e.len--;
    return e;
}

/* The last element of TEXT that ends at or before END. */
static wsgi_forwarded_text previous_element(const char *text, const char *end)
{
    wsgi_forwarded_text e = { NULL, 0 };
    const char *start;

    while (end > text && is_gap(end[-1]))
        end--;
    if (end == text)
        return e;
    for (start = end; start > text && start[-1] != ','; )
        start--;
    while (is_gap(*start))
        start++;
    e.data = start;
    e.len = (size_t)(end - start);
    return e;
}

size_t wsgi_forwarded_join(const char *text, char *out)
{
    wsgi_forwarded_text e;
    size_t n = 0;

    for (e = next_element(text); e.data != NULL; e = next_element(e.data + e.len)) {
        if (n > 0) {
            out[n++] = ',';
            out[n++] = ' ';
        }
        memcpy(out + n, e.data, e.len);
        n += e.len;
    }
    out[n] = '\0';
    return n;
}

/* ---- one request ------------------------------------------------------------------------ */

/* Each proxy appends whom it heard from. From the right, go on while the element
 * is a proxy that is trusted: whom the last of those heard from is the client,
 * and what stands left of it anybody may have written. */
static void walk(const wsgi_forwarded_rules *rules, const char *list, wsgi_forwarded_changes *out)
{
    wsgi_forwarded_text client = previous_element(list, list + strlen(list)), before;

    if (client.data == NULL)
        return;
    while (wsgi_network_holds(rules->trusted, rules->ntrusted, client.data, client.len)) {
        before = previous_element(list, client.data);
        if (before.data == NULL)
            break;
        client = before;
    }
    out->value[WSGI_FORWARDED_CLIENT] = client;
    out->chain = client.data;
}

/* 1, 0, or -1 where TEXT is no word of that kind. */
static int parse_https(wsgi_forwarded_effect effect, const char *text)
{
    if (effect == WSGI_FORWARDED_PROTO)
        return strcasecmp(text, "https") == 0 ? 1 : strcasecmp(text, "http") == 0 ? 0 : -1;
    if (strcasecmp(text, "on") == 0 || strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0)
        return 1;
    if (strcasecmp(text, "off") == 0 || strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0)
        return 0;
    return -1;
}

static void apply(const wsgi_forwarded_rules *rules, const wsgi_forwarded_header *header,
                  const char *text, wsgi_forwarded_changes *out)
{
    wsgi_forwarded_text *value = &out->value[header->category];

    switch (header->effect) {
    case WSGI_FORWARDED_LIST:
        if (rules->trusted != NULL)
            walk(rules, text, out);
        else
            *value = next_element(text);
        break;
    case WSGI_FORWARDED_VALUE:
        if (*text == '\0')
            break;
        /* fall through */
    case WSGI_FORWARDED_PATH:
        value->data = text;
        value->len = strlen(text);
        break;
    case WSGI_FORWARDED_PROTO:
    case WSGI_FORWARDED_SWITCH:
        out->https = parse_https(header->effect, text);
        break;
    }
}

void wsgi_forwarded_judge(const wsgi_forwarded_rules *rules, const char *peer,
                          const char *const values[WSGI_FORWARDED_HEADERS],
                          wsgi_forwarded_changes *out)
{
    int winner[WSGI_FORWARDED_CATEGORIES];
    unsigned categories = 0, category;
    size_t i;

    memset(out, 0, sizeof(*out));
    out->https = -1;
    for (category = 0; category < WSGI_FORWARDED_CATEGORIES; category++)
        winner[category] = -1;
    /* An address of IPv6's own link may have a zone, which is no part of it. */
    if (rules->trusted == NULL ||
        wsgi_network_holds(rules->trusted, rules->ntrusted, peer, strcspn(peer, "%")))
        for (i = 0; i < rules->ndeclared; i++)
            if (values[rules->declared[i]] != NULL)
                winner[wsgi_forwarded_registry[rules->declared[i]].category] = rules->declared[i];
    for (i = 0; i < rules->ndeclared; i++)
        categories |= 1u << wsgi_forwarded_registry[rules->declared[i]].category;
    for (i = 0; i < WSGI_FORWARDED_HEADERS; i++) {
        category = wsgi_forwarded_registry[i].category;
        if (!(categories & 1u << category))
            continue;
        if (winner[category] == (int)i)
            apply(rules, &wsgi_forwarded_registry[i], values[i], out);
        else
            out->hidden |= 1u << i;
    }
}

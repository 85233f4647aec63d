/* wsgi_forwarded.h - what a proxy says of the client, and whether to believe it.
 *
 * One table, wsgi_forwarded_registry, says which header may change which
 * variable; all rules of WSGITrustedProxyHeaders and WSGITrustedProxies follow
 * from it. Addresses are numbers only: nothing here asks a resolver or opens a
 * socket. Nothing is allocated and nothing is kept.
 *
 * Plain tier: C99 and POSIX, neither httpd nor Python.
 */
#ifndef WSGI_FORWARDED_H
#define WSGI_FORWARDED_H

#include <stddef.h>
#include <stdint.h>

/* ---- addresses ------------------------------------------------------------------ */

/* A network, or one address as a network of all its bits. IPv4 written as IPv6
 * (::ffff:10.0.0.1) is IPv4. */
typedef struct {
    unsigned char bytes[16];          /* network order; those behind the bits are 0 */
    uint8_t size;                     /* 4 or 16 */
    uint8_t bits;
} wsgi_network;

/* Read TEXT: 10.0.0.1, 10.0.0.0/8, 10.0.0.0/255.0.0.0, 10.1 (the network that
 * starts so), ::1, fe80::/10, in any case. 0 or -1. */
int wsgi_network_parse(const char *text, wsgi_network *out);

/* Is the address that the N bytes at TEXT spell inside any of the COUNT networks
 * of LIST? What is not an address is in none. */
int wsgi_network_holds(const wsgi_network *list, size_t count, const char *text, size_t n);

/* ---- the registry ------------------------------------------------------------------ */

typedef enum {
    WSGI_FORWARDED_CLIENT,            /* REMOTE_ADDR */
    WSGI_FORWARDED_SCHEME,            /* wsgi.url_scheme */
    WSGI_FORWARDED_HOST,              /* HTTP_HOST */
    WSGI_FORWARDED_SERVER,            /* SERVER_NAME */
    WSGI_FORWARDED_PORT,              /* SERVER_PORT */
    WSGI_FORWARDED_SCRIPT,            /* SCRIPT_NAME and mod_wsgi.mount_point */
    WSGI_FORWARDED_CATEGORIES
} wsgi_forwarded_category;

typedef enum {
    WSGI_FORWARDED_LIST,              /* addresses, the last one added by the nearest proxy */
    WSGI_FORWARDED_VALUE,             /* the value as it is, unless it is empty */
    WSGI_FORWARDED_PATH,              /* the value as it is, and it may be empty */
    WSGI_FORWARDED_PROTO,             /* https or http */
    WSGI_FORWARDED_SWITCH             /* on, true, 1 or off, false, 0 */
} wsgi_forwarded_effect;

typedef struct {
    const char *header;
    wsgi_forwarded_category category;
    wsgi_forwarded_effect effect;
} wsgi_forwarded_header;

#define WSGI_FORWARDED_HEADERS 15
extern const wsgi_forwarded_header wsgi_forwarded_registry[WSGI_FORWARDED_HEADERS];

/* Place in the registry of the request header NAME, -1 if it is not there. Case
 * does not matter; an underscore is no hyphen. */
int wsgi_forwarded_find(const char *name);

/* The same for a name in a directive, which may also be written as in the
 * environ: X_FORWARDED_FOR. */
int wsgi_forwarded_find_declared(const char *name);

/* ---- one request --------------------------------------------------------------------- */

typedef struct {
    const uint8_t *declared;          /* places in the registry, in the order they are listed */
    size_t ndeclared;
    const wsgi_network *trusted;      /* NULL: every peer is trusted */
    size_t ntrusted;
} wsgi_forwarded_rules;

/* Borrowed from a header value of the request; data is NULL if nothing changes. */
typedef struct {
    const char *data;
    size_t len;
} wsgi_forwarded_text;

typedef struct {
    uint32_t hidden;                  /* bit of each header that the application must not see */
    wsgi_forwarded_text value[WSGI_FORWARDED_CATEGORIES];   /* of the variable; not of SCHEME */
    int https;                        /* 1, 0; -1: no header says */
    const char *chain;                /* X-Forwarded-For is to become this, as
                                       * wsgi_forwarded_join writes it; NULL: it stays */
} wsgi_forwarded_changes;

/* What changes in a request from PEER (an address as text) with these VALUES,
 * one for each header of the registry, NULL if it was not sent. */
void wsgi_forwarded_judge(const wsgi_forwarded_rules *rules, const char *peer,
                          const char *const values[WSGI_FORWARDED_HEADERS],
                          wsgi_forwarded_changes *out);

/* The elements of the list TEXT, joined with ", ", into OUT, which has room for
 * 2 * strlen(TEXT) + 1 bytes. Returns the length; OUT ends with NUL. */
size_t wsgi_forwarded_join(const char *text, char *out);

#endif

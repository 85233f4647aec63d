/* wsgi_options_table.h - the table of options, for the files wsgi_options*.c and
 * nobody else.
 *
 * A row says how an option is called, where its value is kept and what it may
 * be. What is kept is text, an int or an int64_t, by its kind.
 */
#ifndef WSGI_OPTIONS_TABLE_H
#define WSGI_OPTIONS_TABLE_H

#include "wsgi_options.h"

enum wsgi_option_kind {
    KIND_TEXT,          /* not empty */
    KIND_OWNER,         /* name or #id */
    KIND_PATH,          /* absolute */
    KIND_HOME,          /* absolute, no second prefix */
    KIND_PATHS,         /* colon list */
    KIND_GROUPS,        /* names or #ids, comma list */
    KIND_LEGACY,        /* taken, remarked on, without effect */
    KIND_INT,           /* plain decimal */
    KIND_SIZE,          /* 0 or at least min */
    KIND_OCTAL,
    KIND_NICE,          /* plain decimal with a sign; unset is 0 */
    KIND_LONG,          /* plain decimal, 64 bits */
    KIND_AMOUNT,        /* the same, or 1 to 100 percent: kept as -2 to -101 */
    KIND_INTERVAL,      /* seconds with a fraction, kept in microseconds */
    KIND_FLAG           /* On or Off */
};

typedef struct {
    wsgi_option_doc doc;
    enum wsgi_option_kind kind;
    size_t offset;      /* of a char *, an int or an int64_t in wsgi_options */
    int64_t min, max;
} wsgi_option_def;

/* A percentage, as a KIND_AMOUNT is kept. */
#define WSGI_OPTION_SHARE(percent) (-1 - (int64_t)(percent))
#define WSGI_OPTION_AT(member) offsetof(wsgi_options, member)

/* Row I, or NULL past the last. */
const wsgi_option_def *wsgi_options_row(size_t i);

static inline int wsgi_option_holds_int(const wsgi_option_def *d)
{
    return d->kind == KIND_INT || d->kind == KIND_SIZE || d->kind == KIND_OCTAL ||
           d->kind == KIND_NICE || d->kind == KIND_FLAG;
}

static inline int wsgi_option_holds_long(const wsgi_option_def *d)
{
    return d->kind == KIND_LONG || d->kind == KIND_AMOUNT || d->kind == KIND_INTERVAL;
}

static inline int wsgi_option_holds_text(const wsgi_option_def *d)
{
    return !wsgi_option_holds_int(d) && !wsgi_option_holds_long(d);
}

static inline char **wsgi_option_text_of(const wsgi_options *o, const wsgi_option_def *d)
{
    return (char **)((char *)o + d->offset);
}

static inline int *wsgi_option_int_of(const wsgi_options *o, const wsgi_option_def *d)
{
    return (int *)((char *)o + d->offset);
}

static inline int64_t *wsgi_option_long_of(const wsgi_options *o, const wsgi_option_def *d)
{
    return (int64_t *)((char *)o + d->offset);
}

static inline int wsgi_option_unset_int(const wsgi_option_def *d)
{
    return d->kind == KIND_NICE ? 0 : -1;
}

/* May an option of D be this number? */
int wsgi_option_in_range(const wsgi_option_def *d, int64_t n);

#endif

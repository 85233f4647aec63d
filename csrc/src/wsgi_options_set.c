/* wsgi_options_set.c - the value of a daemon group's option from its text, and
 * the option that a misspelt name may have meant. See wsgi_options.h.
 */
#include "wsgi_options_table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int refuse(char *err, size_t errlen, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(char *err, size_t errlen, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err, errlen, format, args);
    va_end(args);
    return -1;
}

static int all_in(const char *s, const char *accepted)
{
    return *s != '\0' && s[strspn(s, accepted)] == '\0';
}

/* Is this a number of D's kind, within its range? It is then in *OUT. */
static int read_number(const wsgi_option_def *d, const char *value, int64_t *out,
                       char *err, size_t errlen)
{
    int octal = d->kind == KIND_OCTAL, negative = d->kind == KIND_NICE && value[0] == '-';
    const char *digits = value + negative;
    int64_t n;

    if (!all_in(digits, octal ? "01234567" : "0123456789") || strlen(digits) > 18)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is not a plain %s "
                      "number: it accepts %s", d->doc.name, value,
                      octal ? "octal" : "decimal", d->doc.type);
    n = (int64_t)strtoll(value, NULL, octal ? 8 : 10);
    if (!wsgi_option_in_range(d, n))
        return refuse(err, errlen, "option '%s' has value '%.100s', which is out of range: it "
                      "accepts %s (at least %lld, at most %lld)", d->doc.name, value,
                      d->doc.type, (long long)d->min, (long long)d->max);
    *out = n;
    return 0;
}

/* Seconds with up to six digits behind the point, in microseconds. */
static int read_interval(const wsgi_option_def *d, const char *value, int64_t *out,
                         char *err, size_t errlen)
{
    const char *point = strchr(value, '.');
    size_t whole = point != NULL ? (size_t)(point - value) : strlen(value);
    const char *part = point != NULL ? point + 1 : "";
    int64_t n = 0, scale = 1000000;
    size_t i;

    if (strspn(value, "0123456789") != whole || whole > 9 || whole + strlen(part) == 0 ||
        part[strspn(part, "0123456789")] != '\0' || strlen(part) > 100)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is not a plain decimal "
                      "number: it accepts %s", d->doc.name, value, d->doc.type);
    for (i = 0; i < whole; i++)
        n = n * 10 + (value[i] - '0');
    n *= 1000000;
    for (i = 0; part[i] != '\0' && scale > 1; i++) {
        scale /= 10;
        n += (part[i] - '0') * scale;
    }
    if (n < d->min || n > d->max)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is out of range: it "
                      "accepts %s (at least 0.000001, at most 1000)", d->doc.name, value,
                      d->doc.type);
    *out = n;
    return 0;
}

/* A whole percentage, or a number. */
static int read_amount(const wsgi_option_def *d, const char *value, int64_t *out, char *err, size_t errlen)
{
    size_t digits = strspn(value, "0123456789");
    long share;

    if (digits == 0 || strcmp(value + digits, "%") != 0)
        return read_number(d, value, out, err, errlen);
    share = digits > 3 ? 0 : strtol(value, NULL, 10);
    if (share < 1 || share > 100)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is out of range: it accepts %s",
                      d->doc.name, value, d->doc.type);
    *out = WSGI_OPTION_SHARE(share);
    return 0;
}

static int read_flag(const wsgi_option_def *d, const char *value, int64_t *out, char *err, size_t errlen)
{
    *out = strcasecmp(value, "on") == 0;
    if (*out || strcasecmp(value, "off") == 0)
        return 0;
    return refuse(err, errlen, "option '%s' has value '%.100s': it accepts %s", d->doc.name, value, d->doc.type);
}

static int set_number(wsgi_options *o, const wsgi_option_def *d, const char *value,
                      char *err, size_t errlen)
{
    int64_t n = 0;
    int rv = d->kind == KIND_INTERVAL ? read_interval(d, value, &n, err, errlen)
           : d->kind == KIND_AMOUNT   ? read_amount(d, value, &n, err, errlen)
           : d->kind == KIND_FLAG     ? read_flag(d, value, &n, err, errlen)
                                      : read_number(d, value, &n, err, errlen);

    if (rv == 0 && wsgi_option_holds_long(d))
        *wsgi_option_long_of(o, d) = n;
    else if (rv == 0)
        *wsgi_option_int_of(o, d) = (int)n;
    return rv;
}

/* A name, or # and digits, of N bytes. */
static int is_owner(const char *p, size_t n)
{
    size_t digits;

    if (n == 0 || p[0] != '#')
        return n > 0;
    digits = strspn(p + 1, "0123456789");
    return n > 1 && n <= 11 && digits >= n - 1;
}

static int check_groups(const char *value)
{
    const char *p = value;

    for (;;) {
        size_t n = strcspn(p, ",");

        if (!is_owner(p, n))
            return -1;
        if (p[n] == '\0')
            return 0;
        p += n + 1;
    }
}

/* Is this list of folders one? Empty entries would mean the working directory. */
static int check_paths(const char *value)
{
    const char *p = value;

    for (;;) {
        size_t n = strcspn(p, ":");

        if (n == 0 || p[0] != '/')
            return -1;
        if (p[n] == '\0')
            return 0;
        p += n + 1;
    }
}

static int check_text(const wsgi_option_def *d, const char *value, char *err, size_t errlen)
{
    const char *p;

    if (*value == '\0')
        return refuse(err, errlen, "option '%s' has an empty value: it accepts %s",
                      d->doc.name, d->doc.type);
    for (p = value; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return refuse(err, errlen, "option '%s' has a control character in its value",
                          d->doc.name);
    switch (d->kind) {
    case KIND_OWNER:
        if (!is_owner(value, strlen(value)))
            return refuse(err, errlen, "option '%s' has value '%.100s': it accepts %s",
                          d->doc.name, value, d->doc.type);
        if (d->offset == WSGI_OPTION_AT(user) &&
            (strcmp(value, "root") == 0 ||
             (value[0] == '#' && strtoul(value + 1, NULL, 10) == 0)))
            return refuse(err, errlen, "option 'user' has value '%.100s': a daemon process "
                          "does not run as root", value);
        return 0;
    case KIND_GROUPS:
        if (check_groups(value) < 0)
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts %s, none of "
                          "them empty", d->doc.name, value, d->doc.type);
        return 0;
    case KIND_HOME:
        if (value[0] == '/' && strchr(value, ':') != NULL)
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts one absolute "
                          "path; the form prefix:exec_prefix is not available in this release",
                          d->doc.name, value);
        /* fall through */
    case KIND_PATH:
        if (value[0] != '/')
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts an absolute "
                          "path, which starts with /", d->doc.name, value);
        return 0;
    case KIND_PATHS:
        if (check_paths(value) < 0)
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts absolute "
                          "paths separated by colons, none of them empty", d->doc.name, value);
        return 0;
    default:
        return 0;
    }
}

static const wsgi_option_def *find(const char *name)
{
    const wsgi_option_def *d;
    size_t i;

    for (i = 0; (d = wsgi_options_row(i)) != NULL; i++)
        if (strcmp(d->doc.name, name) == 0)
            return d;
    return NULL;
}

int wsgi_options_set(wsgi_options *o, const char *name, const char *value,
                     char *err, size_t errlen)
{
    const wsgi_option_def *d = find(name);
    char *copy;

    if (d == NULL) {
        const char *nearest = wsgi_options_nearest(name);

        if (nearest != NULL)
            return refuse(err, errlen, "option '%.100s' is not known; did you mean '%s'?",
                          name, nearest);
        return refuse(err, errlen, "option '%.100s' is not known", name);
    }
    if (wsgi_option_holds_int(d) || wsgi_option_holds_long(d))
        return set_number(o, d, value, err, errlen);
    if ((d->offset == WSGI_OPTION_AT(script_user) && o->script_group != NULL) ||
        (d->offset == WSGI_OPTION_AT(script_group) && o->script_user != NULL))
        return refuse(err, errlen, "options 'script-user' and 'script-group' exclude each other: "
                      "give one of them");
    if (check_text(d, value, err, errlen) < 0)
        return -1;
    copy = strdup(value);
    if (copy == NULL)
        return refuse(err, errlen, "out of memory at option '%s'", d->doc.name);
    free(*wsgi_option_text_of(o, d));
    *wsgi_option_text_of(o, d) = copy;
    return 0;
}

/* ---- a misspelt name -------------------------------------------------------- */

#define NAME_MAX_LEN 40

/* Edit distance; both names are at most NAME_MAX_LEN long. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    size_t na = strlen(a), nb = strlen(b), i, j;

    for (j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (i = 1; i <= na; i++) {
        unsigned corner = row[0];

        row[0] = (unsigned)i;
        for (j = 1; j <= nb; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *wsgi_options_nearest(const char *name)
{
    char plain[NAME_MAX_LEN + 1];
    const wsgi_option_def *row;
    const char *found = NULL;
    unsigned best = 3;                  /* two slips at most ... */
    size_t i, n = strlen(name);

    if (n == 0 || n > NAME_MAX_LEN)
        return NULL;
    for (i = 0; i <= n; i++) {          /* ... not counting case and underscores */
        char c = name[i];

        plain[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    for (i = 0; (row = wsgi_options_row(i)) != NULL; i++) {
        unsigned d = distance(plain, row->doc.name);

        /* A guess that replaces half of a short word is none. */
        if (d < best && 2 * d < strlen(row->doc.name)) {
            best = d;
            found = row->doc.name;
        }
    }
    return found;
}

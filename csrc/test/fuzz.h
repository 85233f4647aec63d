/* fuzz.h - what the fuzz targets share. A target is the one function that
 * libFuzzer knows; what must hold is said by MUST, which ends the program as a
 * wrong access would, so that the input is kept. */
#ifndef WSGI_FUZZ_H
#define WSGI_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How often a target came to the end of what it tests. A corpus of which nothing
 * gets there, since the format has moved on, tests nothing: fuzz_main.c fails. */
extern unsigned long fuzz_accepted;

#define MUST(condition) do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/* The lowest free descriptor: the same before and after what keeps none. */
static inline int fuzz_lowest_fd(void)
{
    int fd = dup(0);

    MUST(fd >= 0);
    close(fd);
    return fd;
}

/* Input that is used up from the front; 0 where there is no more. */
typedef struct { const uint8_t *p; size_t left; } fuzz_input;

static inline uint8_t fuzz_byte(fuzz_input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->p++;
}

/* The next N bytes, or as many as there are: *N becomes the number. */
static inline const uint8_t *fuzz_bytes(fuzz_input *in, size_t *n)
{
    const uint8_t *p = in->p;

    if (*n > in->left)
        *n = in->left;
    in->p += *n;
    in->left -= *n;
    return p;
}

/* What a target does with bytes that came from another process. */
typedef void fuzz_check(const unsigned char *data, size_t size);

/* A copy of the N bytes at GOOD with the changes that IN asks for, of a size of
 * its own: the caller's. Each change is a byte that says which, two that say
 * where, one that is written. So a corpus stays what it is about when a member
 * is added to what GOOD was made of. */
static inline unsigned char *fuzz_bend(fuzz_input *in, const unsigned char *good, size_t *n)
{
    size_t room = *n + in->left / 4 + 1, len = *n;
    unsigned char *p = malloc(room), *exact;

    MUST(p != NULL);
    memcpy(p, good, len);
    while (in->left >= 4) {
        uint8_t what = fuzz_byte(in), low = fuzz_byte(in), high = fuzz_byte(in), value = fuzz_byte(in);
        size_t at = (size_t)(low | high << 8) % (len + 1);

        if (what % 4 == 0) {                /* one byte more */
            memmove(p + at + 1, p + at, len - at);
            p[at] = value;
            len++;
        }
        else if (what % 4 == 1)
            len = at;
        else if (what % 4 == 2 && at < len)
            p[at] = value;
        else if (what % 4 == 3 && at + 4 <= len)
            memset(p + at, value, 4);       /* a length, perhaps */
    }
    exact = malloc(len > 0 ? len : 1);
    MUST(exact != NULL);
    memcpy(exact, p, len);
    free(p);
    *n = len;
    return exact;
}

/* Checks a copy of the N bytes at GOOD with the changes that IN asks for. */
static inline void fuzz_check_bent(fuzz_input *in, const unsigned char *good, size_t n, fuzz_check *check)
{
    unsigned char *bent = fuzz_bend(in, good, &n);

    check(bent, n);
    free(bent);
}

#endif

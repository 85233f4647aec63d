/* test.h - all there is of a test framework: CHECK says which line did not
 * hold and goes on, TEST_DONE gives the exit status. */
#ifndef WSGI_TEST_H
#define WSGI_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_count, test_failed;

/* Works from any thread that runs while the others wait; races are counted by
 * the tests themselves and checked at the end. */
#define CHECK(condition) do { \
        test_count++; \
        if (!(condition)) { \
            test_failed++; \
            printf("not ok - %s:%d: %s\n", __FILE__, __LINE__, #condition); \
        } \
    } while (0)

/* CHECK(A equals B) for integers, showing both. */
#define CHECK_INT(a, b) do { \
        long long test_a = (long long)(a), test_b = (long long)(b); \
        test_count++; \
        if (test_a != test_b) { \
            test_failed++; \
            printf("not ok - %s:%d: %s is %lld, want %lld\n", __FILE__, __LINE__, #a, test_a, test_b); \
        } \
    } while (0)

/* CHECK(text TEXT contains PART), showing the text. */
#define CHECK_HAS(text, part) do { \
        test_count++; \
        if (strstr((text), (part)) == NULL) { \
            test_failed++; \
            printf("not ok - %s:%d: no \"%s\" in: %s\n", __FILE__, __LINE__, (part), (text)); \
        } \
    } while (0)

#define RUN(function) do { \
        int before = test_failed; \
        function(); \
        printf("%s - %s\n", test_failed == before ? "ok" : "not ok", #function); \
        fflush(stdout); \
    } while (0)

#define TEST_DONE() (printf("# %d checks, %d failed\n", test_count, test_failed), test_failed != 0)

#endif

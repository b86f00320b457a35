// What the kernels of `kernels.rs` are to C, and what C says that they do.
#pragma once
#include <stdint.h>
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif

uint32_t power(uint32_t i);
double scaled(double x);
float masked(float x);
uint32_t trailing(void);
uint32_t select_case(uint32_t which);
uint32_t *counter(void);
uint64_t twice(uint64_t x);
uint64_t deep(uint64_t x);
uint64_t realigned(uint64_t x);
uint64_t wide(uint64_t x);
uint64_t vast(uint64_t x);
uint64_t leaf(uint64_t x);
uint64_t pushing(uint64_t x);
uint64_t aligned(uint64_t x);
void last(void);

// What the kernels call and name.
uint64_t increment(uint64_t x);
extern uint32_t counter_variable;

// Those that call back come first.
#define KERNELS {twice, deep, realigned, wide, vast, pushing, aligned, leaf, power, trailing, select_case, counter, last}

static int failures = 0;
#define CHECK(condition) ((condition) ? (void)0 : (void)(++failures, printf("line %d: %s\n", __LINE__, #condition)))

// Everything that needs no exception.
static inline int check_all(void) {
    uint32_t expected = 1;
    for (uint32_t i = 0; i < 8; i++, expected *= 10) CHECK(power(i) == expected && power(i + 8) == expected);
    for (double x = -3; x < 3; x += 0.25) CHECK(scaled(x) == x * 2.5 + 0.5);
    for (float x = -3; x < 3; x += 0.25f) CHECK(masked(x) == -x + 2.0f);
    CHECK(trailing() == 31);
    for (uint32_t i = 0; i < 8; i++) CHECK(select_case(i) == 11 * (i % 4 + 1));
    CHECK(counter() == &counter_variable);
    CHECK(*counter() == counter_variable);
    for (uint64_t x = 1; x < 100; x++) {
        uint64_t y = x + 1, z = x + 2;
        CHECK(twice(x) == z);
        CHECK(deep(x) == z + x + y + x);
        CHECK(realigned(x) == y + x);
        CHECK(wide(x) == y + x + x);
        CHECK(vast(x) == y + x + x);
        CHECK(leaf(x) == x + x);
        CHECK(pushing(x) == z + x + x);
        CHECK(aligned(x) == y + x + x);
    }
    last();
    return failures;
}

#ifdef __cplusplus
}
#endif

/* Calls every kernel the way GCC calls x32 functions. check() returns the number of the first line that
 * got something else than C does, or 0. */

#include <stddef.h>
#include <stdint.h>

struct span { uint8_t *start; size_t length; };
struct mixed { uint64_t wide; size_t length; };

uint32_t get(const uint32_t *p, size_t at);
uint32_t get_signed(const uint32_t *p, ptrdiff_t at);
uint8_t *advance(uint8_t *p, size_t n);
uint8_t *same(uint8_t *p);
size_t length_of(const uint8_t *start, size_t length);
uint64_t sum(const uint64_t *start, size_t length);
uint64_t late(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, const uint32_t *p,
              size_t n, ptrdiff_t i, const uint32_t *start, size_t length);
struct span grow(uint8_t *start, size_t length);
struct mixed both(uint64_t wide, size_t length);
double scaled(const float *p, float by);
uint64_t local(uint64_t a, const uint64_t *p);
uint8_t **store(uint8_t **place, uint8_t *value);

#define CHECK(condition) do { if (!(condition)) return __LINE__; } while (0)

/* Sizes come out of 64 bits of which the upper half is not theirs. */
static volatile uint64_t one = 0xDEADBEEF00000001, minus_one = 0x12345678FFFFFFFF;

uint32_t check(void)
{
    static uint32_t words[4] = {10, 20, 30, 40};
    static uint64_t longs[3] = {1ull << 40, 7, 9};
    static uint8_t bytes[8];
    CHECK(get(words, (size_t)one) == 20);
    CHECK(get_signed(words + 2, (ptrdiff_t)minus_one) == 20);
    CHECK(advance(bytes, (size_t)one) == bytes + 1);
    CHECK(advance(bytes + 3, (size_t)minus_one) == bytes + 2);
    CHECK(same(bytes) == bytes);
    CHECK(length_of(bytes, (size_t)one) == 1);
    CHECK(sum(longs, (size_t)one + 2) == (1ull << 40) + 16);
    CHECK(late(1, 2, 3, 4, 5, 6, words, (size_t)one, (ptrdiff_t)minus_one, words + 3, (size_t)one)
          == 21 + 20 + 30 + 40 + 1);
    struct span grown = grow(bytes, (size_t)one);
    CHECK(grown.start == bytes && grown.length == 2);
    struct mixed m = both(1ull << 50, (size_t)one);
    CHECK(m.wide == (1ull << 50) + 1 && m.length == 3);
    static float floats[1] = {1.5f};
    CHECK(scaled(floats, 2.0f) == 3.25);
    CHECK(local(5, longs + 1) == 5 + 7 + 5);
    static uint8_t *place;
    CHECK(store(&place, bytes + 4) == &place && place == bytes + 4);
    /* The upper half of a pointer that is returned is zero (psABI, section 10.1). */
    uint64_t whole;
    uint8_t *(*volatile function)(uint8_t *, size_t) = advance;
    __asm__ volatile("call *%q1" : "=a"(whole)
                     : "r"(function), "D"(bytes), "S"(minus_one)
                     : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
    CHECK(whole == (uint64_t)(uint32_t)(bytes - 1));
    return 0;
}

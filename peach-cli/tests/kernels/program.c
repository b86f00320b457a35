/* Kernels against plain loops: MetroHash64, ChaCha20, and bit packing of 128 values. */

#include "bp128.h"
#include "chacha20.h"
#include "metro.h"
#include <stdio.h>
#include <string.h>

static uint64_t state = 1;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t turn(uint64_t x, int by)
{
    return x >> by | x << (64 - by);
}

static uint64_t number(const uint8_t *p, int size)
{
    uint64_t all = 0;
    while (size-- > 0)
        all = all << 8 | p[size];
    return all;
}

static uint64_t metro(const uint8_t *p, size_t n, uint64_t seed)
{
    const uint64_t k0 = 0xD6D018F5, k1 = 0xA2AA033B, k2 = 0x62992FC1, k3 = 0x30BC5B29;
    const uint64_t factors[4] = {k0, k1, k2, k3};
    const int sizes[4] = {8, 4, 2, 1}, turns[4] = {55, 26, 48, 37};
    uint64_t hash = (seed + k2) * k0;
    int i;
    if (n >= 32) {
        uint64_t v[4] = {hash, hash, hash, hash};
        for (; n >= 32; n -= 32, p += 32)
            for (i = 0; i < 4; i++)
                v[i] = turn(v[i] + number(p + 8 * i, 8) * factors[i], 29) + v[(i + 2) % 4];
        v[2] ^= turn((v[0] + v[3]) * k0 + v[1], 37) * k1;
        v[3] ^= turn((v[1] + v[2]) * k1 + v[0], 37) * k0;
        v[0] ^= turn((v[0] + v[2]) * k0 + v[3], 37) * k1;
        v[1] ^= turn((v[1] + v[3]) * k1 + v[2], 37) * k0;
        hash += v[0] ^ v[1];
    }
    if (n >= 16) {
        uint64_t a = turn(hash + number(p, 8) * k2, 29) * k3;
        uint64_t b = turn(hash + number(p + 8, 8) * k2, 29) * k3;
        a ^= turn(a * k0, 21) + b;
        b ^= turn(b * k3, 21) + a;
        hash += b;
        n -= 16, p += 16;
    }
    for (i = 0; i < 4; i++)
        if (n >= (size_t)sizes[i]) {
            hash += number(p, sizes[i]) * k3;
            hash ^= turn(hash, turns[i]) * k1;
            n -= sizes[i], p += sizes[i];
        }
    hash = (hash ^ turn(hash, 28)) * k0;
    return hash ^ turn(hash, 29);
}

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
    static const int turns[2][2] = {{16, 12}, {8, 7}};
    int i;
    for (i = 0; i < 2; i++) {
        x[a] += x[b], x[d] ^= x[a], x[d] = x[d] << turns[i][0] | x[d] >> (32 - turns[i][0]);
        x[c] += x[d], x[b] ^= x[c], x[b] = x[b] << turns[i][1] | x[b] >> (32 - turns[i][1]);
    }
}

static void chacha20(const uint32_t *from, uint8_t *to)
{
    uint32_t x[16];
    int i, k, diagonal;
    memcpy(x, from, sizeof x);
    for (i = 0; i < 20; i++)
        for (diagonal = i % 2, k = 0; k < 4; k++)
            quarter(x, k, 4 + (k + diagonal) % 4, 8 + (k + 2 * diagonal) % 4,
                    12 + (k + 3 * diagonal) % 4);
    for (i = 0; i < 16; i++)
        x[i] += from[i];
    memcpy(to, x, sizeof x);
}

static void xor_plainly(uint32_t *key, uint8_t *data, size_t size)
{
    uint8_t bytes[64];
    size_t i;
    for (i = 0; i < size; i++) {
        if (i % 64 == 0)
            chacha20(key, bytes), key[12]++;
        data[i] ^= bytes[i % 64];
    }
}

/* What runs on processors that no version is for. */
void xor_groups_fallback(uint32_t key[16], uint8_t *data, size_t size)
{
    xor_plainly(key, data, size);
}

/* Value by value and bit by bit; deltas are to the value one vector before. */
#define CODEC(WORD, LANES)                                                                         \
    static int check_##WORD(int bits, void (*pack)(const uint##WORD##_t *, uint##WORD##_t *),      \
                            void (*unpack)(const uint##WORD##_t *, uint##WORD##_t *),              \
                            void (*delta_pack)(const uint##WORD##_t *, uint##WORD##_t *,           \
                                               uint##WORD##_t *),                                  \
                            void (*delta_unpack)(const uint##WORD##_t *, uint##WORD##_t *,         \
                                                 uint##WORD##_t *))                                \
    {                                                                                              \
        const uint##WORD##_t mask = (uint##WORD##_t)-1 >> (WORD - bits);                           \
        uint##WORD##_t values[128], sums[128], seed[LANES], seeds[LANES];                          \
        uint##WORD##_t plain[128] = {0}, packed[128] = {0}, again[128];                            \
        int i, bit, place, size = 128 * bits / 8;                                                  \
        for (i = 0; i < LANES; i++)                                                                \
            seed[i] = seeds[i] = (uint##WORD##_t)next();                                           \
        for (i = 0; i < 128; i++) {                                                                \
            values[i] = (uint##WORD##_t)next() & mask;                                             \
            sums[i] = values[i] + (i < LANES ? seed[i] : sums[i - LANES]);                         \
            for (bit = 0; bit < bits; bit++) {                                                     \
                place = i / LANES * bits + bit;                                                    \
                plain[LANES * (place / WORD) + i % LANES] |= (values[i] >> bit & 1)                \
                                                             << place % WORD;                      \
            }                                                                                      \
        }                                                                                          \
        pack(values, packed);                                                                      \
        unpack(plain, again);                                                                      \
        if (memcmp(packed, plain, size) || memcmp(again, values, sizeof values))                   \
            return 1;                                                                              \
        delta_pack(sums, packed, seeds);                                                           \
        delta_unpack(plain, again, seed);                                                          \
        return memcmp(packed, plain, size) || memcmp(again, sums, sizeof sums)                     \
               || memcmp(seed, sums + 128 - LANES, sizeof seed)                                    \
               || memcmp(seeds, seed, sizeof seed);                                                \
    }

CODEC(32, 4)
CODEC(64, 2)

int main(void)
{
    static uint8_t data[4096], same[4096], one[64], other[64];
    uint32_t key[16], keys[16];
    int bad = 0;
    size_t i;
    for (i = 0; i < sizeof data; i++)
        data[i] = same[i] = (uint8_t)next();
    for (i = 0; i < 16; i++)
        key[i] = keys[i] = (uint32_t)next();
    for (i = 0; i < 300; i++)
        bad |= hash64(data + i, i, next()) != metro(data + i, i, state);
    block(key, one);
    chacha20(key, other);
    bad |= memcmp(one, other, sizeof one) != 0;
    for (i = 0; i <= sizeof data; i += 1024) {
        xor_groups(key, data, i);
        xor_plainly(keys, same, i);
        bad |= memcmp(data, same, sizeof data) != 0 || memcmp(key, keys, sizeof key) != 0;
    }
    EVERY_NUMBER_OF_BITS
    puts(bad ? "different" : "equal");
    return bad;
}

/* Counts bits with a kernel that is chosen by the processor, and by a loop. */
#include <stdio.h>

#include "ones.h"

int main(void) {
    uint64_t numbers[100], expected = 0, found;
    for (int i = 0; i < 100; i++) {
        numbers[i] = (uint64_t)i * 0x9E3779B97F4A7C15u;
        for (int bit = 0; bit < 64; bit++) {
            expected += numbers[i] >> bit & 1;
        }
    }
    found = ones(numbers, 100);
    printf("%d bits, %s\n", (int)found, found == expected ? "as the loop says" : "which is wrong");
    return found != expected;
}

// An exception is thrown through the frames of kernels that call back, and what the kernels had saved is
// what the caller had.
#include "kernels.h"

uint32_t counter_variable = 7;
static bool throws = false;

extern "C" uint64_t increment(uint64_t x) {
    if (throws) throw x;
    return x + 1;
}

template <uint64_t kernel(uint64_t)> static void check(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
    uint64_t caught = 0;
    uint64_t sum = a * 3 + b * 5 + c * 7 + d * 11 + e * 13 + f * 17;
    try {
        kernel(a);
        CHECK(!"reached");
    } catch (uint64_t x) {
        caught = x;
    }
    CHECK(caught == a);
    CHECK(sum == a * 3 + b * 5 + c * 7 + d * 11 + e * 13 + f * 17);
}

int main() {
    check_all();
    throws = true;
    for (uint64_t n = 1; n < 10; n++) {
        check<twice>(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n);
        check<deep>(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n);
        check<realigned>(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n);
        check<wide>(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n);
        check<vast>(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n);
        check<pushing>(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n);
        check<aligned>(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n);
    }
    return failures;
}

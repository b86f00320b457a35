/* Counts cycles an iteration of a loop: the time of the fastest of many short runs, in units of a
   loop that takes four cycles an iteration on every processor there is. */
#include <stdint.h>
#include <stdio.h>
#include <x86intrin.h>

typedef void kernel(uint8_t *x, uint64_t n);
#define KERNELS(K) K(imul_chain) K(pointer_chase) K(sum_1) K(sum_4) K(dot_1) K(dot_8) K(fma_10) \
    K(shuffles) K(copy) K(crc_table) K(crc_chain) K(adds)
#define DECLARE(name) kernel name;
DECLARE(calibrate) KERNELS(DECLARE)

static uint8_t memory[1 << 16] __attribute__((aligned(4096)));

static uint64_t fastest(kernel *run) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 20000; i++) {
        uint64_t start = __rdtsc();
        run(memory, 1000);
        uint64_t took = __rdtsc() - start;
        best = took < best ? took : best;
    }
    return best;
}

int main(void) {
    double cycle = fastest(calibrate) / 4000.0;
#define MEASURE(name) printf("%s %.2f\n", #name, fastest(name) / 1000.0 / cycle);
    KERNELS(MEASURE)
}

// What the kernels call and name, in a library of its own.
#include <stdint.h>

uint32_t counter_variable = 7;
uint64_t increment(uint64_t x) { return x + 1; }

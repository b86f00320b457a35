// Calls every kernel.
#include "kernels.h"

#ifndef ELSEWHERE
uint32_t counter_variable = 7;
uint64_t increment(uint64_t x) { return x + 1; }
#endif

int main(void) { return check_all(); }

/* Multiplies matrices with a kernel, and by three loops. */
#include <math.h>
#include <stdio.h>

#include "matmul.h"

static void plain(const float *a, const float *b, float *c) {
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            float sum = 0;
            for (int k = 0; k < 4; k++) {
                sum += a[4 * i + k] * b[4 * k + j];
            }
            c[4 * i + j] = sum;
        }
    }
}

int main(void) {
    float a[16], b[16], c[16], expected[16];
    for (int i = 0; i < 16; i++) {
        a[i] = (float)(i % 7) - 3;
        b[i] = (float)(i % 5) * 0.5f;
    }
    plain(a, b, expected);
    matmul(a, b, c);
    for (int i = 0; i < 16; i++) {
        printf("%6.1f%s", c[i], i % 4 == 3 ? "\n" : " ");
        if (fabsf(c[i] - expected[i]) > 1e-6f) {
            printf("element %d is %f, not %f\n", i, c[i], expected[i]);
            return 1;
        }
    }
    puts("equal to three loops");
    return 0;
}

/* Transposes a matrix with a kernel, and looks at every element. */
#include <stdio.h>

#include "transpose.h"

int main(void) {
    float input[16], output[16];
    for (int i = 0; i < 16; i++) {
        input[i] = (float)i;
    }
    transpose(input, output);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            printf("%3.0f%s", output[4 * i + j], j == 3 ? "\n" : " ");
            if (output[4 * i + j] != input[4 * j + i]) {
                printf("row %d, column %d is wrong\n", i, j);
                return 1;
            }
        }
    }
    puts("transposed");
    return 0;
}

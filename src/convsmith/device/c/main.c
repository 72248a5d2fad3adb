/* Classifies one raw image: cc -std=c99 -O2 {{name}}_main.c {{name}}.c -lm && ./a.out image.raw
   The file holds rows x columns x channels bytes, 0 to 255. */
#include <stdio.h>
#include "{{name}}.h"

int main(int count, char **words)
{
    FILE *file = count == 2 ? fopen(words[1], "rb") : NULL;
    {{number}} *pixels = {{name}}_input();
    const {{number}} *found;
    int i, c, best = 0;
    for (i = 0; file && i < {{NAME}}_ROWS * {{NAME}}_COLUMNS * {{NAME}}_CHANNELS && (c = fgetc(file)) != EOF; i++)
        pixels[i] = {{pixel}};
    if (!file || i < {{NAME}}_ROWS * {{NAME}}_COLUMNS * {{NAME}}_CHANNELS)
        return fprintf(stderr, "no image of %d x %d x %d bytes\n", {{NAME}}_ROWS, {{NAME}}_COLUMNS, {{NAME}}_CHANNELS), 2;
    found = {{name}}_run();
    for (i = 1; i < {{NAME}}_OUTPUTS; i++)
        if (found[i] > found[best])
            best = i;
    {{shown}}
    return 0;
}

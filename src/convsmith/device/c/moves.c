/*: copy */
static void copy(const number *in, int count, number *out)
{
    memmove(out, in, sizeof(number) * (unsigned)count);
}
/*: pad */
static void pad(const number *in, int rows, int columns, int depth, number *out, int top, int bottom, int left,
                int right, number value)
{
    int r, c, d;
    for (r = -top; r < rows + bottom; r++)
        for (c = -left; c < columns + right; c++)
            for (d = 0; d < depth; d++)
                *out++ = r < 0 || r >= rows || c < 0 || c >= columns ? value : in[(r * columns + c) * depth + d];
}
/*: slice */
static void slice(const number *in, int columns, int depth, number *out, int top, int left, int out_rows,
                  int out_columns)
{
    int r;
    for (r = 0; r < out_rows; r++)
        memmove(out + r * out_columns * depth, in + ((r + top) * columns + left) * depth,
                sizeof(number) * (unsigned)(out_columns * depth));
}
/*: concatenate */
/* A part of a concatenation: each of its rows goes into a longer row of the output. */
static void concatenate(const number *in, int rows, int length, number *out, int whole)
{
    int r;
    for (r = 0; r < rows; r++)
        memmove(out + r * whole, in + r * length, sizeof(number) * (unsigned)length);
}
/*: transpose */
static void transpose(const number *in, number *out, const int *sizes, const int *steps)
{
    int i, count = sizes[0] * sizes[1] * sizes[2] * sizes[3];
    for (i = 0; i < count; i++)
        out[i] = in[source(i, sizes, steps)];
}
/*: nearest */
static void nearest(const number *in, int columns, int depth, number *out, int out_rows, int out_columns,
                    const int16_t *down, const int16_t *right)
{
    int r, c;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            memmove(out + (r * out_columns + c) * depth, in + (down[r] * columns + right[c]) * depth,
                    sizeof(number) * (unsigned)depth);
}

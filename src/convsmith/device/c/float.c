/*: common */
static float clipped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}
/*: CONV_2D */
static void conv_2d(const float *in, int rows, int columns, int depth, const float *kernel, int kh, int kw,
                    int each, const float *bias, float *out, int out_rows, int out_columns, int filters, int sh,
                    int sw, int dh, int dw, int top, int left, float low, float high)
{
    int r, c, f, i, j, d, per = filters / (depth / each);
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (f = 0; f < filters; f++) {
                float sum = bias[f];
                for (i = 0; i < kh; i++) {
                    int y = r * sh + i * dh - top;
                    if (y < 0 || y >= rows)
                        continue;
                    for (j = 0; j < kw; j++) {
                        int x = c * sw + j * dw - left;
                        const float *seen, *k;
                        if (x < 0 || x >= columns)
                            continue;
                        seen = in + (y * columns + x) * depth + f / per * each;
                        k = kernel + ((f * kh + i) * kw + j) * each;
                        for (d = 0; d < each; d++)
                            sum += k[d] * seen[d];
                    }
                }
                out[(r * out_columns + c) * filters + f] = clipped(sum, low, high);
            }
}
/*: DEPTHWISE_CONV_2D */
static void depthwise_conv_2d(const float *in, int rows, int columns, int depth, const float *kernel, int kh,
                              int kw, int multiplier, const float *bias, float *out, int out_rows,
                              int out_columns, int sh, int sw, int dh, int dw, int top, int left, float low,
                              float high)
{
    int r, c, f, i, j, filters = depth * multiplier;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (f = 0; f < filters; f++) {
                float sum = bias[f];
                for (i = 0; i < kh; i++) {
                    int y = r * sh + i * dh - top;
                    if (y < 0 || y >= rows)
                        continue;
                    for (j = 0; j < kw; j++) {
                        int x = c * sw + j * dw - left;
                        if (x >= 0 && x < columns)
                            sum += kernel[(i * kw + j) * filters + f] *
                                   in[(y * columns + x) * depth + f / multiplier];
                    }
                }
                out[(r * out_columns + c) * filters + f] = clipped(sum, low, high);
            }
}
/*: TRANSPOSE_CONV */
static void transpose_conv(const float *in, int rows, int columns, int depth, const float *kernel, int kh, int kw,
                           const float *bias, float *out, int out_rows, int out_columns, int filters, int sh,
                           int sw, int top, int left)
{
    int r, c, f, i, j, d;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (f = 0; f < filters; f++) {
                float sum = bias[f];
                for (i = 0; i < kh; i++) {
                    int y = r + top - i;
                    if (y < 0 || y % sh || y / sh >= rows)
                        continue;
                    for (j = 0; j < kw; j++) {
                        int x = c + left - j;
                        const float *seen, *k;
                        if (x < 0 || x % sw || x / sw >= columns)
                            continue;
                        seen = in + (y / sh * columns + x / sw) * depth;
                        k = kernel + ((f * kh + i) * kw + j) * depth;
                        for (d = 0; d < depth; d++)
                            sum += k[d] * seen[d];
                    }
                }
                out[(r * out_columns + c) * filters + f] = sum;
            }
}
/*: FULLY_CONNECTED */
static void fully_connected(const float *in, int depth, const float *kernel, const float *bias, float *out,
                            int units, float low, float high)
{
    int u, d;
    for (u = 0; u < units; u++) {
        float sum = bias[u];
        for (d = 0; d < depth; d++)
            sum += kernel[u * depth + d] * in[d];
        out[u] = clipped(sum, low, high);
    }
}
/*: MAX_POOL_2D */
static void max_pool_2d(const float *in, int rows, int columns, int depth, float *out, int out_rows,
                        int out_columns, int kh, int kw, int sh, int sw, int top, int left)
{
    int r, c, d, i, j;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (d = 0; d < depth; d++) {
                float most = -FLT_MAX;
                for (i = 0; i < kh; i++)
                    for (j = 0; j < kw; j++) {
                        int y = r * sh + i - top, x = c * sw + j - left;
                        if (y >= 0 && y < rows && x >= 0 && x < columns &&
                            in[(y * columns + x) * depth + d] > most)
                            most = in[(y * columns + x) * depth + d];
                    }
                out[(r * out_columns + c) * depth + d] = most;
            }
}
/*: AVERAGE_POOL_2D */
static void average_pool_2d(const float *in, int rows, int columns, int depth, float *out, int out_rows,
                            int out_columns, int kh, int kw, int sh, int sw, int top, int left)
{
    int r, c, d, i, j;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (d = 0; d < depth; d++) {
                float sum = 0;
                int count = 0;
                for (i = 0; i < kh; i++)
                    for (j = 0; j < kw; j++) {
                        int y = r * sh + i - top, x = c * sw + j - left;
                        if (y >= 0 && y < rows && x >= 0 && x < columns) {
                            sum += in[(y * columns + x) * depth + d];
                            count++;
                        }
                    }
                out[(r * out_columns + c) * depth + d] = sum / (float)count;
            }
}
/*: MEAN */
static void mean(const float *in, int places, int depth, float *out)
{
    int p, d;
    for (d = 0; d < depth; d++) {
        float sum = 0;
        for (p = 0; p < places; p++)
            sum += in[p * depth + d];
        out[d] = sum / (float)places;
    }
}
/*: REDUCE_MAX */
static void reduce_max(const float *in, int places, int depth, float *out)
{
    int p, d;
    for (d = 0; d < depth; d++) {
        float most = -FLT_MAX;
        for (p = 0; p < places; p++)
            if (in[p * depth + d] > most)
                most = in[p * depth + d];
        out[d] = most;
    }
}
/*: broadcast */
/* Where a number of the output comes from, in an input whose sizes of 1 stretch. */
static int source(int place, const int *sizes, const int *steps)
{
    int axis, from = 0;
    for (axis = 3; axis >= 0; axis--) {
        from += place % sizes[axis] * steps[axis];
        place /= sizes[axis];
    }
    return from;
}
/*: between */
static void between(char what, const float *a, const int *steps_a, const float *b, const int *steps_b, float *out,
                    const int *sizes, float low, float high)
{
    int i, count = sizes[0] * sizes[1] * sizes[2] * sizes[3];
    for (i = 0; i < count; i++) {
        float x = a[source(i, sizes, steps_a)], y = b[source(i, sizes, steps_b)];
        float found = what == '+' ? x + y : what == '-' ? x - y : what == '*' ? x * y
                    : what == '>' ? (x > y ? x : y) : what == '<' ? (x < y ? x : y) : x > 0 ? x : x * y;
        out[i] = clipped(found, low, high);
    }
}
/*: LEAKY_RELU */
static void leaky_relu(const float *in, int count, float *out, float slope)
{
    int i;
    for (i = 0; i < count; i++)
        out[i] = in[i] > 0 ? in[i] : in[i] * slope;
}
/*: clip */
static void clip(const float *in, int count, float *out, float low, float high)
{
    int i;
    for (i = 0; i < count; i++)
        out[i] = clipped(in[i], low, high);
}
/*: LOGISTIC */
static void logistic(const float *in, int count, float *out)
{
    int i;
    for (i = 0; i < count; i++)
        out[i] = 1.0f / (1.0f + expf(-in[i]));
}
/*: TANH */
static void hyperbolic(const float *in, int count, float *out)
{
    int i;
    for (i = 0; i < count; i++)
        out[i] = tanhf(in[i]);
}
/*: HARD_SWISH */
static void hard_swish(const float *in, int count, float *out)
{
    int i;
    for (i = 0; i < count; i++)
        out[i] = in[i] * clipped(in[i] + 3.0f, 0.0f, 6.0f) / 6.0f;
}
/*: ELU */
static void elu(const float *in, int count, float *out)
{
    int i;
    for (i = 0; i < count; i++)
        out[i] = in[i] > 0 ? in[i] : expm1f(in[i]);
}
/*: SOFTMAX */
static void softmax(const float *in, int count, int depth, float *out)
{
    int i, d;
    for (i = 0; i < count; i += depth) {
        float most = in[i], sum = 0;
        for (d = 1; d < depth; d++)
            if (in[i + d] > most)
                most = in[i + d];
        for (d = 0; d < depth; d++) {
            out[i + d] = expf(in[i + d] - most);
            sum += out[i + d];
        }
        for (d = 0; d < depth; d++)
            out[i + d] /= sum;
    }
}
/*: RESIZE_BILINEAR */
static void resize_bilinear(const float *in, int rows, int columns, int depth, float *out, int out_rows,
                            int out_columns)
{
    int r, c, d;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++) {
            float y = ((float)r + 0.5f) * (float)rows / (float)out_rows - 0.5f;
            float x = ((float)c + 0.5f) * (float)columns / (float)out_columns - 0.5f;
            int y0, x0, y1, x1;
            y = y < 0 ? 0 : y;
            x = x < 0 ? 0 : x;
            y0 = (int)y;
            x0 = (int)x;
            y1 = y0 + 1 < rows ? y0 + 1 : rows - 1;
            x1 = x0 + 1 < columns ? x0 + 1 : columns - 1;
            y -= (float)y0;
            x -= (float)x0;
            for (d = 0; d < depth; d++)
                out[(r * out_columns + c) * depth + d] =
                    (in[(y0 * columns + x0) * depth + d] * (1 - x) + in[(y0 * columns + x1) * depth + d] * x) *
                        (1 - y) +
                    (in[(y1 * columns + x0) * depth + d] * (1 - x) + in[(y1 * columns + x1) * depth + d] * x) * y;
        }
}

/*: common */
/* Right shifts of negative numbers keep their sign, as on every compiler for the devices meant here. */
static int32_t high_product(int32_t a, int32_t b)
{
    int64_t product = (int64_t)a * b;
    int64_t nudge = product >= 0 ? (1 << 30) : 1 - (1 << 30);
    return (int32_t)((product + nudge) / ((int64_t)1 << 31));
}

static int32_t rounded_shift(int32_t x, int bits)
{
    int32_t mask = (int32_t)(((int64_t)1 << bits) - 1);
    int32_t threshold = (mask >> 1) + (x < 0);
    return (x >> bits) + ((x & mask) > threshold);
}

static int32_t scaled(int32_t x, int32_t whole, int shift)
{
    if (shift > 0)
        return high_product(x * (1 << shift), whole);
    return rounded_shift(high_product(x, whole), -shift);
}

static int8_t clipped(int32_t x, int low, int high)
{
    return (int8_t)(x < low ? low : x > high ? high : x);
}
/*: CONV_2D */
static void conv_2d(const int8_t *in, int rows, int columns, int depth, const int8_t *kernel, int kh, int kw,
                    int each, const int32_t *bias, const int32_t *whole, const int8_t *shift, int8_t *out,
                    int out_rows, int out_columns, int filters, int sh, int sw, int dh, int dw, int top,
                    int left, int in_zero, int out_zero, int low, int high)
{
    int r, c, f, i, j, d, per = filters / (depth / each);
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (f = 0; f < filters; f++) {
                int32_t sum = bias[f];
                for (i = 0; i < kh; i++) {
                    int y = r * sh + i * dh - top;
                    if (y < 0 || y >= rows)
                        continue;
                    for (j = 0; j < kw; j++) {
                        int x = c * sw + j * dw - left;
                        const int8_t *seen, *k;
                        if (x < 0 || x >= columns)
                            continue;
                        seen = in + (y * columns + x) * depth + f / per * each;
                        k = kernel + ((f * kh + i) * kw + j) * each;
                        for (d = 0; d < each; d++)
                            sum += k[d] * (seen[d] - in_zero);
                    }
                }
                out[(r * out_columns + c) * filters + f] =
                    clipped(scaled(sum, whole[f], shift[f]) + out_zero, low, high);
            }
}
/*: DEPTHWISE_CONV_2D */
static void depthwise_conv_2d(const int8_t *in, int rows, int columns, int depth, const int8_t *kernel, int kh,
                              int kw, int multiplier, const int32_t *bias, const int32_t *whole,
                              const int8_t *shift, int8_t *out, int out_rows, int out_columns, int sh, int sw,
                              int dh, int dw, int top, int left, int in_zero, int out_zero, int low, int high)
{
    int r, c, f, i, j, filters = depth * multiplier;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (f = 0; f < filters; f++) {
                int32_t sum = bias[f];
                for (i = 0; i < kh; i++) {
                    int y = r * sh + i * dh - top;
                    if (y < 0 || y >= rows)
                        continue;
                    for (j = 0; j < kw; j++) {
                        int x = c * sw + j * dw - left;
                        if (x >= 0 && x < columns)
                            sum += kernel[(i * kw + j) * filters + f] *
                                   (in[(y * columns + x) * depth + f / multiplier] - in_zero);
                    }
                }
                out[(r * out_columns + c) * filters + f] =
                    clipped(scaled(sum, whole[f], shift[f]) + out_zero, low, high);
            }
}
/*: TRANSPOSE_CONV */
static void transpose_conv(const int8_t *in, int rows, int columns, int depth, const int8_t *kernel, int kh,
                           int kw, const int32_t *bias, const int32_t *whole, const int8_t *shift, int8_t *out,
                           int out_rows, int out_columns, int filters, int sh, int sw, int top, int left,
                           int in_zero, int out_zero, int low, int high)
{
    int r, c, f, i, j, d;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (f = 0; f < filters; f++) {
                int32_t sum = bias[f];
                for (i = 0; i < kh; i++) {
                    int y = r + top - i;
                    if (y < 0 || y % sh || y / sh >= rows)
                        continue;
                    for (j = 0; j < kw; j++) {
                        int x = c + left - j;
                        const int8_t *seen, *k;
                        if (x < 0 || x % sw || x / sw >= columns)
                            continue;
                        seen = in + (y / sh * columns + x / sw) * depth;
                        k = kernel + ((f * kh + i) * kw + j) * depth;
                        for (d = 0; d < depth; d++)
                            sum += k[d] * (seen[d] - in_zero);
                    }
                }
                out[(r * out_columns + c) * filters + f] =
                    clipped(scaled(sum, whole[f], shift[f]) + out_zero, low, high);
            }
}
/*: FULLY_CONNECTED */
static void fully_connected(const int8_t *in, int depth, const int8_t *kernel, const int32_t *bias, int32_t whole,
                            int shift, int8_t *out, int units, int in_zero, int out_zero, int low, int high)
{
    int u, d;
    for (u = 0; u < units; u++) {
        int32_t sum = bias[u];
        for (d = 0; d < depth; d++)
            sum += kernel[u * depth + d] * (in[d] - in_zero);
        out[u] = clipped(scaled(sum, whole, shift) + out_zero, low, high);
    }
}
/*: MAX_POOL_2D */
static void max_pool_2d(const int8_t *in, int rows, int columns, int depth, int8_t *out, int out_rows,
                        int out_columns, int kh, int kw, int sh, int sw, int top, int left)
{
    int r, c, d, i, j;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (d = 0; d < depth; d++) {
                int most = -128;
                for (i = 0; i < kh; i++)
                    for (j = 0; j < kw; j++) {
                        int y = r * sh + i - top, x = c * sw + j - left;
                        if (y >= 0 && y < rows && x >= 0 && x < columns &&
                            in[(y * columns + x) * depth + d] > most)
                            most = in[(y * columns + x) * depth + d];
                    }
                out[(r * out_columns + c) * depth + d] = (int8_t)most;
            }
}
/*: AVERAGE_POOL_2D */
static void average_pool_2d(const int8_t *in, int rows, int columns, int depth, int8_t *out, int out_rows,
                            int out_columns, int kh, int kw, int sh, int sw, int top, int left)
{
    int r, c, d, i, j;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (d = 0; d < depth; d++) {
                int32_t sum = 0, count = 0;
                for (i = 0; i < kh; i++)
                    for (j = 0; j < kw; j++) {
                        int y = r * sh + i - top, x = c * sw + j - left;
                        if (y >= 0 && y < rows && x >= 0 && x < columns) {
                            sum += in[(y * columns + x) * depth + d];
                            count++;
                        }
                    }
                out[(r * out_columns + c) * depth + d] =
                    (int8_t)(sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count);
            }
}
/*: MEAN */
static void mean(const int8_t *in, int places, int depth, int8_t *out, int32_t whole, int shift, int in_zero,
                 int out_zero)
{
    int p, d;
    for (d = 0; d < depth; d++) {
        int32_t sum = 0;
        for (p = 0; p < places; p++)
            sum += in[p * depth + d] - in_zero;
        out[d] = clipped(scaled(sum, whole, shift) + out_zero, -128, 127);
    }
}
/*: REDUCE_MAX */
static void reduce_max(const int8_t *in, int places, int depth, int8_t *out)
{
    int p, d;
    for (d = 0; d < depth; d++) {
        int8_t most = -128;
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
/*: ADD */
static void add(const int8_t *a, const int *steps_a, const int8_t *b, const int *steps_b, int8_t *out,
                const int *sizes, int32_t whole_a, int shift_a, int zero_a, int32_t whole_b, int shift_b,
                int zero_b, int sign, int32_t whole, int shift, int out_zero, int low, int high)
{
    int i, count = sizes[0] * sizes[1] * sizes[2] * sizes[3];
    for (i = 0; i < count; i++) {
        int32_t x = scaled((a[source(i, sizes, steps_a)] - zero_a) * (1 << 20), whole_a, shift_a);
        int32_t y = scaled((b[source(i, sizes, steps_b)] - zero_b) * (1 << 20), whole_b, shift_b);
        out[i] = clipped(scaled(x + sign * y, whole, shift) + out_zero, low, high);
    }
}
/*: MUL */
static void mul(const int8_t *a, const int *steps_a, const int8_t *b, const int *steps_b, int8_t *out,
                const int *sizes, int zero_a, int zero_b, int32_t whole, int shift, int out_zero, int low,
                int high)
{
    int i, count = sizes[0] * sizes[1] * sizes[2] * sizes[3];
    for (i = 0; i < count; i++) {
        int32_t product = (a[source(i, sizes, steps_a)] - zero_a) * (b[source(i, sizes, steps_b)] - zero_b);
        out[i] = clipped(scaled(product, whole, shift) + out_zero, low, high);
    }
}
/*: extreme */
static void extreme(const int8_t *a, const int *steps_a, const int8_t *b, const int *steps_b, int8_t *out,
                    const int *sizes, int most)
{
    int i, count = sizes[0] * sizes[1] * sizes[2] * sizes[3];
    for (i = 0; i < count; i++) {
        int8_t x = a[source(i, sizes, steps_a)], y = b[source(i, sizes, steps_b)];
        out[i] = most ? (x > y ? x : y) : (x < y ? x : y);
    }
}
/*: PRELU */
static void prelu(const int8_t *a, const int *steps_a, const int8_t *b, const int *steps_b, int8_t *out,
                  const int *sizes, int zero_a, int zero_b, int32_t whole, int shift, int32_t below_whole,
                  int below_shift, int out_zero)
{
    int i, count = sizes[0] * sizes[1] * sizes[2] * sizes[3];
    for (i = 0; i < count; i++) {
        int32_t x = a[source(i, sizes, steps_a)] - zero_a, slope = b[source(i, sizes, steps_b)] - zero_b;
        int32_t y = x >= 0 ? scaled(x, whole, shift) : scaled(x * slope, below_whole, below_shift);
        out[i] = clipped(y + out_zero, -128, 127);
    }
}
/*: requantize */
static void requantize(const int8_t *in, int count, int8_t *out, int zero, int32_t whole, int shift,
                       int32_t below_whole, int below_shift, int out_zero, int low, int high)
{
    int i;
    for (i = 0; i < count; i++) {
        int32_t x = in[i] - zero;
        int32_t y = x >= 0 ? scaled(x, whole, shift) : scaled(x, below_whole, below_shift);
        out[i] = clipped(y + out_zero, low, high);
    }
}
/*: lookup */
static void lookup(const int8_t *in, int count, int8_t *out, const int8_t *table)
{
    int i;
    for (i = 0; i < count; i++)
        out[i] = table[in[i] + 128];
}
/*: SOFTMAX */
static int32_t negative_exp(int32_t a)
{
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    int32_t part = (a & 16777215) - 16777216, x = part * 32 + (1 << 28), left = part - a, found;
    int32_t x2 = high_product(x, x), x3 = high_product(x2, x), x4 = high_product(x2, x2), rest, bit;
    rest = rounded_shift(high_product(rounded_shift(x4, 2) + x3, 715827883) + x2, 1);
    found = 1895147668 + high_product(1895147668, x + rest);
    for (bit = 0; bit < 7; bit++)
        if (left & ((int32_t)1 << (24 + bit)))
            found = high_product(found, factors[bit]);
    return a == 0 ? INT32_MAX : found;
}

static int32_t saturated(int64_t x)
{
    return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x;
}

static void softmax(const int8_t *in, int count, int depth, int8_t *out, int32_t whole, int shift, int least)
{
    int i, d, step;
    for (i = 0; i < count; i += depth) {
        int32_t most = -128, sum = 0, half, one, a;
        int room = 0;
        for (d = 0; d < depth; d++)
            if (in[i + d] > most)
                most = in[i + d];
        for (d = 0; d < depth; d++)
            if (in[i + d] - most >= least)
                sum += rounded_shift(negative_exp(high_product((in[i + d] - most) * (1 << shift), whole)), 12);
        while (!(((uint32_t)sum << room) & 0x80000000u))
            room++;
        a = (int32_t)(((uint32_t)sum << room) - 0x80000000u);
        half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
        one = 1515870810 + high_product(half, -1010580540);
        for (step = 0; step < 3; step++) {
            int32_t miss = (1 << 29) - high_product(half, one);
            one += saturated((int64_t)high_product(one, miss) * 4);
        }
        one = saturated((int64_t)one * 2);
        for (d = 0; d < depth; d++) {
            int32_t x = in[i + d] - most;
            out[i + d] = -128;
            if (x >= least)
                out[i + d] = clipped(
                    rounded_shift(high_product(one, negative_exp(high_product(x * (1 << shift), whole))),
                                  12 - room + 23) - 128, -128, 127);
        }
    }
}
/*: RESIZE_BILINEAR */
static void resize_bilinear(const int8_t *in, int columns, int depth, int8_t *out, int out_rows, int out_columns,
                            const int16_t *down, const int16_t *right)
{
    int r, c, d;
    for (r = 0; r < out_rows; r++)
        for (c = 0; c < out_columns; c++)
            for (d = 0; d < depth; d++) {
                const int16_t *y = down + 3 * r, *x = right + 3 * c;
                int64_t sum = (int64_t)in[(y[0] * columns + x[0]) * depth + d] * (1024 - y[2]) * (1024 - x[2]);
                sum += (int64_t)in[(y[1] * columns + x[0]) * depth + d] * y[2] * (1024 - x[2]);
                sum += (int64_t)in[(y[0] * columns + x[1]) * depth + d] * (1024 - y[2]) * x[2];
                sum += (int64_t)in[(y[1] * columns + x[1]) * depth + d] * y[2] * x[2];
                sum += sum > 0 ? 524288 : -524288;
                out[(r * out_columns + c) * depth + d] = clipped((int32_t)(sum / 1048576), -128, 127);
            }
}

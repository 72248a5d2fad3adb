// Passes over memory that torch makes one after the other, each here in one go.
//
// Images are float32 with their channels last, (N, H, W, C) without gaps; rows are their pixels, N H W.
// Every function shares its work among `threads` threads of the OpenMP runtime that torch brings, allocates
// nothing, and gives the same bits again with the same number of threads. `work` is memory to work in, float64:
// (3 threads + 2) c numbers, for a depthwise kernel threads (3/2 size^2 c + 1). Built once for each instruction
// set, see hatch_build.py.

#include "lanes.h"

namespace {

// ---- pooling

struct Pool {
    const float *x;
    float *y;
    uint8_t *from;
    long n, h, w, c, kh, kw, oh, ow;
    int relu;
};
template <int W> INLINE void pool_rows(const Pool &s, long first, long last) {
    typedef typename Lanes<W>::Floats F;
    typedef typename Lanes<W>::Ints I;
    typedef typename Lanes<W>::Bytes B;
    for (long row = first; row < last; row++) {
        const float *top = s.x + (row / s.oh * s.h + row % s.oh * s.kh) * s.w * s.c;
        for (long j = 0; j < s.ow; j++) {
            const float *x = top + j * s.kw * s.c;
            const long out = (row * s.ow + j) * s.c;
            vectors<W>(s.c, [&](long k) INLINE_LAMBDA {
                F most = *(const F *)(x + k);
                I from = I();
                for (long u = 0; u < s.kh; u++)
                    for (long v = 0; v < s.kw; v++)
                        larger(*(const F *)(x + (u * s.w + v) * s.c + k), (int)(u * s.kw + v), most, from);
                if (s.relu) positive(most, from);
                *(F *)(s.y + out + k) = most;
                *(B *)(s.from + out + k) = bytes<W>(from);
            });
        }
    }
}

void pool_part(void *what, long part, long parts) {
    const Pool &s = *(Pool *)what;
    const long rows = s.n * s.oh, first = start(rows, part, parts), last = start(rows, part + 1, parts);
    if (s.kh == 2 && s.kw == 2) {  // known to the compiler, the loops over the window are gone
        Pool t = s;
        t.kh = t.kw = 2;
        BY_WIDTH(t.c, pool_rows, t, first, last);
    } else {
        BY_WIDTH(s.c, pool_rows, s, first, last);
    }
}

template <int W> INLINE void unpool_rows(const Pool &s, long first, long last) {
    typedef typename Lanes<W>::Floats F;
    typedef typename Lanes<W>::Bytes B;
    const F zero = F();
    const long wide = s.w * s.c, used = s.ow * s.kw * s.c;
    for (long row = first; row < last; row++) {
        float *top = s.y + (row / s.oh * s.h + row % s.oh * s.kh) * wide;
        for (long j = 0; j < s.ow; j++) {
            const long out = (row * s.ow + j) * s.c;
            vectors<W>(s.c, [&](long k) INLINE_LAMBDA {
                const F grad = *(const F *)(s.x + out + k);
                const auto from = ints<W>(*(const B *)(s.from + out + k));
                for (long u = 0; u < s.kh; u++)
                    for (long v = 0; v < s.kw; v++)
                        *(F *)(top + u * wide + (j * s.kw + v) * s.c + k) = from == (int)(u * s.kw + v) ? grad : zero;
            });
        }
        for (long u = 0; u < s.kh && used < wide; u++) memset(top + u * wide + used, 0, (wide - used) * 4);
        if (row % s.oh == s.oh - 1) memset(top + s.kh * wide, 0, (s.h - s.oh * s.kh) * wide * 4);
    }
}

void unpool_part(void *what, long part, long parts) {
    const Pool &s = *(Pool *)what;
    const long rows = s.n * s.oh, first = start(rows, part, parts), last = start(rows, part + 1, parts);
    if (s.kh == 2 && s.kw == 2) {
        Pool t = s;
        t.kh = t.kw = 2;
        BY_WIDTH(t.c, unpool_rows, t, first, last);
    } else {
        BY_WIDTH(s.c, unpool_rows, s, first, last);
    }
}

// ---- batch norm, with what may stand behind it: a sum and an activation

template <class F> INLINE F before(int act, F grad, F out) {  // the gradient in front of the activation
    if (act != NONE) grad = out <= F() ? F() : grad;
    if (act == RELU6) grad = out >= F() + 6.0f ? F() : grad;
    return grad;
}

struct Norm {
    const float *x, *other, *grad, *gamma, *beta;
    float *y, *to_x, *to_other;
    float *mean, *scale, *shift, *each, *slope;  // c numbers each
    double *sums;                                // for each part c means or sums, c squares or products, c to work in
    long rows, c;
    int act;
};

long block_of(long c) { return c < 256 ? 4096 / (c < 16 ? 16 : c) : 16; }

template <int W>
INLINE void stats_rows(const Norm &s, long first, long last, double *mean, double *square, float *own) {
    typedef typename Lanes<W>::Floats F;
    const long c = s.c, block = block_of(c);
    double seen = 0;
    memset(mean, 0, c * 8), memset(square, 0, c * 8);
    for (long row = first; row < last; row += block) {
        const long count = row + block < last ? block : last - row;
        const float *x = s.x + row * c;
        float *own_square = own + c;
        vectors<W>(c, [&](long k) INLINE_LAMBDA {
            F a = F(), b = F();
            long r = 0;
            for (; r + 1 < count; r += 2) a += *(const F *)(x + r * c + k), b += *(const F *)(x + (r + 1) * c + k);
            if (r < count) a += *(const F *)(x + r * c + k);
            const F middle = (a + b) * (1.0f / count);
            a = F(), b = F();
            for (r = 0; r + 1 < count; r += 2) {
                const F p = *(const F *)(x + r * c + k) - middle, q = *(const F *)(x + (r + 1) * c + k) - middle;
                a += p * p, b += q * q;
            }
            if (r < count) {
                const F p = *(const F *)(x + r * c + k) - middle;
                a += p * p;
            }
            *(F *)(own + k) = middle;
            *(F *)(own_square + k) = a + b;
        });
        const double share = count / (seen + count);
        for (long k = 0; k < c; k++) {
            const double far = own[k] - mean[k];
            mean[k] += far * share;
            square[k] += own_square[k] + far * far * seen * share;
        }
        seen += count;
    }
}

void stats_part(void *what, long part, long parts) {
    const Norm &s = *(Norm *)what;
    double *mine = s.sums + part * 3 * s.c;
    BY_WIDTH(s.c, stats_rows, s, start(s.rows, part, parts), start(s.rows, part + 1, parts), mine, mine + s.c,
             (float *)(mine + 2 * s.c));
}

template <int W> INLINE void norm_rows(const Norm &s, long first, long last) {
    typedef typename Lanes<W>::Floats F;
    const long c = s.c;
    for (long row = first; row < last; row++)
        vectors<W>(c, [&](long k) INLINE_LAMBDA {
            F y = (*(const F *)(s.x + row * c + k) - *(const F *)(s.mean + k)) * *(const F *)(s.scale + k) +
                  *(const F *)(s.shift + k);
            if (s.other) y += *(const F *)(s.other + row * c + k);
            *(F *)(s.y + row * c + k) = active(s.act, y);
        });
}

void norm_part(void *what, long part, long parts) {
    const Norm &s = *(Norm *)what;
    BY_WIDTH(s.c, norm_rows, s, start(s.rows, part, parts), start(s.rows, part + 1, parts));
}

template <int W> INLINE typename Lanes<W>::Floats toward(const Norm &s, long place, long k) {
    typedef typename Lanes<W>::Floats F;
    const F grad = *(const F *)(s.grad + place);
    if (s.act == NONE) return grad;
    if (s.y) return before(s.act, grad, *(const F *)(s.y + place));
    const F y = (*(const F *)(s.x + place) - *(const F *)(s.mean + k)) * *(const F *)(s.scale + k) +
                *(const F *)(s.shift + k);
    return before(s.act, grad, y);
}

template <int W>
INLINE void sums_rows(const Norm &s, long first, long last, double *sum, double *product, float *own) {
    typedef typename Lanes<W>::Floats F;
    const long c = s.c, block = block_of(c);
    memset(sum, 0, c * 8), memset(product, 0, c * 8);
    for (long row = first; row < last; row += block) {
        const long count = row + block < last ? block : last - row;
        float *own_product = own + c;
        vectors<W>(c, [&](long k) INLINE_LAMBDA {
            F a = F(), b = F();
            for (long r = row; r < row + count; r++) {
                const F grad = toward<W>(s, r * c + k, k);
                a += grad;
                if (s.x) b += grad * (*(const F *)(s.x + r * c + k) - *(const F *)(s.mean + k));
                if (s.to_other) *(F *)(s.to_other + r * c + k) = grad;
            }
            *(F *)(own + k) = a;
            *(F *)(own_product + k) = b;
        });
        for (long k = 0; k < c; k++) sum[k] += own[k], product[k] += own_product[k];
    }
}

void sums_part(void *what, long part, long parts) {
    const Norm &s = *(Norm *)what;
    double *mine = s.sums + part * 3 * s.c;
    BY_WIDTH(s.c, sums_rows, s, start(s.rows, part, parts), start(s.rows, part + 1, parts), mine, mine + s.c,
             (float *)(mine + 2 * s.c));
}

// to_x = scale * (grad - each - (x - mean) * slope), with each = sum / n, slope = inv^2 * product / n
template <int W> INLINE void back_rows(const Norm &s, long first, long last) {
    typedef typename Lanes<W>::Floats F;
    const long c = s.c;
    for (long row = first; row < last; row++)
        vectors<W>(c, [&](long k) INLINE_LAMBDA {
            const long place = row * c + k;
            const F grad = s.to_other ? *(const F *)(s.to_other + place) : toward<W>(s, place, k);
            const F far = *(const F *)(s.x + place) - *(const F *)(s.mean + k);
            *(F *)(s.to_x + place) =
                (grad - *(const F *)(s.each + k) - far * *(const F *)(s.slope + k)) * *(const F *)(s.scale + k);
        });
}

void back_part(void *what, long part, long parts) {
    const Norm &s = *(Norm *)what;
    BY_WIDTH(s.c, back_rows, s, start(s.rows, part, parts), start(s.rows, part + 1, parts));
}

// ---- the gradient of a depthwise convolution's kernel

struct Depthwise {
    const float *x, *grad;
    double *sums;  // for each part K K c sums, and half as much to work in
    long n, h, w, c, oh, ow, stride, top, left;
};

// One row of the gradient and one of the image: what each column of the kernel's row has of them, for W channels
// of which the first `done` have had it before.
template <int W, int K>
INLINE void depthwise_row(const Depthwise &s, const float *x, const float *grad, float *own, long done) {
    typedef typename Lanes<W>::Floats F;
    float fresh[W];
    for (int lane = 0; lane < W; lane++) fresh[lane] = lane >= done;
    F sums[K];
    for (int v = 0; v < K; v++) sums[v] = F();
    for (long j = 0; j < s.ow; j++) {
        const F g = *(const F *)(grad + j * s.c);
        const long column = j * s.stride - s.left;
        const float *here = x + column * s.c;
        if (column >= 0 && column + K <= s.w)
            for (int v = 0; v < K; v++) sums[v] += g * *(const F *)(here + v * s.c);
        else
            for (int v = 0; v < K; v++)
                if (column + v >= 0 && column + v < s.w) sums[v] += g * *(const F *)(here + v * s.c);
    }
    for (int v = 0; v < K; v++) *(F *)(own + v * s.c) += sums[v] * *(const F *)fresh;
}

template <int W, int K> INLINE void depthwise_images(const Depthwise &s, long first, long last, double *sums) {
    typedef typename Lanes<W>::Floats F;
    const long size = K * K * s.c;
    float *own = (float *)(sums + size);
    memset(sums, 0, size * 8);
    for (long n = first; n < last; n++) {
        memset(own, 0, size * 4);
        for (long i = 0; i < s.oh; i++)
            for (long u = 0; u < K; u++) {
                const long row = i * s.stride - s.top + u;
                if (row < 0 || row >= s.h) continue;
                const float *x = s.x + (n * s.h + row) * s.w * s.c, *grad = s.grad + (n * s.oh + i) * s.ow * s.c;
                long done = 0;
                vectors<W>(s.c, [&](long k) INLINE_LAMBDA {
                    depthwise_row<W, K>(s, x + k, grad + k, own + u * K * s.c + k, done - k);
                    done = k + W;
                });
            }
        for (long k = 0; k < size; k++) sums[k] += own[k];
    }
}

template <int W> INLINE void depthwise_width(const Depthwise &s, int size, long first, long last, double *sums) {
    if (size == 5) depthwise_images<W, 5>(s, first, last, sums);
    else depthwise_images<W, 7>(s, first, last, sums);
}

template <int K> void depthwise_part(void *what, long part, long parts) {
    const Depthwise &s = *(Depthwise *)what;
    BY_WIDTH(s.c, depthwise_width, s, K, start(s.n, part, parts), start(s.n, part + 1, parts),
             s.sums + part * (K * K * s.c * 3 / 2 + 1));
}

// ---- dropout

struct Drop {
    const float *x;
    float *y;
    long count;
    uint64_t key;
    uint32_t dropped;
    float scale;
};

void drop_part(void *what, long part, long parts) {
    const Drop &s = *(Drop *)what;
    const uint32_t low = (uint32_t)s.key, high = (uint32_t)(s.key >> 32);
    const long last = start(s.count, part + 1, parts);
    const float *x = s.x;
    float *y = s.y;
    for (long i = start(s.count, part, parts); i < last; i++) {
        // A counter through the mixing of "lowbias32" (C. Wellons, Prospecting for Hash Functions, 2018).
        uint32_t word = (uint32_t)i * 0x9E3779B9u + low;
        word ^= word >> 16, word *= 0x7FEB352Du;
        word ^= high;
        word ^= word >> 15, word *= 0x846CA68Bu;
        word ^= word >> 16;
        const float one = x[i] * s.scale;
        y[i] = word < s.dropped ? 0.0f : one;
    }
}

struct Adadelta {
    float *parameters, *squares, *deltas;
    const float *grads;
    long count;
    float rate, rho, rest, epsilon;
};

void adadelta_part(void *what, long part, long parts) {
    const Adadelta &s = *(Adadelta *)what;
    const long last = start(s.count, part + 1, parts);
    float *__restrict p = s.parameters, *__restrict q = s.squares, *__restrict d = s.deltas;
    const float *__restrict g = s.grads;
    for (long i = start(s.count, part, parts); i < last; i++) {
        const float square = q[i] * s.rho + g[i] * g[i] * s.rest;
        const float change = sqrtf((d[i] + s.epsilon) / (square + s.epsilon)) * g[i];
        q[i] = square;
        d[i] = d[i] * s.rho + change * change * s.rest;
        p[i] -= s.rate * change;
    }
}

}  // namespace

extern "C" {

const char *convsmith_source() { return SOURCE; }

void convsmith_runtime(Parallel run, Number number, Number count) {
    parallel = run, thread_number = number, thread_count = count;
}

void convsmith_pool(const float *x, float *y, uint8_t *from, long n, long h, long w, long c, long kh, long kw, long oh,
                    long ow, int relu, long threads) {
    Pool s = {x, y, from, n, h, w, c, kh, kw, oh, ow, relu};
    shared(pool_part, &s, threads);
}

void convsmith_pool_back(const float *grad, float *to_x, const uint8_t *from, long n, long h, long w, long c, long kh,
                         long kw, long oh, long ow, long threads) {
    Pool s = {grad, to_x, (uint8_t *)from, n, h, w, c, kh, kw, oh, ow, 0};
    shared(unpool_part, &s, threads);
}

void convsmith_norm(const float *x, const float *other, const float *gamma, const float *beta, float epsilon, int act,
                    long rows, long c, float *y, float *mean, float *var, float *inv, double *work, long threads) {
    Norm s = {};
    s.x = x, s.other = other, s.y = y, s.rows = rows, s.c = c, s.act = act, s.sums = work, s.mean = mean;
    s.scale = (float *)(work + threads * 3 * c), s.shift = s.scale + c;
    shared(stats_part, &s, threads);
    for (long k = 0; k < c; k++) {
        double middle = 0, square = 0, seen = 0;
        for (long part = 0; part < threads; part++) {
            const double count = start(rows, part + 1, threads) - start(rows, part, threads);
            if (count == 0) continue;
            const double far = work[part * 3 * c + k] - middle, share = count / (seen + count);
            middle += far * share;
            square += work[part * 3 * c + c + k] + far * far * seen * share;
            seen += count;
        }
        mean[k] = (float)middle;
        var[k] = (float)(square / rows);
        inv[k] = (float)(1.0 / sqrt(square / rows + epsilon));
        s.scale[k] = gamma ? inv[k] * gamma[k] : inv[k];
        s.shift[k] = beta ? beta[k] : 0.0f;
    }
    shared(norm_part, &s, threads);
}

void convsmith_norm_back(const float *grad, const float *x, const float *y, const float *gamma, const float *beta,
                         const float *mean, const float *inv, int act, long rows, long c, float *to_x, float *to_other,
                         float *to_gamma, float *to_beta, double *work, long threads) {
    Norm s = {};
    s.grad = grad, s.x = x, s.y = (float *)y, s.rows = rows, s.c = c, s.act = act, s.sums = work;
    s.mean = (float *)mean, s.to_x = to_x, s.to_other = to_other;
    s.scale = (float *)(work + threads * 3 * c), s.shift = s.scale + c, s.each = s.shift + c, s.slope = s.each + c;
    for (long k = 0; k < c; k++) {
        s.scale[k] = gamma ? inv[k] * gamma[k] : inv[k];
        s.shift[k] = beta ? beta[k] : 0.0f;
    }
    shared(sums_part, &s, threads);
    for (long k = 0; k < c; k++) {
        double sum = 0, product = 0;
        for (long part = 0; part < threads; part++)
            sum += work[part * 3 * c + k], product += work[part * 3 * c + c + k];
        to_beta[k] = (float)sum;
        to_gamma[k] = (float)(product * inv[k]);
        s.each[k] = (float)(sum / rows);
        s.slope[k] = (float)(product * inv[k] * inv[k] / rows);
    }
    shared(back_part, &s, threads);
}

void convsmith_bias_back(const float *grad, const float *y, int act, long rows, long c, float *before, float *to_bias,
                         double *work, long threads) {
    Norm s = {};
    s.grad = grad, s.y = (float *)y, s.rows = rows, s.c = c, s.act = act, s.sums = work, s.to_other = before;
    shared(sums_part, &s, threads);
    for (long k = 0; k < c; k++) {
        double sum = 0;
        for (long part = 0; part < threads; part++) sum += work[part * 3 * c + k];
        to_bias[k] = (float)sum;
    }
}

void convsmith_depthwise(const float *x, const float *grad, float *to_kernel, int size, long n, long h, long w, long c,
                         long oh, long ow, long stride, long top, long left, double *work, long threads) {
    Depthwise s = {x, grad, work, n, h, w, c, oh, ow, stride, top, left};
    shared(size == 5 ? depthwise_part<5> : depthwise_part<7>, &s, threads);
    const long numbers = size * size * c;
    for (long k = 0; k < numbers; k++) {  // (rows, columns, channels), as the sums are
        double sum = 0;
        for (long part = 0; part < threads; part++) sum += work[part * (numbers * 3 / 2 + 1) + k];
        to_kernel[k] = (float)sum;
    }
}

void convsmith_dropout(const float *x, float *y, long count, uint64_t key, uint32_t dropped, float scale,
                       long threads) {
    Drop s = {x, y, count, key, dropped, scale};
    shared(drop_part, &s, threads);
}

void convsmith_adadelta(float *parameters, const float *grads, float *squares, float *deltas, long count, float rate,
                        float rho, float rest, float epsilon, long threads) {
    Adadelta s = {parameters, squares, deltas, grads, count, rate, rho, rest, epsilon};
    shared(adadelta_part, &s, threads);
}
}

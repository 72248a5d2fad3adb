// Convolutions of few channels with a stride of one, and the gradient of their kernel: as they are defined, with the
// sums in registers.
//
// In images (n, h, w, c) without gaps the (kernel columns, c) numbers of a kernel row lie side by side. Some pixels of
// a row of the output are made at once: each of those numbers times a vector of filters. For the gradient of the
// kernel some of the numbers are held at once, and all pixels of an image added. A max-pooling of 2 x 2 behind the
// convolution is done between two rows: then only the largest number is written, and where in the window it was.
//
// Each image is copied into the middle of zeros first. Kernels are (rows, columns, c, k); see kernels.cpp for threads.
// `planes` and `work` are memory to work in.

#include "product.h"

namespace {

const int MOST = W >= 16 ? 28 : 12;  // sums at a time: some registers less than there are

struct Direct {
    const float *x, *kernel, *bias, *grad;
    float *y, *to_kernel;
    uint8_t *y_from;  // not null: y is of windows
    long n, h, w, c, k, kh, kw, top, left, oh, ow;
    int act;
    float *planes, *work;  // the kernel with whole vectors of filters, or its sums; what each thread works in
    long deep;             // numbers of a kernel row
    long wide;             // filters, rounded up to whole vectors
    long line;             // numbers of a row of the input with its padding
    long padded;           // numbers of an image with its padding, and some more that may be read
    long pixels;           // numbers of a row of the output with whole vectors
    long pieces, piece;    // of a kernel row's numbers, for the gradient: how many pieces of how many numbers
    long each;             // numbers of `work` for a thread

    Direct(long n, long h, long w, long c, long k, long kh, long kw, long top, long left)
        : n(n), h(h), w(w), c(c), k(k), kh(kh), kw(kw), top(top), left(left) {
        oh = h + 2 * top - kh + 1, ow = w + 2 * left - kw + 1;
        deep = kw * c, wide = (k + W - 1) / W * W;
        line = (w + 2 * left) * c, padded = (h + 2 * top) * line + MOST;
        pixels = ow * wide;
        pieces = (deep + MOST - 1) / MOST, piece = (deep + pieces - 1) / pieces;
        each = padded + 3 * pixels + (oh * ow * k + W);
    }
    long sums() const { return kh * pieces * MOST * wide; }
    float *image(long part) const { return work + part * each; }
    float *lines(long part) const { return image(part) + padded; }
};

void copy(const Direct &s, long image, float *to) {
    for (long y = 0; y < s.h; y++)
        memcpy(to + (y + s.top) * s.line + s.left * s.c, s.x + (image * s.h + y) * s.w * s.c, s.w * s.c * 4);
}

// ---- forward

template <int V, int R> INLINE void pixels_at_once(const Direct &s, const float *from, const float *b, float *to) {
    if (R * V > MOST) return;
    for (long i = 0;; i = i + 2 * R <= s.ow ? i + R : s.ow - R) {  // the last ones overlap those before
        product<R * V <= MOST ? R : 1, V, false>(from + i * s.c, s.c, 1, b, to + i * s.wide, s.wide, s.deep, s.kh,
                                                 s.line - s.deep);
        if (i == s.ow - R) return;
    }
}

// A row of the output, without the bias, for V vectors of filters, with as many pixels at once as waste least
template <int V> void pixels_of_row(const Direct &s, long at_once, const float *from, const float *b, float *to) {
    switch (at_once) {
        case 28: pixels_at_once<V, 28>(s, from, b, to); break;
        case 24: pixels_at_once<V, 24>(s, from, b, to); break;
        case 20: pixels_at_once<V, 20>(s, from, b, to); break;
        case 16: pixels_at_once<V, 16>(s, from, b, to); break;
        case 14: pixels_at_once<V, 14>(s, from, b, to); break;
        case 12: pixels_at_once<V, 12>(s, from, b, to); break;
        case 10: pixels_at_once<V, 10>(s, from, b, to); break;
        case 8: pixels_at_once<V, 8>(s, from, b, to); break;
        case 6: pixels_at_once<V, 6>(s, from, b, to); break;
        default: pixels_at_once<V, 4>(s, from, b, to);
    }
}

long best_at_once(long ow, int vectors) {
    const long known[] = {28, 24, 20, 16, 14, 12, 10, 8, 6, 4};
    long best = 4, least = 1L << 40;
    for (long r : known) {
        if (r * vectors > MOST || r > ow) continue;
        const long cost = (ow + r - 1) / r * (r + 3);  // a vector of the kernel is read for r products
        if (cost < least) best = r, least = cost;
    }
    return best;
}

void forward_part(void *what, long part, long parts) {
    const Direct &s = *(Direct *)what;
    float *image = s.image(part), *lines = s.lines(part), *packed = lines + 2 * s.pixels;
    const float *bias = s.planes + s.kh * s.deep * s.wide;
    const long one = best_at_once(s.ow, 1), two = best_at_once(s.ow, 2);
    const bool whole = s.k == s.wide;
    memset(image, 0, s.padded * 4);
    for (long i = start(s.n, part, parts); i < start(s.n, part + 1, parts); i++) {
        copy(s, i, image);
        const long rows = s.y_from ? s.oh / 2 * 2 : s.oh;
        for (long y = 0; y < rows; y++) {
            const float *from = image + y * s.line;
            float *made = lines + (s.y_from ? y % 2 * s.pixels : 0);
            long j = 0;
            for (; j + 2 * W <= s.wide; j += 2 * W) pixels_of_row<2>(s, two, from, s.planes + j, made + j);
            if (j < s.wide) pixels_of_row<1>(s, one, from, s.planes + j, made + j);
            if (!s.y_from) {
                float *out = s.y + (i * s.oh + y) * s.ow * s.k, *to = whole ? out : packed;
                for (long x = 0; x < s.ow; x++)  // each vector overwrites what the one before has too much
                    for (long j = 0; j < s.k; j += W)
                        at(to + x * s.k + j) = active(s.act, at(made + x * s.wide + j) + at(bias + j));
                if (!whole) memcpy(out, packed, s.ow * s.k * 4);
            } else if (y % 2) {
                const long across = s.ow / 2, row = (i * (s.oh / 2) + y / 2) * across * s.k;
                float *to = whole ? s.y + row : packed;
                uint8_t *where = whole ? s.y_from + row : (uint8_t *)(packed + across * s.wide + W);
                const float *upper = lines, *lower = lines + s.pixels;
                for (long window = 0; window < across; window++)
                    for (long j = 0; j < s.k; j += W) {
                        const long left = 2 * window * s.wide + j, right = left + s.wide;
                        F most = at(upper + left);
                        I from = I();
                        larger(at(upper + right), 1, most, from);
                        larger(at(lower + left), 2, most, from);
                        larger(at(lower + right), 3, most, from);
                        most += at(bias + j);
                        if (s.act == RELU) positive(most, from);
                        at(to + window * s.k + j) = most;
                        *(Lanes<W>::Bytes *)(where + window * s.k + j) = bytes<W>(from);
                    }
                if (!whole) memcpy(s.y + row, to, across * s.k * 4), memcpy(s.y_from + row, where, across * s.k);
            }
        }
    }
}

// ---- the gradient of the kernel

// sums (Q, P, wide) of P numbers of Q kernel rows times a vector of gradients, over the pixels of an image
template <int Q, int P> INLINE void numbers_at_once(const Direct &s, const float *from, const float *grad, float *to) {
    if (Q * P > MOST) return;
    const int U = MOST / (Q * P) < 1 ? 1 : MOST / (Q * P) < 4 ? MOST / (Q * P) : 4;  // pixels: few sums wait for
    F sums[U][Q][P] = {};                                                           // themselves
    const auto add = [&](const float *a, F right, F (&to)[Q][P]) INLINE_LAMBDA {
#pragma GCC unroll 8
        for (int q = 0; q < Q; q++, a += s.line)
#pragma GCC unroll 32
            for (int p = 0; p < P; p++) to[q][p] = fused(a[p] - F(), right, to[q][p]);
    };
    for (long y = 0; y < s.oh; y++) {
        const float *a = from + y * s.line;
        long x = 0;
        for (; x + U <= s.ow; x += U, a += U * s.c, grad += U * s.k)
#pragma GCC unroll 4
            for (int u = 0; u < U; u++) add(a + u * s.c, at(grad + u * s.k), sums[u]);
        for (; x < s.ow; x++, a += s.c, grad += s.k) add(a, at(grad), sums[0]);
    }
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++, to += MOST * s.wide)
#pragma GCC unroll 32
        for (int p = 0; p < P; p++) {
#pragma GCC unroll 4
            for (int u = 1; u < U; u++) sums[0][q][p] += sums[u][q][p];
            at(to + p * s.wide) += sums[0][q][p];
        }
}

void numbers_of_piece(const Direct &s, const float *from, const float *grad, float *to) {
    switch (s.piece) {
        case 1: case 2: case 3: return numbers_at_once<1, 3>(s, from, grad, to);
        case 4: return numbers_at_once<1, 4>(s, from, grad, to);
        case 5: return numbers_at_once<1, 5>(s, from, grad, to);
        case 6: return numbers_at_once<1, 6>(s, from, grad, to);
        case 7: return numbers_at_once<1, 7>(s, from, grad, to);
        case 8: return numbers_at_once<1, 8>(s, from, grad, to);
        case 9: return numbers_at_once<1, 9>(s, from, grad, to);
        case 10: return numbers_at_once<1, 10>(s, from, grad, to);
        case 11: case 12: return numbers_at_once<1, 12>(s, from, grad, to);
        case 13: case 14: return numbers_at_once<1, 14>(s, from, grad, to);
        case 15: return numbers_at_once<1, 15>(s, from, grad, to);
        case 16: case 17: case 18: return numbers_at_once<1, 18>(s, from, grad, to);
        case 19: case 20: case 21: return numbers_at_once<1, 21>(s, from, grad, to);
        case 22: case 23: case 24: return numbers_at_once<1, 24>(s, from, grad, to);
        default: return numbers_at_once<1, 28>(s, from, grad, to);
    }
}

// All rows of a kernel at once; false where it has too many numbers
bool numbers_of_kernel(const Direct &s, const float *from, const float *grad, float *to) {
    if (s.kh * s.deep > MOST) return false;
    switch (100 * s.kh + s.deep) {
        case 303: numbers_at_once<3, 3>(s, from, grad, to); return true;
        case 306: numbers_at_once<3, 6>(s, from, grad, to); return true;
        case 309: numbers_at_once<3, 9>(s, from, grad, to); return true;
        case 505: numbers_at_once<5, 5>(s, from, grad, to); return true;
        default: return false;
    }
}

void backward_part(void *what, long part, long parts) {
    const Direct &s = *(Direct *)what;
    float *image = s.image(part), *sums = s.planes + part * s.sums(), *last = s.lines(part) + 3 * s.pixels;
    const long size = s.oh * s.ow * s.k;
    memset(image, 0, s.padded * 4), memset(sums, 0, s.sums() * 4);
    for (long i = start(s.n, part, parts); i < start(s.n, part + 1, parts); i++) {
        copy(s, i, image);
        const float *grad = s.grad + i * size;
        if ((s.n - 1 - i) * size < W) {  // whole vectors are read, beyond the last gradient too
            memset(last + size, 0, W * 4), memcpy(last, grad, size * 4);
            grad = last;
        }
        for (long j = 0; j < s.k; j += W) {
            if (numbers_of_kernel(s, image, grad + j, sums + j)) continue;
            for (long row = 0; row < s.kh; row++)
                for (long piece = 0; piece < s.pieces; piece++)
                    numbers_of_piece(s, image + row * s.line + piece * s.piece, grad + j,
                                     sums + (row * s.pieces + piece) * MOST * s.wide + j);
        }
    }
}

void sums_to_kernel(const Direct &s, long parts) {
    for (long row = 0; row < s.kh; row++)
        for (long p = 0; p < s.deep; p++)
            for (long k = 0; k < s.k; k++) {
                const long place = ((row * s.pieces + p / s.piece) * MOST + p % s.piece) * s.wide + k;
                float sum = 0;
                for (long part = 0; part < parts; part++) sum += s.planes[part * s.sums() + place];
                s.to_kernel[(row * s.deep + p) * s.k + k] = sum;
            }
}

}  // namespace

extern "C" {

// How many numbers of `planes` and of `work` are needed.
void convsmith_direct_room(int backward, long n, long h, long w, long c, long k, long kh, long kw, long top, long left,
                           long *planes, long *work, long threads) {
    const Direct s(n, h, w, c, k, kh, kw, top, left);
    *planes = backward ? threads * s.sums() : (s.kh * s.deep + 1) * s.wide, *work = threads * s.each;
}

// With `from`, y is of the windows of a max-pooling.
void convsmith_direct(const float *x, const float *kernel, const float *bias, int act, float *y, uint8_t *from, long n,
                      long h, long w, long c, long k, long kh, long kw, long top, long left, float *planes,
                      float *work, long threads) {
    Direct s(n, h, w, c, k, kh, kw, top, left);
    s.x = x, s.kernel = kernel, s.act = act, s.y = y, s.y_from = from, s.planes = planes, s.work = work;
    const long numbers = kh * s.deep;
    memset(planes, 0, (numbers + 1) * s.wide * 4);
    for (long p = 0; p < numbers; p++) memcpy(planes + p * s.wide, kernel + p * k, k * 4);
    if (bias) memcpy(planes + numbers * s.wide, bias, k * 4);
    shared(forward_part, &s, threads);
}

void convsmith_direct_back(const float *grad, const float *x, float *to_kernel, long n, long h, long w, long c, long k,
                           long kh, long kw, long top, long left, float *planes, float *work, long threads) {
    Direct s(n, h, w, c, k, kh, kw, top, left);
    s.grad = grad, s.x = x, s.to_kernel = to_kernel, s.planes = planes, s.work = work;
    shared(backward_part, &s, threads);
    sums_to_kernel(s, threads);
}
}

// The gradient of a convolution's input where that has few channels, for a stride of one.
//
// A pixel of the output makes (kernel rows, kernel columns, c) numbers, which are added to the input around it; in
// images (n, h, w, c) without gaps those of one kernel row lie side by side, so that few channels make full vectors.
// See kernels.cpp for threads. `planes` and `work` are memory to work in.

#include "product.h"

namespace {

struct Narrow {
    const float *grad;
    float *to_x;
    long n, h, w, c, k, kh, kw, top, left, oh, ow;
    float *planes, *work;  // the kernel as (k, kh, wide); what each thread works in
    long wide;             // the numbers of a kernel row, in whole vectors
    long some;             // rows of the output at a time
    long line;             // numbers of a row of the input with its padding
    long each;             // numbers of `work` for a thread

    Narrow(long n, long h, long w, long c, long k, long kh, long kw, long top, long left)
        : n(n), h(h), w(w), c(c), k(k), kh(kh), kw(kw), top(top), left(left) {
        oh = h + 2 * top - kh + 1, ow = w + 2 * left - kw + 1;
        wide = (kw * c + W - 1) / W * W;
        some = (96 + ow - 1) / ow < oh ? (96 + ow - 1) / ow : oh;
        line = (w + 2 * left) * c;
        each = some * ow * kh * wide + (h + 2 * top) * line + W;
    }
};

void narrow_part(void *what, long part, long parts) {
    const Narrow &s = *(Narrow *)what;
    float *made = s.work + part * s.each, *padded = made + s.some * s.ow * s.kh * s.wide;
    for (long image = start(s.n, part, parts); image < start(s.n, part + 1, parts); image++) {
        memset(padded, 0, ((s.h + 2 * s.top) * s.line + W) * 4);
        for (long first = 0; first < s.oh; first += s.some) {
            const long last = first + s.some < s.oh ? first + s.some : s.oh;
            times<true>((last - first) * s.ow, s.grad + (image * s.oh + first) * s.ow * s.k, s.k, s.k, s.planes, made,
                        s.kh * s.wide);
            const float *from = made;
            for (long y = first; y < last; y++)
                for (long x = 0; x < s.ow; x++)
                    for (long row = 0; row < s.kh; row++, from += s.wide) {
                        float *to = padded + (y + row) * s.line + x * s.c;
                        for (long i = 0; i < s.wide; i += W) at(to + i) += at(from + i);
                    }
        }
        for (long y = 0; y < s.h; y++)
            memcpy(s.to_x + (image * s.h + y) * s.w * s.c, padded + (y + s.top) * s.line + s.left * s.c,
                   s.w * s.c * 4);
    }
}

}  // namespace

extern "C" {

// How many numbers of `planes` and of `work` are needed.
void convsmith_narrow_room(long n, long h, long w, long c, long k, long kh, long kw, long top, long left, long *planes,
                           long *work, long threads) {
    const Narrow s(n, h, w, c, k, kh, kw, top, left);
    *planes = k * kh * s.wide, *work = threads * s.each;
}

// kernel: (k, kh, kw, c)
void convsmith_narrow(const float *grad, const float *kernel, float *to_x, long n, long h, long w, long c, long k,
                      long kh, long kw, long top, long left, float *planes, float *work, long threads) {
    Narrow s(n, h, w, c, k, kh, kw, top, left);
    s.grad = grad, s.to_x = to_x, s.planes = planes, s.work = work;
    memset(planes, 0, k * kh * s.wide * 4);
    for (long row = 0; row < k * kh; row++) memcpy(planes + row * s.wide, kernel + row * kw * c, kw * c * 4);
    shared(narrow_part, &s, threads);
}
}

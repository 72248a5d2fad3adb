// Small matrix products in registers, of float32.

#pragma once

#include "lanes.h"

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace {

const int W = WIDEST;
typedef Lanes<W>::Floats F;
typedef Lanes<W>::Ints I;

INLINE F &at(float *place) { return *(F *)place; }
INLINE F at(const float *place) { return *(const F *)place; }

INLINE F fused(F a, F b, F c) {
#if defined(__AVX512F__)
    return (F)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (F)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

// out[i, j] (or more of it) = the sum over p of a[i, p] b[p, j], for R rows i and V vectors of columns j; the numbers of
// a row of `a` may lie in several pieces, `jump` numbers from one's end to the next
template <int R, int V, bool MORE>
INLINE void product(const float *a, long row, long step, const float *b, float *out, long wide, long depth,
                    long pieces = 1, long jump = 0) {
    F sums[R][V];
    const float *bases[(R + 3) / 4];  // a row for itself would take a register
#pragma GCC unroll 32
    for (int i = 0; i < R; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < V; j++) sums[i][j] = F();
        if (i % 4 == 0) bases[i / 4] = a + i * row;
    }
    const long third = 3 * row;
    for (; pieces > 0; pieces--) {
        for (long p = 0; p < depth; p++, b += wide) {
            F right[V];
#pragma GCC unroll 4
            for (int j = 0; j < V; j++) right[j] = at(b + j * W);
#pragma GCC unroll 32
            for (int i = 0; i < R; i++) {
                const float *base = bases[i / 4];
                const F left = base[i % 4 == 3 ? third : i % 4 * row] - F();  // one number in all lanes
#pragma GCC unroll 4
                for (int j = 0; j < V; j++) sums[i][j] = fused(left, right[j], sums[i][j]);
            }
#pragma GCC unroll 8
            for (int i = 0; i < (R + 3) / 4; i++) bases[i] += step;
        }
#pragma GCC unroll 8
        for (int i = 0; i < (R + 3) / 4; i++) bases[i] += jump;
    }
#pragma GCC unroll 32
    for (int i = 0; i < R; i++)
#pragma GCC unroll 4
        for (int j = 0; j < V; j++) {
            float *place = out + i * wide + j * W;
            at(place) = MORE ? at(place) + sums[i][j] : sums[i][j];
        }
}

// The same for any number of rows: rounded up to R, or (EXACT) the last ones one by one
template <int R, int V, bool MORE, bool EXACT>
INLINE void rows(long count, const float *a, long row, long step, const float *b, float *out, long wide, long depth) {
    long i = 0;
    for (; i + (EXACT ? R : 1) <= count; i += R)
        product<R, V, MORE>(a + i * row, row, step, b, out + i * wide, wide, depth);
    for (; i < count; i++) product<1, V, MORE>(a + i * row, row, step, b, out + i * wide, wide, depth);
}

// out (count, wide) = x (count, deep) u (deep, wide), with whole vectors in `wide` and `row` numbers to the next x
template <bool EXACT>
INLINE void times(long count, const float *x, long row, long deep, const float *u, float *out, long wide) {
    const int most = W >= 16 ? 4 : 2;  // as many sums at a time as there are registers
    long j = 0;
    for (; j + most * W <= wide; j += most * W)
        rows<6, most, false, EXACT>(count, x, row, 1, u + j, out + j, wide, deep);
    if (j + 3 * W == wide) rows<8, 3, false, EXACT>(count, x, row, 1, u + j, out + j, wide, deep);
    if (j + 2 * W == wide) rows<12, 2, false, EXACT>(count, x, row, 1, u + j, out + j, wide, deep);
    if (j + W == wide) rows<(W >= 16 ? 24 : 12), 1, false, EXACT>(count, x, row, 1, u + j, out + j, wide, deep);
}

}  // namespace

// Convolutions of 3 x 3 with a stride of one in fewer multiplications: F(2 x 2, 3 x 3) of A. Lavin and S. Gray,
// "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.1. 16 multiplications make 2 x 2 pixels,
// which take 36 one by one.
//
// A tile is 2 x 2 pixels of the output and the 4 x 4 of the input that they come from. Each tile's 4 x 4 become 16
// other numbers (B' x B), each kernel as well (G k G'); where the 16 of all tiles lie in planes of their own, what is
// left is a matrix product for each plane, and its 16 results make the 2 x 2 pixels (A' m A). The gradient of the
// kernel goes the same way back: G' ((B' x B) (A d A')) G, summed over tiles. Tiles go through in blocks that stay in
// the cache. All of it is float32; the sums are as exact as those of the direct way (0 and +-1 in A and B, 1/2 in G).
//
// A max-pooling of 2 x 2 behind the convolution has a tile for each of its windows: then only the largest number is
// written, and where in the window it was (`from`).
//
// Images are (n, h, w, c) without gaps, kernels (3, 3, c, k), with c and k of at least `WIDEST`; see kernels.cpp for
// threads. `planes` and `work` are memory to work in.

#include "product.h"

namespace {

const long FORWARD = 24, BACKWARD = 48;  // tiles of a block: multiples of the rows of every product below
const long GAP = 16;  // numbers between planes: at a multiple of 4096 bytes they would share lines of the cache

struct Winograd {
    const float *x, *kernel, *bias, *grad;
    float *y, *to_kernel;
    uint8_t *y_from;  // not null: y is of windows
    long n, h, w, c, k, oh, ow, top, left;
    int act;
    float *planes, *work;      // 16 planes of (wide_c, wide_k); what each thread works in
    long block, down, across;  // tiles of a block, of an image
    long wide_c, wide_k;       // channels rounded up to whole vectors
    long gap_x, gap_y;         // from plane to plane of a block's input and output
    long each;                 // numbers of `work` for a thread

    Winograd(long block, long n, long h, long w, long c, long k, long oh, long ow, long top, long left)
        : y_from(nullptr), n(n), h(h), w(w), c(c), k(k), oh(oh), ow(ow), top(top), left(left), block(block) {
        down = (oh + 1) / 2, across = (ow + 1) / 2;
        wide_c = (c + W - 1) / W * W, wide_k = (k + W - 1) / W * W;
        gap_x = block * wide_c + GAP, gap_y = block * wide_k + GAP;
        each = 16 * (gap_x + gap_y) + wide_c + wide_k;
    }
    long tiles() const { return n * down * across; }
    float *inputs(long part) const { return work + part * each; }
    float *outputs(long part) const { return inputs(part) + 16 * gap_x; }
    const float *zeros(long part) const { return outputs(part) + 16 * gap_y; }
};

// u (deep, wide) += x' d, of x (tiles, deep) with `row` numbers to the next, and d (tiles, wide)
void add_times(long tiles, const float *x, long row, long deep, const float *d, float *u, long wide) {
    const int most = W >= 16 ? 4 : 2;
    long j = 0;
    for (; j + most * W <= wide; j += most * W) rows<4, most, true, false>(deep, x, 1, row, d + j, u + j, wide, tiles);
    if (j + 3 * W == wide) rows<8, 3, true, false>(deep, x, 1, row, d + j, u + j, wide, tiles);
    if (j + 2 * W == wide) rows<8, 2, true, false>(deep, x, 1, row, d + j, u + j, wide, tiles);
    if (j + W == wide) rows<W, 1, true, false>(deep, x, 1, row, d + j, u + j, wide, tiles);
}

// ---- into planes and out of them

// Tiles side by side of one image: body(place in the block, image, row of tiles, first of them, how many)
template <class Body> INLINE void runs(const Winograd &s, long first, long last, Body body) {
    for (long tile = first; tile < last;) {
        const long row = tile / s.across, column = tile % s.across;
        const long many = s.across - column < last - tile ? s.across - column : last - tile;
        body(tile - first, row / s.down, row % s.down, column, many);
        tile += many;
    }
}

INLINE void put(float *plane, long gap, F a, F b, F c, F d) {  // four planes of a row
    at(plane) = a, at(plane + gap) = b, at(plane + 2 * gap) = c, at(plane + 3 * gap) = d;
}

INLINE void images_to_planes(const Winograd &s, long first, long last, float *planes, const float *zeros) {
    runs(s, first, last, [&](long place, long image, long down, long across, long many) INLINE_LAMBDA {
        float *to = planes + place * s.wide_c;
        const long top = 2 * down - s.top;
        for (long left = 2 * across - s.left; many > 0; many--, left += 2, to += s.wide_c) {
            const float *from[4][4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
                for (int j = 0; j < 4; j++) {
                    const long y = top + i, x = left + j;
                    const bool in = y >= 0 && y < s.h && x >= 0 && x < s.w;
                    from[i][j] = in ? s.x + ((image * s.h + y) * s.w + x) * s.c : zeros;
                }
            vectors<W>(s.c, [&](long k) INLINE_LAMBDA {
                F rows[4][4];
#pragma GCC unroll 4
                for (int j = 0; j < 4; j++) {
                    const F a = at(from[0][j] + k), b = at(from[1][j] + k);
                    const F c = at(from[2][j] + k), d = at(from[3][j] + k);
                    rows[0][j] = a - c, rows[1][j] = b + c, rows[2][j] = c - b, rows[3][j] = b - d;
                }
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++) {
                    const F *row = rows[i];
                    put(to + k + i * 4 * s.gap_x, s.gap_x, row[0] - row[2], row[1] + row[2], row[2] - row[1],
                        row[1] - row[3]);
                }
            });
        }
    });
}

// The four pixels of a tile from its 16 numbers
INLINE void pixels_of(const Winograd &s, const float *from, F *pixels) {
    F left[4], right[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const float *plane = from + i * 4 * s.gap_y;
        const F a = at(plane), b = at(plane + s.gap_y), c = at(plane + 2 * s.gap_y);
        left[i] = a + b + c, right[i] = b - c - at(plane + 3 * s.gap_y);
    }
    pixels[0] = left[0] + left[1] + left[2], pixels[1] = right[0] + right[1] + right[2];
    pixels[2] = left[1] - left[2] - left[3], pixels[3] = right[1] - right[2] - right[3];
}

INLINE void planes_to_images(const Winograd &s, long first, long last, const float *planes) {
    runs(s, first, last, [&](long place, long image, long down, long across, long many) INLINE_LAMBDA {
        const float *from = planes + place * s.wide_k;
        float *pixel = s.y + ((image * s.oh + 2 * down) * s.ow + 2 * across) * s.k;
        const bool below = 2 * down + 1 < s.oh;
        for (long column = 2 * across; many > 0; many--, column += 2, from += s.wide_k, pixel += 2 * s.k) {
            const bool beside = column + 1 < s.ow;
            vectors<W>(s.k, [&](long k) INLINE_LAMBDA {
                const F bias = s.bias ? at(s.bias + k) : F();
                F pixels[4];
                pixels_of(s, from + k, pixels);
                float *to = pixel + k;
                at(to) = active(s.act, pixels[0] + bias);
                if (beside) at(to + s.k) = active(s.act, pixels[1] + bias);
                if (!below) return;
                to += s.ow * s.k;
                at(to) = active(s.act, pixels[2] + bias);
                if (beside) at(to + s.k) = active(s.act, pixels[3] + bias);
            });
        }
    });
}

INLINE void planes_to_windows(const Winograd &s, long first, long last, const float *planes) {
    const long high = s.oh / 2, wide = s.ow / 2;
    runs(s, first, last, [&](long place, long image, long down, long across, long many) INLINE_LAMBDA {
        if (down >= high) return;
        const float *from = planes + place * s.wide_k;
        for (; many > 0 && across < wide; many--, across++, from += s.wide_k) {
            const long to = ((image * high + down) * wide + across) * s.k;
            vectors<W>(s.k, [&](long k) INLINE_LAMBDA {
                F pixels[4];
                pixels_of(s, from + k, pixels);
                F most = pixels[0];
                I where = I();
#pragma GCC unroll 3
                for (int i = 1; i < 4; i++) larger(pixels[i], i, most, where);
                if (s.bias) most += at(s.bias + k);
                if (s.act == RELU) positive(most, where);
                at(s.y + to + k) = most;
                *(Lanes<W>::Bytes *)(s.y_from + to + k) = bytes<W>(where);
            });
        }
    });
}

INLINE void grads_to_planes(const Winograd &s, long first, long last, float *planes, const float *zeros) {
    runs(s, first, last, [&](long place, long image, long down, long across, long many) INLINE_LAMBDA {
        float *to = planes + place * s.wide_k;
        const float *pixel = s.grad + ((image * s.oh + 2 * down) * s.ow + 2 * across) * s.k;
        const bool below = 2 * down + 1 < s.oh;
        for (long column = 2 * across; many > 0; many--, column += 2, to += s.wide_k, pixel += 2 * s.k) {
            const bool beside = column + 1 < s.ow;
            const float *lower = pixel + s.ow * s.k;
            vectors<W>(s.k, [&](long k) INLINE_LAMBDA {
                const F a = at(pixel + k), b = at((beside ? pixel + s.k : zeros) + k);
                const F c = at((below ? lower : zeros) + k), d = at((below && beside ? lower + s.k : zeros) + k);
                const F left[4] = {a, a + c, a - c, F() - c}, right[4] = {b, b + d, b - d, F() - d};
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++)
                    put(to + k + i * 4 * s.gap_y, s.gap_y, left[i], left[i] + right[i], left[i] - right[i],
                        F() - right[i]);
            });
        }
    });
}

void kernels_to_planes(const Winograd &s) {
    const long gap = s.wide_c * s.wide_k;
    memset(s.planes, 0, 16 * gap * 4);
    for (long c = 0; c < s.c; c++)
        vectors<W>(s.k, [&](long k) INLINE_LAMBDA {
            F rows[4][3];
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) {
                const float *from = s.kernel + (j * s.c + c) * s.k + k;
                const F a = at(from), b = at(from + 3 * s.c * s.k), d = at(from + 6 * s.c * s.k);
                rows[0][j] = a, rows[1][j] = (a + b + d) * 0.5f, rows[2][j] = (a - b + d) * 0.5f, rows[3][j] = d;
            }
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const F a = rows[i][0], b = rows[i][1], d = rows[i][2];
                put(s.planes + i * 4 * gap + c * s.wide_k + k, gap, a, (a + b + d) * 0.5f, (a - b + d) * 0.5f, d);
            }
        });
}

void planes_to_kernels(const Winograd &s, long parts) {
    const long gap = s.wide_c * s.wide_k;
    for (long c = 0; c < s.c; c++)
        vectors<W>(s.k, [&](long k) INLINE_LAMBDA {
            F rows[3][4];
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++) {
                F sums[4] = {};
                for (long part = 0; part < parts; part++)
#pragma GCC unroll 4
                    for (int i = 0; i < 4; i++)
                        sums[i] = sums[i] + at(s.planes + (part * 16 + i * 4 + j) * gap + c * s.wide_k + k);
                const F half = (sums[1] + sums[2]) * 0.5f;
                rows[0][j] = sums[0] + half, rows[1][j] = (sums[1] - sums[2]) * 0.5f, rows[2][j] = half + sums[3];
            }
#pragma GCC unroll 3
            for (int i = 0; i < 3; i++) {
                const F *row = rows[i], half = (row[1] + row[2]) * 0.5f;
                float *to = s.to_kernel + (3 * i * s.c + c) * s.k + k;
                at(to) = row[0] + half;
                at(to + s.c * s.k) = (row[1] - row[2]) * 0.5f;
                at(to + 2 * s.c * s.k) = half + row[3];
            }
        });
}

// ---- all together

// Asks for a sixteenth of the numbers that go with some tiles: memory comes while the planes are multiplied.
INLINE void ask(const float *all, long numbers, const Winograd &s, long first, long last, long plane) {
    const long each = numbers / s.tiles(), size = each * (last - first);
    const float *from = all + each * first;
    for (long i = size * plane / 16; i < size * (plane + 1) / 16; i += 16) __builtin_prefetch(from + i);
}

void forward_part(void *what, long part, long parts) {
    const Winograd &s = *(Winograd *)what;
    const long tiles = s.tiles(), last = start(tiles, part + 1, parts);
    float *inputs = s.inputs(part), *outputs = s.outputs(part);
    const long written = s.n * s.k * (s.y_from ? (s.oh / 2) * (s.ow / 2) : s.oh * s.ow);
    memset(inputs, 0, s.each * 4);
    for (long tile = start(tiles, part, parts); tile < last; tile += s.block) {
        const long end = tile + s.block < last ? tile + s.block : last;
        const long next = end + s.block < last ? end + s.block : last;
        images_to_planes(s, tile, end, inputs, s.zeros(part));
        for (long plane = 0; plane < 16; plane++) {
            ask(s.y, written, s, tile, end, plane);
            ask(s.x, s.n * s.h * s.w * s.c, s, end, next, plane);
            times<false>(end - tile, inputs + plane * s.gap_x, s.wide_c, s.c, s.planes + plane * s.wide_c * s.wide_k,
                         outputs + plane * s.gap_y, s.wide_k);
        }
        if (s.y_from) planes_to_windows(s, tile, end, outputs);
        else planes_to_images(s, tile, end, outputs);
    }
}

void backward_part(void *what, long part, long parts) {
    const Winograd &s = *(Winograd *)what;
    const long tiles = s.tiles(), last = start(tiles, part + 1, parts), gap = s.wide_c * s.wide_k;
    float *inputs = s.inputs(part), *outputs = s.outputs(part), *planes = s.planes + part * 16 * gap;
    memset(inputs, 0, s.each * 4), memset(planes, 0, 16 * gap * 4);
    for (long tile = start(tiles, part, parts); tile < last; tile += s.block) {
        const long end = tile + s.block < last ? tile + s.block : last;
        images_to_planes(s, tile, end, inputs, s.zeros(part));
        grads_to_planes(s, tile, end, outputs, s.zeros(part));
        for (long plane = 0; plane < 16; plane++)
            add_times(end - tile, inputs + plane * s.gap_x, s.wide_c, s.c, outputs + plane * s.gap_y,
                      planes + plane * gap, s.wide_k);
    }
}

}  // namespace

extern "C" {

// How many numbers of `planes` and of `work` are needed.
void convsmith_winograd_room(long c, long k, int backward, long *planes, long *work, long threads) {
    const Winograd s(backward ? BACKWARD : FORWARD, 1, 1, 1, c, k, 1, 1, 0, 0);
    *planes = 16 * s.wide_c * s.wide_k * (backward ? threads : 1), *work = threads * s.each;
}

// With `from`, y is of the windows of a max-pooling.
void convsmith_winograd(const float *x, const float *kernel, const float *bias, int act, float *y, uint8_t *from,
                        long n, long h, long w, long c, long k, long oh, long ow, long top, long left, float *planes,
                        float *work, long threads) {
    Winograd s(FORWARD, n, h, w, c, k, oh, ow, top, left);
    s.x = x, s.kernel = kernel, s.bias = bias, s.act = act, s.y = y, s.y_from = from;
    s.planes = planes, s.work = work;
    kernels_to_planes(s);
    shared(forward_part, &s, threads);
}

void convsmith_winograd_back(const float *grad, const float *x, float *to_kernel, long n, long h, long w, long c,
                             long k, long oh, long ow, long top, long left, float *planes, float *work, long threads) {
    Winograd s(BACKWARD, n, h, w, c, k, oh, ow, top, left);
    s.grad = grad, s.x = x, s.to_kernel = to_kernel, s.planes = planes, s.work = work;
    shared(backward_part, &s, threads);
    planes_to_kernels(s, threads);
}
}

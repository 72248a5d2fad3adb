// Calls every compiled function on memory of exactly the size that it may touch, at sizes that vectors do not
// divide, with one thread and with three. Built with sanitizers by test_interface.py, which any fault ends.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <thread>
#include <vector>

typedef void (*Parallel)(void (*)(void *), void *, unsigned, unsigned);
typedef int (*Number)();

extern "C" {
DECLARATIONS
}

static thread_local int own = 0;
static int all = 1;

static void run(void (*work)(void *), void *what, unsigned count, unsigned) {
    all = (int)count;
    std::vector<std::thread> threads;
    for (unsigned one = 0; one < count; one++) threads.emplace_back([=] { own = (int)one, work(what); });
    for (auto &one : threads) one.join();
}
static int number() { return own; }
static int count() { return all; }

static std::mt19937 draws(0);

// As many numbers as are asked for, and not one more.
template <class T> struct Row {
    std::unique_ptr<T[]> at;
    explicit Row(long size) : at(new T[size]) {
        std::normal_distribution<float> normal;
        for (long k = 0; k < size; k++) at[k] = (T)normal(draws);
    }
    operator T *() { return at.get(); }
};
typedef Row<float> Floats;
typedef Row<double> Doubles;
typedef Row<uint8_t> Bytes;

static long draw(long low, long high) { return std::uniform_int_distribution<long>(low, high)(draws); }

static void images(long threads) {
    const long n = draw(1, 4), c = draw(1, 40), kh = draw(1, 3), kw = draw(1, 3), oh = draw(1, 5), ow = draw(1, 5);
    const long h = oh * kh + draw(0, kh - 1), w = ow * kw + draw(0, kw - 1), rows = n * h * w;
    const int act = (int)draw(0, 2);
    const bool some = draw(0, 1), added = draw(0, 1);
    Floats x(rows * c), other(rows * c), y(rows * c), pooled(n * oh * ow * c), to_x(rows * c), to_other(rows * c);
    Floats gamma(c), beta(c), mean(c), var(c), inv(c), to_gamma(c), to_beta(c);
    Bytes from(n * oh * ow * c);
    Doubles work((3 * threads + 2) * c);
    convsmith_pool(x, pooled, from, n, h, w, c, kh, kw, oh, ow, act == 1, threads);
    convsmith_pool_back(pooled, to_x, from, n, h, w, c, kh, kw, oh, ow, threads);
    float *scale = some ? (float *)gamma : nullptr, *shift = some ? (float *)beta : nullptr;
    convsmith_norm(x, added ? (float *)other : nullptr, scale, shift, 1e-3f, act, rows, c, y, mean, var, inv, work,
                   threads);
    convsmith_norm_back(other, x, added ? (float *)y : nullptr, scale, shift, mean, inv, act, rows, c, to_x,
                        added && act ? (float *)to_other : nullptr, to_gamma, to_beta, work, threads);
    convsmith_bias_back(x, act ? (float *)y : nullptr, act, rows, c, act ? (float *)to_x : nullptr, to_beta, work,
                        threads);
    const long many = draw(1, 5000);
    Floats a(many), b(many), d(many), e(many);
    for (long k = 0; k < many; k++) d[k] *= d[k], e[k] *= e[k];
    convsmith_dropout(a, b, many, 12345678901234567ull, 1u << 30, 1.5f, threads);
    convsmith_adadelta(a, b, d, e, many, 1.0f, 0.95f, 0.05f, 1e-7f, threads);
}

static void depthwise(long threads) {
    const int size = draw(0, 1) ? 5 : 7;
    const long n = draw(1, 3), c = draw(1, 40), stride = draw(1, 2), pad = size / 2, h = draw(size, 12),
               w = draw(size, 12), oh = (h + 2 * pad - size) / stride + 1, ow = (w + 2 * pad - size) / stride + 1;
    Floats x(n * h * w * c), grad(n * oh * ow * c), kernel(size * size * c);
    Doubles work(threads * (size * size * c * 3 / 2 + 1));
    convsmith_depthwise(x, grad, kernel, size, n, h, w, c, oh, ow, stride, pad, pad, work, threads);
}

static void few_channels(long threads) {
    const long n = draw(threads, threads + 2), c = draw(1, 15), k = draw(1, 40), kh = draw(1, 5), kw = draw(2, 5);
    const long top = draw(0, kh / 2), left = draw(0, kw / 2);
    const long h = draw(kh, kh + 9), w = draw(kw + 3, kw + 12), oh = h + 2 * top - kh + 1, ow = w + 2 * left - kw + 1;
    long planes = 0, room = 0;
    Floats x(n * h * w * c), kernel(k * kh * kw * c), bias(k), grad(n * oh * ow * k), to_kernel(k * kh * kw * c);
    {
        convsmith_direct_room(0, n, h, w, c, k, kh, kw, top, left, &planes, &room, threads);
        Floats a(planes), b(room), y(n * oh * ow * k);
        convsmith_direct(x, kernel, bias, (int)draw(0, 2), y, nullptr, n, h, w, c, k, kh, kw, top, left, a, b, threads);
        if (oh >= 2 && ow >= 2) {
            Floats pooled(n * (oh / 2) * (ow / 2) * k);
            Bytes from(n * (oh / 2) * (ow / 2) * k);
            convsmith_direct(x, kernel, nullptr, 1, pooled, from, n, h, w, c, k, kh, kw, top, left, a, b, threads);
        }
    }
    {
        convsmith_direct_room(1, n, h, w, c, k, kh, kw, top, left, &planes, &room, threads);
        Floats a(planes), b(room);
        convsmith_direct_back(grad, x, to_kernel, n, h, w, c, k, kh, kw, top, left, a, b, threads);
    }
    convsmith_narrow_room(n, h, w, c, k, kh, kw, top, left, &planes, &room, threads);
    Floats a(planes), b(room), to_x(n * h * w * c);
    convsmith_narrow(grad, kernel, to_x, n, h, w, c, k, kh, kw, top, left, a, b, threads);
}

static void winograd(long threads) {
    const long n = draw(1, 4), c = draw(16, 40), k = draw(16, 40), top = draw(0, 2), left = draw(0, 2);
    const long h = draw(3, 12), w = draw(3, 12), oh = h + 2 * top - 2, ow = w + 2 * left - 2;
    long planes = 0, room = 0;
    Floats x(n * h * w * c), kernel(9 * c * k), bias(k), grad(n * oh * ow * k);
    {
        convsmith_winograd_room(c, k, 0, &planes, &room, threads);
        Floats a(planes), b(room), y(n * oh * ow * k);
        convsmith_winograd(x, kernel, bias, (int)draw(0, 2), y, nullptr, n, h, w, c, k, oh, ow, top, left, a, b, threads);
        if (oh >= 2 && ow >= 2) {
            Floats pooled(n * (oh / 2) * (ow / 2) * k);
            Bytes from(n * (oh / 2) * (ow / 2) * k);
            convsmith_winograd(x, kernel, nullptr, 1, pooled, from, n, h, w, c, k, oh, ow, top, left, a, b, threads);
        }
    }
    convsmith_winograd_room(c, k, 1, &planes, &room, threads);
    Floats a(planes), b(room);
    convsmith_winograd_back(grad, x, kernel, n, h, w, c, k, oh, ow, top, left, a, b, threads);
}

int main() {
    convsmith_runtime(run, number, count);
    for (int round = 0; round < 40; round++)
        for (long threads : {1, 3}) images(threads), depthwise(threads), few_channels(threads), winograd(threads);
    puts("no fault");
}

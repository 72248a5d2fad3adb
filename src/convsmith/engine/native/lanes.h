// What the compiled functions share: vectors of channels, threads, activations.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#define INLINE inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

template <int W> struct Lanes {
    typedef float Floats __attribute__((vector_size(4 * W), aligned(4), may_alias));
    typedef int32_t Ints __attribute__((vector_size(4 * W), aligned(4), may_alias));
    typedef uint8_t Bytes __attribute__((vector_size(W), aligned(1), may_alias));
};
template <> struct Lanes<1> {
    typedef float Floats;
    typedef int32_t Ints;
    typedef uint8_t Bytes;
};

// ---- threads

typedef void (*Parallel)(void (*)(void *), void *, unsigned, unsigned);
typedef int (*Number)();
inline Parallel parallel = nullptr;
inline Number thread_number = nullptr, thread_count = nullptr;

struct Job {
    void (*work)(void *, long, long);
    void *what;
    long parts;
};

inline void one_thread(void *job) {
    const Job &s = *(Job *)job;
    // The runtime may give fewer threads than were asked for; the parts, and so the sums, stay the same.
    for (long part = thread_number(); part < s.parts; part += thread_count()) s.work(s.what, part, s.parts);
}

inline void shared(void (*work)(void *, long, long), void *what, long threads) {
    Job job = {work, what, threads};
    if (threads == 1) work(what, 0, 1);
    else parallel(one_thread, &job, (unsigned)threads, 0);
}

inline long start(long count, long part, long parts) { return count * part / parts; }

// ---- channels, in vectors of W; where W does not divide them, the last vector overlaps the one before

template <int W, class F> INLINE void vectors(long channels, F body) {
    for (long k = 0;; k = k + 2 * W <= channels ? k + W : channels - W) {
        body(k);
        if (k == channels - W) break;
    }
}

#if defined(__AVX512F__)
const int WIDEST = 16;
#elif defined(__AVX__)
const int WIDEST = 8;
#else
const int WIDEST = 4;
#endif

#define BY_WIDTH(channels, function, ...)                                         \
    do {                                                                          \
        if (WIDEST >= 16 && (channels) >= 16) function<WIDEST>(__VA_ARGS__);      \
        else if (WIDEST >= 8 && (channels) >= 8) function<WIDEST < 8 ? WIDEST : 8>(__VA_ARGS__); \
        else if ((channels) >= 4) function<4>(__VA_ARGS__);                       \
        else function<1>(__VA_ARGS__);                                            \
    } while (0)

// ---- activations

enum { NONE, RELU, RELU6 };

template <class F> INLINE F active(int act, F x) {
    if (act != NONE) x = x <= F() ? F() : x;
    if (act == RELU6) x = x >= F() + 6.0f ? F() + 6.0f : x;
    return x;
}

// ---- pooling: the largest of some numbers, and which one it was

template <int W> INLINE typename Lanes<W>::Bytes bytes(typename Lanes<W>::Ints x) {
    return __builtin_convertvector(x, typename Lanes<W>::Bytes);
}
template <> INLINE uint8_t bytes<1>(int32_t x) { return (uint8_t)x; }

template <int W> INLINE typename Lanes<W>::Ints ints(typename Lanes<W>::Bytes x) {
    return __builtin_convertvector(x, typename Lanes<W>::Ints);
}
template <> INLINE int32_t ints<1>(uint8_t x) { return x; }

const int NOWHERE = 255;  // no number was above 0

template <class F, class I> INLINE void larger(F one, int here, F &most, I &from) {
    from = one > most ? I() + here : from;
    from = one != one ? I() + here : from;
    most = one > most ? one : most;
    most = one != one ? one : most;
}

template <class F, class I> INLINE void positive(F &most, I &from) {
    from = most <= F() ? I() + NOWHERE : from;
    most = most <= F() ? F() : most;
}

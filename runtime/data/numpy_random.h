/* The random numbers of numpy.random.RandomState, for what has to come out as it does in Python.
 *
 * In:  a seed below 2^32.
 * Out: the very permutations that RandomState(seed) gives, call by call.
 * The generator is the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998); numpy promises never to change RandomState.
 * Our own random numbers are those of core/random.h. */
#ifndef FTC_NUMPY_RANDOM_H
#define FTC_NUMPY_RANDOM_H

#include <stdint.h>

typedef struct {
    uint32_t word[624];
    int used;          /* words of the state that were handed out */
} NumpyRandom;

void numpy_seed(NumpyRandom *r, uint32_t seed);

/* Uniform over all 32-bit numbers. */
uint32_t numpy_next(NumpyRandom *r);

/* Uniform in 0 .. most; most is at most 2^32 - 1. */
uint64_t numpy_interval(NumpyRandom *r, uint64_t most);

/* As RandomState.shuffle: puts v[n] into another order. */
void numpy_shuffle(NumpyRandom *r, int64_t *v, int64_t n);

/* As RandomState.permutation(n): v becomes 0 .. n - 1 in a random order. */
void numpy_permutation(NumpyRandom *r, int64_t *v, int64_t n);

#endif

/* Philox4x32-10 and what the runtime draws from it; see random.h. */
#include "runtime/core/random.h"

#include <math.h>
#include <string.h>

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Two 64-bit words for each (seed, stream, counter). */
static void draw(uint64_t seed, uint64_t stream, uint64_t counter, uint64_t out[2])
{
    uint32_t c[4] = { (uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream, (uint32_t)(stream >> 32) };
    uint32_t k[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) }, w[4];
    philox4x32(c, k, w);
    out[0] = (uint64_t)w[1] << 32 | w[0];
    out[1] = (uint64_t)w[3] << 32 | w[2];
}

uint64_t random_below(uint64_t seed, uint64_t stream, uint64_t counter, uint64_t n)
{
    uint64_t w[2];
    draw(seed, stream, counter, w);
    return (uint64_t)(((unsigned __int128)w[0] * n) >> 64);
}

void random_shuffle(uint64_t seed, uint64_t stream, int64_t *items, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)random_below(seed, stream, (uint64_t)i, (uint64_t)i + 1);
        int64_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

void random_resample(uint64_t seed, uint64_t stream, int64_t n, uint32_t *times)
{
    memset(times, 0, (size_t)n * sizeof *times);
    for (int64_t i = 0; i < n; i += 2) {
        uint64_t w[2];
        draw(seed, stream, (uint64_t)i / 2, w);
        times[(uint64_t)(((unsigned __int128)w[0] * (uint64_t)n) >> 64)]++;
        if (i + 1 < n)
            times[(uint64_t)(((unsigned __int128)w[1] * (uint64_t)n) >> 64)]++;
    }
}

void random_normal(uint64_t seed, uint64_t stream, int64_t first, double sigma, float *out, int64_t n)
{
    const double pi = 3.14159265358979323846, unit = 0x1p-53;
    for (int64_t i = first; i < first + n;) {
        uint64_t w[2]; /* a pair of deviates: numbers 2k and 2k + 1 */
        draw(seed, stream, (uint64_t)i / 2, w);
        double radius = sigma * sqrt(-2 * log((double)((w[0] >> 11) + 1) * unit)); /* of (0, 1]: no log(0) */
        double angle = 2 * pi * ((double)(w[1] >> 11) * unit);
        if (i % 2 == 0)
            out[i++ - first] = (float)(radius * cos(angle));
        if (i < first + n)
            out[i++ - first] = (float)(radius * sin(angle));
    }
}

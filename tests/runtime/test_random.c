/* Philox against the known answers published with it; shuffles and normal deviates against statistics. */
#include "tests/support/testing.h"

#include "runtime/core/random.h"

#include <math.h>

/* From the file kat_vectors of Random123, the authors' library. */
static void known_answers(void **state)
{
    (void)state;
    static const uint32_t cases[][10] = {
        { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
        { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
          0x6d5451fd },
        { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
          0x24126ea1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        philox4x32(cases[i], cases[i] + 4, out);
        assert_memory_equal(out, cases[i] + 6, sizeof out);
    }
}

static void shuffles_are_permutations(void **state)
{
    (void)state;
    enum { N = 1000 };
    int64_t a[N], b[N], c[N];
    int seen[N] = { 0 };
    for (int i = 0; i < N; i++)
        a[i] = b[i] = c[i] = i;
    random_shuffle(42, random_stream(RANDOM_SHUFFLE, 0), a, N);
    random_shuffle(42, random_stream(RANDOM_SHUFFLE, 0), b, N);
    random_shuffle(42, random_stream(RANDOM_SHUFFLE, 1), c, N);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    for (int i = 0; i < N; i++)
        seen[a[i]]++;
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    random_shuffle(1, 1, a, 0);
    random_shuffle(1, 1, a, 1);
}

/* All 24 orders of four things come up equally often: chi-square, 23 degrees of freedom, p = 0.0001 at 54. */
static void shuffles_are_fair(void **state)
{
    (void)state;
    enum { RUNS = 24000 };
    int count[256] = { 0 };
    for (int run = 0; run < RUNS; run++) {
        int64_t x[4] = { 0, 1, 2, 3 };
        random_shuffle(7, random_stream(RANDOM_SHUFFLE, (uint32_t)run), x, 4);
        count[x[0] << 6 | x[1] << 4 | x[2] << 2 | x[3]]++;
    }
    double chi = 0, expected = RUNS / 24.0;
    int orders = 0;
    for (int i = 0; i < 256; i++)
        if (count[i]) {
            chi += (count[i] - expected) * (count[i] - expected) / expected;
            orders++;
        }
    assert_int_equal(orders, 24);
    assert_true(chi < 54);
}

static void normals_have_the_right_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    float *x = malloc(N * sizeof *x);
    random_normal(42, random_stream(RANDOM_INIT, 3), 0, 0.02, x, N);
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, lag = 0;
    for (int i = 0; i < N; i++) {
        double z = x[i] / 0.02;
        m1 += z / N, m2 += z * z / N, m3 += z * z * z / N, m4 += z * z * z * z / N;
        if (i)
            lag += z * x[i - 1] / 0.02 / N;
    }
    /* Four standard deviations of each estimate. */
    assert_true(fabs(m1) < 4 * sqrt(1.0 / N));
    assert_true(fabs(m2 - 1) < 4 * sqrt(2.0 / N));
    assert_true(fabs(m3) < 4 * sqrt(15.0 / N));
    assert_true(fabs(m4 - 3) < 4 * sqrt(96.0 / N));
    assert_true(fabs(lag) < 4 * sqrt(1.0 / N));
    free(x);
}

static void normals_can_be_made_in_parts(void **state)
{
    (void)state;
    float whole[101], parts[101], other[101];
    random_normal(5, 9, 0, 1, whole, 101);
    for (int at = 0; at < 101;) {
        int n = 1 + at % 4;
        if (n > 101 - at)
            n = 101 - at;
        random_normal(5, 9, at, 1, parts + at, n);
        at += n;
    }
    assert_memory_equal(whole, parts, sizeof whole);
    random_normal(6, 9, 0, 1, other, 101);
    assert_memory_not_equal(whole, other, sizeof whole);
    random_normal(5, 10, 0, 1, other, 101);
    assert_memory_not_equal(whole, other, sizeof whole);
}

static void below_stays_below(void **state)
{
    (void)state;
    int count[5] = { 0 };
    for (uint64_t i = 0; i < 50000; i++) {
        uint64_t x = random_below(1, 2, i, 5);
        assert_true(x < 5);
        count[x]++;
    }
    for (int i = 0; i < 5; i++)
        assert_true(abs(count[i] - 10000) < 4 * 90); /* sqrt(50000 * 0.2 * 0.8) = 89.4 */
    assert_int_equal(random_below(1, 2, 3, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(shuffles_are_permutations),
        cmocka_unit_test(shuffles_are_fair),
        cmocka_unit_test(normals_have_the_right_moments),
        cmocka_unit_test(normals_can_be_made_in_parts),
        cmocka_unit_test(below_stays_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

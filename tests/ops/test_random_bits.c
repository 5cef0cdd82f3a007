/* Dropout's random bits: keep rate within four standard deviations; no correlation between columns, rows, sites and steps;
 * known answers of Philox 4x32-10 from its authors. */
#include "tests/support/testing.h"

#include "compiler/ops/ops.h"

#include <math.h>

enum { N = 1 << 16 };

static bool kept(uint32_t site, uint32_t step, uint32_t row, uint32_t col) { return rand_bits16(42, site, step, row, col) < 58982; /* 0.9 */ }

static void test_keep_rate(void **state)
{
    (void)state;
    const double p = 58982 / 65536.;
    for (uint32_t site = 1; site <= 4; site++) {
        int n = 0;
        for (uint32_t i = 0; i < N; i++)
            n += kept(site, 3, i / 384, i % 384);
        assert_true(fabs(n - N * p) < 4 * sqrt(N * p * (1 - p)));
    }
}

/* The share of pairs in which both are kept, against p^2. */
static void check_pairs(const char *what, uint32_t site, uint32_t step, uint32_t row, uint32_t col)
{
    const double p = 58982 / 65536., q = p * p;
    int n = 0;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t r = i / 384, c = i % 384;
        n += kept(1, 3, r, c) && kept(1 + site, 3 + step, r + row, c + col);
    }
    /* neighbouring pairs overlap, which widens the spread a little: five standard deviations */
    if (!(fabs(n - N * q) < 5 * sqrt(N * q * (1 - q))))
        fail_msg("%s: %d of %d pairs, expected %.0f", what, n, N, N * q);
}

static void test_no_correlation(void **state)
{
    (void)state;
    for (uint32_t d = 1; d <= 256; d *= 2) {
        check_pairs("columns", 0, 0, 0, d);
        check_pairs("rows", 0, 0, d, 0);
        check_pairs("sites", d, 0, 0, 0);
        check_pairs("steps", 0, d, 0, 0);
    }
    check_pairs("16 columns", 0, 0, 0, 16);
    check_pairs("a row and a block", 0, 0, 1, 128);
}

/* Random123's kat_vectors: philox 4x32 10 with counter and key zero gives 6627e8d5 e169c58d bc57ac4c 9b00dbd8. */
static void test_known_answer(void **state)
{
    (void)state;
    static const uint32_t word[4] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
    for (uint32_t w = 0; w < 4; w++) {
        assert_int_equal(rand_bits16(0, 0, 0, 0, 32 * w), word[w] & 0xFFFF);
        assert_int_equal(rand_bits16(0, 0, 0, 0, 32 * w + 16), word[w] >> 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_rate),
        cmocka_unit_test(test_no_correlation),
        cmocka_unit_test(test_known_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

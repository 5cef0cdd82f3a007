/* Mean, deviation and interval over runs against SciPy (t.ppf, t.interval) and NumPy; folds against what they promise. */
#include "tests/support/testing.h"

#include "runtime/train/folds.h"
#include "runtime/train/spread.h"

#include <math.h>

static void near(double a, double b) { assert_true(fabs(a - b) < 1e-9); }

static void student(void **state)
{
    (void)state;
    near(student_t_975(1), 12.706204736174694);
    near(student_t_975(2), 4.302652729749462);
    near(student_t_975(4), 2.7764451051977934);
    near(student_t_975(9), 2.262157162798205);
    near(student_t_975(99), 1.9842169515864174);
}

static void spread(void **state)
{
    (void)state;
    Spread s = spread_of((double[]){ 0.81, 0.79, NAN, 0.84, 0.8, 0.83 }, 6);
    assert_int_equal(s.n, 5);
    near(s.mean, 0.814);
    near(s.deviation, 0.020736441353327684);
    near(s.interval.low, 0.7882523073207093);
    near(s.interval.high, 0.8397476926792908);
    s = spread_of((double[]){ 0.5 }, 1);
    assert_true(s.mean == 0.5 && isnan(s.deviation) && isnan(s.interval.low));
    assert_true(isnan(spread_of(NULL, 0).mean));
}

static void folds_are_even(void **state)
{
    (void)state;
    enum { N = 103, K = 5, CLASSES = 3 };
    int32_t class[N], fold[N], other[N];
    int64_t rows[K] = { 0 }, of_class[K][CLASSES] = { { 0 } };
    for (int i = 0; i < N; i++)
        class[i] = i % 7 == 0 ? 2 : i % 3 == 0;
    folds_deal(class, N, CLASSES, K, 42, fold);
    folds_deal(class, N, CLASSES, K, 43, other);
    for (int i = 0; i < N; i++) {
        assert_in_range(fold[i], 0, K - 1);
        rows[fold[i]]++;
        of_class[fold[i]][class[i]]++;
    }
    for (int k = 1; k < K; k++) {
        assert_true(llabs(rows[k] - rows[0]) <= 1);
        for (int c = 0; c < CLASSES; c++)
            assert_true(llabs(of_class[k][c] - of_class[0][c]) <= 1);
    }
    assert_memory_not_equal(fold, other, sizeof fold);
    folds_deal(class, N, CLASSES, K, 42, other);
    assert_memory_equal(fold, other, sizeof fold);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(student), cmocka_unit_test(spread), cmocka_unit_test(folds_are_even) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

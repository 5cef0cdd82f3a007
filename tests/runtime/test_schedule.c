/* Learning rates against numbers printed by transformers 5.23.0 (torch 2.13.0):
 *     o = torch.optim.SGD([p], lr=5e-5); s = get_linear_schedule_with_warmup(o, warmup, total)
 *     at each step: print(s.get_last_lr()[0]); o.step(); s.step()
 * and likewise get_cosine_... and get_constant_schedule_with_warmup. */
#include "tests/support/testing.h"

#include "runtime/train/schedule.h"

#include <math.h>

static void check(FtcScheduleKind kind, double warmup, int64_t total, int64_t warmup_steps, const int64_t *at, const double *lr, int n)
{
    FtcOptimizer o = { .lr = 5e-5, .schedule = kind, .warmup = warmup };
    Schedule s = schedule_make(&o, total);
    assert_int_equal(s.warmup, warmup_steps);
    for (int i = 0; i < n; i++)
        assert_true(fabs(schedule_lr(&s, at ? at[i] : i) - lr[i]) < 1e-20);
}

static void linear(void **state)
{
    (void)state;
    static const int64_t at[] = { 0, 1, 2, 4, 5, 6, 25, 46, 47, 48, 49, 50 };
    static const double lr[] = { 0.0, 1e-05, 2e-05, 4e-05, 5e-05, 4.888888888888889e-05, 2.777777777777778e-05, 4.444444444444445e-06,
                                 3.3333333333333333e-06, 2.2222222222222225e-06, 1.1111111111111112e-06, 0.0 };
    check(FTC_SCHEDULE_LINEAR, 0.1, 50, 5, at, lr, 12);
    static const int64_t at_475[] = { 0, 1, 2, 46, 47, 48, 474, 475 };
    static const double lr_475[] = { 0.0, 1.0638297872340427e-06, 2.1276595744680853e-06, 4.893617021276596e-05, 5e-05,
                                     4.988317757009346e-05, 1.1682242990654205e-07, 0.0 };
    check(FTC_SCHEDULE_LINEAR, 0.1, 475, 47, at_475, lr_475, 8); /* 47.5 steps, rounded down */
    static const double lr_7[] = { 5e-05, 4.2857142857142856e-05, 3.571428571428572e-05, 2.857142857142857e-05,
                                   2.1428571428571428e-05, 1.4285714285714285e-05, 7.142857142857143e-06, 0.0 };
    check(FTC_SCHEDULE_LINEAR, 0, 7, 0, NULL, lr_7, 8);
}

static void cosine(void **state)
{
    (void)state;
    static const double lr[] = { 0.0, 2.5e-05, 5e-05, 4.849231551964771e-05, 4.415111107797445e-05, 3.7500000000000003e-05,
                                 2.9341204441673266e-05, 2.0658795558326743e-05, 1.2500000000000006e-05, 5.848888922025553e-06,
                                 1.5076844803522922e-06, 0.0 };
    check(FTC_SCHEDULE_COSINE, 0.25, 11, 2, NULL, lr, 12);
}

static void constant(void **state)
{
    (void)state;
    static const double lr[] = { 0.0, 1.6666666666666667e-05, 3.3333333333333335e-05, 5e-05, 5e-05, 5e-05, 5e-05, 5e-05, 5e-05, 5e-05 };
    check(FTC_SCHEDULE_CONSTANT, 3, 9, 3, NULL, lr, 10);
}

/* A warm-up longer than the run, a run of no step. */
static void edges(void **state)
{
    (void)state;
    FtcOptimizer o = { .lr = 1, .schedule = FTC_SCHEDULE_LINEAR, .warmup = 20 };
    Schedule s = schedule_make(&o, 10);
    assert_true(schedule_lr(&s, 9) == 9.0 / 20);
    o.warmup = 0;
    s = schedule_make(&o, 0);
    assert_true(schedule_lr(&s, 0) == 0);
    o.warmup = 1; /* one step, not all of them */
    s = schedule_make(&o, 10);
    assert_int_equal(s.warmup, 1);
}

static void run_length(void **state)
{
    (void)state;
    FtcTrain t = { .epochs = 3, .batch = 32 };
    assert_int_equal(schedule_steps(&t, 5452), 3 * 171);
    assert_int_equal(schedule_steps(&t, 32), 3);
    assert_int_equal(schedule_steps(&t, 33), 6);
    t.max_steps = 7;
    assert_int_equal(schedule_steps(&t, 5452), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear), cmocka_unit_test(cosine), cmocka_unit_test(constant), cmocka_unit_test(edges),
        cmocka_unit_test(run_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The used rows of the vocabulary: places lead back to ids, first tokens are the first, known ones ascend, failed batches leave nothing
 * behind. */
#include "tests/support/testing.h"

#include "runtime/train/used_rows.h"

static void check(const UsedRows *u, const int32_t *ids, int32_t tokens, int32_t known)
{
    for (int32_t t = 0; t < tokens; t++) {
        int32_t first = 0;
        while (ids[first] != ids[t])
            first++;
        assert_int_equal(u->id[u->place[t]], ids[t]);
        assert_int_equal(u->first[t], first);
        assert_int_equal(u->first_of[u->place[t]], first);
    }
    for (int32_t i = 0; tokens && i < u->n; i++)
        assert_true(u->first_of[i] == 0 || u->place[u->first_of[i]] == i);
    for (int32_t i = 0; i < u->n; i++) {
        assert_int_equal(u->place_of[u->id[i]], i);
        if (i > 0 && i < known)
            assert_true(u->id[i - 1] < u->id[i]);
    }
}

static void test_places(void **state)
{
    (void)state;
    static const int32_t first[] = { 7, 3, 7, 9, 0 }, second[] = { 3, 8, 1, 8 }, failed[] = { 6, 5, 2 }, last[] = { 2, 9 };
    UsedRows *u = used_rows_new(10);
    assert_true(used_rows_reserve(u, 5));
    used_rows_add(u, first, 5);
    assert_int_equal(u->n, 4);
    check(u, first, 5, 0);
    used_rows_settle(u);
    used_rows_add(u, second, 4);
    assert_int_equal(u->n, 6);
    check(u, second, 4, 4);
    used_rows_settle(u);
    used_rows_add(u, failed, 3);
    check(u, failed, 3, 6);
    used_rows_forget(u, 6);
    assert_true(u->n == 6 && u->place_of[5] < 0 && u->place_of[8] >= 0);
    used_rows_add(u, last, 1);
    used_rows_add(u, last + 1, 1); /* another batch of the same step */
    assert_int_equal(u->n, 7);
    check(u, last + 1, 1, 6);
    used_rows_settle(u);
    check(u, last + 1, 0, 7);
    used_rows_free(u);
}

/* What a checkpoint keeps comes back; what is no list of entries doesn't. */
static void test_restore(void **state)
{
    (void)state;
    static const int32_t kept[] = { 1, 4, 9 }, ids[] = { 9, 2 }, twice[] = { 4, 4 }, far[] = { 3, 10 };
    UsedRows *u = used_rows_new(10);
    assert_true(used_rows_reserve(u, 2));
    assert_true(used_rows_restore(u, kept, 3, 0.25));
    assert_true(u->n == 3 && u->pending == 0.25);
    used_rows_add(u, ids, 2);
    check(u, ids, 2, 3);
    assert_int_equal(u->n, 4);
    assert_false(used_rows_restore(u, twice, 2, 1));
    assert_false(used_rows_restore(u, far, 2, 1));
    assert_int_equal(u->n, 0);
    used_rows_free(u);
}

static void test_decay(void **state)
{
    (void)state;
    static const int32_t ids[] = { 2, 0 };
    float table[] = { 1, 2, 3, 4, 5, 6, 7, 8 }; /* rows of 2 */
    UsedRows *u = used_rows_new(4);
    assert_true(used_rows_reserve(u, 2));
    used_rows_add(u, ids, 2);
    u->pending = 0.5;
    used_rows_decay(u, table, 8);
    static const float want[] = { 1, 2, 1.5f, 2, 5, 6, 3.5f, 4 };
    assert_memory_equal(table, want, sizeof want);
    used_rows_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_places), cmocka_unit_test(test_restore), cmocka_unit_test(test_decay) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

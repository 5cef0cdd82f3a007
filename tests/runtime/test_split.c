/* Splits: the rows that scikit-learn gives, recorded by make_splits.py; groups that never straddle; hashes that never move. */
#include "tests/support/testing.h"

#include "runtime/core/json.h"
#include "runtime/core/sha256.h"
#include "runtime/data/numpy_random.h"
#include "runtime/data/split.h"

static void the_generator_is_numpys(void **state)
{
    (void)state;
    /* numpy.random.RandomState(seed).randint(0, 2**32, 3, dtype=numpy.uint32); RandomState(42).permutation(10) */
    static const struct {
        uint32_t seed, value[3];
    } wanted[] = { { 0, { 2357136044, 2546248239, 3071714933 } }, { 4294967295, { 419326371, 479346978, 3918654476 } } };
    static const int64_t order[] = { 8, 1, 5, 0, 7, 2, 9, 4, 3, 6 };
    NumpyRandom r;
    int64_t v[10];
    for (int i = 0; i < 2; i++) {
        numpy_seed(&r, wanted[i].seed);
        for (int k = 0; k < 3; k++)
            assert_int_equal(numpy_next(&r), wanted[i].value[k]);
    }
    numpy_seed(&r, 42);
    numpy_permutation(&r, v, 10);
    assert_memory_equal(v, order, sizeof order);
}

/* ---- as scikit-learn ------------------------------------------------------------------------------------------------------ */

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The labels' numbers in byte order; how many there are. */
static int32_t number(const char **label, int64_t n, int32_t *class_of)
{
    const char **sorted = malloc((size_t)n * sizeof *sorted);
    int32_t classes = 0;
    memcpy(sorted, label, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_bytes);
    for (int64_t i = 0; i < n; i++)
        if (!i || strcmp(sorted[i], sorted[i - 1]))
            sorted[classes++] = sorted[i];
    for (int64_t i = 0; i < n; i++)
        for (int32_t c = 0; c < classes; c++)
            if (!strcmp(label[i], sorted[c]))
                class_of[i] = c;
    free(sorted);
    return classes;
}

static double number_in(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

/* "class %d" of a formula, as its number: fewer than ten, so that their bytes have the same order. */
static int32_t *formula(int64_t rows, int64_t classes)
{
    int32_t *class_of = malloc((size_t)rows * sizeof *class_of);
    for (int64_t i = 0; i < rows; i++)
        class_of[i] = (int32_t)((i * i + i / 3) % 11 * (i % 7) % classes);
    return class_of;
}

static int32_t *classes_of(const json_t *table, int64_t *n, int32_t *classes)
{
    const json_t *labels = json_object_get(table, "labels");
    *n = labels ? (int64_t)json_array_size(labels) : (int64_t)number_in(table, "rows");
    if (!labels)
        return formula(*n, *classes = (int32_t)number_in(table, "classes"));
    const char **label = malloc((size_t)*n * sizeof *label);
    int32_t *class_of = malloc((size_t)*n * sizeof *class_of);
    for (int64_t i = 0; i < *n; i++)
        label[i] = json_string_value(json_array_get(labels, (size_t)i));
    *classes = number(label, *n, class_of);
    free(label);
    return class_of;
}

/* The rows themselves, or where there are many, their digest. */
static void check_part(const int64_t *row, int64_t n, const json_t *wanted)
{
    if (json_is_array(wanted)) {
        assert_int_equal(n, json_array_size(wanted));
        for (int64_t i = 0; i < n; i++)
            assert_int_equal(row[i], json_integer_value(json_array_get(wanted, (size_t)i)));
        return;
    }
    Sha256 sha;
    char text[32], hex[65];
    sha256_begin(&sha);
    for (int64_t i = 0; i < n; i++)
        sha256_add(&sha, text, (size_t)snprintf(text, sizeof text, "%lld,", (long long)row[i]));
    sha256_hex(&sha, hex);
    assert_string_equal(hex, json_string_value(wanted));
}

static void check_refusal(const SplitAnswer *a, const char *why)
{
    SplitFault wanted = strstr(why, "only 1 member") ? SPLIT_LONE_ROW : SPLIT_FEW_ROWS;
    assert_int_equal(a->fault, wanted);
    if (wanted == SPLIT_FEW_ROWS)
        assert_int_equal(a->part, strstr(why, "test_size") ? PART_TEST : PART_TRAIN);
}

static void rows_are_scikit_learns(void **state)
{
    (void)state;
    static const char *const names[] = { "train", "dev", "test" };
    FtcDiag *d = ftc_diag_new(stderr);
    json_t *file = json_read_file(source_path("tests/runtime/reference/splits.json"), d);
    assert_non_null(file);
    const json_t *tables = json_object_get(file, "tables"), *table;
    size_t t;
    int split = 0, refused = 0;
    json_array_foreach(tables, t, table) {
        const json_t *shares = json_object_get(table, "shares"), *parts = json_object_get(table, "parts");
        SplitShares wanted = { number_in(shares, "dev"), number_in(shares, "test"), (uint32_t)number_in(table, "seed") };
        int64_t n;
        int32_t classes, *class_of = classes_of(table, &n, &classes);
        Split s;
        SplitAnswer answer = json_is_true(json_object_get(table, "stratify")) ? split_stratified(&s, n, class_of, classes, &wanted)
                                                                              : split_random(&s, n, &wanted);
        print_message("%s\n", json_string_value(json_object_get(table, "name")));
        if (json_is_null(parts)) {
            check_refusal(&answer, json_string_value(json_object_get(table, "refused")));
            refused++;
        } else {
            assert_int_equal(answer.fault, SPLIT_FINE);
            for (int p = 0; p < N_PARTS; p++)
                check_part(s.row[p], s.n[p], json_object_get(parts, names[p]));
            split++;
        }
        split_free(&s);
        free(class_of);
    }
    assert_true(split >= 10 && refused == 4);
    json_decref(file);
    ftc_diag_free(d);
}

/* ---- by hash and by group ------------------------------------------------------------------------------------------------- */

static void a_hash_decides_alone(void **state)
{
    (void)state;
    static const uint64_t quarter = UINT64_C(1) << 62, hash[] = { 0, UINT64_MAX, quarter, quarter - 1, 3 * quarter, 2 * quarter };
    static const int64_t test[] = { 0, 3 }, dev[] = { 2 }, train[] = { 1, 4, 5 };
    SplitShares shares = { .dev = 0.25, .test = 0.25 };
    Split s;
    assert_int_equal(split_hashed(&s, 6, hash, &shares).fault, SPLIT_FINE);
    assert_int_equal(s.n[PART_TEST], 2);
    assert_int_equal(s.n[PART_DEV], 1);
    assert_memory_equal(s.row[PART_TEST], test, sizeof test);
    assert_memory_equal(s.row[PART_DEV], dev, sizeof dev);
    assert_memory_equal(s.row[PART_TRAIN], train, sizeof train);
    split_free(&s);
    SplitAnswer answer = split_hashed(&s, 2, hash, &shares);
    assert_int_equal(answer.fault, SPLIT_EMPTY);
    assert_int_equal(answer.part, PART_DEV);
    split_free(&s);
}

/* Sizes that leave no choice: 60, 20, 10 and 5 times 2 rows of a hundred, for 60, 20 and 20. */
static void groups_never_straddle(void **state)
{
    (void)state;
    int32_t group_of[100], part_of_group[8];
    SplitShares shares = { .dev = 0.2, .test = 0.2, .seed = 1 };
    Split s;
    for (int i = 0; i < 100; i++)
        group_of[i] = i % 10 < 6 ? 0 : i % 10 < 8 ? 1 : i % 10 < 9 ? 2 : 3 + i / 10 % 5;
    memset(part_of_group, -1, sizeof part_of_group);
    assert_int_equal(split_grouped(&s, 100, group_of, 8, &shares).fault, SPLIT_FINE);
    assert_int_equal(s.n[PART_TRAIN], 60);
    assert_int_equal(s.n[PART_DEV], 20);
    assert_int_equal(s.n[PART_TEST], 20);
    for (int p = 0; p < N_PARTS; p++)
        for (int64_t i = 0; i < s.n[p]; i++) {
            int32_t *known = &part_of_group[group_of[s.row[p][i]]];
            assert_true(*known < 0 || *known == p);
            assert_true(i == 0 || s.row[p][i] > s.row[p][i - 1]);
            *known = p;
        }
    split_free(&s);
}

/* Parts are never empty while there are groups for them, and the seed says which of equal groups go where. */
static void few_groups(void **state)
{
    (void)state;
    static const int32_t group_of[] = { 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2 };
    SplitShares shares = { .dev = 0.1, .test = 0.1 };
    Split s;
    bool moved = false;
    for (uint32_t seed = 0; seed < 8; seed++) {
        shares.seed = seed;
        assert_int_equal(split_grouped(&s, 12, group_of, 3, &shares).fault, SPLIT_FINE);
        assert_true(s.n[0] == 4 && s.n[1] == 4 && s.n[2] == 4);
        moved |= s.row[PART_TRAIN][0] != 0;
        split_free(&s);
    }
    assert_true(moved);
    SplitAnswer answer = split_grouped(&s, 8, group_of, 2, &shares);
    assert_int_equal(answer.fault, SPLIT_FEW_GROUPS);
    assert_int_equal(answer.groups, 2);
    split_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_numpys), cmocka_unit_test(rows_are_scikit_learns), cmocka_unit_test(a_hash_decides_alone),
        cmocka_unit_test(groups_never_straddle), cmocka_unit_test(few_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

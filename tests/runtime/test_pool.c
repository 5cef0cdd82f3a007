/* The thread pool: each piece once, on a thread number nobody else has, with any number of threads. */
#include "tests/support/testing.h"

#include "runtime/core/pool.h"

#include <stdatomic.h>
#include <unistd.h>

enum { MOST = 5000 };

typedef struct {
    Pool *pool;
    _Atomic int count[MOST];
    _Atomic int busy[64];
    _Atomic int clashes;
    int64_t plain[MOST]; /* written without atomics: pool_run must make it visible */
    int round;
} Record;

static Record r;

static void note_piece(void *arg, int64_t piece, int thread)
{
    Record *rec = arg;
    assert_true(thread >= 0 && thread < pool_threads(rec->pool));
    if (atomic_fetch_add(&rec->busy[thread], 1))
        atomic_fetch_add(&rec->clashes, 1);
    atomic_fetch_add(&rec->count[piece], 1);
    rec->plain[piece] = piece * rec->round;
    atomic_fetch_sub(&rec->busy[thread], 1);
}

static void check_rounds(int threads, int rounds)
{
    static const int64_t sizes[] = { 0, 1, 2, 3, 7, 64, 1000, MOST };
    memset(&r, 0, sizeof r);
    r.pool = pool_new(threads);
    int total[MOST] = { 0 };
    for (int i = 0; i < rounds; i++) {
        int64_t n = sizes[i % 8];
        r.round = i;
        pool_run(r.pool, n, note_piece, &r);
        for (int64_t k = 0; k < n; k++) {
            total[k]++;
            assert_int_equal(r.plain[k], k * i);
        }
        if (i % 200 == 199)
            usleep(200); /* long enough for workers to fall asleep */
    }
    for (int k = 0; k < MOST; k++)
        assert_int_equal(r.count[k], total[k]);
    assert_int_equal(r.clashes, 0);
    pool_free(r.pool);
}

static void every_piece_once(void **state)
{
    (void)state;
    check_rounds(1, 100);
    check_rounds(2, 2000);
    check_rounds(3, 1000);
    check_rounds(7, 1000);
    check_rounds(33, 100);
}

static void takes_all_cores_by_default(void **state)
{
    (void)state;
    Pool *p = pool_new(0);
    assert_true(pool_threads(p) >= 1);
    assert_true(pool_threads(p) <= sysconf(_SC_NPROCESSORS_CONF));
    pool_free(p);
    pool_free(NULL);
}

/* A piece that waits for another piece finishes only if two threads are at work. */
static _Atomic int arrived;

static void wait_for_other(void *arg, int64_t piece, int thread)
{
    (void)piece, (void)thread;
    atomic_fetch_add(&arrived, 1);
    for (int i = 0; i < 20000 && arrived < 2; i++)
        usleep(100);
    if (arrived < 2)
        atomic_store((_Atomic int *)arg, 1);
}

static void works_in_parallel(void **state)
{
    (void)state;
    Pool *p = pool_new(2);
    for (int i = 0; i < 50; i++) {
        _Atomic int alone = 0;
        arrived = 0;
        if (i % 10 == 0)
            usleep(2000); /* the worker is asleep by now, and must be woken */
        pool_run(p, 2, wait_for_other, &alone);
        assert_int_equal(alone, 0);
    }
    pool_free(p);
}

typedef struct {
    Pool *pool;
    int outer_thread;
    _Atomic int *inner;
} Nest;

static void inner_piece(void *arg, int64_t piece, int thread)
{
    Nest *n = arg;
    (void)piece;
    if (thread == n->outer_thread)
        atomic_fetch_add(n->inner, 1);
}

static void outer_piece(void *arg, int64_t piece, int thread)
{
    Nest n = *(Nest *)arg;
    (void)piece;
    n.outer_thread = thread;
    pool_run(n.pool, 10, inner_piece, &n);
}

static void nested_runs_stay_on_their_thread(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        _Atomic int inner = 0;
        Nest n = { pool_new(threads), -1, &inner };
        pool_run(n.pool, 100, outer_piece, &n);
        assert_int_equal(inner, 1000);
        pool_free(n.pool);
    }
}

static void starts_and_stops(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        pool_free(pool_new(1 + i % 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_once),
        cmocka_unit_test(takes_all_cores_by_default),
        cmocka_unit_test(works_in_parallel),
        cmocka_unit_test(nested_runs_stay_on_their_thread),
        cmocka_unit_test(starts_and_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

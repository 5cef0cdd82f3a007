/* The thread pool; see pool.h.
 *
 * A job is a number, a function and a count of pieces.  Each thread has a share of them, pieces side by side, and takes those
 * first: what it wrote in one call of a step is still in its cache when it reads it in the next.  Then it helps the others.
 * For each share a 64-bit word, the ticket, holds the job's number and how many pieces are still to take; taking one is a
 * compare-and-swap on it.  A thread that comes late finds another job's number or no piece left, so nobody ever waits for a
 * thread that is asleep: the caller returns as soon as the last piece is finished.  Idle threads spin for a moment, since the
 * next job of a training step is microseconds away, and then sleep on a futex. */
#define _GNU_SOURCE
#include "runtime/core/pool.h"

#include "runtime/core/matrix.h"
#include "runtime/core/mem.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPIN_NS 30000

/* The most pieces one ticket counts; longer runs are several jobs. */
#define JOB_PIECES ((int64_t)1 << 30)

typedef void (*PieceFunction)(void *arg, int64_t piece, int thread);

typedef struct {
    Pool *pool;
    pthread_t id;
    int thread;
} Worker;

/* Fields of a job and its shares are atomic only because a late thread may read them while the next job is written; its
 * swap of the ticket then fails and it reads again. */
typedef struct {
    _Alignas(64) _Atomic uint64_t ticket; /* job << 32 | pieces still to take */
    _Atomic int64_t end;                  /* one past the share's last piece */
} Share;

struct Pool {
    int threads;
    long spin_ns;
    uint32_t job;
    Worker *workers;
    Share *shares;                        /* [threads] */
    _Atomic(PieceFunction) f;
    _Atomic(void *) arg;
    _Alignas(64) _Atomic uint32_t left;   /* pieces not yet finished; the caller sleeps on it */
    _Atomic uint32_t caller_sleeps;
    _Alignas(64) _Atomic uint32_t posted; /* the newest job; workers sleep on it */
    _Atomic uint32_t sleepers;
    _Atomic bool stop;
};

/* Which piece of which pool this thread is in. */
static _Thread_local struct {
    const Pool *pool;
    int thread;
} here;

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* Waits a little for *word to become (same = true) or stop being (same = false) `value`. */
static bool spin(const Pool *p, _Atomic uint32_t *word, uint32_t value, bool same)
{
    struct timespec start, now;
    for (unsigned i = 0;; i++) {
        if ((atomic_load_explicit(word, memory_order_acquire) == value) == same)
            return true;
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
        if (i % 32)
            continue;
        if (i == 0) {
            if (p->spin_ns == 0)
                return false;
            clock_gettime(CLOCK_MONOTONIC, &start);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec > p->spin_ns)
            return false;
    }
}

/* Takes pieces of a share until none is left; returns how many. */
static uint32_t take_share(Pool *p, Share *s, int thread)
{
    uint32_t finished = 0;
    uint64_t ticket = atomic_load_explicit(&s->ticket, memory_order_acquire);
    while ((uint32_t)ticket) {
        PieceFunction f = atomic_load_explicit(&p->f, memory_order_relaxed);
        void *arg = atomic_load_explicit(&p->arg, memory_order_relaxed);
        int64_t piece = atomic_load_explicit(&s->end, memory_order_relaxed) - (uint32_t)ticket;
        if (!atomic_compare_exchange_weak_explicit(&s->ticket, &ticket, ticket - 1, memory_order_acq_rel,
                                                   memory_order_acquire))
            continue;
        f(arg, piece, thread);
        finished++;
        ticket = atomic_load_explicit(&s->ticket, memory_order_acquire);
    }
    return finished;
}

/* All shares, the thread's own first.  As long as this thread holds a piece it has not reported, the job can't end, so all
 * pieces of one call belong to one job. */
static void take_pieces(Pool *p, int thread)
{
    uint32_t finished = 0;
    for (int i = 0; i < p->threads; i++)
        finished += take_share(p, &p->shares[(thread + i) % p->threads], thread);
    if (finished && atomic_fetch_sub(&p->left, finished) == finished && atomic_load(&p->caller_sleeps))
        futex_wake(&p->left, 1);
}

static void *work(void *arg)
{
    Worker *w = arg;
    Pool *p = w->pool;
    here.pool = p;
    here.thread = w->thread;
    uint32_t seen = 0;
    for (;;) {
        if (!spin(p, &p->posted, seen, false)) {
            atomic_fetch_add(&p->sleepers, 1);
            while (atomic_load(&p->posted) == seen)
                futex_wait(&p->posted, seen);
            atomic_fetch_sub(&p->sleepers, 1);
        }
        seen = atomic_load_explicit(&p->posted, memory_order_acquire);
        if (atomic_load(&p->stop))
            return NULL;
        take_pieces(p, w->thread);
    }
}

static void post(Pool *p, int wake)
{
    atomic_fetch_add(&p->posted, 1);
    if (atomic_load(&p->sleepers))
        futex_wake(&p->posted, wake);
}

static void run_job(Pool *p, int64_t base, uint32_t pieces, PieceFunction f, void *arg)
{
    atomic_store_explicit(&p->f, f, memory_order_relaxed);
    atomic_store_explicit(&p->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&p->left, pieces, memory_order_relaxed);
    p->job++;
    for (int i = 0, n = p->threads; i < n; i++) {
        int64_t begin = (int64_t)pieces * i / n, end = (int64_t)pieces * (i + 1) / n;
        atomic_store_explicit(&p->shares[i].end, base + end, memory_order_relaxed);
        atomic_store_explicit(&p->shares[i].ticket, (uint64_t)p->job << 32 | (uint64_t)(end - begin), memory_order_release);
    }
    post(p, pieces < (uint32_t)p->threads ? (int)pieces - 1 : p->threads - 1);
    take_pieces(p, 0);
    if (spin(p, &p->left, 0, true))
        return;
    atomic_store(&p->caller_sleeps, 1);
    for (uint32_t left; (left = atomic_load(&p->left)) != 0;)
        futex_wait(&p->left, left);
    atomic_store(&p->caller_sleeps, 0);
}

void pool_run(Pool *p, int64_t pieces, void (*f)(void *arg, int64_t piece, int thread), void *arg)
{
    if (pieces <= 0)
        return;
    bool nested = here.pool == p;
    if (p->threads == 1 || pieces == 1 || nested) {
        int thread = nested ? here.thread : 0;
        for (int64_t i = 0; i < pieces; i++)
            f(arg, i, thread);
        return;
    }
    const Pool *outer = here.pool;
    int outer_thread = here.thread;
    here.pool = p;
    here.thread = 0;
    for (int64_t base = 0; base < pieces; base += JOB_PIECES)
        run_job(p, base, (uint32_t)(pieces - base < JOB_PIECES ? pieces - base : JOB_PIECES), f, arg);
    here.pool = outer;
    here.thread = outer_thread;
}

static int usable_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN); /* more cores than a cpu_set_t holds */
    return n > 0 ? (int)n : 1;
}

Pool *pool_new(int threads)
{
    int cores = usable_cores();
    matrix_registers_allow(); /* to pieces that were compiled for them */
    if (threads <= 0)
        threads = cores;
    Pool *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
    if (!p)
        abort();
    *p = (Pool){ .threads = 1, .spin_ns = threads <= cores ? SPIN_NS : 0 };
    p->workers = xcalloc((size_t)threads, sizeof *p->workers);
    p->shares = aligned_alloc(64, (size_t)threads * sizeof *p->shares);
    if (!p->shares)
        abort();
    for (int i = 0; i < threads; i++)
        p->shares[i] = (Share){ 0 };

    /* Signals are for the thread that waits for the step, so that the loop can stop in good order. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; p->threads < threads; p->threads++) {
        Worker *w = &p->workers[p->threads];
        *w = (Worker){ .pool = p, .thread = p->threads };
        if (pthread_create(&w->id, NULL, work, w))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p;
}

void pool_free(Pool *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, true);
    post(p, p->threads);
    for (int i = 1; i < p->threads; i++)
        pthread_join(p->workers[i].id, NULL);
    free(p->workers);
    free(p->shares);
    free(p);
}

int pool_threads(const Pool *p) { return p->threads; }

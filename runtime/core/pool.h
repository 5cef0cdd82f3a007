/* A pool of threads, shared by generated code and the runtime.
 *
 * In:  a number of pieces and a function that does one of them.
 * Out: every piece done exactly once, then pool_run returns.
 *
 * A thread runs pieces of its own share of them first, side by side, then helps the others: which thread runs which piece
 * changes from run to run.  A piece may write only what is its own, and sums over pieces are combined afterwards in a fixed order. */
#ifndef FTC_POOL_H
#define FTC_POOL_H

#include <stdint.h>

typedef struct Pool Pool;

/* `threads` counts the calling thread too; 0 means one for every core this process may run on.  Where the
 * system grants fewer threads, the pool is smaller: ask pool_threads. */
Pool *pool_new(int threads);
void pool_free(Pool *p);
int pool_threads(const Pool *p);

/* Runs f(arg, piece, thread) for piece 0 .. pieces - 1 and returns when all are done; what they wrote is
 * then visible to the caller.  `thread` is 0 .. pool_threads - 1, and no two pieces run at once with the
 * same one: it may index scratch memory.  The caller takes part as thread 0.  A call from inside a piece of
 * the same pool runs inline, on that piece's thread number.  One outside caller at a time. */
void pool_run(Pool *p, int64_t pieces, void (*f)(void *arg, int64_t piece, int thread), void *arg);

#endif

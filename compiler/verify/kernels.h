/* A lowered program against the graph it was lowered from.
 *
 * In:  a graph with groups, its program, and a way to run one call of it (native code, or the kernel interpreter).
 * Out: for each kernel its largest error; then the program's results, to hold against a graph that was not rewritten.
 * The idea: a kernel is judged by what it was given.  After each call the values that it wrote are compared with the evaluator's, which
 * computes the call's group in double from what the calls before had left in memory; so the bound is that of one kernel, not of
 * all that came before, and the first wrong kernel is the one that is named.  What a call left is kept as it was then: a
 * value that is overwritten before its last reader has run shows in that reader. */
#ifndef FTC_KERNELS_H
#define FTC_KERNELS_H

#include "compiler/kernel/program.h"
#include "compiler/verify/numbers.h"
#include "compiler/verify/stored.h"

/* Runs call number `call` of p. */
typedef void CallFn(void *ctx, const Program *p, int call, void *const *bufs, const int64_t *sym);

/* The kernel interpreter as one; ctx is not used. */
void interpret_call(void *ctx, const Program *p, int call, void *const *bufs, const int64_t *sym);

typedef struct {
    Worst worst;
    const Node *node;  /* the value of the largest error; else one that the kernel computes */
    int calls;         /* 0: the kernel was not called, or nothing that it writes is a value of the graph */
} KernelError;

typedef struct {
    const Graph *graph;
    const Program *program;
    Tensor **left;          /* by id of the graph: values as they lay in memory */
    void **bufs;            /* [n_bufs] after the run: results, weights and states are what the program left there */
    KernelError *kernels;   /* [n_kernels] */
} ProgramRun;

/* Runs p, lowered from g, on numbers of `like` (numbers.h), which may be g.  All of it lives in the arena. */
ProgramRun *run_and_check(const Graph *g, const Program *p, const Graph *like, const Sizes *s, CallFn *call, void *ctx, Arena *a);

/* The worst kernel; NULL where none was off. */
const KernelError *worst_kernel(const ProgramRun *r);

/* The largest error of the results against a graph of the same outputs and updates, value[] of graph_eval.  *what is the result of
 * the largest. */
Worst check_results(const ProgramRun *r, const Graph *reference, Tensor *const *value, const char **what);

/* How far the results of two programs of one model are from each other, in units of both bounds. */
Worst compare_results(const ProgramRun *x, const ProgramRun *y, const Graph *reference, Tensor *const *value, const char **what);

#endif

/* Everything that can be checked of a graph without a model around it; and failures, which are shown by such graphs.
 *
 * In:  a graph: a forward graph, or one with gradients; sizes to try; a way to run what is lowered from it.
 * Out: nothing, or the first failure:
 *
 *   gradient   the gradients of a forward graph's results against central differences
 *   pass       the graph before a pass against the graph after it
 *   compiled   each kernel, and then all results, against the evaluator
 *   crash      none of the above came to its end: only seen from outside, by who starts the check in a process of its own
 *
 * The passes that need a model (Pass.model) are left out. */
#ifndef FTC_CHECK_H
#define FTC_CHECK_H

#include "compiler/verify/agree.h"
#include "compiler/verify/kernels.h"

typedef enum { FAIL_NONE, FAIL_GRADIENT, FAIL_PASS, FAIL_COMPILED, FAIL_THREADS, FAIL_CRASH } FailKind;

typedef struct {
    FailKind kind;
    char pass[24];      /* of FAIL_PASS: which; of a crash: the last that came to its end */
    char message[1000];
} Failure;

/* Runs programs.  open answers what call gets as its ctx, NULL after an error; close takes it back. */
typedef struct {
    void *(*open)(void *ctx, const Program *p);
    CallFn *call;
    void (*close)(void *opened);
    void *ctx;
} Runner;

extern const Runner interpreter;

/* What is looked for: any failure, or one of a kind and, where that is FAIL_PASS, of a pass; then nothing before it is compared. */
typedef struct {
    FailKind kind;
    const char *pass;
    bool unfused;       /* passes are left out, as by -O0 */
} Wanted;

/* The two batches everything is tried on: rows of several lengths, of one token too, none above longest; and a row alone. */
enum { CHECK_BATCHES = 2, CHECK_LONGEST = 9 };
void check_sizes(Sizes s[CHECK_BATCHES], int longest);

/* False where it fails. */
bool check_graph(const Graph *g, const Wanted *wanted, const Runner *run, Failure *f);

/* Sentences of failures; each answers false. */
bool fail_gradient(Failure *f, const Mismatch *m);
bool fail_pass(Failure *f, const char *pass, const Mismatch *m);
bool fail_kernel(Failure *f, const Program *p, int kernel, const KernelError *e);
bool fail_result(Failure *f, const char *which, const char *what, const Worst *w);

#endif

/* ftc verify: a model's compilation held against the evaluator in double, from the gradients to the machine code.
 *
 * In:  a spec, a stage of one that was printed, or a graph alone.
 * Out: what was checked, with the largest error of each kernel; after a failure the smallest graph that shows it, in a file that verify
 * takes again (-x graph).
 *
 *   gradients   one directional derivative for each weight tensor, against central differences
 *   passes      the graph behind each pass against the graph before it, in double
 *   kernels     each call's values, computed from what the calls before left, within the evaluator's bound
 *   results     of the program as a whole, and of one without the passes, against the evaluator and against each other
 *   threads     some training steps on 1, 2, 3 and 7 threads: the same bits
 *
 * The checks run in a process of their own, so that what ends it is a failure too, and is reduced as others are. */
#ifndef FTC_VERIFY_H
#define FTC_VERIFY_H

#include "compiler/api/compile.h"
#include "compiler/verify/check.h"

typedef struct {
    const char *input;         /* a file; NULL: the shipped spec */
    bool is_graph;             /* it is a stage or a graph alone, not a spec */
    const SpecSetting *over;   /* of a spec */
    int n_over;
    bool full;                 /* a spec's own sizes; else they are shrunk */
    PipelineOptions pipeline;
    CodegenOptions codegen;
    const char *output;        /* where the graph of a failure goes; NULL: ./NAME-failure.ftir */
    FILE *out;                 /* what was checked; NULL: nobody wants to know */
} VerifyJob;

typedef struct {
    Failure failure;           /* FAIL_NONE: there was none */
    char file[256];            /* where its graph is; "": none */
    int nodes, nodes_before;   /* of that graph, and before it was reduced */
} VerifyReport;

/* False after an error of the user's, which goes to d; then nothing was checked. */
bool verify_run(const VerifyJob *j, VerifyReport *report, FtcDiag *d);

#endif

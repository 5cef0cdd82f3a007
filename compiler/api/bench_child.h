/* What ftc bench and its children say to each other.  Private to bench.c and bench_child.c.
 *
 * A child compiles one variant when it is first asked for anything, answers Ready, and then does as it is asked: a step
 * (StepDone), a profile (a count and so many lines; another count and the spec's lines), the end (MiB at most, a double). */
#ifndef FTC_BENCH_CHILD_H
#define FTC_BENCH_CHILD_H

#include "compiler/api/bench.h"
#include "runtime/train/batch.h"

enum { BENCH_CLASSES = 2 };

typedef struct {
    const char *name;
    PipelineOptions pipeline;
    CodegenOptions codegen;
} Variant;

typedef enum { ASK_STEP, ASK_PROFILE, ASK_END } Ask;

/* What a child answers when it is ready. */
typedef struct {
    bool ok, bf16;
    double compile_ms, cache_ms;
    int kernels, calls;
    double arena_mib;
    BatchSize size;
} Ready;

/* A step.  useful_flop: the multiplications that the model needs for its batch. */
typedef struct {
    double ms, tokens, useful_flop;
} StepDone;

/* A child's life, on its ends of two pipes. */
_Noreturn void bench_child(const BenchJob *job, const Variant *v, int in, int out, FtcDiag *d);

bool read_all(int fd, void *data, size_t size);        /* false: the other side is gone */
void write_all(int fd, const void *data, size_t size); /* ends this process where the other side is gone */

#endif

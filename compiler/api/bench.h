/* Timing the training step: the model as ftc compiles it beside the same without fusion, and beside the plain reference.
 *
 * Each variant is a process of its own, so that memory is measured for it alone; they take turns, step by step, so
 * that a busy machine is busy for all.  A step is forward, backward, clipping and update on a batch never seen before. */
#ifndef FTC_BENCH_H
#define FTC_BENCH_H

#include "compiler/api/by_line.h"
#include "compiler/api/spec_model.h"
#include "runtime/train/batch.h"

#include <stdio.h>

typedef struct {
    ClassifierSource source;
    int64_t rows, tokens;   /* of a batch, tokens of a row; 0: train.batch, data.max_length */
    const char *lengths;    /* a file with a row length a line, taken in turn; or NULL */
    const char *data;       /* a table whose texts give rows and ids; or NULL */
    int repeats;            /* measured steps of each variant */
    bool quick;             /* the fused step alone */
    bool ablate;            /* one more variant for each pass that can be left out */
    bool by_line;           /* what each line of the spec costs, in the place of the kernels */
    bool json;              /* the numbers as a line of JSON on standard output */
    int threads;
    PipelineOptions pipeline;
    CodegenOptions codegen;
} BenchJob;

enum { MAX_KERNELS = 512 };

typedef struct {
    char name[64], place[96];
    int calls;
    double ms, flop, bytes; /* a step's */
} KernelLine;

/* What a step costs, in this order: kernel by kernel, and line by line of the spec. */
typedef struct {
    KernelLine lines[MAX_KERNELS];
    int n_lines;
    SpecLine spec[MOST_LINES];
    int n_spec;
    double ms, gflops, peak_gflops, arena_mib; /* gflops: useful work, GFLOP/s */
    BatchSize size;
} BenchProfile;

/* Measures the step as the job has it, without variants beside.  False after an error.  To be called before the process has threads. */
bool bench_profile(const BenchJob *job, BenchProfile *out, FtcDiag *d);

/* Reports to `out` (unless json).  False after an error.  To be called before the process has threads. */
bool bench_run(const BenchJob *job, FILE *out, FtcDiag *d);

#endif

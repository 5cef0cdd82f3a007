/* A spec, compiled: the whole way from a checked Spec to native code and the tables the runtime walks. */
#ifndef FTC_COMPILE_H
#define FTC_COMPILE_H

#include "compiler/codegen/codegen.h"
#include "compiler/passes/pipeline.h"
#include "ftc/model.h"

typedef struct {
    FtcModel model;       /* for the runtime; lives as long as the Compiled */
    const Spec *spec;
    Program *step, *eval; /* step: NULL where only prediction was asked for */
    Program *accumulate;  /* NULL: a step is one batch (PipelineOptions.accumulate) */
    Program *encode;      /* NULL: no part of the model is run apart (PipelineOptions.keep_encoded) */
    bool encoder_is_random; /* no part of the model can be, but only because its dropout is on */
    Graph *step_graph, *eval_graph;
    Arena *arena;
    Jit *jit;             /* NULL before compiled_jit */
    double compile_ms;    /* building, passes and code generation */
} Compiled;

/* Builds and optimizes the programs; no native code yet.  NULL after errors.  The spec must outlive the result, which compiled_free frees. */
Compiled *compile_spec(const Spec *spec, const char *name, bool training, const PipelineOptions *o, FtcDiag *d);

/* graph: as built; grad: the step, differentiated; fused: groups, each a kernel to be; kernels: lowered; plan: with the arena. */
typedef enum { STAGE_GRAPH, STAGE_GRAD, STAGE_FUSED, STAGE_KERNELS, STAGE_PLAN, N_STAGES } StageId;

/* A stage of a compilation that was printed (stage.h) and read again: the spec, which gives what no graph says, and the two
 * programs as graphs or, from lowering on, as kernels, buffers and calls. */
typedef struct {
    const char *file;         /* for messages */
    const char *model;        /* its name */
    StageId stage;
    const char *spec, *step, *eval;   /* texts */
    const Spec *checked;      /* its spec with what a run sets anew; NULL: as the text says */
} StageText;

/* Runs the passes that are left.  The result is what compile_spec would have made, had it not been interrupted. */
Compiled *compile_stage(const StageText *t, const PipelineOptions *o, FtcDiag *d);

/* Only runs the passes that o->chosen names over both programs; what they make is seen by o->after.  False after an error. */
bool run_stage(const StageText *t, const PipelineOptions *o, FtcDiag *d);

/* Native code for all kernels, in this process. */
bool compiled_jit(Compiled *c, const CodegenOptions *o, FtcDiag *d);

void compiled_free(Compiled *c);

#endif

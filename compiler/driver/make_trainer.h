/* A model that was compiled -> a trainer: what `ftc compile` makes where no stage is asked for. */
#ifndef FTC_MAKE_TRAINER_H
#define FTC_MAKE_TRAINER_H

#include "compiler/api/spec_model.h"
#include "compiler/driver/link.h"

typedef struct {
    SpecModel *model;
    const char *symbol;        /* its name in C */
    const char *spec, *init;   /* as they were given, or NULL */
    const char *output;        /* NULL: a.out, or libSYMBOL.so */
    LinkKind kind;
    bool embed;                /* the weights of the model's folder */
    bool verbose, show_only;   /* print the linker's command; and do no more */
    const PipelineOptions *pipeline;
    const CodegenOptions *codegen;
} TrainerJob;

/* A shared library has a header, SYMBOL.h, in its folder.  False after an error. */
bool make_trainer(const TrainerJob *job, FtcDiag *d);

#endif

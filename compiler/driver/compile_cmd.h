/* What ftc compile was asked for, and what it has of it on the way: its flags and passes are compile_cmd.c's, what it writes is
 * compile_write.c's.  Private to both. */
#ifndef FTC_COMPILE_CMD_H
#define FTC_COMPILE_CMD_H

#include "compiler/api/bench.h"
#include "compiler/api/spec_model.h"
#include "compiler/driver/common.h"
#include "compiler/driver/emit.h"
#include "compiler/driver/make_trainer.h"

typedef struct {
    const char *input, *output;
    char *text;              /* of the input, unless that is a folder */
    size_t text_size;
    bool is_stage;           /* and no spec */
    int emit;                /* StageId or EMIT_...; -1: nothing was said */
    const char *language;    /* -x */
    const char *init;        /* an encoder's folder */
    LinkKind kind;
    bool no_embed;           /* its weights stay there */
    bool syntax_only, verbose, dry_run, mem_report;
    const char *save_temps;  /* "", "=cwd" or "=obj"; NULL: they go */
    int argc;                /* the command line, for -v */
    char **argv;
    const char *dump;        /* ",fuse,plan," or with "all" */
    CommonOptions common;
    FtcDiag *diag;
    /* on the way */
    StageCatch caught;
    StageCatch kept[N_STAGES]; /* for -save-temps */
    char *outline;           /* the step as formulas */
    Graph *built, *step;     /* as built, and with gradients: for pictures */
    char *stage_text[3];     /* of the step: as built, with gradients, fused; for the page */
    BenchProfile *profile;
    const char *line;        /* --line: only kernels of it */
    int values[2][3];        /* [step, eval]: nodes as built, nodes at last, groups */
    SpecModel model;
    char *symbol;
} CompileJob;

/* What -o or the stage's name says: a stage, code or a trainer.  False after an error, as the next. */
bool compile_write(CompileJob *j);

/* -save-temps: every stage, in the order in which they were made: NAME.0.yaml, NAME.1.graph ... NAME.7.s */
bool compile_save_temps(CompileJob *j);

/* How large it has become, pass by pass, to standard error. */
void compile_summarize(const CompileJob *j);

#endif

/* What the sub-commands of ftc share. */
#ifndef FTC_DRIVER_H
#define FTC_DRIVER_H

#include "compiler/codegen/codegen.h"
#include "compiler/driver/options.h"
#include "compiler/passes/pipeline.h"

enum { EXIT_OK = 0, EXIT_USER = 1, EXIT_DIVERGED = 3, EXIT_BUG = 4 };

int run_command(int argc, char **argv, FtcDiag *d);
int compile_command(int argc, char **argv, FtcDiag *d);
int tokenize_command(int argc, char **argv, FtcDiag *d);
int bench_command(int argc, char **argv, FtcDiag *d);

/* Flags that more than one command has. */
typedef struct {
    Arena *arena;
    PipelineOptions pipeline;
    CodegenOptions codegen;
    SpecSetting *settings;   /* -D and the flags that are short for a key, in order */
    int n_settings, cap_settings;
    int threads;             /* 0: all cores */
    bool done;               /* help was asked for and given */
} CommonOptions;

/* In: a match.  Out: whether it was one of the common flags, and then in *ok whether it was right. */
bool common_option(CommonOptions *o, const OptionMatch *m, bool *ok, FtcDiag *d);
CommonOptions common_defaults(Arena *a);

#endif

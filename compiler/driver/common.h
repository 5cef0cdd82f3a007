/* Flags that more than one command of ftc-compiler has. */
#ifndef FTC_COMMON_H
#define FTC_COMMON_H

#include "compiler/api/run.h"
#include "compiler/codegen/codegen.h"
#include "compiler/driver/options.h"
#include "compiler/passes/pipeline.h"

typedef struct {
    Arena *arena;
    PipelineOptions pipeline;
    CodegenOptions codegen;
    SpecSetting *settings;   /* -D and the flags that are short for a key, in order */
    int n_settings, cap_settings;
    int threads;             /* 0: all cores */
    const char *opt_info;    /* "-missed=FILE", "=FILE" or "" behind -fopt-info; NULL: it wasn't given */
    const char *help_class;  /* --help=optimizers; NULL: it wasn't asked for */
    bool query;              /* -Q: say how they stand */
    const char *time_trace;  /* the file; NULL: none */
    bool time_report;
    Bisect bisect;
    bool done;               /* help was asked for and given */
} CommonOptions;

/* In: a match.  Out: whether it was one of the common flags, and then in *ok whether it was right. */
bool common_option(CommonOptions *o, const OptionMatch *m, bool *ok, FtcDiag *d);
CommonOptions common_defaults(Arena *a);

/* To be called behind the last flag, where no own_option does: gives what help was asked for, which may tell how flags stand.  False
 * after an error. */
bool common_end(CommonOptions *o, Command command, FtcDiag *d);

/* Behind the work: what -ftime-report and -ftime-trace tell of it.  False after an error. */
bool common_timing(const CommonOptions *o, FtcDiag *d);

/* The next flag, or argument, that is not common; common ones are taken on the way.  OPT_END: there is none, or help was given, or
 * what stands there is no flag.  *ok becomes false after an error. */
OptionMatch own_option(CommonOptions *o, OptionReader *r, bool *ok, FtcDiag *d);

/* The file of -fopt-info is opened before the work and closed behind it; false if it can't be written. */
bool open_opt_info(CommonOptions *o, FtcDiag *d);
bool close_opt_info(CommonOptions *o, FtcDiag *d);

/* A word that names a spec or a model's folder; and whether what they name goes together.  False after an error. */
bool run_positional(RunJob *j, const char *word, FtcDiag *d);
bool run_check_source(const RunJob *j, FtcDiag *d);

/* The key of the spec that someone may have meant by --lr or --epochs, or NULL. */
const char *key_like(const char *word);

#endif

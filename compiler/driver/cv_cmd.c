/* ftc cv: flags to a job.  The work is compiler/api/repeat.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/repeat.h"
#include "runtime/core/files.h"

static void print_help(void)
{
    puts("ftc cv [SPEC.yaml | MODEL_DIR] --train TABLE [-k K] [flags]\n\n"
         "Cross-validation: deals the table into K folds of equal shares of the classes, trains K models, each on all folds "
         "but one,\n"
         "and judges it by that one.  Says mean, deviation and interval of each metric.\n");
    options_help(CMD_CV, stdout);
    puts("\nExit status: as that of ftc run.");
}

static bool read_flags(RepeatJob *job, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    RunJob *j = &job->run;
    OptionMatch m;
    long long n = 0;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_FOLDS: ok &= option_number(&m, 2, REPEAT_MOST, &n, d); job->folds = (int)n; break;
        case OPT_TRAIN: j->train = m.value; break;
        case OPT_DEV: j->dev = m.value; break;
        case OPT_INIT: j->source.init = m.value; break;
        case OPT_OUTPUT: j->output = m.value; break;
        case OPT_FORCE: j->force = true; break;
        case OPT_NO_KEEP_ENCODED: o->pipeline.keep_encoded = false; break;
        case OPT_ARGUMENT: ok &= run_positional(j, m.value, d); break;
        default: ftc_bug("cv: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

int cv_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_CV, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    CommonOptions o = common_defaults(a);
    RepeatJob job = { .run = { .notes = stderr }, .folds = 5, .out = stdout };
    o.pipeline.keep_encoded = o.pipeline.accumulate = true;
    bool ok = read_flags(&job, &o, &r, d);
    int exit = ok ? EXIT_OK : EXIT_USER;
    if (ok && !o.done) {
        RunJob *j = &job.run;
        j->source.over = o.settings;
        j->source.n_over = o.n_settings;
        j->codegen = o.codegen;
        j->threads = o.threads;
        ok = j->train || ftc_error(d, FTC_NOWHERE, "which table? give it with --train");
        ok = ok && run_check_source(j, d) && codegen_check_options(&j->codegen, d) && open_opt_info(&o, d);
        j->pipeline = o.pipeline;
        exit = ok ? run_exit(repeat_run(&job, d)) : EXIT_USER;
        if (!close_opt_info(&o, d) && exit == EXIT_OK)
            exit = EXIT_USER;
    }
    arena_free(a);
    return exit;
}

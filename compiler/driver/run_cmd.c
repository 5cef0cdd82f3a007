/* ftc run: flags to a job.  The work is compiler/api/run.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/repeat.h"
#include "runtime/core/files.h"

#include <string.h>

static void print_help(void)
{
    puts("ftc run [SPEC.yaml | MODEL_DIR] [flags]\n\n"
         "  ftc run --train data.csv                           a small encoder from scratch (models/bert_cls.yaml)\n"
         "  ftc run SPEC.yaml --train F --eval G               the model that the spec describes\n"
         "  ftc run -x graph STAGE --train F                   a stage of it, edited (ftc compile --emit)\n"
         "  ftc run --init DIR --train F                       a pre-trained encoder with a new head\n"
         "  ftc run MODEL_DIR --train F                        go on training a model: its head and labels are kept\n"
         "  ftc run MODEL_DIR --eval F --predict G             use a model\n"
         "  ftc run --resume MODEL_DIR                         go on with a run that was interrupted\n");
    options_help(CMD_RUN, stdout);
    puts("\nExit status: 0; 1 an error of the user's; 3 training diverged; 4 a bug in ftc; 130 interrupted.");
}

bool run_check_source(const RunJob *j, FtcDiag *d)
{
    return !j->source.model || !j->source.init ||
           ftc_error(d, FTC_NOWHERE, "'%s' is a model of its own; leave --init out to go on with it, or the folder to start "
                                     "anew from '%s'", j->source.model, j->source.init);
}

/* What was asked for and can't be. */
static bool check_job(const RunJob *j, FtcDiag *d)
{
    if (j->resume)
        return !j->source.spec && !j->source.model ? true : ftc_error(d, FTC_NOWHERE, "--resume %s says which run to go on with; "
                                                                      "leave '%s' out", j->resume,
                                                                      j->source.spec ? j->source.spec : j->source.model);
    RunWork work = { .train = j->train, .dev = j->dev, .eval = j->eval, .predict = j->predict, .predictions = j->predictions,
                     .spec = j->source.spec, .model = j->source.model };
    if (!run_check(&work, d) || !run_check_source(j, d))
        return false;
    for (int i = 0; i < j->source.n_over && !j->train; i++)
        if (!strncmp(j->source.over[i].key, "data.split.", 11))
            return ftc_error(d, j->source.over[i].at, "splits the training table, and there is none; give it with --train");
    return true;
}

bool run_positional(RunJob *j, const char *word, FtcDiag *d)
{
    const char *before = j->source.model ? j->source.model : j->source.spec;
    if (before)
        return ftc_error(d, FTC_NOWHERE, "one spec or model at a time: '%s' or '%s'", before, word);
    if (path_is_folder(word))
        j->source.model = word;
    else
        j->source.spec = word;
    return true;
}

/* A run that is gone on with is what it was: only where things are and how they are shown may change. */
static bool goes_with_resume(int id)
{
    static const OptionId ids[] = { OPT_RESUME, OPT_TRAIN, OPT_DEV, OPT_EVAL, OPT_PREDICT, OPT_INIT, OPT_PREDICTIONS, OPT_LOG, OPT_JSON,
                                    OPT_THREADS, OPT_NO_CACHE, OPT_CHECK_ARENA, OPT_SANITIZE, OPT_OPT_INFO, OPT_WARNING };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if ((int)ids[i] == id)
            return true;
    return id >= N_OPTIONS;
}

/* Runs with several seeds have one place for each file only where it is the runs' own. */
static bool check_seeds(const RepeatJob *job, FtcDiag *d)
{
    const RunJob *j = &job->run;
    if (!job->seeds)
        return true;
    if (!j->train || !j->eval)
        return ftc_error(d, FTC_NOWHERE, "--seeds says how the numbers of a table vary from run to run; give one with --eval, and one "
                                         "with --train");
    if (j->log || j->predictions || j->json)
        return ftc_error(d, FTC_NOWHERE, "--seeds and %s don't go together: every run has a folder of its own, with its files in it",
                         j->log ? "--log" : j->json ? "--json" : "--predictions");
    return true;
}

static bool set_language(bool *is_stage, const char *word, FtcDiag *d)
{
    *is_stage = strcmp(word, "spec") != 0;
    return !*is_stage || !strcmp(word, "graph") || !strcmp(word, "kernels") ||
           ftc_error(d, FTC_NOWHERE, "'-x' takes spec, graph or kernels, not '%s'", word);
}

static bool set_sanitizer(RunJob *j, const char *word, FtcDiag *d)
{
    j->find_nan = true;
    return !strcmp(word, "nan") || ftc_error(d, FTC_NOWHERE, "'-fsanitize=' takes nan, not '%s'", word);
}

/* The argument is a stage; it gives the model its name as a spec would. */
static bool take_stage(RunJob *j, FtcDiag *d)
{
    if (j->source.model || !j->source.spec)
        return ftc_error(d, FTC_NOWHERE, "which stage? -x graph FILE, of those that 'ftc compile --emit' makes");
    if (input_is_once(j->source.spec))
        return ftc_error(d, FTC_FILE(input_name(j->source.spec)), "can't be read again; a stage is read from a file, which the model's record "
                         "names");
    j->source.stage = j->source.spec;
    return true;
}

/* Fills the job; false after an error. */
static bool read_flags(RepeatJob *job, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    RunJob *j = &job->run;
    long long n = 0;
    bool ok = true;
    bool is_stage = false;    /* -x graph */
    const char *fixed = NULL; /* a flag that doesn't go with --resume */
    for (;;) {
        OptionMatch m = options_next(r);
        if (m.id == OPT_END && is_stage && !o->done)
            ok &= take_stage(j, d);
        if (m.id == OPT_END)
            ok &= common_end(o, r->command, d);
        if (m.id == OPT_END || o->done)
            return ok && (!j->resume || !fixed || ftc_error(d, FTC_NOWHERE, "a run that is gone on with keeps its settings; leave '%s' "
                                                            "out, or start it anew", fixed));
        if (m.id < N_OPTIONS && !goes_with_resume((int)m.id))
            fixed = options[m.id].name;
        if (m.id == OPT_ERROR)
            return false;
        bool right;
        if (common_option(o, &m, &right, d)) {
            ok &= right;
            continue;
        }
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_TRAIN: j->train = m.value; break;
        case OPT_DEV: j->dev = m.value; break;
        case OPT_EVAL: j->eval = m.value; break;
        case OPT_PREDICT: j->predict = m.value; break;
        case OPT_INIT: j->source.init = m.value; break;
        case OPT_LANGUAGE: ok &= set_language(&is_stage, m.value, d); break;
        case OPT_RESUME: j->resume = m.value; break;
        case OPT_SEEDS: ok &= option_number(&m, 2, REPEAT_MOST, &n, d); job->seeds = (int)n; break;
        case OPT_OUTPUT: j->output = m.value; break;
        case OPT_FORCE: j->force = true; break;
        case OPT_PREDICTIONS: j->predictions = m.value; break;
        case OPT_LOGITS: j->logits = true; break;
        case OPT_LOG: j->log = m.value; break;
        case OPT_JSON: j->json = true; break;
        case OPT_CHECK_ARENA: j->check_arena = true; break;
        case OPT_SANITIZE: ok &= set_sanitizer(j, m.value, d); break;
        case OPT_NO_KEEP_ENCODED: o->pipeline.keep_encoded = false; break;
        case OPT_ARGUMENT: ok &= run_positional(j, m.value, d); break;
        default: ftc_bug("run: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    }
}

int run_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_RUN, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    CommonOptions o = common_defaults(a);
    RepeatJob job = { .run = { .notes = stderr }, .out = stdout };
    RunJob *j = &job.run;
    o.pipeline.keep_encoded = o.pipeline.accumulate = true;
    bool ok = read_flags(&job, &o, &r, d);
    int exit = ok ? EXIT_OK : EXIT_USER;
    if (ok && !o.done) {
        j->source.over = o.settings;
        j->source.n_over = o.n_settings;
        j->codegen = o.codegen;
        j->threads = o.threads;
        ok = check_job(j, d) && check_seeds(&job, d) && codegen_check_options(&j->codegen, d) && open_opt_info(&o, d);
        j->pipeline = o.pipeline;
        exit = !ok ? EXIT_USER : run_exit(job.seeds ? repeat_run(&job, d) : run_job(j, d));
        if ((!close_opt_info(&o, d) || !common_timing(&o, d)) && exit == EXIT_OK)
            exit = EXIT_USER;
    }
    arena_free(a);
    return exit;
}

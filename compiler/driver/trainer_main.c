/* The command line of a compiled trainer: what `ftc compile SPEC` links into every program it makes.
 *
 * In:  argv, and the trainer's constants, which the program's own main passes on (compiler/codegen/trainer_tables.c).
 * Out: what `ftc run` answers: files, and an exit status.
 * It has neither spec nor compiler: -D sets what reaches the code as an input, or the runtime alone (runtime/run/settings.h). */
#include "compiler/driver/driver.h"

#include "runtime/run/trainer.h"

#include <string.h>

int ftc_trainer_main(int argc, char **argv, const Trainer *t);
int ftc_trainer_call(int argc, char **argv, const Trainer *t);

/* There only where kernels call OpenBLAS, from threads of our own. */
extern void openblas_set_num_threads(int n) __attribute__((weak));
extern int openblas_get_parallel(void) __attribute__((weak));

typedef struct {
    const Trainer *trainer;
    Settings settings;
    RunWork work;
    const char *init;
    bool done;               /* help was asked for and given */
    FtcDiag *diag;
} Job;

static void print_help(const Job *j)
{
    const Trainer *t = j->trainer;
    printf("A trainer that ftc %s compiled from %s", t->origin->version, t->recipe->file);
    if (t->folder)
        printf(", %s %s", t->n_weights ? "with the weights of" : "for the weights of", t->folder);
    puts(".\n");
    options_help(CMD_TRAINER, stdout);
    puts("\nKeys for -D, and their values here:");
    settings_help(&j->settings, stdout);
    puts("\nExit status: 0; 1 an error of the user's; 3 training diverged; 4 a bug in ftc; 130 interrupted.");
}

/* --seed 7 -> train.seed = 7 */
static bool set_key(Job *j, const OptionMatch *m)
{
    const Option *o = &options[m->id];
    char place[256];
    snprintf(place, sizeof place, "%s%s%s", o->name, m->value ? " " : "", m->value ? m->value : "");
    return settings_set(&j->settings, o->key, m->value ? m->value : "false", place, j->diag);
}

static bool set_warning(Job *j, const char *flag)
{
    if (strcmp(flag, "help"))
        return ftc_warning_flag(j->diag, flag);
    ftc_warnings_help(stdout);
    return j->done = true;
}

static bool set_threads(Job *j, const OptionMatch *m)
{
    long long n;
    bool ok = option_number(m, 1, 4096, &n, j->diag);
    j->work.threads = ok ? (int)n : 0;
    return ok;
}

static bool take(Job *j, const OptionMatch *m)
{
    RunWork *w = &j->work;
    if (m->id < N_OPTIONS && options[m->id].key)
        return set_key(j, m);
    switch (m->id) {
    case OPT_HELP: case OPT_HELP_SHORT: print_help(j); return j->done = true;
    case OPT_TRAIN: w->train = m->value; return true;
    case OPT_DEV: w->dev = m->value; return true;
    case OPT_EVAL: w->eval = m->value; return true;
    case OPT_PREDICT: w->predict = m->value; return true;
    case OPT_INIT: j->init = m->value; return true;
    case OPT_OUTPUT: w->output = m->value; return true;
    case OPT_FORCE: return w->force = true;
    case OPT_PREDICTIONS: w->predictions = m->value; return true;
    case OPT_LOGITS: return w->logits = true;
    case OPT_LOG: w->log = m->value; return true;
    case OPT_JSON: return w->json = true;
    case OPT_THREADS: return set_threads(j, m);
    case OPT_WARNING: return set_warning(j, m->value);
    case OPT_DEFINE: return settings_define(&j->settings, m->value, j->diag);
    case OPT_ARGUMENT: return ftc_error(j->diag, FTC_NOWHERE, "'%s' is no flag; the model is in this program, and tables follow --train, "
                                        "--dev, --eval or --predict", m->value);
    default: ftc_bug("trainer: the flag '%s' is in the table, but not read", options[m->id].name);
    }
}

static bool read_flags(Job *j, int argc, char **argv)
{
    OptionReader r = { .command = CMD_TRAINER, .argv = argv + 1, .argc = argc - 1, .key_like = settings_key_like, .diag = j->diag };
    OptionMatch m;
    bool ok = true;
    while (!j->done && (m = options_next(&r)).id != OPT_END) {
        if (m.id == OPT_ERROR)
            return false;
        ok &= take(j, &m);
    }
    return ok;
}

/* Where the weights come from. */
static bool check_init(const Job *j)
{
    const Trainer *t = j->trainer;
    if (!j->init)
        return !t->load || ftc_error(j->diag, FTC_NOWHERE, "this program was compiled without the weights of %s (-fno-embed-weights); "
                                     "--init names the folder", t->folder);
    if (t->n_weights)
        return ftc_error(j->diag, FTC_NOWHERE, "--init: the weights of %s are in this program already; to start from others, compile "
                         "again with ftc compile --init %s", t->folder, j->init);
    return t->load || ftc_error(j->diag, FTC_NOWHERE, "--init: this program was compiled for an encoder that starts from random "
                                "numbers; compile it with ftc compile --init %s", j->init);
}

static bool prepare_blas(FtcDiag *d)
{
    enum { SEQUENTIAL = 0 };
    if (openblas_get_parallel && openblas_get_parallel() == SEQUENTIAL)
        return ftc_error(d, FTC_NOWHERE, "the OpenBLAS library of this machine is built without threads, and is not safe to be "
                         "called from several; install the other one (Debian: libopenblas0-pthread)");
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
    return true;
}

static int run(Job *j)
{
    const Trainer *t = j->trainer;
    Classifier c;
    j->work.spec = t->spec;
    j->work.model = t->continues ? t->folder : NULL;
    j->work.origin = t->origin;
    j->work.notes = stderr;
    if (!run_check(&j->work, j->diag) || !check_init(j) || !settings_check(&j->settings, j->diag) || !prepare_blas(j->diag))
        return EXIT_USER;
    if (!j->work.train)
        j->settings.model.step = j->settings.model.accumulate = NULL; /* no memory for states */
    trainer_open(&c, t, &j->settings, j->diag);
    if (j->init)
        c.folder = j->init;
    RunWork *w = &j->work;
    w->inputs = w->train ? inputs_start(w->stage, w->train, w->dev, w->eval, w->predict, c.folder) : NULL;
    RunStatus status = run_classifier(&c, w);
    inputs_free(w->inputs);
    classifier_close(&c);
    return run_exit(status);
}

/* From a program of somebody else's. */
int ftc_trainer_call(int argc, char **argv, const Trainer *t)
{
    Job j = { .trainer = t, .diag = ftc_diag_new(stderr) };
    settings_begin(&j.settings, t->model, t->recipe);
    int status = !read_flags(&j, argc, argv) ? EXIT_USER : j.done ? EXIT_OK : run(&j);
    status = final_status(status, j.diag);
    ftc_diag_free(j.diag);
    settings_free(&j.settings);
    return status;
}

int ftc_trainer_main(int argc, char **argv, const Trainer *t)
{
    catch_bugs();
    return ftc_trainer_call(argc, argv, t);
}

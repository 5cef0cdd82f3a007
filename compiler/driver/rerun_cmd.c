/* ftc rerun: flags to a job.  The work is compiler/api/rerun.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/rerun.h"

static void print_help(void)
{
    puts("ftc rerun MODEL_DIR --check [flags]\n"
         "ftc rerun MODEL_DIR -o DIR [flags]\n\n"
         "Runs again what made the model, as its run.json says, and compares the weights bit for bit.  The same bits are promised\n"
         "for the same build of ftc and the same processor features, at any number of threads.\n");
    options_help(CMD_RERUN, stdout);
    puts("\nExit status: 0 the same bits; 1 other bits, or an error of the user's; 3, 4, 130 as those of ftc run.");
}

static bool read_flags(RerunJob *j, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    OptionMatch m;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_CHECK: j->check = true; break;
        case OPT_OUTPUT: j->given.output = m.value; break;
        case OPT_TRAIN: j->given.train = m.value; break;
        case OPT_DEV: j->given.dev = m.value; break;
        case OPT_PREDICT: j->given.predict = m.value; break;
        case OPT_FORCE: j->given.force = true; break;
        case OPT_EVAL: j->given.eval = m.value; break;
        case OPT_INIT: j->given.source.init = m.value; break;
        case OPT_LOG: j->given.log = m.value; break;
        case OPT_ARGUMENT:
            if (j->folder)
                return ftc_error(d, FTC_NOWHERE, "one model at a time: '%s' or '%s'", j->folder, m.value);
            j->folder = m.value;
            break;
        default: ftc_bug("rerun: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

static bool check_job(const RerunJob *j, FtcDiag *d)
{
    if (!j->folder)
        return ftc_error(d, FTC_NOWHERE, "which model? give its folder");
    if (j->check == (j->given.output != NULL))
        return ftc_error(d, FTC_NOWHERE, "give either --check, to compare only, or -o DIR for the model that is made again");
    return true;
}

int rerun_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_RERUN, .argv = argv, .argc = argc, .diag = d };
    CommonOptions o = common_defaults(a);
    RerunJob j = { .given = { .notes = stderr } };
    bool ok = read_flags(&j, &o, &r, d);
    int exit = ok ? EXIT_OK : EXIT_USER;
    if (ok && !o.done) {
        j.given.codegen = o.codegen;
        j.given.threads = o.threads;
        exit = check_job(&j, d) ? run_exit(rerun(&j, d)) : EXIT_USER;
    }
    arena_free(a);
    return exit;
}

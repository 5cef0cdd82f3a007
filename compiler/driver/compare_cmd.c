/* ftc compare: flags to a job.  The work is compiler/api/compare.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/compare.h"
#include "runtime/core/files.h"

static void print_help(void)
{
    puts("ftc compare MODEL_DIR MODEL_DIR ... --eval TABLE [flags]\n\n"
         "Judges models by one table: each metric with its 95 % interval, how each model differs from the first and whether "
         "that is\n"
         "more than chance, and the rows they disagree on.\n");
    options_help(CMD_COMPARE, stdout);
}

static bool add_model(CompareJob *j, const char *word, FtcDiag *d)
{
    if (!path_is_folder(word))
        return ftc_error(d, FTC_FILE(word), "is no folder; give the folders of trained models");
    if (j->n_models == COMPARE_MOST)
        return ftc_error(d, FTC_NOWHERE, "at most %d models at a time", COMPARE_MOST);
    j->model[j->n_models++] = word;
    return true;
}

static bool read_flags(CompareJob *j, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    OptionMatch m;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_EVAL: j->eval = m.value; break;
        case OPT_ROWS: j->rows = m.value; break;
        case OPT_ARGUMENT: ok &= add_model(j, m.value, d); break;
        default: ftc_bug("compare: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

static bool check_job(const CompareJob *j, FtcDiag *d)
{
    if (j->n_models < 2)
        return ftc_error(d, FTC_NOWHERE, "give the folders of two models or more");
    if (path_is_same(j->rows, j->eval))
        return ftc_error(d, FTC_FILE(j->rows), "is the table that is read; give the rows they disagree on another file");
    return j->eval || ftc_error(d, FTC_NOWHERE, "compared by what? give a table of labelled rows with --eval");
}

int compare_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_COMPARE, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    CommonOptions o = common_defaults(a);
    CompareJob j = { .notes = stderr };
    bool ok = read_flags(&j, &o, &r, d);
    if (ok && !o.done) {
        j.over = o.settings;
        j.n_over = o.n_settings;
        j.pipeline = o.pipeline;
        j.codegen = o.codegen;
        j.threads = o.threads;
        ok = check_job(&j, d) && codegen_check_options(&j.codegen, d) && compare_run(&j, stdout, d) == RUN_DONE;
    }
    arena_free(a);
    return ok ? EXIT_OK : EXIT_USER;
}

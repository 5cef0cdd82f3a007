/* ftc data: flags to a job.  The work is compiler/api/data.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/data.h"
#include "runtime/core/files.h"
#include "runtime/core/nearest.h"

#include <string.h>

static void print_help(void)
{
    puts("ftc data split FILE -o DIR --split dev=.15,test=.15 [SPEC.yaml] [flags]\n"
         "ftc data describe FILE [--dev FILE] [--eval FILE] [SPEC.yaml | MODEL_DIR] [flags]\n\n"
         "  split      deal a table's records out to train.csv, dev.csv and test.csv of a folder\n"
         "  describe   rows, classes, lengths; warnings of texts that are cut, have two labels, or are in train and test both\n");
    options_help(CMD_DATA, stdout);
}

static bool set_positional(DataJob *j, const char *word, FtcDiag *d)
{
    const char *before = j->source.model ? j->source.model : j->source.spec;
    if (!j->table) {
        j->table = word;
        return true;
    }
    if (before)
        return ftc_error(d, FTC_NOWHERE, "one table, and one spec or model at a time: '%s' or '%s'", before, word);
    if (path_is_folder(word))
        j->source.model = word;
    else
        j->source.spec = word;
    return true;
}

static bool read_flags(DataJob *j, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    OptionMatch m;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_DEV: j->dev = m.value; break;
        case OPT_EVAL: j->eval = m.value; break;
        case OPT_INIT: j->source.init = m.value; break;
        case OPT_OUT_TABLES: j->output = m.value; break;
        case OPT_FORCE: j->force = true; break;
        case OPT_ARGUMENT: ok &= set_positional(j, m.value, d); break;
        default: ftc_bug("data: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

static bool check_job(const DataJob *j, bool split, FtcDiag *d)
{
    if (!j->table)
        return ftc_error(d, FTC_NOWHERE, "which table? for example: ftc data %s", split ? "split table.csv -o tables --split "
                         "dev=.15,test=.15" : "describe train.csv --eval test.csv");
    if (j->source.model && j->source.init)
        return ftc_error(d, FTC_NOWHERE, "'%s' is a model with a tokenizer of its own; leave --init out", j->source.model);
    if (split && !j->output)
        return ftc_error(d, FTC_NOWHERE, "where to? name a folder with -o");
    if (split && (j->dev || j->eval))
        return ftc_error(d, FTC_NOWHERE, "one table is split; --dev and --eval are for ftc data describe");
    if (!split && j->output)
        return ftc_error(d, FTC_NOWHERE, "ftc data describe writes no tables; leave -o out");
    return true;
}

int data_command(int argc, char **argv, FtcDiag *d)
{
    static const char *const whats[] = { "split", "describe", "--help", "-h" };
    int what = 0;
    while (what < 4 && (argc < 1 || strcmp(argv[0], whats[what])))
        what++;
    if (what > 1) {
        const char *near = argc ? nearest_word(argv[0], whats, 2) : NULL;
        if (what < 4)
            print_help();
        else
            ftc_error(d, FTC_NOWHERE, "what about the data? ftc data %s", near ? near : "split, or ftc data describe");
        return what < 4 ? EXIT_OK : EXIT_USER;
    }
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_DATA, .argv = argv + 1, .argc = argc - 1, .key_like = key_like, .diag = d };
    CommonOptions o = common_defaults(a);
    DataJob j = { .table = NULL };
    bool ok = read_flags(&j, &o, &r, d);
    if (ok && !o.done) {
        j.source.over = o.settings;
        j.source.n_over = o.n_settings;
        j.threads = o.threads;
        ok = check_job(&j, what == 0, d) && (what == 0 ? data_split(&j, d) : data_describe(&j, stdout, d));
    }
    arena_free(a);
    return ok ? EXIT_OK : EXIT_USER;
}

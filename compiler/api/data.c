/* Splitting and describing tables; see data.h. */
#include "compiler/api/data.h"

#include "runtime/run/tables.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/data/data_report.h"

#include <stdlib.h>

typedef struct {
    SpecModel m;
    Dataset train, dev, eval;
    Pool *pool;
} Data;

static void close_data(Data *x)
{
    dataset_close(&x->dev);
    dataset_close(&x->eval);
    dataset_close(&x->train);
    spec_model_close(&x->m);
    if (x->pool)
        pool_free(x->pool);
}

/* ---- split --------------------------------------------------------------------------------------------------------- */

/* A part of one table, in the table's own form. */
static bool write_part(const char *folder, const char *name, const Dataset *s, FtcDiag *d)
{
    char *path = xasprintf("%s/%s%s", folder, name, csv_separator(s->csv) == '\t' ? ".tsv" : ".csv");
    bool ok = dataset_write(s, path, d);
    free(path);
    return ok;
}

static bool write_parts(const Data *x, const char *folder, FtcDiag *d)
{
    static const char *const names[] = { "train.csv", "dev.csv", "test.csv", "train.tsv", "dev.tsv", "test.tsv", NULL };
    char *made = folder_begin(folder, d);
    bool ok = made && write_part(made, "train", &x->train, d) && (!x->dev.csv || write_part(made, "dev", &x->dev, d)) &&
              (!x->eval.csv || write_part(made, "test", &x->eval, d));
    ok = ok && folder_commit(made, folder, names, d);
    if (made && !ok)
        folder_remove(made);
    free(made);
    return ok;
}

bool data_split(const DataJob *job, FtcDiag *d)
{
    Data x = { .train = { .csv = NULL } };
    bool ok = spec_model_open(&x.m, &job->source, d);
    if (ok && path_is_file(job->output))
        ok = ftc_error(d, FTC_FILE(job->output), "is a file, where a folder would go; name another with -o");
    else if (ok && path_is_folder(job->output) && !job->force)
        ok = ftc_error(d, FTC_FILE(job->output), "exists; name another folder with -o, or replace its tables with --force");
    const Spec *spec = x.m.spec;
    if (ok && spec->data.split.dev == 0 && spec->data.split.test == 0)
        ok = ftc_error(d, FTC_NOWHERE, "how much goes where? for example --split dev=.15,test=.15");
    ok = ok && table_open(&x.train, x.m.c.recipe, job->table, spec->data.split.stratify ? TABLE_TRAINING : TABLE_ROWS, d) &&
         tables_split(x.m.c.recipe, &x.train, &x.dev, &x.eval, d) && write_parts(&x, job->output, d);
    close_data(&x);
    return ok;
}

/* ---- describe ------------------------------------------------------------------------------------------------------ */

static bool open_all(Data *x, const DataJob *job, FtcDiag *d)
{
    const Recipe *r = x->m.c.recipe;
    bool ok = tables_check(r, job->dev, job->eval, d);
    ok &= table_open(&x->dev, r, job->dev, TABLE_LABELLED, d);
    ok &= table_open(&x->eval, r, job->eval, TABLE_LABELLED, d);
    return table_open(&x->train, r, job->table, TABLE_TRAINING, d) && ok &&
           tables_split(r, &x->train, &x->dev, &x->eval, d);
}

bool data_describe(const DataJob *job, FILE *out, FtcDiag *d)
{
    Data x = { .train = { .csv = NULL } };
    DataReport report;
    if (!spec_model_open(&x.m, &job->source, d) || !open_all(&x, job, d)) {
        close_data(&x);
        return false;
    }
    Classifier *c = &x.m.c;
    Dataset *const tables[] = { &x.train, &x.dev, &x.eval };
    bool numbered = tables_number(c, &x.train, &x.dev, &x.eval); /* what is wrong with labels hides nothing else */
    ReportInput in = tables_report_input(c, &x.train, &x.dev, &x.eval);
    data_report(&report, &in, d);
    x.pool = pool_new(job->threads);
    bool ok = table_tokenizer(c, &x.train, x.pool, d);
    x.train.texts_end = !x.dev.part && !x.eval.part;
    for (int p = 0; ok && p < N_PARTS; p++) {
        ok = !in.part[p] || dataset_tokenize(tables[p], c->tokenizer, in.max_length, x.pool, d);
        if (ok && in.part[p])
            data_warn_cut(tables[p], in.max_length, d);
    }
    if (ok) {
        data_report_lengths(&report, &in);
        data_report_print(&report, out);
    }
    data_report_free(&report);
    close_data(&x);
    return ok && numbered && ftc_diag_errors(d) == 0;
}

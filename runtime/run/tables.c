/* Opening tables, and splitting them; see tables.h. */
#include "runtime/run/tables.h"

#include "runtime/data/split_table.h"
#include "runtime/train/targets.h"

bool table_open(Dataset *s, const Recipe *r, const char *path, TableUse use, FtcDiag *d)
{
    DatasetColumns columns = r->columns;
    if (use <= TABLE_ROWS) {
        columns.label = NULL;
        columns.flag = NULL;
        columns.n_flags = 0;
    }
    if (use != TABLE_TRAINING)
        columns.weight = NULL;
    if (use != TABLE_TRAINING && use != TABLE_ROWS)
        columns.table.limit = 0;
    return !path || dataset_open(s, path, &columns, d);
}

bool tables_check(const Recipe *r, const char *dev, const char *eval, FtcDiag *d)
{
    bool ok = true;
    if (dev && r->split.shares.dev > 0)
        ok = ftc_error(d, recipe_loc(r, "data.split.dev"), "dev is a share of the training table here, and '%s' by --dev; leave "
                       "one out (-D data.split.dev=none)", dev);
    if (eval && r->split.shares.test > 0)
        ok = ftc_error(d, recipe_loc(r, "data.split.test"), "test is a share of the training table here, and '%s' by --eval; "
                       "leave one out (-D data.split.test=none)", eval);
    return ok;
}

bool tables_split(const Recipe *r, Dataset *train, Dataset *dev, Dataset *eval, FtcDiag *d)
{
    const TableSplit *how = &r->split;
    if (how->shares.dev == 0 && how->shares.test == 0)
        return true;
    if (!split_table(train, dev, eval, how, d))
        return false;
    ftc_note(d, FTC_FILE(csv_name(train->csv)), "%lld rows for training, %lld for dev, %lld for test%s%s%s", (long long)train->n,
             (long long)dev->n, (long long)eval->n, how->group ? ", by groups of '" : how->hash ? ", by hash" : "",
             how->group ? how->group : !how->hash && how->stratify ? ", each with its share of every class" : "", how->group ? "'" : "");
    return true;
}

static bool read_answers(const Classifier *c, Dataset *s, const char *whose)
{
    const char *const *labels = c->labels;
    switch (c->recipe->task) {
    case FTC_SINGLE_LABEL: return dataset_number(s, labels, c->n_labels, whose, c->diag);
    case FTC_MULTI_LABEL: return targets_labels(s, c->recipe->label_separator, labels, c->n_labels, whose, c->diag);
    case FTC_REGRESSION: return targets_numbers(s, c->diag);
    }
    return false;
}

bool tables_number(Classifier *c, Dataset *train, Dataset *dev, Dataset *eval)
{
    const char *whose = c->continues ? "of the model's" : c->n_labels ? "of data.labels" : "that the training table has";
    if (!c->n_labels) {
        Labels found;
        bool ok = c->recipe->task == FTC_MULTI_LABEL ? targets_collect(&found, train, c->recipe->label_separator, c->diag)
                                                        : labels_collect(&found, train, c->diag);
        if (ok)
            classifier_set_labels(c, (const char *const *)found.v, found.n);
        labels_free(&found);
        if (!ok)
            return false;
    }
    Dataset *const tables[] = { train, dev, eval };
    bool ok = true;
    for (int i = 0; i < 3; i++)
        if (tables[i]->csv)
            ok &= read_answers(c, tables[i], whose);
    return ok;
}

ReportInput tables_report_input(const Classifier *c, const Dataset *train, const Dataset *dev, const Dataset *eval)
{
    const Dataset *const tables[] = { train, dev, eval };
    ReportInput in = { .labels = c->labels, .n_labels = c->n_labels, .max_length = c->recipe->max_length };
    for (int p = 0; p < N_PARTS; p++)
        in.part[p] = tables[p]->csv ? tables[p] : NULL;
    return in;
}

bool table_tokenizer(Classifier *c, const Dataset *s, Pool *pool, FtcDiag *d)
{
    if (!c->tokenizer)
        c->tokenizer = dataset_learn_tokenizer(s, c->recipe->lowercase, c->recipe->vocab_size,
                                               pool, d);
    return c->tokenizer != NULL;
}

/* Opening tables, and splitting them; see tables.h. */
#include "compiler/api/tables.h"

#include "runtime/data/split_table.h"
#include "runtime/train/targets.h"

bool table_open(Dataset *s, const Spec *spec, const char *path, TableUse use, FtcDiag *d)
{
    const SpecStrings *label = &spec->data.label;
    const SpecLabelMap *map = &spec->data.label_map;
    DatasetColumns columns = { .text = { spec->data.text.v[0], spec->data.text.n > 1 ? spec->data.text.v[1] : NULL },
                               .table = { .separator = spec->data.separator, .encoding = spec->data.encoding },
                               .unlabelled = spec_task(spec) == FTC_MULTI_LABEL,
                               .drop_missing = spec->data.missing == ROWS_DROP,
                               .map = { map->n, map->code, map->name },
                               .drop_unmapped = spec->data.unmapped == ROWS_DROP };
    if (use > TABLE_ROWS && label->n > 1) {
        columns.flag = label->v;
        columns.n_flags = label->n;
    } else if (use > TABLE_ROWS)
        columns.label = label->v[0];
    if (use == TABLE_TRAINING)
        columns.weight = spec->data.weight;
    if (use == TABLE_TRAINING || use == TABLE_ROWS)
        columns.table.limit = spec->data.limit;
    return !path || dataset_open(s, path, &columns, d);
}

bool tables_check(const Spec *spec, const char *dev, const char *eval, FtcDiag *d)
{
    bool ok = true;
    if (dev && spec->data.split.dev > 0)
        ok = ftc_error(d, spec_loc(spec, "data.split.dev"), "dev is a share of the training table here, and '%s' by --dev; leave "
                       "one out (-D data.split.dev=none)", dev);
    if (eval && spec->data.split.test > 0)
        ok = ftc_error(d, spec_loc(spec, "data.split.test"), "test is a share of the training table here, and '%s' by --eval; "
                       "leave one out (-D data.split.test=none)", eval);
    return ok;
}

bool tables_split(const Spec *spec, Dataset *train, Dataset *dev, Dataset *eval, FtcDiag *d)
{
    TableSplit how = { .shares = { spec->data.split.dev, spec->data.split.test, (uint32_t)spec->data.split.seed },
                       .stratify = spec->data.split.stratify && spec_task(spec) == FTC_SINGLE_LABEL,
                       .group = spec->data.split.group,
                       .hash = spec->data.split.method == METHOD_HASH, .by = spec->data.split.by,
                       .at = spec_loc(spec, spec->data.split.test > 0 ? "data.split.test" : "data.split.dev") };
    if (how.shares.dev == 0 && how.shares.test == 0)
        return true;
    if (!split_table(train, dev, eval, &how, d))
        return false;
    ftc_note(d, FTC_FILE(csv_name(train->csv)), "%lld rows for training, %lld for dev, %lld for test%s%s%s", (long long)train->n,
             (long long)dev->n, (long long)eval->n, how.group ? ", by groups of '" : how.hash ? ", by hash" : "",
             how.group ? how.group : !how.hash && how.stratify ? ", each with its share of every class" : "", how.group ? "'" : "");
    return true;
}

static bool read_answers(const Classifier *c, Dataset *s, const char *whose)
{
    switch (spec_task(c->spec)) {
    case FTC_SINGLE_LABEL: return dataset_number(s, c->labels, c->n_labels, whose, c->diag);
    case FTC_MULTI_LABEL: return targets_labels(s, c->spec->data.label_separator, c->labels, c->n_labels, whose, c->diag);
    case FTC_REGRESSION: return targets_numbers(s, c->diag);
    }
    return false;
}

bool tables_number(Classifier *c, Dataset *train, Dataset *dev, Dataset *eval)
{
    const char *whose = c->continues ? "of the model's" : c->n_labels ? "of data.labels" : "that the training table has";
    if (!c->n_labels) {
        Labels found;
        bool ok = spec_task(c->spec) == FTC_MULTI_LABEL ? targets_collect(&found, train, c->spec->data.label_separator, c->diag)
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
    ReportInput in = { .labels = c->labels, .n_labels = c->n_labels, .max_length = (int)c->spec->data.max_length };
    for (int p = 0; p < N_PARTS; p++)
        in.part[p] = tables[p]->csv ? tables[p] : NULL;
    return in;
}

bool table_tokenizer(Classifier *c, const Dataset *s, Pool *pool, FtcDiag *d)
{
    if (!c->tokenizer)
        c->tokenizer = dataset_learn_tokenizer(s, c->spec->model.tokenizer.lowercase, (int32_t)c->spec->model.tokenizer.vocab_size,
                                               pool, d);
    return c->tokenizer != NULL;
}

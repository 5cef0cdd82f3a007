/* Opening tables, and splitting them; see tables.h. */
#include "compiler/api/tables.h"

#include "runtime/data/split_table.h"

bool table_open(Dataset *s, const Spec *spec, const char *path, bool labelled, int64_t limit, FtcDiag *d)
{
    DatasetColumns columns = { .text = { spec->data.text.v[0], spec->data.text.n > 1 ? spec->data.text.v[1] : NULL },
                               .label = labelled ? spec->data.label : NULL, .limit = limit };
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
                       .stratify = spec->data.split.stratify, .group = spec->data.split.group,
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

bool tables_number(Classifier *c, Dataset *train, Dataset *dev, Dataset *eval)
{
    const char *whose = c->continues ? "of the model's" : c->n_labels ? "of data.labels" : "that the training table has";
    if (!c->n_labels) {
        Labels found;
        bool ok = labels_collect(&found, train, c->diag);
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
            ok &= dataset_number(tables[i], c->labels, c->n_labels, whose, c->diag);
    return ok;
}

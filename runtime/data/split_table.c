/* Splitting a table; see split_table.h. */
#include "runtime/data/split_table.h"

#include "runtime/core/mem.h"
#include "runtime/core/sha256.h"
#include "runtime/data/text_index.h"

#include <stdlib.h>

static const char *const part_name[N_PARTS] = { [PART_TRAIN] = "train", [PART_DEV] = "dev", [PART_TEST] = "test" };

/* ---- what is wrong -------------------------------------------------------------------------------------------------------- */

static bool explain(const SplitAnswer *a, const Dataset *s, const TableSplit *how, FtcDiag *d)
{
    static const char way_out[] = "-D data.split.stratify=false deals rows out whatever their class";
    const char *part = part_name[a->part];
    Bytes scratch = { 0 };
    Slice label = { 0 };
    switch (a->fault) {
    case SPLIT_FINE:
        return true;
    case SPLIT_EMPTY:
        return ftc_error(d, how->at, "no row of %lld would be in %s; give it a larger share%s", (long long)s->n, part,
                         a->part == PART_TRAIN ? ", dev and test smaller ones" : ", or none");
    case SPLIT_LONE_ROW:
        label = csv_field(s->csv, dataset_record(s, a->row), s->label, &scratch);
        ftc_error(d, csv_field_loc(s->csv, dataset_record(s, a->row), s->label), "the class '%.*s' has only this row%s, so that it "
                  "can't be both in %s and outside of it; add rows of the class, or take it out; or %s", SLICE_ARG(label),
                  a->part == PART_DEV && how->shares.test > 0 ? " once test has its share" : "", part, way_out);
        bytes_free(&scratch);
        return false;
    case SPLIT_FEW_ROWS:
        return ftc_error(d, how->at, "%s would have %lld row%s, too few for one of each of %lld classes; give it a larger share; "
                         "or %s", part, (long long)a->rows, a->rows == 1 ? "" : "s", (long long)a->classes, way_out);
    case SPLIT_FEW_GROUPS:
        return ftc_error(d, how->at, "the column '%s' makes %lld groups, too few for a group in each part", how->group,
                         (long long)a->groups);
    }
    return false;
}

/* ---- ways to split -------------------------------------------------------------------------------------------------------- */

static bool by_group(const Dataset *s, const TableSplit *how, Split *parts, FtcDiag *d)
{
    int column;
    if (!dataset_need_column(s->csv, how->group, "data.split.group", &column, d))
        return false;
    TextIndex *index = text_index_new(s, column);
    int32_t *group_of = xcalloc((size_t)s->n, sizeof *group_of), groups = 0;
    for (int64_t i = 0; i < s->n; i++) {
        int64_t first = text_index_add(index, i);
        group_of[i] = first < 0 ? groups++ : group_of[first];
    }
    SplitAnswer answer = split_grouped(parts, s->n, group_of, groups, &how->shares);
    text_index_free(index);
    free(group_of);
    return explain(&answer, s, how, d);
}

/* Of a column's value or, -1, of the text. */
static uint64_t hash_of(const Dataset *s, int64_t row, int column, Bytes *scratch)
{
    int n = column < 0 && s->text[1].n ? 2 : 1;
    Sha256 sha;
    unsigned char digest[32];
    uint64_t hash = 0;
    sha256_begin(&sha);
    for (int k = 0; k < n; k++) {
        Slice text = column < 0 ? dataset_text(s, row, k, scratch) : csv_field(s->csv, dataset_record(s, row), column, scratch);
        if (k)
            sha256_add(&sha, "\x1F", 1);
        sha256_add(&sha, text.p, text.n);
    }
    sha256_end(&sha, digest);
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | digest[i];
    return hash;
}

static bool by_hash(const Dataset *s, const TableSplit *how, Split *parts, FtcDiag *d)
{
    int column = -1;
    if (how->by && !dataset_need_column(s->csv, how->by, "data.split.by", &column, d))
        return false;
    uint64_t *hash = xcalloc((size_t)s->n, sizeof *hash);
    Bytes scratch = { 0 };
    for (int64_t i = 0; i < s->n; i++)
        hash[i] = hash_of(s, i, column, &scratch);
    SplitAnswer answer = split_hashed(parts, s->n, hash, &how->shares);
    bytes_free(&scratch);
    free(hash);
    return explain(&answer, s, how, d);
}

static bool by_class(Dataset *s, const TableSplit *how, Split *parts, FtcDiag *d)
{
    Labels l;
    bool ok = labels_collect(&l, s, d) && dataset_number(s, (const char *const *)l.v, l.n, "of the table's", d);
    if (ok) {
        SplitAnswer answer = split_stratified(parts, s->n, s->examples.labels, l.n, &how->shares);
        ok = explain(&answer, s, how, d);
    }
    labels_free(&l);
    return ok;
}

static bool at_random(const Dataset *s, const TableSplit *how, Split *parts, FtcDiag *d)
{
    SplitAnswer answer = split_random(parts, s->n, &how->shares);
    return explain(&answer, s, how, d);
}

/* ---- all together --------------------------------------------------------------------------------------------------------- */

bool split_table(Dataset *table, Dataset *dev, Dataset *test, const TableSplit *how, FtcDiag *d)
{
    Split s = { 0 };
    bool ok = how->hash                           ? by_hash(table, how, &s, d)
              : how->group                        ? by_group(table, how, &s, d)
              : how->stratify && table->label >= 0 ? by_class(table, how, &s, d)
                                                  : at_random(table, how, &s, d);
    if (ok) {
        Dataset *const part[N_PARTS] = { [PART_DEV] = dev, [PART_TEST] = test };
        for (int p = PART_DEV; p < N_PARTS; p++) {
            if (s.n[p])
                dataset_part(part[p], table, s.row[p], s.n[p]);
            else
                free(s.row[p]);
            s.row[p] = NULL;
        }
        dataset_keep(table, s.row[PART_TRAIN], s.n[PART_TRAIN]);
        s.row[PART_TRAIN] = NULL;
    }
    split_free(&s);
    return ok;
}

/* Runs again and again; see repeat.h. */
#include "compiler/api/repeat.h"

#include "runtime/run/outputs.h"
#include "runtime/run/tables.h"
#include "runtime/core/files.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"
#include "runtime/text/columns.h"
#include "runtime/train/folds.h"
#include "runtime/train/spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const RepeatJob *job;
    char *output;                  /* the folder of all runs */
    double (*value)[REPEAT_MOST];  /* [METRIC_KINDS] */
    uint64_t seed[REPEAT_MOST];
    char *title[METRIC_KINDS];     /* NULL: not shown */
    int n;                         /* runs that are done */
} Repeat;

/* ---- folds --------------------------------------------------------------------------------------------------------------- */

static bool write_part(const Dataset *s, const int32_t *fold, int32_t part, bool inside, const char *path, FtcDiag *d)
{
    int64_t *row = xcalloc((size_t)s->n, sizeof *row), n = 0;
    for (int64_t i = 0; i < s->n; i++)
        if ((fold[i] == part) == inside)
            row[n++] = i;
    Dataset rows;
    dataset_part(&rows, s, row, n);
    bool ok = dataset_write(&rows, path, d);
    dataset_close(&rows);
    return ok;
}

static char *part_name(const Repeat *r, int k, bool inside)
{
    return xasprintf("%s/folds/%s-%d.%s", r->output, inside ? "test" : "train", k + 1,
                     path_ends_with(r->job->run.train, ".tsv") ? "tsv" : "csv");
}

/* Writes the tables of all folds. */
static bool write_folds(const Repeat *r, const Dataset *s, const int32_t *fold, FtcDiag *d)
{
    char *folder = path_join(r->output, "folds");
    bool ok = folder_make(folder, d);
    for (int k = 0; ok && k < r->job->folds; k++)
        for (int inside = 0; ok && inside < 2; inside++) {
            char *path = part_name(r, k, inside);
            ok = write_part(s, fold, k, inside, path, d);
            free(path);
        }
    free(folder);
    return ok;
}

/* The number of each row's class; of tables without one class a row, all the same.  False after an error. */
static bool classes_of(const Spec *spec, Dataset *s, Labels *labels, FtcDiag *d)
{
    if (spec_task(spec) != FTC_SINGLE_LABEL)
        return true;
    return labels_collect(labels, s, d) && dataset_number(s, (const char *const *)labels->v, labels->n, "of the table's", d);
}

/* A class of one row is judged by a model that has never seen it: found before training. */
static bool check_rare(const Dataset *s, const Labels *labels, FtcDiag *d)
{
    int64_t *rows = xcalloc((size_t)labels->n + 1, sizeof *rows), n = s->n;
    bool ok = true;
    for (int64_t i = 0; labels->n && i < n; i++)
        rows[s->examples.labels[i]]++;
    for (int64_t i = 0; labels->n && i < n && ok; i++)
        if (rows[s->examples.labels[i]] == 1)
            ok = ftc_error(d, dataset_label_loc(s, i), "no other record has the label '%s': the model that is judged by this one "
                           "can't have learned it", labels->v[s->examples.labels[i]]);
    free(rows);
    return ok;
}

static bool deal(Repeat *r, FtcDiag *d)
{
    const RunJob *j = &r->job->run;
    SpecModel m;
    Dataset s = { 0 };
    Labels labels = { 0 };
    bool ok = spec_model_open(&m, &j->source, d);
    if (ok)
        ok = table_open(&s, m.c.recipe, j->train, TABLE_TRAINING, d) && classes_of(m.spec, &s, &labels, d) &&
             check_rare(&s, &labels, d);
    if (ok && s.n < r->job->folds)
        ok = ftc_error(d, FTC_FILE(j->train), "has %lld records, too few for %d folds", (long long)s.n, r->job->folds);
    if (ok) {
        int64_t n = s.n;
        int32_t *fold = xcalloc((size_t)n, sizeof *fold), *same = xcalloc((size_t)n, sizeof *same);
        folds_deal(s.examples.labels ? s.examples.labels : same, n, labels.n ? labels.n : 1, r->job->folds,
                   (uint64_t)m.spec->train.seed, fold);
        ok = write_folds(r, &s, fold, d);
        free(fold);
        free(same);
    }
    labels_free(&labels);
    if (s.csv)
        dataset_close(&s);
    spec_model_close(&m);
    return ok;
}

/* ---- one run ------------------------------------------------------------------------------------------------------------- */

static bool judge(void *user, const SheetSource *found, FtcDiag *d)
{
    Repeat *r = user;
    (void)d;
    Sheet names = { .source = *found, .metrics = metrics_of(found->scored) };
    char title[256];
    for (int k = 0; k < METRIC_KINDS; k++) {
        r->value[k][r->n] = names.metrics->value[k];
        if (r->title[k] || !sheet_shows(&names, (MetricKind)k))
            continue;
        sheet_title(&names, (MetricKind)k, title, sizeof title);
        r->title[k] = xstrdup(title);
    }
    r->seed[r->n] = found->seed;
    metrics_free(names.metrics);
    return true;
}

static RunStatus run_once(Repeat *r, int k, FtcDiag *d)
{
    const RepeatJob *j = r->job;
    RunJob run = j->run;
    char *folder = xasprintf("%s/run-%d", r->output, k + 1), seed[24];
    char *train = NULL, *eval = NULL;
    SpecSetting *over = xcalloc((size_t)run.source.n_over + 4, sizeof *over);
    if (run.source.n_over)
        memcpy(over, run.source.over, (size_t)run.source.n_over * sizeof *over);
    run.output = folder;
    run.judge = judge;
    run.judge_user = r;
    if (j->folds) {
        run.train = train = part_name(r, k, false);
        run.eval = eval = part_name(r, k, true);
        over[run.source.n_over++] = (SpecSetting){ "data.encoding", "utf-8", FTC_FILE(train) }; /* as it was written */
        over[run.source.n_over++] = (SpecSetting){ "data.split.dev", "none", FTC_FILE(train) };   /* the fold is the split */
        over[run.source.n_over++] = (SpecSetting){ "data.split.test", "none", FTC_FILE(train) };
    } else if (k > 0) {
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)(r->seed[0] + (uint64_t)k));
        over[run.source.n_over++] = (SpecSetting){ "train.seed", seed, FTC_FILE("--seeds") };
    }
    run.source.over = over;
    if (run.notes)
        fprintf(run.notes, "run %d of %d\n", k + 1, j->folds ? j->folds : j->seeds);
    RunStatus status = run_job(&run, d);
    if (status == RUN_DONE)
        r->n++;
    free(over);
    free(train);
    free(eval);
    free(folder);
    return status;
}

/* ---- reports ------------------------------------------------------------------------------------------------------------- */

static void put_number(FILE *out, double value, int width)
{
    if (isnan(value))
        fprintf(out, "%*s", width, "-");
    else
        fprintf(out, "%*.4f", width, value);
}

static void print_spread(const Repeat *r)
{
    FILE *out = r->job->out;
    int width = (int)strlen("metric");
    for (int k = 0; k < METRIC_KINDS; k++)
        if (r->title[k] && columns_width(r->title[k]) > width)
            width = columns_width(r->title[k]);
    width = width < 40 ? width : 40;
    if (r->job->folds)
        fprintf(out, "%d folds\n\n", r->n);
    else
        fprintf(out, "%d runs, seeds %llu to %llu\n\n", r->n, (unsigned long long)r->seed[0],
                (unsigned long long)r->seed[r->n - 1]);
    columns_put(out, "metric", width, false);
    fprintf(out, "%11s%11s%21s%11s%10s\n", "mean", "deviation", "95 % interval", "lowest", "highest");
    for (int k = 0; k < METRIC_KINDS; k++) {
        if (!r->title[k])
            continue;
        Spread s = spread_of(r->value[k], r->n);
        double lowest = INFINITY, highest = -INFINITY;
        for (int i = 0; i < r->n; i++) {
            lowest = fmin(lowest, r->value[k][i]);
            highest = fmax(highest, r->value[k][i]);
        }
        columns_put(out, r->title[k], width, false);
        put_number(out, s.mean, 11);
        put_number(out, s.deviation, 11);
        put_number(out, s.interval.low, 11);
        put_number(out, s.interval.high, 10);
        put_number(out, s.n ? lowest : (double)NAN, 11);
        put_number(out, s.n ? highest : (double)NAN, 10);
        fputc('\n', out);
    }
    fputs(r->job->folds ? "interval: of the mean, by Student's t; folds share training rows, so that it is rather too narrow\n"
                        : "interval: of the mean over seeds, by Student's t; the rows are the same in all runs\n", out);
}

static void write_json(FILE *out, const void *what)
{
    const Repeat *r = what;
    JsonWriter w;
    jsonw_begin(&w, out, JSON_PRETTY);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "kind", r->job->folds ? "folds" : "seeds");
    jsonw_array(&w, "seeds");
    for (int i = 0; i < r->n; i++)
        jsonw_int(&w, NULL, (int64_t)r->seed[i]);
    jsonw_end(&w);
    jsonw_object(&w, "metrics");
    for (int k = 0; k < METRIC_KINDS; k++) {
        Spread s = spread_of(r->value[k], r->n);
        if (!s.n)
            continue;
        jsonw_object(&w, metric_info[k].name);
        jsonw_double(&w, "mean", s.mean);
        jsonw_double(&w, "deviation", s.deviation);
        jsonw_double(&w, "low", s.interval.low);
        jsonw_double(&w, "high", s.interval.high);
        jsonw_array(&w, "runs");
        for (int i = 0; i < r->n; i++)
            jsonw_double(&w, NULL, r->value[k][i]);
        jsonw_end(&w);
        jsonw_end(&w);
    }
    jsonw_end(&w);
    jsonw_end(&w);
}

static bool report(const Repeat *r, FtcDiag *d)
{
    char *path = path_join(r->output, "runs.json");
    print_spread(r);
    bool ok = file_print(path, write_json, r, d);
    free(path);
    return ok;
}

/* Each run reads them. */
static bool reads_files(const RunJob *j, FtcDiag *d)
{
    const char *const inputs[] = { j->source.spec, j->train, j->dev, j->eval };
    for (int i = 0; i < 4; i++)
        if (inputs[i] && input_is_once(inputs[i]))
            return ftc_error(d, FTC_FILE(input_name(inputs[i])), "can't be read again for each run; give a file");
    return true;
}

RunStatus repeat_run(const RepeatJob *job, FtcDiag *d)
{
    if (!reads_files(&job->run, d))
        return RUN_FAILED;
    Repeat *r = xcalloc(1, sizeof *r);
    int n = job->folds ? job->folds : job->seeds;
    const RunJob *run = &job->run;
    *r = (Repeat){ .job = job, .output = run->output ? xstrdup(run->output) : outputs_default_folder(run->source.spec, run->train),
                   .value = xcalloc(METRIC_KINDS, sizeof *r->value) };
    RunStatus status = RUN_DONE;
    if (path_is_folder(r->output) && !job->run.force) {
        ftc_error(d, FTC_FILE(r->output), "exists; name another folder with -o, or replace the runs in it with --force");
        status = RUN_FAILED;
    } else if (!folder_make(r->output, d) || (job->folds && !deal(r, d)))
        status = RUN_FAILED;
    for (int k = 0; k < n && status == RUN_DONE; k++)
        status = run_once(r, k, d);
    if (status == RUN_DONE && !report(r, d))
        status = RUN_FAILED;
    for (int k = 0; k < METRIC_KINDS; k++)
        free(r->title[k]);
    free(r->output);
    free(r->value);
    free(r);
    return status;
}

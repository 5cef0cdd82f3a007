/* Training, evaluating and predicting, from tables to files; see run.h. */
#include "runtime/run/training.h"

#include "runtime/run/evaluation.h"
#include "runtime/run/tables.h"
#include "runtime/core/clock.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/data/data_report.h"
#include "runtime/train/predictions.h"
#include "runtime/train/targets.h"
#include "runtime/weights/weights.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables ----------------------------------------------------------------------------------------------------------- */

/* All of them, so that one call names what is wrong with any.  Training starts, for the clock, with its table. */
static bool open_tables(Run *r)
{
    const RunWork *j = r->work;
    const Recipe *recipe = r->c->recipe;
    bool ok = !j->train || tables_check(recipe, j->dev, j->eval, r->diag);
    ok &= table_open(&r->dev, recipe, j->dev, TABLE_LABELLED, r->diag);
    ok &= table_open(&r->eval, recipe, j->eval, TABLE_LABELLED, r->diag);
    ok &= table_open(&r->predict, recipe, j->predict, TABLE_TEXTS, r->diag);
    r->train_start = clock_s();
    ok &= table_open(&r->train, recipe, j->train, TABLE_TRAINING, r->diag);
    return ok && (!j->train || tables_split(recipe, &r->train, &r->dev, &r->eval, r->diag));
}

static PredictionColumns prediction_columns(const Run *r)
{
    const Classifier *c = r->c;
    return (PredictionColumns){ .task = c->recipe->task, .labels = c->labels, .classes = c->n_labels,
                                .logits = r->work->logits, .separator = c->recipe->label_separator, .thresholds = c->threshold };
}

/* The classes, and what is asked of their tables. */
static bool number_labels(Run *r)
{
    Classifier *c = r->c;
    bool ok = tables_number(c, &r->train, &r->dev, &r->eval);
    ok = ok && evaluation_check_positive(c, r->diag);
    if (ok && r->train.csv)
        ok = (c->recipe->task == FTC_SINGLE_LABEL ? dataset_check_classes(&r->train, r->diag) : targets_check(&r->train, r->diag)) &&
             targets_weights(&r->train, r->diag);
    ok = ok && classifier_set_thresholds(c);
    if (ok && c->recipe->thresholds.tuned && !(r->train.csv && r->dev.csv))
        ok = ftc_error(r->diag, recipe_loc(c->recipe, "data.threshold"), "'threshold' is tuned on a dev table, after training; give both with "
                       "--train and --dev");
    PredictionColumns columns = prediction_columns(r);
    return ok && (!r->predict.csv || predictions_check(r->predict.csv, &columns, r->diag));
}

static bool tokenize(Run *r, Dataset *s)
{
    int64_t max = r->c->recipe->max_length;
    if (!s->csv || s->uncut)
        return true;
    if (!dataset_tokenize(s, r->c->tokenizer, (int)max, r->pool, r->diag))
        return false;
    data_warn_cut(s, (int)max, r->diag);
    return true;
}

static bool check_examples(Run *r, const Dataset *s)
{
    return !s->csv || examples_check(&s->examples, r->c->model, r->c->n_labels, r->c->params->vocab, r->diag);
}

/* ---- compiling beside the work on the data ------------------------------------------------------------------------------ */

typedef struct {
    Run *run;
    FtcDiag *diag; /* its own: a sink serves one thread */
    bool ok, started;
    pthread_t thread;
} Compilation;

static void *compile(void *arg)
{
    Compilation *k = arg;
    const RunWork *j = k->run->work;
    k->ok = !j->compile || j->compile(j->compile_user, k->diag);
    return NULL;
}

static void compile_start(Compilation *k, Run *r)
{
    *k = (Compilation){ .run = r, .diag = ftc_diag_new(stderr) };
    ftc_diag_as(k->diag, r->diag);
    k->started = pthread_create(&k->thread, NULL, compile, k) == 0;
}

static bool compile_finish(Compilation *k)
{
    if (k->started)
        pthread_join(k->thread, NULL);
    else
        compile(k);
    ftc_diag_free(k->diag);
    return k->ok;
}

/* Texts are compared before they become tokens, and counted behind. */
static bool prepare_data(Run *r)
{
    Classifier *c = r->c;
    if (!number_labels(r))
        return false;
    ReportInput in = tables_report_input(c, &r->train, &r->dev, &r->eval);
    DataReport report = { .n_labels = 0 };
    if (r->train.csv)
        data_report(&report, &in, r->diag);
    bool ok = table_tokenizer(c, &r->train, r->pool, r->diag);
    r->train.texts_end = !r->dev.part && !r->eval.part;
    ok = ok && tokenize(r, &r->train) && tokenize(r, &r->dev) && tokenize(r, &r->eval);
    if (ok && r->train.csv && r->work->notes) {
        data_report_lengths(&report, &in);
        data_report_line(&report, r->work->notes);
    }
    data_report_free(&report);
    return ok && ftc_diag_errors(r->diag) == 0; /* warnings may have been made errors */
}

static bool prepare(Run *r)
{
    Compilation compilation;
    compile_start(&compilation, r);
    bool ok = prepare_data(r);
    ok = compile_finish(&compilation) && ok;
    if (!ok)
        return false;
    r->summary.compile_s = r->c->compile_ms / 1000;
    r->c->find_nan = r->work->find_nan;
    return classifier_make(r->c, r->pool, r->work->check_arena) && check_examples(r, &r->train) && check_examples(r, &r->dev) &&
           check_examples(r, &r->eval);
}

/* ---- using it ----------------------------------------------------------------------------------------------------------- */

static float *logits_of(Run *r, Dataset *s, const char *what)
{
    if (!tokenize(r, s) || !check_examples(r, s))
        return NULL;
    Progress *progress = progress_new(r->work->notes, 0);
    float *logits = infer_logits(r->c->exec, &s->examples, r->c->model->train.eval_batch, what, progress, r->diag);
    progress_free(progress);
    return logits;
}

/* Shows and keeps what was found of the table. */
static bool report(Run *r, const SheetSource *found)
{
    const RunWork *j = r->work;
    if (j->judge && !j->judge(j->judge_user, found, r->diag))
        return false;
    if (j->judge && !r->out.sheets) {
        r->metrics = metrics_of(found->scored);
        return true;
    }
    Sheet *sheet = sheet_new(found);
    if (!j->judge) {
        sheet_print(sheet, r->out.report);
        fflush(r->out.report);
    }
    bool ok = !r->out.sheets || sheet_save(sheet, r->out.sheets, r->diag);
    if (ok && r->out.sheets && j->notes)
        fprintf(j->notes, "the result sheet is in %s/report.html\n", r->out.sheets);
    r->metrics = sheet_take_metrics(sheet);
    sheet_free(sheet);
    return ok;
}

static bool evaluate(Run *r)
{
    double start = clock_s();
    float *logits = logits_of(r, &r->eval, "evaluating");
    if (!logits)
        return false;
    r->summary.eval_s = clock_s() - start;
    Scored scored = infer_scored(r->c->exec, &r->eval.examples, logits, r->c->threshold, evaluation_positive(r->c));
    SheetSource source = { .scored = &scored, .labels = r->c->labels, .table = &r->eval, .table_name = csv_name(r->eval.csv),
                           .history = &r->history, .model = r->out.folder ? r->out.folder : r->work->model,
                           .version = r->work->origin->version, .train_s = r->summary.train_s, .eval_s = r->summary.eval_s,
                           .tokens_per_s = r->summary.tokens_per_s, .seed = (uint64_t)r->c->model->train.seed, .pool = r->pool };
    bool ok = report(r, &source);
    free(logits);
    return ok;
}

static bool predict(Run *r)
{
    double start = clock_s();
    PredictionColumns columns = prediction_columns(r);
    float *logits = logits_of(r, &r->predict, "predicting");
    bool ok = logits && predictions_write(r->out.predictions, r->predict.csv, &columns, logits, r->diag);
    free(logits);
    r->summary.predict_s = clock_s() - start;
    if (ok && r->work->notes && strcmp(r->out.predictions, "-"))
        fprintf(r->work->notes, "%lld predictions are in %s\n", (long long)csv_records(r->predict.csv), r->out.predictions);
    return ok;
}

void run_digest(Run *r)
{
    RunSummary *s = &r->summary;
    weights_sha256(r->c->params->weight, r->c->params->n, r->digest);
    s->weights_sha256 = r->digest;
    s->labels = r->c->labels;
    s->n_labels = r->c->n_labels;
    s->seed = r->c->model->train.seed;
}

static void finish_summary(Run *r)
{
    RunSummary *s = &r->summary;
    if (!r->log && !r->work->json && !r->work->train)
        return;
    if (!s->weights_sha256)
        run_digest(r);
    s->eval = r->metrics;
    s->total_s = clock_s() - r->start;
    log_end(r->log, s);
    if (r->work->json)
        summary_write(s, stdout);
}

/* ---- all together --------------------------------------------------------------------------------------------------------- */

static RunStatus do_run(Run *r)
{
    const RunWork *j = r->work;
    if (!outputs_prepare(&r->out, j, r->c))
        return RUN_FAILED;
    if (r->c->folder && !r->c->tokenizer) {
        ftc_error(r->diag, FTC_FILE(r->c->folder), "has no tokenizer: there is neither tokenizer.json nor vocab.txt in it");
        return RUN_FAILED;
    }
    if (!open_tables(r))
        return RUN_FAILED;
    if (j->log && !j->resume && !(r->log = log_open(j->log, r->diag))) /* that of a resumed run is written anew once it goes on */
        return RUN_FAILED;
    r->pool = pool_new(j->threads);
    if (!prepare(r))
        return RUN_FAILED;
    RunStatus status = j->train ? training_run(r) : RUN_DONE;
    if (status == RUN_DONE && ((r->eval.csv && !evaluate(r)) || (j->predict && !predict(r))))
        status = RUN_FAILED;
    if (status == RUN_DONE || status == RUN_DIVERGED)
        finish_summary(r);
    if (status == RUN_DONE && j->train && !training_record(r, r->out.folder))
        status = RUN_FAILED;
    return status;
}

RunStatus run_classifier(Classifier *c, const RunWork *work)
{
    Run *r = xcalloc(1, sizeof *r);
    *r = (Run){ .work = work, .c = c, .diag = c->diag, .start = clock_s(), .history = { .best = -1 }, .saved_step = -1,
                .summary = { .train_s = NAN, .encode_s = NAN, .eval_s = NAN, .predict_s = NAN, .tokens_per_s = NAN } };
    RunStatus status = do_run(r);
    if (!log_close(r->log, c->diag) && status == RUN_DONE)
        status = RUN_FAILED;
    metrics_free(r->metrics);
    Dataset *tables[] = { &r->train, &r->dev, &r->eval, &r->predict };
    for (int i = 0; i < 4; i++)
        dataset_close(tables[i]);
    history_free(&r->history);
    best_free(&r->best);
    outputs_free(&r->out);
    classifier_stop(c);
    if (r->pool)
        pool_free(r->pool);
    free(r);
    return status;
}

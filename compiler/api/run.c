/* Training, evaluating and predicting, from tables to files; see run.h. */
#include "compiler/api/run.h"

#include "compiler/api/outputs.h"
#include "runtime/core/clock.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/train/class_weights.h"
#include "runtime/train/dataset.h"
#include "runtime/train/predictions.h"
#include "runtime/train/schedule.h"
#include "runtime/train/train.h"
#include "runtime/weights/weights.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const RunJob *job;
    FtcDiag *diag;
    Classifier c;
    Outputs out;
    Pool *pool;
    Log *log;
    Dataset train, dev, eval, predict;
    double start, train_start;
    RunSummary summary;
    Metrics *metrics;           /* of eval */
} Run;

/* ---- tables ----------------------------------------------------------------------------------------------------------- */

static bool open_table(Run *r, Dataset *s, const char *path, bool labelled, int64_t limit)
{
    const Spec *spec = r->c.spec;
    const SpecLabelMap *map = &spec->data.label_map;
    DatasetColumns columns = { .text = { spec->data.text.v[0], spec->data.text.n > 1 ? spec->data.text.v[1] : NULL },
                               .label = labelled ? spec->data.label : NULL,
                               .table = { spec->data.separator, spec->data.encoding, limit },
                               .drop_missing = spec->data.missing == ROWS_DROP,
                               .map = { map->n, map->code, map->name },
                               .drop_unmapped = spec->data.unmapped == ROWS_DROP };
    return !path || dataset_open(s, path, &columns, r->diag);
}

/* All of them, so that one call names what is wrong with any.  Training starts, for the clock, with its table. */
static bool open_tables(Run *r)
{
    const RunJob *j = r->job;
    bool ok = open_table(r, &r->dev, j->dev, true, 0);
    ok &= open_table(r, &r->eval, j->eval, true, 0);
    ok &= open_table(r, &r->predict, j->predict, false, 0);
    r->train_start = clock_s();
    return open_table(r, &r->train, j->train, true, r->c.spec->data.limit) && ok;
}

/* The classes: those of the folder or the spec, else those of the training table. */
static bool number_labels(Run *r)
{
    Classifier *c = &r->c;
    const char *whose = c->continues ? "of the model's" : c->n_labels ? "of data.labels" : "that the training table has";
    if (!c->n_labels) {
        Labels found;
        bool ok = labels_collect(&found, &r->train, r->diag);
        if (ok)
            classifier_set_labels(c, (const char *const *)found.v, found.n);
        labels_free(&found);
        if (!ok)
            return false;
    }
    Dataset *tables[] = { &r->train, &r->dev, &r->eval };
    bool ok = true;
    for (int i = 0; i < 3; i++)
        if (tables[i]->csv)
            ok &= dataset_number(tables[i], c->labels, c->n_labels, whose, r->diag);
    if (ok && r->train.csv)
        ok = dataset_check_classes(&r->train, r->diag);
    PredictionColumns columns = { c->labels, c->n_labels, r->job->logits };
    return ok && (!r->predict.csv || predictions_check(r->predict.csv, &columns, r->diag));
}

static bool tokenize(Run *r, Dataset *s)
{
    int64_t max = r->c.spec->data.max_length;
    if (!s->csv)
        return true;
    if (!dataset_tokenize(s, r->c.tokenizer, (int)max, r->pool, r->diag))
        return false;
    if (s->cut)
        ftc_note(r->diag, FTC_FILE(csv_name(s->csv)), "%lld of %lld texts are longer than %lld tokens and are cut there "
                 "(data.max_length)", (long long)s->cut, (long long)s->examples.n, (long long)max);
    return true;
}

static bool check_examples(Run *r, const Dataset *s)
{
    return !s->csv || examples_check(&s->examples, &r->c.compiled->model, r->c.n_labels, r->c.params->vocab, r->diag);
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
    const RunJob *j = k->run->job;
    k->ok = classifier_compile(&k->run->c, j->train != NULL, &j->pipeline, &j->codegen, k->diag);
    return NULL;
}

static void compile_start(Compilation *k, Run *r)
{
    *k = (Compilation){ .run = r, .diag = ftc_diag_new(stderr) };
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

static bool prepare_data(Run *r)
{
    Classifier *c = &r->c;
    if (!number_labels(r))
        return false;
    if (!c->tokenizer)
        c->tokenizer = dataset_learn_tokenizer(&r->train, c->spec->model.tokenizer.lowercase,
                                               (int32_t)c->spec->model.tokenizer.vocab_size, r->pool, r->diag);
    r->train.texts_end = true;
    return c->tokenizer && tokenize(r, &r->train) && tokenize(r, &r->dev);
}

static bool prepare(Run *r)
{
    Compilation compilation;
    compile_start(&compilation, r);
    bool ok = prepare_data(r);
    ok = compile_finish(&compilation) && ok;
    if (!ok)
        return false;
    r->summary.compile_s = r->c.compiled->compile_ms / 1000;
    return classifier_make(&r->c, r->pool, r->job->check_arena) && check_examples(r, &r->train) && check_examples(r, &r->dev);
}

/* ---- training ----------------------------------------------------------------------------------------------------------- */

static void report_epoch(void *user, int64_t epoch, const Metrics *m)
{
    Run *r = user;
    if (r->job->notes)
        fprintf(r->job->notes, "epoch %lld: dev loss %.4f  accuracy %.2f %%  macro F1 %.4f\n", (long long)epoch, m->loss,
                100 * m->accuracy, m->macro_f1);
}

/* Nothing in the encoder learns, but it can't be run once for all epochs. */
static void note_dropout(Run *r)
{
    static const char *const names[] = { "dropout", "attention_dropout" };
    const Spec *spec = r->c.spec;
    char flags[128] = "";
    for (int i = 0; i < 2; i++) {
        const SpecParam *p = spec_param(spec, names[i]);
        if (p && strtod(p->text, NULL) > 0)
            snprintf(flags + strlen(flags), sizeof flags - strlen(flags), "-D model.encoder.%s=0 ", names[i]);
    }
    ftc_note(r->diag, spec_loc(spec, "train.freeze"), "the encoder is frozen, but its dropout is on: it runs in every epoch; %slets "
             "it run once", *flags ? flags : "a rate of 0 in its layers ");
}

/* What someone should know before waiting for the end. */
static void announce(Run *r)
{
    const Classifier *c = &r->c;
    char why[256];
    if (!c->folder)
        ftc_note(r->diag, FTC_NOWHERE, "no pre-trained encoder is given: all layers start from random numbers%s; --init DIR "
                 "starts from one", " and the vocabulary is learned from the training texts");
    if (c->compiled->encoder_is_random)
        note_dropout(r);
    if (!classifier_is_hf(c, why, sizeof why))
        ftc_warn(r->diag, "not-hf", FTC_FILE(c->spec->file), "transformers has no such architecture: %s; the model's folder "
                 "will be for ftc only", why);
    if (r->job->notes)
        fprintf(r->job->notes, "%lld records, %d classes; %lld parameters, %lld of them trained\n", (long long)r->train.examples.n,
                c->n_labels, (long long)params_total(c->params), (long long)params_trained(c->params));
}

static RunStatus train(Run *r)
{
    Classifier *c = &r->c;
    const FtcModel *m = &c->compiled->model;
    const Examples *x = &r->train.examples;
    if (!class_weights_resolve(&m->loss, c->labels, c->n_labels, x->labels, x->n, exec_inputs(c->exec)->class_weights, r->diag))
        return RUN_FAILED;
    announce(r);
    Progress *progress = progress_new(r->job->notes, schedule_steps(&m->train, x->n));
    TrainJob job = { .train = x, .dev = r->dev.csv ? &r->dev.examples : NULL, .train_name = csv_name(r->train.csv),
                     .progress = progress, .log = r->log, .epoch = report_epoch, .user = r };
    TrainResult result;
    TrainStatus status = train_run(c->exec, &job, &result, r->diag);
    progress_free(progress);
    r->summary.steps = result.steps;
    r->summary.train_s = clock_s() - r->train_start;
    r->summary.encode_s = result.encode_s;
    double work_s = result.step_s + (isnan(result.encode_s) ? 0 : result.encode_s);
    r->summary.tokens_per_s = work_s > 0 ? (double)result.tokens / work_s : 0;
    if (status == TRAIN_FAILED)
        return RUN_FAILED;
    if (status == TRAIN_DIVERGED) {
        outputs_keep_last_good(&r->out, c, result.steps);
        return RUN_DIVERGED;
    }
    if (!outputs_save(&r->out, c))
        return RUN_FAILED;
    if (r->job->notes) {
        char time[24];
        fprintf(r->job->notes, "trained %lld steps in %s, %.0f tokens/s; the model is in %s\n", (long long)result.steps,
                progress_time(r->summary.train_s, time), r->summary.tokens_per_s, r->out.folder);
    }
    return RUN_DONE;
}

/* ---- using it ----------------------------------------------------------------------------------------------------------- */

static float *logits_of(Run *r, Dataset *s, const char *what)
{
    if (!tokenize(r, s) || !check_examples(r, s))
        return NULL;
    Progress *progress = progress_new(r->job->notes, 0);
    float *logits = predict_logits(r->c.exec, &s->examples, r->c.spec->train.eval_batch, what, progress, r->diag);
    progress_free(progress);
    return logits;
}

static bool evaluate(Run *r)
{
    double start = clock_s();
    float *logits = logits_of(r, &r->eval, "evaluating");
    if (!logits)
        return false;
    r->metrics = metrics_new(logits, r->eval.examples.labels, r->eval.examples.n, r->c.n_labels);
    free(logits);
    r->summary.eval_s = clock_s() - start;
    metrics_print(r->metrics, r->c.labels, r->out.report);
    fflush(r->out.report);
    return true;
}

static bool predict(Run *r)
{
    double start = clock_s();
    PredictionColumns columns = { r->c.labels, r->c.n_labels, r->job->logits };
    float *logits = logits_of(r, &r->predict, "predicting");
    bool ok = logits && predictions_write(r->out.predictions, r->predict.csv, &columns, logits, r->diag);
    free(logits);
    r->summary.predict_s = clock_s() - start;
    if (ok && r->job->notes && strcmp(r->out.predictions, "-"))
        fprintf(r->job->notes, "%lld predictions are in %s\n", (long long)csv_records(r->predict.csv), r->out.predictions);
    return ok;
}

static void finish_summary(Run *r, char digest[65])
{
    RunSummary *s = &r->summary;
    if (!r->log && !r->job->json)
        return;
    weights_sha256(r->c.params->weight, r->c.params->n, digest);
    s->weights_sha256 = digest;
    s->eval = r->metrics;
    s->labels = r->c.labels;
    s->n_labels = r->c.n_labels;
    s->seed = r->c.spec->train.seed;
    s->total_s = clock_s() - r->start;
    log_end(r->log, s);
    if (r->job->json)
        summary_write(s, stdout);
}

/* ---- all together --------------------------------------------------------------------------------------------------------- */

static RunStatus do_run(Run *r)
{
    const RunJob *j = r->job;
    char digest[65];
    if (!classifier_open(&r->c, &j->source, r->diag) || !outputs_prepare(&r->out, j, &r->c))
        return RUN_FAILED;
    if (r->c.folder && !r->c.tokenizer) {
        ftc_error(r->diag, FTC_FILE(r->c.folder), "has no tokenizer: there is neither tokenizer.json nor vocab.txt in it");
        return RUN_FAILED;
    }
    if (!open_tables(r))
        return RUN_FAILED;
    if (j->log && !(r->log = log_open(j->log, r->diag)))
        return RUN_FAILED;
    r->pool = pool_new(j->threads);
    if (!prepare(r))
        return RUN_FAILED;
    RunStatus status = j->train ? train(r) : RUN_DONE;
    if (status == RUN_DONE && ((j->eval && !evaluate(r)) || (j->predict && !predict(r))))
        status = RUN_FAILED;
    if (status != RUN_FAILED)
        finish_summary(r, digest);
    return status;
}

RunStatus run_job(const RunJob *job, FtcDiag *d)
{
    Run *r = xcalloc(1, sizeof *r);
    *r = (Run){ .job = job, .diag = d, .start = clock_s(), .summary = { .train_s = NAN, .encode_s = NAN, .eval_s = NAN,
                                                                   .predict_s = NAN, .tokens_per_s = NAN } };
    RunStatus status = do_run(r);
    if (!log_close(r->log, d) && status == RUN_DONE)
        status = RUN_FAILED;
    metrics_free(r->metrics);
    classifier_close(&r->c);
    Dataset *tables[] = { &r->train, &r->dev, &r->eval, &r->predict };
    for (int i = 0; i < 4; i++)
        dataset_close(tables[i]);
    outputs_free(&r->out);
    if (r->pool)
        pool_free(r->pool);
    free(r);
    return status;
}

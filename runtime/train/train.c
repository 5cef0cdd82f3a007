/* The training loop; see train.h. */
#include "runtime/train/train.h"

#include "runtime/core/clock.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/mem.h"
#include "runtime/train/sampling.h"
#include "runtime/train/schedule.h"
#include "runtime/train/selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_RECORDS 64         /* that a message names; a batch rarely has more */
#define CHECKPOINT_SECONDS 600   /* of FTC_EVERY_MINUTES */

typedef struct {
    Exec *exec;
    Params *params;
    const TrainJob *job;
    TrainResult *result;
    FtcDiag *diag;
    const FtcTrain *how;
    Schedule schedule;
    Selection selection;
    int64_t step, epoch_steps;   /* updates made; in an epoch */
    double saved;                /* when the last checkpoint was, by the clock */
    int64_t saved_step;
} Loop;

/* ----- a step ----- */

static double output_or_nan(const Exec *e, const char *name)
{
    const float *value = exec_output(e, name);
    return value ? (double)*value : (double)NAN;
}

/* Says what wasn't finite, at which step, and in which records of the table. */
static TrainStatus diverged(const Loop *l, const FtcBatch *batch, int64_t epoch)
{
    char records[NAMED_RECORDS * 24 + 32] = "";
    for (int32_t i = 0, used = 0; i < batch->rows && i < NAMED_RECORDS; i++)
        used += snprintf(records + used, sizeof records - (size_t)used, "%s%lld", i ? ", " : "",
                         (long long)batch->record[i] + 1);
    if (batch->rows > NAMED_RECORDS)
        strcat(records, ", ...");
    bool loss = !isfinite(output_or_nan(l->exec, "loss"));
    int64_t best = l->job->history->best;
    progress_clear(l->job->progress);
    exec_report_nan(l->exec, batch, l->job->train_name, l->diag);
    ftc_error(l->diag, FTC_FILE(l->job->train_name),
              "training diverged: the %s is not finite at step %lld (epoch %lld), in a batch of records %s",
              loss ? "loss" : "gradient", (long long)l->step + 1, (long long)epoch, records);
    ftc_note(l->diag, FTC_NOWHERE, "the weights are those after step %lld; a lower optimizer.lr, a longer warmup or "
                                   "optimizer.clip_norm may help", (long long)(best < 0 ? l->step : l->job->history->epoch[best].step));
    return TRAIN_DIVERGED;
}

/* As many batches as make a step, or are left of the epoch; *batch is the last one that ran. */
static bool train_step(Loop *l, Batcher *b, FtcBatch *batch, int64_t epoch)
{
    double lr = schedule_lr(&l->schedule, l->step), start = clock_s();
    int64_t tokens = 0;
    exec_set_step(l->exec, l->step, lr);
    for (int64_t i = 1;; i++) {
        if (!batcher_next(b, batch))
            ftc_bug("train: epoch %lld has no batch for step %lld", (long long)epoch, (long long)l->step + 1);
        tokens += batch->tokens;
        if (i == schedule_batches(l->how) || batcher_left(b) == 0)
            break;
        if (!exec_accumulate(l->exec, batch))
            return false;
    }
    if (!exec_step(l->exec, batch))
        return false;
    StepRecord record = { .step = ++l->step, .epoch = epoch, .loss = output_or_nan(l->exec, "loss"), .lr = lr,
                          .grad_norm = output_or_nan(l->exec, "grad_norm"), .tokens = tokens,
                          .ms = 1000 * (clock_s() - start) };
    history_add_step(l->job->history, &record);
    log_step(l->job->log, &record);
    progress_step(l->job->progress, &record);
    return true;
}

/* ----- an evaluation ----- */

static int64_t last_evaluated(const History *h) { return h->n_epochs ? h->epoch[h->n_epochs - 1].step : 0; }

/* Whether it is time for a record of history->epoch, and there is none yet of this step. */
static bool evaluation_is_due(const Loop *l)
{
    int64_t every = l->how->eval_every > 0 ? l->how->eval_every : l->epoch_steps;
    return l->step > last_evaluated(l->job->history) && (l->step % every == 0 || l->step == l->schedule.total);
}

/* Means over the steps since the record before. */
static EpochRecord new_record(const Loop *l)
{
    const History *h = l->job->history;
    EpochRecord r = { .epoch = h->step[h->n_steps - 1].epoch, .step = l->step };
    int64_t from = last_evaluated(h);
    for (int64_t i = from; i < h->n_steps; i++) {
        r.train_loss += h->step[i].loss / (double)(h->n_steps - from);
        r.train_s += h->step[i].ms / 1000;
    }
    for (int k = 0; k < METRIC_KINDS; k++)
        r.dev[k] = NAN;
    return r;
}

/* The weights are kept where they are the best so far. */
static bool select_best(Loop *l, const EpochRecord *r)
{
    if (!l->selection.better)
        return true;
    bool best = selection_add(&l->selection, r->dev[l->how->best - 1]);
    l->job->history->best = l->selection.best;
    return !best || best_keep(l->job->best, l->params, l->diag);
}

static bool evaluate(Loop *l)
{
    const TrainJob *j = l->job;
    EpochRecord r = new_record(l);
    Metrics *m = NULL;
    if (j->dev) {
        double start = clock_s();
        float *logits = infer_logits(l->exec, j->dev, l->how->batch, "evaluating", j->progress, l->diag);
        if (!logits)
            return false;
        Scored scored = infer_scored(l->exec, j->dev, logits, j->thresholds, j->positive);
        m = metrics_of(&scored);
        free(logits);
        for (int k = 0; k < METRIC_KINDS; k++)
            r.dev[k] = metrics_value(m, (MetricKind)k);
        r.dev_s = clock_s() - start;
    }
    bool ok = select_best(l, &r);
    history_add_epoch(j->history, &r);
    if (j->epoch)
        j->epoch(j->user, &r, m);
    metrics_free(m);
    return ok;
}

/* ----- all of them ----- */

static void save(Loop *l)
{
    if (l->job->checkpoint)
        l->job->checkpoint(l->job->user);
    l->saved = clock_s();
    l->saved_step = l->step;
}

static bool checkpoint_is_due(const Loop *l)
{
    int64_t every = l->how->checkpoint_every;
    if (every == FTC_EVERY_MINUTES)
        return l->step > l->saved_step && clock_s() - l->saved >= CHECKPOINT_SECONDS;
    every = every == FTC_EVERY_EPOCH ? l->epoch_steps : every;
    return every && l->step > l->saved_step && l->step % every == 0;
}

/* Where the loop stands between two steps: what is due is done, then it is decided whether there is a next one. */
static bool between_steps(Loop *l, TrainStatus *status)
{
    bool ok = !evaluation_is_due(l) || evaluate(l);
    *status = TRAIN_DONE;
    if (!ok && !interrupt_asked())
        *status = TRAIN_FAILED;
    else if (ok && (l->step >= l->schedule.total || selection_stops(&l->selection)))
        l->result->stopped_early = l->step < l->schedule.total;
    else if (interrupt_asked()) {
        *status = TRAIN_INTERRUPTED;
        save(l);
    } else {
        if (checkpoint_is_due(l))
            save(l);
        return true;
    }
    return false;
}

static TrainStatus train_epochs(Loop *l, Batcher *b)
{
    FtcBatch batch;
    TrainStatus status;
    int64_t epoch = -1;
    while (between_steps(l, &status)) {
        if (epoch != l->step / l->epoch_steps) {
            epoch = l->step / l->epoch_steps;
            batcher_begin(b, epoch);
            batcher_skip(b, l->step % l->epoch_steps * schedule_batches(l->how));
        }
        if (!train_step(l, b, &batch, epoch + 1))
            return diverged(l, &batch, epoch + 1);
    }
    return status;
}

/* ----- a frozen encoder ----- */

/* Runs the encoder over all rows and hangs what it says on them, where there is memory for it beside *kept bytes of other rows; a
 * note says if not.  The caller frees x->encoded. */
static bool encode_rows(Loop *l, Examples *x, double *kept, double *seconds)
{
    InferJob job = { exec_model(l->exec)->encode, "encoded", exec_encoded_width(l->exec), "encoding" };
    double bytes = (double)x->n * (double)job.width * sizeof(float), start = clock_s();
    bool allowed = exec_allows(l->exec, *kept + bytes);
    float *encoded = allowed ? try_alloc((size_t)x->n, (size_t)job.width * sizeof *encoded, 64) : NULL;
    if (!encoded) {
        ftc_note(l->diag, FTC_NOWHERE, "the frozen encoder runs in every epoch: %s the %.1f MiB that would keep what it says of "
                 "%lld rows", allowed ? "there is no memory for" : "train.memory_limit has no room for", bytes / (1 << 20),
                 (long long)x->n);
        return true;
    }
    bool ok = infer_rows(l->exec, &job, x, l->how->batch, encoded, l->job->progress, l->diag);
    *seconds += clock_s() - start;
    *kept += bytes;
    x->encoded = encoded;
    x->width = job.width;
    return ok;
}

/* Rows that come once only are as well encoded when they come. */
static bool encode_once(Loop *l, Examples *train, Examples *dev)
{
    double kept = 0, seconds = 0, dev_seconds = 0;
    if (!exec_model(l->exec)->encode || l->schedule.total <= l->epoch_steps)
        return true;
    bool ok = encode_rows(l, train, &kept, &seconds) && (dev->n == 0 || encode_rows(l, dev, &kept, &dev_seconds));
    if (train->encoded)
        l->result->encode_s = seconds;
    return ok;
}

/* ----- from outside ----- */

static Batcher *train_batcher(const FtcTrain *t, const TrainJob *job, FtcDiag *d)
{
    return batcher_new(job->train, t->batch, t->shuffle, (uint64_t)t->seed, d);
}

bool train_prepare(Exec *e, const TrainJob *job, FtcDiag *d)
{
    const FtcTrain *t = &exec_model(e)->train;
    Batcher *b = train_batcher(t, job, d), *dev = NULL;
    bool ok = b && infer_reserve(e, b, d);
    if (ok && job->dev) {
        dev = batcher_new(job->dev, t->batch, false, 0, d);
        ok = dev && infer_reserve(e, dev, d);
    }
    batcher_free(b);
    batcher_free(dev);
    return ok;
}

/* What the record says was best, and for how long nothing was. */
static Selection replay(const FtcTrain *t, const History *h)
{
    Selection s = selection_make(t);
    for (int64_t i = 0; s.better && i < h->n_epochs; i++)
        selection_add(&s, h->epoch[i].dev[t->best - 1]);
    return s;
}

TrainStatus train_run(Exec *e, Params *p, const TrainJob *given, TrainResult *r, FtcDiag *d)
{
    const FtcModel *model = exec_model(e);
    Examples train = *given->train, dev = given->dev ? *given->dev : (Examples){ 0 }; /* to hang on what was encoded */
    TrainJob job = *given;
    job.train = &train;
    job.dev = given->dev ? &dev : NULL;
    *r = (TrainResult){ .encode_s = NAN };
    if (!train_prepare(e, &job, d))
        return TRAIN_FAILED;
    int64_t steps = job.history->n_steps;
    Loop l = { .exec = e, .params = p, .job = &job, .result = r, .diag = d, .how = &model->train, .step = steps, .saved_step = steps,
               .schedule = schedule_make(&model->optimizer, schedule_steps(&model->train, sampling_rows(&train))),
               .selection = replay(&model->train, job.history), .saved = clock_s(),
               .epoch_steps = schedule_epoch_steps(&model->train, sampling_rows(&train)) };
    job.history->best = l.selection.best;
    Batcher *b = encode_once(&l, &train, &dev) ? train_batcher(&model->train, &job, d) : NULL;
    exec_own_weights(e, true);
    TrainStatus status = b ? train_epochs(&l, b) : interrupt_asked() ? TRAIN_INTERRUPTED : TRAIN_FAILED;
    exec_own_weights(e, false);
    if (status != TRAIN_INTERRUPTED)
        exec_flush(e);
    if ((status == TRAIN_DONE || status == TRAIN_DIVERGED) && job.history->best >= 0)
        best_restore(job.best, p);
    r->steps = l.step;
    batcher_free(b);
    free((void *)train.encoded);
    free((void *)dev.encoded);
    return status;
}

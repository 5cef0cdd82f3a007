/* The training loop; see train.h. */
#include "runtime/train/train.h"

#include "runtime/core/clock.h"

#include "runtime/core/mem.h"
#include "runtime/train/sampling.h"
#include "runtime/train/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Records that a message names; a batch rarely has more. */
#define NAMED_RECORDS 64

/* ----- forward only ----- */

static bool reserve_for(Exec *e, const Batcher *b, FtcDiag *d)
{
    BatchSize most = batcher_most(b);
    return exec_reserve(e, most.tokens, most.rows, most.longest, d);
}

/* An output of a program for all rows in their order, [n, width]. */
typedef struct {
    const FtcProgram *program;
    const char *output;
    int64_t width;
    const char *what;   /* for the progress line */
} RowsJob;

static bool run_rows(Exec *e, const RowsJob *j, const Examples *x, int64_t batch, float *out, Progress *progress, FtcDiag *d)
{
    FtcBatch rows;
    Batcher *b = batcher_new(x, batch, false, 0, d);
    bool ok = b && reserve_for(e, b, d);
    for (int64_t at = 0; ok && batcher_next(b, &rows); at += rows.rows) {
        exec_run(e, j->program, &rows);
        memcpy(out + at * j->width, exec_output(e, j->output), (size_t)rows.rows * (size_t)j->width * sizeof *out);
        progress_rows(progress, j->what, at + rows.rows, x->n);
    }
    progress_clear(progress);
    batcher_free(b);
    return ok;
}

float *predict_logits(Exec *e, const Examples *x, int64_t batch, const char *what, Progress *progress, FtcDiag *d)
{
    RowsJob job = { exec_model(e)->eval, "logits", exec_classes(e), what };
    float *logits = try_alloc((size_t)x->n, (size_t)job.width * sizeof *logits, 64);
    if (!logits)
        ftc_error(d, FTC_NOWHERE, "no memory for the logits of %lld rows", (long long)x->n);
    if (logits && run_rows(e, &job, x, batch, logits, progress, d))
        return logits;
    free(logits);
    return NULL;
}

/* ----- training ----- */

typedef struct {
    Exec *exec;
    const TrainJob *job;
    TrainResult *result;
    FtcDiag *diag;
    Schedule schedule;
} Loop;

static double output_or_nan(const Exec *e, const char *name)
{
    const float *value = exec_output(e, name);
    return value ? (double)*value : (double)NAN;
}

/* Says what wasn't finite, at which step, and in which records of the table. */
static TrainStatus diverged(const Loop *l, const FtcBatch *batch, int64_t step, int64_t epoch)
{
    char records[NAMED_RECORDS * 24 + 32] = "";
    for (int32_t i = 0, used = 0; i < batch->rows && i < NAMED_RECORDS; i++)
        used += snprintf(records + used, sizeof records - (size_t)used, "%s%lld", i ? ", " : "",
                         (long long)batch->record[i] + 1);
    if (batch->rows > NAMED_RECORDS)
        strcat(records, ", ...");
    bool loss = !isfinite(output_or_nan(l->exec, "loss"));
    progress_clear(l->job->progress);
    ftc_error(l->diag, FTC_FILE(l->job->train_name),
              "training diverged: the %s is not finite at step %lld (epoch %lld), in a batch of records %s",
              loss ? "loss" : "gradient", (long long)step + 1, (long long)epoch + 1, records);
    ftc_note(l->diag, FTC_NOWHERE, "the weights are those after step %lld; a lower optimizer.lr, a longer warmup or "
                                   "optimizer.clip_norm may help", (long long)step);
    return TRAIN_DIVERGED;
}

static bool train_step(Loop *l, const FtcBatch *batch, int64_t step, int64_t epoch)
{
    TrainResult *r = l->result;
    double lr = schedule_lr(&l->schedule, step), start = clock_s();
    exec_set_step(l->exec, step, lr);
    bool ok = exec_step(l->exec, batch);
    double seconds = clock_s() - start;
    r->step_s += seconds;
    if (!ok)
        return false;
    StepRecord record = { .step = step + 1, .epoch = epoch + 1, .loss = output_or_nan(l->exec, "loss"), .lr = lr,
                          .grad_norm = output_or_nan(l->exec, "grad_norm"), .tokens = batch->tokens, .ms = 1000 * seconds };
    if (step == 0)
        r->first_loss = record.loss;
    r->last_loss = record.loss;
    r->steps++;
    r->tokens += batch->tokens;
    log_step(l->job->log, &record);
    progress_step(l->job->progress, &record);
    return true;
}

static bool evaluate_epoch(Loop *l, int64_t epoch)
{
    const TrainJob *j = l->job;
    if (!j->dev)
        return true;
    double start = clock_s();
    float *logits = predict_logits(l->exec, j->dev, exec_model(l->exec)->train.batch, "evaluating", j->progress, l->diag);
    if (!logits)
        return false;
    Metrics *m = metrics_new(logits, j->dev->labels, j->dev->n, exec_classes(l->exec));
    l->result->dev_s += clock_s() - start;
    if (j->epoch)
        j->epoch(j->user, epoch + 1, m);
    metrics_free(m);
    free(logits);
    return true;
}

static TrainStatus train_epochs(Loop *l, Batcher *b)
{
    FtcBatch batch;
    int64_t step = 0;
    for (int64_t epoch = 0; step < l->schedule.total; epoch++) {
        batcher_begin(b, epoch);
        while (step < l->schedule.total && batcher_next(b, &batch)) {
            if (!train_step(l, &batch, step, epoch))
                return diverged(l, &batch, step, epoch);
            step++;
        }
        if (!evaluate_epoch(l, epoch))
            return TRAIN_FAILED;
    }
    return TRAIN_DONE;
}

/* Runs the encoder over all rows and hangs what it says on them, where there is memory for it beside *kept bytes of other rows; a
 * note says if not.  The caller frees x->encoded. */
static bool encode_rows(Loop *l, Examples *x, double *kept, double *seconds)
{
    RowsJob job = { exec_model(l->exec)->encode, "encoded", exec_encoded_width(l->exec), "encoding" };
    double bytes = (double)x->n * (double)job.width * sizeof(float), start = clock_s();
    bool allowed = exec_allows(l->exec, *kept + bytes);
    float *encoded = allowed ? try_alloc((size_t)x->n, (size_t)job.width * sizeof *encoded, 64) : NULL;
    if (!encoded) {
        ftc_note(l->diag, FTC_NOWHERE, "the frozen encoder runs in every epoch: %s the %.1f MiB that would keep what it says of "
                 "%lld rows", allowed ? "there is no memory for" : "train.memory_limit has no room for", bytes / (1 << 20),
                 (long long)x->n);
        return true;
    }
    bool ok = run_rows(l->exec, &job, x, exec_model(l->exec)->train.batch, encoded, l->job->progress, l->diag);
    *seconds += clock_s() - start;
    *kept += bytes;
    x->encoded = encoded;
    x->width = job.width;
    return ok;
}

/* Rows that come once only are as well encoded when they come. */
static bool encode_once(Loop *l, Examples *train, Examples *dev)
{
    const FtcModel *m = exec_model(l->exec);
    double kept = 0, seconds = 0; /* of the training rows */
    if (!m->encode || l->schedule.total <= (train->n + m->train.batch - 1) / m->train.batch)
        return true;
    bool ok = encode_rows(l, train, &kept, &seconds) && (dev->n == 0 || encode_rows(l, dev, &kept, &l->result->dev_s));
    if (train->encoded)
        l->result->encode_s = seconds;
    return ok;
}

static Batcher *train_batcher(const FtcTrain *t, const TrainJob *job, FtcDiag *d)
{
    return batcher_new(job->train, t->batch, t->shuffle, (uint64_t)t->seed, d);
}

bool train_prepare(Exec *e, const TrainJob *job, FtcDiag *d)
{
    const FtcTrain *t = &exec_model(e)->train;
    Batcher *b = train_batcher(t, job, d), *dev = NULL;
    bool ok = b && reserve_for(e, b, d);
    if (ok && job->dev) {
        dev = batcher_new(job->dev, t->batch, false, 0, d);
        ok = dev && reserve_for(e, dev, d);
    }
    batcher_free(b);
    batcher_free(dev);
    return ok;
}

TrainStatus train_run(Exec *e, const TrainJob *given, TrainResult *r, FtcDiag *d)
{
    const FtcModel *model = exec_model(e);
    Examples train = *given->train, dev = given->dev ? *given->dev : (Examples){ 0 }; /* to hang on what was encoded */
    TrainJob job = *given;
    job.train = &train;
    job.dev = given->dev ? &dev : NULL;
    *r = (TrainResult){ .encode_s = NAN, .first_loss = NAN, .last_loss = NAN };
    if (!train_prepare(e, &job, d))
        return TRAIN_FAILED;
    Loop l = { .exec = e, .job = &job, .result = r, .diag = d,
               .schedule = schedule_make(&model->optimizer, schedule_steps(&model->train, sampling_rows(&train))) };
    Batcher *b = encode_once(&l, &train, &dev) ? train_batcher(&model->train, &job, d) : NULL;
    TrainStatus status = b ? train_epochs(&l, b) : TRAIN_FAILED;
    exec_flush(e);
    batcher_free(b);
    free((void *)train.encoded);
    free((void *)dev.encoded);
    return status;
}

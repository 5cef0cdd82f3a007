/* From a model that knows nothing to its folder; see training.h. */
#include "runtime/run/training.h"

#include "runtime/run/evaluation.h"
#include "runtime/core/clock.h"
#include "runtime/core/files.h"
#include "runtime/core/interrupt.h"
#include "runtime/train/class_weights.h"
#include "runtime/train/sampling.h"
#include "runtime/train/schedule.h"
#include "runtime/train/thresholds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table of epochs ------------------------------------------------------------------------------------------------ */

/* A line for people: the losses, the metrics that say most, and that which decides. */
static void print_epoch(const Run *r, const EpochRecord *e)
{
    FILE *out = r->work->notes;
    const FtcTrain *t = &r->c->model->train;
    enum { N = 3 };
    static const MetricKind of_task[][N] = {
        [FTC_SINGLE_LABEL] = { METRIC_loss, METRIC_accuracy, METRIC_macro_f1 },
        [FTC_MULTI_LABEL] = { METRIC_loss, METRIC_micro_f1, METRIC_macro_f1 },
        [FTC_REGRESSION] = { METRIC_loss, METRIC_pearson, METRIC_spearman },
    };
    const MetricKind *shown = of_task[r->c->model->task];
    char time[24];
    bool decides = t->best != 0;
    fprintf(out, "epoch %lld", (long long)e->epoch);
    if (t->eval_every > 0)
        fprintf(out, ", step %lld", (long long)e->step);
    fprintf(out, ": train loss %.4f", e->train_loss);
    for (int i = 0; i < N + 1; i++) {
        int k = i < N ? (int)shown[i] : t->best - 1;
        if (k < 0 || (i == N && !decides) || isnan(e->dev[k]))
            continue;
        decides &= k != t->best - 1;
        fprintf(out, "  %s%s ", k == METRIC_loss ? "dev " : "", metric_info[k].title);
        if (k == METRIC_accuracy)
            fprintf(out, "%.2f %%", 100 * e->dev[k]);
        else
            fprintf(out, "%.4f", e->dev[k]);
    }
    fprintf(out, "  in %s\n", progress_time(e->train_s + e->dev_s, time));
}

static void on_epoch(void *user, const EpochRecord *e, const Metrics *m)
{
    const Run *r = user;
    (void)m;
    if (r->work->notes)
        print_epoch(r, e);
}

/* Which epoch the model is of, and why training ended before its time. */
static void print_choice(const Run *r, const TrainResult *result)
{
    const History *h = &r->history;
    const FtcTrain *t = &r->c->model->train;
    if (!r->work->notes || h->best < 0)
        return;
    const EpochRecord *e = &h->epoch[h->best];
    if (result->stopped_early)
        fprintf(r->work->notes, "stopped early: %lld evaluations without a gain in %s\n", (long long)t->patience,
                metric_info[t->best - 1].title);
    fprintf(r->work->notes, "the best is that of epoch %lld, step %lld: dev %s %.4f\n", (long long)e->epoch, (long long)e->step,
            metric_info[t->best - 1].title, e->dev[t->best - 1]);
}

/* ---- before the first step ---------------------------------------------------------------------------------------------- */

/* What someone should know before waiting for the end. */
static void announce(Run *r)
{
    const Classifier *c = r->c;
    char why[256];
    if (!c->folder)
        ftc_note(r->diag, FTC_NOWHERE, "no pre-trained encoder is given: all layers start from random numbers and the "
                 "vocabulary is learned from the training texts; --init DIR starts from one");
    if (c->random_encoder)
        ftc_note(r->diag, recipe_loc(c->recipe, "train.freeze"), "the encoder is frozen, but its dropout is on: it runs in every "
                 "epoch; %slets it run once", *c->random_encoder ? c->random_encoder : "a rate of 0 in its layers ");
    if (c->model->train.sampling != FTC_SAMPLING_NONE && c->model->loss.mode != FTC_WEIGHTS_NONE)
        ftc_warn(r->diag, "weighed-twice", recipe_loc(c->recipe, "loss.class_weights"), "train.sampling evens out the classes already, and "
                 "class weights do it again; one of them is enough");
    if (!classifier_is_hf(c, why, sizeof why))
        ftc_warn(r->diag, "not-hf", FTC_FILE(c->recipe->file), "transformers has no such architecture: %s; the model's folder "
                 "will be for ftc only", why);
    if (!r->work->notes)
        return;
    fprintf(r->work->notes, "%lld records", (long long)r->train.examples.n);
    if (c->recipe->task != FTC_REGRESSION)
        fprintf(r->work->notes, ", %d %s", c->n_labels, c->recipe->task == FTC_MULTI_LABEL ? "labels" : "classes");
    if (c->model->train.sampling != FTC_SAMPLING_NONE)
        fprintf(r->work->notes, ", %lld rows an epoch", (long long)sampling_rows(&r->train.examples));
    fprintf(r->work->notes, "; %lld parameters, %lld of them trained\n", (long long)params_total(c->params),
            (long long)params_trained(c->params));
}

/* Tokens trained a second of training; evaluations don't count. */
static double throughput(const History *h, double encode_s)
{
    double seconds = isnan(encode_s) ? 0 : encode_s, tokens = 0;
    for (int64_t i = 0; i < h->n_steps; i++) {
        seconds += h->step[i].ms / 1000;
        tokens += (double)h->step[i].tokens;
    }
    return seconds > 0 ? tokens / seconds : 0;
}

/* The choice needs something to choose by. */
static bool check_choice(const Run *r)
{
    const FtcTrain *t = &r->c->model->train;
    if (t->best && !r->dev.csv)
        return ftc_error(r->diag, recipe_loc(r->c->recipe, "train.best"), "'best' chooses among evaluations of a dev table; give one with "
                         "--dev, or a share of the training table with --split dev=.15");
    if (t->best && !(metric_info[t->best - 1].tasks & 1u << r->c->model->task))
        return ftc_error(r->diag, recipe_loc(r->c->recipe, "train.best"), "'%s' has no meaning for what this model predicts",
                         metric_info[t->best - 1].name);
    return true;
}

/* ---- checkpoints -------------------------------------------------------------------------------------------------------- */

bool training_record(const Run *r, const char *folder)
{
    RecordContents contents = { .work = r->work, .recipe = r->c->recipe, .inputs = r->work->inputs, .history = &r->history,
                                .summary = r->summary.weights_sha256 ? &r->summary : NULL };
    char *path = path_join(folder, "run.json");
    bool ok = record_write(path, &contents, r->diag);
    free(path);
    return ok;
}

static double trained_for(const Run *r) { return r->train_before + clock_s() - r->train_start; }

static Checkpoint checkpoint_of(Run *r, double *train_s)
{
    return (Checkpoint){ .exec = r->c->exec, .params = r->c->params, .pool = r->pool, .history = &r->history, .best = &r->best,
                         .train_s = train_s };
}

/* The folder is made when there is something to put into it; one of an older run, which --force gave up, goes then. */
static bool make_training_folder(Run *r, FtcDiag *d)
{
    if (r->has_training_folder)
        return true;
    folder_remove(r->out.training);
    r->has_training_folder = folder_make(r->out.training, d) && training_record(r, r->out.training);
    return r->has_training_folder;
}

/* What can't be written is a warning: training goes on, and the next one may find room. */
static void on_checkpoint(void *user)
{
    Run *r = user;
    FtcDiag *quiet = ftc_diag_new(NULL), *loud = r->diag;
    double train_s = trained_for(r);
    Checkpoint c = checkpoint_of(r, &train_s);
    r->diag = quiet;
    bool ok = make_training_folder(r, quiet) &&
              checkpoint_write(r->out.training, &c, r->c->model->train.checkpoint_keep, quiet);
    r->diag = loud;
    char last[48] = "there is none yet";
    if (r->saved_step >= 0)
        snprintf(last, sizeof last, "the last one is of step %lld", (long long)r->saved_step);
    if (ok)
        r->saved_step = r->history.n_steps;
    else
        ftc_warn(r->diag, "checkpoint", FTC_FILE(r->out.training), "the checkpoint of step %lld could not be written (%s); %s",
                 (long long)r->history.n_steps, ftc_diag_last(quiet), last);
    ftc_diag_free(quiet);
}

/* Goes to the newest checkpoint, as if this run had made its steps: log and table of epochs say them again. */
static bool resume(Run *r, Progress *progress)
{
    int64_t step;
    Checkpoint c = checkpoint_of(r, &r->train_before);
    if (!r->work->resume(r->out.training, &c, &step, r->diag))
        return false;
    if (r->work->log && !(r->log = log_open(r->work->log, r->diag)))
        return false;
    r->has_training_folder = true;
    r->saved_step = step;
    int64_t epoch = 0;
    for (int64_t i = 0; i < step; i++) {
        log_step(r->log, &r->history.step[i]);
        progress_skip(progress, &r->history.step[i]);
    }
    for (; r->work->notes && epoch < r->history.n_epochs; epoch++)
        print_epoch(r, &r->history.epoch[epoch]);
    if (r->work->notes)
        fprintf(r->work->notes, "going on after step %lld\n", (long long)step);
    return true;
}

static RunStatus interrupted(const Run *r, int64_t total)
{
    if (r->saved_step < 0) {
        ftc_error(r->diag, FTC_NOWHERE, "interrupted after step %lld of %lld, and nothing of it could be saved",
                  (long long)r->history.n_steps, (long long)total);
        return RUN_INTERRUPTED;
    }
    ftc_note(r->diag, FTC_NOWHERE, "interrupted after step %lld of %lld; to go on from step %lld: ftc run --resume %s",
             (long long)r->history.n_steps, (long long)total, (long long)r->saved_step, r->out.folder);
    return RUN_INTERRUPTED;
}

/* ---- all together ------------------------------------------------------------------------------------------------------- */

/* What belongs to the model beside itself: how it came about. */
static bool add_history(void *user, const char *folder)
{
    const Run *r = user;
    char *path = path_join(folder, "log.jsonl");
    Log *log = log_open(path, r->diag);
    for (int64_t i = 0; i < r->history.n_steps; i++)
        log_step(log, &r->history.step[i]);
    bool ok = log && log_close(log, r->diag) && training_record(r, folder);
    free(path);
    return ok;
}

/* Once the weights are final. */
static bool tune_thresholds(Run *r, Progress *progress)
{
    Classifier *c = r->c;
    const Examples *x = &r->dev.examples;
    if (!c->recipe->thresholds.tuned)
        return true;
    float *logits = infer_logits(c->exec, x, c->model->train.eval_batch, "tuning thresholds", progress, r->diag);
    if (logits)
        thresholds_tune(logits, x->targets, x->n, c->n_labels, c->threshold);
    free(logits);
    return logits != NULL;
}

static TrainStatus run_loop(Run *r, TrainResult *result)
{
    const FtcModel *m = r->c->model;
    const Examples *x = &r->train.examples;
    Progress *progress = progress_new(r->work->notes, schedule_steps(&m->train, sampling_rows(x)));
    TrainStatus status = TRAIN_FAILED;
    if (!r->work->resume || resume(r, progress)) {
        TrainJob job = { .train = x, .dev = r->dev.csv ? &r->dev.examples : NULL, .train_name = csv_name(r->train.csv),
                         .thresholds = r->c->threshold, .positive = evaluation_positive(r->c), .progress = progress, .log = r->log,
                         .history = &r->history, .best = &r->best, .epoch = on_epoch, .checkpoint = on_checkpoint, .user = r };
        interrupt_catch();
        status = train_run(r->c->exec, r->c->params, &job, result, r->diag);
        bool tuned = status != TRAIN_DONE || tune_thresholds(r, progress);
        r->interrupted = interrupt_release();
        if (!tuned && r->interrupted)
            on_checkpoint(r); /* of the last step: only this is left to do */
        if (!tuned)
            status = r->interrupted ? TRAIN_INTERRUPTED : TRAIN_FAILED;
    }
    progress_free(progress);
    return status;
}

RunStatus training_run(Run *r)
{
    Classifier *c = r->c;
    const FtcModel *m = c->model;
    Examples *x = &r->train.examples;
    TrainResult result = { .encode_s = NAN };
    x->sampling = m->train.sampling;
    if (!check_choice(r) ||
        !class_weights_resolve(&m->loss, c->labels, c->n_labels, x, exec_inputs(c->exec)->class_weights, r->diag))
        return RUN_FAILED;
    announce(r);
    if (ftc_diag_errors(r->diag))
        return RUN_FAILED;
    TrainStatus status = run_loop(r, &result);
    r->summary.steps = result.steps;
    r->summary.train_s = trained_for(r);
    r->summary.encode_s = result.encode_s;
    r->summary.tokens_per_s = throughput(&r->history, result.encode_s);
    switch (status) {
    case TRAIN_FAILED: return RUN_FAILED;
    case TRAIN_INTERRUPTED: return interrupted(r, schedule_steps(&m->train, sampling_rows(x)));
    case TRAIN_DIVERGED:
        run_digest(r);
        outputs_keep_last_good(&r->out, c, r->history.best < 0 ? result.steps : r->history.epoch[r->history.best].step, add_history, r);
        return RUN_DIVERGED;
    case TRAIN_DONE: break;
    }
    run_digest(r);
    print_choice(r, &result);
    if (!outputs_save(&r->out, c, add_history, r)) {
        if (r->saved_step >= 0)
            ftc_note(r->diag, FTC_NOWHERE, "the checkpoint of step %lld is there; once there is room, 'ftc run --resume %s' goes on "
                     "from it", (long long)r->saved_step, r->out.folder);
        return RUN_FAILED;
    }
    if (r->work->notes) {
        char time[24];
        fprintf(r->work->notes, "trained %lld steps in %s, %.0f tokens/s; the model is in %s\n", (long long)result.steps,
                progress_time(r->summary.train_s, time), r->summary.tokens_per_s, r->out.folder);
    }
    return r->interrupted ? RUN_INTERRUPTED : RUN_DONE; /* in the last step */
}

/* The learning rate over the steps of a run: as Hugging Face's get_constant_schedule_with_warmup,
 * get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup (half a wave) have it.
 *
 *   warm-up      lr * step / warmup                  from 0 at the first step
 *   constant     lr
 *   linear       lr * (total - step) / (total - warmup)
 *   cosine       lr * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2 */
#ifndef FTC_SCHEDULE_H
#define FTC_SCHEDULE_H

#include "ftc/model.h"

typedef struct {
    FtcScheduleKind kind;
    double lr;
    int64_t warmup, total; /* steps */
} Schedule;

/* The schedule of a run of `total` steps. */
Schedule schedule_make(const FtcOptimizer *o, int64_t total);

/* At step 0, 1, ... */
double schedule_lr(const Schedule *s, int64_t step);

/* Batches whose gradients make one step. */
int64_t schedule_batches(const FtcTrain *t);

/* Steps in which all rows are seen once. */
int64_t schedule_epoch_steps(const FtcTrain *t, int64_t rows);

/* How many steps a run has: epochs over so many rows; where max_steps is set, it alone decides (as in Hugging Face's Trainer). */
int64_t schedule_steps(const FtcTrain *t, int64_t rows);

#endif

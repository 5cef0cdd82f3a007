/* Learning rate schedules; see schedule.h. */
#include "runtime/train/schedule.h"

#include <math.h>

Schedule schedule_make(const FtcOptimizer *o, int64_t total)
{
    int64_t warmup = (int64_t)(o->warmup < 1 ? o->warmup * (double)total : o->warmup);
    return (Schedule){ .kind = o->schedule, .lr = o->lr, .warmup = warmup, .total = total };
}

double schedule_lr(const Schedule *s, int64_t step)
{
    const double pi = 3.14159265358979323846;
    if (step < s->warmup)
        return s->lr * ((double)step / (double)s->warmup);
    int64_t span = s->total > s->warmup ? s->total - s->warmup : 1, left = s->total - step;
    switch (s->kind) {
    case FTC_SCHEDULE_CONSTANT: break;
    case FTC_SCHEDULE_LINEAR: return left > 0 ? s->lr * ((double)left / (double)span) : 0;
    case FTC_SCHEDULE_COSINE: return s->lr * fmax(0, 0.5 * (1 + cos(pi * ((double)(step - s->warmup) / (double)span))));
    }
    return s->lr;
}

int64_t schedule_batches(const FtcTrain *t) { return t->accumulate > 1 ? t->accumulate : 1; }

int64_t schedule_epoch_steps(const FtcTrain *t, int64_t rows)
{
    int64_t step = t->batch * schedule_batches(t);
    return (rows + step - 1) / step;
}

int64_t schedule_steps(const FtcTrain *t, int64_t rows)
{
    return t->max_steps > 0 ? t->max_steps : t->epochs * schedule_epoch_steps(t, rows);
}

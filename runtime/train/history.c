/* Lists of steps and epochs; see history.h. */
#include "runtime/train/history.h"

#include "runtime/core/mem.h"

#include <stdlib.h>

void history_add_step(History *h, const StepRecord *r)
{
    GROW(h->step, h->n_steps, h->cap_steps);
    h->step[h->n_steps++] = *r;
}

void history_add_epoch(History *h, const EpochRecord *r)
{
    GROW(h->epoch, h->n_epochs, h->cap_epochs);
    h->epoch[h->n_epochs++] = *r;
}

void history_free(History *h)
{
    free(h->step);
    free(h->epoch);
    *h = (History){ .best = -1 };
}

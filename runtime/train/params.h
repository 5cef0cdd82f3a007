/* The parameters of a model in memory: f32 masters, and what the optimizer keeps beside them.
 *
 * In:  the model's weight table, with the number of classes and vocabulary entries that its shapes leave open.
 * Out: memory for each weight and state, filled by weights_load (a folder: give it `weight`, `n`), by params_init (random
 *      numbers for all others), and then by the step itself. */
#ifndef FTC_PARAMS_H
#define FTC_PARAMS_H

#include "ftc/model.h"
#include "runtime/core/pool.h"
#include "runtime/train/block.h"
#include "runtime/weights/weights.h"

typedef struct {
    const FtcModel *model;
    int64_t classes, vocab;
    int n;
    Weight *weight;       /* [n], in the order of the model's table; data is 64-byte aligned unless guarded */
    int64_t *count;       /* [n] elements */
    int n_states;         /* 0 until params_add_states */
    float **state;        /* [n_states * n]: the k-th state of weight i is state[k * n + i]; NULL where it is frozen */
    bool guarded;
    Block *block;         /* the memory: one for all weights and one for all states or, guarded, one for each */
    int n_blocks;
} Params;

/* All zeros; NULL after an error (too large for this machine).  Free it with params_free.  `guarded`: each weight and
 * state ends at an unmapped page, see block.h. */
Params *params_new(const FtcModel *model, int64_t classes, int64_t vocab, bool guarded, FtcDiag *d);

/* Memory for the optimizer's states, all zero: before the first training step, and no earlier. */
bool params_add_states(Params *p, FtcDiag *d);
void params_free(Params *p);

/* Before they are loaded by one thread, has all threads write to the weights' pages: to get these from the system takes longer than
 * to read what will be in them.  They stay zero. */
void params_touch(Params *p, Pool *pool);

/* Fills all weights that weren't loaded as FtcWeight.init says.  A weight's numbers depend on the seed and on its place in the
 * table, not on the number of threads. */
void params_init(Params *p, uint64_t seed, Pool *pool);

/* The number of all elements; of those that are trained. */
int64_t params_total(const Params *p);
int64_t params_trained(const Params *p);

/* The memory behind the name of a weight or a state ("m:head.bias") with its number of elements; NULL if there is
 * none of that name. */
float *params_find(const Params *p, const char *name, int64_t *count);

#endif

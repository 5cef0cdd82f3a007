/* A compiled model: what the compiler hands the runtime beside the code.
 *
 * In:  the compiler fills one FtcModel per resolved spec; it is plain constant data, fit to live in an object file.
 * Out: the runtime reads it and changes nothing.  What a pointer names is owned by whoever made the model, and outlives
 *      its uses.
 * The idea: what shapes the code is in the programs; every number that may change without compiling again stands here and
 * reaches the code as an input with a name:
 *
 *   from the batch      ids i32[T]  types i32[T]  row_start i32[B+1]  labels i32[B]  encoded f32[B,...]
 *                       row_of i32[T] (the row of each token; follows from row_start)
 *                       targets f32[B,C] (of each label whether the row has it, 1 or 0; or the number to predict)
 *                       row_weights f32[B] (all 1 where there are none)
 *   from the words      used i32[U]  place i32[T] (of each token: used[place] is its id)  known i32, pending f32: see below
 *                       first i32[T] (of each token: the first one with the same id)  first_of i32[U] (of each used entry: its first
 *                       token; 0 where the batch has none)
 *   from the data       class_weights f32[C] (all 1 where there are none)
 *   scalars, i32        seed   step (0, 1, ...: the number of updates made so far)
 *   from batches before, of the same step    keep f32: 1, or 0 where there were none   cost_before f32   parts_before f32
 *                       first_token  first_row  i32: how many tokens and rows they had
 *   scalars, f32        lr  weight_decay  beta1  beta2  eps  momentum  clip_norm (infinity: no clipping)  label_smoothing
 *                       correction1 = 1 - beta1^(step+1)   correction2 = 1 - beta2^(step+1)   of the betas as f32
 *                       dropout.0  dropout.1  ...: rates, see FtcModel.dropout
 *
 * and what the programs answer, as outputs with a name (f32):
 *
 *   loss [1]       mean over the batch, as it is minimised        (step; eval may have it)
 *   grad_norm [1]  global norm of all gradients, before clipping  (step; computed before the update region)
 *   logits [B,C]                                                  (eval)
 *   loss [1]  parts [1]   cost of the batch's rows, and what it is divided by in the mean       (accumulate)
 *   encoded [B,...]   numbers for each row, whatever other rows are in the batch  (encode)
 *
 * A table with by_rows holds a vector for each entry of the vocabulary, and a batch uses few of them.  An entry that no batch has
 * used yet has no gradient and no moments: a step does nothing to it but decay.  So the step works on used rows only, used[0 ..
 * U), those of this batch included; used[0 .. known) were used before.  Of all others the decay is `pending`, one factor, until
 * they are used, or all weights are read (exec_flush).  The results are those of the dense optimizer. */
#ifndef FTC_MODEL_H
#define FTC_MODEL_H

#include "ftc/diag.h"
#include "ftc/step.h"

/* What is predicted of a row: one of C classes; any number of C labels, each for itself; or a number (C = 1). */
typedef enum { FTC_SINGLE_LABEL, FTC_MULTI_LABEL, FTC_REGRESSION } FtcTask;

typedef enum { FTC_SGD, FTC_ADAMW } FtcOptimizerKind;
typedef enum { FTC_SCHEDULE_CONSTANT, FTC_SCHEDULE_LINEAR, FTC_SCHEDULE_COSINE } FtcScheduleKind;

enum { FTC_MAX_STATES = 3, FTC_MAX_DROPOUTS = 256 };

typedef struct {
    FtcOptimizerKind kind;
    double lr, weight_decay;            /* decay applies to weights with FtcWeight.decay */
    double beta1, beta2, eps;           /* AdamW */
    double momentum;                    /* SGD */
    double clip_norm;                   /* > 0; infinity: none */
    FtcScheduleKind schedule;
    double warmup;                      /* below 1 a share of all steps, rounded down; from 1 a number of steps */
} FtcOptimizer;

/* Weights of the classes in the loss.  LISTED: one value a class, in the order of the labels.  NAMED: by label,
 * 1 for those not named.  BALANCED: rows / (classes * rows of the class), over the training data.  Where a row has any number of
 * labels, a label's weight is that of rows that have it, against 1 for the others; BALANCED: rows without it / rows with it. */
typedef enum { FTC_WEIGHTS_NONE, FTC_WEIGHTS_BALANCED, FTC_WEIGHTS_LISTED, FTC_WEIGHTS_NAMED } FtcClassWeightMode;

typedef struct {
    double label_smoothing;             /* 0 <= s < 1 */
    FtcClassWeightMode mode;
    int32_t n_class_weights;
    const double *class_weights;        /* LISTED, NAMED */
    const char *const *class_names;     /* NAMED */
    FtcLoc class_weights_at;            /* where the spec says so */
} FtcLoss;

typedef struct {
    int32_t max_length;                 /* tokens a row, special ones included; the model can't take more */
    int32_t segments;                   /* segment ids are 0 .. segments - 1; 0: the model doesn't look at them */
    int32_t n_labels;                   /* 0: those of the training data, ordered by bytes */
    const char *const *labels;
} FtcData;

/* Which rows an epoch has: all, once each; as many of each class as the largest has, rows repeated; as many as the smallest has; or
 * as many as there are, each drawn from a class that all are as likely to be. */
typedef enum { FTC_SAMPLING_NONE, FTC_SAMPLING_OVER, FTC_SAMPLING_UNDER, FTC_SAMPLING_WEIGHTED } FtcSampling;

enum { FTC_EVERY_EPOCH = -1, FTC_EVERY_MINUTES = -2 };

typedef struct {
    int32_t epochs;
    int32_t batch;                      /* rows */
    int32_t accumulate;                 /* batches of a step; 0 and 1: one */
    int32_t eval_batch;                 /* rows at a time, after training */
    int64_t seed;
    int64_t max_steps;                  /* 0: epochs decide; else this alone, over as many epochs as it takes */
    bool shuffle;
    FtcSampling sampling;
    double memory_limit;                /* GiB that parameters, states and a step's values may take; 0: no limit */
    int64_t eval_every;                 /* steps between evaluations of dev; below 1: an epoch */
    int64_t checkpoint_every;           /* steps; FTC_EVERY_EPOCH, FTC_EVERY_MINUTES; 0: none */
    int64_t checkpoint_keep;            /* so many of the last ones stay */
    int32_t best;                       /* which evaluation's weights are kept: 1 + MetricKind (metrics.h); 0: the last step's */
    int64_t patience;                   /* so many evaluations without a gain above `threshold` end training; 0: none do */
    double threshold;
} FtcTrain;

typedef struct FtcModel {
    const char *name;
    const FtcProgram *step, *eval;      /* step may be NULL in a model that only predicts */
    const FtcProgram *accumulate;       /* a batch before the last one of a step: adds its gradients to state "a"; NULL: there are none */
    const FtcProgram *encode;           /* what step and eval have in common and training leaves as it is; NULL: they are whole */
    const FtcWeight *weights;
    int32_t n_weights;

    /* The optimizer keeps, beside each weight that isn't frozen, n_states tensors of its shape, zero before the first
     * step.  state[i] is a prefix: that of the weight "head.bias" is the buffer "m:head.bias".  AdamW: m, v; SGD: m with
     * momentum, else none; then a, where gradients are accumulated. */
    int32_t n_states;
    int32_t n_lasting;                  /* the first so many of them mean something between two steps */
    const char *state[FTC_MAX_STATES];

    int32_t n_dropouts;                 /* the rate of input "dropout.K" is dropout[K]; 0 <= rate < 1 */
    const float *dropout;

    FtcTask task;
    FtcOptimizer optimizer;
    FtcLoss loss;
    FtcData data;
    FtcTrain train;
} FtcModel;

#endif

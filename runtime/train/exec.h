/* Running a compiled program on batches.
 *
 * In:  a model's programs (call tables without addresses), its parameters, a thread pool, and then batches.
 * Out: outputs by name; and, from the step program, changed parameters.
 * The idea: everything is laid out once, for the largest batch to come: one arena that all values in between share (the
 * compiler planned who shares what; sizes are forms in the batch's sizes), the outputs, and each thread's scratch.  A run
 * walks the call table and hands each kernel's pieces to the pool; it allocates nothing and takes no lock.
 *
 * Bit for bit, results don't depend on the number of threads: pieces write disjoint memory, and the pool only
 * chooses when and where a piece runs. */
#ifndef FTC_EXEC_H
#define FTC_EXEC_H

#include "ftc/model.h"
#include "runtime/core/pool.h"
#include "runtime/train/params.h"
#include "runtime/train/used_rows.h"

typedef struct Exec Exec;

/* Where a value of a program comes from: its op, the line of the spec, and where that is one of a shipped list the line that asked for
 * the list. */
typedef struct {
    const char *op;
    FtcLoc at, from;
} ExecPlace;

/* False where the program has no value of this name. */
typedef bool ExecPlaceFn(void *user, const char *program, const char *value, ExecPlace *out);

typedef struct {
    bool train;         /* the step program will be run; else only eval is bound, and no states are needed */
    bool check_arena;   /* -fcheck-arena: every value, output, input of a batch and scratch area ends at an unmapped page and is
                           filled with NaN (all bits one) before it is first written, a value also when another takes its slot.
                           Slow, and no memory is shared. */
    bool find_nan;      /* -fsanitize=nan: look at every value for numbers that are none, and keep the first (exec_report_nan) */
    ExecPlaceFn *place; /* for find_nan */
    void *place_user;
} ExecOptions;

/* The inputs that don't come from the batch, with the names that model.h explains.  exec_new fills in what the model says;
 * step, lr and the corrections are for exec_set_step; known, pending and what was before for exec_step and exec_accumulate. */
typedef struct {
    int32_t seed, step, known, first_token, first_row;
    float pending, keep, cost_before, parts_before;
    float lr, weight_decay, beta1, beta2, eps, momentum, clip_norm, label_smoothing, correction1, correction2;
    float dropout[FTC_MAX_DROPOUTS];
    float *class_weights; /* [C], owned by the Exec; all 1 */
} ExecInputs;

/* Binds the model's programs to the parameters.  NULL after an error: the program names an input, a weight or a state that
 * isn't there or has another size.  Model, parameters and pool must outlive it. */
Exec *exec_new(const FtcModel *model, Params *params, Pool *pool, ExecOptions options, FtcDiag *d);
void exec_free(Exec *e);

ExecInputs *exec_inputs(Exec *e);
const FtcModel *exec_model(const Exec *e);
int32_t exec_classes(const Exec *e);

/* Update number `step` (0, 1, ...) comes next, with this learning rate. */
void exec_set_step(Exec *e, int64_t step, double lr);

/* Makes room for batches of at most so many tokens, rows and tokens in a row (never for less than before).  False after an
 * error, which names the bytes that can't be had.  Outputs of earlier runs are lost. */
bool exec_reserve(Exec *e, int64_t tokens, int64_t rows, int64_t longest, FtcDiag *d);

/* Whether from here on nobody but exec_step changes weights: then what programs keep of them stays from step to step.  As long as nobody
 * has said so, each step makes it anew. */
void exec_own_weights(Exec *e, bool owns);

/* Bytes of the arena, and of all threads' scratch, as reserved. */
int64_t exec_arena_bytes(const Exec *e);
int64_t exec_scratch_bytes(const Exec *e);

/* Whether train.memory_limit allows so many bytes beside what is reserved. */
bool exec_allows(const Exec *e, double bytes);

/* How many floats model->encode answers for a row; 0: there is no such program. */
int64_t exec_encoded_width(const Exec *e);

/* Runs all calls of a program of the model, on weights that are up to date.  The batch must fit what was reserved, and its ids and
 * labels the model (examples_check).  Missing types or labels are taken as 0; if `encoded` is missing where it is read,
 * model->encode runs first. */
void exec_run(Exec *e, const FtcProgram *program, const FtcBatch *batch);

/* A training step: computes the gradients; then, if loss and gradient norm are finite, updates the parameters and returns
 * true.  Otherwise returns false and the parameters are what they were. */
bool exec_step(Exec *e, const FtcBatch *batch);

/* A batch of the step that exec_step will end, where FtcTrain.accumulate makes one of several: adds its gradients to those of the
 * batches before.  False where its loss is not finite: then the step is given up. */
bool exec_accumulate(Exec *e, const FtcBatch *batch);

/* Says which value was the first that isn't finite, of which row, by which line of the spec; the table is for the message, and may be
 * NULL.  False if none was found, or nobody looked. */
bool exec_report_nan(Exec *e, const FtcBatch *batch, const char *table, FtcDiag *d);

/* Brings all weights up to date, those too that are trained by rows and no batch has used: before they are read or saved. */
void exec_flush(Exec *e);

/* The entries of the vocabulary in use, for a checkpoint; NULL: no table is trained by rows. */
UsedRows *exec_used_rows(Exec *e);

/* Adds to ms[i] the time that call i of a program takes, in every run from now on, [n_calls of the longer program]; NULL:
 * no more. */
void exec_profile(Exec *e, double *ms);

/* T, B, L, C, V and U of the last run, [FTC_SYMBOLS]. */
const int64_t *exec_sizes(const Exec *e);

/* The memory of buffer i of a program as the last run had it. */
void *exec_buffer(const Exec *e, const FtcProgram *program, int i);

/* An output of the last run, valid until the next; NULL if that program has none of this name. */
const float *exec_output(const Exec *e, const char *name);

#endif

/* A C program around a compiled model: at run time no spec, no compiler, no LLVM; only kernels, tables and the runtime
 * library that walks them.
 *
 *   ftc compile -c -o tiny_cls.o models/tiny_cls.yaml         makes tiny_cls.h, too
 *   cc -I. -Iinclude -IROOT embed.c tiny_cls.o build/libftc_runtime.a -lopenblas -ljansson -lutf8proc -lpthread -lm
 *
 * (ROOT is ftc's source tree.)  It trains on one batch made by hand and prints the loss of each step, then what the model
 * says about the rows of the batch. */
#include "tiny_cls.h"

#include "runtime/train/exec.h"

#include <math.h>
#include <stdio.h>

void openblas_set_num_threads(int n);

enum { ROWS = 3, CLASSES = 2, VOCABULARY = 200, STEPS = 30 };

/* Three texts as ids, laid end to end without padding: row r is ids[row_start[r] .. row_start[r + 1]).  Every row starts
 * with the token whose vector the classifier reads. */
static const int32_t ids[] = { 2, 10, 11, 3, /**/ 2, 12, 13, 14, 15, 3, /**/ 2, 10, 16, 3 };
static const int32_t row_start[ROWS + 1] = { 0, 4, 10, 14 };
static const int32_t labels[ROWS] = { 0, 1, 0 };

static const FtcBatch batch = { .rows = ROWS, .tokens = 14, .longest = 6, .ids = ids, .row_start = row_start, .labels = labels };

static void train(Exec *e)
{
    for (int step = 0; step < STEPS; step++) {
        exec_set_step(e, step, tiny_cls.optimizer.lr);
        if (!exec_step(e, &batch)) {
            printf("step %d: the loss is not finite\n", step + 1);
            return;
        }
        printf("step %2d  loss %.4f  gradient %.3f\n", step + 1, *exec_output(e, "loss"), *exec_output(e, "grad_norm"));
    }
}

static void predict(Exec *e)
{
    exec_run(e, tiny_cls.eval, &batch);
    const float *logits = exec_output(e, "logits"); /* [ROWS, CLASSES] */
    for (int r = 0; r < ROWS; r++) {
        double p = 1 / (1 + exp((double)logits[r * CLASSES] - logits[r * CLASSES + 1]));
        printf("row %d  label %d  probability of class 1: %.3f\n", r, labels[r], p);
    }
}

int main(void)
{
    FtcDiag *d = ftc_diag_new(stderr);
    openblas_set_num_threads(1); /* kernels call it from the pool's threads */
    Pool *pool = pool_new(0);
    Params *params = params_new(&tiny_cls, CLASSES, VOCABULARY, false, d);
    Exec *e = NULL;
    bool ok = params && params_add_states(params, d);
    if (ok) {
        params_init(params, (uint64_t)tiny_cls.train.seed, pool);
        e = exec_new(&tiny_cls, params, pool, (ExecOptions){ .train = true }, d);
        ok = e && exec_reserve(e, batch.tokens, batch.rows, batch.longest, d);
    }
    if (ok) {
        train(e);
        predict(e);
    }
    exec_free(e);
    params_free(params);
    pool_free(pool);
    ftc_diag_free(d);
    return ok ? 0 : 1;
}

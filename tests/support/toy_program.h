/* A compiled program written by hand, for tests of what runs programs: softmax regression on the mean of embedding rows, with
 * momentum.
 *
 *   forward  logits[b,:] = mean over the row's tokens of w[id,:]           par b, scratch[L], scratch[C]
 *   rows     row_loss[b], dlogits[b,:]                                     par b
 *   loss     loss = mean of row_loss                                       one piece
 *   grad     dw[v,:] = sum over tokens with id v of dlogits / length       par v step 3
 *   squares  part[v/8] = sum of dw^2; shares its slot with row_loss        par v step 8
 *   norm     grad_norm = sqrt(sum of part)                                 one piece
 *   update   m = momentum*m + dw; w -= lr*m                                par v step 5 */
#ifndef FTC_TOY_PROGRAM_H
#define FTC_TOY_PROGRAM_H

#include "ftc/model.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { CLASSES = 3, VOCAB = 37 };

/* What a kernel is told to do wrong. */
static enum { NOTHING, WRITE_PAST_LOGITS, WRITE_PAST_SCRATCH, READ_PAST_IDS, WRITE_PAST_WEIGHT, SKIP_A_ROW } fault;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void forward(const FtcKernelArgs *a, int64_t piece)
{
    const int32_t *ids = a->buf[0], *row_start = a->buf[1];
    const float *w = a->buf[2];
    float *logits = a->buf[3], *scratch = a->buf[4], *means = a->buf[5];
    int64_t c_n = a->sym[FTC_C], b = piece;
    int32_t from = row_start[b], n = row_start[b + 1] - from;
    if (fault == SKIP_A_ROW && b == 2)
        return;
    for (int64_t c = 0; c < c_n; c++) {
        for (int i = 0; i < n; i++)
            scratch[i] = w[ids[from + i] * c_n + c];
        float sum = 0;
        for (int i = 0; i < n; i++)
            sum += scratch[i];
        means[c] = sum / (float)n;
    }
    memcpy(logits + b * c_n, means, (size_t)c_n * sizeof *means);
    if (fault == WRITE_PAST_LOGITS && b == a->sym[FTC_B] - 1)
        logits[a->sym[FTC_B] * c_n] = 0;
    if (fault == WRITE_PAST_SCRATCH)
        scratch[a->sym[FTC_L]] = 0;
    if (fault == READ_PAST_IDS)
        scratch[0] = (float)ids[a->sym[FTC_T]];
}

static void rows(const FtcKernelArgs *a, int64_t b)
{
    const float *logits = a->buf[0];
    const int32_t *labels = a->buf[1];
    float *row_loss = a->buf[2], *dlogits = a->buf[3];
    int64_t c_n = a->sym[FTC_C];
    float max = -INFINITY, sum = 0;
    for (int64_t c = 0; c < c_n; c++)
        max = fmaxf(max, logits[b * c_n + c]);
    for (int64_t c = 0; c < c_n; c++)
        sum += expf(logits[b * c_n + c] - max);
    row_loss[b] = logf(sum) + max - logits[b * c_n + labels[b]];
    for (int64_t c = 0; c < c_n; c++)
        dlogits[b * c_n + c] = (expf(logits[b * c_n + c] - max) / sum - (c == labels[b])) / (float)a->sym[FTC_B];
}

static void mean(const FtcKernelArgs *a, int64_t piece)
{
    (void)piece;
    const float *row_loss = a->buf[0];
    float *loss = a->buf[1], sum = 0;
    for (int64_t b = 0; b < a->sym[FTC_B]; b++)
        sum += row_loss[b];
    *loss = sum / (float)a->sym[FTC_B];
}

static void grad(const FtcKernelArgs *a, int64_t piece)
{
    const int32_t *ids = a->buf[0], *row_start = a->buf[1];
    const float *dlogits = a->buf[2];
    float *dw = a->buf[3];
    int64_t c_n = a->sym[FTC_C];
    for (int64_t v = 3 * piece; v < least(3 * piece + 3, a->sym[FTC_V]); v++)
        for (int64_t c = 0; c < c_n; c++) {
            dw[v * c_n + c] = 0;
            for (int64_t b = 0; b < a->sym[FTC_B]; b++)
                for (int32_t t = row_start[b]; t < row_start[b + 1]; t++)
                    if (ids[t] == v)
                        dw[v * c_n + c] += dlogits[b * c_n + c] / (float)(row_start[b + 1] - row_start[b]);
        }
}

static void squares(const FtcKernelArgs *a, int64_t piece)
{
    const float *dw = a->buf[0];
    float *part = a->buf[1], sum = 0;
    int64_t c_n = a->sym[FTC_C];
    for (int64_t i = 8 * piece * c_n; i < least(8 * piece + 8, a->sym[FTC_V]) * c_n; i++)
        sum += dw[i] * dw[i];
    part[piece] = sum;
}

static void norm(const FtcKernelArgs *a, int64_t piece)
{
    (void)piece;
    const float *part = a->buf[0];
    float *out = a->buf[1], sum = 0;
    for (int64_t i = 0; i < (a->sym[FTC_V] + 7) / 8; i++)
        sum += part[i];
    *out = sqrtf(sum) * (float)a->imm[0];
}

static void update(const FtcKernelArgs *a, int64_t piece)
{
    const float *dw = a->buf[0], *lr = a->buf[1], *momentum = a->buf[2];
    float *w = a->buf[3], *m = a->buf[4];
    int64_t c_n = a->sym[FTC_C], n = a->sym[FTC_V] * c_n;
    for (int64_t i = 5 * piece * c_n; i < least((5 * piece + 5) * c_n, n); i++) {
        m[i] = *momentum * m[i] + dw[i];
        w[i] -= *lr * m[i];
    }
    if (fault == WRITE_PAST_WEIGHT && piece == 0)
        w[n] = 0;
}

/* ----- its tables ----- */

#define FORM(k, t, b, l, c, v) { 1, { { k, { t, b, l, c, v } } } }
#define ONE FORM(1, 0, 0, 0, 0, 0)
#define NIL { 0, { { 0, { 0 } } } }

enum { IDS, ROW_START, LABELS, LR, MOMENTUM, W, M, LOGITS, ROW_LOSS, DLOGITS, DW, PART, LOSS, GRAD_NORM, N_BUFS };

static const FtcBuf bufs[] = {
    [IDS] = { FTC_BUF_INPUT, FTC_I32, "ids", FORM(1, 1, 0, 0, 0, 0), 0 },
    [ROW_START] = { FTC_BUF_INPUT, FTC_I32, "row_start", { 2, { { 1, { 0, 1 } }, { 1, { 0 } } } }, 0 },
    [LABELS] = { FTC_BUF_INPUT, FTC_I32, "labels", FORM(1, 0, 1, 0, 0, 0), 0 },
    [LR] = { FTC_BUF_INPUT, FTC_F32, "lr", ONE, 0 },
    [MOMENTUM] = { FTC_BUF_INPUT, FTC_F32, "momentum", ONE, 0 },
    [W] = { FTC_BUF_WEIGHT, FTC_F32, "w", FORM(1, 0, 0, 0, 1, 1), 0 },
    [M] = { FTC_BUF_STATE, FTC_F32, "m:w", FORM(1, 0, 0, 0, 1, 1), 0 },
    [LOGITS] = { FTC_BUF_ARENA, FTC_F32, "logits", FORM(1, 0, 1, 0, 1, 0), 0 },
    [ROW_LOSS] = { FTC_BUF_ARENA, FTC_F32, "row_loss", FORM(1, 0, 1, 0, 0, 0), 1 },
    [DLOGITS] = { FTC_BUF_ARENA, FTC_F32, "dlogits", FORM(1, 0, 1, 0, 1, 0), 2 },
    [DW] = { FTC_BUF_ARENA, FTC_F32, "dw", FORM(1, 0, 0, 0, 1, 1), 3 },
    [PART] = { FTC_BUF_ARENA, FTC_F32, "part", { 2, { { 1, { 0, 0, 0, 0, 0 } }, { 4, { 0 } } } }, 1 },
    [LOSS] = { FTC_BUF_OUTPUT, FTC_F32, "loss", ONE, 0 },
    [GRAD_NORM] = { FTC_BUF_OUTPUT, FTC_F32, "grad_norm", ONE, 0 },
};
static const FtcForm scratch[] = { FORM(1, 0, 0, 1, 0, 0), FORM(1, 0, 0, 0, 1, 0) };
#define PAR(symbol, by) .n_par = 1, .begin = { NIL }, .end = { FORM(1, (symbol) == FTC_T, (symbol) == FTC_B, 0, 0, (symbol) == FTC_V) }, .step = { by }
static const FtcKernelInfo kernels[] = {
    { .name = "forward", PAR(FTC_B, 1), .n_params = 6, .n_scratch = 2, .scratch = scratch },
    { .name = "rows", PAR(FTC_B, 1), .n_params = 4 },
    { .name = "mean", .n_params = 2 },
    { .name = "grad", PAR(FTC_V, 3), .n_params = 4 },
    { .name = "squares", PAR(FTC_V, 8), .n_params = 2 },
    { .name = "norm", .n_params = 2 },
    { .name = "update", PAR(FTC_V, 5), .n_params = 5 },
};
static FtcKernelFn *const fns[] = { forward, rows, mean, grad, squares, norm, update };
static const int32_t call_bufs[] = { IDS, ROW_START, W, LOGITS, LOGITS, LABELS, ROW_LOSS, DLOGITS, ROW_LOSS, LOSS,
                                     IDS, ROW_START, DLOGITS, DW, DW, PART, PART, GRAD_NORM, DW, LR, MOMENTUM, W, M };
static const int32_t call_imms[] = { 7, 1 };
static const FtcCall calls[] = { { 0, 0, 0 }, { 1, 4, 0 }, { 2, 8, 0 }, { 3, 10, 0 }, { 4, 14, 0 }, { 5, 16, 1 }, { 6, 18, 0 } };
static const FtcProgram step_program = { "step", N_BUFS, 4, 7, 7, bufs, kernels, fns, calls, call_bufs, call_imms, 6, 56, 0 };

/* logits go to an output instead of the arena */
static const FtcBuf eval_bufs[] = {
    { FTC_BUF_INPUT, FTC_I32, "ids", FORM(1, 1, 0, 0, 0, 0), 0 },
    { FTC_BUF_INPUT, FTC_I32, "row_start", { 2, { { 1, { 0, 1 } }, { 1, { 0 } } } }, 0 },
    { FTC_BUF_WEIGHT, FTC_F32, "w", FORM(1, 0, 0, 0, 1, 1), 0 },
    { FTC_BUF_OUTPUT, FTC_F32, "logits", FORM(1, 0, 1, 0, 1, 0), 0 },
};
static const int32_t eval_call_bufs[] = { 0, 1, 2, 3 };
static const FtcProgram eval_program = { "eval", 4, 0, 1, 1, eval_bufs, kernels, fns, calls, eval_call_bufs, call_imms, 1, 56, 0 };

static const FtcWeight weights[] = {
    { .name = "w", .rank = 2, .dim = { -1 - FTC_V, -1 - FTC_C }, .init = FTC_INIT_NORMAL, .init_scale = 0.5f, .decay = true },
};
static const FtcModel model = {
    .name = "test", .step = &step_program, .eval = &eval_program, .weights = weights, .n_weights = 1, .n_states = 1, .state = { "m" },
    .optimizer = { .kind = FTC_SGD, .lr = 0.5, .momentum = 0.9, .clip_norm = INFINITY }, .train = { .seed = 11 },
};

#endif

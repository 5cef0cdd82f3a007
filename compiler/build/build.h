/* Spec -> graphs: the forward pass, and the optimizer's update.
 *
 * build_forward   inputs   ids i32[T], types i32[T], row_start i32[B] (the first B of the batch's), labels i32[B] or
 *                          targets f32[B,C], row_weights f32[B], seed, step i32[], dropout.K f32[] (rates[K]),
 *                          class_weights f32[C]; those that are needed
 *                 outputs  logits f32[B,C]; with labels also loss f32[]
 * build_update    inputs   f32[] scalars: lr, weight_decay; clip_norm; beta1, beta2, eps, correction1 = 1 - beta1^t and
 *                          correction2 = 1 - beta2^t (AdamW); momentum (SGD)
 *                 state    m:NAME, v:NAME, zeros at the start
 *                 outputs  grad_norm f32[], and an update of every weight and state
 * Of a step of several batches, the last one's graph has inputs keep, cost_before, parts_before and state a:NAME, with what those
 * before gave; their graph has outputs loss, the sum of costs, and parts, and its update adds to a:NAME.  In both first_token and
 * first_row count on, for random numbers.
 * Only functions of ir.h's builder are called; nothing after this stage knows what a layer is. */
#ifndef FTC_BUILD_H
#define FTC_BUILD_H

#include "compiler/ir/ir.h"
#include "compiler/spec/spec.h"
#include "ftc/step.h"

/* What a batch is of a step: all of it, or one of train.accumulate, in a program of its own where it isn't the last. */
typedef enum { BATCH_IS_STEP, BATCH_BEFORE_LAST, BATCH_IS_LAST } BatchPart;

typedef struct {
    bool training; /* dropout; the loss with weights of classes and rows and label smoothing */
    bool labels;   /* there are labels: compute the loss */
    BatchPart part;
} BuildOptions;

typedef struct {
    Graph *graph;
    int n_weights;
    FtcWeight *weights; /* in the order of their first use */
    Node **nodes;       /* [n_weights] the node of each */
    Node **read;        /* [n_weights] of one that is trained by rows: its rows as the batch's tokens read them; else NULL */
    BatchPart part;
    Node *parts;        /* f32[]: what costs are divided by; NULL where the batch is a step */
    int n_rates;
    double *rates;      /* distinct dropout rates above 0 */
} Forward;

/* NULL after errors: train.freeze names what isn't there; or of types (our bug or a spec no check foresaw). */
Forward *build_forward(const Spec *spec, const BuildOptions *options, Arena *arena, FtcDiag *diag);

/* Marks the weights of a forward graph that can be trained by rows (FtcWeight.by_rows); inputs are added: known i32[], pending f32[],
 * place i32[T], used i32[U], first i32[T], first_of i32[U], see ftc/model.h. */
void build_rows(Graph *g, const Spec *spec, Forward *f);

/* From the gradient of a table's rows as tokens read them, that of the rows which the batch has, f32[T,...], each where its entry's first
 * token stands; and from this that of all used rows, f32[U,...]. */
Node *rows_grad(Graph *g, Node *d);
Node *used_rows_grad(Graph *g, Node *d);

/* The numbers of the rows, i32[U]; these rows of a table, with the decay that they wait for. */
Node *used(Graph *g);
Node *used_rows(Graph *g, Node *table, bool decays);

/* Appends the update region to a graph that has the gradients, grads[i] of f->nodes[i] or, where it is trained by rows, of the rows
 * that the batch has; NULL for a frozen weight. */
void build_update(Graph *g, const Spec *spec, const Forward *f, Node *const *grads);

/* To show a program's sizes by: T, B, L, C, V, U, P of a full batch of the longest rows, as the spec has them, all words in use; two
 * classes where it names none. */
void usual_symbols(const Spec *s, int panel_tokens, int64_t sym[N_SYMBOLS]);

#endif

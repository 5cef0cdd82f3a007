/* The loss.  In: logits [B, C], and what should have come out: labels i32[B], or targets f32[B, C].  Out: one number, which is
 * minimised: the mean over the batch, its rows weighed by row_weights where the data has such. */
#include "compiler/build/builder.h"

/* The smallest difference of two probabilities near 1: keeps the logarithm of 1 - p finite. */
#define LEAST 0x1p-24

static Node *total(Builder *b, Node *x)
{
    int axes[MAX_RANK] = { 0, 1, 2, 3, 4, 5 };
    return reshape(b->g, sum_axes(b->g, x, x->type.rank, axes), scalar_type(F32));
}

/* sum(cost) / sum(weight); of a batch before a step's last one the sum of costs alone.  cost: [B, C], a row's cost is the sum; weight: a row's is the sum too, NULL: 1. */
static Node *mean(Builder *b, Node *cost, Node *weight)
{
    Graph *g = b->g;
    Type rows = vector_type(F32, DIM_B), column = { .elem = F32, .rank = 2, .dim = { DIM_B, 1 } };
    if (b->training && b->spec->data.weight) {
        place(b, "data.weight");
        g->scope = "loss.rows";
        Node *counts = reshape(g, input(g, "row_weights", rows), column);
        cost = mul(g, cost, counts);
        weight = weight ? mul(g, weight, counts) : counts;
        place(b, "loss.type");
        g->scope = "loss";
    }
    Node *parts = weight ? total(b, weight) : reshape(g, count_along(b, rows, 0), scalar_type(F32));
    cost = total(b, cost);
    if (b->part == BATCH_IS_LAST) {
        cost = add(g, cost, input(g, "cost_before", scalar_type(F32)));
        parts = add(g, parts, input(g, "parts_before", scalar_type(F32)));
    }
    if (b->part != BATCH_IS_STEP)
        b->out->parts = parts;
    return call(b, b->part == BATCH_BEFORE_LAST ? cost : divide(g, cost, parts), "loss");
}

/* class_weights f32[C], or NULL where there are none. */
static Node *class_weights(Builder *b)
{
    if (!b->training || b->spec->loss.class_weights.kind == WEIGHTS_NONE)
        return NULL;
    place(b, "loss.class_weights");
    b->g->scope = "loss.weights";
    return input(b->g, "class_weights", vector_type(F32, DIM_C));
}

/* (1 - p)^gamma */
static Node *focus(Builder *b, Node *log_p, double gamma)
{
    Graph *g = b->g;
    place(b, "loss.gamma");
    g->scope = "loss.focus";
    Node *rest = maximum(g, sub(g, real(b, 1), map1(g, OP_exp, log_p)), real(b, LEAST));
    return map1(g, OP_exp, mul(g, real(b, gamma), map1(g, OP_log, rest)));
}

/* PyTorch's cross entropy: with target q = (1 - s) * onehot + s / C and class weights w,
 * loss = sum_rows(-sum_c(w_c * q_c * log p_c)) / sum_rows(w_label); focal loss has (1 - p_c)^gamma in the inner sum. */
static Node *cross_entropy(Builder *b, Node *logits)
{
    const Spec *s = b->spec;
    Graph *g = b->g;
    Type column = { .elem = I32, .rank = 2, .dim = { DIM_B, 1 } };
    double smoothing = b->training ? s->loss.label_smoothing : 0, gamma = s->loss.type == LOSS_FOCAL ? s->loss.gamma : 0;
    Node *log_p = call(b, log_softmax(b, logits), "log_p");
    Node *is_label = map2(g, OP_eq, reshape(g, b->labels, column), iota(g, vector_type(I32, DIM_C), 0)); /* [B, C] */
    Node *q = NULL, *zero = real(b, 0);
    Node *cost = map1(g, OP_neg, log_p);
    if (gamma > 0)
        cost = mul(g, cost, focus(b, log_p, gamma));
    if (smoothing > 0) {
        place(b, "loss.label_smoothing");
        g->scope = "loss.smoothing";
        Node *spread = divide(g, real(b, smoothing), count_along(b, vector_type(F32, DIM_C), 0)); /* [1] */
        q = select_(g, is_label, add(g, spread, real(b, 1 - smoothing)), spread);
    }
    Node *weights = class_weights(b);
    if (weights)
        cost = mul(g, cost, weights);
    place(b, "loss.type");
    g->scope = "loss";
    cost = q ? mul(g, cost, q) : select_(g, is_label, cost, zero);
    return mean(b, cost, weights ? select_(g, is_label, weights, zero) : NULL);
}

static Node *input_targets(Builder *b)
{
    return input(b->g, "targets", (Type){ .elem = F32, .rank = 2, .dim = { DIM_B, DIM_C } });
}

/* The mean over a row's labels. */
static Node *mean_of_labels(Builder *b, Node *cost)
{
    return mean(b, divide(b->g, cost, count_along(b, vector_type(F32, DIM_C), 0)), NULL);
}

/* PyTorch's binary cross entropy with logits x, targets y and positive weights w: -w y log p - (1 - y) log(1 - p), p the sigmoid of
 * x.  Written as (1 - y) x + (1 + (w - 1) y) (max(-x, 0) + log(1 + exp(-|x|))), which is finite for every x.  Smoothing moves half of
 * its share to the other answer. */
static Node *binary_cross_entropy(Builder *b, Node *logits)
{
    Graph *g = b->g;
    double smoothing = b->training ? b->spec->loss.label_smoothing : 0;
    Node *y = input_targets(b), *one = real(b, 1);
    if (smoothing > 0) {
        place(b, "loss.label_smoothing");
        g->scope = "loss.smoothing";
        y = add(g, mul(g, y, real(b, 1 - smoothing)), real(b, smoothing / 2));
    }
    Node *weights = class_weights(b);
    place(b, "loss.type");
    g->scope = "loss";
    Node *small = map1(g, OP_exp, map1(g, OP_neg, map1(g, OP_abs, logits)));
    Node *log_rest = add(g, maximum(g, map1(g, OP_neg, logits), real(b, 0)), map1(g, OP_log, add(g, one, small)));
    if (weights)
        log_rest = mul(g, log_rest, add(g, one, mul(g, sub(g, weights, one), y)));
    return mean_of_labels(b, add(g, mul(g, sub(g, one, y), logits), log_rest));
}

static Node *squared_error(Builder *b, Node *logits)
{
    Node *off = sub(b->g, logits, input_targets(b));
    return mean_of_labels(b, mul(b->g, off, off));
}

Node *build_loss(Builder *b, Node *logits)
{
    place(b, "loss.type");
    b->g->scope = "loss";
    switch ((LossType)b->spec->loss.type) {
    case LOSS_CROSS_ENTROPY:
    case LOSS_FOCAL: return cross_entropy(b, logits);
    case LOSS_BINARY_CROSS_ENTROPY: return binary_cross_entropy(b, logits);
    case LOSS_MSE: return squared_error(b, logits);
    }
    ftc_bug("build: no loss of that kind");
}

/* One text through one training step, with its numbers: what ftc trace shows.
 *
 * In:  a spec or a model, a text, its label.
 * Out: a Trace: tokens, embedding, attention, logits, loss, gradients, and single weights before and after the update, each beside the
 *      finite difference of the loss.
 * The idea: the numbers are those of compiled code.  The step is compiled as -O0 compiles it, every value in memory of its own, and
 * dropout is off; so after the step any value of the graph can be read by its name.  Nothing here knows a model: attention is what
 * has the type of attention (a share for each head, query and key), the classifier's input is what the logits are a product of. */
#ifndef FTC_TRACE_H
#define FTC_TRACE_H

#include "compiler/api/spec_model.h"

typedef struct {
    ClassifierSource source;
    const char *text, *text_b;     /* text_b: NULL where there is no pair */
    const char *label;             /* or a number, where one is predicted; of several labels those that hold, with ',' between */
    CodegenOptions codegen;
    int threads;                   /* 0: all cores */
} TraceJob;

typedef struct {
    const char *name;              /* as in the graph: "layers.0.attention" */
    int heads, tokens;
    const float *share;            /* [heads, tokens, tokens]: query by key, each row's sum is 1 */
} TracedAttention;

typedef struct {
    const char *name;
    int64_t n;
    double norm, gradient;         /* lengths of the weight, and of its gradient, as vectors */
} TracedWeight;

typedef struct {
    const char *name;              /* "classifier.weight[1,20]" */
    double before, after;
    double gradient;               /* as the step computed it */
    double difference, h;          /* of the loss at before +- h, and at half that */
} TracedStep;

enum { TRACED_STEPS = 3 };

typedef struct {
    const char *model;             /* as it was given: a spec or a folder */
    FtcTask task;
    int n_tokens, n_first;         /* n_first of them are the first text's, special ones with them */
    const char **token;
    const int32_t *id;
    const char *embedding;         /* name of the table; NULL: the model has none */
    int embedded;                  /* whose row is shown: a token's number */
    int64_t width;
    const float *embedding_row;    /* [width] */
    TracedAttention *attention;
    int n_attention;
    const char *read;              /* what the classifier reads; NULL: not found */
    int64_t n_read;
    const float *read_value;
    int classes;
    const char *const *labels;
    const double *logits, *probability, *target;  /* [classes]; softmax or sigmoid; a number: both NULL but logits and target */
    const char *loss_name;         /* "cross_entropy" */
    bool plain;                    /* the loss is the plain one of the probabilities, without smoothing or weights */
    double loss, grad_norm, clip;  /* clip: the factor by which gradients were shortened; 1: not at all */
    const char *optimizer;
    double lr, weight_decay;
    TracedWeight *weight;
    int n_weights;
    TracedStep step[TRACED_STEPS];
    int n_steps;
} Trace;

/* NULL after an error.  All of it lives in the arena. */
Trace *trace_text_step(const TraceJob *job, Arena *a, FtcDiag *d);

/* The layers that weights belong to, in order ("layers.0" of "layers.0.ffn.up.weight"), and the length of all their gradients. */
typedef struct {
    const char *name;
    double norm, gradient;
    int64_t n;
} TracedLayer;
TracedLayer *trace_layers(const Trace *t, Arena *a, int *n);

void trace_print(const Trace *t, FILE *out);  /* for a terminal, at most 100 columns */
void trace_html(const Trace *t, FILE *out);   /* one page, which needs nothing from anywhere */

#endif

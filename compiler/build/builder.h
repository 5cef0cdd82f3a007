/* What the functions of compiler/build share while a forward graph is made. */
#ifndef FTC_BUILDER_H
#define FTC_BUILDER_H

#include "compiler/build/build.h"

typedef struct {
    Graph *g;
    Arena *arena;
    const Spec *spec;
    bool training;
    Forward *out;
    int cap_weights, cap_rates;
    const char *prefix; /* of parameter names: "layers.3." */
    Node *ids, *types, *row_start, *labels, *seed, *step;
    Node *token, *row;  /* i32[T], i32[B]: the number of each */
    BatchPart part;
    int sites;          /* of random numbers so far */
    Node **keep, **scale; /* [cap_rates] by rate: 16-bit threshold, 1 / (1 - rate) */
    Node *number[32];   /* constants so far */
    int n_numbers;
} Builder;

/* A parameter; what the head has may be missing in pre-trained weights. */
typedef enum { PARAM_WEIGHT, PARAM_BIAS, PARAM_NORM } ParamRole;
Node *parameter(Builder *b, const char *name, ParamRole role, bool head, int rank, Dim d0, Dim d1);

void place(Builder *b, const char *key);       /* what follows comes from this key's line */
Type vector_type(Elem e, Dim d);
Node *count_along(Builder *b, Type like, int axis); /* a symbol's value as a number: how often along that dim of like */
Node *real(Builder *b, double value);          /* an f32 constant, shared */
const char *param_path(Builder *b, const char *name, const char *part); /* "layers.3." name "." part; part may be NULL */
Node *call(Builder *b, Node *n, const char *name);                      /* renames n */

/* Composites.  They work over the last axis. */
Node *linear(Builder *b, Node *x, const char *path, Dim in, Dim out, bool bias, bool head);
Node *softmax(Builder *b, Node *x);
Node *log_softmax(Builder *b, Node *x);
Node *activation(Builder *b, Activation a, Node *x);
Node *dropout(Builder *b, Node *x, double rate, Node *row_ids);

Node *build_layers(Builder *b, const LayerList *list, Node *x);

Node *build_loss(Builder *b, Node *logits); /* [B, C] -> [] */

#endif

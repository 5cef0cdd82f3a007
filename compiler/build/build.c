/* Spec -> forward graph: inputs, encoder, head.  (The loss: loss.c.) */
#include "compiler/build/builder.h"

#include "runtime/core/messages.h"
#include "runtime/core/nearest.h"

#include <fnmatch.h>
#include <string.h>

void place(Builder *b, const char *key)
{
    Loc *loc = NEW(b->arena, Loc);
    loc->at = spec_loc(b->spec, key);
    b->g->loc = loc;
}

Type vector_type(Elem e, Dim d) { return (Type){ .elem = e, .rank = 1, .dim = { d } }; }

/* 0, 1, ...; or from first_NAME on, behind those of the batches before. */
static Node *number_along(Builder *b, Dim d, const char *name)
{
    Graph *g = b->g;
    Node *n = iota(g, vector_type(I32, d), 0);
    if (b->part != BATCH_IS_STEP)
        n = add(g, n, input(g, arena_printf(b->arena, "first_%s", name), scalar_type(I32)));
    graph_rename(g, n, name);
    return n;
}

static void make_inputs(Builder *b)
{
    Graph *g = b->g;
    place(b, "data.text");
    b->ids = input(g, "ids", vector_type(I32, DIM_T));
    b->types = input(g, "types", vector_type(I32, DIM_T));
    b->row_start = input(g, "row_start", vector_type(I32, DIM_B));
    place(b, "data.label");
    b->labels = input(g, "labels", vector_type(I32, DIM_B));
    place(b, "train.seed");
    b->seed = input(g, "seed", scalar_type(I32));
    b->step = input(g, "step", scalar_type(I32));
    b->token = number_along(b, DIM_T, "token");
    b->row = number_along(b, DIM_B, "row");
}

Node *count_along(Builder *b, Type like, int axis)
{
    return sum(b->g, broadcast(b->g, real(b, 1), like), axis);
}

/* [T, width] -> [B, width] */
static Node *pool(Builder *b, Node *x)
{
    Graph *g = b->g;
    Dim width = x->type.dim[1];
    place(b, "model.head.pool");
    g->scope = "pool";
    if (b->spec->model.head.pool == POOL_CLS)
        return call(b, gather(g, x, b->row_start), "pool");
    Type flat = { .elem = F32, .rank = 2, .dim = { DIM_B, width } }, tokens = { .elem = F32, .rank = 2, .dim = { DIM_B, DIM_N } };
    Node *length = call(b, count_along(b, tokens, 1), "length");
    return call(b, divide(g, reshape(g, sum(g, split(g, x), 1), flat), length), "pool");
}

/* [B, width] -> logits [B, C] */
static Node *build_head(Builder *b, Node *x)
{
    const Spec *s = b->spec;
    Graph *g = b->g;
    Dim width = x->type.dim[1];
    if (s->model.head.pooler) {
        place(b, "model.head.pooler");
        x = linear(b, x, "pooler", width, width, true, true);
        place(b, "model.head.activation");
        g->scope = "pooler";
        x = call(b, activation(b, (Activation)s->model.head.activation, x), "pooled");
    }
    place(b, "model.head.dropout");
    g->scope = "head.dropout";
    x = dropout(b, x, s->model.head.dropout, b->row);
    place(b, "model.head");
    x = linear(b, x, "classifier", width, DIM_C, true, true);
    if (s->model.head.init == HEAD_ZEROS)
        for (int i = b->out->n_weights - 2; i < b->out->n_weights; i++)
            b->out->weights[i].init = FTC_INIT_ZEROS;
    return call(b, x, "logits");
}

/* Does the pattern name this weight?  It is the name, what the name begins with before a dot, or a pattern with '*'. */
static bool names(const char *pattern, const char *weight)
{
    size_t n = strlen(pattern);
    if (strchr(pattern, '*'))
        return !fnmatch(pattern, weight, 0);
    return !strncmp(pattern, weight, n) && (weight[n] == '\0' || weight[n] == '.');
}

/* Marks what train.freeze names; every entry has to name something, and something has to be left. */
static bool freeze(Builder *b, FtcDiag *d)
{
    const SpecStrings *list = &b->spec->train.freeze;
    Forward *f = b->out;
    FtcLoc at = spec_loc(b->spec, "train.freeze");
    int left = f->n_weights;
    for (int k = 0; k < list->n; k++) {
        bool any = false;
        for (int i = 0; i < f->n_weights; i++)
            if (names(list->v[k], f->weights[i].name)) {
                any = true;
                left -= !f->weights[i].frozen;
                f->weights[i].frozen = true;
            }
        if (any)
            continue;
        const char **all = NEW_ARRAY(b->arena, const char *, f->n_weights);
        for (int i = 0; i < f->n_weights; i++)
            all[i] = f->weights[i].name;
        const char *near = nearest_word(list->v[k], all, f->n_weights);
        return ftc_error(d, at, DIAG_freeze_unknown, list->v[k], near ? "did you mean " : "one of them is ",
                         near ? near : all[0]);
    }
    return left > 0 || ftc_error(d, at, DIAG_freeze_all);
}

Forward *build_forward(const Spec *spec, const BuildOptions *options, Arena *arena, FtcDiag *diag)
{
    Forward *f = NEW(arena, Forward);
    Builder b = { .arena = arena, .spec = spec, .training = options->training, .part = options->part, .out = f, .prefix = "" };
    Graph *g = b.g = f->graph = graph_new(arena, options->training ? "train" : options->labels ? "eval" : "predict", diag);
    make_inputs(&b);
    Node *logits = build_head(&b, pool(&b, build_layers(&b, &spec->model.encoder.layers, NULL)));
    graph_output(g, "logits", logits);
    if (options->labels)
        graph_output(g, "loss", build_loss(&b, logits));
    f->part = options->part;
    if (f->part == BATCH_BEFORE_LAST)
        graph_output(g, "parts", f->parts);
    f->read = NEW_ARRAY(arena, Node *, f->n_weights);
    g->loc = NULL;
    g->scope = NULL;
    if (g->failed || !freeze(&b, diag))
        return NULL;
    graph_dce(g); /* inputs that this model has no use for */
    return f;
}

void usual_symbols(const Spec *s, int panel_tokens, int64_t sym[N_SYMBOLS])
{
    sym[FTC_B] = s->train.batch;
    sym[FTC_L] = s->data.max_length;
    sym[FTC_T] = sym[FTC_B] * sym[FTC_L];
    sym[FTC_C] = spec_task(s) == FTC_REGRESSION ? 1 : s->data.labels.n ? s->data.labels.n : 2;
    sym[FTC_P] = ftc_panels(sym[FTC_T], panel_tokens);
    sym[FTC_V] = sym[FTC_U] = s->model.tokenizer.vocab_size;
}

/* Tracing a step; see trace.h. */
#include "compiler/api/trace.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/text/vocab_learn.h"
#include "runtime/train/batch.h"
#include "runtime/train/exec.h"
#include "runtime/train/form.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const TraceJob *job;
    Arena *a;
    FtcDiag *d;
    SpecModel m;
    Pool *pool;
    TokenIds ids;
    Encoded encoded;
    int32_t *types, *start;
    int32_t label;
    float *target;
    FtcBatch batch;
    Trace *t;
} Tracer;

/* ---- tokens and labels --------------------------------------------------------------------------------------------- */

/* A spec alone has no vocabulary: it is learned from the text, as ftc run learns one from the training texts. */
static bool learn_vocabulary(Tracer *x)
{
    const Recipe *r = x->m.c.recipe;
    VocabLearner *l = vocab_learner_new(r->lowercase);
    for (int i = 0; i < 2; i++) { /* what occurs once only is left out */
        vocab_learner_add(l, slice_of(x->job->text));
        if (x->job->text_b)
            vocab_learner_add(l, slice_of(x->job->text_b));
    }
    x->m.c.tokenizer = vocab_learner_finish(l, r->vocab_size, x->d);
    vocab_learner_free(l);
    if (x->m.c.tokenizer)
        ftc_note(x->d, FTC_NOWHERE,
                 "no pre-trained encoder is given: all layers start from random numbers, and the vocabulary is this text's; "
                 "--init DIR starts from one");
    return x->m.c.tokenizer != NULL;
}

static bool encode_text(Tracer *x)
{
    Trace *t = x->t;
    const TraceJob *j = x->job;
    const Tokenizer *k = x->m.c.tokenizer;
    TokenScratch *scratch = token_scratch_new(k);
    Slice b = j->text_b ? slice_of(j->text_b) : (Slice){ 0 };
    x->encoded = tokenizer_encode(scratch, slice_of(j->text), j->text_b ? &b : NULL, x->m.c.recipe->max_length, &x->ids);
    token_scratch_free(scratch);
    if (x->encoded.uncut <= (j->text_b ? 3 : 2))
        return ftc_error(x->d, FTC_NOWHERE, "--text has no word in it");
    if (x->encoded.uncut > x->encoded.tokens)
        ftc_note(x->d, FTC_NOWHERE, "the text has %d tokens and is cut to %d (data.max_length)", (int)x->encoded.uncut,
                 (int)x->encoded.tokens);
    t->n_tokens = x->encoded.tokens;
    t->n_first = x->encoded.first;
    t->id = x->ids.v;
    t->token = NEW_ARRAY(x->a, const char *, t->n_tokens);
    for (int i = 0; i < t->n_tokens; i++) {
        Slice s = tokenizer_token(k, x->ids.v[i]);
        t->token[i] = arena_strndup(x->a, s.p, s.n);
    }
    return true;
}

static int find_label(const Classifier *c, const char *word, size_t n)
{
    for (int i = 0; i < c->n_labels; i++)
        if (strlen(c->labels[i]) == n && !memcmp(c->labels[i], word, n))
            return i;
    return -1;
}

static bool no_such_label(Tracer *x, const char *word, size_t n)
{
    const Classifier *c = &x->m.c;
    const char *all = "";
    for (int i = 0; i < c->n_labels && i < 12; i++)
        all = arena_printf(x->a, "%s%s%s", all, i ? ", " : "", c->labels[i]);
    return ftc_error(x->d, FTC_NOWHERE, "there is no label '%.*s'; the labels are %s%s", (int)n, word, all,
                     c->n_labels > 12 ? ", ..." : "");
}

/* A spec that names no labels gets two: this one, and what isn't. */
static bool take_label(Tracer *x)
{
    Classifier *c = &x->m.c;
    const char *word = x->job->label;
    FtcTask task = c->recipe->task;
    if (task == FTC_REGRESSION) {
        static const char *const number[] = { "" };
        char *end;
        double value = strtod(word, &end);
        if (end == word || *end || !isfinite(value))
            return ftc_error(x->d, FTC_NOWHERE, "the model predicts a number, and '--label %s' is none", word);
        if (!c->n_labels)
            classifier_set_labels(c, number, 1);
        x->target = NEW(x->a, float);
        *x->target = (float)value;
        return true;
    }
    if (!c->n_labels) {
        const char *two[] = { word, arena_printf(x->a, "not %s", word) };
        classifier_set_labels(c, two, 2);
    }
    x->target = NEW_ARRAY(x->a, float, c->n_labels);
    for (const char *p = word; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
        size_t n = task == FTC_MULTI_LABEL ? strcspn(p, ",") : strlen(p);
        x->label = find_label(c, p, n);
        if (x->label < 0)
            return no_such_label(x, p, n);
        x->target[x->label] = 1;
        if (task != FTC_MULTI_LABEL)
            break;
    }
    return true;
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

static bool open_model(Tracer *x)
{
    SpecModel *m = &x->m;
    if (!spec_model_open(m, &x->job->source, x->d))
        return false;
    if (!m->c.tokenizer && !learn_vocabulary(x))
        return false;
    if (!encode_text(x) || !take_label(x))
        return false;
    PipelineOptions plain = { .level = 0 };
    if (!spec_model_compile(m, true, &plain, &x->job->codegen, x->d))
        return false;
    x->pool = pool_new(x->job->threads);
    return classifier_make(&m->c, x->pool, false);
}

static bool prepare_batch(Tracer *x)
{
    Classifier *c = &x->m.c;
    int32_t n = x->encoded.tokens;
    x->types = NEW_ARRAY(x->a, int32_t, n);
    for (int32_t i = x->encoded.first; i < n; i++)
        x->types[i] = 1;
    x->start = NEW_ARRAY(x->a, int32_t, 2);
    x->start[1] = n;
    static const int64_t record[1] = { 0 };
    const int64_t start[2] = { 0, n };
    bool labelled = c->recipe->task == FTC_SINGLE_LABEL;
    Examples rows = { .n = 1,
                      .ids = x->ids.v,
                      .start = start,
                      .first = &x->encoded.first,
                      .labels = labelled ? &x->label : NULL,
                      .targets = labelled ? NULL : x->target,
                      .classes = c->n_labels };
    if (!examples_check(&rows, c->model, c->n_labels, classifier_vocab(c), x->d))
        return false;
    x->batch = (FtcBatch){ .rows = 1,
                           .tokens = n,
                           .longest = n,
                           .ids = x->ids.v,
                           .types = x->types,
                           .row_start = x->start,
                           .labels = labelled ? &x->label : NULL,
                           .record = record,
                           .targets = labelled ? NULL : x->target };
    ExecInputs *in = exec_inputs(c->exec);
    for (int i = 0; i < FTC_MAX_DROPOUTS; i++)
        in->dropout[i] = 0;
    return exec_reserve(c->exec, n, 1, n, x->d);
}

/* What lies in memory after the step under the name of a value of the graph; NULL: nothing does. */
static const void *value_of(const Tracer *x, const Node *n, int64_t *count)
{
    const FtcProgram *p = x->m.c.model->step;
    while (n->op == OP_reshape || n->op == OP_split || n->op == OP_join || n->op == OP_stop_gradient)
        n = n->in[0];
    if (n->op == OP_weight)
        return params_find(x->m.c.params, n->a.name, count);
    for (int i = 0; i < p->n_bufs; i++)
        if (p->bufs[i].kind == FTC_BUF_ARENA && !strcmp(p->bufs[i].name, n->name)) {
            *count = form_at(&p->bufs[i].size, exec_sizes(x->m.c.exec));
            return exec_buffer(x->m.c.exec, p, i);
        }
    for (int i = 0; i < x->m.compiled->step_graph->n_outputs; i++) {
        const Output *out = &x->m.compiled->step_graph->outputs[i];
        if (out->node != n)
            continue;
        for (int k = 0; k < p->n_bufs; k++)
            if (p->bufs[k].kind == FTC_BUF_OUTPUT && !strcmp(p->bufs[k].name, out->name)) {
                *count = form_at(&p->bufs[k].size, exec_sizes(x->m.c.exec));
                return exec_buffer(x->m.c.exec, p, k);
            }
    }
    return NULL;
}

static const Node *named(const Tracer *x, const char *name)
{
    EACH_NODE(n, x->m.compiled->step_graph)
    if (!strcmp(n->name, name))
        return n;
    return NULL;
}

static const float *copy(const Tracer *x, const Node *n, int64_t *count)
{
    const float *from = n && n->type.elem == F32 ? value_of(x, n, count) : NULL;
    if (!from)
        return NULL;
    float *to = NEW_ARRAY(x->a, float, *count + 1);
    memcpy(to, from, sizeof *to * (size_t)*count);
    return to;
}

/* The loss with the weights as they stand; a step of length 0 moves none. */
static double loss_of(Tracer *x)
{
    exec_set_step(x->m.c.exec, 0, 0);
    exec_step(x->m.c.exec, &x->batch);
    const float *loss = exec_output(x->m.c.exec, "loss");
    return loss ? *loss : NAN;
}

/* ---- which weights ------------------------------------------------------------------------------------------------- */

typedef struct {
    int weight; /* in the table */
    int64_t at; /* element */
} Element;

/* Of the first, the middle and the last matrix that is trained, the element with the largest gradient. */
static int choose_elements(const Tracer *x, const float *const *gradient, Element *out)
{
    const FtcModel *m = x->m.c.model;
    int *matrix = NEW_ARRAY(x->a, int, m->n_weights), n = 0, chosen = 0;
    for (int i = 0; i < m->n_weights; i++)
        if (m->weights[i].rank == 2 && gradient[i])
            matrix[n++] = i;
    const int which[TRACED_STEPS] = { n - 1, n / 2, 0 };
    for (int k = 0; k < TRACED_STEPS && k < n; k++) {
        Element e = { matrix[which[k]], 0 };
        const float *g = gradient[e.weight];
        for (int64_t i = 0; i < x->m.c.params->count[e.weight]; i++)
            if (fabsf(g[i]) > fabsf(g[e.at]))
                e.at = i;
        bool again = false;
        for (int i = 0; i < chosen; i++)
            again |= out[i].weight == e.weight;
        if (!again)
            out[chosen++] = e;
    }
    return chosen;
}

/* (loss at w + h - loss at w - h) / 2h */
static double central_difference(Tracer *x, float *w, float h)
{
    const float before = *w, high = before + h, low = before - h;
    *w = high;
    double above = loss_of(x);
    *w = low;
    double below = loss_of(x);
    *w = before;
    return (above - below) / ((double)high - low);
}

/* Richardson's extrapolation: what is left of the error goes with h to the fourth. */
static void difference_at(Tracer *x, const Element *e, TracedStep *s)
{
    const Params *p = x->m.c.params;
    float *w = &p->weight[e->weight].data[e->at], h = 1.0f / 64 * fmaxf(1, fabsf(*w));
    const FtcWeight *info = &x->m.c.model->weights[e->weight];
    int64_t width = info->dim[1] >= 0 ? info->dim[1] : p->classes;
    double wide = central_difference(x, w, h), narrow = central_difference(x, w, h / 2);
    *s = (TracedStep){ .name = arena_printf(x->a, "%s[%lld,%lld]", info->name, (long long)(e->at / width),
                                            (long long)(e->at % width)),
                       .before = *w,
                       .h = h,
                       .difference = (4 * narrow - wide) / 3 };
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static double length(const float *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    return sqrt(sum);
}

static bool ends_with(const char *s, const char *end)
{
    return strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

/* A share for each head, query and key of a row. */
static bool is_attention(const Node *n)
{
    const Type *t = &n->type;
    return n->region == REGION_FORWARD && t->elem == F32 && t->rank == 4 && t->dim[2] == DIM_N && t->dim[3] == DIM_N &&
           ends_with(n->name, ".share") && n->op == OP_div;
}

static void read_attention(Tracer *x)
{
    Trace *t = x->t;
    t->attention = NEW_ARRAY(x->a, TracedAttention, x->m.compiled->step_graph->n + 1);
    EACH_NODE(n, x->m.compiled->step_graph)
    {
        int64_t count;
        const float *v = is_attention(n) ? copy(x, n, &count) : NULL;
        if (v)
            t->attention[t->n_attention++] =
                (TracedAttention){ arena_strndup(x->a, n->name, strlen(n->name) - 6), (int)n->type.dim[1], t->n_tokens, v };
    }
}

/* Of the token behind the first: in most texts a word, not a mark. */
static void read_embedding(Tracer *x)
{
    Trace *t = x->t;
    EACH_NODE(n, x->m.compiled->step_graph)
    {
        if (n->op != OP_gather || n->in[0]->op != OP_weight || n->in[0]->type.dim[0] != DIM_V)
            continue;
        int64_t count;
        const float *v = copy(x, n, &count);
        t->embedding = n->in[0]->a.name;
        t->embedded = t->n_tokens > 1;
        t->width = n->type.dim[1];
        t->embedding_row = v ? v + t->embedded * t->width : NULL;
        if (!v)
            t->embedding = NULL;
        return;
    }
}

/* What the logits are a product of, with a weight; behind dropout, which is off. */
static void read_head(Tracer *x)
{
    const Node *n = graph_find_output(x->m.compiled->step_graph, "logits");
    while (n && n->op != OP_dot)
        n = n->n_in ? n->in[0] : NULL;
    if (!n)
        return;
    n = n->in[0];
    if (n->op == OP_select && n->in[1]->op == OP_mul)
        n = n->in[1]->in[0];
    x->t->read_value = copy(x, n, &x->t->n_read);
    x->t->read = x->t->read_value ? n->name : NULL;
}

static void read_logits(Tracer *x)
{
    Trace *t = x->t;
    const Classifier *c = &x->m.c;
    const float *logits = exec_output(c->exec, "logits");
    double *z = NEW_ARRAY(x->a, double, c->n_labels), *p = NEW_ARRAY(x->a, double, c->n_labels),
           *y = NEW_ARRAY(x->a, double, c->n_labels);
    double most = -INFINITY, sum = 0;
    t->task = c->recipe->task;
    t->classes = c->n_labels;
    t->labels = c->labels;
    for (int i = 0; i < t->classes; i++) {
        z[i] = logits ? logits[i] : NAN;
        most = fmax(most, z[i]);
        y[i] = x->target[i];
    }
    for (int i = 0; i < t->classes; i++)
        sum += exp(z[i] - most);
    for (int i = 0; i < t->classes; i++)
        p[i] = t->task == FTC_SINGLE_LABEL ? exp(z[i] - most) / sum : 1 / (1 + exp(-z[i]));
    t->logits = z;
    t->target = y;
    t->probability = t->task == FTC_REGRESSION ? NULL : p;
}

static void read_scalars(Tracer *x)
{
    Trace *t = x->t;
    const Classifier *c = &x->m.c;
    int64_t count;
    const float *loss = exec_output(c->exec, "loss"), *norm = exec_output(c->exec, "grad_norm");
    const Node *n = named(x, "clip");
    const float *clip = n ? copy(x, n, &count) : NULL;
    const RecipeKey *kind = recipe_key(c->recipe, "loss.type");
    t->loss = loss ? *loss : NAN;
    t->grad_norm = norm ? *norm : NAN;
    t->clip = clip ? *clip : 1;
    t->loss_name = kind && kind->value ? kind->value : "loss";
    t->plain = !strcmp(t->loss_name, "cross_entropy") && c->model->loss.label_smoothing == 0 &&
               c->model->loss.mode == FTC_WEIGHTS_NONE;
    t->optimizer = c->model->optimizer.kind == FTC_ADAMW ? "AdamW" : "SGD";
    t->lr = c->model->optimizer.lr;
    t->weight_decay = c->model->optimizer.weight_decay;
}

/* The gradients as they lie in memory, by weight; NULL where it has none. */
static const float **find_gradients_of(const Tracer *x)
{
    const FtcModel *m = x->m.c.model;
    const float **g = NEW_ARRAY(x->a, const float *, m->n_weights);
    for (int i = 0; i < m->n_weights; i++) {
        int64_t count = 0;
        const Node *n = named(x, arena_printf(x->a, "d.%s", m->weights[i].name));
        g[i] = n ? value_of(x, n, &count) : NULL;
        if (count != x->m.c.params->count[i])
            g[i] = NULL;
    }
    return g;
}

static void read_weights(Tracer *x, const float *const *gradient)
{
    Trace *t = x->t;
    const Params *p = x->m.c.params;
    t->weight = NEW_ARRAY(x->a, TracedWeight, p->n);
    for (int i = 0; i < p->n; i++)
        t->weight[t->n_weights++] = (TracedWeight){ p->weight[i].name, p->count[i], length(p->weight[i].data, p->count[i]),
                                                    gradient[i] ? length(gradient[i], p->count[i]) : 0 };
}

static void clear_states(Params *p)
{
    for (int i = 0; i < p->n * p->n_states; i++)
        if (p->state[i])
            memset(p->state[i], 0, sizeof **p->state * (size_t)p->count[i % p->n]);
}

static bool trace(Tracer *x)
{
    Trace *t = x->t;
    Classifier *c = &x->m.c;
    if (!open_model(x) || !prepare_batch(x))
        return false;
    const ClassifierSource *from = &x->job->source;
    t->model = from->model ? from->model : from->spec ? from->spec : from->init ? from->init : "models/bert_cls.yaml";
    loss_of(x);
    Element e[TRACED_STEPS];
    t->n_steps = choose_elements(x, find_gradients_of(x), e);
    for (int i = 0; i < t->n_steps; i++)
        difference_at(x, &e[i], &t->step[i]);
    clear_states(c->params);
    read_weights(x, find_gradients_of(x)); /* before the update; gradients once more below */
    exec_set_step(c->exec, 0, c->model->optimizer.lr);
    if (!exec_step(c->exec, &x->batch))
        return ftc_error(x->d, FTC_NOWHERE, "the loss of this text is not finite: %g", t->loss);
    const float **gradient = find_gradients_of(x);
    for (int i = 0; i < t->n_weights; i++)
        t->weight[i].gradient = gradient[i] ? length(gradient[i], t->weight[i].n) : 0;
    for (int i = 0; i < t->n_steps; i++) {
        t->step[i].gradient = gradient[e[i].weight][e[i].at];
        t->step[i].after = c->params->weight[e[i].weight].data[e[i].at];
    }
    read_scalars(x);
    read_logits(x);
    read_embedding(x);
    read_attention(x);
    read_head(x);
    return true;
}

Trace *trace_text_step(const TraceJob *job, Arena *a, FtcDiag *d)
{
    Tracer x = { .job = job, .a = a, .d = d, .t = NEW(a, Trace) };
    bool ok = trace(&x);
    if (ok) { /* what the classifier owns goes with it */
        const char **labels = NEW_ARRAY(a, const char *, x.t->classes);
        int32_t *ids = NEW_ARRAY(a, int32_t, x.t->n_tokens);
        for (int i = 0; i < x.t->classes; i++)
            labels[i] = arena_strdup(a, x.t->labels[i]);
        for (int i = 0; i < x.t->n_weights; i++)
            x.t->weight[i].name = arena_strdup(a, x.t->weight[i].name);
        memcpy(ids, x.ids.v, sizeof *ids * (size_t)x.t->n_tokens);
        x.t->labels = labels;
        x.t->id = ids;
        if (x.t->read)
            x.t->read = arena_strdup(a, x.t->read);
        if (x.t->embedding)
            x.t->embedding = arena_strdup(a, x.t->embedding);
        x.t->loss_name = arena_strdup(a, x.t->loss_name);
    }
    classifier_stop(&x.m.c);
    if (x.m.arena)
        spec_model_close(&x.m);
    pool_free(x.pool);
    free(x.ids.v);
    return ok ? x.t : NULL;
}

/* "layers.0" of "layers.0.ffn.up.weight": up to a number, or else without what it is of its layer. */
static size_t layer_length(const char *weight)
{
    for (const char *p = weight; (p = strchr(p, '.')); p++)
        if (p[1] >= '0' && p[1] <= '9')
            return (size_t)(p + 1 - weight) + strspn(p + 1, "0123456789");
    const char *dot = strchr(weight, '.');
    return dot ? (size_t)(dot - weight) : strlen(weight);
}

TracedLayer *trace_layers(const Trace *t, Arena *a, int *n)
{
    TracedLayer *v = NEW_ARRAY(a, TracedLayer, t->n_weights + 1);
    *n = 0;
    for (int i = 0; i < t->n_weights; i++) {
        const TracedWeight *w = &t->weight[i];
        size_t length = layer_length(w->name);
        TracedLayer *l = *n ? &v[*n - 1] : NULL;
        if (!l || strlen(l->name) != length || memcmp(l->name, w->name, length)) {
            l = &v[(*n)++];
            l->name = arena_strndup(a, w->name, length);
        }
        l->norm = hypot(l->norm, w->norm);
        l->gradient = hypot(l->gradient, w->gradient);
        l->n += w->n;
    }
    return v;
}

/* Spec -> graph: types, parameters, and the numbers, against models written out as plain loops over padding-free rows. */
#include "compiler/build/build.h"
#include "compiler/grad/grad.h"
#include "compiler/ir/eval.h"
#include "compiler/ops/ops.h"
#include "tests/support/testing.h"

#include <math.h>

enum { B = 3, C = 3, V = 40, T = 12 };
static const int32_t row_start[B + 1] = { 0, 5, 6, 12 };
static const int32_t labels[B] = { 2, 0, 1 };
static const double class_weights[C] = { 0.5, 2, 1.25 };
enum { SEED = 77, STEP = 5 };

static Arena *arena;
static FtcDiag *diag;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    diag = ftc_diag_new(stderr);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ftc_diag_free(diag);
    arena_free(arena);
    return 0;
}

static Spec *load(const char *file, int n, const char *const *settings)
{
    SpecSetting over[16];
    for (int i = 0; i < n; i++)
        assert_true(spec_setting_parse(arena, settings[i], &over[i], diag));
    Spec *s = spec_load(arena, &(SpecSource){ .file = source_path(file), .over = over, .n_over = n }, diag);
    assert_non_null(s);
    return s;
}

static Forward *forward(const Spec *s, bool training, bool with_labels)
{
    Forward *f = build_forward(s, &(BuildOptions){ .training = training, .labels = with_labels }, arena, diag);
    assert_non_null(f);
    graph_verify(f->graph);
    return f;
}

/* ---- numbers for inputs and weights: functions of name and place --------------------------------------------------- */

static double noise(const char *name, int64_t i)
{
    uint32_t h = 1;
    for (; *name; name++)
        h = h * 31 + (unsigned char)*name;
    return (double)(float)(rand_bits16(h, 1, 1, (uint32_t)i, 0) / 32768.0 - 1);
}

static double weight_value(const char *name, int64_t i)
{
    if (!strncmp(name, "zero", 4))
        return 0;
    bool norm = strstr(name, "norm.weight") != NULL, positive = name[0] == 'v' && name[1] == ':';
    return positive ? fabs(noise(name, i)) * 0.01 : norm ? 1 + 0.3 * noise(name, i) : 0.5 * noise(name, i);
}

static int32_t id_of(int t) { return (t * 7 + 3) % V; }
static int32_t type_of_token(int t) { return t % 3 == 2; }

static double scalar_value(const char *name)
{
    static const struct {
        const char *name;
        double value;
    } scalars[] = { { "seed", SEED }, { "step", STEP }, { "dropout.0", 0.25 }, { "lr", 0.01 }, { "weight_decay", 0.1 },
                    { "clip_norm", 0.3 }, { "beta1", 0.9 }, { "beta2", 0.99 }, { "eps", 1e-3 }, { "momentum", 0.8 },
                    { "correction1", 1 - 0.9 * 0.9 }, { "correction2", 1 - 0.99 * 0.99 } };
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        if (!strcmp(scalars[i].name, name))
            return scalars[i].value;
    fail_msg("no value for input '%s'", name);
    return 0;
}

static void fill(void *ctx, const Node *n, Tensor *t)
{
    (void)ctx;
    const char *name = n->a.name;
    for (int64_t i = 0; i < t->n; i++)
        t->v[i] = n->op != OP_input                 ? weight_value(name, i)
                  : !strcmp(name, "ids")            ? id_of((int)i)
                  : !strcmp(name, "types")          ? type_of_token((int)i)
                  : !strcmp(name, "row_start")      ? row_start[i]
                  : !strcmp(name, "labels")         ? labels[i]
                  : !strcmp(name, "class_weights")  ? class_weights[i]
                                                    : scalar_value(name);
}

static Tensor **evaluate(Graph *g)
{
    static const Binding bind = { { T, B, 6, C, V }, row_start };
    graph_renumber(g);
    return graph_eval(g, &bind, fill, NULL, arena);
}

static const Tensor *output(Graph *g, Tensor **values, const char *name)
{
    Node *n = graph_find_output(g, name);
    assert_non_null(n);
    return values[n->id];
}

static void assert_close(double got, double want, const char *what)
{
    if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want))))
        fail_msg("%s is %.12g, not %.12g", what, got, want);
}

/* ---- the same models as plain loops -------------------------------------------------------------------------------- */

/* y[out] = W[out, in] x[in] + b */
static void apply_linear(const char *path, int in, int out, const double *x, double *y)
{
    char weight[128], bias[128];
    snprintf(weight, sizeof weight, "%s.weight", path);
    snprintf(bias, sizeof bias, "%s.bias", path);
    for (int o = 0; o < out; o++) {
        y[o] = weight_value(bias, o);
        for (int i = 0; i < in; i++)
            y[o] += weight_value(weight, o * in + i) * x[i];
    }
}

static void apply_norm(const char *path, int n, double *x)
{
    char weight[128], bias[128];
    double mean = 0, square = 0;
    snprintf(weight, sizeof weight, "%s.weight", path);
    snprintf(bias, sizeof bias, "%s.bias", path);
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        square += (x[i] - mean) * (x[i] - mean) / n;
    for (int i = 0; i < n; i++)
        x[i] = (x[i] - mean) / sqrt(square + 1e-12) * weight_value(weight, i) + weight_value(bias, i);
}

static double gelu(double x) { return x * 0.5 * erfc(-x / sqrt(2)); }

enum { H = 8, HEADS = 2, D = H / HEADS, FF = 16 };

/* What dropout at rate 0.25 leaves of x. */
static double dropped(int site, int row, int column, double x)
{
    return rand_bits16(SEED, (uint32_t)site, STEP, (uint32_t)row, (uint32_t)column) < 49152 ? x / 0.75 : 0;
}

static void tiny_layer(int first, int n, bool training, double x[][H])
{
    double q[8][H], k[8][H], v[8][H], mixed[H], out[H], up[FF];
    for (int t = 0; t < n; t++) {
        apply_linear("layers.0.attention.query", H, H, x[t], q[t]);
        apply_linear("layers.0.attention.key", H, H, x[t], k[t]);
        apply_linear("layers.0.attention.value", H, H, x[t], v[t]);
    }
    for (int t = 0; t < n; t++) {
        for (int h = 0; h < HEADS; h++) {
            double e[8], sum = 0;
            for (int u = 0; u < n; u++) {
                double score = 0;
                for (int d = h * D; d < (h + 1) * D; d++)
                    score += q[t][d] * k[u][d];
                sum += e[u] = exp(score / sqrt(D));
            }
            for (int u = 0; u < n; u++)
                e[u] = training ? dropped(1, (first + t) * HEADS + h, u, e[u]) : e[u];
            for (int d = h * D; d < (h + 1) * D; d++) {
                mixed[d] = 0;
                for (int u = 0; u < n; u++)
                    mixed[d] += e[u] / sum * v[u][d];
            }
        }
        apply_linear("layers.0.attention.output", H, H, mixed, out);
        for (int i = 0; i < H; i++)
            x[t][i] += out[i];
        apply_norm("layers.0.attention_norm", H, x[t]);
        apply_linear("layers.0.ffn.up", H, FF, x[t], up);
        for (int i = 0; i < FF; i++)
            up[i] = gelu(up[i]);
        apply_linear("layers.0.ffn.down", FF, H, up, out);
        for (int i = 0; i < H; i++)
            x[t][i] += out[i];
        apply_norm("layers.0.ffn_norm", H, x[t]);
    }
}

static void tiny_logits(int row, bool training, double logits[C])
{
    double x[8][H], pooled[H];
    int n = row_start[row + 1] - row_start[row];
    for (int t = 0; t < n; t++) {
        for (int i = 0; i < H; i++)
            x[t][i] = weight_value("embeddings.token.weight", id_of(row_start[row] + t) * H + i) +
                      weight_value("embeddings.segment.weight", type_of_token(row_start[row] + t) * H + i) +
                      weight_value("embeddings.position.weight", t * H + i);
        apply_norm("embeddings.norm", H, x[t]);
    }
    tiny_layer(row_start[row], n, training, x);
    apply_linear("pooler", H, H, x[0], pooled);
    for (int i = 0; i < H; i++)
        pooled[i] = tanh(pooled[i]);
    apply_linear("classifier", H, C, pooled, logits);
}

enum { E = 64 };

static void logreg_features(int row, double x[E])
{
    int n = row_start[row + 1] - row_start[row];
    for (int i = 0; i < E; i++) {
        x[i] = 0;
        for (int t = row_start[row]; t < row_start[row + 1]; t++)
            x[i] += weight_value("embeddings.token.weight", id_of(t) * E + i) / n;
    }
}

static void log_probabilities(const double logits[C], double out[C])
{
    double sum = 0;
    for (int c = 0; c < C; c++)
        sum += exp(logits[c]);
    for (int c = 0; c < C; c++)
        out[c] = logits[c] - log(sum);
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

static int64_t parameters(const char *model, int64_t vocabulary, int64_t classes)
{
    Forward *f = forward(load(model, 0, NULL), true, true);
    int64_t count = 0;
    for (int i = 0; i < f->n_weights; i++) {
        int64_t n = 1;
        for (int d = 0; d < f->weights[i].rank; d++)
            n *= f->weights[i].dim[d] == -1 - FTC_V   ? vocabulary
                 : f->weights[i].dim[d] == -1 - FTC_C ? classes
                                                      : f->weights[i].dim[d];
        count += n;
        assert_string_equal(f->weights[i].name, f->nodes[i]->a.name);
    }
    return count;
}

static void parameter_counts_are_the_published_ones(void **state)
{
    (void)state;
    assert_int_equal(parameters("models/bert_base_cls.yaml", 30522, 2), 109483778);
    assert_int_equal(parameters("models/distilbert_cls.yaml", 30522, 2), 66955010);
    assert_int_equal(parameters("models/minilm_cls.yaml", 30522, 2), 22713216 + 2 * 384 + 2);
    assert_int_equal(parameters("models/logreg.yaml", 8000, 2), 8000 * 64 + 2 * 64 + 2);
}

static const FtcWeight *find_weight(const Forward *f, const char *name)
{
    for (int i = 0; i < f->n_weights; i++)
        if (!strcmp(f->weights[i].name, name))
            return &f->weights[i];
    fail_msg("no weight '%s'", name);
    return NULL;
}

static void weights_know_their_role(void **state)
{
    (void)state;
    static const char *const zeros[] = { "model.head.init=zeros" };
    Forward *f = forward(load("models/minilm_cls.yaml", 1, zeros), true, true);
    const FtcWeight *w = find_weight(f, "layers.5.ffn.up.weight");
    assert_true(w->decay && !w->head && w->init == FTC_INIT_NORMAL && w->dim[0] == 1536 && w->dim[1] == 384);
    assert_true(w->init_scale == 0.02f);
    w = find_weight(f, "layers.0.attention_norm.weight");
    assert_true(!w->decay && w->init == FTC_INIT_ONES && w->rank == 1);
    w = find_weight(f, "layers.0.attention.query.bias");
    assert_true(!w->decay && w->init == FTC_INIT_ZEROS);
    w = find_weight(f, "embeddings.position.weight");
    assert_true(w->decay && w->dim[0] == 512);
    assert_true(find_weight(f, "pooler.weight")->init == FTC_INIT_NORMAL);
    assert_true(find_weight(f, "classifier.weight")->init == FTC_INIT_ZEROS);
    assert_true(find_weight(f, "classifier.bias")->head && find_weight(f, "pooler.bias")->head);
    assert_int_equal(find_weight(f, "classifier.weight")->dim[0], -1 - FTC_C);
    find_weight(f, "embeddings.segment.weight");
    find_weight(f, "embeddings.norm.bias");
    find_weight(f, "layers.3.attention.output.weight");
    find_weight(f, "layers.3.ffn.down.bias");
    find_weight(f, "layers.3.ffn_norm.bias");
}

static void values_know_their_lines(void **state)
{
    (void)state;
    Forward *f = forward(load("models/tiny_cls.yaml", 0, NULL), false, false);
    int seen = 0;
    EACH_NODE(n, f->graph) {
        if (strcmp(n->name, "layers.0.attention.scores"))
            continue;
        assert_string_equal(n->loc->at.file, "layers/bert.yaml");
        assert_int_equal(n->loc->at.line, 24);
        assert_string_equal(n->loc->up->at.file, source_path("models/tiny_cls.yaml"));
        seen++;
    }
    assert_int_equal(seen, 1);
}

static void tiny_equals_plain_loops(void **state)
{
    (void)state;
    static const char *const settings[] = { "model.encoder.attention_dropout=0.25" };
    for (int training = 0; training < 2; training++) {
        Forward *f = forward(load("models/tiny_cls.yaml", 1, settings), training, true);
        Tensor **values = evaluate(f->graph);
        double loss = 0;
        for (int r = 0; r < B; r++) {
            double logits[C], log_p[C];
            tiny_logits(r, training, logits);
            log_probabilities(logits, log_p);
            for (int c = 0; c < C; c++)
                assert_close(output(f->graph, values, "logits")->v[r * C + c], logits[c], "logit");
            loss -= log_p[labels[r]] / B;
        }
        assert_close(output(f->graph, values, "loss")->v[0], loss, "loss");
    }
}

static void logreg_loss_is_weighted_and_smoothed_as_pytorch_does(void **state)
{
    (void)state;
    static const char *const settings[] = { "loss.class_weights=[0.5, 2, 1.25]", "loss.label_smoothing=0.2" };
    for (int n = 0; n <= 2; n++) {
        Spec *s = load("models/logreg.yaml", n, settings);
        for (int training = 0; training < 2; training++) {
            Forward *f = forward(s, training, true);
            Tensor **values = evaluate(f->graph);
            double above = 0, below = 0, smoothing = training && n == 2 ? 0.2 : 0;
            for (int r = 0; r < B; r++) {
                double x[E], logits[C], log_p[C];
                logreg_features(r, x);
                apply_linear("classifier", E, C, x, logits);
                log_probabilities(logits, log_p);
                for (int c = 0; c < C; c++) {
                    double w = training && n ? class_weights[c] : 1;
                    above -= w * log_p[c] * (smoothing / C + (c == labels[r] ? 1 - smoothing : 0));
                    below += c == labels[r] ? w : 0;
                }
            }
            assert_close(output(f->graph, values, "loss")->v[0], above / below, "loss");
        }
    }
}

static Spec *load_text(const char *text)
{
    Spec *s = spec_load(arena, &(SpecSource){ .file = "t.yaml", .text = text, .len = strlen(text) }, diag);
    assert_non_null(s);
    return s;
}

static void dropout_keeps_what_the_bits_say(void **state)
{
    (void)state;
    Forward *f = forward(load_text("model: {encoder: [token_embedding: 64, dropout: 0.25], head: {pool: mean, pooler: false, "
                                   "dropout: 0.25}}"), true, true);
    assert_int_equal(f->n_rates, 1);
    assert_true(f->rates[0] == 0.25);
    Tensor **values = evaluate(f->graph);
    for (int r = 0; r < B; r++) {
        double logits[C], x[E] = { 0 };
        int n = row_start[r + 1] - row_start[r];
        for (int i = 0; i < E; i++) {
            for (int t = row_start[r]; t < row_start[r + 1]; t++)
                x[i] += dropped(1, t, i, weight_value("embeddings.token.weight", id_of(t) * E + i)) / n;
            x[i] = dropped(2, r, i, x[i]);
        }
        apply_linear("classifier", E, C, x, logits);
        for (int c = 0; c < C; c++)
            assert_close(output(f->graph, values, "logits")->v[r * C + c], logits[c], "logit");
    }
}

static int count(const Graph *g, Op op)
{
    int n = 0;
    EACH_NODE(node, g)
        n += node->op == op;
    return n;
}

static void dropout_is_built_where_it_counts(void **state)
{
    (void)state;
    static const char *const settings[] = { "model.encoder.attention_dropout=0.2" };
    Spec *s = load("models/bert_cls.yaml", 1, settings);
    Forward *train = forward(s, true, true);
    assert_int_equal(count(train->graph, OP_rand), 1 + 4 * 3 + 1);
    assert_int_equal(train->n_rates, 2);
    int sites[32] = { 0 };
    EACH_NODE(n, train->graph)
        if (n->op == OP_rand)
            sites[n->a.site]++;
    for (int i = 1; i <= 14; i++)
        assert_int_equal(sites[i], 1);
    assert_int_equal(count(forward(s, false, true)->graph, OP_rand), 0);
    assert_int_equal(count(forward(load("models/tiny_cls.yaml", 0, NULL), true, true)->graph, OP_rand), 0);
}

/* The activations and layers that the models above leave out. */
static double one_number(Graph *g, Tensor **values, int i) { return output(g, values, "logits")->v[i]; }

static void library_layers_equal_their_formulas(void **state)
{
    (void)state;
    static const char *const acts[] = { "gelu", "gelu_new", "relu", "silu", "tanh" };
    for (int a = 0; a < 5; a++) {
        Spec *s = load_text(arena_printf(arena, "model: {head: {pooler: false}, encoder: [token_embedding: 4, rms_norm: {eps: 0.01}, "
                                         "gated_ffn: {size: 3, activation: %s}]}", acts[a]));
        Forward *f = forward(s, false, false);
        Tensor **values = evaluate(f->graph);
        for (int r = 0; r < B; r++) {
            double x[4], square = 0, inner[3], y[4], logits[C];
            for (int i = 0; i < 4; i++) {
                x[i] = weight_value("embeddings.token.weight", id_of(row_start[r]) * 4 + i);
                square += x[i] * x[i] / 4;
            }
            for (int i = 0; i < 4; i++)
                x[i] = x[i] / sqrt(square + 0.01) * weight_value("norm.weight", i);
            for (int j = 0; j < 3; j++) {
                double gate = 0, up = 0;
                for (int i = 0; i < 4; i++) {
                    gate += weight_value("ffn.gate.weight", j * 4 + i) * x[i];
                    up += weight_value("ffn.up.weight", j * 4 + i) * x[i];
                }
                double act = a == 0   ? gelu(gate)
                             : a == 1 ? 0.5 * gate * (1 + tanh(sqrt(2 / acos(-1)) * (gate + 0.044715 * pow(gate, 3))))
                             : a == 2 ? fmax(gate, 0)
                             : a == 3 ? gate / (1 + exp(-gate))
                                      : tanh(gate);
                inner[j] = act * up;
            }
            for (int i = 0; i < 4; i++) {
                y[i] = 0;
                for (int j = 0; j < 3; j++)
                    y[i] += weight_value("ffn.down.weight", i * 3 + j) * inner[j];
            }
            apply_linear("classifier", 4, C, y, logits);
            for (int c = 0; c < C; c++)
                assert_close(one_number(f->graph, values, r * C + c), logits[c], acts[a]);
        }
    }
}

/* At 0 its gradient is 0, as PyTorch has it. */
static void relu_is_flat_at_zero(void **state)
{
    (void)state;
    Forward *f = forward(load_text("model: {head: {pooler: false, dropout: 0}, encoder: [token_embedding: {name: zeros, size: 8}, "
                                   "activation: relu]}"), true, true);
    Node *grads[3];
    assert_int_equal(f->n_weights, 3);
    graph_grad(f->graph, graph_find_output(f->graph, "loss"), 3, f->nodes, grads);
    Tensor **values = evaluate(f->graph);
    for (int i = 0; i < V * 8; i++)
        assert_true(values[grads[0]->id]->v[i] == 0);
    assert_true(values[grads[2]->id]->v[0] != 0);
}

/* One step of logreg: gradients by hand, PyTorch's clipping and optimizers by hand. */
typedef struct {
    double table[V * E], weight[C * E], bias[C];
} LogregGrads;

static void logreg_grads(LogregGrads *d)
{
    memset(d, 0, sizeof *d);
    for (int r = 0; r < B; r++) {
        double x[E], logits[C], log_p[C];
        logreg_features(r, x);
        apply_linear("classifier", E, C, x, logits);
        log_probabilities(logits, log_p);
        for (int c = 0; c < C; c++) {
            double dz = (exp(log_p[c]) - (c == labels[r])) / B;
            d->bias[c] += dz;
            for (int i = 0; i < E; i++) {
                d->weight[c * E + i] += dz * x[i];
                for (int t = row_start[r]; t < row_start[r + 1]; t++)
                    d->table[id_of(t) * E + i] += dz * weight_value("classifier.weight", c * E + i) /
                                                  (row_start[r + 1] - row_start[r]);
            }
        }
    }
}

static double squares(const double *v, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++)
        s += v[i] * v[i];
    return s;
}

static const Tensor *new_value(Graph *g, Tensor **values, const char *name)
{
    EACH_NODE(n, g)
        if (n->op == OP_update && !strcmp(n->a.name, name)) {
            assert_int_equal(n->region, REGION_UPDATE);
            return values[n->id];
        }
    fail_msg("no update of '%s'", name);
    return NULL;
}

static void step_equals_hand_computation(void **state)
{
    (void)state;
    static const char *const kinds[][4] = {
        { "optimizer.type=adamw", "optimizer.clip_norm=0.3", "model.tokenizer.vocab_size=40", "optimizer.eps=1e-3" },
        { "optimizer.type=sgd", "optimizer.clip_norm=none", "optimizer.momentum=0.8", "optimizer.nesterov=true" },
        { "optimizer.type=sgd", "optimizer.clip_norm=0.3", "optimizer.momentum=0.8", "optimizer.nesterov=false" },
        { "optimizer.type=sgd", "optimizer.clip_norm=0.3", "optimizer.momentum=0", "optimizer.nesterov=false" },
    };
    LogregGrads *d = NEW(arena, LogregGrads);
    logreg_grads(d);
    double norm = sqrt(squares(d->table, V * E) + squares(d->weight, C * E) + squares(d->bias, C));
    for (int kind = 0; kind < 4; kind++) {
        Spec *s = load("models/logreg.yaml", 4, kinds[kind]);
        Forward *f = forward(s, true, true);
        Graph *g = f->graph;
        Node **grads = NEW_ARRAY(arena, Node *, f->n_weights);
        graph_grad(g, graph_find_output(g, "loss"), f->n_weights, f->nodes, grads);
        build_update(g, s, f, grads);
        assert_false(g->failed);
        graph_verify(g);
        Tensor **values = evaluate(g);
        assert_close(output(g, values, "grad_norm")->v[0], norm, "grad_norm");
        double clip = kind == 1 ? 1 : fmin(1, 0.3 / (norm + 1e-6));
        assert_true(norm > 0.3);
        static const char *const names[] = { "embeddings.token.weight", "classifier.weight", "classifier.bias" };
        const double *grad[] = { d->table, d->weight, d->bias };
        const int size[] = { V * E, C * E, C };
        for (int p = 0; p < 3; p++) {
            char m_name[64], v_name[64];
            snprintf(m_name, sizeof m_name, "m:%s", names[p]);
            snprintf(v_name, sizeof v_name, "v:%s", names[p]);
            const Tensor *got = new_value(g, values, names[p]);
            for (int i = 0; i < size[p]; i++) {
                double w = weight_value(names[p], i), dw = grad[p][i] * clip, decay = p < 2 ? 0.1 : 0;
                if (kind == 0) {
                    double m = 0.9 * weight_value(m_name, i) + 0.1 * dw;
                    double v = 0.99 * weight_value(v_name, i) + (1 - 0.99) * dw * dw;
                    w -= 0.01 * decay * w;
                    w -= 0.01 / (1 - 0.81) * m / (sqrt(v) / sqrt(1 - 0.9801) + 1e-3);
                    assert_close(new_value(g, values, m_name)->v[i], m, m_name);
                    assert_close(new_value(g, values, v_name)->v[i], v, v_name);
                } else {
                    dw += decay * w;
                    double m = kind == 3 ? dw : 0.8 * weight_value(m_name, i) + dw;
                    w -= 0.01 * (kind == 1 ? dw + 0.8 * m : m);
                }
                assert_close(got->v[i], w, names[p]);
            }
        }
    }
}

static void every_model_builds_differentiates_and_updates(void **state)
{
    (void)state;
    static const char *const models[] = { "models/bert_cls.yaml", "models/minilm_cls.yaml", "models/distilbert_cls.yaml",
                                          "models/tiny_cls.yaml", "models/logreg.yaml", "tests/models/prenorm_gated.yaml" };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        Spec *s = load(models[i], 0, NULL);
        Forward *f = forward(s, true, true);
        Node **grads = NEW_ARRAY(arena, Node *, f->n_weights);
        graph_grad(f->graph, graph_find_output(f->graph, "loss"), f->n_weights, f->nodes, grads);
        build_update(f->graph, s, f, grads);
        assert_false(f->graph->failed);
        graph_verify(f->graph);
        for (int w = 0; w < f->n_weights; w++)
            assert_true(grads[w]->op != OP_const); /* every weight takes part in the loss */
        char *text = graph_text(f->graph);
        Graph *again = graph_parse(arena, "step", text, strlen(text), diag);
        assert_non_null(again);
        char *second = graph_text(again);
        assert_string_equal(text, second);
        free(text);
        free(second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts_are_the_published_ones),
        cmocka_unit_test(weights_know_their_role),
        cmocka_unit_test(values_know_their_lines),
        cmocka_unit_test(tiny_equals_plain_loops),
        cmocka_unit_test(logreg_loss_is_weighted_and_smoothed_as_pytorch_does),
        cmocka_unit_test(dropout_keeps_what_the_bits_say),
        cmocka_unit_test(dropout_is_built_where_it_counts),
        cmocka_unit_test(library_layers_equal_their_formulas),
        cmocka_unit_test(relu_is_flat_at_zero),
        cmocka_unit_test(step_equals_hand_computation),
        cmocka_unit_test(every_model_builds_differentiates_and_updates),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* Spec -> programs -> native code; see compile.h.  One function lists the stages. */
#include "compiler/api/compile.h"

#include "compiler/api/stage.h"
#include "compiler/passes/passes.h"
#include "compiler/support/timing.h"
#include "runtime/core/clock.h"
#include "runtime/core/crash.h"
#include "runtime/core/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the runtime has to know -------------------------------------------------------------------------------------- */

static void fill_optimizer(FtcOptimizer *o, const Spec *s)
{
    static const FtcScheduleKind schedule[] = {
        [SCHEDULE_CONSTANT] = FTC_SCHEDULE_CONSTANT, [SCHEDULE_LINEAR] = FTC_SCHEDULE_LINEAR, [SCHEDULE_COSINE] = FTC_SCHEDULE_COSINE,
    };
    *o = (FtcOptimizer){
        .kind = s->optimizer.type == OPT_ADAMW ? FTC_ADAMW : FTC_SGD,
        .lr = s->optimizer.lr, .weight_decay = s->optimizer.weight_decay,
        .beta1 = s->optimizer.betas[0], .beta2 = s->optimizer.betas[1], .eps = s->optimizer.eps,
        .momentum = s->optimizer.momentum,
        .clip_norm = s->optimizer.clip_norm > 0 ? s->optimizer.clip_norm : INFINITY,
        .schedule = schedule[s->optimizer.schedule.type],
        .warmup = s->optimizer.schedule.warmup.steps ? (double)s->optimizer.schedule.warmup.steps : s->optimizer.schedule.warmup.share,
    };
}

static void fill_loss(FtcLoss *l, const Spec *s)
{
    static const FtcClassWeightMode mode[] = {
        [WEIGHTS_NONE] = FTC_WEIGHTS_NONE, [WEIGHTS_BALANCED] = FTC_WEIGHTS_BALANCED,
        [WEIGHTS_LIST] = FTC_WEIGHTS_LISTED, [WEIGHTS_BY_LABEL] = FTC_WEIGHTS_NAMED,
    };
    const SpecWeights *w = &s->loss.class_weights;
    *l = (FtcLoss){ .label_smoothing = s->loss.label_smoothing, .mode = mode[w->kind], .n_class_weights = w->n,
                    .class_weights = w->weight, .class_names = w->label,
                    .class_weights_at = w->kind == WEIGHTS_NONE ? FTC_NOWHERE : spec_loc(s, "loss.class_weights") };
}

static void fill_states(FtcModel *m, const Spec *s, bool accumulates)
{
    bool adam = s->optimizer.type == OPT_ADAMW;
    m->n_states = m->n_lasting = adam ? 2 : s->optimizer.momentum > 0;
    m->state[0] = "m";
    m->state[1] = "v";
    if (accumulates)
        m->state[m->n_states++] = "a";
}

static void fill_model(FtcModel *m, const Spec *s, const char *name, const Forward *f, Arena *a)
{
    static const FtcSampling sampling[] = {
        [SAMPLING_NONE] = FTC_SAMPLING_NONE, [SAMPLING_OVER] = FTC_SAMPLING_OVER,
        [SAMPLING_UNDER] = FTC_SAMPLING_UNDER, [SAMPLING_WEIGHTED] = FTC_SAMPLING_WEIGHTED,
    };
    m->name = name;
    m->weights = f->weights;
    m->n_weights = f->n_weights;
    m->n_dropouts = f->n_rates;
    float *rates = NEW_ARRAY(a, float, f->n_rates + 1);
    for (int i = 0; i < f->n_rates; i++)
        rates[i] = (float)f->rates[i];
    m->dropout = rates;
    m->task = spec_task(s);
    fill_states(m, s, f->part != BATCH_IS_STEP);
    fill_optimizer(&m->optimizer, s);
    fill_loss(&m->loss, s);
    m->data = (FtcData){ .max_length = (int32_t)s->data.max_length, .segments = (int32_t)s->model.encoder.segments,
                         .n_labels = s->data.labels.n, .labels = s->data.labels.v };
    m->train = (FtcTrain){ .epochs = (int32_t)s->train.epochs, .batch = (int32_t)s->train.batch,
                           .accumulate = f->part == BATCH_IS_STEP ? 1 : (int32_t)s->train.accumulate,
                           .eval_batch = (int32_t)s->train.eval_batch, .seed = s->train.seed,
                           .max_steps = s->train.max_steps, .shuffle = s->train.shuffle, .sampling = sampling[s->train.sampling],
                           .memory_limit = s->train.memory_limit, .eval_every = s->train.eval_every,
                           .checkpoint_every = s->train.checkpoint.every, .checkpoint_keep = s->train.checkpoint.keep,
                           .best = s->train.best, .patience = s->train.early_stop.patience,
                           .threshold = s->train.early_stop.threshold };
}

/* ---- the way through ----------------------------------------------------------------------------------------------- */

/* One of the programs on its way. */
typedef struct {
    const char *name;
    bool training;
    BatchPart part;
    Forward *forward;
    Program *program;
    Graph *graph;
} Entry;

static bool build_entry(Compiled *c, Entry *e, const Spec *spec, FtcDiag *d)
{
    double start = timing_now();
    ftc_diag_during(d, "build");
    BuildOptions how = { .training = e->training, .labels = e->training, .part = e->part };
    e->forward = build_forward(spec, &how, c->arena, d);
    if (!e->forward)
        return false;
    e->graph = e->forward->graph;
    e->graph->name = e->name;
    timing_add(TIMING_STEP, "build", start);
    return true;
}

static void run_entry(Compiled *c, Entry *e, const Spec *spec, const PipelineOptions *o, FtcDiag *d)
{
    Stage s = { .spec = spec, .arena = c->arena, .forward = e->forward, .graph = e->graph, .program = e->program };
    if (o->after)
        o->after(o->ctx, o->from ? o->from : "build", &s);
    run_pipeline(&s, e->training, o, d);
    e->program = s.program;
}

static Node *find_node(const Graph *g, const char *name)
{
    EACH_NODE(n, g)
        if (!strcmp(n->name, name))
            return n;
    return NULL;
}

/* Makes a program of what stays the same from epoch to epoch, and lets step and eval begin where it ends.  Both are built in one
 * order, so a value before all dropout has the same name in both. */
static void split_encoder(Compiled *c, Entry *step, Entry *accumulate, Entry *eval, Entry *encode)
{
    Node *at = find_encoded(step->graph, step->forward);
    c->encoder_is_random = !at && find_encoded(eval->graph, eval->forward);
    if (!at)
        return;
    Node *same = find_node(eval->graph, at->name);
    assert(same && type_equal(&same->type, &at->type));
    cut_encoder(eval->graph, same);
    if (accumulate->graph)
        cut_encoder(accumulate->graph, find_node(accumulate->graph, at->name));
    encode->graph = cut_encoder(step->graph, at);
    encode->graph->name = encode->name;
}

/* Prediction alone has no step.  What the passes did is told of the step; eval goes the same way. */
static void run_entries(Compiled *c, Entry *step, Entry *accumulate, Entry *eval, Entry *encode, const Spec *spec,
                        const PipelineOptions *options, FtcDiag *d)
{
    PipelineOptions o = *options;
    if (step->graph || step->program) {
        run_entry(c, step, spec, &o, d);
        o.opt_info = NULL;
    }
    run_entry(c, eval, spec, &o, d);
    o.opt_info = NULL;
    if (accumulate->graph)
        run_entry(c, accumulate, spec, &o, d);
    if (encode->graph)
        run_entry(c, encode, spec, &o, d);
}

/* All programs are there: the tables. */
static void finish(Compiled *c, const Spec *spec, const char *name, const Entry *step, const Entry *accumulate, const Entry *eval,
                   const Entry *encode)
{
    fill_model(&c->model, spec, name, step->forward ? step->forward : eval->forward, c->arena);
    c->spec = spec;
    c->step = step->program;
    c->eval = eval->program;
    c->accumulate = accumulate->program;
    c->encode = encode->program;
    c->step_graph = step->graph;
    c->eval_graph = eval->graph;
    c->model.step = c->step ? program_tables(c->step) : NULL;
    c->model.eval = program_tables(c->eval);
    c->model.accumulate = c->accumulate ? program_tables(c->accumulate) : NULL;
    c->model.encode = c->encode ? program_tables(c->encode) : NULL;
}

/* Should the passes or the code they lead to end the program, this stays: the stage before all of them, and how to go on from it. */
static void keep_for_crash(const Entry *step, const Entry *eval, const Spec *spec, const char *name, const PipelineOptions *o)
{
    StageCatch c = { .wanted = STAGE_GRAPH, .text = { graph_text(step->graph), graph_text(eval->graph) } };
    char *text = NULL, *rest, *all = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    stage_print(&c, name, spec, out);
    fclose(out);
    stage_catch_free(&c);
    rest = strchr(text, '\n') + 1; /* behind the title */
    out = text_open(&all, &size);
    fprintf(out, "%.*s# to see it again: ftc compile -O%d", (int)(rest - text), text, o->level);
    for (int i = 0; i < n_passes; i++) {
        char word[64];
        snprintf(word, sizeof word, ",%s,", pipeline[i].name);
        if (o->off && strstr(o->off, word))
            fprintf(out, " -fno-%s", pipeline[i].name);
    }
    fprintf(out, " -x graph FILE, or ftc verify -x graph FILE\n%s", rest);
    fclose(out);
    free(text);
    crash_keep(all, size);
}

Compiled *compile_spec(const Spec *spec, const char *name, bool training, const PipelineOptions *o, FtcDiag *d)
{
    double start = clock_ms();
    Compiled *c = xcalloc(1, sizeof *c);
    c->arena = arena_new();
    bool parts = training && o->accumulate && spec->train.accumulate > 1;
    Entry step = { .name = "step", .training = true, .part = parts ? BATCH_IS_LAST : BATCH_IS_STEP };
    Entry accumulate = { .name = "accumulate", .training = true, .part = BATCH_BEFORE_LAST };
    Entry eval = { .name = "eval" }, encode = { .name = "encode" };
    bool ok = (!training || build_entry(c, &step, spec, d)) && (!parts || build_entry(c, &accumulate, spec, d)) &&
              build_entry(c, &eval, spec, d);
    if (ok) {
        if (training && o->keep_encoded && o->level > 0)
            split_encoder(c, &step, &accumulate, &eval, &encode);
        if (training)
            keep_for_crash(&step, &eval, spec, name, o);
        run_entries(c, &step, &accumulate, &eval, &encode, spec, o, d);
        finish(c, spec, name, &step, &accumulate, &eval, &encode);
        c->compile_ms = clock_ms() - start;
        return c;
    }
    compiled_free(c);
    return NULL;
}

/* ---- going on from a stage's text ---------------------------------------------------------------------------------- */

/* The nodes of the weights, in a graph that was read; a weight that it has no more is no weight of the model. */
static bool find_weights(Forward *f, const Graph *g, const char *file, FtcDiag *d)
{
    int n = 0;
    for (int i = 0; i < f->n_weights; i++) {
        Node *node = NULL;
        EACH_NODE(x, g)
            if (x->op == OP_weight && !strcmp(x->a.name, f->weights[i].name))
                node = x;
        if (!node)
            continue;
        f->weights[n] = f->weights[i];
        f->nodes[n++] = node;
    }
    f->n_weights = n;
    EACH_NODE(x, g) {
        bool known = x->op != OP_weight;
        for (int i = 0; i < n && !known; i++)
            known = f->nodes[i] == x;
        if (!known)
            return ftc_error(d, FTC_FILE(file), "the weight '%s' of graph @%s is none of the spec's, in the lines above it",
                             x->a.name, g->name);
    }
    return true;
}

/* Whether a weight that is trained has a part in n. */
static bool depends_on_trained(Graph *g, const Node *n, const Forward *f, Arena *a)
{
    graph_renumber(g);
    bool *needed = NEW_ARRAY(a, bool, g->n), found = false;
    needed[n->id] = true;
    for (const Node *x = g->last; x; x = x->prev)
        for (int i = 0; needed[x->id] && i < x->n_in; i++)
            needed[x->in[i]->id] = true;
    for (int i = 0; i < f->n_weights; i++)
        found |= !f->weights[i].frozen && needed[f->nodes[i]->id];
    return found;
}

/* What the passes rely on of a graph that they did not make. */
static bool check_graph(const Entry *e, const StageText *t, Arena *a, FtcDiag *d)
{
    const char *wanted = e->training ? "loss" : "logits";
    Node *n = graph_find_output(e->graph, wanted);
    if (!n)
        return ftc_error(d, FTC_FILE(t->file), "graph @%s has no output '%s'", e->name, wanted);
    if (t->stage == STAGE_FUSED)
        return pass_regroup(e->graph, t->file, d);
    EACH_NODE(x, e->graph) /* no groups yet */
        x->group = x->stage = x->packs = 0;
    if (t->stage == STAGE_GRAD)
        return true;
    return find_weights(e->forward, e->graph, t->file, d) &&
           (!e->training || depends_on_trained(e->graph, n, e->forward, a) ||
            ftc_error(d, FTC_FILE(t->file), "the loss of graph @%s depends on no weight that is trained", e->name));
}

/* Whether the pass rows ran on what was read. */
static bool trains_rows(const Entry *e)
{
    if (e->graph)
        EACH_NODE(n, e->graph)
            if (n->op == OP_update_rows)
                return true;
    for (int i = 0; e->program && i < e->program->n_bufs; i++)
        if (e->program->bufs[i].kind == FTC_BUF_INPUT && !strcmp(e->program->bufs[i].name, "used"))
            return true;
    return false;
}

static bool read_entry(Compiled *c, Entry *e, const Spec *spec, const StageText *t, const char *text, FtcDiag *d)
{
    if (!text)
        return ftc_error(d, FTC_FILE(t->file), "has no part '%s'", e->name);
    if (!build_entry(c, e, spec, d))
        return false;
    Graph *built = e->graph;
    bool is_graph = t->stage < STAGE_KERNELS;
    e->graph = is_graph ? graph_parse(c->arena, t->file, text, strlen(text), d) : NULL;
    e->program = is_graph ? NULL : program_parse(c->arena, t->file, text, strlen(text), d);
    if (!e->graph && !e->program)
        return false;
    if (trains_rows(e)) /* the weight table says so too */
        build_rows(built, spec, e->forward);
    if (e->program) {
        e->program->name = e->name;
        return true;
    }
    e->graph->name = e->name;
    return check_graph(e, t, c->arena, d);
}

static const Spec *read_entries(Compiled *c, Entry *step, Entry *eval, const StageText *t, FtcDiag *d)
{
    SpecSource source = { .file = arena_printf(c->arena, "%s (its spec)", t->file), .text = t->spec, .len = strlen(t->spec) };
    const Spec *spec = t->checked ? t->checked : spec_load(c->arena, &source, d);
    return spec && read_entry(c, step, spec, t, t->step, d) && read_entry(c, eval, spec, t, t->eval, d) ? spec : NULL;
}

Compiled *compile_stage(const StageText *t, const PipelineOptions *options, FtcDiag *d)
{
    double start = clock_ms();
    PipelineOptions o = *options;
    Compiled *c = xcalloc(1, sizeof *c);
    c->arena = arena_new();
    o.from = t->stage == STAGE_GRAPH ? NULL : stage_last_pass(t->stage);
    Entry step = { .name = "step", .training = true }, accumulate = { 0 }, eval = { .name = "eval" }, encode = { .name = "encode" };
    const Spec *spec = read_entries(c, &step, &eval, t, d);
    if (spec) {
        run_entries(c, &step, &accumulate, &eval, &encode, spec, &o, d);
        finish(c, spec, arena_strdup(c->arena, t->model), &step, &accumulate, &eval, &encode);
        c->compile_ms = clock_ms() - start;
        return c;
    }
    compiled_free(c);
    return NULL;
}

bool run_stage(const StageText *t, const PipelineOptions *o, FtcDiag *d)
{
    Compiled *c = xcalloc(1, sizeof *c);
    c->arena = arena_new();
    Entry step = { .name = "step", .training = true }, accumulate = { 0 }, eval = { .name = "eval" }, encode = { .name = "encode" };
    const Spec *spec = read_entries(c, &step, &eval, t, d);
    if (spec)
        run_entries(c, &step, &accumulate, &eval, &encode, spec, o, d);
    compiled_free(c);
    return spec != NULL;
}

/* ---- native code --------------------------------------------------------------------------------------------------- */

bool compiled_jit(Compiled *c, const CodegenOptions *o, FtcDiag *d)
{
    double start = clock_ms();
    ftc_diag_during(d, "codegen");
    if (!(c->jit = jit_new(o, d)))
        return false;
    Program *programs[] = { c->step, c->eval, c->encode, c->accumulate };
    FtcProgram *tables[] = { (FtcProgram *)c->model.step, (FtcProgram *)c->model.eval, (FtcProgram *)c->model.encode,
                             (FtcProgram *)c->model.accumulate };
    enum { N = sizeof programs / sizeof *programs };
    /* all entry points at once: they share kernels, and all cores compile */
    int n = 0, at = 0;
    for (int i = 0; i < N; i++)
        n += programs[i] ? programs[i]->n_kernels : 0;
    Kernel **kernels = NEW_ARRAY(c->arena, Kernel *, n);
    FtcKernelFn **fns = NEW_ARRAY(c->arena, FtcKernelFn *, n);
    for (int i = 0; i < N; i++)
        for (int k = 0; programs[i] && k < programs[i]->n_kernels; k++)
            kernels[at++] = programs[i]->kernels[k];
    if (!jit_compile(c->jit, kernels, n, fns))
        return false;
    for (int i = 0; i < N; i++)
        if (programs[i]) {
            tables[i]->fns = fns;
            fns += programs[i]->n_kernels;
        }
    ftc_diag_during(d, "");
    c->compile_ms += clock_ms() - start;
    return true;
}

void compiled_free(Compiled *c)
{
    if (!c)
        return;
    crash_keep(NULL, 0);
    jit_free(c->jit);
    arena_free(c->arena);
    free(c);
}

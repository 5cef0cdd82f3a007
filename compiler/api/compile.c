/* Spec -> programs -> native code; see compile.h.  One function lists the stages. */
#include "compiler/api/compile.h"

#include "runtime/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

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

static void fill_states(FtcModel *m, const Spec *s)
{
    bool adam = s->optimizer.type == OPT_ADAMW;
    m->n_states = adam ? 2 : s->optimizer.momentum > 0;
    m->state[0] = "m";
    m->state[1] = "v";
}

static void fill_model(FtcModel *m, const Spec *s, const char *name, const Forward *f, Arena *a)
{
    m->name = name;
    m->weights = f->weights;
    m->n_weights = f->n_weights;
    m->n_dropouts = f->n_rates;
    float *rates = NEW_ARRAY(a, float, f->n_rates + 1);
    for (int i = 0; i < f->n_rates; i++)
        rates[i] = (float)f->rates[i];
    m->dropout = rates;
    fill_states(m, s);
    fill_optimizer(&m->optimizer, s);
    fill_loss(&m->loss, s);
    m->data = (FtcData){ .max_length = (int32_t)s->data.max_length, .segments = (int32_t)s->model.encoder.segments,
                         .n_labels = s->data.labels.n, .labels = s->data.labels.v };
    m->train = (FtcTrain){ .epochs = (int32_t)s->train.epochs, .batch = (int32_t)s->train.batch, .seed = s->train.seed,
                           .max_steps = s->train.max_steps, .shuffle = s->train.shuffle };
}

/* ---- the way through ------------------------------------------------------------------------------------------------------ */

/* Spec -> forward graph -> passes -> program with its arena planned. */
static Program *compile_entry(Compiled *c, const Spec *spec, const char *entry, bool training, const PipelineOptions *o, FtcDiag *d,
                              Forward **forward, Graph **graph)
{
    ftc_diag_during(d, "build");
    BuildOptions how = { .training = training, .labels = training };
    Stage s = { .spec = spec, .arena = c->arena };
    s.forward = *forward = build_forward(spec, &how, c->arena, d);
    if (!s.forward)
        return NULL;
    s.graph = *graph = s.forward->graph;
    s.graph->name = entry;
    if (o->after)
        o->after(o->ctx, "build", &s);
    run_pipeline(&s, training, o, d);
    s.program->name = entry;
    return s.program;
}

Compiled *compile_spec(const Spec *spec, const char *name, bool training, const PipelineOptions *o, FtcDiag *d)
{
    double start = now_ms();
    Compiled *c = xcalloc(1, sizeof *c);
    c->arena = arena_new();
    Forward *f = NULL, *eval = NULL;
    if (training && !(c->step = compile_entry(c, spec, "step", true, o, d, &f, &c->step_graph)))
        goto fail;
    if (!(c->eval = compile_entry(c, spec, "eval", false, o, d, &eval, &c->eval_graph)))
        goto fail;
    fill_model(&c->model, spec, name, f ? f : eval, c->arena);
    c->model.step = training ? program_tables(c->step) : NULL;
    c->model.eval = program_tables(c->eval);
    c->compile_ms = now_ms() - start;
    return c;
fail:
    compiled_free(c);
    return NULL;
}

bool compiled_jit(Compiled *c, const CodegenOptions *o, FtcDiag *d)
{
    double start = now_ms();
    ftc_diag_during(d, "codegen");
    if (!(c->jit = jit_new(o, d)))
        return false;
    Program *programs[2] = { c->step, c->eval };
    FtcProgram *tables[2] = { (FtcProgram *)c->model.step, (FtcProgram *)c->model.eval };
    /* both entry points at once: they share kernels, and all cores compile */
    int n = (c->step ? c->step->n_kernels : 0) + c->eval->n_kernels, at = 0;
    Kernel **kernels = NEW_ARRAY(c->arena, Kernel *, n);
    FtcKernelFn **fns = NEW_ARRAY(c->arena, FtcKernelFn *, n);
    for (int i = 0; i < 2; i++)
        for (int k = 0; programs[i] && k < programs[i]->n_kernels; k++)
            kernels[at++] = programs[i]->kernels[k];
    if (!jit_compile(c->jit, kernels, n, fns))
        return false;
    for (int i = 0; i < 2; i++)
        if (programs[i]) {
            tables[i]->fns = fns;
            fns += programs[i]->n_kernels;
        }
    ftc_diag_during(d, "");
    c->compile_ms += now_ms() - start;
    return true;
}

void compiled_free(Compiled *c)
{
    if (!c)
        return;
    jit_free(c->jit);
    arena_free(c->arena);
    free(c);
}

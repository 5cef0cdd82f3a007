/* A whole model checked; see verify_model.h.  Passes are watched as they run; programs are run when all are compiled. */
#include "compiler/api/verify_model.h"

#include "compiler/api/native.h"
#include "compiler/verify/shrink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void witness_graph(Witness *w, const Graph *g)
{
    char *text = graph_text(g);
    w->n = strlen(text) < MOST_TEXT ? strlen(text) : 0;
    memcpy(w->text, text, w->n);
    free(text);
}

/* ---- watching the passes ------------------------------------------------------------------------------------------------- */

enum { MOST_ENTRIES = 4 }; /* step, eval, accumulate, encode */

typedef struct {
    const char *name;
    Graph *last;           /* as the last pass left it */
    Graph *unfused;        /* before its values got groups: what shows a wrong kernel */
    Graph *lowered;        /* what the program was made of */
    Program *program;
} Entry;

typedef struct {
    Arena *arena;
    Sizes sizes[CHECK_BATCHES];
    Witness *witness;
    bool compares;         /* the graph behind each pass with the one before */
    bool ok;
    Entry entry[MOST_ENTRIES];
    int n;
    int passes, derivatives;
    double worst;          /* of the derivatives, in units of what is allowed */
    const char *worst_of;
} Watch;

static Entry *entry_of(Watch *w, const char *name)
{
    for (int i = 0; i < w->n; i++)
        if (!strcmp(w->entry[i].name, name))
            return &w->entry[i];
    if (w->n == MOST_ENTRIES)
        ftc_bug("verify: a model has more than %d programs", MOST_ENTRIES);
    w->entry[w->n] = (Entry){ .name = arena_strdup(w->arena, name) };
    return &w->entry[w->n++];
}

static void count_derivative(void *ctx, const Node *leaf, double ratio)
{
    Watch *w = ctx;
    w->derivatives++;
    if (ratio >= w->worst) {
        w->worst = ratio;
        w->worst_of = arena_strdup(w->arena, leaf->a.name);
    }
}

static bool has(const Graph *g, Elem e)
{
    EACH_NODE(n, g)
        if (n->type.elem == e)
            return true;
    return false;
}

/* The first graph that has gradients, of a step. */
static void check_gradients(Watch *w, const Entry *e, const Graph *g)
{
    bool is_first = !e->last || e->last->last->region == REGION_FORWARD, has_them = g->last && g->last->region != REGION_FORWARD;
    if (!has_them || !is_first || has(g, BF16))
        return;
    Mismatch m;
    Gradients d = find_gradients(g);
    w->ok = gradients_hold(g, &d, &w->sizes[0], &m, count_derivative, w);
    if (w->ok)
        return;
    fail_gradient(&w->witness->failure, &m);
    witness_graph(w->witness, e->last ? e->last : g); /* that before has no gradients yet, and will get them */
}

static void check_pass(Watch *w, const Entry *e, const char *pass, const Graph *g)
{
    Mismatch m;
    if (!w->ok || !e->last || has(g, BF16) != has(e->last, BF16)) /* bf16 changes numbers, and is meant to */
        return;
    w->passes++;
    w->ok = graphs_agree(e->last, g, &w->sizes[0], &m) || fail_pass(&w->witness->failure, pass, &m);
    if (!w->ok)
        witness_graph(w->witness, e->last);
}

static bool has_groups(const Graph *g)
{
    EACH_NODE(n, g)
        if (n->group)
            return true;
    return false;
}

static void after_pass(void *ctx, const char *pass, const Stage *s)
{
    Watch *w = ctx;
    if (!s->graph) /* the stage was behind lowering */
        return;
    Entry *e = entry_of(w, s->graph->name);
    if (s->program) {
        e->program = s->program;
        e->lowered = s->graph;
        return;
    }
    if (!w->ok)
        return;
    Graph *now = graph_copy(s->graph, w->arena);
    snprintf(w->witness->failure.pass, sizeof w->witness->failure.pass, "%s", pass);
    check_gradients(w, e, now);
    if (w->compares)
        check_pass(w, e, pass, now);
    e->last = now;
    if (!has_groups(now) || !e->unfused)
        e->unfused = now;
    if (w->ok)
        witness_graph(w->witness, e->unfused);
}

/* ---- compiling ----------------------------------------------------------------------------------------------------------- */

static Compiled *compile(const VerifyJob *j, const VerifiedModel *m, Watch *w, int level, FtcDiag *d)
{
    PipelineOptions o = j->pipeline;
    CodegenOptions codegen = j->codegen;
    o.level = level;
    o.after = after_pass;
    o.ctx = w;
    if (level == 0)
        codegen.level = 0;
    o.machine = codegen_machine(&codegen, d);
    Compiled *c = m->stage ? compile_stage(m->stage, &o, d) : compile_spec(m->spec, m->name, true, &o, d);
    if (c && w->ok && !compiled_jit(c, &codegen, d)) {
        compiled_free(c);
        c = NULL;
    }
    return c;
}

static FtcKernelFn *const *functions_of(const Compiled *c, const Program *p)
{
    const Program *programs[] = { c->step, c->eval, c->accumulate, c->encode };
    const FtcProgram *tables[] = { c->model.step, c->model.eval, c->model.accumulate, c->model.encode };
    for (int i = 0; i < 4; i++)
        if (programs[i] == p)
            return tables[i]->fns;
    ftc_bug("verify: the program @%s is none of the model's", p->name);
}

/* ---- running ------------------------------------------------------------------------------------------------------------- */

/* The largest errors of a program's kernels, over all batches. */
typedef struct {
    const Program *program;
    KernelError *kernels;
} Table;

static void print_place(FILE *out, const Loc *l)
{
    if (l && l->at.file)
        fprintf(out, "  %s:%d", l->at.file, l->at.line);
    for (l = l ? l->up : NULL; l; l = l->up)
        fprintf(out, "<%s:%d", l->at.file, l->at.line);
}

static void print_table(const Table *t, FILE *out)
{
    fprintf(out, "@%s\n%12s %9s  %5s  %-40s value\n", t->program->name, "error", "of bound", "calls", "kernel");
    for (int i = 0; i < t->program->n_kernels; i++) {
        const KernelError *k = &t->kernels[i];
        if (!k->calls)
            continue;
        fprintf(out, "%12.2e %9.3f  %5d  %-40.40s %s", k->worst.off, k->worst.ratio, k->calls, t->program->kernels[i]->name,
                k->node->name);
        print_place(out, k->node->loc);
        fputc('\n', out);
    }
}

static void add_run(Table *t, const ProgramRun *r)
{
    for (int i = 0; i < r->program->n_kernels; i++) {
        KernelError *sum = &t->kernels[i];
        const KernelError *k = &r->kernels[i];
        double off = fmax(sum->worst.off, k->worst.off);
        int calls = sum->calls > k->calls ? sum->calls : k->calls;
        if (!sum->node || k->worst.ratio > sum->worst.ratio)
            *sum = *k;
        sum->worst.off = off;
        sum->calls = calls;
    }
}

typedef struct {
    Watch *fused, *plain;
    const Compiled *c, *unfused;
    double worst[3];        /* of all results: fused, unfused, against each other */
    Table table[MOST_ENTRIES];
} Runs;

static ProgramRun *run(Watch *w, const Entry *e, const Compiled *c, const Graph *like, const Sizes *s, Arena *a)
{
    ProgramRun *r = run_and_check(e->lowered, e->program, like, s, native_call, (void *)functions_of(c, e->program), a);
    const KernelError *k = worst_kernel(r);
    if (k && k->worst.ratio > 1)
        w->ok = fail_kernel(&w->witness->failure, e->program, (int)(k - r->kernels), k);
    return r;
}

static bool result(Runs *all, Witness *w, int which, const char *sentence, Worst worst, const char *what)
{
    all->worst[which] = fmax(all->worst[which], worst.ratio);
    return worst.ratio <= 1 || fail_result(&w->failure, sentence, what, &worst);
}

/* The reference is the graph without the passes. */
static bool check_batch(Runs *all, int i, const Sizes *s)
{
    const Entry *e = &all->fused->entry[i], *plain = entry_of(all->plain, e->name);
    Witness *w = all->fused->witness;
    Arena *a = arena_new();
    Graph *reference = plain->lowered;
    Numbers numbers = { .sizes = s, .graph = reference };
    Tensor **value = graph_eval(reference, &s->b, fill_numbers, &numbers, a);
    const char *what;
    w->unfused = true;
    witness_graph(w, plain->unfused);
    ProgramRun *slow = run(all->plain, plain, all->unfused, reference, s, a);
    Worst worst = check_results(slow, reference, value, &what);
    bool ok = all->plain->ok && result(all, w, 1, "compiled without the passes", worst, what);
    if (ok) {
        w->unfused = false;
        witness_graph(w, e->unfused);
        ProgramRun *fast = run(all->fused, e, all->c, reference, s, a);
        add_run(&all->table[i], fast);
        worst = check_results(fast, reference, value, &what);
        ok = all->fused->ok && result(all, w, 0, "compiled", worst, what);
        worst = compare_results(fast, slow, reference, value, &what);
        ok = ok && result(all, w, 2, "compiled against compiled without the passes", worst, what);
    }
    arena_free(a);
    return ok;
}

static bool check_programs(Runs *all)
{
    bool ok = true;
    for (int i = 0; i < all->fused->n && ok; i++) {
        const Program *p = all->fused->entry[i].program;
        all->table[i] = (Table){ p, NEW_ARRAY(all->fused->arena, KernelError, p->n_kernels + 1) };
        for (int batch = 0; batch < CHECK_BATCHES && ok; batch++)
            ok = check_batch(all, i, &all->fused->sizes[batch]);
    }
    return ok;
}

static void print_passed(const Runs *all, FILE *out)
{
    const Watch *w = all->fused;
    if (w->derivatives)
        fprintf(out, "gradients  %d directional derivatives are the differences of the loss; the largest error, of '%s', is %.3f of "
                "what is allowed\n", w->derivatives, w->worst_of, w->worst);
    fprintf(out, "passes     %d times the same values in double behind a pass as before it\n", w->passes);
    fprintf(out, "results    compiled %.3f of the evaluator's bound, without the passes %.3f, one against the other %.3f\n", all->worst[0],
            all->worst[1], all->worst[2]);
    fprintf(out, "kernels    the largest error of each, and in units of its own bound\n");
    for (int i = 0; i < w->n; i++)
        print_table(&all->table[i], out);
}

/* ---- all together -------------------------------------------------------------------------------------------------------- */

/* Rows no longer than the model's tables of positions. */
static int longest_of(const Spec *s)
{
    int64_t n = s->data.max_length, positions = s->model.encoder.max_positions;
    if (positions && positions < n)
        n = positions;
    return n < SHRUNK_LENGTH ? (int)n : SHRUNK_LENGTH;
}

static Watch *watch(Arena *a, Witness *witness, const Spec *spec, bool compares)
{
    Watch *w = NEW(a, Watch);
    *w = (Watch){ .arena = a, .witness = witness, .compares = compares, .ok = true };
    check_sizes(w->sizes, longest_of(spec) < CHECK_LONGEST ? longest_of(spec) : CHECK_LONGEST);
    return w;
}

bool verify_model(const VerifyJob *j, const VerifiedModel *m, Witness *witness, bool *ok, FtcDiag *d)
{
    Arena *a = arena_new();
    Runs all = { .fused = watch(a, witness, m->spec, true), .plain = watch(a, witness, m->spec, false) };
    Compiled *fused = compile(j, m, all.fused, j->pipeline.level, d), *plain = NULL;
    *ok = fused && all.fused->ok;
    if (*ok) {
        witness->unfused = true;
        plain = compile(j, m, all.plain, 0, d);
        *ok = plain && all.plain->ok;
    }
    bool ran = fused && (plain || !all.fused->ok);
    if (*ok) {
        all.c = fused;
        all.unfused = plain;
        *ok = check_programs(&all) && (!fused->step || verify_threads(fused, longest_of(m->spec), &witness->failure, d));
        if (*ok && j->out) {
            print_passed(&all, j->out);
            if (fused->step)
                fprintf(j->out, "threads    1, 2, 3 and 7 train the same bits\n");
        }
    }
    compiled_free(fused);
    compiled_free(plain);
    arena_free(a);
    return ran;
}

/* Checks of graphs; see check.h. */
#include "compiler/verify/check.h"

#include "compiler/passes/pipeline.h"

#include <stdio.h>
#include <string.h>

void check_sizes(Sizes s[CHECK_BATCHES], int longest)
{
    int lengths[] = { 5, 1, CHECK_LONGEST, 2 };
    for (int i = 0; i < 4; i++)
        lengths[i] = lengths[i] < longest ? lengths[i] : longest;
    sizes_of(&s[0], 4, lengths, 3, 37, 5);
    sizes_of(&s[1], 1, lengths + 1, 2, 37, 5);
}

static void *open_nothing(void *ctx, const Program *p)
{
    (void)ctx;
    return (void *)p;
}

static void close_nothing(void *opened) { (void)opened; }

const Runner interpreter = { open_nothing, interpret_call, close_nothing, NULL };

/* ---- sentences ----------------------------------------------------------------------------------------------------------- */

static bool fails(Failure *f, FailKind kind, const char *pass)
{
    f->kind = kind;
    snprintf(f->pass, sizeof f->pass, "%s", pass);
    return false;
}

bool fail_gradient(Failure *f, const Mismatch *m)
{
    snprintf(f->message, sizeof f->message, "the gradient of '%s' along one direction is %.9g; differences of the loss say %.9g, "
             "within %.1e", m->what, m->have, m->want, m->slack);
    return fails(f, FAIL_GRADIENT, "");
}

bool fail_pass(Failure *f, const char *pass, const Mismatch *m)
{
    snprintf(f->message, sizeof f->message, "the pass %s changes '%s': element %lld is %.9g behind it, and %.9g before, within "
             "%.1e", pass, m->what, (long long)m->at, m->have, m->want, m->slack);
    return fails(f, FAIL_PASS, pass);
}

bool fail_kernel(Failure *f, const Program *p, int kernel, const KernelError *e)
{
    char place[160] = "";
    if (e->node->loc && e->node->loc->at.file)
        snprintf(place, sizeof place, ", of %.120s:%d", e->node->loc->at.file, e->node->loc->at.line);
    snprintf(f->message, sizeof f->message, "the kernel %.80s of @%.40s gives '%.120s'%s: element %lld is %.9g; the evaluator says "
             "%.9g, within %.1e", p->kernels[kernel]->name, p->name, e->node->name, place, (long long)e->worst.at, e->worst.have,
             e->worst.want, e->worst.slack);
    return fails(f, FAIL_COMPILED, "");
}

bool fail_result(Failure *f, const char *which, const char *what, const Worst *w)
{
    snprintf(f->message, sizeof f->message, "%s: element %lld of '%s' is %.9g, should be %.9g within %.1e", which, (long long)w->at,
             what, w->have, w->want, w->slack);
    return fails(f, FAIL_COMPILED, "");
}

/* ---- a graph alone ------------------------------------------------------------------------------------------------------- */

static bool is_forward(const Graph *g) { return !g->last || g->last->region == REGION_FORWARD; }

static bool has_bf16(const Graph *g)
{
    EACH_NODE(n, g)
        if (n->type.elem == BF16)
            return true;
    return false;
}

static bool check_gradients(const Graph *g, const Sizes *s, Arena *a, Failure *f)
{
    Mismatch m;
    Graph *step = graph_copy(g, a);
    Gradients d = is_forward(g) ? add_gradients(step) : find_gradients(step);
    return step->failed || has_bf16(g) || gradients_hold(step, &d, s, &m, NULL, NULL) || fail_gradient(f, &m);
}

/* g, or what it became, lowered. */
static bool check_compiled(const Graph *before, Stage *s, const Sizes *sizes, const Runner *run, Failure *f)
{
    Arena *a = arena_new();
    Numbers numbers = { .sizes = sizes, .graph = before };
    void *opened = run->open(run->ctx, s->program);
    bool ok = opened != NULL;
    if (ok) {
        ProgramRun *r = run_and_check(s->graph, s->program, before, sizes, run->call, opened, a);
        const KernelError *e = worst_kernel(r);
        ok = !e || e->worst.ratio <= 1 || fail_kernel(f, s->program, (int)(e - r->kernels), e);
        const char *what;
        Worst w = check_results(r, before, graph_eval(before, &sizes->b, fill_numbers, &numbers, a), &what);
        ok = ok && (w.ratio <= 1 || fail_result(f, "compiled as a whole", what, &w));
        run->close(opened);
    } else
        fail_result(f, "no code", "", &(Worst){ 0 });
    arena_free(a);
    return ok;
}

static bool left_out(const Pass *p, const Graph *g, const Wanted *w)
{
    bool early = p < find_pass("cse"); /* they ask for a forward graph */
    return p->model || (early && !is_forward(g)) || (w->unfused && !pass_is_needed(p) && !p->instead);
}

static bool is_wanted(const Wanted *w, FailKind kind, const char *pass)
{
    return w->kind == FAIL_NONE || w->kind == FAIL_CRASH || (w->kind == kind && (kind != FAIL_PASS || !strcmp(w->pass, pass)));
}

/* One pass; the graph behind it against that before. */
static bool check_pass(const Pass *p, Stage *s, const Wanted *w, const Sizes *sizes, Arena *a, Failure *f)
{
    bool lowers = p >= find_pass("lower");
    Graph *before = !lowers && is_wanted(w, FAIL_PASS, p->name) ? graph_copy(s->graph, a) : NULL;
    Mismatch m;
    (w->unfused && p->instead ? p->instead : p->run)(s);
    if (!lowers)
        graph_verify(s->graph);
    return !before || graphs_agree(before, s->graph, sizes, &m) || fail_pass(f, p->name, &m);
}

bool check_graph(const Graph *g, const Wanted *wanted, const Runner *run, Failure *f)
{
    Sizes sizes[CHECK_BATCHES];
    Arena *a = arena_new();
    check_sizes(sizes, CHECK_LONGEST);
    *f = (Failure){ .kind = FAIL_NONE };
    bool ok = !is_wanted(wanted, FAIL_GRADIENT, "") || check_gradients(g, &sizes[0], a, f);
    Stage s = { .graph = graph_copy(g, a), .arena = a };
    for (int i = 0; ok && i < n_passes && wanted->kind != FAIL_GRADIENT; i++)
        ok = left_out(&pipeline[i], g, wanted) || check_pass(&pipeline[i], &s, wanted, &sizes[0], a, f);
    for (int i = 0; ok && i < CHECK_BATCHES && is_wanted(wanted, FAIL_COMPILED, ""); i++)
        ok = check_compiled(g, &s, &sizes[i], run, f);
    arena_free(a);
    return ok;
}

/* The list of passes; see pipeline.h. */
#include "compiler/passes/pipeline.h"

#include "compiler/grad/grad.h"
#include "compiler/ir/mutate.h"
#include "compiler/kernel/lower.h"
#include "compiler/passes/passes.h"
#include "compiler/support/timing.h"

#include <stdlib.h>
#include <string.h>

static void run_simplify(Stage *s) { pass_simplify(s->graph); }
static void run_demand(Stage *s) { pass_demand(s->graph); }
static void run_bf16(Stage *s)
{
    if (s->spec->train.precision == PRECISION_BF16)
        pass_bf16(s->graph);
}

static void run_remat(Stage *s) { pass_remat(s->graph); }
static void run_fuse(Stage *s) { pass_fuse(s->graph, true); }
static void run_no_fuse(Stage *s) { pass_fuse(s->graph, false); }
static void run_chain(Stage *s) { pass_chain(s->graph); }
static void run_pack(Stage *s) { pass_pack(s->graph); }
static void run_split(Stage *s) { pass_split(s->graph); }
static void run_keep(Stage *s) { pass_keep(s->graph); }
static void run_lower(Stage *s) { s->program = lower_graph(s->graph, s->arena); }

static void run_plan(Stage *s)
{
    int64_t sym[N_SYMBOLS];
    pass_plan(s->program, true);
    if (!s->notes)
        return;
    usual_symbols(s->spec, s->program->panel_tokens, sym);
    opt_note(s->notes, NULL, "the arena takes %lld bytes, not %lld, for %lld rows with %lld tokens in all: values share slots",
             (long long)slots_bytes(s->program, sym), (long long)values_bytes(s->program, sym), (long long)sym[FTC_B],
             (long long)sym[FTC_T]);
}

static void run_no_plan(Stage *s) { pass_plan(s->program, false); }

static void run_rows(Stage *s) { build_rows(s->graph, s->spec, s->forward); }

static Node *named_grad(Graph *g, const Node *w, Node *d)
{
    graph_rename(g, d, arena_printf(g->arena, "d.%s", w->name));
    d->loc = w->loc;
    d->grad_of = w->name;
    return d;
}

/* A weight that nothing reads any more, as in a stage that someone edited, is left as it is. */
static void freeze_unread(Graph *g, Forward *f, Arena *a)
{
    graph_dce(g);
    const Node **held = NEW_ARRAY(a, const Node *, g->n + 1); /* by id */
    EACH_NODE(n, g)
        held[n->id] = n;
    for (int i = 0; i < f->n_weights; i++) {
        FtcWeight *w = &f->weights[i];
        int id = f->nodes[i]->id;
        if (w->frozen || (id < g->n && held[id] == f->nodes[i]))
            continue;
        ftc_note(g->diag, FTC_NOWHERE, "the loss of graph @%s does not depend on %s: it stays as it is", g->name, w->name);
        w->frozen = true;
    }
}

static void run_grad(Stage *s)
{
    Forward *f = s->forward;
    freeze_unread(s->graph, f, s->arena);
    Node *loss = graph_find_output(s->graph, "loss"), **dx = NEW_ARRAY(s->arena, Node *, f->n_weights);
    Node **trained = NEW_ARRAY(s->arena, Node *, f->n_weights), **grads = NEW_ARRAY(s->arena, Node *, f->n_weights);
    int n = 0;
    for (int i = 0; i < f->n_weights; i++)
        if (!f->weights[i].frozen)
            trained[n++] = f->read[i] ? f->read[i] : f->nodes[i];
    graph_grad(s->graph, loss, n, trained, dx);
    for (int i = 0, k = 0; i < f->n_weights; i++) {
        grads[i] = f->weights[i].frozen ? NULL : dx[k++];
        if (f->read[i])
            grads[i] = named_grad(s->graph, f->nodes[i], rows_grad(s->graph, grads[i]));
    }
    build_update(s->graph, s->spec, f, grads);
    graph_dce(s->graph);
}

/* -O1: what takes no time to compile and makes code shorter; -O2: all that pays; -O3: the same. */
const Pass pipeline[] = {
    { "simplify", 1, "one spelling per value before gradients multiply it", run_simplify, NULL, false, NULL, false, false },
    { "demand", 1, "before grad, which inherits it; after simplify, which removes views that hide it", run_demand, NULL, false, NULL, false, false },
    { "rows", 1, "before grad, which then asks for the gradients of rows; after demand, when it is known what reads them", run_rows, NULL,
      true, NULL, true, false },
    { "grad", 0, "before fusion: gradient rules are written per op; the update follows at once", run_grad, NULL, true, NULL, true, false },
    { "cse", 1, "after grad: the backward part repeats much of the forward part", run_simplify, NULL, true, NULL, false, false },
    { "bf16", 0, "where the spec asks for it: after cse, so that a value is rounded once, and before remat, which keeps what was rounded",
      run_bf16, NULL, false, NULL, true, false },
    { "remat", 1, "after cse, which would undo it; before fuse, which then finds clone and reader together", run_remat, NULL, true, NULL, false, false },
    { "fuse", 1, "on the final graph: nothing after it moves a value", run_fuse, run_no_fuse, false, NULL, false, false },
    { "chain", 2, "after fuse, whose groups are its stages", run_chain, NULL, false, "fuse", false, false },
    { "pack", 2, "on the final graph; the copies are no values of it", run_pack, NULL, false, NULL, false, false },
    { "split", 2, "after pack: only what panels hold is split; for matrix registers", run_split, NULL, false, "pack", false, true },
    { "keep", 2, "after pack and split, which say what is copied how", run_keep, NULL, true, "pack", false, false },
    { "lower", 0, "each group becomes kernels", run_lower, NULL, false, NULL, false, false },
    { "plan", 1, "when it is known which calls read what", run_plan, run_no_plan, false, NULL, false, false },
};
const int n_passes = sizeof pipeline / sizeof *pipeline;

const Pass *find_pass(const char *name)
{
    for (int i = 0; i < n_passes; i++)
        if (!strcmp(pipeline[i].name, name))
            return &pipeline[i];
    return NULL;
}

static bool is_named(const PipelineOptions *o, const char *before, const char *pass)
{
    char word[64];
    snprintf(word, sizeof word, ",%s%s,", before, pass);
    return o->off && strstr(o->off, word);
}

/* As gcc has it, -O0 leaves everything out, whatever else is asked for. */
bool pass_is_on(const Pass *p, const PipelineOptions *o)
{
    if (pass_is_needed(p))
        return true;
    bool on = o->level && !is_named(o, "", p->name) && (p->level <= o->level || is_named(o, "+", p->name));
    on = on && (!p->matrix || o->machine.matrix_registers);
    return on && (!p->with || pass_is_on(find_pass(p->with), o));
}

static bool within_limit(const Pass *p, Bisect *b, const char *graph)
{
    signed char *before = &b->model[p - pipeline];
    const Pass *with = p->with ? find_pass(p->with) : NULL;
    if (p->model && *before)
        return *before > 0;
    bool go = b->limit < 0 || b->n < b->limit;
    b->n++;
    fprintf(stderr, "BISECT: %srunning pass (%ld) %s on graph @%s\n", go ? "" : "NOT ", b->n, p->name, graph);
    *before = go ? 1 : -1;
    return go && (!with || b->model[with - pipeline] > 0);
}

/* For tests of what a bug of ours leaves. */
static void crash_if_mutated(const Pass *p)
{
    char rule[64];
    snprintf(rule, sizeof rule, "crash:%s", p->name);
    if (mutated(rule))
        abort();
}

void run_pipeline(Stage *s, bool training, const PipelineOptions *o, FtcDiag *d)
{
    const Pass *last = o->from ? find_pass(o->from) : NULL;
    s->notes = o->opt_info ? opt_notes_new() : NULL;
    if (s->graph) {
        s->graph->notes = s->notes;
        s->graph->debug = o->debug;
        s->graph->panel_tokens = o->machine.matrix_registers ? MATRIX_PANEL_TOKENS : PANEL_TOKENS;
        s->graph->packed_columns = o->machine.tile_columns;
    }
    int first = last && !o->chosen ? (int)(last - pipeline) + 1 : 0, end = o->chosen ? o->n_chosen : n_passes;
    for (int i = first; i < end; i++) {
        const Pass *p = o->chosen ? o->chosen[i] : &pipeline[i];
        if (p->training && !training)
            continue;
        ftc_diag_during(d, p->name);
        opt_notes_during(s->notes, p->name);
        crash_if_mutated(p);
        bool off = !o->chosen && !pass_is_on(p, o);
        if (!off && o->bisect && !pass_is_needed(p))
            off = !within_limit(p, o->bisect, s->graph ? s->graph->name : s->program->name);
        void (*run)(Stage *) = off ? p->instead : p->run;
        double start = timing_now();
        if (run)
            run(s);
        timing_add(TIMING_STEP, p->name, start);
        if (!s->program)
            graph_verify(s->graph);
        if (o->after)
            o->after(o->ctx, p->name, s);
    }
    if (s->notes)
        opt_notes_print(s->notes, o->opt_kinds, o->opt_info);
    opt_notes_free(s->notes);
    s->notes = NULL;
    if (s->graph)
        s->graph->notes = NULL;
    ftc_diag_during(d, "");
}

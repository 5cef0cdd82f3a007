/* Programs against graphs, kernel by kernel; see kernels.h. */
#include "compiler/verify/kernels.h"

#include "compiler/kernel/lower.h"
#include "compiler/ops/ops.h"
#include "runtime/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void interpret_call(void *ctx, const Program *p, int call, void *const *bufs, const int64_t *sym)
{
    (void)ctx;
    program_interpret_call(p, call, bufs, sym);
}

/* ---- memory ----------------------------------------------------------------------------------------------- */

static bool is_leaf(const Node *n) { return n->op == OP_input || n->op == OP_weight || n->op == OP_state; }

typedef struct {
    const Graph *g;
    const Program *p;
    Numbers numbers;
    Arena *a;
    Tensor **left;      /* by id: what lies, or lay, in memory; NULL: nothing yet */
    Tensor **here;      /* by id: what the call's group computes */
    int *here_in;       /* by id: of which group here[] is; 0: of none */
    int group;
    int64_t sym[N_SYMBOLS];
    ProgramRun *run;
} Check;

static int32_t *rows_of_tokens(const Sizes *s, Arena *a)
{
    int32_t *row = NEW_ARRAY(a, int32_t, s->b.sym[FTC_T] + 1);
    for (int32_t r = 0; r < s->b.sym[FTC_B]; r++)
        for (int32_t t = s->row_start[r]; t < s->row_start[r + 1]; t++)
            row[t] = r;
    return row;
}

/* Room for a buffer, which begins at a line (FtcBuf); kernels may read a vector further. */
static void *room(Arena *a, size_t size)
{
    char *p = arena_alloc(a, size + 2 * 64);
    return p + (64 - (uintptr_t)p % 64) % 64;
}

static void *copied(Arena *a, const void *from, size_t size) { return memcpy(arena_alloc(a, size), from, size); }

/* Slots are shared by what is no larger in whole tiles of rows; as the runtime makes room (exec_reserve). */
static int64_t round_up_rows(int64_t n) { return (n + 15) / 16 * 16; }

/* Inputs, weights and states with their numbers; all else full of NaN.  Values share slots where the program was planned. */
static void lay_out(Check *c)
{
    const Program *p = c->p;
    const Sizes *s = c->numbers.sizes;
    void **slot = NEW_ARRAY(c->a, void *, p->n_slots + 1);
    int64_t *bytes = NEW_ARRAY(c->a, int64_t, p->n_slots + 1);
    int64_t most[N_SYMBOLS];
    memcpy(most, s->b.sym, sizeof most);
    most[FTC_T] = round_up_rows(most[FTC_T]);
    most[FTC_B] = round_up_rows(most[FTC_B]);
    most[FTC_P] = ftc_panels(most[FTC_T], p->panel_tokens);
    slot_sizes(p, most, bytes);
    for (int i = 0; i < p->n_slots; i++)
        slot[i] = room(c->a, (size_t)bytes[i]);
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        size_t size = (size_t)value_bytes(b, c->sym);
        void **at = &c->run->bufs[i];
        if (b->kind == FTC_BUF_INPUT && !strcmp(b->name, "row_start"))
            *at = copied(c->a, s->row_start, sizeof s->row_start);
        else if (b->kind == FTC_BUF_INPUT && !strcmp(b->name, "row_of"))
            *at = rows_of_tokens(s, c->a);
        else {
            *at = b->kind == FTC_BUF_ARENA && p->n_slots ? slot[b->slot] : room(c->a, size);
            memset(*at, 0xFF, size);
        }
        EACH_NODE(n, c->g)
            if (is_leaf(n) && strcmp(n->a.name, "row_start") && b->kind != FTC_BUF_ARENA && b->kind != FTC_BUF_OUTPUT &&
                !strcmp(n->a.name, b->name))
                store_tensor(*at, c->left[n->id]);
    }
}

static void fill_leaves(Check *c)
{
    EACH_NODE(n, c->g)
        if (is_leaf(n)) {
            c->left[n->id] = tensor_new(c->a, n->type, &c->numbers.sizes->b);
            fill_numbers(&c->numbers, n, c->left[n->id]);
        }
}

/* ---- what a call should have written ------------------------------------------------------------------------------------- */

/* n as the running call sees it: what its own group computes anew, what others left as it lies in memory.  Views, and what is computed
 * inside each of its readers, follow from their operands. */
static Tensor *seen(Check *c, const Node *n)
{
    bool own = n->group == c->group && !is_leaf(n);
    if (c->left[n->id] && !own)
        return c->left[n->id];
    if (c->here_in[n->id] == c->group)
        return c->here[n->id];
    Tensor **in = NEW_ARRAY(c->a, Tensor *, n->n_in + 1), *t;
    for (int i = 0; i < n->n_in; i++)
        in[i] = seen(c, n->in[i]);
    t = tensor_new(c->a, n->type, &c->numbers.sizes->b);
    op_eval[n->op](n, t, in);
    c->here_in[n->id] = c->group;
    return c->here[n->id] = t;
}

static void note(KernelError *k, const Node *n, const Worst *w)
{
    double off = w->off > k->worst.off ? w->off : k->worst.off;
    if (w->ratio > k->worst.ratio) {
        k->worst = *w;
        k->node = n;
    }
    k->worst.off = off;
}

/* The value that lies in a buffer, not one that helps to compute it. */
static const Node *value_in(const Buf *b)
{
    bool is_value = b->node && (b->kind == FTC_BUF_OUTPUT || (b->kind == FTC_BUF_ARENA && b->name == b->node->name));
    return is_value ? b->node : NULL;
}

static void check_value(Check *c, KernelError *k, const Node *n, const void *got)
{
    Worst w = { 0 };
    compare_stored(&w, seen(c, n), got);
    note(k, n, &w);
    c->left[n->id] = tensor_new(c->a, n->type, &c->numbers.sizes->b);
    load_tensor(c->left[n->id], got);
}

static void check_update(Check *c, KernelError *k, const Buf *b, const void *got)
{
    EACH_NODE(n, c->g)
        if (is_update(n) && n->group == c->group && !strcmp(updated(n), b->name)) {
            Worst w = { 0 };
            if (n->op == OP_update_rows)
                compare_stored_rows(&w, seen(c, n->in[1]), seen(c, n), got);
            else
                compare_stored(&w, seen(c, n), got);
            note(k, n, &w);
        }
}

/* What several calls of a group make is there with the last of them. */
static bool is_written_later(const Check *c, int call, int buf)
{
    const Program *p = c->p;
    for (int i = call + 1; i < p->n_calls && p->calls[i].node->group == c->group; i++) {
        const Kernel *k = p->kernels[p->calls[i].kernel];
        for (int j = 0; j < k->n_params && k->params[j].mode != PARAM_SCRATCH; j++)
            if (k->params[j].mode != PARAM_IN && p->calls[i].bufs[j] == buf)
                return true;
    }
    return false;
}

static void check_call(Check *c, int call)
{
    const Call *at = &c->p->calls[call];
    const Kernel *kernel = c->p->kernels[at->kernel];
    KernelError *k = &c->run->kernels[at->kernel];
    c->group = at->node->group;
    k->calls++;
    if (!k->node)
        k->node = at->node;
    for (int i = 0; i < kernel->n_params && kernel->params[i].mode != PARAM_SCRATCH; i++) {
        const Buf *b = &c->p->bufs[at->bufs[i]];
        const void *got = c->run->bufs[at->bufs[i]];
        if (kernel->params[i].mode == PARAM_IN)
            continue;
        const Node *n = value_in(b);
        if (n && !is_written_later(c, call, at->bufs[i]))
            check_value(c, k, n, got);
        else if (b->kind == FTC_BUF_WEIGHT || b->kind == FTC_BUF_STATE)
            check_update(c, k, b, got);
    }
}

/* The kernel that writes a buffer last. */
static int last_writer(const Program *p, int buf)
{
    int kernel = 0;
    for (int i = 0; i < p->n_calls; i++) {
        const Kernel *k = p->kernels[p->calls[i].kernel];
        for (int j = 0; j < k->n_params && k->params[j].mode != PARAM_SCRATCH; j++)
            if (p->calls[i].bufs[j] == buf && k->params[j].mode != PARAM_IN)
                kernel = p->calls[i].kernel;
    }
    return kernel;
}

/* What is kept is, bit by bit, what the first calls would make of the weights as they are now. */
static void check_kept(Check *c, CallFn *call, void *ctx)
{
    const Program *p = c->p;
    void **before = NEW_ARRAY(c->a, void *, p->n_bufs + 1);
    for (int i = 0; i < p->n_bufs; i++)
        if (p->bufs[i].kind == FTC_BUF_KEPT) {
            size_t size = (size_t)value_bytes(&p->bufs[i], c->sym);
            before[i] = copied(c->a, c->run->bufs[i], size);
            memset(c->run->bufs[i], 0xFF, size);
        }
    for (int i = 0; i < p->n_prepare; i++)
        call(ctx, p, i, c->run->bufs, c->sym);
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        size_t width = elem_size(b->elem), n = before[i] ? (size_t)value_bytes(b, c->sym) / width : 0, k = 0;
        const char *have = before[i], *want = c->run->bufs[i];
        while (k < n && !memcmp(have + k * width, want + k * width, width))
            k++;
        if (k == n)
            continue;
        KernelError *e = &c->run->kernels[last_writer(p, i)];
        note(e, e->node, &(Worst){ .ratio = INFINITY, .at = (int64_t)k, .have = read_element(have, b->elem, (int64_t)k),
                              .want = read_element(want, b->elem, (int64_t)k) });
    }
}

ProgramRun *run_and_check(const Graph *g, const Program *p, const Graph *like, const Sizes *s, CallFn *call, void *ctx, Arena *a)
{
    ProgramRun *r = NEW(a, ProgramRun);
    *r = (ProgramRun){ .graph = g, .program = p, .bufs = NEW_ARRAY(a, void *, p->n_bufs + 1),
                       .kernels = NEW_ARRAY(a, KernelError, p->n_kernels + 1) };
    Check c = { .g = g, .p = p, .numbers = { .sizes = s, .graph = like }, .a = a, .run = r };
    c.left = r->left = NEW_ARRAY(a, Tensor *, g->n + 1);
    c.here = NEW_ARRAY(a, Tensor *, g->n + 1);
    c.here_in = NEW_ARRAY(a, int, g->n + 1);
    program_symbols(p, s->b.sym, c.sym);
    fill_leaves(&c);
    lay_out(&c);
    for (int i = 0; i < p->n_calls; i++) {
        call(ctx, p, i, r->bufs, c.sym);
        check_call(&c, i);
    }
    check_kept(&c, call, ctx);
    return r;
}

const KernelError *worst_kernel(const ProgramRun *r)
{
    const KernelError *worst = NULL;
    for (int i = 0; i < r->program->n_kernels; i++)
        if (r->kernels[i].worst.ratio > (worst ? worst->worst.ratio : 0))
            worst = &r->kernels[i];
    return worst;
}

/* ---- results ------------------------------------------------------------------------------------------------ */

static int find_buf(const Program *p, bool output, const char *name)
{
    for (int i = 0; i < p->n_bufs; i++) {
        FtcBufKind k = p->bufs[i].kind;
        if ((output ? k == FTC_BUF_OUTPUT : k == FTC_BUF_WEIGHT || k == FTC_BUF_STATE) && !strcmp(p->bufs[i].name, name))
            return i;
    }
    return -1;
}

typedef void ResultFn(void *ctx, const char *name, const Tensor *rows, const Tensor *want, const void *got, const void *other);

/* The rows of a weight or state that a run updates, where those are not all. */
static const Tensor *updated_rows(const ProgramRun *r, const char *name)
{
    EACH_NODE(n, r->graph)
        if (n->op == OP_update_rows && !strcmp(updated(n), name))
            return r->left[n->in[1]->id];
    return NULL;
}

/* Each result of the reference that x, and y where there is one, have. */
static void each_result(const ProgramRun *x, const ProgramRun *y, const Graph *g, Tensor *const *value, ResultFn *f, void *ctx)
{
    for (int i = 0; i < g->n_outputs; i++) {
        int b = find_buf(x->program, true, g->outputs[i].name), o = y ? find_buf(y->program, true, g->outputs[i].name) : 0;
        if (b >= 0 && o >= 0)
            f(ctx, g->outputs[i].name, NULL, value[g->outputs[i].node->id], x->bufs[b], y ? y->bufs[o] : NULL);
    }
    EACH_NODE(n, g) {
        int b = is_update(n) ? find_buf(x->program, false, updated(n)) : -1;
        int o = b < 0 || !y ? b : find_buf(y->program, false, updated(n));
        if (b >= 0 && o >= 0)
            f(ctx, updated(n), updated_rows(x, updated(n)), value[n->id], x->bufs[b], y ? y->bufs[o] : NULL);
    }
}

typedef struct {
    Worst worst;
    const char *what;
    Arena *a;
} Results;

static void take(Results *r, const char *name, const Worst *w)
{
    double off = w->off > r->worst.off ? w->off : r->worst.off;
    if (w->ratio > r->worst.ratio) {
        r->worst = *w;
        r->what = name;
    }
    r->worst.off = off;
}

static void check_result(void *ctx, const char *name, const Tensor *rows, const Tensor *want, const void *got, const void *other)
{
    (void)other;
    Worst w = { 0 };
    if (rows)
        compare_stored_rows(&w, rows, want, got);
    else
        compare_stored(&w, want, got);
    take(ctx, name, &w);
}

Worst check_results(const ProgramRun *r, const Graph *reference, Tensor *const *value, const char **what)
{
    Results results = { .what = NULL };
    each_result(r, NULL, reference, value, check_result, &results);
    *what = results.what;
    return results.worst;
}

/* Both may be off by the bound, to either side. */
static void compare_result(void *ctx, const char *name, const Tensor *rows, const Tensor *want, const void *got, const void *other)
{
    Results *r = ctx;
    Tensor *t = tensor_new(r->a, want->type, want->bind);
    if (rows && want->type.dim[0] == rows->type.dim[0])
        load_rows(t, rows, other);
    else
        load_tensor(t, other);
    for (int64_t i = 0; i < t->n; i++)
        t->e[i] = 2 * want->e[i];
    check_result(r, name, rows, t, got, NULL);
}

Worst compare_results(const ProgramRun *x, const ProgramRun *y, const Graph *reference, Tensor *const *value, const char **what)
{
    Results results = { .a = arena_new() };
    each_result(x, y, reference, value, compare_result, &results);
    arena_free(results.a);
    *what = results.what;
    return results.worst;
}

/* Groups -> kernels and calls: the driver of the lowering, buffers, and kernels as they begin and end.
 * In: a graph with group numbers.  Out: a Program whose calls are in the order of the groups. */
#include "compiler/kernel/lowering.h"

#include <stdlib.h>
#include <string.h>

Poly dim_extent(Lower *l, Dim d)
{
    if (d == DIM_N)
        ftc_bug("lower: n(r) has no extent of its own");
    return d >= 0 ? poly_const(l->a, d) : poly_var(l->a, symbol_var(d));
}

int64_t const_extent(Dim d) { return d >= 0 ? d : -1; }

Poly piece_end(Lower *l, int par, int64_t step, Poly end)
{
    Poly next = poly_add(l->a, poly_var(l->a, par), poly_const(l->a, step));
    return poly_var(l->a, kb_index(&l->b, "end", IX_MIN, next, end));
}

/* The first token of the panel. */
static Poly panel_start(Lower *l, const char *name, Poly number)
{
    Poly tokens = poly_add(l->a, dim_extent(l, DIM_T), poly_const(l->a, 1)), panels = dim_extent(l, DIM_P);
    int pair = kb_index(&l->b, name, IX_DIV, poly_mul(l->a, number, tokens), poly_scale(l->a, panels, 2));
    return poly_scale(l->a, poly_var(l->a, pair), 2);
}

Panel open_panel(Lower *l)
{
    Poly p = var(l, open_par(l, "p", dim_extent(l, DIM_P), 1, -1)), next = poly_add(l->a, p, poly_const(l->a, 1));
    Poly from = panel_start(l, "pair", p), end = panel_start(l, "next", next);
    from = var(l, kb_index(&l->b, "from", IX_SET, from, (Poly){ 0 }));
    end = var(l, kb_index(&l->b, "end", IX_MIN, end, dim_extent(l, DIM_T)));
    return (Panel){ p, { from, minus(l->a, end, from) } };
}

/* ---- buffers ------------------------------------------------------------------------------------------------------ */

static int add_buf(Lower *l, FtcBufKind kind, const Node *n, const char *name, Elem elem, Poly size)
{
    Program *p = l->p;
    ARENA_GROW(p->arena, p->bufs, p->n_bufs, p->cap_bufs);
    p->bufs[p->n_bufs] = (Buf){ .kind = kind, .elem = elem, .name = name, .size = poly_copy(p->arena, size), .slot = -1, .first = -1,
                                .last = -1, .node = n };
    return p->n_bufs++;
}

static int named_buf(Lower *l, FtcBufKind kind, const char *name, Elem elem, Poly size)
{
    int *known = names_number(&l->named[kind], l->p->arena, name); /* from 1 */
    if (!*known)
        *known = add_buf(l, kind, NULL, name, elem, size) + 1;
    return *known - 1;
}

int input_buf(Lower *l, const char *name, Elem elem, Poly size) { return named_buf(l, FTC_BUF_INPUT, name, elem, size); }

int temp_buf(Lower *l, const char *name, Elem elem, Poly size)
{
    return add_buf(l, FTC_BUF_ARENA, l->members[l->n_members - 1], name, elem, size);
}

int kept_buf(Lower *l, const char *name, Elem elem, Poly size) { return add_buf(l, FTC_BUF_KEPT, NULL, name, elem, size); }

int buffer_of(Lower *l, const Node *n)
{
    int *buf = &l->buf_of[n->id];
    if (*buf >= 0)
        return *buf;
    Poly size = storage_size(l, &n->type);
    if (n->op == OP_input) /* row_start has one more element than rows */
        return *buf = strcmp(n->a.name, "row_start") ? named_buf(l, FTC_BUF_INPUT, n->a.name, n->type.elem, size)
                                                      : input_buf(l, "row_start", I32, poly_add(l->a, size, poly_const(l->a, 1)));
    if (n->op == OP_weight || n->op == OP_state)
        return *buf = named_buf(l, n->op == OP_weight ? FTC_BUF_WEIGHT : FTC_BUF_STATE, n->a.name, n->type.elem, size);
    for (int i = 0; i < l->g->n_outputs; i++)
        if (l->g->outputs[i].node == n)
            return *buf = add_buf(l, FTC_BUF_OUTPUT, n, l->g->outputs[i].name, n->type.elem, size);
    return *buf = add_buf(l, FTC_BUF_ARENA, n, n->name, n->type.elem, size);
}

int param_of(Lower *l, int buf, ParamMode mode)
{
    Kernel *k = l->k;
    for (int i = 0; i < k->n_params; i++)
        if (l->param_buf[i] == buf) {
            if (k->params[i].mode != mode)
                k->params[i].mode = PARAM_INOUT;
            return i;
        }
    if (k->n_params == MAX_PARAMS)
        ftc_bug("lower: group %d has more than %d parameters", l->group, k->n_params);
    int i = kernel_param(k, mode == PARAM_IN ? "in" : "out", l->p->bufs[buf].elem, mode, (Poly){ 0 });
    l->param_buf[i] = buf;
    return i;
}

int scratch_param(Lower *l, const char *name, Elem elem, Poly size)
{
    if (l->k->n_params == MAX_PARAMS)
        ftc_bug("lower: group %d has more than %d parameters", l->group, l->k->n_params);
    int i = kernel_param(l->k, name, elem, PARAM_SCRATCH, size);
    l->param_buf[i] = -1;
    return i;
}

/* ---- kernels ------------------------------------------------------------------------------------------------------- */

void begin_kernel(Lower *l, const char *name)
{
    l->k = kernel_new(l->a, name);
    l->k->debug = l->g->debug;
    kb_begin(&l->b, l->k);
    l->b.loc = l->members[l->n_members - 1]->loc;
    l->n_memo = 0;
    l->lane = -1;
    for (int i = 0; i < l->cap_extents; i++)
        l->extents[i] = -1;
}

/* Scratch parameters go last (step.h). */
static void renumber_params(KStmt *s, const int *to)
{
    for (; s; s = s->next) {
        if (s->kind == K_LOAD || s->kind == K_STORE || s->kind == K_READ)
            s->buf = to[s->buf];
        if (s->dot) {
            s->dot->a.buf = to[s->dot->a.buf];
            s->dot->b.buf = to[s->dot->b.buf];
            s->dot->c.buf = to[s->dot->c.buf];
        }
        renumber_params(s->body, to);
    }
}

static void scratch_last(Lower *l)
{
    Kernel *k = l->k;
    int to[MAX_PARAMS], bufs[MAX_PARAMS], n = 0;
    KParam params[MAX_PARAMS];
    for (int scratch = 0; scratch < 2; scratch++)
        for (int i = 0; i < k->n_params; i++)
            if ((k->params[i].mode == PARAM_SCRATCH) == scratch) {
                params[n] = k->params[i];
                bufs[n] = l->param_buf[i];
                to[i] = n++;
            }
    renumber_params(k->body, to);
    memcpy(k->params, params, sizeof *params * (size_t)n);
    memcpy(l->param_buf, bufs, sizeof *bufs * (size_t)n);
}

void end_kernel(Lower *l)
{
    Program *p = l->p;
    scratch_last(l);
    kernel_renumber(l->k);
    Call c = { .node = l->members[l->n_members - 1] };
    int known = p->n_kernels;
    c.region = c.node->region;
    c.kernel = program_kernel(p, l->k);
    if (c.kernel == known)
        kernel_verify(l->k);
    c.bufs = NEW_ARRAY(p->arena, int, l->k->n_params);
    for (int i = 0; i < l->k->n_params && l->k->params[i].mode != PARAM_SCRATCH; i++) {
        Buf *b = &p->bufs[c.bufs[i] = l->param_buf[i]];
        if (l->preparing && b->kind == FTC_BUF_ARENA)
            ftc_bug("lower: '%s' isn't there before the step", b->name);
        if (b->first < 0)
            b->first = p->n_calls;
        b->last = p->n_calls;
    }
    c.imms = NEW_ARRAY(p->arena, int32_t, l->k->n_imms);
    memcpy(c.imms, l->imms, sizeof *c.imms * (size_t)l->k->n_imms);
    if (l->preparing) {
        c.region = REGION_FORWARD;
        ARENA_GROW(p->arena, l->prepare, l->n_prepare, l->cap_prepare);
        l->prepare[l->n_prepare++] = c;
        return;
    }
    ARENA_GROW(p->arena, p->calls, p->n_calls, p->cap_calls);
    p->calls[p->n_calls++] = c;
}

/* Puts them in front. */
static void prepare_first(Lower *l)
{
    Program *p = l->p;
    Call *all = NEW_ARRAY(p->arena, Call, l->n_prepare + p->n_calls + 1);
    memcpy(all, l->prepare, sizeof *all * (size_t)l->n_prepare);
    memcpy(all + l->n_prepare, p->calls, sizeof *all * (size_t)p->n_calls);
    p->calls = all;
    p->n_prepare = l->n_prepare;
    p->n_calls = p->cap_calls = l->n_prepare + p->n_calls;
    for (int i = 0; i < p->n_bufs; i++)
        if (p->bufs[i].kind == FTC_BUF_ARENA) {
            p->bufs[i].first += l->n_prepare;
            p->bufs[i].last += l->n_prepare;
        }
}

/* ---- groups ---------------------------------------------------------------------------------------------------------- */

/* Marks what is read outside its own group, through views, or is an output; and what is read there in panels only. */
static void mark_stored(Lower *l)
{
    Graph *g = l->g;
    EACH_NODE(n, g)
        for (int i = 0; i < n->n_in; i++) {
            Node *x = behind_views(n->in[i]);
            /* a view without a group is looked at by whoever has one */
            if (!n->group || !x->group || x->group == n->group)
                continue;
            Node *packed = op_lower[n->op] == lower_dot ? packed_by_chain(l, n, i) : NULL;
            if (packed)
                l->packed_as[packed->id] |= (char)(!i ? PACKS_LEFT : n->packs & PACKS_SPLIT ? PACKS_SPLIT : PACKS_RIGHT);
            else
                l->stored[x->id] = true;
        }
    for (int i = 0; i < g->n_outputs; i++)
        l->stored[g->outputs[i].node->id] = true;
}

static void lower_members(Lower *l)
{
    Node *last = l->members[l->n_members - 1];
    if (last->stage) {
        lower_chain_group(l);
        return;
    }
    switch (op_lower[last->op]) {
    case lower_reduce:
        if (!is_row_reduction(last)) {
            lower_reduce_group(l, last);
            break;
        }
        lower_loop_group(l);
        break;
    case lower_dot: lower_dot_group(l, last); break;
    case lower_scatter: lower_scatter_group(l, last); break;
    case lower_concat: lower_concat_group(l, last); break;
    default: lower_loop_group(l);
    }
}

/* Of a deep model's layers, all but the first bring no kernel that isn't there already: nothing stays of theirs. */
static void lower_group(Lower *l)
{
    ArenaMark before = arena_mark(l->a);
    int known = l->p->n_kernels;
    lower_members(l);
    if (l->p->n_kernels == known)
        arena_reset(l->a, before);
}

Program *lower_graph(Graph *g, Arena *arena)
{
    Program *p = NEW(arena, Program);
    p->arena = arena;
    p->name = g->name;
    p->panel_tokens = g->panel_tokens ? g->panel_tokens : PANEL_TOKENS;
    Lower *l = NEW(arena, Lower);
    *l = (Lower){ .g = g, .p = p, .a = arena_child(arena), .lane = -1,
                  .packed_columns = g->packed_columns ? g->packed_columns : PACKED_COLUMNS };
    l->buf_of = NEW_ARRAY(arena, int, g->n + 1);
    l->stored = NEW_ARRAY(arena, bool, g->n + 1);
    l->scratch_of = NEW_ARRAY(arena, int, g->n + 1);
    l->packed_as = NEW_ARRAY(arena, char, g->n + 1);
    l->panel_of = NEW_ARRAY(arena, int, g->n + 1);
    l->members = NEW_ARRAY(arena, Node *, g->n + 1);
    int groups = 0;
    EACH_NODE(n, g) {
        l->buf_of[n->id] = l->scratch_of[n->id] = l->panel_of[n->id] = -1;
        if (n->group > groups)
            groups = n->group;
    }
    mark_stored(l);
    l->keeps = find_keepers(g, arena);

    /* members by group, in graph order */
    int *start = NEW_ARRAY(arena, int, groups + 2);
    EACH_NODE(n, g)
        if (n->group)
            start[n->group + 1]++;
    for (int i = 1; i <= groups + 1; i++)
        start[i] += start[i - 1];
    Node **all = NEW_ARRAY(arena, Node *, start[groups + 1] + 1);
    EACH_NODE(n, g)
        if (n->group)
            all[start[n->group]++] = n;
    for (int i = 1, at = 0; i <= groups; i++) {
        l->group = i;
        l->members = all + at;
        l->n_members = start[i] - at;
        at = start[i];
        if (l->n_members)
            lower_group(l);
    }
    if (l->n_prepare)
        prepare_first(l);
    return p;
}

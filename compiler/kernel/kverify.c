/* The rules of kernel.h, checked: scoping, types, nesting.  One set of rules, two readers: kernel_verify, for which a
 * breach is a bug of ours, and the parser, for which it is a mistake in the text. */
#include "compiler/kernel/kernel.h"

#include <stdlib.h>
#include <string.h>

typedef enum { UNSEEN, VISIBLE, GONE } Scope;

typedef struct {
    const Kernel *k;
    const KStmt *at;                 /* the statement being looked at */
    const char *said;                /* what is wrong with it */
    unsigned char *ivar, *value;     /* Scope of each */
    bool *varies;                    /* by ivar: may differ between the lanes of the open vec */
    int *acc_depth;                  /* by value: loops open where the accumulator was declared; -1: no accumulator */
    const KStmt *open[MAX_DEPTH];    /* loops around the statement */
    int depth, sites;
    bool in_vec;
    FtcDiag *quiet;
} Check;

#define WRONG(c, ...) ((c)->said = arena_printf((c)->k->arena, __VA_ARGS__), false)

/* ---- operands ------------------------------------------------------------------------------------------------- */

static bool check_poly(Check *c, Poly p)
{
    Poly again = { 0, NULL };
    bool canonical = true;
    for (int i = 0; i < p.n; i++) {
        const Term *t = &p.t[i];
        for (int f = 0; f < t->n; f++) {
            int v = t->var[f];
            if (v < 0 || v >= c->k->n_ivars)
                return WRONG(c, "a polynomial names variable %d of %d", v, c->k->n_ivars);
            if (v >= N_SYMBOLS && c->ivar[v] != VISIBLE)
                return WRONG(c, "%%%s is not visible here", c->k->ivars[v]);
            canonical &= !f || t->var[f - 1] <= v;
        }
        again = poly_add(c->k->arena, again, (Poly){ 1, &p.t[i] });
    }
    return (canonical && poly_equal(p, again)) || WRONG(c, "a polynomial is not in canonical form");
}

static bool check_symbols_only(Check *c, Poly p, const char *what)
{
    for (int i = 0; i < p.n; i++)
        for (int f = 0; f < p.t[i].n; f++)
            if (p.t[i].var[f] >= N_SYMBOLS)
                return WRONG(c, "%s may only depend on T, B, L, C, V, U and P", what);
    return true;
}

static bool varies(const Check *c, Poly p)
{
    for (int i = 0; i < p.n; i++)
        for (int f = 0; f < p.t[i].n; f++)
            if (c->varies[p.t[i].var[f]])
                return true;
    return false;
}

static bool reduces(const KStmt *s, int acc)
{
    for (; s; s = s->next)
        if ((s->kind == K_REDUCE && s->dst == acc) || reduces(s->body, acc))
            return true;
    return false;
}

static bool check_visible(Check *c, int v)
{
    if (v < 0 || v >= c->k->n_values || c->value[v] == UNSEEN)
        return WRONG(c, "uses a value that is not defined above");
    return c->value[v] == VISIBLE || WRONG(c, "%%%s is not visible here", c->k->value_names[v]);
}

/* A value that is read. */
static bool check_value(Check *c, int v)
{
    if (!check_visible(c, v))
        return false;
    int outer = c->acc_depth[v];
    if (outer >= 0 && outer < c->depth && reduces(c->open[outer]->body, v))
        return WRONG(c, "%%%s can be read after the loop that it is reduced in, not inside", c->k->value_names[v]);
    return true;
}

static bool check_typed(Check *c, int v, Elem elem)
{
    return check_value(c, v) && (c->k->values[v] == elem || WRONG(c, "%%%s is %s, not %s", c->k->value_names[v],
                                                                  elem_name(c->k->values[v]), elem_name(elem)));
}

static bool check_buf(Check *c, int buf, bool written)
{
    if (buf < 0 || buf >= c->k->n_params)
        return WRONG(c, "uses parameter %d of %d", buf, c->k->n_params);
    return !written || c->k->params[buf].mode != PARAM_IN || WRONG(c, "writes to %%%s, which is `in`", c->k->params[buf].name);
}

/* ---- definitions ---------------------------------------------------------------------------------------------- */

static bool define_value(Check *c, int v)
{
    if (v < 0 || v >= c->k->n_values || c->value[v] != UNSEEN)
        return WRONG(c, "defines a value twice or out of range");
    if (c->k->values[v] == BF16)
        return WRONG(c, "%%%s is bf16, which exists only in memory", c->k->value_names[v]);
    c->value[v] = VISIBLE;
    return true;
}

static bool define_ivar(Check *c, int v, bool lanes)
{
    if (v < N_SYMBOLS || v >= c->k->n_ivars || c->ivar[v] != UNSEEN)
        return WRONG(c, "defines an index twice or out of range");
    c->ivar[v] = VISIBLE;
    c->varies[v] = lanes;
    return true;
}

/* ---- statements ----------------------------------------------------------------------------------------------- */

static bool check_block(Check *c, const KStmt *s);

static bool check_loop(Check *c, const KStmt *s)
{
    bool vec = s->kind == K_VEC;
    if (!check_poly(c, s->lo) || !check_poly(c, s->hi))
        return false;
    if (vec && c->in_vec)
        return WRONG(c, "a vec inside a vec");
    if (vec && s->lo.n)
        return WRONG(c, "a vec begins at 0");
    if (varies(c, s->lo) || varies(c, s->hi))
        return WRONG(c, "the bounds of a loop inside a vec have to be the same in all lanes");
    if (c->depth + 1 == MAX_DEPTH)
        return WRONG(c, "more than %d loops deep", MAX_DEPTH - 1);
    if (!define_ivar(c, s->ivar, vec))
        return false;
    c->open[c->depth++] = s;
    c->in_vec |= vec;
    if (!check_block(c, s->body))
        return false;
    c->depth--;
    c->in_vec &= !vec;
    c->ivar[s->ivar] = GONE;
    return true;
}

/* The op's own type rule, asked about scalars. */
static bool check_map(Check *c, const KStmt *s)
{
    const Kernel *k = c->k;
    if (s->op < 0 || s->op >= N_OPS || op_info[s->op].class != CLASS_MAP)
        return WRONG(c, "let takes MAP ops");
    Node in[3] = { 0 }, *ins[3] = { &in[0], &in[1], &in[2] };
    Node n = { .op = s->op, .n_in = op_info[s->op].inputs, .in = ins };
    for (int i = 0; i < n.n_in; i++) {
        if (!check_value(c, s->src[i]))
            return false;
        in[i].name = k->value_names[s->src[i]];
        in[i].type = scalar_type(k->values[s->src[i]]);
    }
    if (!define_value(c, s->dst))
        return false;
    n.type = scalar_type(k->values[s->dst]);
    if (!op_info[s->op].infer(&n, c->quiet))
        return WRONG(c, "%s", ftc_diag_last(c->quiet));
    return n.type.elem == k->values[s->dst] ||
           WRONG(c, "%%%s is %s, not %s", k->value_names[s->dst], elem_name(n.type.elem), elem_name(k->values[s->dst]));
}

static bool check_const(Check *c, const KStmt *s)
{
    if (!define_value(c, s->dst))
        return false;
    double v = s->value;
    Elem elem = c->k->values[s->dst];
    bool fits = elem == I32 ? v >= INT32_MIN && v <= INT32_MAX && v == (double)(int32_t)v
                            : elem == BOOL ? v == 0 || v == 1 : !(v == v) || v == (double)(float)v;
    return fits || WRONG(c, "%.17g is no %s", v, elem_name(elem));
}

static bool check_reduce(Check *c, const KStmt *s)
{
    if (!check_visible(c, s->dst))
        return false;
    if (c->acc_depth[s->dst] < 0)
        return WRONG(c, "%%%s is no accumulator", c->k->value_names[s->dst]);
    return check_typed(c, s->src[0], c->k->values[s->dst]);
}

static bool check_rand(Check *c, const KStmt *s)
{
    if (s->imm < 0 || s->imm >= c->k->n_imms)
        return WRONG(c, "uses run-time argument %d of %d", s->imm, c->k->n_imms);
    c->sites = s->imm >= c->sites ? s->imm + 1 : c->sites;
    for (int i = 0; i < 3; i++)
        if (!check_typed(c, s->src[i], I32))
            return false;
    return check_poly(c, s->at) && define_value(c, s->dst);
}

static bool check_index(Check *c, const KStmt *s)
{
    int64_t divisor;
    if (!check_poly(c, s->at) || !check_poly(c, s->hi))
        return false;
    if (s->index_op == IX_SET && s->hi.n)
        return WRONG(c, "has a second operand");
    if ((s->index_op == IX_DIV || s->index_op == IX_MOD) && poly_is_const(s->hi, &divisor) && divisor <= 0)
        return WRONG(c, "divides by %lld", (long long)divisor);
    return define_ivar(c, s->ivar, varies(c, s->at) || varies(c, s->hi));
}

static bool check_read(Check *c, const KStmt *s)
{
    if (!check_buf(c, s->buf, false) || !check_poly(c, s->at))
        return false;
    if (c->k->params[s->buf].elem != I32)
        return WRONG(c, "reads an index from %%%s, which is %s", c->k->params[s->buf].name, elem_name(c->k->params[s->buf].elem));
    return define_ivar(c, s->ivar, varies(c, s->at));
}

static bool check_operand(Check *c, const Operand *o, bool written)
{
    int64_t one;
    if (o->packed && (o->packed % 16 || o->packed > MAX_PANEL))
        return WRONG(c, "panels have a multiple of 16 columns up to %d, not %d", MAX_PANEL, o->packed);
    if (!check_buf(c, o->buf, written) || !check_poly(c, o->at) || !check_poly(c, o->row) || !check_poly(c, o->col))
        return false;
    const KParam *p = &c->k->params[o->buf];
    if (p->elem != F32 && (p->elem != BF16 || (written && !o->packed)))
        return WRONG(c, "a dot takes f32%s, %%%s is %s", written ? "" : " or bf16", p->name, elem_name(p->elem));
    if (o->split && p->elem != BF16)
        return WRONG(c, "what is split is bf16, %%%s is %s", p->name, elem_name(p->elem));
    if (o->packed)
        return (!o->row.n && !o->col.n) || WRONG(c, "%%%s is packed and has strides", p->name);
    for (int i = 0; i < o->row.n + o->col.n; i++)
        if ((i < o->row.n ? o->row.t[i] : o->col.t[i - o->row.n]).n == MAX_FACTORS)
            return WRONG(c, "a stride has at most %d factors", MAX_FACTORS - 1);
    if (poly_is_const(o->col, &one) && one == 1)
        return true;
    if (written)
        return WRONG(c, "the columns of %%%s have to be contiguous", p->name);
    return (poly_is_const(o->row, &one) && one == 1) || WRONG(c, "one stride of %%%s has to be 1", p->name);
}

static bool check_dot(Check *c, const Dot *d)
{
    if (c->in_vec)
        return WRONG(c, "a dot inside a vec");
    if (d->c.packed || d->a.packed)
        return WRONG(c, "only the right operand of a dot can be packed");
    if (!check_operand(c, &d->c, true) || !check_operand(c, &d->a, false) || !check_operand(c, &d->b, false))
        return false;
    if (c->k->params[d->a.buf].elem != (d->b.split ? F32 : c->k->params[d->b.buf].elem))
        return WRONG(c, "the operands of a dot are of one type");
    return check_poly(c, d->m) && check_poly(c, d->n) && check_poly(c, d->k);
}

static bool check_pack(Check *c, const Dot *d)
{
    if (c->in_vec)
        return WRONG(c, "a pack inside a vec");
    if (!d->c.packed || d->b.packed)
        return WRONG(c, "a pack makes panels of a matrix that has none");
    if (!check_operand(c, &d->c, true) || !check_operand(c, &d->b, false))
        return false;
    Elem to = c->k->params[d->c.buf].elem, from = c->k->params[d->b.buf].elem;
    if (d->c.split ? from != F32 : to != from && !(to == BF16 && from == F32))
        return WRONG(c, "a pack makes %s of %s", elem_name(to), elem_name(from));
    return check_poly(c, d->n) && check_poly(c, d->k) && check_poly(c, d->m);
}

static bool check_stmt(Check *c, const KStmt *s)
{
    const Kernel *k = c->k;
    Elem elem;
    switch (s->kind) {
    case K_FOR:
    case K_VEC: return check_loop(c, s);
    case K_LET: return check_map(c, s);
    case K_CONST: return check_const(c, s);
    case K_LOAD:
        if (!check_buf(c, s->buf, false) || !check_poly(c, s->at) || !define_value(c, s->dst))
            return false;
        elem = k->params[s->buf].elem;
        return k->values[s->dst] == (elem == BF16 ? F32 : elem) || WRONG(c, "loads %s from %%%s, which is %s",
               elem_name(k->values[s->dst]), k->params[s->buf].name, elem_name(elem));
    case K_STORE:
        if (!check_buf(c, s->buf, true) || !check_poly(c, s->at))
            return false;
        elem = k->params[s->buf].elem;
        return check_typed(c, s->src[0], elem == BF16 ? F32 : elem);
    case K_ACC:
        if (!define_value(c, s->dst))
            return false;
        c->acc_depth[s->dst] = c->depth;
        return ((s->op == OP_add || s->op == OP_max) && k->values[s->dst] != BOOL) ||
               WRONG(c, "accumulates f32 or i32 by add or max");
    case K_REDUCE: return check_reduce(c, s);
    case K_FROM_INDEX:
        return check_poly(c, s->at) && define_value(c, s->dst) &&
               (k->values[s->dst] == I32 || WRONG(c, "an index is i32"));
    case K_RAND: return check_rand(c, s) && (k->values[s->dst] == I32 || WRONG(c, "random bits are i32"));
    case K_INDEX: return check_index(c, s);
    case K_READ: return check_read(c, s);
    case K_DOT: return check_dot(c, s->dot);
    case K_PACK: return check_pack(c, s->dot);
    case N_KSTMTS: break;
    }
    return WRONG(c, "no such statement");
}

static bool check_block(Check *c, const KStmt *first)
{
    for (const KStmt *s = first; s; s = s->next) {
        c->at = s;
        if (!check_stmt(c, s))
            return false;
    }
    for (const KStmt *s = first; s; s = s->next) { /* what the block defined goes with it */
        if (s->kind == K_INDEX || s->kind == K_READ)
            c->ivar[s->ivar] = GONE;
        else if (s->dst >= 0 && s->kind != K_REDUCE)
            c->value[s->dst] = GONE;
    }
    return true;
}

static bool check_head(Check *c)
{
    const Kernel *k = c->k;
    for (int i = 0; i < k->n_params; i++) {
        const KParam *p = &k->params[i];
        if (i && p->mode != PARAM_SCRATCH && k->params[i - 1].mode == PARAM_SCRATCH)
            return WRONG(c, "scratch comes behind the other parameters, but %%%s follows %%%s", p->name, k->params[i - 1].name);
        if (!check_symbols_only(c, p->size, "the size of scratch") || !check_poly(c, p->size))
            return false;
    }
    for (int i = 0; i < k->n_par; i++) {
        const Par *par = &k->par[i];
        if (!check_symbols_only(c, par->begin, "a par's bounds") || !check_symbols_only(c, par->end, "a par's bounds") ||
            !check_poly(c, par->begin) || !check_poly(c, par->end) || !define_ivar(c, par->ivar, false))
            return false;
        if (par->step < 1)
            return WRONG(c, "par %%%s has step %lld", k->ivars[par->ivar], (long long)par->step);
    }
    return true;
}

const char *kernel_problem(const Kernel *k, const KStmt **where)
{
    Check c = { .k = k, .quiet = ftc_diag_new(NULL) };
    ArenaMark mark = arena_mark(k->arena);
    c.ivar = NEW_ARRAY(k->arena, unsigned char, k->n_ivars);
    c.varies = NEW_ARRAY(k->arena, bool, k->n_ivars);
    c.value = NEW_ARRAY(k->arena, unsigned char, k->n_values);
    c.acc_depth = NEW_ARRAY(k->arena, int, k->n_values);
    memset(c.acc_depth, -1, sizeof(int) * (size_t)k->n_values);
    bool right = check_head(&c) && check_block(&c, k->body);
    if (right && c.sites != k->n_imms) {
        c.at = NULL;
        right = WRONG(&c, "has %d run-time arguments and uses %d", k->n_imms, c.sites);
    }
    ftc_diag_free(c.quiet);
    *where = c.at;
    if (!right)
        return c.said;
    arena_reset(k->arena, mark);
    return NULL;
}

void kernel_verify(const Kernel *k)
{
    const KStmt *where;
    const char *problem = kernel_problem(k, &where);
    if (!problem)
        return;
    char *text = where ? stmt_text(k, where) : NULL;
    ftc_bug("kernel @%s%s%s: %s", k->name, text ? ": " : "", text ? text : "", problem);
}

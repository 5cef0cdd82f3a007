/* Index variables in the order of their definitions.  In: a finished kernel whose lowering put statements in front of others.
 * Out: the same kernel, numbered as its text read from top to bottom numbers it.
 * The terms of a polynomial stand in the order of their variables' numbers, and machine code adds them up in that order: only
 * with one numbering do a kernel and its text make the same object. */
#include "compiler/kernel/kernel.h"

#include <string.h>

typedef struct {
    Arena *a;
    int *to;    /* old number -> new */
    int n;
} Numbering;

static void define(Numbering *m, int ivar) { m->to[ivar] = m->n++; }

static void number_stmts(Numbering *m, const KStmt *s)
{
    for (; s; s = s->next) {
        if (s->kind == K_FOR || s->kind == K_VEC || s->kind == K_INDEX || s->kind == K_READ)
            define(m, s->ivar);
        number_stmts(m, s->body);
    }
}

static void map_poly(const Numbering *m, Poly *p)
{
    Poly sum = { 0 };
    for (int i = 0; i < p->n; i++) {
        Poly term = poly_const(m->a, p->t[i].coef);
        for (int f = 0; f < p->t[i].n; f++)
            term = poly_mul(m->a, term, poly_var(m->a, m->to[p->t[i].var[f]]));
        sum = poly_add(m->a, sum, term);
    }
    *p = sum;
}

static void map_operand(const Numbering *m, Operand *o)
{
    map_poly(m, &o->at);
    map_poly(m, &o->row);
    map_poly(m, &o->col);
}

static void map_stmts(const Numbering *m, KStmt *s)
{
    for (; s; s = s->next) {
        if (s->kind == K_FOR || s->kind == K_VEC || s->kind == K_INDEX || s->kind == K_READ)
            s->ivar = m->to[s->ivar];
        map_poly(m, &s->at);
        map_poly(m, &s->lo);
        map_poly(m, &s->hi);
        if (s->dot) {
            map_operand(m, &s->dot->c);
            map_operand(m, &s->dot->a);
            map_operand(m, &s->dot->b);
            map_poly(m, &s->dot->m);
            map_poly(m, &s->dot->n);
            map_poly(m, &s->dot->k);
        }
        map_stmts(m, s->body);
    }
}

void kernel_renumber(Kernel *k)
{
    Numbering m = { .a = k->arena, .to = NEW_ARRAY(k->arena, int, k->n_ivars + 1), .n = N_SYMBOLS };
    for (int i = 0; i < k->n_ivars; i++)
        m.to[i] = i < N_SYMBOLS ? i : -1;
    for (int i = 0; i < k->n_par; i++)
        define(&m, k->par[i].ivar);
    number_stmts(&m, k->body);
    bool same = m.n == k->n_ivars;
    for (int i = 0; i < m.n && same; i++)
        same = m.to[i] == i;
    if (same)
        return;
    const char **names = NEW_ARRAY(k->arena, const char *, k->n_ivars + 1);
    for (int i = 0; i < k->n_ivars; i++)
        if (m.to[i] >= 0)
            names[m.to[i]] = k->ivars[i]; /* a variable whose statement was dropped is gone */
    for (int i = 0; i < k->n_par; i++)
        k->par[i].ivar = m.to[k->par[i].ivar];
    map_stmts(&m, k->body);
    memcpy(k->ivars, names, sizeof *names * (size_t)m.n);
    k->n_ivars = m.n;
}

/* Whether two kernels are the same; the places that their statements come from count with -g only.  As fast as it can be told: a step of many
 * layers asks it for each call. */
#include "compiler/kernel/kernel.h"

#include <string.h>

static bool same_operand(const Operand *x, const Operand *y)
{
    return x->buf == y->buf && x->packed == y->packed && x->split == y->split &&
           poly_equal(x->at, y->at) && poly_equal(x->row, y->row) && poly_equal(x->col, y->col);
}

static bool same_dot(const Dot *x, const Dot *y)
{
    if (!x || !y)
        return x == y;
    return x->accumulate == y->accumulate && poly_equal(x->m, y->m) && poly_equal(x->n, y->n) && poly_equal(x->k, y->k) &&
           same_operand(&x->a, &y->a) && same_operand(&x->b, &y->b) && same_operand(&x->c, &y->c);
}

static bool same_block(const KStmt *x, const KStmt *y, bool places)
{
    for (; x && y; x = x->next, y = y->next)
        if ((places && !loc_same(x->loc, y->loc)) || x->kind != y->kind || x->op != y->op || x->index_op != y->index_op || x->dst != y->dst ||
            memcmp(x->src, y->src, sizeof x->src) || x->ivar != y->ivar || x->buf != y->buf || x->imm != y->imm ||
            memcmp(&x->value, &y->value, sizeof x->value) || !poly_equal(x->at, y->at) || !poly_equal(x->lo, y->lo) ||
            !poly_equal(x->hi, y->hi) || !same_dot(x->dot, y->dot) || !same_block(x->body, y->body, places))
            return false;
    return x == y;
}

static bool same_names(const char *const *x, const char *const *y, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(x[i], y[i]))
            return false;
    return true;
}

bool kernel_same(const Kernel *x, const Kernel *y)
{
    if (x->n_params != y->n_params || x->n_ivars != y->n_ivars || x->n_values != y->n_values || x->n_imms != y->n_imms ||
        x->n_par != y->n_par || x->debug != y->debug || strcmp(x->name, y->name))
        return false;
    for (int i = 0; i < x->n_values; i++)
        if (x->values[i] != y->values[i])
            return false;
    for (int i = 0; i < x->n_params; i++) {
        const KParam *p = &x->params[i], *q = &y->params[i];
        if (p->elem != q->elem || p->mode != q->mode || strcmp(p->name, q->name) || !poly_equal(p->size, q->size))
            return false;
    }
    for (int i = 0; i < x->n_par; i++) {
        const Par *p = &x->par[i], *q = &y->par[i];
        if (p->ivar != q->ivar || p->step != q->step || !poly_equal(p->begin, q->begin) || !poly_equal(p->end, q->end))
            return false;
    }
    return same_names(x->ivars, y->ivars, x->n_ivars) && same_names(x->value_names, y->value_names, x->n_values) &&
           same_block(x->body, y->body, x->debug);
}

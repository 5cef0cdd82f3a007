/* A value as a formula: infix operators as in Python, each operand by name or written out in its place.
 * Views that change a shape only are left out: a reader sees the shapes beside the formulas. */
#include "compiler/ir/outline.h"

#include <string.h>

/* How tightly an operator binds its operands. */
enum { LOOSE, COMPARED, SUM, PRODUCT, SIGN, TIGHT };

static const char *written(const OutlineNames *o, const Node *n, int tight);

const Node *outline_base(const Node *n)
{
    for (;;)
        switch (n->op) {
        case OP_reshape:
        case OP_split:
        case OP_join:
        case OP_broadcast:
        case OP_stop_gradient: n = n->in[0]; break;
        default: return n;
        }
}

static const char *operand(const OutlineNames *o, const Node *n, int tight)
{
    const Node *x = outline_base(n);
    if (x->op == OP_const && !n->type.rank)
        return arena_printf(o->arena, "%.6g", x->a.value);
    return o->written_out(o, x) ? written(o, x, tight) : o->name(o, x);
}

static const char *parenthesised(const OutlineNames *o, const char *text, int binds, int tight)
{
    return binds < tight ? arena_printf(o->arena, "(%s)", text) : text;
}

static const char *infix(const OutlineNames *o, const Node *n, const char *word, int binds, int tight)
{
    /* of equally strong ones the left comes first */
    const char *a = operand(o, n->in[0], binds), *b = operand(o, n->in[1], binds + 1);
    return parenthesised(o, arena_printf(o->arena, "%s %s %s", a, word, b), binds, tight);
}

/* A term with its only mark taken out: "sum(\1X3\1 * \1X3\1)" -> "sum(g * g)".  NULL where it has several, or none. */
static const char *without_mark(const OutlineNames *o, const char *term, const char **the_mark)
{
    const char *text = "", *seen = NULL;
    for (const char *p = term;;) {
        size_t plain = strcspn(p, OUTLINE_MARK);
        text = arena_printf(o->arena, "%s%.*s", text, (int)plain, p);
        p += plain;
        if (!*p)
            break;
        size_t n = strcspn(p + 1, OUTLINE_MARK) + 2;
        if (seen && strncmp(seen, p, n))
            return NULL;
        seen = p;
        text = arena_printf(o->arena, "%sg", text);
        p += n;
    }
    *the_mark = seen ? arena_strndup(o->arena, seen, strcspn(seen + 1, OUTLINE_MARK) + 2) : NULL;
    return seen ? text : NULL;
}

enum { MANY = 4, MOST_NAMED = 6 };

/* a + b + c + ... of one form: sum(form for g in ...).  NULL where it is no such sum. */
static const char *long_sum(const OutlineNames *o, const Node *n)
{
    const char *form = NULL, *marks = "", *mark;
    int terms = 0;
    for (const Node *x = n; x; terms++) {
        const Node *left = outline_base(x->in[0]);
        bool goes_on = x->op == OP_add, more = goes_on && left->op == OP_add && o->written_out(o, left);
        const char *right = without_mark(o, goes_on ? operand(o, x->in[1], PRODUCT) : operand(o, x, PRODUCT), &mark);
        if (!right || (form && strcmp(form, right)))
            return NULL;
        form = right;
        if (terms < MOST_NAMED / 2 || !more) /* the last ones, and in the end the first */
            marks = arena_printf(o->arena, "%s%s%s", mark, *marks ? ", " : "", marks);
        else if (terms == MOST_NAMED / 2)
            marks = arena_printf(o->arena, "..., %s", marks);
        x = more ? left : goes_on && o->written_out(o, left) ? left : NULL;
        if (goes_on && !x)
            return NULL;
    }
    const char *all = terms > MOST_NAMED ? arena_printf(o->arena, ": %d of them", terms) : "";
    return terms < MANY ? NULL : arena_printf(o->arena, "sum(%s for g in (%s)%s)", form, marks, all);
}

static const char *call(const OutlineNames *o, const Node *n, const char *word)
{
    const char *text = word;
    for (int i = 0; i < n->n_in; i++)
        text = arena_printf(o->arena, i ? "%s, %s" : "%s(%s", text, operand(o, n->in[i], LOOSE));
    return arena_printf(o->arena, n->n_in ? "%s)" : "%s()", text);
}

/* An operand whose extent matters, since the reader sums over it: a broadcast shows. */
static const char *summed(const OutlineNames *o, const Node *x)
{
    if (x->op != OP_broadcast)
        return operand(o, x, LOOSE);
    char t[160];
    return arena_printf(o->arena, "broadcast(%s, %s)", operand(o, x, LOOSE), strchr(type_name(&x->type, t), '['));
}

static const char *reduction(const OutlineNames *o, const Node *n, const char *word)
{
    const char *text = arena_printf(o->arena, "%s(%s", word, summed(o, n->in[0]));
    if (n->a.n_axes < n->in[0]->type.rank)
        for (int i = 0; i < n->a.n_axes; i++)
            text = arena_printf(o->arena, "%s, axis=%d", text, n->a.axes[i]);
    return arena_printf(o->arena, "%s)", text);
}

/* a @ b contracts a's last dim with b's last but one; .T where a dot does otherwise. */
static const char *product(const OutlineNames *o, const Node *n, int tight)
{
    bool ta = n->in[0]->type.rank > n->a.batch + 1 && n->a.ca == n->a.batch,
         tb = n->in[1]->type.rank > n->a.batch + 1 && n->a.cb != n->a.batch;
    const char *a = operand(o, n->in[0], ta ? TIGHT : PRODUCT), *b = operand(o, n->in[1], TIGHT);
    return parenthesised(o, arena_printf(o->arena, "%s%s @ %s%s", a, ta ? ".T" : "", b, tb ? ".T" : ""), PRODUCT, tight);
}

static const char *transposed(const OutlineNames *o, const Node *n)
{
    const char *text = arena_printf(o->arena, "transpose(%s", operand(o, n->in[0], LOOSE));
    for (int i = 0; i < n->a.n_axes; i++)
        text = arena_printf(o->arena, i ? "%s:%d" : "%s, %d", text, n->a.axes[i]);
    return arena_printf(o->arena, "%s)", text);
}

static const char *written(const OutlineNames *o, const Node *n, int tight)
{
    Arena *a = o->arena;
    switch (n->op) {
    case OP_add: {
        const char *all = long_sum(o, n);
        return all ? all : infix(o, n, "+", SUM, tight);
    }
    case OP_sub: return infix(o, n, "-", SUM, tight);
    case OP_mul:
        if (outline_base(n->in[0]) == outline_base(n->in[1]) && n->in[0]->type.rank == n->in[1]->type.rank)
            return arena_printf(a, "%s**2", operand(o, n->in[0], TIGHT));
        return infix(o, n, "*", PRODUCT, tight);
    case OP_div: return infix(o, n, "/", PRODUCT, tight);
    case OP_lt: return infix(o, n, "<", COMPARED, tight);
    case OP_le: return infix(o, n, "<=", COMPARED, tight);
    case OP_eq: return infix(o, n, "==", COMPARED, tight);
    case OP_and: return infix(o, n, "and", LOOSE, tight);
    case OP_neg: return parenthesised(o, arena_printf(a, "-%s", operand(o, n->in[0], SIGN)), SIGN, tight);
    case OP_select: {
        const char *yes = operand(o, n->in[1], COMPARED), *no = operand(o, n->in[2], COMPARED);
        return parenthesised(o, arena_printf(a, "%s if %s else %s", yes, operand(o, n->in[0], COMPARED), no), LOOSE, tight);
    }
    case OP_const: return arena_printf(a, "%.6g", n->a.value);
    case OP_iota: return arena_printf(a, "index(axis=%d)", n->a.axes[0]);
    case OP_cast: return call(o, n, elem_name(n->type.elem));
    case OP_sum: return reduction(o, n, "sum");
    case OP_amax: return reduction(o, n, "max");
    case OP_dot: return product(o, n, tight);
    case OP_transpose: return transposed(o, n);
    case OP_gather: return arena_printf(a, "%s[%s]", operand(o, n->in[0], TIGHT), operand(o, n->in[1], LOOSE));
    case OP_slice:
        return arena_printf(a, "slice(%s, axis=%d, %lld:%lld)", operand(o, n->in[0], LOOSE), n->a.axes[0],
                            (long long)n->a.begin, (long long)n->a.end);
    case OP_update: return operand(o, n->in[1], tight);
    case OP_update_rows: return operand(o, n->in[2], tight);
    default: return call(o, n, op_info[n->op].name);
    }
}

const char *outline_formula(const OutlineNames *o, const Node *n)
{
    const Node *x = outline_base(n);
    return x == n ? written(o, n, LOOSE) : operand(o, x, LOOSE);
}

/* MAP ops: result element i depends on element i of each operand, after broadcasting.
 * Type rules, gradients and the reference evaluation with its running error bound. */
#include "compiler/ops/ops.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>

bool type_error(const Node *n, FtcDiag *d, const char *fmt, ...)
{
    char what[256], types[700] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    int len = 0;
    for (int i = 0; i < n->n_in && i < 4; i++) {
        char t[160];
        len += snprintf(types + len, sizeof types - (size_t)len, "%s%%%s: %s", i ? ", " : "", n->in[i]->name,
                        type_name(&n->in[i]->type, t));
    }
    return ftc_error(d, n->loc ? n->loc->at : FTC_NOWHERE, "%s(%s): %s", op_info[n->op].name, types, what);
}

/* ---- types ---------------------------------------------------------------------------------------------------- */

/* The broadcast dims of operands from..n_in-1; NumPy's rule with symbols equal only to themselves. */
static bool broadcast_dims(Node *n, int from, FtcDiag *d)
{
    Type *y = &n->type;
    y->rank = 0;
    for (int i = from; i < n->n_in; i++)
        if (n->in[i]->type.rank > y->rank)
            y->rank = n->in[i]->type.rank;
    for (int k = 0; k < y->rank; k++) {
        y->dim[k] = 1;
        for (int i = from; i < n->n_in; i++) {
            const Type *x = &n->in[i]->type;
            int j = k - (y->rank - x->rank);
            if (j < 0 || x->dim[j] == 1)
                continue;
            if (y->dim[k] != 1 && y->dim[k] != x->dim[j])
                return type_error(n, d, "the shapes do not broadcast together");
            y->dim[k] = x->dim[j];
        }
    }
    if (type_ragged(y) && y->dim[0] != DIM_B)
        return type_error(n, d, "a ragged shape has to start with r:B");
    return true;
}

bool infer_same(Node *n, FtcDiag *d)
{
    n->type.elem = n->in[0]->type.elem;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i]->type.elem != n->type.elem || n->type.elem == BOOL)
            return type_error(n, d, "takes numbers of one type");
    return broadcast_dims(n, 0, d);
}

bool infer_float(Node *n, FtcDiag *d)
{
    if (n->in[0]->type.elem == I32)
        return type_error(n, d, "takes floats");
    return infer_same(n, d);
}

bool infer_compare(Node *n, FtcDiag *d)
{
    if (!infer_same(n, d))
        return false;
    n->type.elem = BOOL;
    return true;
}

bool infer_logic(Node *n, FtcDiag *d)
{
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i]->type.elem != BOOL)
            return type_error(n, d, "takes bools");
    n->type.elem = BOOL;
    return broadcast_dims(n, 0, d);
}

bool infer_select(Node *n, FtcDiag *d)
{
    if (n->in[0]->type.elem != BOOL || n->in[1]->type.elem != n->in[2]->type.elem)
        return type_error(n, d, "takes a bool and two values of one type");
    n->type.elem = n->in[1]->type.elem;
    return broadcast_dims(n, 0, d);
}

bool infer_cast(Node *n, FtcDiag *d)
{
    (void)d;
    Elem to = n->type.elem;
    n->type = n->in[0]->type;
    n->type.elem = to;
    return true;
}

/* ---- gradients: the driver sums away broadcast axes -------------------------------------------------------------- */

static Node *number(Graph *g, double v) { return constant(g, v, F32); }

void grad_none(Graph *g, const Node *y, Node *dy, Node *dx[]) { (void)g, (void)y, (void)dy, (void)dx; }

void grad_add(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    (void)g, (void)y;
    dx[0] = dy;
    dx[1] = dy;
}

void grad_sub(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    (void)y;
    dx[0] = dy;
    dx[1] = map1(g, OP_neg, dy);
}

void grad_mul(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    dx[0] = mul(g, dy, y->in[1]);
    dx[1] = mul(g, dy, y->in[0]);
}

/* y = a / b    da = dy / b    db = -dy y / b */
void grad_div(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    dx[0] = divide(g, dy, y->in[1]);
    dx[1] = map1(g, OP_neg, mul(g, dx[0], (Node *)y));
}

/* dy where a < b, half of it where they tie, else nothing */
static Node *share(Graph *g, Node *dy, Node *a, Node *b)
{
    Node *half = mul(g, dy, number(g, 0.5)), *none = number(g, 0);
    return select_(g, map2(g, OP_lt, a, b), dy, select_(g, map2(g, OP_eq, a, b), half, none));
}

void grad_max(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    dx[0] = share(g, dy, y->in[1], y->in[0]);
    dx[1] = share(g, dy, y->in[0], y->in[1]);
}

void grad_min(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    dx[0] = share(g, dy, y->in[0], y->in[1]);
    dx[1] = share(g, dy, y->in[1], y->in[0]);
}

void grad_neg(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    (void)y;
    dx[0] = map1(g, OP_neg, dy);
}

void grad_abs(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    Node *zero = number(g, 0), *a = y->in[0];
    dx[0] = select_(g, map2(g, OP_lt, zero, a), dy,
                    select_(g, map2(g, OP_lt, a, zero), map1(g, OP_neg, dy), zero));
}

void grad_exp(Graph *g, const Node *y, Node *dy, Node *dx[]) { dx[0] = mul(g, dy, (Node *)y); }
void grad_log(Graph *g, const Node *y, Node *dy, Node *dx[]) { dx[0] = divide(g, dy, y->in[0]); }

/* y = tanh a    da = dy (1 - y^2) */
void grad_tanh(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    dx[0] = mul(g, dy, sub(g, number(g, 1), mul(g, (Node *)y, (Node *)y)));
}

/* y = erf a     da = dy 2/sqrt(pi) exp(-a^2) */
void grad_erf(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    Node *a = y->in[0];
    dx[0] = mul(g, dy, mul(g, number(g, 1.1283791670955126), map1(g, OP_exp, map1(g, OP_neg, mul(g, a, a)))));
}

/* y = sqrt a    da = dy / (2 y) */
void grad_sqrt(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    dx[0] = divide(g, mul(g, dy, number(g, 0.5)), (Node *)y);
}

/* y = a^-1/2    da = -dy y^3 / 2 */
void grad_rsqrt(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    Node *cube = mul(g, (Node *)y, mul(g, (Node *)y, (Node *)y));
    dx[0] = mul(g, dy, mul(g, number(g, -0.5), cube));
}

void grad_select(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    Node *none = number(g, 0);
    dx[1] = select_(g, y->in[0], dy, none);
    dx[2] = select_(g, y->in[0], none, dy);
}

void grad_cast(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    Elem from = y->in[0]->type.elem;
    if ((from == F32 || from == BF16) && (y->type.elem == F32 || y->type.elem == BF16))
        dx[0] = cast(g, dy, from);
}

/* ---- evaluation ------------------------------------------------------------------------------------------------- */

double eval_add(const double *x) { return x[0] + x[1]; }
double eval_sub(const double *x) { return x[0] - x[1]; }
double eval_mul(const double *x) { return x[0] * x[1]; }
double eval_div(const double *x) { return x[0] / x[1]; }
double eval_max(const double *x) { return isnan(x[0]) || isnan(x[1]) ? NAN : fmax(x[0], x[1]); }
double eval_min(const double *x) { return isnan(x[0]) || isnan(x[1]) ? NAN : fmin(x[0], x[1]); }
double eval_neg(const double *x) { return -x[0]; }
double eval_abs(const double *x) { return fabs(x[0]); }
double eval_exp(const double *x) { return exp(x[0]); }
double eval_log(const double *x) { return log(x[0]); }
double eval_tanh(const double *x) { return tanh(x[0]); }
double eval_erf(const double *x) { return erf(x[0]); }
double eval_sqrt(const double *x) { return sqrt(x[0]); }
double eval_rsqrt(const double *x) { return 1 / sqrt(x[0]); }
double eval_lt(const double *x) { return x[0] < x[1]; }
double eval_le(const double *x) { return x[0] <= x[1]; }
double eval_eq(const double *x) { return x[0] == x[1]; }
double eval_and(const double *x) { return x[0] != 0 && x[1] != 0; }
double eval_not(const double *x) { return x[0] == 0; }
double eval_select(const double *x) { return x[0] != 0 ? x[1] : x[2]; }
double eval_cast(const double *x) { return x[0]; } /* the target type rounds: see cast_value */

static double (*const scalar_rule[N_OPS])(const double *) = {
#define MAP(name, inputs, traits, infer, grad, samples, ...) [OP_##name] = eval_##name,
#include "compiler/ir/ops.def"
};

EvalFn *const op_eval[N_OPS] = {
#define MAP(name, inputs, traits, infer, grad, samples, ...) [OP_##name] = eval_map,
#define OP(name, inputs, class, infer, grad, eval, lower, samples, ...) [OP_##name] = eval,
#include "compiler/ir/ops.def"
};

static double wrap_i32(double v)
{
    return (int32_t)(uint32_t)(int64_t)v; /* two i32 give a product below 2^63 */
}

double map_eval(Op op, Elem elem, const double x[3])
{
    if (elem == I32 && op == OP_mul)
        return (int32_t)((uint32_t)(int32_t)x[0] * (uint32_t)(int32_t)x[1]);
    double v = scalar_rule[op](x);
    return elem == I32 && (op == OP_add || op == OP_sub || op == OP_neg) ? wrap_i32(v) : v;
}

double cast_value(Elem to, double v)
{
    if (to == BOOL)
        return v != 0;
    if (to != I32)
        return v;
    return isnan(v) ? 0 : v <= INT32_MIN ? INT32_MIN : v >= INT32_MAX ? INT32_MAX : trunc(v);
}

/* How far op's result moves when operand i moves by one: |df/dx_i|. */
static double slope(Op op, const double *x, double y, int i)
{
    switch (op) {
    case OP_mul: return fabs(x[1 - i]);
    case OP_div: return i == 0 ? 1 / fabs(x[1]) : fabs(y / x[1]);
    case OP_exp: return y;
    case OP_log: return 1 / fabs(x[0]);
    case OP_tanh: return 1 - y * y;
    case OP_erf: return 1.13 * exp(-x[0] * x[0]);
    case OP_sqrt: return 0.5 / y;
    case OP_rsqrt: return 0.5 * fabs(y * y * y);
    case OP_select: return i > 0 && (x[0] != 0) == (i == 1);
    default: return 1; /* sums, differences, extremes, neg, abs, cast */
    }
}

/* Rounding of the compiled op itself, in units of FLT_EPSILON * |result|. */
static double own_error(Op op)
{
    switch (op) {
    case OP_add: case OP_sub: case OP_mul: case OP_div: case OP_sqrt: return 0.5;
    case OP_rsqrt: return 1;
    case OP_exp: case OP_log: return 2;
    case OP_tanh: case OP_erf: return 4;
    default: return 0;
    }
}

/* The bound of one element: carried from the operands, plus the op's own. */
static double bound(Op op, Elem from, Elem to, const double *x, const double *e, int n, double y)
{
    if (op == OP_lt || op == OP_le || op == OP_eq) /* may fall either way within the operands' bounds */
        return fabs(x[0] - x[1]) <= FLT_EPSILON * (e[0] + e[1]) && e[0] + e[1] > 0 ? INFINITY : 0;
    if (op == OP_select && e[0] > 0) /* either is taken */
        return fabs(x[1] - x[2]) / FLT_EPSILON + fmax(e[1], e[2]);
    if (to == BOOL)
        return (n > 0 && e[0] > 0) || (n > 1 && e[1] > 0) ? INFINITY : 0;
    if (op == OP_cast && to == I32)
        return e[0] > 0 && trunc(x[0] - e[0] * FLT_EPSILON) != trunc(x[0] + e[0] * FLT_EPSILON) ? INFINITY : 0;
    double carried = 0;
    for (int i = 0; i < n; i++)
        if (e[i] > 0)
            carried += carried_bound(e[i], slope(op, x, y, i));
    if (to == BF16 || (op == OP_cast && from == I32))
        return carried + fabs(y) * (to == BF16 ? 65536 / 2. : 0.5);
    /* second order and the lower end of single precision */
    return from == I32 ? carried : carried * 1.0001 + own_error(op) * fabs(y) + 2e-38 / FLT_EPSILON * (own_error(op) > 0);
}

void eval_map(const Node *n, Tensor *y, Tensor *const *in)
{
    int64_t index[MAX_RANK], at = 0;
    Elem from = n->in[n->n_in - 1]->type.elem;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index), at++) {
        double x[3] = { 0 }, e[3] = { 0 };
        for (int i = 0; i < n->n_in; i++) {
            int64_t k = tensor_aligned(in[i], index, y->type.rank);
            x[i] = in[i]->v[k];
            e[i] = in[i]->e[k];
        }
        double v = map_eval(n->op, from, x);
        y->v[at] = n->op == OP_cast ? cast_value(n->type.elem, v) : v;
        y->e[at] = bound(n->op, from, n->type.elem, x, e, n->n_in, y->v[at]);
    }
}

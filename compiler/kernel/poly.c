/* Polynomials in index variables.  In and out: canonical sums, so that equal polynomials are equal in memory and
 * print alike.  Terms are ordered as one reads addresses: outer variables first, the constant last. */
#include "compiler/kernel/kernel.h"

#include <assert.h>
#include <string.h>

/* Products of variables by their lists; where one list begins the other, the longer goes first. */
static int compare_vars(const Term *x, const Term *y)
{
    for (int i = 0; i < x->n && i < y->n; i++)
        if (x->var[i] != y->var[i])
            return x->var[i] < y->var[i] ? -1 : 1;
    return y->n - x->n;
}

static int64_t checked_add(int64_t x, int64_t y)
{
    int64_t sum;
    bool overflow = __builtin_add_overflow(x, y, &sum);
    assert(!overflow);
    return sum;
}

static int64_t checked_mul(int64_t x, int64_t y)
{
    int64_t product;
    bool overflow = __builtin_mul_overflow(x, y, &product);
    assert(!overflow);
    return product;
}

static Poly monomial(Arena *a, Term t)
{
    Poly p = { 0, NULL };
    if (t.coef) {
        p.n = 1;
        p.t = NEW(a, Term);
        *p.t = t;
    }
    return p;
}

Poly poly_const(Arena *a, int64_t c) { return monomial(a, (Term){ .coef = c }); }

Poly poly_var(Arena *a, int var)
{
    assert(var >= 0 && var <= INT16_MAX);
    return monomial(a, (Term){ .coef = 1, .n = 1, .var = { (int16_t)var } });
}

Poly poly_copy(Arena *a, Poly x)
{
    Poly copy = { x.n, NEW_ARRAY(a, Term, x.n) };
    if (x.n)
        memcpy(copy.t, x.t, sizeof *x.t * (size_t)x.n);
    return copy;
}

Poly poly_add(Arena *a, Poly x, Poly y)
{
    Poly sum = { 0, NULL };
    if (!y.n)
        return x;
    sum.t = NEW_ARRAY(a, Term, x.n + y.n);
    for (int i = 0, j = 0; i < x.n || j < y.n;) {
        int order = i == x.n ? 1 : j == y.n ? -1 : compare_vars(&x.t[i], &y.t[j]);
        Term t = order <= 0 ? x.t[i++] : y.t[j++];
        if (order == 0)
            t.coef = checked_add(t.coef, y.t[j++].coef);
        if (t.coef)
            sum.t[sum.n++] = t;
    }
    return sum;
}

static Term multiply(Term x, Term y)
{
    assert(x.n + y.n <= MAX_FACTORS);
    Term t = { .coef = checked_mul(x.coef, y.coef) };
    for (int i = 0, j = 0; i < x.n || j < y.n;)
        t.var[t.n++] = j == y.n || (i < x.n && x.var[i] <= y.var[j]) ? x.var[i++] : y.var[j++];
    return t;
}

Poly poly_mul(Arena *a, Poly x, Poly y)
{
    Poly product = { 0, NULL };
    for (int i = 0; i < x.n; i++)
        for (int j = 0; j < y.n; j++) {
            Poly term = monomial(a, multiply(x.t[i], y.t[j]));
            product = product.n ? poly_add(a, product, term) : term;
        }
    return product;
}

Poly poly_scale(Arena *a, Poly x, int64_t c) { return poly_mul(a, x, poly_const(a, c)); }

bool poly_equal(Poly x, Poly y)
{
    if (x.n != y.n)
        return false;
    for (int i = 0; i < x.n; i++)
        if (x.t[i].coef != y.t[i].coef || compare_vars(&x.t[i], &y.t[i]))
            return false;
    return true;
}

bool poly_is_const(Poly x, int64_t *value)
{
    if (x.n > 1 || (x.n == 1 && x.t[0].n))
        return false;
    *value = x.n ? x.t[0].coef : 0;
    return true;
}

bool poly_uses(Poly x, int var)
{
    for (int i = 0; i < x.n; i++)
        for (int f = 0; f < x.t[i].n; f++)
            if (x.t[i].var[f] == var)
                return true;
    return false;
}

bool poly_split(Arena *a, Poly x, int var, Poly *quotient, Poly *rest)
{
    Poly q = { 0, NULL }, r = { 0, NULL };
    for (int i = 0; i < x.n; i++) {
        Term t = x.t[i];
        int f = 0;
        while (f < t.n && t.var[f] != var)
            f++;
        if (f == t.n) {
            r = poly_add(a, r, monomial(a, t));
            continue;
        }
        memmove(&t.var[f], &t.var[f + 1], sizeof t.var[0] * (size_t)(t.n - f - 1));
        t.var[--t.n] = 0;
        Poly factor = monomial(a, t);
        if (poly_uses(factor, var))
            return false;
        q = poly_add(a, q, factor);
    }
    *quotient = q;
    *rest = r;
    return true;
}

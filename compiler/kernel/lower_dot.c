/* Dots, scatters and concatenations: groups of one op.
 *
 * A dot becomes, for each piece, one dot statement over strided operands, which are read through their views.  Pieces are
 * panels of fixed size, so that sums never depend on the number of threads.  A weight that many rows are multiplied with is
 * packed first, in a kernel of its own. */
#include "compiler/kernel/lowering.h"

#include <assert.h>

/* ---- dot ------------------------------------------------------------------------------------------------------------- */

enum {
    PANEL_ROWS = 84, PANEL_COLUMNS = 384, /* whole tiles of 14 x 32, and of 6 x 16 */
    SUM_ROWS = 96,                        /* where the rows are no tokens but a weight's */
    PACKED = 32,                          /* columns of a packed panel */
};

static int free_axis(const Type *t, int batch, int contracted)
{
    for (int i = batch; i < t->rank; i++)
        if (i != contracted)
            return i;
    return -1;
}

/* An operand or the result as a matrix: where element (i, j) of a piece lies. */
typedef struct {
    int buf;
    Poly at, row, col;
} Matrix;

/* Splits x's offset at `at` (whose dims along rows and columns are the placeholder variables i and j) into a base and two strides. */
static bool as_matrix(Lower *l, Node *x, Index at, int i, int j, Matrix *m)
{
    x = follow_views(l->a, x, &at, lower_extent, l);
    if (!x->group && op_lower[x->op] != lower_none)
        return false;
    Poly offset = element_offset(l, &x->type, &at), rest;
    if (!poly_split(l->a, offset, i, &m->row, &rest) || !poly_split(l->a, rest, j, &m->col, &m->at))
        return false;
    m->buf = buffer_of(l, x);
    return !poly_uses(m->row, j) && !poly_uses(m->col, i);
}

static int64_t dim_as_extent(void *ctx, int var) { return var < MAX_RANK ? ((const Type *)ctx)->dim[var] : -1; }

bool dot_operand_strided(Arena *a, const Node *n, int which)
{
    /* in the operand's own dims: every dim a variable, sizes as in the type */
    Node *x = n->in[which];
    int c = which ? n->a.cb : n->a.ca, f = free_axis(&x->type, n->a.batch, c);
    const Type *t = &x->type;
    Index at = { 0 };
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != 1)
            at.v[i] = poly_var(a, i);
    if (!x->group && blocking_view(a, x))
        return false;
    Type probe = *t;
    x = follow_views(a, x, &at, dim_as_extent, &probe);
    if (!x->group && op_lower[x->op] != lower_none)
        return false; /* a constant or an iota */
    /* which of x's storage dims do the matrix dims vary?  The last stored dim has stride 1. */
    const Type *s = &x->type;
    int last = s->rank - 1, ragged = 0;
    for (int i = 0; i < s->rank; i++)
        ragged += s->dim[i] == DIM_N;
    while (last >= 0 && (s->dim[last] == 1 || (ragged == 1 && s->dim[last] == DIM_N)))
        last--;
    if (last < 0 || (ragged == 1 && last == 0)) /* only tokens vary */
        return true;
    bool contiguous = false, twice = false;
    for (int k = 0; k < 2; k++) {
        int axis = k ? f : c, seen = 0;
        if (axis < 0 || t->dim[axis] == 1)
            continue;
        for (int i = 0; i < s->rank; i++)
            if (poly_uses(at.v[i], axis)) {
                seen++;
                int64_t one;
                Poly q, r;
                if (i == last && poly_split(a, at.v[i], axis, &q, &r) && poly_is_const(q, &one) && one == 1)
                    contiguous = true;
            }
        twice |= seen > 1;
    }
    bool vector = f < 0 || t->dim[f] == 1 || t->dim[c] == 1; /* with one row or column any stride will do */
    return !twice && (contiguous || vector);
}

/* A weight that all tokens are multiplied with, in n's right operand: it is worth packing. */
static bool packs_weight(const Node *n, Dim rows, Dim columns, Dim depth)
{
    const Node *b = n->in[1];
    while (!b->group && op_lower[b->op] == lower_view)
        b = b->in[0];
    return !n->a.batch && b->op == OP_weight && rows == DIM_T && columns > 1 && depth > 1;
}

/* The kernel that packs it; the buffer of the panels. */
static int pack_weight(Lower *l, Node *n, int free_axis, int64_t columns, int64_t depth)
{
    enum { vj = 31000, vk };
    Poly k = poly_const(l->a, depth), all = poly_const(l->a, columns), end;
    Index at = { 0 };
    Matrix b;
    begin_kernel(l, "pack");
    Poly p = var(l, open_par(l, "p", all, PACKED, columns));
    at.v[n->a.cb] = var(l, vk);
    at.v[free_axis] = poly_add(l->a, p, var(l, vj));
    if (!as_matrix(l, n->in[1], at, vk, vj, &b))
        ftc_bug("lower: the weight of %%%s is no matrix", n->name);
    end = piece_end(l, p.t[0].var[0], PACKED, all);
    int packed = temp_buf(l, arena_printf(l->a, "%s.packed", l->p->bufs[b.buf].name), F32,
                          poly_const(l->a, (columns + PACKED - 1) / PACKED * PACKED * depth));
    Dot d = { .n = minus(l->a, end, p), .k = k };
    d.b = (Operand){ param_of(l, b.buf, PARAM_IN), b.at, b.row, b.col, 0 };
    d.c = (Operand){ .buf = param_of(l, packed, PARAM_OUT), .at = poly_mul(l->a, k, p), .packed = PACKED };
    kb_pack(&l->b, &d);
    end_kernel(l);
    return packed;
}

void lower_dot_group(Lower *l, Node *n)
{
    Node *a = n->in[0], *b = n->in[1];
    int batch = n->a.batch, ca = n->a.ca, cb = n->a.cb;
    int fa = free_axis(&a->type, batch, ca), fb = free_axis(&b->type, batch, cb);
    Dim dm = fa >= 0 ? a->type.dim[fa] : 1, dn = fb >= 0 ? b->type.dim[fb] : 1, dk = a->type.dim[ca];
    int64_t panel_rows = dm == DIM_T ? PANEL_ROWS : SUM_ROWS;
    int packed = packs_weight(n, dm, dn, dk) ? pack_weight(l, n, fb, dn, dk) : -1;
    Index at_a = { 0 }, at_b = { 0 }, at_y = { 0 };
    begin_kernel(l, batch ? "dot_rows" : "dot");
    int n_ragged = 0;
    for (int i = 0; i < a->type.rank; i++)
        n_ragged += a->type.dim[i] == DIM_N;
    for (int i = 0; i < b->type.rank; i++)
        n_ragged += b->type.dim[i] == DIM_N;

    /* pieces: the batch dims, or panels of rows and columns */
    for (int i = 0; i < batch; i++) {
        Dim d = a->type.dim[i];
        if (d == 1)
            continue;
        assert(d != DIM_N);
        Poly v = var(l, open_par(l, i ? "h" : "r", dim_extent(l, d), 1, const_extent(d)));
        at_a.v[i] = at_b.v[i] = at_y.v[i] = v;
    }
    Poly one = poly_const(l->a, 1), m = one, cols = one, from_m = { 0 }, from_n = { 0 }, from_k = { 0 }, k;
    int par_m = -1, par_n = -1;
    if (!batch && dm != 1)
        par_m = open_par(l, "p", dim_extent(l, dm), panel_rows, -1);
    if (!batch && dn != 1)
        par_n = open_par(l, "c", dim_extent(l, dn), PANEL_COLUMNS, -1);
    Poly start = { 0 }, length = { 0 };
    if (n_ragged) {
        start = row_start_of(l, at_y.v[0]);
        length = minus(l->a, row_end_of(l, at_y.v[0]), start);
    }
    if (dm != 1) {
        from_m = dm == DIM_N ? start : par_m >= 0 ? var(l, par_m) : (Poly){ 0 };
        m = dm == DIM_N ? length : par_m >= 0 ? minus(l->a, piece_end(l, par_m, panel_rows, dim_extent(l, dm)), from_m) : dim_extent(l, dm);
    }
    if (dn != 1) {
        from_n = dn == DIM_N ? start : par_n >= 0 ? var(l, par_n) : (Poly){ 0 };
        cols = dn == DIM_N ? length : par_n >= 0 ? minus(l->a, piece_end(l, par_n, PANEL_COLUMNS, dim_extent(l, dn)), from_n) : dim_extent(l, dn);
    }
    from_k = dk == DIM_N ? start : (Poly){ 0 };
    k = dk == DIM_N ? length : dim_extent(l, dk);

    /* placeholders for row, column and inner index; they don't survive the split into strides */
    enum { vi = 31000, vj, vk };
    Poly i = poly_add(l->a, from_m, var(l, vi)), j = poly_add(l->a, from_n, var(l, vj)), kk = poly_add(l->a, from_k, var(l, vk));
    int out = batch;
    at_a.v[ca] = dk == 1 ? (Poly){ 0 } : kk;
    at_b.v[cb] = dk == 1 ? (Poly){ 0 } : kk;
    if (fa >= 0) {
        at_a.v[fa] = dm == 1 ? (Poly){ 0 } : i;
        at_y.v[out++] = at_a.v[fa];
    }
    if (fb >= 0) {
        at_b.v[fb] = dn == 1 ? (Poly){ 0 } : j;
        at_y.v[out++] = at_b.v[fb];
    }
    Matrix A, B, C = { .buf = buffer_of(l, n) };
    Poly rest;
    if (!as_matrix(l, a, at_a, vi, vk, &A) || !as_matrix(l, b, at_b, vk, vj, &B))
        ftc_bug("lower: an operand of %%%s is no matrix", n->name);
    Poly offset = element_offset(l, &n->type, &at_y);
    if (!poly_split(l->a, offset, vi, &C.row, &rest) || !poly_split(l->a, rest, vj, &C.col, &C.at))
        ftc_bug("lower: the result of %%%s is no matrix", n->name);
    int64_t stride;
    Dot d = { .m = m, .n = cols, .k = k };
    if (dn != 1 && !(poly_is_const(C.col, &stride) && stride == 1)) {
        /* the result's columns are strided: compute its transpose */
        Matrix t = A;
        A = (Matrix){ B.buf, B.at, B.col, B.row };
        B = (Matrix){ t.buf, t.at, t.col, t.row };
        Poly s = C.row;
        C.row = C.col;
        C.col = s;
        d.m = cols;
        d.n = m;
        Dim t_dim = dm;
        dm = dn;
        dn = t_dim;
    }
    /* strides of dims of size 1 are free: choose those that BLAS accepts */
    if (dm == 1)
        A.row = dk == 1 ? one : k, C.row = d.n;
    if (dk == 1)
        A.col = one, B.row = dn == 1 ? one : d.n;
    if (dn == 1)
        B.col = poly_is_const(B.row, &stride) && stride == 1 ? k : one, C.col = one;
    if (dm == 1 && !(poly_is_const(A.col, &stride) && stride == 1))
        A.row = one;
    if (dk == 1 && dm != 1 && !(poly_is_const(A.row, &stride) && stride == 1))
        A.col = one;
    d.a = (Operand){ param_of(l, A.buf, PARAM_IN), A.at, A.row, A.col, 0 };
    if (packed >= 0)
        d.b = (Operand){ .buf = param_of(l, packed, PARAM_IN), .at = poly_mul(l->a, k, from_n), .packed = PACKED };
    else
        d.b = (Operand){ param_of(l, B.buf, PARAM_IN), B.at, B.row, B.col, 0 };
    d.c = (Operand){ param_of(l, C.buf, PARAM_OUT), C.at, C.row, one, 0 };
    kb_dot(&l->b, &d);
    end_kernel(l);
}

/* ---- scatter_add -------------------------------------------------------------------------------------------------------- */

/* Opens loops over dims from..to-1 of a type that isn't ragged, or tokens for its n(r); returns how many. */
static int open_dims(Lower *l, const Type *t, int from, int to, Index *at)
{
    int opened = 0;
    for (int i = from; i < to; i++) {
        Dim d = t->dim[i];
        if (d == 1)
            continue;
        Poly lo = { 0 }, hi;
        if (d == DIM_N) {
            lo = row_start_of(l, at->v[0]);
            hi = row_end_of(l, at->v[0]);
        } else
            hi = dim_extent(l, d);
        at->v[i] = var(l, open_for(l, "i", lo, hi, const_extent(d)));
        opened++;
    }
    return opened;
}

void lower_scatter_group(Lower *l, Node *n)
{
    enum { COLUMNS = 128 };
    Node *index = n->in[0], *values = n->in[1];
    const Type *y = &n->type;
    int last = y->rank - 1, rank = index->type.rank; /* the lane dim: the result's last, unless it is the scattered one */
    bool lanes = last > 0;
    Index to = { 0 }, from = { 0 };
    Poly zero = { 0 }, begin = { 0 }, width = { 0 };
    begin_kernel(l, "scatter_add");
    if (lanes) {
        int p = open_par(l, "c", dim_extent(l, y->dim[last]), COLUMNS, -1);
        begin = var(l, p);
        width = minus(l->a, piece_end(l, p, COLUMNS, dim_extent(l, y->dim[last])), begin);
    }
    int out = param_of(l, buffer_of(l, n), PARAM_INOUT);
    /* clear */
    to.v[0] = var(l, open_for(l, "v", zero, dim_extent(l, y->dim[0]), const_extent(y->dim[0])));
    int opened = 1 + open_dims(l, y, 1, last, &to);
    if (lanes) {
        to.v[last] = poly_add(l->a, begin, var(l, open_vec(l, width, -1)));
        opened++;
    }
    kb_store(&l->b, out, element_offset(l, y, &to), constant_value(l, 0, F32));
    close_blocks(l, opened);
    /* add, in index order */
    opened = open_dims(l, &values->type, 0, values->type.rank - lanes, &from);
    to = (Index){ 0 };
    Index which = { 0 };
    for (int i = 0; i < rank; i++)
        which.v[i] = from.v[i];
    to.v[0] = integer_at(l, index, which);
    for (int i = 1; i < y->rank; i++)
        to.v[i] = from.v[rank + i - 1];
    if (lanes) {
        to.v[last] = poly_add(l->a, begin, var(l, open_vec(l, width, -1)));
        from.v[values->type.rank - 1] = to.v[last];
        opened++;
    }
    Poly at = element_offset(l, y, &to);
    int sum = kb_load(&l->b, out, at), x = value_at(l, values, from);
    kb_store(&l->b, out, at, kb_let(&l->b, OP_add, F32, (int[]){ sum, x }));
    close_blocks(l, opened);
    end_kernel(l);
}

/* ---- concat --------------------------------------------------------------------------------------------------------------- */

void lower_concat_group(Lower *l, Node *n)
{
    int axis = n->a.axes[0];
    int64_t begin = 0;
    for (int part = 0; part < n->n_in; part++) {
        Node *x = n->in[part];
        const Type *t = &x->type;
        Index at = { 0 };
        int first = 0, last = t->rank - 1;
        begin_kernel(l, "concat");
        if (last > 0 && t->dim[0] != DIM_N && t->dim[0] != 1) {
            at.v[0] = var(l, open_par(l, "p", dim_extent(l, t->dim[0]), 1, const_extent(t->dim[0])));
            first = 1;
        }
        int opened = open_dims(l, t, first, last, &at);
        Poly lo = { 0 }, hi;
        if (t->dim[last] == DIM_N) {
            lo = row_start_of(l, at.v[0]);
            hi = row_end_of(l, at.v[0]);
        } else
            hi = dim_extent(l, t->dim[last]);
        int lane = open_vec(l, minus(l->a, hi, lo), const_extent(t->dim[last]));
        at.v[last] = t->dim[last] == 1 ? (Poly){ 0 } : poly_add(l->a, lo, var(l, lane));
        Index to = at;
        to.v[axis] = poly_add(l->a, to.v[axis], poly_const(l->a, begin));
        int v = value_at(l, x, at);
        kb_store(&l->b, param_of(l, buffer_of(l, n), PARAM_OUT), element_offset(l, &n->type, &to), v);
        close_blocks(l, opened + 1);
        end_kernel(l);
        begin += t->dim[axis];
    }
}

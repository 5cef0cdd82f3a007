/* Dots, scatters and concatenations: groups of one op.
 *
 * A dot becomes, for each piece, one dot statement over strided operands, which are read through their views.  Pieces are
 * panels of fixed size, so that sums never depend on the number of threads.  What the pass
 * pack chose is packed first, in a kernel of its own. */
#include "compiler/kernel/lowering.h"

#include "compiler/ir/mutate.h"

#include <assert.h>

/* ---- dot ------------------------------------------------------------------------------------------------------------- */

enum {
    PANEL_ROWS = 84, PANEL_COLUMNS = 384, /* whole tiles of 14 x 32, and of 6 x 16 */
    SUM_ROWS = 96, MATRIX_SUM_ROWS = 192, /* at most, where the rows are a weight's; the latter a block of gemm.h's */
    COPIED_ROWS = 16,                     /* that lie as a panel's do, to all their panels at once: read from end to end */
};

static int free_axis(const Type *t, int batch, int contracted)
{
    for (int i = batch; i < t->rank; i++)
        if (i != contracted)
            return i;
    return -1;
}

int dot_free_axis(const Node *n, int which)
{
    return free_axis(&n->in[which]->type, n->a.batch, which ? n->a.cb : n->a.ca);
}

bool is_shared_matrix(const Type *t)
{
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] < 0 && t->dim[i] != DIM_C && t->dim[i] != DIM_V)
            return false;
    return t->rank == 2;
}

int64_t shared_bytes(const Node *n)
{
    if (op_lower[n->op] != lower_dot || n->a.batch)
        return 0;
    const Type *t = &n->in[1]->type;
    int64_t bytes = (int64_t)elem_size(t->elem);
    for (int i = 0; i < t->rank; i++)
        bytes *= t->dim[i] > 0 ? t->dim[i] : 1;
    return bytes;
}

/* They stand for row, column and inner index of a dot, and don't survive the split into strides. */
enum { vi = 31000, vj, vk };

/* An operand or the result as a matrix: where element (i, j) of a piece lies. */
typedef struct {
    int param;
    Poly at, row, col;
} Matrix;

/* Splits an offset, in which i and j stand for row and column, into a base and two strides. */
static bool split_offset(Lower *l, Poly offset, int i, int j, Matrix *m)
{
    Poly rest;
    return poly_split(l->a, offset, i, &m->row, &rest) && poly_split(l->a, rest, j, &m->col, &m->at) && !poly_uses(m->row, j) &&
           !poly_uses(m->col, i);
}

/* What lies in memory of x: behind its views, and behind a cast that its copy makes up for (pack). */
static Node *in_memory(Lower *l, Node *x, Index *at)
{
    x = follow_views(l->a, x, at, lower_extent, l);
    return is_rounded_by_copies(x) ? x->in[0] : x;
}

/* x at `at`, whose dims along rows and columns are the placeholder variables i and j. */
static bool as_matrix(Lower *l, Node *x, Index at, int i, int j, Matrix *m)
{
    x = in_memory(l, x, &at);
    if (!x->group && op_lower[x->op] != lower_none)
        return false;
    bool panel = x->group == l->group && l->panel_of[x->id] >= 0;
    Poly offset = panel ? panel_offset(l, &x->type, &at) : element_offset(l, &x->type, &at);
    m->param = panel ? l->panel_of[x->id] : param_of(l, buffer_of(l, x), PARAM_IN);
    return split_offset(l, offset, i, j, m);
}

static int64_t dim_as_extent(void *ctx, int var) { return var < MAX_RANK ? ((const Type *)ctx)->dim[var] : -1; }

/* The value that x shows, and its index for x's: in x's own dims, every dim a variable, sizes as in the type. */
static Node *stored_operand(Arena *a, Node *x, Index *at)
{
    Type probe = x->type;
    *at = (Index){ 0 };
    for (int i = 0; i < probe.rank; i++)
        if (probe.dim[i] != 1)
            at->v[i] = poly_var(a, i);
    return follow_views(a, x, at, dim_as_extent, &probe);
}

/* True if dot operand `which` of n is a matrix that has along the free axis its elements side by side in memory. */
static bool reads_rows(Arena *a, const Node *n, int which)
{
    Index at;
    const Node *x = stored_operand(a, n->in[which], &at);
    return x->type.rank == 2 && poly_equal(at.v[1], poly_var(a, dot_free_axis(n, which)));
}

Node *kept_operand(Arena *a, const bool *keeps, const Node *dot)
{
    Index at;
    Node *x = stored_operand(a, dot->in[1], &at);
    int rows = dot->a.cb, columns = dot_free_axis(dot, 1);
    if (is_rounded_by_copies(x))
        x = x->in[0];
    if (!keeps[x->id] || dot->region == REGION_UPDATE || dot->a.batch || columns < 0)
        return NULL;
    if (poly_equal(at.v[0], poly_var(a, columns))) { /* it lies transposed */
        columns = rows;
        rows = dot_free_axis(dot, 1);
    }
    const Type *t = &dot->in[1]->type;
    bool whole = poly_equal(at.v[0], poly_var(a, rows)) && poly_equal(at.v[1], poly_var(a, columns)) && t->dim[rows] == x->type.dim[0] &&
                 t->dim[columns] == x->type.dim[1];
    return whole ? x : NULL;
}

bool dot_operand_strided(Arena *a, const Node *n, int which)
{
    Node *x = n->in[which];
    int c = which ? n->a.cb : n->a.ca, f = free_axis(&x->type, n->a.batch, c);
    const Type *t = &x->type;
    Index at;
    if (!x->group && blocking_view(a, x))
        return false;
    x = stored_operand(a, x, &at);
    if (!x->group && op_lower[x->op] != lower_none)
        return false; /* a constant or an iota */
    /* which of x's storage dims do the matrix dims vary?  The last stored dim has stride 1. */
    const Type *s = &x->type;
    int last = s->rank - 1, ragged = ragged_dims(s);
    while (last >= 0 && (s->dim[last] == 1 || (ragged == 1 && s->dim[last] == DIM_N)))
        last--;
    bool tokens_only = last < 0 || (ragged == 1 && last == 0), contiguous = false, twice = false, still = false;
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
        still |= !seen; /* a broadcast: a stride of 0 is none */
    }
    if (tokens_only)
        return !still;
    bool vector = f < 0 || t->dim[f] == 1 || t->dim[c] == 1; /* with one row or column any stride will do */
    return !still && !twice && (contiguous || vector);
}

/* What a dot's panels hold of an operand. */
typedef struct {
    Elem elem;
    bool split;
} Form;

static Form packed_form(const Node *dot, int which)
{
    bool split = which && dot->packs & PACKS_SPLIT;
    return (Form){ split ? BF16 : dot->in[which]->type.elem, split };
}

/* Rows of a panel: bf16 goes by pairs. */
static Poly packed_rows(Lower *l, Form form, Poly k)
{
    int64_t n, parts = form.split ? SPLIT_PARTS : 1;
    if (form.elem != BF16)
        return k;
    if (poly_is_const(k, &n))
        return poly_const(l->a, parts * ((n + 1) / 2 * 2));
    Poly up = poly_add(l->a, k, poly_const(l->a, 1));
    return poly_scale(l->a, var(l, kb_index(&l->b, "pairs", IX_DIV, up, poly_const(l->a, 2))), 2 * parts);
}

/* Element (k, j) of x, [T, columns], as it lies. */
static Poly plain_offset(Lower *l, const Node *x) { return element_offset(l, &x->type, &(Index){ .v = { var(l, vk), var(l, vj) } }); }

/* A packed operand of a dot: element (k, j) is base's at the offset. */
static Node *packed_base(Lower *l, const Node *n, int which, Poly *offset)
{
    Index at = { 0 };
    at.v[which ? n->a.cb : n->a.ca] = var(l, vk);
    at.v[dot_free_axis(n, which)] = var(l, vj);
    Node *base = in_memory(l, n->in[which], &at);
    *offset = element_offset(l, &base->type, &at);
    return base;
}

/* Of a weight's rows, those of a panel; where that can be, of two even ones or a multiple of four, so that threads have as many
 * each. */
static int sum_rows(const Lower *l, Dim rows)
{
    enum { LEAST = 64, STEP = 32 }; /* whole lines, of bf16 too */
    const int usual = l->p->panel_tokens == MATRIX_PANEL_TOKENS ? MATRIX_SUM_ROWS : SUM_ROWS;
    for (int most = usual; rows > 0 && most >= LEAST; most -= STEP) {
        int64_t panels = (rows + most - 1) / most;
        if (panels == 2 || panels % 4 == 0 || rows <= SUM_ROWS)
            return (int)((rows + panels * STEP - 1) / (panels * STEP) * STEP);
    }
    return usual;
}

static int panel_width(const Lower *l, int which, Dim columns) { return which ? l->packed_columns : sum_rows(l, columns); }

static int find_pack(const Lower *l, const Node *base, Form form, bool kept, int width, Poly offset)
{
    for (const Pack *p = l->packs; p < l->packs + l->n_packs; p++)
        if (p->base == base && p->kept == kept && l->p->bufs[p->buf].elem == form.elem && p->split == form.split && p->width == width &&
            poly_equal(p->offset, offset))
            return p->buf;
    return -1;
}

/* A buffer for panels of base. */
static int add_pack(Lower *l, const Node *base, Form form, bool kept, int width, Poly offset, Poly k, Dim columns)
{
    Poly rows = form.elem == BF16 ? poly_add(l->a, k, poly_const(l->a, 1)) : k;
    Poly size = poly_scale(l->a, rows, (columns + width - 1) / width * width * (form.split ? SPLIT_PARTS : 1));
    int buf = (kept ? kept_buf : temp_buf)(l, arena_join(l->p->arena, base->name, ".packed", ""), form.elem, size);
    ARENA_GROW(l->p->arena, l->packs, l->n_packs, l->cap_packs);
    l->packs[l->n_packs++] = (Pack){ base, poly_copy(l->p->arena, offset), width, buf, form.split, kept };
    return buf;
}

/* The buffer of an operand's panels, which a kernel of its own fills, once for all dots that want the same; or a chain has, as it
 * computed the operand. */
static int pack_operand(Lower *l, Node *n, int which)
{
    Node *x = n->in[which];
    int contracted = which ? n->a.cb : n->a.ca, free = dot_free_axis(n, which);
    Dim columns = x->type.dim[free], depth = x->type.dim[contracted];
    int width = panel_width(l, which, columns);
    bool by_rows = depth == DIM_T || reads_rows(l->a, n, which);
    Poly k = dim_extent(l, depth), all = poly_const(l->a, columns), offset;
    Node *base = packed_base(l, n, which, &offset);
    Form form = packed_form(n, which);
    bool kept = which && n->packs & PACKS_KEPT && kept_operand(l->a, l->keeps, n);
    int packed = find_pack(l, base, form, kept, width, offset);
    if (packed >= 0)
        return packed;
    packed = add_pack(l, base, form, kept, width, offset, k, columns);
    Matrix m;
    l->preparing = kept;
    begin_kernel(l, "pack");
    int64_t step = by_rows ? COPIED_ROWS : width;
    Poly p = var(l, open_par(l, "p", by_rows ? k : all, step, const_extent(by_rows ? depth : columns))), none = { 0 };
    Poly size = minus(l->a, piece_end(l, p.t[0].var[0], step, by_rows ? k : all), p);
    Index at = { 0 };
    at.v[contracted] = poly_add(l->a, by_rows ? p : none, var(l, vk));
    at.v[free] = poly_add(l->a, by_rows ? none : p, var(l, vj));
    if (!as_matrix(l, x, at, vk, vj, &m))
        ftc_bug("lower: an operand of %%%s is no matrix", n->name);
    Dot d = { .n = by_rows ? all : size, .k = by_rows ? size : k, .m = k };
    Poly to = by_rows ? poly_scale(l->a, p, width) : poly_mul(l->a, packed_rows(l, form, k), p);
    d.b = (Operand){ m.param, m.at, m.row, m.col, 0, false };
    d.c = (Operand){ .buf = param_of(l, packed, PARAM_OUT), .at = to, .packed = width, .split = form.split };
    kb_pack(&l->b, &d);
    end_kernel(l);
    l->preparing = false;
    return packed;
}

/* Where element (k, j) of w lies for a dot that reads it as it is, or transposed. */
static Poly offset_in_weight(Lower *l, const Node *w, bool transposed)
{
    int row = transposed ? vj : vk, column = transposed ? vk : vj;
    return element_offset(l, &w->type, &(Index){ .v = { var(l, row), var(l, column) } });
}

bool has_kept_panels(const Lower *l, const Node *w)
{
    for (int i = 0; i < l->n_packs; i++)
        if (l->packs[i].base == w && l->packs[i].kept)
            return true;
    return false;
}

void pack_kept(Lower *l, Node *w, Span rows, Span columns)
{
    int from = param_of(l, buffer_of(l, w), PARAM_IN);
    Poly all_rows = dim_extent(l, w->type.dim[0]), all_columns = dim_extent(l, w->type.dim[1]), one = poly_const(l->a, 1);
    Poly at = element_offset(l, &w->type, &(Index){ .v = { rows.from, columns.from } });
    for (int i = 0; i < l->n_packs; i++) {
        const Pack *p = &l->packs[i];
        if (p->base != w || !p->kept || mutated("keep:update"))
            continue;
        bool transposed = !poly_equal(p->offset, offset_in_weight(l, w, false));
        if (transposed && !poly_equal(p->offset, offset_in_weight(l, w, true)))
            ftc_bug("lower: kept panels are of a part of %s", w->name);
        Form form = { l->p->bufs[p->buf].elem, p->split };
        Dot d = { .n = transposed ? rows.size : columns.size, .k = transposed ? columns.size : rows.size,
                  .m = transposed ? all_columns : all_rows };
        Poly panel = transposed ? rows.from : columns.from, row = transposed ? columns.from : rows.from;
        Poly to = poly_add(l->a, poly_mul(l->a, packed_rows(l, form, d.m), panel), poly_scale(l->a, row, p->width));
        d.b = transposed ? (Operand){ from, at, one, all_columns, 0, false } : (Operand){ from, at, all_columns, one, 0, false };
        d.c = (Operand){ .buf = param_of(l, p->buf, PARAM_OUT), .at = to, .packed = p->width, .split = p->split };
        kb_pack(&l->b, &d);
    }
}

Node *packed_by_chain(Lower *l, const Node *n, int which)
{
    const Node *x = n->in[which];
    if (!(n->packs >> which & 1) || x->type.dim[which ? n->a.cb : n->a.ca] != DIM_T)
        return NULL;
    Poly offset;
    Node *base = packed_base(l, n, which, &offset);
    const Type *t = &base->type;
    bool rows = base->stage && t->rank == 2 && t->dim[0] == DIM_T && t->dim[1] > 0;
    return rows && poly_equal(offset, plain_offset(l, base)) ? base : NULL;
}

void pack_rows(Lower *l, Node *x)
{
    Index at = { 0 };
    Span rows = l->piece->panel.tokens;
    Matrix m;
    at.v[0] = poly_add(l->a, rows.from, var(l, vk));
    at.v[1] = var(l, vj);
    if (!as_matrix(l, x, at, vk, vj, &m))
        ftc_bug("lower: %%%s is no matrix", x->name);
    Poly columns = poly_const(l->a, x->type.dim[1]), all = dim_extent(l, DIM_T);
    for (int as = PACKS_LEFT; as <= PACKS_SPLIT; as *= 2) {
        int width = panel_width(l, as != PACKS_LEFT, x->type.dim[1]);
        Form form = { as == PACKS_SPLIT ? BF16 : x->type.elem, as == PACKS_SPLIT };
        if (!(l->packed_as[x->id] & as))
            continue;
        int buf = add_pack(l, x, form, false, width, plain_offset(l, x), all, x->type.dim[1]);
        Dot d = { .n = columns, .k = rows.size, .m = all };
        d.b = (Operand){ m.param, m.at, m.row, m.col, 0, false };
        d.c = (Operand){ .buf = param_of(l, buf, PARAM_OUT), .at = poly_scale(l->a, rows.from, width), .packed = width, .split = form.split };
        kb_pack(&l->b, &d);
    }
}

Packed pack_operands(Lower *l, Node *n)
{
    return (Packed){ n->packs & PACKS_LEFT ? pack_operand(l, n, 0) : -1, n->packs & PACKS_RIGHT ? pack_operand(l, n, 1) : -1 };
}

Span whole_dim(Lower *l, Dim d, const Index *at)
{
    if (d == DIM_T && l->piece && !l->piece->fixed)
        return l->piece->panel.tokens;
    if (d == DIM_N) {
        Poly start = row_start_of(l, at->v[0]);
        return (Span){ start, minus(l->a, row_end_of(l, at->v[0]), start) };
    }
    return (Span){ { 0 }, dim_extent(l, d) };
}

/* C's columns are strided: its transpose is computed, by the transposed operands in turn. */
static void transpose_dot(Matrix *a, Matrix *b, Matrix *c, Span *rows, Span *columns)
{
    Matrix t = *a;
    *a = (Matrix){ b->param, b->at, b->col, b->row };
    *b = (Matrix){ t.param, t.at, t.col, t.row };
    *c = (Matrix){ c->param, c->at, c->col, c->row };
    Span s = *rows;
    *rows = *columns;
    *columns = s;
}

static bool is_one(Poly p)
{
    int64_t one;
    return poly_is_const(p, &one) && one == 1;
}

/* Strides of dims of size 1 are free: the ones that BLAS accepts. */
static void choose_strides(Lower *l, const Dot *d, Matrix *a, Matrix *b, Matrix *c)
{
    Poly one = poly_const(l->a, 1);
    bool m1 = is_one(d->m), n1 = is_one(d->n), k1 = is_one(d->k);
    if (m1)
        a->row = k1 ? one : d->k, c->row = d->n;
    if (k1)
        a->col = one, b->row = n1 || !is_one(b->col) ? one : d->n;
    if (n1)
        b->col = is_one(b->row) ? d->k : one, c->col = one;
    if (m1 && !is_one(a->col))
        a->row = one;
    if (k1 && !m1 && !is_one(a->row))
        a->col = one;
}

void lower_dot_statement(Lower *l, Node *n, const Index *at, Span m, Span cols, Span k, Packed packed)
{
    int fa = dot_free_axis(n, 0), fb = dot_free_axis(n, 1), out = n->a.batch;
    Index at_a = *at, at_b = *at, at_y = *at;
    at_a.v[n->a.ca] = is_one(k.size) ? k.from : poly_add(l->a, k.from, var(l, vk));
    at_b.v[n->a.cb] = at_a.v[n->a.ca];
    if (fa >= 0)
        at_y.v[out++] = at_a.v[fa] = is_one(m.size) ? m.from : poly_add(l->a, m.from, var(l, vi));
    if (fb >= 0)
        at_y.v[out++] = at_b.v[fb] = is_one(cols.size) ? cols.from : poly_add(l->a, cols.from, var(l, vj));
    Matrix a, b, c;
    if (packed.a >= 0) /* the panel whose columns are the rows m */
        a = (Matrix){ param_of(l, packed.a, PARAM_IN), poly_mul(l->a, k.size, m.from), poly_const(l->a, 1),
                      poly_const(l->a, sum_rows(l, n->in[0]->type.dim[fa])) };
    else if (!as_matrix(l, n->in[0], at_a, vi, vk, &a))
        ftc_bug("lower: the left operand of %%%s is no matrix", n->name);
    if (packed.b >= 0)
        b = (Matrix){ .param = param_of(l, packed.b, PARAM_IN), .at = poly_mul(l->a, packed_rows(l, packed_form(n, 1), k.size), cols.from) };
    else if (!as_matrix(l, n->in[1], at_b, vk, vj, &b))
        ftc_bug("lower: the right operand of %%%s is no matrix", n->name);
    bool panel = l->panel_of[n->id] >= 0;
    if (!split_offset(l, panel ? panel_offset(l, &n->type, &at_y) : element_offset(l, &n->type, &at_y), vi, vj, &c))
        ftc_bug("lower: the result of %%%s is no matrix", n->name);
    c.param = panel ? l->panel_of[n->id] : param_of(l, buffer_of(l, n), PARAM_OUT);
    if (!is_one(cols.size) && !is_one(c.col))
        transpose_dot(&a, &b, &c, &m, &cols);
    Dot d = { .m = m.size, .n = cols.size, .k = k.size };
    choose_strides(l, &d, &a, &b, &c);
    d.a = (Operand){ a.param, a.at, a.row, a.col, 0, false };
    d.b = (Operand){ b.param, b.at, b.row, b.col, 0, false };
    if (packed.b >= 0)
        d.b = (Operand){ .buf = b.param, .at = b.at, .packed = l->packed_columns, .split = packed_form(n, 1).split };
    d.c = (Operand){ c.param, c.at, c.row, poly_const(l->a, 1), 0, false };
    const Loc *before = at_node(l, n);
    kb_dot(&l->b, &d);
    l->b.loc = before;
}

/* A piece's panel of a dim: par p runs over it in steps.  p < 0: all of it. */
static Span panel_of_dim(Lower *l, int p, Dim d, int64_t step, const Index *at)
{
    if (p < 0)
        return whole_dim(l, d, at);
    return (Span){ var(l, p), minus(l->a, piece_end(l, p, step, dim_extent(l, d)), var(l, p)) };
}

void lower_dot_group(Lower *l, Node *n)
{
    Node *a = n->in[0], *b = n->in[1];
    int batch = n->a.batch, fa = dot_free_axis(n, 0), fb = dot_free_axis(n, 1);
    Dim dm = fa >= 0 ? a->type.dim[fa] : 1, dn = fb >= 0 ? b->type.dim[fb] : 1, dk = a->type.dim[n->a.ca];
    Packed packed = pack_operands(l, n);
    Index at = { 0 };
    begin_kernel(l, batch ? "dot_rows" : "dot");
    for (int i = 0; i < batch; i++) {
        Dim d = a->type.dim[i];
        assert(d != DIM_N);
        if (d != 1)
            at.v[i] = var(l, open_par(l, i ? "h" : "r", dim_extent(l, d), 1, const_extent(d)));
    }
    int64_t rows = dm == DIM_T ? PANEL_ROWS : sum_rows(l, dm);
    int p = !batch && dm != 1 ? open_par(l, "p", dim_extent(l, dm), rows, -1) : -1;
    int64_t columns = dm == DIM_T ? PANEL_COLUMNS : 2 * PANEL_COLUMNS; /* tiles pair bf16 of the rows anew for each section */
    int c = !batch && dn != 1 ? open_par(l, "c", dim_extent(l, dn), columns, -1) : -1;
    Span m = panel_of_dim(l, p, dm, rows, &at), cols = panel_of_dim(l, c, dn, columns, &at);
    lower_dot_statement(l, n, &at, m, cols, whole_dim(l, dk, &at), packed);
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
    enum { COLUMNS = 64 };
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

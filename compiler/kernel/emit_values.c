/* Numbers at an index.  In: a node and a polynomial per dim.  Out: statements of the open kernel that load, rebuild or remember
 * the element.  What doesn't depend on the lane is placed in front of the innermost vec. */
#include "compiler/kernel/lowering.h"

#include <string.h>

/* ---- loops -------------------------------------------------------------------------------------------------------- */

static void set_extent(Lower *l, int ivar, int64_t extent)
{
    while (ivar >= l->cap_extents) {
        int old = l->cap_extents, n = old;
        ARENA_GROW(l->p->arena, l->extents, n, l->cap_extents);
        for (int i = old; i < l->cap_extents; i++)
            l->extents[i] = -1;
    }
    l->extents[ivar] = extent;
}

int64_t lower_extent(void *ctx, int var)
{
    Lower *l = ctx;
    return var < l->cap_extents ? l->extents[var] : -1;
}

int open_par(Lower *l, const char *name, Poly end, int64_t step, int64_t extent)
{
    int v = kb_par(&l->b, name, (Poly){ 0 }, end, step);
    set_extent(l, v, extent);
    return v;
}

int open_for(Lower *l, const char *name, Poly lo, Poly hi, int64_t extent)
{
    int v = kb_for(&l->b, name, lo, hi);
    set_extent(l, v, extent);
    return v;
}

int open_vec(Lower *l, Poly n, int64_t extent)
{
    l->before_vec = l->b.tail[l->b.depth];
    l->vec_depth = l->b.depth;
    l->lane = kb_vec(&l->b, "j", n);
    set_extent(l, l->lane, extent);
    return l->lane;
}

void close_block(Lower *l)
{
    kb_end(&l->b);
    if (l->lane >= 0 && l->b.depth == l->vec_depth)
        l->lane = -1;
    while (l->n_memo && l->memo[l->n_memo - 1].depth > l->b.depth)
        l->n_memo--;
}

/* Between enter and leave, statements go in front of the open vec. */
typedef struct {
    bool moved;
    int depth;
    KStmt **tail, *rest;
} Hoist;

static Hoist enter_hoist(Lower *l, bool wanted)
{
    Hoist h = { .moved = wanted && l->lane >= 0 };
    if (!h.moved)
        return h;
    h.depth = l->b.depth;
    h.tail = l->b.tail[l->vec_depth];
    h.rest = *l->before_vec;
    l->b.depth = l->vec_depth;
    l->b.tail[l->vec_depth] = l->before_vec;
    *l->before_vec = NULL;
    return h;
}

static void leave_hoist(Lower *l, Hoist h)
{
    if (!h.moved)
        return;
    l->before_vec = l->b.tail[l->vec_depth];
    *l->before_vec = h.rest;
    l->b.tail[l->vec_depth] = h.tail;
    l->b.depth = h.depth;
}

/* ---- what was computed already -------------------------------------------------------------------------------------- */

static Memo *find_memo(Lower *l, MemoKind kind, int key, Poly at)
{
    for (int i = l->n_memo - 1; i >= 0; i--) {
        Memo *m = &l->memo[i];
        if (m->kind == kind && m->key == key && poly_equal(m->at, at))
            return m;
    }
    return NULL;
}

/* Kept sorted by depth, so that closing a block drops a tail. */
static Memo *add_memo(Lower *l, Memo m)
{
    m.depth = l->b.depth;
    ARENA_GROW(l->p->arena, l->memo, l->n_memo, l->cap_memo);
    int i = l->n_memo++;
    while (i > 0 && l->memo[i - 1].depth > m.depth) {
        l->memo[i] = l->memo[i - 1];
        i--;
    }
    l->memo[i] = m;
    return &l->memo[i];
}

void remember(Lower *l, const Node *n, int value)
{
    add_memo(l, (Memo){ .kind = MEMO_VALUE, .key = n->id, .result = value });
}

int remembered(Lower *l, const Node *n)
{
    Memo *m = find_memo(l, MEMO_VALUE, n->id, (Poly){ 0 });
    return m ? m->result : -1;
}

int constant_value(Lower *l, double v, Elem e)
{
    for (int i = l->n_memo - 1; i >= 0; i--)
        if (l->memo[i].kind == MEMO_CONST && l->memo[i].elem == e && !memcmp(&l->memo[i].number, &v, sizeof v))
            return l->memo[i].result;
    Hoist h = enter_hoist(l, true);
    Memo m = { .kind = MEMO_CONST, .elem = e, .number = v, .result = kb_const(&l->b, v, e) };
    add_memo(l, m);
    leave_hoist(l, h);
    return m.result;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

/* An index variable read from an i32 buffer. */
static Poly read_index(Lower *l, MemoKind kind, const char *name, int buf, Poly at)
{
    if (l->lane >= 0 && poly_uses(at, l->lane))
        ftc_bug("lower: an index is read per lane in group %d", l->group);
    int param = param_of(l, buf, PARAM_IN);
    Memo *m = find_memo(l, kind, param, at);
    if (m)
        return poly_var(l->a, m->result);
    Hoist h = enter_hoist(l, true);
    Memo made = { .kind = kind, .key = param, .at = at, .result = kb_read(&l->b, name, param, at) };
    set_extent(l, made.result, -1);
    add_memo(l, made);
    leave_hoist(l, h);
    return poly_var(l->a, made.result);
}

static int row_start_buf(Lower *l)
{
    return input_buf(l, "row_start", I32, poly_add(l->a, dim_extent(l, DIM_B), poly_const(l->a, 1)));
}

Poly row_start_of(Lower *l, Poly row) { return read_index(l, MEMO_READ, "start", row_start_buf(l), row); }

Poly row_end_of(Lower *l, Poly row)
{
    return read_index(l, MEMO_READ, "end", row_start_buf(l), poly_add(l->a, row, poly_const(l->a, 1)));
}

Poly row_of_index(Lower *l, const Type *t, const Index *at)
{
    if (!row_is_open(at))
        return at->v[0];
    Poly token = at->token;
    if (type_ragged(t))
        for (int i = 1; i < t->rank; i++)
            if (t->dim[i] == DIM_N)
                token = at->v[i];
    return read_index(l, MEMO_READ, "row", input_buf(l, "row_of", I32, dim_extent(l, DIM_T)), token);
}

/* ---- addresses ------------------------------------------------------------------------------------------------------ */

Poly storage_size(Lower *l, const Type *t)
{
    int ragged = ragged_dims(t);
    Poly size = poly_const(l->a, 1);
    if (ragged)
        size = dim_extent(l, DIM_T);
    for (int i = 1; i < ragged; i++)
        size = poly_mul(l->a, size, dim_extent(l, DIM_L));
    for (int i = ragged ? 1 : 0; i < t->rank; i++)
        if (t->dim[i] != DIM_N)
            size = poly_mul(l->a, size, dim_extent(l, t->dim[i]));
    return size;
}

/* A variable of its own: addresses multiply it. */
Poly row_length(Lower *l, Poly row)
{
    Poly length = minus(l->a, row_end_of(l, row), row_start_of(l, row));
    Memo *m = find_memo(l, MEMO_LENGTH, 0, length);
    if (!m) {
        Hoist h = enter_hoist(l, true);
        Memo made = { .kind = MEMO_LENGTH, .at = length, .result = kb_index(&l->b, "n", IX_SET, length, (Poly){ 0 }) };
        set_extent(l, made.result, -1);
        add_memo(l, made);
        leave_hoist(l, h);
        m = find_memo(l, MEMO_LENGTH, 0, length);
    }
    return poly_var(l->a, m->result);
}

Poly panel_size(Lower *l, const Type *t)
{
    Poly size = poly_const(l->a, 1);
    for (int i = l->piece->fixed; i < t->rank; i++)
        size = poly_mul(l->a, size, t->dim[i] == DIM_T ? poly_const(l->a, l->p->panel_tokens)
                                                       : dim_extent(l, t->dim[i] == DIM_N ? DIM_L : t->dim[i]));
    return size;
}

Poly panel_offset(Lower *l, const Type *t, const Index *at)
{
    Poly off = { 0 };
    for (int i = l->piece->fixed; i < t->rank; i++) {
        if (t->dim[i] == DIM_T)
            off = minus(l->a, at->v[i], l->piece->panel.tokens.from);
        else if (t->dim[i] == DIM_N)
            off = poly_add(l->a, poly_mul(l->a, off, row_length(l, at->v[0])), minus(l->a, at->v[i], row_start_of(l, at->v[0])));
        else if (t->dim[i] != 1)
            off = poly_add(l->a, poly_mul(l->a, off, dim_extent(l, t->dim[i])), at->v[i]);
    }
    return off;
}

Poly element_offset(Lower *l, const Type *t, const Index *at)
{
    Arena *a = l->a;
    int ragged = ragged_dims(t);
    Poly off = { 0 };
    if (ragged == 1) { /* [T, the other dims] */
        for (int i = 1; i < t->rank; i++)
            if (t->dim[i] == DIM_N)
                off = at->v[i];
        for (int i = 1; i < t->rank; i++)
            if (t->dim[i] != DIM_N)
                off = poly_add(a, poly_mul(a, off, dim_extent(l, t->dim[i])), at->v[i]);
        return off;
    }
    Poly row = t->rank && t->dim[0] == DIM_B ? row_of_index(l, t, at) : (Poly){ 0 };
    if (!ragged) {
        for (int i = 0; i < t->rank; i++) {
            Poly index = i == 0 && t->dim[0] == DIM_B ? row : t->dim[i] == 1 ? (Poly){ 0 } : at->v[i];
            off = poly_add(a, poly_mul(a, off, dim_extent(l, t->dim[i])), index);
        }
        return off;
    }
    Poly start = row_start_of(l, row), base = start, n = row_length(l, row);
    for (int i = 1; i < ragged; i++)
        base = poly_mul(a, base, dim_extent(l, DIM_L));
    for (int i = 1; i < t->rank; i++) {
        bool is_n = t->dim[i] == DIM_N;
        if (!is_n)
            base = poly_mul(a, base, dim_extent(l, t->dim[i]));
        off = poly_add(a, poly_mul(a, off, is_n ? n : dim_extent(l, t->dim[i])), is_n ? minus(a, at->v[i], start) : at->v[i]);
    }
    return poly_add(a, base, off);
}

/* ---- values ---------------------------------------------------------------------------------------------------------- */

static int load_at(Lower *l, int param, Poly at)
{
    bool uniform = l->lane < 0 || !poly_uses(at, l->lane);
    Memo *m = find_memo(l, MEMO_LOAD, param, at);
    if (m)
        return m->result;
    Hoist h = enter_hoist(l, uniform && l->k->params[param].mode == PARAM_IN);
    Memo made = { .kind = MEMO_LOAD, .key = param, .at = at, .result = kb_load(&l->b, param, at) };
    if (l->k->params[param].mode == PARAM_IN)
        add_memo(l, made);
    leave_hoist(l, h);
    return made.result;
}

/* The value of an iota: the index along its axis; along n(r), the place in the row. */
static Poly iota_index(Lower *l, const Node *x, const Index *at)
{
    int axis = x->a.axes[0];
    if (x->type.dim[axis] == DIM_N)
        return minus(l->a, at->v[axis], row_start_of(l, row_of_index(l, &x->type, at)));
    if (axis == 0 && x->type.dim[0] == DIM_B)
        return row_of_index(l, &x->type, at);
    return at->v[axis];
}

/* Replaces a reshape that polynomials can't express by divisions at run time; only outside lanes. */
static Node *divide_through(Lower *l, Node *x, Index *at)
{
    Arena *a = l->a;
    const Type *from = &x->in[0]->type;
    Index own = { .token = at->token };
    int i = 0, j = 0;
    while (i < from->rank || j < x->type.rank) {
        Poly linear = { 0 };
        for (; j < x->type.rank && x->type.dim[j] >= 0; j++)
            linear = poly_add(a, poly_scale(a, linear, x->type.dim[j]), at->v[j]);
        int first = i;
        while (i < from->rank && from->dim[i] >= 0)
            i++;
        for (int k = i - 1; k >= first; k--) {
            if (from->dim[k] == 1)
                continue;
            if (k == first)
                own.v[k] = linear;
            else {
                Poly by = poly_const(a, from->dim[k]);
                own.v[k] = poly_var(a, kb_index(&l->b, "m", IX_MOD, linear, by));
                linear = poly_var(a, kb_index(&l->b, "q", IX_DIV, linear, by));
                set_extent(l, l->k->n_ivars - 1, -1);
            }
        }
        if (i < from->rank)
            own.v[i++] = at->v[j++];
    }
    *at = own;
    return x->in[0];
}

/* Through all views; a reshape that needs divisions too. */
static Node *see_through(Lower *l, Node *x, Index *at)
{
    for (;;) {
        x = follow_views(l->a, x, at, lower_extent, l);
        if (x->group || op_lower[x->op] != lower_view)
            return x;
        if (l->lane >= 0)
            ftc_bug("lower: %%%s needs divisions per lane in group %d", x->name, l->group);
        x = divide_through(l, x, at);
    }
}

int value_at(Lower *l, Node *x, Index at)
{
    x = see_through(l, x, &at);
    if (x->op == OP_const)
        return constant_value(l, x->a.value, x->type.elem);
    if (x->op == OP_iota)
        return kb_from_index(&l->b, iota_index(l, x, &at));
    if (x->group == l->group) {
        int v = remembered(l, x);
        if (v >= 0)
            return v;
        if (l->scratch_of[x->id] >= 0)
            return load_at(l, l->scratch_of[x->id], poly_var(l->a, l->lane));
        if (l->panel_of[x->id] >= 0)
            return load_at(l, l->panel_of[x->id], panel_offset(l, &x->type, &at));
        if (!l->stored[x->id] || (op_lower[x->op] != lower_loop && !x->stage))
            return compute(l, x, &at);
    }
    int buf = buffer_of(l, x);
    return load_at(l, param_of(l, buf, PARAM_IN), element_offset(l, &x->type, &at));
}

Poly integer_at(Lower *l, Node *x, Index at)
{
    x = see_through(l, x, &at);
    if (x->op == OP_const)
        return poly_const(l->a, (int64_t)x->a.value);
    if (x->op == OP_iota)
        return iota_index(l, x, &at);
    return read_index(l, MEMO_READ, "id", buffer_of(l, x), element_offset(l, &x->type, &at));
}

/* table[index[i...], j...] */
static int gathered(Lower *l, Node *n, const Index *at)
{
    Node *table = n->in[0], *index = n->in[1];
    Index which = { .token = at->token }, own = { .token = at->token };
    for (int i = 0; i < index->type.rank; i++)
        which.v[i] = at->v[i];
    own.v[0] = integer_at(l, index, which);
    for (int i = 1; i < table->type.rank; i++)
        own.v[i] = at->v[index->type.rank + i - 1];
    return value_at(l, table, own);
}

static int random_at(Lower *l, Node *n, const Index *at)
{
    Index row = *at, none = { 0 };
    Poly column = at->v[n->type.rank - 1];
    if (n->a.dim == DIM_N) /* the token number is not the place in the row */
        column = minus(l->a, column, row_start_of(l, row_of_index(l, &n->type, at)));
    int r = value_at(l, n->in[0], row), seed = value_at(l, n->in[1], none), step = value_at(l, n->in[2], none);
    int imm = l->k->n_imms++;
    l->imms[imm] = n->a.site;
    const Loc *before = at_node(l, n);
    int bits = kb_rand(&l->b, imm, seed, step, r, column);
    l->b.loc = before;
    return bits;
}

int compute(Lower *l, Node *n, const Index *at)
{
    int x[3], y;
    if (is_update(n))
        return value_at(l, n->in[n->n_in - 1], *at);
    if (n->op == OP_gather)
        return gathered(l, n, at);
    if (n->op == OP_rand)
        return random_at(l, n, at);
    if (op_lower[n->op] == lower_view || op_lower[n->op] == lower_inline) { /* copied, or written out */
        int group = n->group;
        n->group = 0;
        y = value_at(l, n, *at);
        n->group = group;
        return y;
    }
    if (op_lower[n->op] != lower_loop)
        ftc_bug("lower: %%%s = %s is not computed element by element", n->name, op_info[n->op].name);
    for (int i = 0; i < n->n_in; i++)
        x[i] = value_at(l, n->in[i], broadcast_index(&n->in[i]->type, &n->type, at));
    if (n->op == OP_cast && n->type.elem == BF16)
        return x[0]; /* the store rounds it, and nobody reads it but from memory (fuse) */
    if (n->op == OP_cast && n->in[0]->type.elem == BF16)
        return x[0]; /* the load has made it f32 */
    const Loc *before = at_node(l, n);
    y = kb_let(&l->b, n->op, n->type.elem, x);
    kb_name(&l->b, y, op_info[n->op].name);
    l->b.loc = before;
    return y;
}

void store_member(Lower *l, const Node *n, const Index *at, int value)
{
    const Loc *before = at_node(l, n);
    if (is_update(n)) {
        int buf = buffer_of(l, n->in[0]);
        Index place = *at;
        if (n->op == OP_update_rows)
            place.v[0] = integer_at(l, n->in[1], (Index){ .v = { at->v[0] } });
        kb_store(&l->b, param_of(l, buf, PARAM_OUT), element_offset(l, &n->in[0]->type, &place), value);
    } else if (l->panel_of[n->id] >= 0)
        kb_store(&l->b, l->panel_of[n->id], panel_offset(l, &n->type, at), value);
    else if (l->stored[n->id])
        kb_store(&l->b, param_of(l, buffer_of(l, n), PARAM_OUT), element_offset(l, &n->type, at), value);
    l->b.loc = before;
}

/* Region fusion.  In: a step graph.  Out: the same graph with a group number on every node that is computed.
 *
 * The idea: a group is a set of element-by-element ops and row reductions over one domain, such that what a member computes for
 * a row needs other members of that row only.  Whether it does is read off index relations: the index at which an operand is read,
 * followed through views, must be the member's own.  Dots, scatters, concatenations and other reductions are groups
 * of their own; a reduction takes in the ops that only it reads.
 * Nodes are visited in order; each joins the groups of its operands where that makes no cycle, and merges them.
 * Nothing here knows an op's or a model's name. */
#include "compiler/passes/fuse_groups.h"

#include "compiler/ir/mutate.h"
#include "compiler/ops/ops.h"
#include "compiler/passes/regroup.h"

#include <string.h>

enum { MAX_MEMBERS = 48, MAX_READS = 40 };

int find_group(Fuse *f, int group)
{
    while (f->group[group].into != group)
        group = f->group[group].into;
    return group;
}

static bool has(GroupSet s, int i) { return i / 64 < s.n && (s.word[i / 64] >> (i % 64) & 1); }

static void make_room(Fuse *f, GroupSet *s, int words)
{
    if (words <= s->n)
        return;
    GroupSet larger = { NEW_ARRAY(f->a, uint64_t, words), words };
    if (s->n)
        memcpy(larger.word, s->word, sizeof *s->word * (size_t)s->n);
    *s = larger;
}

static void put(Fuse *f, GroupSet *s, int i)
{
    make_room(f, s, i / 64 + 1);
    s->word[i / 64] |= UINT64_C(1) << (i % 64);
}

static void put_all(Fuse *f, GroupSet *s, GroupSet others)
{
    make_room(f, s, others.n);
    for (int w = 0; w < others.n; w++)
        s->word[w] |= others.word[w];
}

/* Group i runs after `earlier`, and after all that `earlier` does. */
static void follow(Fuse *f, int earlier, int i)
{
    put_all(f, &f->group[i].before, f->group[earlier].before);
    put(f, &f->group[i].before, earlier);
}

/* `later` must run after `earlier`: so must everything that runs after `later`. */
static void order(Fuse *f, int earlier, int later)
{
    if (earlier == later || has(f->group[later].before, earlier))
        return;
    f->group[earlier].precedes = true;
    follow(f, earlier, later);
    for (int i = 0; i < f->n_own && f->group[later].precedes; i++)
        if (has(f->group[f->own[i]].before, later))
            follow(f, earlier, f->own[i]);
}

/* ---- updates -------------------------------------------------------------------------------------------------------------- */

/* Who reads a weight or state, through views too. */
struct Reader {
    Node *node;
    Reader *next;
};

static void find_readers(Fuse *f)
{
    f->readers = NEW_ARRAY(f->a, Reader *, f->g->n + 1);
    EACH_NODE(m, f->g)
        for (int k = 0; k < m->n_in; k++) {
            const Node *x = behind_views(m->in[k]);
            if (x->op != OP_weight && x->op != OP_state)
                continue;
            Reader *r = NEW(f->a, Reader);
            *r = (Reader){ m, f->readers[x->id] };
            f->readers[x->id] = r;
        }
}

/* Update n, in the group, writes where others read: it runs after them. */
static void order_update(Fuse *f, int group, const Node *n)
{
    for (const Reader *r = f->readers[n->in[0]->id]; r && !mutated("fuse:updates"); r = r->next)
        if (r->node->group)
            order(f, find_group(f, r->node->group), group);
}

/* Nothing that reads the old value waits for the group, so it can do update n. */
static bool can_update(Fuse *f, int group, const Node *n)
{
    for (const Reader *r = f->readers[n->in[0]->id]; r; r = r->next)
        if (r->node->id > n->id || (r->node->group && has(f->group[find_group(f, r->node->group)].before, group)))
            return false;
    return true;
}

/* Some group runs after a and before b.  What was merged into another still has its place in sets, beside the other's. */
static bool is_between(const Fuse *f, int a, int b)
{
    GroupSet before = f->group[b].before;
    if (!has(before, a)) /* what runs before what is between does so too */
        return false;
    for (int w = 0; w < before.n; w++)
        for (uint64_t rest = before.word[w]; rest; rest &= rest - 1) {
            const int between = 64 * w + __builtin_ctzll(rest);
            if (f->group[between].into == between && has(f->group[between].before, a))
                return true;
        }
    return false;
}

bool can_merge(Fuse *f, int a, int b)
{
    return (!is_between(f, a, b) && !is_between(f, b, a)) || mutated("fuse:between");
}

Fuse new_fuse(Graph *g, Arena *a, int most)
{
    Fuse f = { .g = g, .a = a };
    f.group = NEW_ARRAY(a, Group, most + 1);
    f.own = NEW_ARRAY(a, int, most + 1);
    find_readers(&f);
    return f;
}

int new_group(Fuse *f, const Type *domain, Region region, bool open)
{
    int i = ++f->n;
    f->group[i] = (Group){ .domain = *domain, .open = open, .region = region, .into = i };
    make_room(f, &f->group[i].before, i / 64 + 1); /* what it follows is older, as a rule */
    f->own[f->n_own++] = i;
    return i;
}

void add_member(Fuse *f, int group, Node *n)
{
    Group *g = &f->group[group];
    ARENA_GROW(f->a, g->member, g->n, g->cap);
    g->member[g->n++] = n;
    n->group = group;
}

/* ---- index relations -------------------------------------------------------------------------------------------------- */

static int64_t extent_in(void *ctx, int var) { return var < MAX_RANK ? ((const Type *)ctx)->dim[var] : -1; }

/* The domain of a node in a loop group: its own type; a row reduction's is its operand's. */
static const Type *domain_type(const Node *n)
{
    return op_lower[n->op] == lower_reduce ? &n->in[0]->type : &n->type;
}

/* The dims agree but for the last, of which one may be 1. */
static bool same_rows(const Type *x, const Type *y)
{
    if (x->rank != y->rank)
        return false;
    for (int i = 0; i < x->rank - 1; i++)
        if (x->dim[i] != y->dim[i])
            return false;
    if (!x->rank)
        return true;
    Dim p = x->dim[x->rank - 1], q = y->dim[y->rank - 1];
    return p == q || p == 1 || q == 1;
}

/* Reading operand k of n for an element, is what lies behind the views read at that very element? */
static bool aligned(Fuse *f, Node *n, int k)
{
    const Type *d = domain_type(n);
    Index at = { 0 };
    for (int i = 0; i < d->rank; i++)
        at.v[i] = poly_var(f->a, i);
    Type extents = *d;
    Node *x = n->in[k];
    Index own = op_info[n->op].class == CLASS_MAP ? broadcast_index(&x->type, d, &at) : at;
    if (op_info[n->op].class == CLASS_RANDOM && x->type.rank != n->type.rank - 1)
        return false; /* seed and step */
    if (op_info[n->op].class == CLASS_RANDOM || n->op == OP_gather)
        return false;
    if (x->type.elem == BF16) /* is rounded by the memory that it goes through */
        return false;
    x = follow_views(f->a, x, &own, extent_in, &extents);
    if (!x->group || x->type.rank != d->rank)
        return false;
    for (int i = 0; i < d->rank; i++)
        if (x->type.dim[i] != 1 && !poly_equal(own.v[i], at.v[i]))
            return false;
    return true;
}

/* Everything n reads from a group is read at n's own element. */
static bool reads_aligned(Fuse *f, Node *n, int group)
{
    for (int k = 0; k < n->n_in; k++) {
        Node *x = behind_views(n->in[k]);
        if (x->group && find_group(f, x->group) == group && !aligned(f, n, k) && !mutated("fuse:aligned"))
            return false;
    }
    return true;
}

/* ---- what reads what ------------------------------------------------------------------------------------------------------ */

/* Kernels have a bounded number of parameters. */
int outside_reads(Fuse *f, int a, int b, const Node *extra)
{
    const Node *seen[MAX_READS * 4];
    int n = 0;
    for (int pass = 0; pass < 3; pass++) {
        const Group *g = pass < 2 ? &f->group[pass ? b : a] : NULL;
        int members = g ? (pass && a == b ? 0 : g->n) : extra != NULL;
        for (int i = 0; i < members; i++) {
            const Node *m = g ? g->member[i] : extra;
            for (int k = 0; k < m->n_in; k++) {
                const Node *x = behind_views(m->in[k]);
                int xg = x->group ? find_group(f, x->group) : 0;
                if (op_lower[x->op] == lower_inline || (xg && (xg == a || xg == b)))
                    continue;
                bool known = false;
                for (int s = 0; s < n; s++)
                    known |= seen[s] == x;
                if (!known && n < MAX_READS * 4)
                    seen[n++] = x;
            }
        }
    }
    return n;
}

/* Why n can't be computed in the group; NULL: it can. */
static const char *why_apart(Fuse *f, int group, Node *n)
{
    Group *g = &f->group[group];
    if (!g->open)
        return "is no loop over elements";
    if (g->region != n->region)
        return "belongs to another part of the step";
    if (g->n >= MAX_MEMBERS)
        return "is as large as regions may be";
    if (!same_rows(&g->domain, domain_type(n)))
        return "has other rows";
    if (!reads_aligned(f, n, group))
        return "computes what is read at another row";
    for (int k = 0; k < n->n_in; k++) { /* what else n reads must not wait for the group */
        Node *x = behind_views(n->in[k]);
        int xg = x->group ? find_group(f, x->group) : 0;
        if (xg && xg != group && has(f->group[xg].before, group) && !mutated("fuse:waits"))
            return "has to be done before another operand";
    }
    if (is_update(n) && !can_update(f, group, n))
        return "has to wait for what reads the old value";
    return outside_reads(f, group, group, n) <= MAX_READS ? NULL : "reads as much as a kernel may";
}

void depend(Fuse *f, int group, Node *n)
{
    for (int k = 0; k < n->n_in; k++) {
        Node *x = behind_views(n->in[k]);
        if (x->group && find_group(f, x->group) != group)
            order(f, find_group(f, x->group), group);
    }
    if (is_update(n))
        order_update(f, group, n);
}

static void widen(Group *g, const Type *t)
{
    int last = t->rank - 1;
    if (last >= 0 && g->domain.dim[last] == 1)
        g->domain.dim[last] = t->dim[last];
}

void merge_groups(Fuse *f, int from, int into)
{
    Group *x = &f->group[from], *y = &f->group[into];
    for (int i = 0; i < x->n; i++)
        add_member(f, into, x->member[i]);
    widen(y, &x->domain);
    x->into = into;
    put_all(f, &y->before, x->before);
    y->precedes |= x->precedes;
    int n = 0;
    for (int k = 0; k < f->n_own; k++) {
        int i = f->own[k];
        if (i != from)
            f->own[n++] = i;
        if (y->precedes && i != into && has(f->group[i].before, from) != has(f->group[i].before, into))
            follow(f, into, i);
    }
    f->n_own = n;
}

/* ---- the visit -------------------------------------------------------------------------------------------------------------- */

/* A view that can't be read in place becomes a copy; so does a constant that must lie in memory. */
static void copy_view(Fuse *f, Node *x)
{
    if (x->group || op_lower[x->op] == lower_none)
        ftc_bug("fuse: %%%s is stored and can't be read", x->name);
    add_member(f, new_group(f, &x->type, x->region, false), x);
    depend(f, x->group, x);
}

static void copy_blocking_views(Fuse *f, Node *x)
{
    for (Node *b; (b = blocking_view(f->a, x));)
        copy_view(f, b);
}

/* A node whose value is a row scalar or a full row of a group's domain. */
static bool is_loop(const Node *n)
{
    return op_lower[n->op] == lower_loop || is_row_reduction(n);
}

/* A reduction over the rows of row scalars: its domain has no lanes, so it shares none with others. */
static bool sums_rows_up(const Node *n)
{
    const Type *x = op_lower[n->op] == lower_reduce ? &n->in[0]->type : NULL;
    return x && x->rank && x->dim[x->rank - 1] == 1;
}

/* Ops that a reduction alone reads are computed inside it. */
static void take_in(Fuse *f, int group, Node *x)
{
    if (x->group || (x->uses != 1 && !mutated("fuse:take_in")) || op_info[x->op].class != CLASS_MAP)
        return;
    if (given_stages_apart(f->g, f->group[group].member[0], x))
        return;
    add_member(f, group, x);
    for (int k = 0; k < x->n_in; k++)
        take_in(f, group, x->in[k]);
}

static void visit(Fuse *f, Node *n, bool whole)
{
    LowerKind kind = op_lower[n->op];
    for (int k = 0; k < n->n_in; k++) {
        copy_blocking_views(f, n->in[k]);
        if (kind == lower_dot && !dot_operand_strided(f->a, n, k))
            copy_view(f, n->in[k]);
    }
    bool loop = is_loop(n) && !sums_rows_up(n);
    const char *why = NULL;
    int home = 0, tried = 0;
    if (whole && loop) {
        /* the operands' groups, the latest first */
        for (int k = n->n_in - 1; k >= 0; k--) {
            Node *x = behind_views(n->in[k]);
            int g = x->group ? find_group(f, x->group) : 0;
            if (!g || g == home || given_stages_apart(f->g, f->group[g].member[0], n))
                continue;
            why = why_apart(f, tried = g, n);
            if (!why &&
                (!home || (can_merge(f, home, g) && same_rows(&f->group[home].domain, &f->group[g].domain) &&
                           f->group[home].n + f->group[g].n < MAX_MEMBERS && outside_reads(f, home, g, n) <= MAX_READS))) {
                if (home)
                    merge_groups(f, home, g);
                home = g;
            }
        }
    }
    if (!home && why && f->group[tried].open && op_info[n->op].class == CLASS_MAP)
        opt_missed(f->g->notes, n, "begins a region of its own: that of %s %s", f->group[tried].member[0]->name, why);
    if (!home)
        home = new_group(f, domain_type(n), n->region, loop && whole);
    add_member(f, home, n);
    widen(&f->group[home], domain_type(n));
    depend(f, home, n);
}

void order_updates(Fuse *f)
{
    EACH_NODE(n, f->g)
        if (is_update(n))
            order_update(f, find_group(f, n->group), n);
}

/* All groups that must run before group i have their number. */
static bool is_ready(const Fuse *f, int i, GroupSet waiting)
{
    GroupSet before = f->group[i].before;
    for (int w = 0; w < before.n && w < waiting.n; w++)
        if (before.word[w] & waiting.word[w])
            return false;
    return true;
}

int *group_order(Fuse *f)
{
    int *final = NEW_ARRAY(f->a, int, f->n + 1), *by_key = NEW_ARRAY(f->a, int, f->g->n + 1); /* by id of the last member */
    GroupSet waiting = { 0 };
    int next = 0;
    for (int i = 1; i <= f->n; i++) {
        int key = 0;
        if (f->group[i].into != i)
            continue;
        for (int k = 0; k < f->group[i].n; k++)
            if (f->group[i].member[k]->id > key)
                key = f->group[i].member[k]->id;
        if (!f->group[i].n)
            continue;
        by_key[key] = i;
        put(f, &waiting, i);
    }
    for (int from = 0; from < f->g->n;) {
        int key = from;
        while (key < f->g->n && !(by_key[key] && is_ready(f, by_key[key], waiting)))
            key++;
        if (key == f->g->n)
            break;
        int best = by_key[key];
        final[best] = ++next;
        by_key[key] = 0;
        waiting.word[best / 64] &= ~(UINT64_C(1) << (best % 64));
        while (from < f->g->n && !by_key[from])
            from++;
    }
    return final;
}

/* Writes the groups' numbers into the nodes. */
static void number_groups(Fuse *f)
{
    const int *final = group_order(f);
    EACH_NODE(n, f->g)
        if (n->group) {
            n->group = final[find_group(f, n->group)];
            if (!n->group)
                ftc_bug("fuse: %%%s waits for itself", n->name);
        }
}

/* A group goes by the name of its first member; the update has several for each weight, too many to name. */
static void note_groups(Fuse *f)
{
    Node **first = NEW_ARRAY(f->a, Node *, f->n + 1);
    EACH_NODE(n, f->g)
        if (n->group && !first[n->group])
            first[n->group] = n;
        else if (n->group && n->region == REGION_UPDATE)
            opt_note(f->g->notes, n, "joined a region of the update");
        else if (n->group)
            opt_note(f->g->notes, n, "joined the region of %s", first[n->group]->name);
}

void pass_fuse(Graph *g, bool whole)
{
    graph_renumber(g);
    graph_count_uses(g);
    Arena *a = arena_new();
    EACH_NODE(n, g)
        n->group = n->stage = 0;
    Fuse f = new_fuse(g, a, g->n); /* each group begins with a node */
    if (whole) /* the insides of reductions, before anyone else takes them */
        EACH_NODE(n, g)
            if (op_lower[n->op] == lower_reduce && !is_row_reduction(n)) {
                int home = new_group(&f, &n->in[0]->type, n->region, false);
                add_member(&f, home, n);
                take_in(&f, home, n->in[0]);
            }
    EACH_NODE(n, g) {
        LowerKind kind = op_lower[n->op];
        if (kind == lower_none || kind == lower_inline)
            continue;
        if (n->group) {
            for (int k = 0; k < n->n_in; k++)
                copy_blocking_views(&f, n->in[k]);
            depend(&f, find_group(&f, n->group), n);
        } else if (kind != lower_view)
            visit(&f, n, whole);
    }
    for (int i = 0; i < g->n_outputs; i++) { /* a result is stored under its own name */
        Node *n = g->outputs[i].node;
        if (!n->group)
            copy_view(&f, n);
    }
    order_updates(&f);
    number_groups(&f);
    note_groups(&f);
    arena_free(a);
}

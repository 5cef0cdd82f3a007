/* Kernels and their builder.  In: calls in the order of the text.  Out: a Kernel for kernel_verify.
 * Every parameter, index variable and value gets a name at once, unique in the kernel, so that the text of a kernel
 * depends on the calls that made it and on nothing else. */
#include "compiler/kernel/kernel.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---------------------------------------------------------------------------------------------------- */

/* `want` in letters that the text allows; where others came first, with the next free number behind it. */
static const char *unique_name(Kernel *k, const char *want)
{
    bool letter = isalpha((unsigned char)*want);
    size_t n = strlen(want) + !letter;
    char *base = arena_alloc(k->arena, n + 1);
    *base = 'v';
    memcpy(base + !letter, want, n + letter);
    for (char *c = base; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return names_take(&k->names, k->arena, base, isdigit((unsigned char)base[n - 1]) ? "_" : "", 2);
}

/* "v12", which nothing else is called. */
static const char *value_name(Kernel *k, int number) { return arena_numbered(k->arena, "v", "", number); }

/* ---- kernels -------------------------------------------------------------------------------------------------- */

Kernel *kernel_new(Arena *arena, const char *name)
{
    Kernel *k = NEW(arena, Kernel);
    k->arena = arena;
    char *word = arena_strdup(arena, name);
    k->name = word;
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && *word != '.')
            *word = '_';
    for (int i = 0; i < N_SYMBOLS; i++) {
        char unused[24];
        ARENA_GROW(arena, k->ivars, k->n_ivars, k->cap_ivars);
        k->ivars[k->n_ivars++] = dim_name(-1 - i, unused);
    }
    return k;
}

int kernel_param(Kernel *k, const char *name, Elem elem, ParamMode mode, Poly scratch_size)
{
    KParam p = { unique_name(k, name), elem, mode, scratch_size };
    ARENA_GROW(k->arena, k->params, k->n_params, k->cap_params);
    k->params[k->n_params] = p;
    return k->n_params++;
}

static int new_ivar(Kernel *k, const char *name)
{
    name = unique_name(k, name);
    assert(k->n_ivars < MAX_IVARS);
    ARENA_GROW(k->arena, k->ivars, k->n_ivars, k->cap_ivars);
    k->ivars[k->n_ivars] = name;
    return k->n_ivars++;
}

static int new_value(Kernel *k, Elem elem)
{
    const char *name = value_name(k, k->n_values);
    ARENA_GROW(k->arena, k->value_names, k->n_values, k->cap_value_names);
    ARENA_GROW(k->arena, k->values, k->n_values, k->cap_values);
    k->value_names[k->n_values] = name;
    k->values[k->n_values] = elem;
    return k->n_values++;
}

int64_t poly_eval(Poly p, const int64_t *ivar)
{
    int64_t sum = 0;
    for (int i = 0; i < p.n; i++) {
        int64_t product = p.t[i].coef;
        for (int f = 0; f < p.t[i].n; f++)
            product *= ivar[p.t[i].var[f]];
        sum += product;
    }
    return sum;
}

int64_t poly_eval_symbols(Poly p, const int64_t *sym)
{
    for (int i = 0; i < p.n; i++)
        for (int f = 0; f < p.t[i].n; f++)
            assert(p.t[i].var[f] < N_SYMBOLS);
    return poly_eval(p, sym);
}

int64_t kernel_pieces(const Kernel *k, const int64_t *sym)
{
    int64_t pieces = 1;
    for (int i = 0; i < k->n_par; i++) {
        int64_t length = poly_eval_symbols(k->par[i].end, sym) - poly_eval_symbols(k->par[i].begin, sym);
        pieces *= length > 0 ? (length + k->par[i].step - 1) / k->par[i].step : 0;
    }
    return pieces;
}

void kernel_piece(const Kernel *k, int64_t piece, int64_t *ivar)
{
    for (int i = k->n_par - 1; i >= 0; i--) {
        const Par *par = &k->par[i];
        int64_t begin = poly_eval_symbols(par->begin, ivar), length = poly_eval_symbols(par->end, ivar) - begin;
        int64_t n = (length + par->step - 1) / par->step;
        ivar[par->ivar] = begin + piece % n * par->step;
        piece /= n;
    }
}

/* ---- the builder ---------------------------------------------------------------------------------------------- */

void kb_begin(KBuilder *b, Kernel *k)
{
    *b = (KBuilder){ .k = k };
    b->tail[0] = &k->body;
}

static KStmt *append(KBuilder *b, KKind kind)
{
    KStmt *s = NEW(b->k->arena, KStmt);
    s->kind = kind;
    s->loc = b->loc;
    s->dst = s->ivar = s->buf = s->src[0] = s->src[1] = s->src[2] = -1;
    *b->tail[b->depth] = s;
    b->tail[b->depth] = &s->next;
    return s;
}

/* A statement that defines a value. */
static KStmt *define(KBuilder *b, KKind kind, Elem elem)
{
    KStmt *s = append(b, kind);
    s->dst = new_value(b->k, elem);
    return s;
}

int kb_par(KBuilder *b, const char *name, Poly begin, Poly end, int64_t step)
{
    Kernel *k = b->k;
    assert(k->n_par < MAX_PAR && step > 0 && !k->body);
    k->par[k->n_par] = (Par){ new_ivar(k, name), begin, end, step };
    return k->par[k->n_par++].ivar;
}

static int open_block(KBuilder *b, KKind kind, const char *name, Poly lo, Poly hi)
{
    KStmt *s = append(b, kind);
    s->ivar = new_ivar(b->k, name);
    s->lo = lo;
    s->hi = hi;
    assert(b->depth + 1 < MAX_DEPTH);
    b->tail[++b->depth] = &s->body;
    return s->ivar;
}

int kb_for(KBuilder *b, const char *name, Poly lo, Poly hi) { return open_block(b, K_FOR, name, lo, hi); }
int kb_vec(KBuilder *b, const char *name, Poly n) { return open_block(b, K_VEC, name, (Poly){ 0, NULL }, n); }

void kb_end(KBuilder *b)
{
    assert(b->depth > 0);
    b->depth--;
}

int kb_let(KBuilder *b, Op op, Elem elem, const int *src)
{
    KStmt *s = define(b, K_LET, elem);
    s->op = op;
    assert(op_info[op].class == CLASS_MAP);
    for (int i = 0; i < op_info[op].inputs; i++)
        s->src[i] = src[i];
    return s->dst;
}

int kb_const(KBuilder *b, double value, Elem elem)
{
    KStmt *s = define(b, K_CONST, elem);
    s->value = elem == F32 ? (float)value : value;
    return s->dst;
}

int kb_load(KBuilder *b, int buf, Poly at)
{
    Elem elem = b->k->params[buf].elem;
    KStmt *s = define(b, K_LOAD, elem == BF16 ? F32 : elem);
    s->buf = buf;
    s->at = at;
    return s->dst;
}

void kb_store(KBuilder *b, int buf, Poly at, int value)
{
    KStmt *s = append(b, K_STORE);
    s->buf = buf;
    s->at = at;
    s->src[0] = value;
}

int kb_acc(KBuilder *b, Op op, Elem elem)
{
    KStmt *s = define(b, K_ACC, elem);
    s->op = op;
    return s->dst;
}

void kb_reduce(KBuilder *b, int acc, int value)
{
    KStmt *s = append(b, K_REDUCE);
    s->dst = acc;
    s->src[0] = value;
}

int kb_from_index(KBuilder *b, Poly at)
{
    KStmt *s = define(b, K_FROM_INDEX, I32);
    s->at = at;
    return s->dst;
}

int kb_rand(KBuilder *b, int imm, int seed, int step, int row, Poly column)
{
    KStmt *s = define(b, K_RAND, I32);
    s->imm = imm;
    s->src[0] = seed;
    s->src[1] = step;
    s->src[2] = row;
    s->at = column;
    if (b->k->n_imms <= imm)
        b->k->n_imms = imm + 1;
    return s->dst;
}

int kb_index(KBuilder *b, const char *name, IndexOp op, Poly x, Poly y)
{
    KStmt *s = append(b, K_INDEX);
    s->ivar = new_ivar(b->k, name);
    s->index_op = op;
    s->at = x;
    s->hi = y;
    return s->ivar;
}

int kb_read(KBuilder *b, const char *name, int buf, Poly at)
{
    KStmt *s = append(b, K_READ);
    s->ivar = new_ivar(b->k, name);
    s->buf = buf;
    s->at = at;
    return s->ivar;
}

static void append_dot(KBuilder *b, KKind kind, const Dot *d)
{
    KStmt *s = append(b, kind);
    s->dot = NEW(b->k->arena, Dot);
    *s->dot = *d;
}

void kb_dot(KBuilder *b, const Dot *d) { append_dot(b, K_DOT, d); }
void kb_pack(KBuilder *b, const Dot *d) { append_dot(b, K_PACK, d); }

void kb_name(KBuilder *b, int value, const char *name)
{
    b->k->value_names[value] = unique_name(b->k, name);
}

/* Text -> kernel: the inverse of kprint.c, also for kernels written by hand.  Untrusted input: every mistake gets its
 * place; what is returned passes kernel_verify.
 *
 *   kernel     kernel @NAME ( param, ... ) { par... statement... }
 *   param      in|out|inout TYPE %p    scratch TYPE %p[poly]
 *   par        par %i = poly .. poly [step N]
 *   loop       for %i = poly .. poly { statement... }       vec %i = 0 .. poly { statement... }
 *   index      index %i = poly    min(poly, poly)    div(poly, poly)    mod(poly, poly)    read %p[poly]
 *   value      let %v = OP %a, ...    cast %a TYPE    const NUMBER TYPE    load %p[poly]    index poly
 *                       rand site N, seed %a, step %b, row %c, column poly
 *              acc %v = add|max TYPE                        reduce %v, %a
 *   memory     store %p[poly] = %v
 *   dot        dot %c[poly] = %a[poly] * %b[poly], i < poly, j < poly, k < poly        (or +=; packed N %b[poly]; split N %b[poly])
 *   pack       pack packed N %c[poly] = %b[poly], j < poly, k < poly       (and: of poly)
 *   poly       sums and differences of products of whole numbers, %i and T, B, L, C, V, U, P; in a dot also i, j, k
 * A name is a letter, then letters, digits and _; each is given once in a kernel.  # starts a comment. */
#include "compiler/kernel/kernel.h"
#include "compiler/ops/ops.h"
#include "compiler/support/scan.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    Scanner s;
    Kernel *k;
    KBuilder b;
    bool in_dot;
} Parser;

static bool error_at(Parser *p, FtcLoc at, const char *what) { return ftc_error(p->s.diag, at, "%s", what); }

/* ---- names ---------------------------------------------------------------------------------------------------- */

static int find(const char *const *names, int n, const char *name)
{
    while (n > 0 && strcmp(names[n - 1], name))
        n--;
    return n - 1;
}

static int find_param(const Kernel *k, const char *name)
{
    int i = k->n_params - 1;
    while (i >= 0 && strcmp(k->params[i].name, name))
        i--;
    return i;
}

static int find_ivar(const Kernel *k, const char *name)
{
    int i = find(k->ivars + N_SYMBOLS, k->n_ivars - N_SYMBOLS, name);
    return i < 0 ? -1 : i + N_SYMBOLS;
}

static int find_value(const Kernel *k, const char *name) { return find(k->value_names, k->n_values, name); }

static const char *read_name(Parser *p)
{
    if (!scan_expect(&p->s, "%"))
        return NULL;
    FtcLoc at = scan_here(&p->s);
    const char *name = scan_word(&p->s, "_", "a name");
    if (name && !((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z'))) {
        ftc_error(p->s.diag, at, "a name begins with a letter, unlike '%s'", name);
        return NULL;
    }
    return name;
}

/* Names are looked for one by one; a kernel that is made of a model has some 200. */
enum { MAX_NAMES = 4096 };

/* A name that is being given. */
static const char *read_new_name(Parser *p)
{
    FtcLoc at = scan_here(&p->s);
    const char *name = read_name(p);
    const Kernel *k = p->k;
    if (name && k->n_params + k->n_values >= MAX_NAMES) {
        ftc_error(p->s.diag, at, "a kernel has at most %d parameters and values", MAX_NAMES);
        return NULL;
    }
    if (name && (find_param(k, name) >= 0 || find_ivar(k, name) >= 0 || find_value(k, name) >= 0)) {
        ftc_error(p->s.diag, at, "%%%s is defined twice", name);
        return NULL;
    }
    return name;
}

/* A name given above; it has to be what `find` finds. */
static bool read_use(Parser *p, int (*find)(const Kernel *, const char *), const char *what, int *out)
{
    FtcLoc at = scan_here(&p->s);
    const char *name = read_name(p);
    if (!name)
        return false;
    *out = find(p->k, name);
    return *out >= 0 || ftc_error(p->s.diag, at, "there is no %s %%%s above", what, name);
}

static bool read_value(Parser *p, int *value) { return read_use(p, find_value, "value", value); }

static bool read_elem(Parser *p, Elem *elem)
{
    FtcLoc at = scan_here(&p->s);
    const char *word = scan_word(&p->s, "", "a type: f32, bf16, i32 or bool");
    for (*elem = 0; word && *elem < N_ELEMS; (*elem)++)
        if (!strcmp(word, elem_name(*elem)))
            return true;
    return word && ftc_error(p->s.diag, at, "unknown type '%s': f32, bf16, i32 or bool", word);
}

/* ---- polynomials ---------------------------------------------------------------------------------------------- */

enum { MAX_TERMS = 64 };
static const int64_t MAX_COEF = INT64_C(1) << 40;

static bool read_var(Parser *p, int *var)
{
    if (scan_peek(&p->s, "%"))
        return read_use(p, find_ivar, "index", var);
    FtcLoc at = scan_here(&p->s);
    const char *word = scan_word(&p->s, "", "a whole number, an index or one of " SYMBOL_NAMES);
    if (!word)
        return false;
    *var = find(p->k->ivars, N_SYMBOLS, word);
    if (*var < 0 && p->in_dot && strlen(word) == 1 && strchr("ijk", *word))
        *var = p->k->n_ivars + (*word - 'i');
    return *var >= 0 || ftc_error(p->s.diag, at, "'%s' is none of " SYMBOL_NAMES "; an index is written %%%s", word, word);
}

static bool read_term(Parser *p, bool minus, Poly *sum)
{
    Arena *a = p->k->arena;
    FtcLoc at = scan_here(&p->s);
    Poly term = poly_const(a, minus ? -1 : 1);
    int factors = 0;
    do {
        int64_t n;
        int var;
        scan_here(&p->s);
        if (p->s.p < p->s.end && *p->s.p >= '0' && *p->s.p <= '9') {
            if (!scan_int(&p->s, 0, MAX_COEF, &n))
                return false;
            int64_t coef = term.n ? term.t[0].coef : 0;
            if (n && llabs(coef) > MAX_COEF / n)
                return error_at(p, at, "this number is too large");
            term = poly_scale(a, term, n);
        } else {
            if (!read_var(p, &var))
                return false;
            if (factors++ == MAX_FACTORS)
                return ftc_error(p->s.diag, at, "a product has at most %d variables", MAX_FACTORS);
            term = poly_mul(a, term, poly_var(a, var));
        }
    } while (scan_accept(&p->s, "*"));
    *sum = poly_add(a, *sum, term);
    for (int i = 0; i < sum->n; i++)
        if (llabs(sum->t[i].coef) > MAX_COEF)
            return error_at(p, at, "this number is too large");
    return sum->n <= MAX_TERMS || error_at(p, at, "this sum is too long");
}

static bool read_poly(Parser *p, Poly *poly)
{
    *poly = (Poly){ 0, NULL };
    bool minus = scan_accept(&p->s, "-");
    do {
        if (!read_term(p, minus, poly))
            return false;
        minus = scan_peek(&p->s, "-");
    } while (scan_accept(&p->s, "+") || scan_accept(&p->s, "-"));
    return true;
}

/* %p[poly] */
static bool read_place(Parser *p, int *buf, Poly *at)
{
    return read_use(p, find_param, "parameter", buf) && scan_expect(&p->s, "[") && read_poly(p, at) && scan_expect(&p->s, "]");
}

/* %i = lo .. hi */
static bool read_range(Parser *p, const char **name, Poly *lo, Poly *hi)
{
    return (*name = read_new_name(p)) && scan_expect(&p->s, "=") && read_poly(p, lo) && scan_expect(&p->s, "..") && read_poly(p, hi);
}

/* ---- statements ----------------------------------------------------------------------------------------------- */

static bool read_const(Parser *p, int *value)
{
    FtcLoc at = scan_here(&p->s);
    double v;
    Elem elem;
    if (!scan_number(&p->s, &v) || !read_elem(p, &elem))
        return false;
    if ((elem == I32 && !(v >= INT32_MIN && v <= INT32_MAX && v == (double)(int32_t)v)) || (elem == BOOL && v != 0 && v != 1))
        return ftc_error(p->s.diag, at, "this is no %s", elem_name(elem));
    *value = kb_const(&p->b, v, elem);
    return true;
}

static bool read_rand(Parser *p, int *value)
{
    int64_t site;
    int src[3];
    Poly column;
    static const char *const label[] = { "seed", "step", "row" };
    if (!scan_expect(&p->s, "site") || !scan_int(&p->s, 0, 1000, &site) || !scan_expect(&p->s, ","))
        return false;
    for (int i = 0; i < 3; i++)
        if (!scan_expect(&p->s, label[i]) || !read_value(p, &src[i]) || !scan_expect(&p->s, ","))
            return false;
    if (!scan_expect(&p->s, "column") || !read_poly(p, &column))
        return false;
    *value = kb_rand(&p->b, (int)site, src[0], src[1], src[2], column);
    return true;
}

static bool read_map(Parser *p, FtcLoc at, const char *word, int *value)
{
    Op op = 0;
    while (op < N_OPS && (op_info[op].class != CLASS_MAP || strcmp(word, op_info[op].name)))
        op++;
    if (op == N_OPS)
        return ftc_error(p->s.diag, at, "unknown operation '%s'", word);
    int src[3] = { -1, -1, -1 };
    for (int i = 0; i < op_info[op].inputs; i++)
        if ((i && !scan_expect(&p->s, ",")) || !read_value(p, &src[i]))
            return false;
    Elem elem = op_info[op].infer == infer_compare ? BOOL : p->k->values[src[op_info[op].inputs - 1]];
    if (op == OP_cast && !read_elem(p, &elem))
        return false;
    *value = kb_let(&p->b, op, elem, src);
    return true;
}

static bool read_let(Parser *p)
{
    const char *name = read_new_name(p);
    if (!name || !scan_expect(&p->s, "="))
        return false;
    FtcLoc at = scan_here(&p->s);
    const char *word = scan_word(&p->s, "_", "an operation");
    int value = -1, buf;
    Poly poly;
    if (!word)
        return false;
    if (!strcmp(word, "const")) {
        if (!read_const(p, &value))
            return false;
    } else if (!strcmp(word, "load")) {
        if (!read_place(p, &buf, &poly))
            return false;
        value = kb_load(&p->b, buf, poly);
    } else if (!strcmp(word, "index")) {
        if (!read_poly(p, &poly))
            return false;
        value = kb_from_index(&p->b, poly);
    } else if (!strcmp(word, "rand")) {
        if (!read_rand(p, &value))
            return false;
    } else if (!read_map(p, at, word, &value))
        return false;
    kb_name(&p->b, value, name);
    return true;
}

static bool read_acc(Parser *p)
{
    const char *name = read_new_name(p);
    if (!name || !scan_expect(&p->s, "="))
        return false;
    Op op = scan_accept(&p->s, "max") ? OP_max : OP_add;
    Elem elem;
    if ((op == OP_add && !scan_expect(&p->s, "add")) || !read_elem(p, &elem))
        return false;
    kb_name(&p->b, kb_acc(&p->b, op, elem), name);
    return true;
}

static bool read_index(Parser *p)
{
    static const char *const call[] = { [IX_MIN] = "min(", [IX_DIV] = "div(", [IX_MOD] = "mod(" };
    FtcLoc at = scan_here(&p->s);
    const char *name = read_new_name(p);
    int buf;
    Poly x, y = { 0, NULL };
    if (!name || !scan_expect(&p->s, "="))
        return false;
    if (p->k->n_ivars == MAX_IVARS)
        return error_at(p, at, "too many indices");
    if (scan_accept(&p->s, "read ")) {
        if (!read_place(p, &buf, &x))
            return false;
        kb_read(&p->b, name, buf, x);
        return true;
    }
    IndexOp op = IX_SET;
    for (IndexOp i = IX_MIN; i <= IX_MOD; i++)
        if (scan_accept(&p->s, call[i]))
            op = i;
    if (!read_poly(p, &x) || (op != IX_SET && (!scan_expect(&p->s, ",") || !read_poly(p, &y) || !scan_expect(&p->s, ")"))))
        return false;
    kb_index(&p->b, name, op, x, y);
    return true;
}

/* %p[at + row*FIRST + col*SECOND], the subscripts of a dot being 0 i, 1 j, 2 k */
static bool read_operand(Parser *p, Operand *o, int first, int second)
{
    FtcLoc at = scan_here(&p->s);
    Arena *a = p->k->arena;
    int i = p->k->n_ivars;
    Poly x, rest;
    if (!read_place(p, &o->buf, &x))
        return false;
    if (!poly_split(a, x, i + first, &o->row, &rest) || !poly_split(a, rest, i + second, &o->col, &o->at) ||
        poly_uses(o->row, i + second) || poly_uses(x, i + 3 - first - second))
        return ftc_error(p->s.diag, at, "expected an offset, %c and %c, each times its stride", "ijk"[first], "ijk"[second]);
    return true;
}

/* packed N %p[at], or split N, or with strides */
static bool read_right_operand(Parser *p, Operand *o)
{
    int64_t width;
    o->split = scan_accept(&p->s, "split ");
    if (!o->split && !scan_accept(&p->s, "packed "))
        return read_operand(p, o, 2, 1);
    if (!scan_int(&p->s, 1, 1024, &width))
        return false;
    o->packed = (int)width;
    p->in_dot = false; /* the place takes no subscripts */
    return read_place(p, &o->buf, &o->at);
}

/* "j < poly", for the subscripts named */
static bool read_sizes(Parser *p, const char *letters, Poly *const *size)
{
    for (int i = 0; letters[i]; i++)
        if (!scan_expect(&p->s, ",") || !scan_expect(&p->s, (const char[]){ letters[i], '\0' }) || !scan_expect(&p->s, "<") ||
            !read_poly(p, size[i]))
            return false;
    return true;
}

static bool read_dot(Parser *p)
{
    Dot d = { .accumulate = false };
    p->in_dot = true;
    if (!read_operand(p, &d.c, 0, 1))
        return false;
    d.accumulate = scan_accept(&p->s, "+=");
    if ((!d.accumulate && !scan_expect(&p->s, "=")) || !read_operand(p, &d.a, 0, 2) || !scan_expect(&p->s, "*") ||
        !read_right_operand(p, &d.b))
        return false;
    p->in_dot = false;
    if (!read_sizes(p, "ijk", (Poly *const[]){ &d.m, &d.n, &d.k }))
        return false;
    kb_dot(&p->b, &d);
    return true;
}

static bool read_pack(Parser *p)
{
    Dot d = { .accumulate = false };
    if (!read_right_operand(p, &d.c) || !scan_expect(&p->s, "="))
        return false;
    p->in_dot = true;
    if (!read_right_operand(p, &d.b))
        return false;
    p->in_dot = false;
    if (!read_sizes(p, "jk", (Poly *const[]){ &d.n, &d.k }))
        return false;
    d.m = d.k;
    if (scan_accept(&p->s, "of ") && !read_poly(p, &d.m))
        return false;
    kb_pack(&p->b, &d);
    return true;
}

static bool read_block(Parser *p);

static bool read_loop(Parser *p, FtcLoc at, bool vec)
{
    const char *name;
    Poly lo, hi;
    int64_t zero;
    if (!read_range(p, &name, &lo, &hi))
        return false;
    if (p->b.depth + 1 == MAX_DEPTH || p->k->n_ivars == MAX_IVARS)
        return error_at(p, at, "too many loops");
    if (vec && (!poly_is_const(lo, &zero) || zero))
        return error_at(p, at, "a vec begins at 0");
    if (vec)
        kb_vec(&p->b, name, hi);
    else
        kb_for(&p->b, name, lo, hi);
    if (!scan_expect(&p->s, "{") || !read_block(p))
        return false;
    kb_end(&p->b);
    return true;
}

static bool read_stmt(Parser *p)
{
    FtcLoc at = scan_here(&p->s);
    const char *word = scan_word(&p->s, "_", "a statement or }");
    if (!word)
        return false;
    Loc *loc = NEW(p->k->arena, Loc);
    loc->at = at;
    p->b.loc = loc;
    int a, b;
    Poly poly;
    if (!strcmp(word, "let"))
        return read_let(p);
    if (!strcmp(word, "acc"))
        return read_acc(p);
    if (!strcmp(word, "index"))
        return read_index(p);
    if (!strcmp(word, "dot"))
        return read_dot(p);
    if (!strcmp(word, "pack"))
        return read_pack(p);
    if (!strcmp(word, "for") || !strcmp(word, "vec"))
        return read_loop(p, at, *word == 'v');
    if (!strcmp(word, "reduce")) {
        if (!read_value(p, &a) || !scan_expect(&p->s, ",") || !read_value(p, &b))
            return false;
        kb_reduce(&p->b, a, b);
        return true;
    }
    if (!strcmp(word, "store")) {
        if (!read_place(p, &a, &poly) || !scan_expect(&p->s, "=") || !read_value(p, &b))
            return false;
        kb_store(&p->b, a, poly, b);
        return true;
    }
    return ftc_error(p->s.diag, at, "unknown statement '%s'", word);
}

/* Statements up to and with the closing brace. */
static bool read_block(Parser *p)
{
    while (!scan_accept(&p->s, "}"))
        if (!read_stmt(p))
            return false;
    return true;
}

/* ---- kernels -------------------------------------------------------------------------------------------------- */

static bool read_param(Parser *p)
{
    static const char *const modes[] = { "in", "out", "inout", "scratch" };
    FtcLoc at = scan_here(&p->s);
    const char *word = scan_word(&p->s, "", "in, out, inout or scratch");
    if (!word)
        return false;
    int mode = find(modes, 4, word);
    if (mode < 0)
        return ftc_error(p->s.diag, at, "expected in, out, inout or scratch, not '%s'", word);
    Elem elem;
    Poly size = { 0, NULL };
    const char *name = read_elem(p, &elem) ? read_new_name(p) : NULL;
    if (!name || (mode == PARAM_SCRATCH && (!scan_expect(&p->s, "[") || !read_poly(p, &size) || !scan_expect(&p->s, "]"))))
        return false;
    kernel_param(p->k, name, elem, (ParamMode)mode, size);
    return true;
}

static bool read_par(Parser *p)
{
    FtcLoc at = scan_here(&p->s);
    const char *name;
    Poly begin, end;
    int64_t step = 1;
    if (!read_range(p, &name, &begin, &end) || (scan_accept(&p->s, "step") && !scan_int(&p->s, 1, 1 << 30, &step)))
        return false;
    if (p->k->n_par == MAX_PAR)
        return ftc_error(p->s.diag, at, "a kernel has at most %d par dims", MAX_PAR);
    kb_par(&p->b, name, begin, end, step);
    return true;
}

static bool read_kernel(Parser *p)
{
    if (!scan_expect(&p->s, "kernel") || !scan_expect(&p->s, "@"))
        return false;
    const char *name = scan_word(&p->s, "_.", "the kernel's name");
    if (!name || !scan_expect(&p->s, "("))
        return false;
    p->k->name = name;
    while (!scan_accept(&p->s, ")"))
        if ((p->k->n_params && !scan_expect(&p->s, ",")) || !read_param(p))
            return false;
    if (!scan_expect(&p->s, "{"))
        return false;
    while (scan_accept(&p->s, "par "))
        if (!read_par(p))
            return false;
    return read_block(p);
}

/* What was read is not the user's program: the places were for messages only. */
static void drop_locs(KStmt *s)
{
    for (; s; s = s->next) {
        s->loc = NULL;
        drop_locs(s->body);
    }
}

Kernel *kernel_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d)
{
    return kernel_parse_at(arena, file, 1, text, len, d);
}

Kernel *kernel_parse_at(Arena *arena, const char *file, int line, const char *text, size_t len, FtcDiag *d)
{
    Parser p = { .s = scan_open(arena, file, text, len, d), .k = kernel_new(arena, "") };
    p.s.line = line;
    kb_begin(&p.b, p.k);
    FtcLoc at = scan_here(&p.s);
    if (!read_kernel(&p))
        return NULL;
    if (!scan_at_end(&p.s)) {
        ftc_error(d, scan_here(&p.s), "text behind the end of the kernel");
        return NULL;
    }
    const KStmt *where;
    const char *problem = kernel_problem(p.k, &where);
    if (problem) {
        ftc_error(d, where ? where->loc->at : at, "%s", problem);
        return NULL;
    }
    drop_locs(p.k->body);
    return p.k;
}

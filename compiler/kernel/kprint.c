/* Kernel -> text.  In: a kernel.  Out: C-like loops; kparse.c has the grammar and reads it back to the same text.
 * Deterministic: names as the builder gave them, polynomials in canonical order, numbers with as many digits as it
 * takes to come back unchanged. */
#include "compiler/kernel/kernel.h"

#include "runtime/core/mem.h"
#include "runtime/core/shortest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A breach of the rules has to print too: it is what a bug report shows. */
static const char *value_name(const Kernel *k, int v) { return v >= 0 && v < k->n_values ? k->value_names[v] : "?"; }
static const char *ivar_name(const Kernel *k, int v)
{
    char unused[24];
    if (v >= 0 && v < N_SYMBOLS)
        return dim_name(-1 - v, unused);
    return k && v >= 0 && v < k->n_ivars ? k->ivars[v] : "?";
}
static const char *param_name(const Kernel *k, int p) { return p >= 0 && p < k->n_params ? k->params[p].name : "?"; }
static const char *value_type(const Kernel *k, int v) { return v >= 0 && v < k->n_values ? elem_name(k->values[v]) : "?"; }

/* Variables behind the kernel's own are a dot's subscripts: `letters`. */
static void print_var(FILE *out, const Kernel *k, int var, const char *letters)
{
    if (letters && var >= k->n_ivars)
        fputc(letters[var - k->n_ivars], out);
    else
        fprintf(out, "%s%s", var >= 0 && var < N_SYMBOLS ? "" : "%", ivar_name(k, var));
}

/* In canonical order, but not with a minus in front where there is a term to put there: %end - %p. */
static void print_sum(FILE *out, const Kernel *k, Poly p, const char *letters)
{
    int first = 0;
    while (first < p.n && p.t[first].coef < 0)
        first++;
    first = first < p.n ? first : 0;
    if (!p.n)
        fputc('0', out);
    for (int i = 0; i < p.n; i++) {
        const Term *t = &p.t[i == 0 ? first : i <= first ? i - 1 : i];
        uint64_t size = t->coef < 0 ? -(uint64_t)t->coef : (uint64_t)t->coef;
        fputs(t->coef < 0 ? (i ? " - " : "-") : (i ? " + " : ""), out);
        if (size != 1 || !t->n)
            fprintf(out, "%llu%s", (unsigned long long)size, t->n ? "*" : "");
        for (int f = 0; f < t->n; f++) {
            fputs(f ? "*" : "", out);
            print_var(out, k, t->var[f], letters);
        }
    }
}

void poly_print(FILE *out, const Kernel *k, Poly p) { print_sum(out, k, p, NULL); }

static void print_place(FILE *out, const Kernel *k, int buf, Poly at)
{
    fprintf(out, "%%%s[", param_name(k, buf));
    poly_print(out, k, at);
    fputc(']', out);
}

/* The shortest digits that come back unchanged; nine do for any f32, and an i32 is whole. */
static void print_number(FILE *out, double v)
{
    if (isnan(v)) {
        fputs("nan", out);
    } else if (v == trunc(v) && fabs(v) < 1e10) {
        fprintf(out, "%.0f", v);
    } else {
        char digits[SHORTEST_SIZE];
        fputs(shortest_float(v, 1, digits), out);
    }
}

/* With its subscripts, as a C programmer would write it, the stride of 1 last: %x[384*%p + 384*i + k] */
static void print_operand(FILE *out, const Kernel *k, const Operand *o, const char *letters)
{
    if (o->packed) {
        fprintf(out, "%s %d ", o->split ? "split" : "packed", o->packed);
        print_place(out, k, o->buf, o->at);
        return;
    }
    Arena *a = arena_new();
    bool turned = poly_equal(o->row, poly_const(a, 1));
    Poly row = poly_mul(a, o->row, poly_var(a, k->n_ivars + turned));
    Poly col = poly_mul(a, o->col, poly_var(a, k->n_ivars + !turned));
    fprintf(out, "%%%s[", param_name(k, o->buf));
    print_sum(out, k, poly_add(a, o->at, poly_add(a, row, col)), (const char[]){ letters[turned], letters[!turned] });
    fputc(']', out);
    arena_free(a);
}

/* ", j < n, k < k" */
static void print_columns_and_depth(FILE *out, const Kernel *k, const Dot *d)
{
    fputs(", j < ", out);
    poly_print(out, k, d->n);
    fputs(", k < ", out);
    poly_print(out, k, d->k);
}

static void print_dot(FILE *out, const Kernel *k, const Dot *d)
{
    fputs("dot ", out);
    print_operand(out, k, &d->c, "ij");
    fputs(d->accumulate ? " += " : " = ", out);
    print_operand(out, k, &d->a, "ik");
    fputs(" * ", out);
    print_operand(out, k, &d->b, "kj");
    fputs(", i < ", out);
    poly_print(out, k, d->m);
    print_columns_and_depth(out, k, d);
}

static void print_pack(FILE *out, const Kernel *k, const Dot *d)
{
    fputs("pack ", out);
    print_operand(out, k, &d->c, "kj");
    fputs(" = ", out);
    print_operand(out, k, &d->b, "kj");
    print_columns_and_depth(out, k, d);
    if (!poly_equal(d->m, d->k)) {
        fputs(" of ", out);
        poly_print(out, k, d->m);
    }
}

static void print_index(FILE *out, const Kernel *k, const KStmt *s)
{
    static const char *const call[] = { [IX_SET] = "", [IX_MIN] = "min(", [IX_DIV] = "div(", [IX_MOD] = "mod(" };
    fprintf(out, "index %%%s = %s", ivar_name(k, s->ivar), call[s->index_op]);
    poly_print(out, k, s->at);
    if (s->index_op == IX_SET)
        return;
    fputs(", ", out);
    poly_print(out, k, s->hi);
    fputc(')', out);
}

/* A statement without what is inside it. */
static void print_stmt(FILE *out, const Kernel *k, const KStmt *s)
{
    const char *dst = value_name(k, s->dst);
    const char *src[] = { value_name(k, s->src[0]), value_name(k, s->src[1]), value_name(k, s->src[2]) };
    switch (s->kind) {
    case K_FOR:
    case K_VEC:
        fprintf(out, "%s %%%s = ", s->kind == K_FOR ? "for" : "vec", ivar_name(k, s->ivar));
        poly_print(out, k, s->lo);
        fputs(" .. ", out);
        poly_print(out, k, s->hi);
        break;
    case K_LET:
        fprintf(out, "let %%%s = %s", dst, op_info[s->op].name);
        for (int i = 0; i < op_info[s->op].inputs; i++)
            fprintf(out, "%s%%%s", i ? ", " : " ", src[i]);
        if (s->op == OP_cast)
            fprintf(out, " %s", value_type(k, s->dst));
        break;
    case K_CONST:
        fprintf(out, "let %%%s = const ", dst);
        print_number(out, s->value);
        fprintf(out, " %s", value_type(k, s->dst));
        break;
    case K_LOAD:
        fprintf(out, "let %%%s = load ", dst);
        print_place(out, k, s->buf, s->at);
        break;
    case K_STORE:
        fputs("store ", out);
        print_place(out, k, s->buf, s->at);
        fprintf(out, " = %%%s", src[0]);
        break;
    case K_ACC: fprintf(out, "acc %%%s = %s %s", dst, op_info[s->op].name, value_type(k, s->dst)); break;
    case K_REDUCE: fprintf(out, "reduce %%%s, %%%s", dst, src[0]); break;
    case K_FROM_INDEX:
        fprintf(out, "let %%%s = index ", dst);
        poly_print(out, k, s->at);
        break;
    case K_RAND:
        fprintf(out, "let %%%s = rand site %d, seed %%%s, step %%%s, row %%%s, column ", dst, s->imm, src[0], src[1], src[2]);
        poly_print(out, k, s->at);
        break;
    case K_INDEX: print_index(out, k, s); break;
    case K_READ:
        fprintf(out, "index %%%s = read ", ivar_name(k, s->ivar));
        print_place(out, k, s->buf, s->at);
        break;
    case K_DOT: print_dot(out, k, s->dot); break;
    case K_PACK: print_pack(out, k, s->dot); break;
    case N_KSTMTS: break;
    }
}

/* "bert.yaml:4:5<my.yaml:7:3", without what could end a comment; free() it */
static char *loc_text(const Loc *loc)
{
    char *text = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    for (const char *mark = ""; loc; loc = loc->also, mark = "|")
        for (const Loc *l = loc; l; l = l->up)
            fprintf(out, "%s%s:%d:%d", l == loc ? mark : "<", l->at.file ? l->at.file : "", l->at.line, l->at.col);
    fclose(out);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = '?';
    return text;
}

typedef struct {
    FILE *out;
    const Kernel *k;
    bool places;
    char *last; /* the place last printed */
} Printer;

static void print_loc(Printer *p, const Loc *loc)
{
    if (!p->places || !loc)
        return;
    char *text = loc_text(loc);
    if (p->last && !strcmp(text, p->last)) {
        free(text);
        return;
    }
    fprintf(p->out, "  # %s", text);
    free(p->last);
    p->last = text;
}

static void print_block(Printer *p, const KStmt *s, int depth)
{
    for (; s; s = s->next) {
        bool block = s->kind == K_FOR || s->kind == K_VEC;
        fprintf(p->out, "%*s", 2 * depth, "");
        print_stmt(p->out, p->k, s);
        fputs(block ? " {" : "", p->out);
        print_loc(p, s->loc);
        fputc('\n', p->out);
        if (block) {
            print_block(p, s->body, depth + 1);
            fprintf(p->out, "%*s}\n", 2 * depth, "");
        }
    }
}

static void print_params(FILE *out, const Kernel *k)
{
    static const char *const mode[] = { "in", "out", "inout", "scratch" };
    int margin = fprintf(out, "kernel @%s(", k->name), col = margin;
    for (int i = 0; i < k->n_params; i++) {
        const KParam *p = &k->params[i];
        char *text = NULL;
        size_t size;
        FILE *word = text_open(&text, &size);
        fprintf(word, "%s %s %%%s", mode[p->mode], elem_name(p->elem), p->name);
        if (p->mode == PARAM_SCRATCH) {
            fputc('[', word);
            poly_print(word, k, p->size);
            fputc(']', word);
        }
        fclose(word);
        bool wrap = i && col + (int)size > 110;
        if (wrap)
            fprintf(out, ",\n%*s", margin, "");
        else if (i)
            fputs(", ", out);
        col = (wrap ? margin : col + 2) + (int)size;
        fputs(text, out);
        free(text);
    }
    fputs(") {\n", out);
}

static void print_kernel(const Kernel *k, FILE *out, bool places)
{
    Printer p = { .out = out, .k = k, .places = places };
    print_params(out, k);
    for (int i = 0; i < k->n_par; i++) {
        const Par *par = &k->par[i];
        fprintf(out, "  par %%%s = ", ivar_name(k, par->ivar));
        poly_print(out, k, par->begin);
        fputs(" .. ", out);
        poly_print(out, k, par->end);
        if (par->step != 1)
            fprintf(out, " step %lld", (long long)par->step);
        fputc('\n', out);
    }
    print_block(&p, k->body, 1);
    fputs("}\n", out);
    free(p.last);
}

void kernel_print(const Kernel *k, FILE *out) { print_kernel(k, out, true); }

char *kernel_text(const Kernel *k)
{
    char *text = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    print_kernel(k, out, k->debug);
    fclose(out);
    return text;
}

char *stmt_text(const Kernel *k, const KStmt *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    print_stmt(out, k, s);
    fclose(out);
    return text;
}

/* A program as text, and back.  In: a Program, before or after plan.  Out: text that parses to the same one.
 *
 *   # kernel 0
 *   kernel @gather(in i32 %in, ...) {
 *     ...
 *   }
 *
 *   program @step panels 56 {                            # of at most so many tokens
 *     buffer 0 input i32 "ids" [T]
 *     buffer 1 kept f32 "layers.0.ffn.up.weight.packed" [...]
 *     buffer 2 arena f32 "embeddings.sum" [8*T] in 1     # slot 1; calls 0 to 7
 *   prepare:                                             # where anything is kept
 *     call 1(3, 1)
 *   forward:
 *     call 0(0, 1, 2)                                    # @gather(ids, embeddings.token.weight, embeddings.sum)
 *   backward:
 *     call 4(2, 5; 3)                                    # behind ';' the random sites
 *   }
 *
 * Kernels are numbered as they stand; calls run in order. */
#include "compiler/kernel/program.h"

#include "compiler/support/scan.h"

#include <string.h>

static const char *const kind_word[] = { "weight", "state", "input", "arena", "output", "kept" };
enum { N_KINDS = sizeof kind_word / sizeof *kind_word };

/* ---- printing ------------------------------------------------------------------------------------------------------- */

static void print_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == '"' || *s == '\\' || (unsigned char)*s == 127)
            fprintf(out, "\\x%02x", (unsigned char)*s);
        else
            fputc(*s, out);
    fputc('"', out);
}

static int n_shared(const Kernel *k)
{
    int n = 0;
    while (n < k->n_params && k->params[n].mode != PARAM_SCRATCH)
        n++;
    return n;
}

static void print_buffer(FILE *out, const Program *p, int i)
{
    const Buf *b = &p->bufs[i];
    fprintf(out, "  buffer %d %s %s ", i, kind_word[b->kind], elem_name(b->elem));
    print_string(out, b->name);
    fputs(" [", out);
    poly_print(out, NULL, b->size);
    fputc(']', out);
    if (b->kind == FTC_BUF_ARENA) {
        if (b->slot >= 0)
            fprintf(out, " in %d", b->slot);
        fprintf(out, "  # calls %d to %d", b->first, b->last);
    }
    fputc('\n', out);
}

static void print_call(FILE *out, const Program *p, int i)
{
    const Call *c = &p->calls[i];
    const Kernel *k = p->kernels[c->kernel];
    int n = n_shared(k);
    fprintf(out, "  call %d(", c->kernel);
    for (int j = 0; j < n; j++)
        fprintf(out, "%s%d", j ? ", " : "", c->bufs[j]);
    for (int j = 0; j < k->n_imms; j++)
        fprintf(out, "%s%d", j ? ", " : "; ", c->imms[j]);
    fprintf(out, ")  # %d: @%s(", i, k->name);
    for (int j = 0; j < n; j++)
        fprintf(out, "%s%s", j ? ", " : "", p->bufs[c->bufs[j]].name);
    fputs(")\n", out);
}

void program_print(const Program *p, FILE *out)
{
    for (int i = 0; i < p->n_kernels; i++) {
        fprintf(out, "# kernel %d\n", i);
        kernel_print(p->kernels[i], out);
        fputc('\n', out);
    }
    fprintf(out, "program @%s panels %d {\n", p->name, p->panel_tokens);
    for (int i = 0; i < p->n_bufs; i++)
        print_buffer(out, p, i);
    Region region = REGION_FORWARD;
    if (p->n_prepare)
        fputs("prepare:\n", out);
    for (int i = 0; i < p->n_calls; i++) {
        if (p->n_prepare && i == p->n_prepare)
            fputs("forward:\n", out);
        if (p->calls[i].region != region)
            fprintf(out, "%s:\n", region_name(region = p->calls[i].region));
        print_call(out, p, i);
    }
    fputs("}\n", out);
}

/* ---- parsing -------------------------------------------------------------------------------------------------------- */

typedef struct {
    Scanner s;
    Program *p;
} Parser;

static bool read_symbol(Parser *q, int *var)
{
    for (*var = 0; *var < N_SYMBOLS; (*var)++) {
        char unused[24];
        if (scan_accept(&q->s, dim_name(-1 - *var, unused)))
            return true;
    }
    return ftc_error(q->s.diag, scan_here(&q->s), "expected one of the symbols " SYMBOL_NAMES);
}

/* 8*T, T*L, 4 */
static bool read_term(Parser *q, Poly *out)
{
    Arena *a = q->p->arena;
    int64_t n = 1;
    int var;
    bool digit = q->s.p < q->s.end && *q->s.p >= '0' && *q->s.p <= '9';
    if (digit && !scan_int(&q->s, 0, INT64_C(1) << 40, &n))
        return false;
    *out = poly_const(a, n);
    for (int factors = 0; !digit || scan_accept(&q->s, "*"); factors++, digit = true) {
        FtcLoc at = scan_here(&q->s);
        if (!read_symbol(q, &var))
            return false;
        if (factors == MAX_FACTORS)
            return ftc_error(q->s.diag, at, "a product has at most %d symbols", MAX_FACTORS);
        *out = poly_mul(a, *out, poly_var(a, var));
    }
    return true;
}

/* [8*T + 4] */
static bool read_size(Parser *q, Poly *size)
{
    Poly term;
    int terms = 0;
    *size = poly_const(q->p->arena, 0);
    if (!scan_expect(&q->s, "["))
        return false;
    do {
        FtcLoc at = scan_here(&q->s);
        bool minus = scan_accept(&q->s, "-");
        scan_here(&q->s); /* over the blanks */
        if (!read_term(q, &term))
            return false;
        if (++terms > 4)
            return ftc_error(q->s.diag, at, "a size has at most 4 terms");
        *size = poly_add(q->p->arena, *size, minus ? poly_scale(q->p->arena, term, -1) : term);
    } while (scan_accept(&q->s, "+") || scan_peek(&q->s, "-"));
    return scan_expect(&q->s, "]");
}

/* The number that comes next in a list, so that a reader can find it. */
static bool read_number(Parser *q, int expected, const char *what)
{
    FtcLoc at = scan_here(&q->s);
    int64_t n;
    if (!scan_int(&q->s, 0, INT32_MAX, &n))
        return false;
    return n == expected || ftc_error(q->s.diag, at, "expected %s %d", what, expected);
}

static int word_of(const char *const *words, int n, const char *word)
{
    int i = 0;
    while (i < n && strcmp(words[i], word))
        i++;
    return i;
}

static bool read_buffer(Parser *q)
{
    Program *p = q->p;
    if (!read_number(q, p->n_bufs, "buffer"))
        return false;
    FtcLoc at = scan_here(&q->s);
    const char *kind = scan_word(&q->s, "", "weight, state, input, arena, output or kept"), *elem;
    Buf b = { .slot = -1, .first = -1, .last = -1 };
    if (!kind || !(elem = scan_word(&q->s, "", "an element type")))
        return false;
    int which = word_of(kind_word, N_KINDS, kind), e = 0;
    while (e < N_ELEMS && strcmp(elem_name((Elem)e), elem))
        e++;
    if (which == N_KINDS || e == N_ELEMS)
        return ftc_error(q->s.diag, at, "'%s %s' is no kind of buffer", kind, elem);
    b.kind = (FtcBufKind)which;
    b.elem = (Elem)e;
    if (!(b.name = scan_string(&q->s)) || !read_size(q, &b.size))
        return false;
    int64_t slot;
    if (scan_accept(&q->s, "in ")) {
        if (!scan_int(&q->s, 0, MOST_SLOTS - 1, &slot))
            return false;
        b.slot = (int)slot;
    }
    ARENA_GROW(p->arena, p->bufs, p->n_bufs, p->cap_bufs);
    p->bufs[p->n_bufs++] = b;
    return true;
}

static bool read_call(Parser *q, Region region)
{
    Program *p = q->p;
    FtcLoc at = scan_here(&q->s);
    int64_t kernel, n;
    if (!scan_int(&q->s, 0, INT32_MAX, &kernel) || !scan_expect(&q->s, "("))
        return false;
    if (kernel >= p->n_kernels)
        return ftc_error(q->s.diag, at, "there is no kernel %lld; the last one is %d", (long long)kernel, p->n_kernels - 1);
    const Kernel *k = p->kernels[kernel];
    int bufs = n_shared(k);
    Call c = { .kernel = (int)kernel, .region = region, .bufs = NEW_ARRAY(p->arena, int, bufs + 1),
               .imms = NEW_ARRAY(p->arena, int32_t, k->n_imms + 1) };
    for (int i = 0; i < bufs; i++) {
        if (i && !scan_expect(&q->s, ","))
            return false;
        at = scan_here(&q->s);
        if (!scan_int(&q->s, 0, INT32_MAX, &n))
            return false;
        if (n >= p->n_bufs)
            return ftc_error(q->s.diag, at, "there is no buffer %lld", (long long)n);
        Buf *b = &p->bufs[n];
        if (b->elem != k->params[i].elem)
            return ftc_error(q->s.diag, at, "buffer %lld is %s, but parameter %d of @%s is %s", (long long)n, elem_name(b->elem), i,
                             k->name, elem_name(k->params[i].elem));
        c.bufs[i] = (int)n;
        b->first = b->first < 0 ? p->n_calls : b->first;
        b->last = p->n_calls;
    }
    for (int i = 0; i < k->n_imms; i++) {
        if (!scan_expect(&q->s, i ? "," : ";") || !scan_int(&q->s, 0, INT32_MAX, &n))
            return false;
        c.imms[i] = (int32_t)n;
    }
    ARENA_GROW(p->arena, p->calls, p->n_calls, p->cap_calls);
    p->calls[p->n_calls++] = c;
    return scan_expect(&q->s, ")");
}

/* Slots are there for all buffers of the arena, or (before plan) for none. */
static bool count_slots(const Parser *q)
{
    Program *p = q->p;
    for (int i = 0; i < p->n_bufs; i++)
        p->n_slots = p->bufs[i].slot >= p->n_slots ? p->bufs[i].slot + 1 : p->n_slots;
    for (int i = 0; i < p->n_bufs; i++)
        if ((p->bufs[i].slot >= 0) != (p->n_slots && p->bufs[i].kind == FTC_BUF_ARENA))
            return ftc_error(q->s.diag, FTC_FILE(q->s.file), "buffer %d of program @%s should be in %s slot", i, p->name,
                             p->bufs[i].slot >= 0 ? "no" : "a");
    return true;
}

static bool read_program(Parser *q)
{
    Region region = REGION_FORWARD;
    bool preparing = false;
    const char *name;
    int64_t panel;
    if (!scan_expect(&q->s, "program") || !scan_expect(&q->s, "@") || !(name = scan_word(&q->s, "_.", "the program's name")) ||
        !scan_expect(&q->s, "panels") || !scan_int(&q->s, 1, MOST_PANEL_TOKENS, &panel) || !scan_expect(&q->s, "{"))
        return false;
    q->p->name = name;
    q->p->panel_tokens = (int)panel;
    while (!scan_accept(&q->s, "}")) {
        FtcLoc at = scan_here(&q->s);
        bool ok;
        if (scan_accept(&q->s, "buffer "))
            ok = read_buffer(q);
        else if (scan_accept(&q->s, "call "))
            ok = read_call(q, region);
        else if (!q->p->n_calls && scan_accept(&q->s, "prepare:"))
            ok = preparing = true;
        else if (preparing && scan_accept(&q->s, "forward:")) {
            q->p->n_prepare = q->p->n_calls;
            ok = !(preparing = false);
        } else if (!preparing && region < REGION_BACKWARD && scan_accept(&q->s, "backward:"))
            ok = (region = REGION_BACKWARD) != 0;
        else if (!preparing && region < REGION_UPDATE && scan_accept(&q->s, "update:"))
            ok = (region = REGION_UPDATE) != 0;
        else
            ok = ftc_error(q->s.diag, at, "expected buffer, call, or the next region");
        if (!ok)
            return false;
    }
    if (preparing)
        return ftc_error(q->s.diag, scan_here(&q->s), "program @%s ends before 'forward:'", q->p->name);
    return count_slots(q);
}

static int lines_in(const char *text, size_t begin, size_t end)
{
    int lines = 0;
    for (; begin < end; begin++)
        lines += text[begin] == '\n';
    return lines;
}

/* The end of the line after the next one that is a closing brace alone. */
static size_t block_end(const char *text, size_t at, size_t len)
{
    for (; at < len; at++)
        if (text[at] == '}' && (at == 0 || text[at - 1] == '\n') && (at + 1 == len || text[at + 1] == '\n'))
            return at + 1;
    return len;
}

Program *program_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d)
{
    Program *p = NEW(arena, Program);
    p->arena = arena;
    int line = 1;
    for (size_t at = 0, seen = 0;;) {
        /* comments and blank lines, then a kernel or the program */
        while (at < len && (text[at] == '#' || text[at] == '\n')) {
            const char *nl = memchr(text + at, '\n', len - at);
            at = nl ? (size_t)(nl - text) + 1 : len;
        }
        bool kernel = len - at >= 6 && !memcmp(text + at, "kernel", 6);
        size_t end = kernel ? block_end(text, at, len) : len;
        line += lines_in(text, seen, at);
        seen = at;
        if (!kernel) {
            Parser q = { .s = scan_open(arena, file, text + at, len - at, d), .p = p };
            q.s.line = line;
            if (!read_program(&q))
                return NULL;
            return scan_at_end(&q.s) || ftc_error(d, scan_here(&q.s), "text behind the end of the program") ? p : NULL;
        }
        Kernel *k = kernel_parse_at(arena, file, line, text + at, end - at, d);
        if (!k)
            return NULL;
        int before = p->n_kernels;
        program_kernel(p, k);
        if (p->n_kernels == before) {
            ftc_error(d, FTC_FILE(file), "kernel @%s stands there twice; calls may name the first", k->name);
            return NULL;
        }
        at = end;
    }
}

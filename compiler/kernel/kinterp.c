/* The reference interpreter: what a kernel means, in plain C.  In: a verified kernel, buffers, sizes.  Out: what it
 * stores.  Values are doubles; f32 rounds at the store, bf16 to nearest even behind that, i32 wraps.
 * Iterations of a vec run from the last to the first, so that one that leans on another shows. */
#include "compiler/kernel/kernel.h"
#include "compiler/ops/ops.h"
#include "runtime/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Kernel *k;
    void **buf;
    int64_t *size;     /* elements of each parameter; -1: unknown */
    int64_t *ivar;
    double *value;
    Op *acc;           /* by value: what the accumulator does */
    const int32_t *imms;
    const KStmt *at;
} Run;

static int64_t eval(const Run *r, Poly p) { return poly_eval(p, r->ivar); }

/* ---- memory --------------------------------------------------------------------------------------------------- */

static void check_bounds(const Run *r, int buf, int64_t at)
{
    if (r->size[buf] >= 0 && (at < 0 || at >= r->size[buf]))
        ftc_bug("kernel @%s: %s: element %lld of %lld in %%%s", r->k->name, stmt_text(r->k, r->at), (long long)at,
                (long long)r->size[buf], r->k->params[buf].name);
}

static double load(const Run *r, int buf, int64_t at)
{
    check_bounds(r, buf, at);
    const void *from = r->buf[buf];
    uint32_t bits;
    float f;
    switch (r->k->params[buf].elem) {
    case F32: return ((const float *)from)[at];
    case I32: return ((const int32_t *)from)[at];
    case BOOL: return ((const uint8_t *)from)[at] != 0;
    case BF16:
        bits = (uint32_t)((const uint16_t *)from)[at] << 16;
        memcpy(&f, &bits, sizeof f);
        return f;
    default: return 0;
    }
}

static uint16_t to_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (isnan(f))
        return (uint16_t)(bits >> 16 | 0x40); /* quiet: the low bits may be all that made it a NaN */
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static void store(const Run *r, int buf, int64_t at, double v)
{
    check_bounds(r, buf, at);
    void *to = r->buf[buf];
    switch (r->k->params[buf].elem) {
    case F32: ((float *)to)[at] = (float)v; break;
    case I32: ((int32_t *)to)[at] = (int32_t)v; break;
    case BOOL: ((uint8_t *)to)[at] = v != 0; break;
    case BF16: ((uint16_t *)to)[at] = to_bf16((float)v); break;
    default: break;
    }
}

/* ---- statements ----------------------------------------------------------------------------------------------- */

static double run_map(const Run *r, const KStmt *s)
{
    double x[3] = { 0 };
    int n = op_info[s->op].inputs;
    for (int i = 0; i < n; i++)
        x[i] = r->value[s->src[i]];
    double y = map_eval(s->op, r->k->values[s->src[n - 1]], x);
    return s->op == OP_cast ? cast_value(r->k->values[s->dst], y) : y;
}

static uint32_t bits_of(double i32) { return (uint32_t)(int32_t)i32; }

static uint32_t run_rand(const Run *r, const KStmt *s)
{
    const double *v = r->value;
    return rand_bits16(bits_of(v[s->src[0]]), (uint32_t)r->imms[s->imm], bits_of(v[s->src[1]]), bits_of(v[s->src[2]]),
                       (uint32_t)eval(r, s->at));
}

static int64_t run_index(const Run *r, const KStmt *s)
{
    int64_t x = eval(r, s->at), y = eval(r, s->hi);
    if (s->index_op == IX_SET)
        return x;
    if (x < 0 || y < (s->index_op != IX_MIN))
        ftc_bug("kernel @%s: %s: operands %lld and %lld", r->k->name, stmt_text(r->k, s), (long long)x, (long long)y);
    if (s->index_op == IX_MIN)
        return x < y ? x : y;
    return s->index_op == IX_DIV ? x / y : x % y;
}

/* From a panel's part to the next one; of bf16, a panel that isn't split is one part. */
static int64_t part_size(const Operand *b, int64_t depth) { return (depth + 1) / 2 * 2 * b->packed; }

/* where B[k,j] is */
static int64_t packed_at(const Run *r, const Operand *b, int64_t depth, int64_t k, int64_t j)
{
    int64_t parts = b->split ? SPLIT_PARTS : 1;
    if (r->k->params[b->buf].elem == BF16)
        return (j / b->packed) * parts * part_size(b, depth) + k / 2 * 2 * b->packed + j % b->packed * 2 + k % 2;
    return (j / b->packed) * depth * b->packed + k * b->packed + j % b->packed;
}

static void run_dot(const Run *r, const Dot *d)
{
    int64_t m = eval(r, d->m), n = eval(r, d->n), depth = eval(r, d->k);
    int64_t a0 = eval(r, d->a.at), a_row = eval(r, d->a.row), a_col = eval(r, d->a.col);
    int64_t b0 = eval(r, d->b.at), b_row = eval(r, d->b.row), b_col = eval(r, d->b.col);
    int64_t c0 = eval(r, d->c.at), c_row = eval(r, d->c.row);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = d->accumulate ? load(r, d->c.buf, c0 + i * c_row + j) : 0;
            for (int64_t k = 0; k < depth; k++) {
                int64_t at = d->b.packed ? packed_at(r, &d->b, depth, k, j) : k * b_row + j * b_col;
                double b = load(r, d->b.buf, b0 + at);
                for (int part = 1; d->b.split && part < SPLIT_PARTS; part++)
                    b += load(r, d->b.buf, b0 + at + part * part_size(&d->b, depth));
                sum += load(r, d->a.buf, a0 + i * a_row + k * a_col) * b;
            }
            store(r, d->c.buf, c0 + i * c_row + j, sum);
        }
}

static void run_pack(const Run *r, const Dot *d)
{
    int64_t n = eval(r, d->n), depth = eval(r, d->k), width = d->c.packed, columns = (n + width - 1) / width * width;
    int64_t b0 = eval(r, d->b.at), b_row = eval(r, d->b.row), b_col = eval(r, d->b.col), c0 = eval(r, d->c.at);
    int64_t all = eval(r, d->m), rows = r->k->params[d->c.buf].elem == BF16 ? (depth + 1) / 2 * 2 : depth;
    for (int64_t j = 0; j < columns; j++)
        for (int64_t k = 0; k < rows; k++) {
            int64_t at = c0 + packed_at(r, &d->c, all, k, j);
            double x = j < n && k < depth ? load(r, d->b.buf, b0 + k * b_row + j * b_col) : 0;
            store(r, d->c.buf, at, x);
            for (int part = 1; d->c.split && part < SPLIT_PARTS; part++) {
                double rounded = load(r, d->c.buf, at + (part - 1) * part_size(&d->c, all));
                x = isfinite(rounded) ? x - rounded : 0;
                store(r, d->c.buf, at + part * part_size(&d->c, all), x);
            }
        }
}

static void run_block(Run *r, const KStmt *s)
{
    double x[3] = { 0 };
    for (; s; s = s->next) {
        r->at = s;
        switch (s->kind) {
        case K_FOR:
            for (int64_t i = eval(r, s->lo), hi = eval(r, s->hi); i < hi; i++) {
                r->ivar[s->ivar] = i;
                run_block(r, s->body);
            }
            break;
        case K_VEC:
            for (int64_t i = eval(r, s->hi) - 1; i >= 0; i--) {
                r->ivar[s->ivar] = i;
                run_block(r, s->body);
            }
            break;
        case K_LET: r->value[s->dst] = run_map(r, s); break;
        case K_CONST: r->value[s->dst] = s->value; break;
        case K_LOAD: r->value[s->dst] = load(r, s->buf, eval(r, s->at)); break;
        case K_STORE: store(r, s->buf, eval(r, s->at), r->value[s->src[0]]); break;
        case K_ACC:
            r->acc[s->dst] = s->op;
            r->value[s->dst] = s->op == OP_add ? 0 : r->k->values[s->dst] == I32 ? INT32_MIN : -INFINITY;
            break;
        case K_REDUCE:
            x[0] = r->value[s->dst];
            x[1] = r->value[s->src[0]];
            r->value[s->dst] = map_eval(r->acc[s->dst], r->k->values[s->dst], x);
            break;
        case K_FROM_INDEX: r->value[s->dst] = (int32_t)(uint32_t)eval(r, s->at); break;
        case K_RAND: r->value[s->dst] = run_rand(r, s); break;
        case K_INDEX: r->ivar[s->ivar] = run_index(r, s); break;
        case K_READ: r->ivar[s->ivar] = (int64_t)load(r, s->buf, eval(r, s->at)); break;
        case K_DOT: run_dot(r, s->dot); break;
        case K_PACK: run_pack(r, s->dot); break;
        case N_KSTMTS: break;
        }
    }
}

/* ---- pieces --------------------------------------------------------------------------------------------------- */

void kernel_interpret_piece(const Kernel *k, int64_t piece, void *const *bufs, const int64_t *sizes, const int64_t *sym,
                            const int32_t *imms)
{
    Run r = { .k = k, .imms = imms };
    r.buf = xcalloc((size_t)k->n_params + 1, sizeof *r.buf);
    r.size = xcalloc((size_t)k->n_params + 1, sizeof *r.size);
    r.ivar = xcalloc((size_t)k->n_ivars, sizeof *r.ivar);
    r.value = xcalloc((size_t)k->n_values + 1, sizeof *r.value);
    r.acc = xcalloc((size_t)k->n_values + 1, sizeof *r.acc);
    memcpy(r.ivar, sym, sizeof *sym * N_SYMBOLS);
    for (int i = 0; i < k->n_params; i++) {
        const KParam *p = &k->params[i];
        r.buf[i] = bufs[i];
        r.size[i] = sizes ? sizes[i] : -1;
        if (p->mode != PARAM_SCRATCH)
            continue;
        r.size[i] = poly_eval_symbols(p->size, sym);
        r.buf[i] = xcalloc((size_t)r.size[i] + 1, elem_size(p->elem));
        memset(r.buf[i], 0xFF, (size_t)r.size[i] * elem_size(p->elem)); /* NaN in every float type */
    }
    kernel_piece(k, piece, r.ivar);
    run_block(&r, k->body);
    for (int i = 0; i < k->n_params; i++)
        if (k->params[i].mode == PARAM_SCRATCH)
            free(r.buf[i]);
    free(r.buf);
    free(r.size);
    free(r.ivar);
    free(r.value);
    free(r.acc);
}

void kernel_interpret(const Kernel *k, void *const *bufs, const int64_t *sizes, const int64_t *sym, const int32_t *imms)
{
    int64_t pieces = kernel_pieces(k, sym);
    for (int64_t piece = 0; piece < pieces; piece++)
        kernel_interpret_piece(k, piece, bufs, sizes, sym, imms);
}

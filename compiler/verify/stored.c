/* The memory of compiled values; see stored.h. */
#include "compiler/verify/stored.h"

#include <float.h>
#include <math.h>
#include <string.h>

int64_t stored_at(const Tensor *t, const int64_t *index)
{
    int ragged = 0, axis = 0;
    for (int i = 0; i < t->type.rank; i++)
        if (t->type.dim[i] == DIM_N) {
            ragged++;
            axis = i;
        }
    if (!ragged)
        return tensor_offset(t, index);
    int64_t start = t->bind->row_start[index[0]], at = 0;
    if (ragged == 1) {
        at = start + index[axis];
        for (int i = 1; i < t->type.rank; i++)
            if (i != axis)
                at = at * tensor_dim(t, i, 0) + index[i];
        return at;
    }
    int64_t base = start;
    for (int i = 1; i < t->type.rank; i++) {
        base *= t->type.dim[i] == DIM_N ? 1 : tensor_dim(t, i, 0);
        at = at * tensor_dim(t, i, index[0]) + index[i];
    }
    for (int i = 1; i < ragged; i++)
        base *= t->bind->sym[symbol_index(DIM_L)];
    return base + at;
}

double read_element(const void *from, Elem e, int64_t i)
{
    if (e == BF16) {
        uint32_t bits = (uint32_t)((const uint16_t *)from)[i] << 16;
        float f;
        memcpy(&f, &bits, sizeof f);
        return f;
    }
    return e == F32 ? ((const float *)from)[i] : e == I32 ? ((const int32_t *)from)[i] : ((const uint8_t *)from)[i];
}

static void write_element(void *to, Elem e, int64_t i, double v)
{
    if (e == BF16) { /* what is written so has no more bits than that */
        float f = (float)v;
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        ((uint16_t *)to)[i] = (uint16_t)(bits >> 16);
    } else if (e == F32)
        ((float *)to)[i] = (float)v;
    else if (e == I32)
        ((int32_t *)to)[i] = (int32_t)v;
    else
        ((uint8_t *)to)[i] = v != 0;
}

void store_tensor(void *to, const Tensor *t)
{
    int64_t index[MAX_RANK], i = 0;
    for (bool more = tensor_first(t, index); more; more = tensor_next(t, index))
        write_element(to, t->type.elem, stored_at(t, index), t->v[i++]);
}

void load_tensor(Tensor *t, const void *from)
{
    int64_t index[MAX_RANK], i = 0;
    for (bool more = tensor_first(t, index); more; more = tensor_next(t, index), i++) {
        t->v[i] = read_element(from, t->type.elem, stored_at(t, index));
        t->e[i] = 0;
    }
}

void load_rows(Tensor *t, const Tensor *rows, const void *from)
{
    int64_t width = rows->n ? t->n / rows->n : 0;
    for (int64_t i = 0; i < t->n; i++) {
        t->v[i] = read_element(from, t->type.elem, (int64_t)rows->v[i / width] * width + i % width);
        t->e[i] = 0;
    }
}

static void compare_element(Worst *w, double have, double want, double bound, int64_t at)
{
    double off = fabs(have - want), slack = bound * FLT_EPSILON * 1.01 + 1e-44;
    if (have == want || (isnan(have) && isnan(want)) || (isinf(slack) && !isnan(have))) /* a comparison may fall either way */
        return;
    double ratio = isnan(off) ? INFINITY : off / slack;
    w->off = isnan(off) ? INFINITY : fmax(w->off, off);
    if (ratio > w->ratio) {
        w->ratio = ratio;
        w->at = at;
        w->have = have;
        w->want = want;
        w->slack = slack;
    }
}

void compare_stored(Worst *w, const Tensor *t, const void *got)
{
    int64_t index[MAX_RANK], at = 0;
    for (bool more = tensor_first(t, index); more; more = tensor_next(t, index), at++)
        compare_element(w, read_element(got, t->type.elem, stored_at(t, index)), t->v[at], t->e[at], at);
}

void compare_stored_rows(Worst *w, const Tensor *rows, const Tensor *t, const void *got)
{
    int64_t n = tensor_dim(t, 0, 0), width = n ? t->n / n : 0;
    bool whole = t->type.dim[0] != rows->type.dim[0];
    for (int64_t i = 0; i < rows->n; i++)
        for (int64_t j = 0; j < width; j++) {
            int64_t at = (int64_t)rows->v[i] * width + j, own = whole ? at : i * width + j;
            compare_element(w, read_element(got, t->type.elem, at), t->v[own], t->e[own], at);
        }
}

/* Forms with numbers put in; see form.h. */
#include "runtime/train/form.h"

#include "ftc/diag.h"

#include <string.h>

bool form_value(const FtcForm *f, const int64_t *sym, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < f->n; i++) {
        int64_t term = f->t[i].coef;
        for (int s = 0; s < FTC_SYMBOLS; s++)
            for (int k = 0; k < f->t[i].e[s]; k++)
                if (__builtin_mul_overflow(term, sym[s], &term))
                    return false;
        if (__builtin_add_overflow(*value, term, value))
            return false;
    }
    return true;
}

bool form_equal(const FtcForm *a, const FtcForm *b)
{
    if (a->n != b->n)
        return false;
    for (int i = 0; i < a->n; i++)
        if (a->t[i].coef != b->t[i].coef || memcmp(a->t[i].e, b->t[i].e, sizeof a->t[i].e))
            return false;
    return true;
}

int64_t form_at(const FtcForm *f, const int64_t *sym)
{
    int64_t value;
    if (!form_value(f, sym, &value))
        ftc_bug("a size of this batch is beyond 64 bits");
    return value;
}

int64_t elem_bytes(FtcElem e) { return e == FTC_BOOL ? 1 : e == FTC_BF16 ? 2 : 4; }

bool buf_bytes(const FtcBuf *b, const int64_t *sym, int64_t *bytes)
{
    return form_value(&b->size, sym, bytes) && !__builtin_mul_overflow(*bytes, elem_bytes(b->elem), bytes);
}

bool slots_at(const FtcProgram *p, const int64_t *sym, int64_t *bytes)
{
    for (int i = 0; i < p->n_slots; i++)
        bytes[i] = 0;
    for (int i = 0; i < p->n_bufs; i++) {
        const FtcBuf *b = &p->bufs[i];
        int64_t own;
        if (b->kind != FTC_BUF_ARENA)
            continue;
        if (!buf_bytes(b, sym, &own))
            return false;
        bytes[b->slot] = own > bytes[b->slot] ? own : bytes[b->slot];
    }
    return true;
}

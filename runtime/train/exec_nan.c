/* -fsanitize=nan: the first number that is none; see exec.h.
 *
 * In:  a call that has run.
 * Out: which value it wrote, where a number of it isn't finite, of which row.
 * The idea: no code is generated for it.  A value is looked at when the first call that mentions it, which is the one that writes it,
 * has run.  Values that stay in registers or scratch are seen in what is computed from them; -O0 has none of those. */
#include "runtime/train/exec_state.h"

#include "runtime/train/form.h"

#include <math.h>
#include <string.h>

static bool is_wrong(const FtcBuf *b, const void *data, int64_t i)
{
    if (b->elem == FTC_BF16) {
        uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
        float v;
        memcpy(&v, &bits, sizeof v);
        return !isfinite(v);
    }
    return !isfinite(((const float *)data)[i]);
}

/* The first number of a buffer that isn't finite; -1: none. */
static int64_t first_wrong(const Exec *e, const Bound *b, int32_t buf)
{
    const FtcBuf *info = &b->program->bufs[buf];
    int64_t n = form_at(&info->size, e->sym);
    if (info->elem != FTC_F32 && info->elem != FTC_BF16)
        return -1;
    for (int64_t i = 0; i < n; i++)
        if (is_wrong(info, b->buf[buf], i))
            return i;
    return -1;
}

/* Copies and partial sums that the compiler adds are no values of the model, and are padded. */
static bool is_value(const Exec *e, const Bound *b, const FtcBuf *buf, ExecPlace *place)
{
    bool kept = buf->kind == FTC_BUF_ARENA || buf->kind == FTC_BUF_OUTPUT;
    return kept && e->options.place(e->options.place_user, b->program->name, buf->name, place);
}

void exec_look_for_nan(Exec *e, const Bound *b, int32_t call)
{
    const FtcProgram *p = b->program;
    const FtcKernelInfo *k = &p->kernels[p->calls[call].kernel];
    ExecPlace place;
    for (int i = 0; i < k->n_params - k->n_scratch && e->nan.buf < 0; i++) {
        int32_t buf = p->call_bufs[p->calls[call].first_buf + i];
        if (b->first_call[buf] != call || !is_value(e, b, &p->bufs[buf], &place))
            continue;
        int64_t element = first_wrong(e, b, buf);
        if (element >= 0)
            e->nan = (NanFound){ b, buf, element };
    }
}

/* What stands for each token or row makes up the value, row by row: where a number lies tells whose it is.  -1: no row's. */
static int32_t row_of_element(const Exec *e, const FtcBuf *b, int64_t element, const FtcBatch *batch, int32_t *token)
{
    *token = -1;
    bool by_token = b->size.n > 0, by_row = b->size.n > 0;
    for (int i = 0; i < b->size.n; i++) {
        by_token &= b->size.t[i].e[FTC_T] == 1;
        by_row &= b->size.t[i].e[FTC_B] == 1;
    }
    int64_t n = form_at(&b->size, e->sym);
    if (by_row && batch->rows)
        return (int32_t)(element / (n / batch->rows));
    if (!by_token || !batch->tokens)
        return -1;
    *token = (int32_t)(element / (n / batch->tokens));
    int32_t row = 0;
    while (batch->row_start[row + 1] <= *token)
        row++;
    *token -= batch->row_start[row];
    return row;
}

/* A weight may have brought it. */
static void report_weights(const Exec *e, FtcDiag *d)
{
    for (int i = 0; i < e->params->n; i++) {
        const Weight *w = &e->params->weight[i];
        for (int64_t at = 0; at < e->params->count[i]; at++)
            if (!isfinite(w->data[at])) {
                ftc_note(d, FTC_NOWHERE, "the weight %s has %s at its element %lld", w->name,
                         isnan(w->data[at]) ? "a NaN" : "an infinity", (long long)at);
                break;
            }
    }
}

bool exec_report_nan(Exec *e, const FtcBatch *batch, const char *table, FtcDiag *d)
{
    ExecPlace place = { 0 };
    if (!e->options.find_nan || e->nan.buf < 0)
        return false;
    const FtcBuf *b = &e->nan.b->program->bufs[e->nan.buf];
    is_value(e, e->nan.b, b, &place);
    int32_t token, row = row_of_element(e, b, e->nan.element, batch, &token);
    char whose[96] = "";
    if (row >= 0 && batch->record)
        snprintf(whose, sizeof whose, token >= 0 ? ", in record %lld, token %d" : ", in record %lld",
                 (long long)batch->record[row] + 1, (int)token + 1);
    bool half = b->elem == FTC_BF16;
    float v = half ? NAN : ((const float *)e->nan.b->buf[e->nan.buf])[e->nan.element];
    char when[48] = "";
    if (e->nan.b->program->update_from < e->nan.b->program->n_calls)
        snprintf(when, sizeof when, ", at step %lld", (long long)e->inputs.step + 1);
    ftc_error(d, place.at, "%s (%s) is %s%s%s%s%s [-fsanitize=nan]", b->name, place.op, isinf(v) ? "infinite" : "no number",
              whose, *whose && table ? " of " : "", *whose && table ? table : "", when);
    if (place.from.file)
        ftc_note(d, place.from, "the layers are asked for here");
    report_weights(e, d);
    e->nan.buf = -1;
    return true;
}

/* Running call tables; see exec.h.  (Memory: exec_room.c.) */
#include "runtime/train/exec_state.h"

#include "runtime/core/clock.h"
#include "runtime/core/mem.h"
#include "runtime/train/form.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ----- binding ----- */

/* Sizes. */
#define EACH(symbol) { 1, { { 1, { [symbol] = 1 } } } }
#define ONE { 1, { { 1, { 0 } } } }
#define ROWS_AND_END { 2, { { 1, { [FTC_B] = 1 } }, { 1, { 0 } } } }
#define ROWS_BY_CLASSES { 1, { { 1, { [FTC_B] = 1, [FTC_C] = 1 } } } }

static const struct {
    const char *name;
    FtcElem elem;
    FtcForm size;
} batch_inputs[BATCH_INPUTS] = {
    [INPUT_IDS] = { "ids", FTC_I32, EACH(FTC_T) },         [INPUT_TYPES] = { "types", FTC_I32, EACH(FTC_T) },
    [INPUT_ROW_OF] = { "row_of", FTC_I32, EACH(FTC_T) },   [INPUT_ROW_START] = { "row_start", FTC_I32, ROWS_AND_END },
    [INPUT_LABELS] = { "labels", FTC_I32, EACH(FTC_B) },   [INPUT_TARGETS] = { "targets", FTC_F32, ROWS_BY_CLASSES },
    [INPUT_USED] = { "used", FTC_I32, EACH(FTC_U) },       [INPUT_ROW_WEIGHTS] = { "row_weights", FTC_F32, EACH(FTC_B) },
    [INPUT_PLACE] = { "place", FTC_I32, EACH(FTC_T) },     [INPUT_ENCODED] = { "encoded", FTC_F32, EACH(FTC_B) }, /* times its width */
    [INPUT_FIRST] = { "first", FTC_I32, EACH(FTC_T) },     [INPUT_FIRST_OF] = { "first_of", FTC_I32, EACH(FTC_U) },
};

static const struct {
    const char *name;
    FtcElem elem;
    size_t offset;
} scalar_inputs[] = {
#define SCALAR(name, elem) { #name, elem, offsetof(ExecInputs, name) }
    SCALAR(seed, FTC_I32), SCALAR(step, FTC_I32), SCALAR(lr, FTC_F32), SCALAR(weight_decay, FTC_F32), SCALAR(beta1, FTC_F32),
    SCALAR(beta2, FTC_F32), SCALAR(eps, FTC_F32), SCALAR(momentum, FTC_F32), SCALAR(clip_norm, FTC_F32),
    SCALAR(label_smoothing, FTC_F32), SCALAR(correction1, FTC_F32), SCALAR(correction2, FTC_F32), SCALAR(known, FTC_I32),
    SCALAR(pending, FTC_F32), SCALAR(first_token, FTC_I32), SCALAR(first_row, FTC_I32), SCALAR(keep, FTC_F32),
    SCALAR(cost_before, FTC_F32), SCALAR(parts_before, FTC_F32),
#undef SCALAR
};

static bool bind_input(Exec *e, Bound *b, int i, FtcDiag *d)
{
    const FtcBuf *buf = &b->program->bufs[i];
    FtcElem elem = FTC_F32;
    FtcForm size = ONE;
    for (int k = 0; k < BATCH_INPUTS; k++)
        if (!strcmp(buf->name, batch_inputs[k].name)) {
            b->input[i] = (BatchInput)k;
            elem = batch_inputs[k].elem;
            size = batch_inputs[k].size;
            if (k == INPUT_ENCODED)
                size.t[0].coef = exec_encoded_width(e);
        }
    for (size_t k = 0; k < sizeof scalar_inputs / sizeof *scalar_inputs; k++)
        if (!strcmp(buf->name, scalar_inputs[k].name)) {
            b->buf[i] = (char *)&e->inputs + scalar_inputs[k].offset;
            elem = scalar_inputs[k].elem;
        }
    if (!strcmp(buf->name, "class_weights")) {
        b->buf[i] = e->inputs.class_weights;
        size = (FtcForm)EACH(FTC_C);
    }
    if (!strncmp(buf->name, "dropout.", 8)) {
        char *end;
        long k = strtol(buf->name + 8, &end, 10);
        if (end != buf->name + 8 && !*end && k >= 0 && k < e->model->n_dropouts)
            b->buf[i] = &e->inputs.dropout[k];
    }
    if (!b->buf[i] && b->input[i] == NO_INPUT)
        return ftc_error(d, FTC_NOWHERE, "the program '%s' reads an input '%s', which the runtime doesn't have",
                         b->program->name, buf->name);
    if (buf->elem != elem)
        return ftc_error(d, FTC_NOWHERE, "the program '%s' reads its input '%s' as another type than the runtime's",
                         b->program->name, buf->name);
    if (!form_equal(&buf->size, &size))
        return ftc_error(d, FTC_NOWHERE, "the program '%s' reads its input '%s' with another size than the runtime's",
                         b->program->name, buf->name);
    return true;
}

static bool bind_param(Exec *e, Bound *b, int i, FtcDiag *d)
{
    const FtcBuf *buf = &b->program->bufs[i];
    int64_t count, size;
    b->buf[i] = params_find(e->params, buf->name, &count);
    if (!b->buf[i])
        return ftc_error(d, FTC_NOWHERE, "the program '%s' uses '%s', which the model's table of weights doesn't have",
                         b->program->name, buf->name);
    if (buf->elem != FTC_F32 || !form_value(&buf->size, e->most, &size) || size != count)
        return ftc_error(d, FTC_NOWHERE, "the program '%s' uses '%s' with another size than the model's table of weights",
                         b->program->name, buf->name);
    return true;
}

static bool bind(Exec *e, Bound *b, const FtcProgram *p, FtcDiag *d)
{
    b->program = p;
    b->buf = xcalloc((size_t)p->n_bufs, sizeof *b->buf);
    b->input = xcalloc((size_t)p->n_bufs, sizeof *b->input);
    b->own = xcalloc((size_t)p->n_bufs, sizeof *b->own);
    b->holds = xcalloc((size_t)p->n_slots, sizeof *b->holds);
    b->first_call = xcalloc((size_t)p->n_bufs, sizeof *b->first_call);
    for (int i = 0; i < p->n_bufs; i++) {
        const FtcBuf *buf = &p->bufs[i];
        b->input[i] = NO_INPUT;
        b->first_call[i] = p->n_calls;
        if (buf->kind == FTC_BUF_INPUT && !bind_input(e, b, i, d))
            return false;
        if ((buf->kind == FTC_BUF_WEIGHT || buf->kind == FTC_BUF_STATE) && !bind_param(e, b, i, d))
            return false;
        if (buf->kind == FTC_BUF_ARENA && (buf->slot < 0 || buf->slot >= p->n_slots))
            ftc_bug("exec: '%s' of '%s' has no slot", buf->name, p->name);
        if (buf->kind == FTC_BUF_OUTPUT && buf->elem != FTC_F32)
            ftc_bug("exec: the output '%s' of '%s' isn't f32", buf->name, p->name);
    }
    for (int c = p->n_calls - 1; c >= 0; c--) {
        const FtcKernelInfo *k = &p->kernels[p->calls[c].kernel];
        for (int i = 0; i < k->n_params - k->n_scratch; i++)
            b->first_call[p->call_bufs[p->calls[c].first_buf + i]] = c;
    }
    return true;
}

static void fill_inputs(ExecInputs *in, const FtcModel *m, int64_t classes)
{
    const FtcOptimizer *o = &m->optimizer;
    *in = (ExecInputs){
        .seed = (int32_t)(uint32_t)((uint64_t)m->train.seed ^ (uint64_t)m->train.seed >> 32),
        .weight_decay = (float)o->weight_decay, .beta1 = (float)o->beta1, .beta2 = (float)o->beta2, .eps = (float)o->eps,
        .momentum = (float)o->momentum, .clip_norm = (float)o->clip_norm, .label_smoothing = (float)m->loss.label_smoothing,
    };
    for (int i = 0; i < m->n_dropouts; i++)
        in->dropout[i] = m->dropout[i];
    in->class_weights = xcalloc((size_t)classes, sizeof *in->class_weights);
    for (int64_t i = 0; i < classes; i++)
        in->class_weights[i] = 1;
}

static int most_params(const FtcProgram *p, int most)
{
    for (int i = 0; i < p->n_kernels; i++)
        most = p->kernels[i].n_params > most ? p->kernels[i].n_params : most;
    return most;
}

static int most_scratch(const FtcProgram *p, int most)
{
    for (int i = 0; i < p->n_kernels; i++)
        most = p->kernels[i].n_scratch > most ? p->kernels[i].n_scratch : most;
    return most;
}

Exec *exec_new(const FtcModel *model, Params *params, Pool *pool, ExecOptions options, FtcDiag *d)
{
    if (model->n_dropouts > FTC_MAX_DROPOUTS)
        ftc_bug("exec: %d dropout rates", model->n_dropouts);
    Exec *e = xcalloc(1, sizeof *e);
    *e = (Exec){ .model = model, .params = params, .pool = pool, .options = options, .n_lanes = pool_threads(pool), .nan.buf = -1 };
    e->most[FTC_C] = params->classes;
    e->most[FTC_V] = e->most[FTC_U] = params->vocab;
    for (int i = 0; options.train && i < model->n_weights; i++)
        if (model->weights[i].by_rows && !e->used)
            e->used = used_rows_new(params->vocab);
    fill_inputs(&e->inputs, model, params->classes);
    exec_set_step(e, 0, model->optimizer.lr);

    const FtcProgram *programs[] = { model->eval, options.train ? model->step : NULL,
                                     options.train ? model->accumulate : NULL, model->encode };
    int args = 1;
    e->lane = xcalloc((size_t)e->n_lanes, sizeof *e->lane);
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (!programs[i])
            continue;
        if (!bind(e, &e->bound[e->n_bound++], programs[i], d)) {
            exec_free(e);
            return NULL;
        }
        args = most_params(programs[i], args);
        e->n_scratch = most_scratch(programs[i], e->n_scratch);
    }
    if (!options.check_arena && e->n_scratch)
        e->n_scratch = 1;
    for (int i = 0; i < e->n_lanes; i++) {
        e->lane[i] = try_alloc(1, sizeof(Lane) + 2 * CACHE_LINE, CACHE_LINE);
        void **buf = try_alloc((size_t)args, sizeof *buf, CACHE_LINE);
        if (!e->lane[i] || !buf)
            abort();
        *e->lane[i] = (Lane){ .buf = buf, .scratch = xcalloc((size_t)e->n_scratch, sizeof(Block)) };
        e->lane[i]->args = (FtcKernelArgs){ .buf = buf, .sym = e->sym };
    }
    return e;
}

void exec_free(Exec *e)
{
    if (!e)
        return;
    exec_free_room(e);
    for (int i = 0; i < e->n_bound; i++) {
        free(e->bound[i].buf);
        free(e->bound[i].input);
        free(e->bound[i].own);
        free(e->bound[i].holds);
        free(e->bound[i].first_call);
    }
    for (int i = 0; i < e->n_lanes; i++) {
        if (e->lane[i]) {
            free(e->lane[i]->buf);
            free(e->lane[i]->scratch);
        }
        free(e->lane[i]);
    }
    free(e->lane);
    used_rows_free(e->used);
    free(e->inputs.class_weights);
    free(e);
}

ExecInputs *exec_inputs(Exec *e) { return &e->inputs; }
const FtcModel *exec_model(const Exec *e) { return e->model; }
int32_t exec_classes(const Exec *e) { return (int32_t)e->params->classes; }

void exec_set_step(Exec *e, int64_t step, double lr)
{
    e->inputs.step = (int32_t)step;
    e->inputs.lr = (float)lr;
    /* Of the betas as the code has them: rounding 0.999 to float makes 1 - beta2 smaller by 1.3e-5 of itself, and a correction
     * that doesn't follow would scale every update. */
    e->inputs.correction1 = (float)(1 - pow((double)e->inputs.beta1, (double)step + 1));
    e->inputs.correction2 = (float)(1 - pow((double)e->inputs.beta2, (double)step + 1));
}

/* ----- checking (-fcheck-arena) ----- */

/* Moves every buffer of this batch to the very end of its memory. */
static void push_to_guards(Exec *e, Bound *b)
{
    for (int i = 0; i < b->program->n_bufs; i++) {
        const FtcBuf *buf = &b->program->bufs[i];
        const Block *block = &b->own[i];
        if (!block->map)
            continue;
        int64_t bytes;
        if (!buf_bytes(buf, e->sym, &bytes) || bytes < 0 || (size_t)bytes > block->size)
            ftc_bug("exec: '%s' of '%s' has outgrown its memory", buf->name, b->program->name);
        char *at = block->data + block->size - bytes;
        if (b->input[i] != NO_INPUT)
            memcpy(at, b->buf[i], (size_t)bytes);
        b->buf[i] = at;
    }
    for (int i = 0; i < b->program->n_slots; i++)
        b->holds[i] = -1;
}

static void spoil(const Exec *e, const Bound *b, int32_t buf)
{
    const FtcBuf *info = &b->program->bufs[buf];
    memset(b->buf[buf], 0xFF, (size_t)(form_at(&info->size, e->sym) * elem_bytes(info->elem)));
}

/* Spoils what the call writes for the first time, and the value whose slot it takes: then reading before the write,
 * or a value that had to make room too early, gives NaN. */
static void spoil_new(const Exec *e, const Bound *b, const FtcCall *call, int32_t number)
{
    const FtcProgram *p = b->program;
    const FtcKernelInfo *k = &p->kernels[call->kernel];
    for (int i = 0; i < k->n_params - k->n_scratch; i++) {
        int32_t at = p->call_bufs[call->first_buf + i], slot = p->bufs[at].slot;
        bool value = p->bufs[at].kind == FTC_BUF_ARENA;
        if (b->first_call[at] != number || !(value || p->bufs[at].kind == FTC_BUF_OUTPUT))
            continue;
        spoil(e, b, at);
        if (!value)
            continue;
        if (b->holds[slot] >= 0)
            spoil(e, b, b->holds[slot]);
        b->holds[slot] = at;
    }
}

static void spoil_scratch(const Exec *e, Lane *lane, const FtcKernelInfo *k)
{
    for (int i = 0; i < k->n_scratch; i++)
        memset(lane->buf[k->n_params - k->n_scratch + i], 0xFF, (size_t)form_at(&k->scratch[i], e->sym) * 4);
}

/* ----- running ----- */

static void prepare_lane(const Exec *e, Lane *lane, const FtcKernelInfo *k)
{
    const FtcProgram *p = e->now->program;
    int shared = k->n_params - k->n_scratch;
    for (int i = 0; i < shared; i++)
        lane->buf[i] = e->now->buf[p->call_bufs[e->at->first_buf + i]];
    int64_t used = 0;
    for (int i = 0; i < k->n_scratch; i++) {
        int64_t bytes = form_at(&k->scratch[i], e->sym) * 4;
        if (e->options.check_arena) {
            lane->buf[shared + i] = lane->scratch[i].data + lane->scratch[i].size - bytes;
        } else {
            lane->buf[shared + i] = lane->scratch[0].data + used;
            used += round_up(bytes, CACHE_LINE);
        }
    }
    lane->args.imm = p->call_imms ? p->call_imms + e->at->first_imm : NULL;
    lane->call = e->call;
}

static void run_piece(void *arg, int64_t piece, int thread)
{
    const Exec *e = arg;
    Lane *lane = e->lane[thread];
    const FtcProgram *p = e->now->program;
    const FtcKernelInfo *k = &p->kernels[e->at->kernel];
    if (lane->call != e->call)
        prepare_lane(e, lane, k);
    if (e->options.check_arena)
        spoil_scratch(e, lane, k);
    p->fns[e->at->kernel](&lane->args, piece);
}

static int64_t count_pieces(const FtcKernelInfo *k, const int64_t *sym)
{
    int64_t pieces = 1;
    for (int i = 0; i < k->n_par; i++) {
        int64_t span = form_at(&k->end[i], sym) - form_at(&k->begin[i], sym);
        if (span <= 0)
            return 0;
        if (__builtin_mul_overflow(pieces, (span + k->step[i] - 1) / k->step[i], &pieces))
            ftc_bug("exec: kernel '%s' has too many pieces", k->name);
    }
    return pieces;
}

static void run_calls(Exec *e, const Bound *b, int32_t from, int32_t to)
{
    const FtcProgram *p = b->program;
    e->now = b;
    for (int32_t c = from; c < to; c++) {
        e->at = &p->calls[c];
        e->call++;
        if (e->options.check_arena)
            spoil_new(e, b, e->at, c);
        int64_t pieces = count_pieces(&p->kernels[e->at->kernel], e->sym);
        double start = e->profile ? clock_ms() : 0;
        if (pieces == 1)
            run_piece(e, 0, 0);
        else
            pool_run(e->pool, pieces, run_piece, e);
        if (e->options.find_nan && e->nan.buf < 0)
            exec_look_for_nan(e, b, c);
        if (e->profile)
            e->profile[c] += clock_ms() - start;
    }
}

/* row_of[t] = b for row_start[b] <= t < row_start[b + 1] */
static int32_t *find_rows(Exec *e, const FtcBatch *batch)
{
    int32_t *row_of = (int32_t *)(void *)e->row_of.data;
    for (int32_t b = 0; b < batch->rows; b++)
        for (int32_t t = batch->row_start[b]; t < batch->row_start[b + 1]; t++)
            row_of[t] = b;
    return row_of;
}

static bool reads(const Bound *b, BatchInput input)
{
    for (int i = 0; i < b->program->n_bufs; i++)
        if (b->input[i] == input)
            return true;
    return false;
}

static Bound *begin_run(Exec *e, const FtcProgram *program, const FtcBatch *batch)
{
    Bound *b = NULL;
    for (int i = 0; i < e->n_bound; i++)
        if (e->bound[i].program == program)
            b = &e->bound[i];
    if (!b || !e->zeros.map || batch->tokens > e->most[FTC_T] || batch->rows > e->most[FTC_B] ||
        batch->longest > e->most[FTC_L])
        ftc_bug("exec: a program or a batch that nothing was reserved for");
    const float *encoded = batch->encoded;
    if (!encoded && reads(b, INPUT_ENCODED)) {
        exec_run(e, e->model->encode, batch);
        encoded = exec_output(e, "encoded");
    }
    memcpy(e->sym, e->most, sizeof e->sym);
    e->sym[FTC_T] = batch->tokens;
    e->sym[FTC_B] = batch->rows;
    e->sym[FTC_L] = batch->longest;
    e->sym[FTC_P] = ftc_panels(batch->tokens, b->program->panel_tokens);
    e->sym[FTC_U] = e->used ? e->used->n : 0;

    const int32_t *zeros = (const int32_t *)(const void *)e->zeros.data;
    const void *given[BATCH_INPUTS] = {
        [INPUT_IDS] = batch->ids, [INPUT_TYPES] = batch->types ? batch->types : zeros, [INPUT_ROW_START] = batch->row_start,
        [INPUT_ROW_OF] = find_rows(e, batch), [INPUT_LABELS] = batch->labels ? batch->labels : zeros, [INPUT_ENCODED] = encoded,
        [INPUT_USED] = e->used ? e->used->id : NULL, [INPUT_PLACE] = e->used ? e->used->place : NULL,
        [INPUT_FIRST] = e->used ? e->used->first : NULL, [INPUT_FIRST_OF] = e->used ? e->used->first_of : NULL,
        [INPUT_TARGETS] = batch->targets, [INPUT_ROW_WEIGHTS] = batch->row_weights ? batch->row_weights : (float *)(void *)e->ones.data,
    };
    for (int i = 0; i < b->program->n_bufs; i++)
        if (b->input[i] != NO_INPUT && !(b->buf[i] = (void *)given[b->input[i]]))
            ftc_bug("exec: '%s' reads '%s', which the batch doesn't have", program->name, b->program->bufs[i].name);
    if (e->options.check_arena)
        push_to_guards(e, b);
    e->last = b;
    return b;
}

void exec_own_weights(Exec *e, bool owns)
{
    for (int i = 0; i < e->n_bound; i++)
        e->bound[i].is_prepared &= e->owns_weights;
    e->owns_weights = owns;
}

/* All calls up to `to`, but those that would make anew what is there. */
static void run_up_to(Exec *e, Bound *b, int32_t to)
{
    bool prepared = b->is_prepared && e->owns_weights;
    run_calls(e, b, prepared ? b->program->step_from : 0, to);
    b->is_prepared = true;
}

void exec_run(Exec *e, const FtcProgram *program, const FtcBatch *batch)
{
    exec_flush(e);
    run_up_to(e, begin_run(e, program, batch), program->n_calls);
}

void exec_flush(Exec *e)
{
    if (!e->used)
        return;
    for (int i = 0; i < e->params->n; i++) {
        const FtcWeight *w = &e->model->weights[i];
        if (w->by_rows && w->decay)
            used_rows_decay(e->used, e->params->weight[i].data, e->params->count[i]);
    }
    e->used->pending = 1;
}

static bool is_finite_output(const Exec *e, const char *name)
{
    const float *value = exec_output(e, name);
    return !value || isfinite(*value);
}

/* What was not in use before a step stays so for all its batches. */
static void use_rows(Exec *e, const FtcBatch *batch)
{
    bool first = e->inputs.keep == 0;
    if (!e->used)
        return;
    if (first) {
        used_rows_settle(e->used);
        e->inputs.known = e->used->n;
        e->inputs.pending = (float)e->used->pending;
    }
    used_rows_add(e->used, batch->ids, batch->tokens);
}

static void forget_batches(Exec *e)
{
    ExecInputs *in = &e->inputs;
    in->keep = in->cost_before = in->parts_before = 0;
    in->first_token = in->first_row = 0;
}

bool exec_accumulate(Exec *e, const FtcBatch *batch)
{
    const FtcProgram *p = e->model->accumulate;
    ExecInputs *in = &e->inputs;
    use_rows(e, batch);
    run_up_to(e, begin_run(e, p, batch), p->n_calls);
    in->keep = 1;
    in->cost_before += *exec_output(e, "loss");
    in->parts_before += *exec_output(e, "parts");
    in->first_token += batch->tokens;
    in->first_row += batch->rows;
    if (is_finite_output(e, "loss"))
        return true;
    if (e->used)
        used_rows_forget(e->used, in->known);
    forget_batches(e);
    return false;
}

bool exec_step(Exec *e, const FtcBatch *batch)
{
    const FtcProgram *p = e->model->step;
    use_rows(e, batch);
    Bound *b = begin_run(e, p, batch);
    run_up_to(e, b, p->update_from);
    bool ok = is_finite_output(e, "loss") && is_finite_output(e, "grad_norm");
    if (ok) {
        run_calls(e, b, p->update_from, p->n_calls);
        for (int i = 0; i < e->n_bound; i++)
            e->bound[i].is_prepared = &e->bound[i] == b;
    }
    if (e->used && ok)
        e->used->pending *= (double)(1 - e->inputs.lr * e->inputs.weight_decay);
    else if (e->used)
        used_rows_forget(e->used, e->inputs.known);
    forget_batches(e);
    return ok;
}

UsedRows *exec_used_rows(Exec *e) { return e->used; }

void exec_profile(Exec *e, double *ms) { e->profile = ms; }

const int64_t *exec_sizes(const Exec *e) { return e->sym; }

void *exec_buffer(const Exec *e, const FtcProgram *program, int i)
{
    for (int b = 0; b < e->n_bound; b++)
        if (e->bound[b].program == program)
            return e->bound[b].buf[i];
    return NULL;
}

const float *exec_output(const Exec *e, const char *name)
{
    for (int i = 0; e->last && i < e->last->program->n_bufs; i++)
        if (e->last->program->bufs[i].kind == FTC_BUF_OUTPUT && !strcmp(e->last->program->bufs[i].name, name))
            return (const float *)e->last->buf[i];
    return NULL;
}

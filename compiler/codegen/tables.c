/* The structs of ftc/step.h and ftc/model.h as constants of an object file (constants.h). */
#include "compiler/codegen/constants.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- programs ---------------------------------------------------------------------------------------------------- */

static LLVMValueRef form(Tables *t, const FtcForm *f)
{
    LLVMValueRef terms[4];
    for (int i = 0; i < 4; i++) {
        LLVMValueRef e[FTC_SYMBOLS];
        for (int s = 0; s < FTC_SYMBOLS; s++)
            e[s] = i8(t, f->t[i].e[s]);
        terms[i] = STRUCT(t, FtcTerm, i64(t, f->t[i].coef), inline_array(e, FTC_SYMBOLS));
    }
    return STRUCT(t, FtcForm, i32(t, f->n), inline_array(terms, 4));
}

static LLVMValueRef forms(Tables *t, const FtcForm *f, int n)
{
    LLVMValueRef *v = values(n);
    for (int i = 0; i < n; i++)
        v[i] = form(t, &f[i]);
    return array(t, v, n);
}

static LLVMValueRef ints(Tables *t, const int32_t *list, int n)
{
    LLVMValueRef *v = values(n);
    for (int i = 0; i < n; i++)
        v[i] = i32(t, list[i]);
    return array(t, v, n);
}

static LLVMValueRef bufs(Tables *t, const FtcProgram *p)
{
    LLVMValueRef *v = values(p->n_bufs);
    for (int i = 0; i < p->n_bufs; i++) {
        const FtcBuf *b = &p->bufs[i];
        v[i] = STRUCT(t, FtcBuf, i32(t, b->kind), i32(t, b->elem), string(t, b->name), form(t, &b->size), i32(t, b->slot));
    }
    return array(t, v, p->n_bufs);
}

static LLVMValueRef kernels(Tables *t, const FtcProgram *p)
{
    LLVMValueRef *v = values(p->n_kernels);
    for (int i = 0; i < p->n_kernels; i++) {
        const FtcKernelInfo *k = &p->kernels[i];
        LLVMValueRef begin[3], end[3], step[3];
        for (int j = 0; j < 3; j++) {
            begin[j] = form(t, &k->begin[j]);
            end[j] = form(t, &k->end[j]);
            step[j] = i64(t, k->step[j]);
        }
        v[i] = STRUCT(t, FtcKernelInfo, string(t, k->name), inline_array(begin, 3), inline_array(end, 3),
                      inline_array(step, 3), i32(t, k->n_par), i32(t, k->n_params), i32(t, k->n_scratch),
                      forms(t, k->scratch, k->n_scratch));
    }
    return array(t, v, p->n_kernels);
}

LLVMValueRef add_program_table(Tables *t, const char *symbol, const FtcProgram *p, LLVMValueRef *functions,
                               const int *n_imms)
{
    LLVMValueRef *calls = values(p->n_calls), *fns = values(p->n_kernels);
    int n_bufs = 0, used_imms = 0;
    for (int i = 0; i < p->n_calls; i++) {
        const FtcCall *c = &p->calls[i];
        const FtcKernelInfo *k = &p->kernels[c->kernel];
        int last_buf = c->first_buf + k->n_params - k->n_scratch, last_imm = c->first_imm + n_imms[c->kernel];
        n_bufs = last_buf > n_bufs ? last_buf : n_bufs;
        used_imms = last_imm > used_imms ? last_imm : used_imms;
        calls[i] = STRUCT(t, FtcCall, i32(t, c->kernel), i32(t, c->first_buf), i32(t, c->first_imm));
    }
    memcpy(fns, functions, sizeof *fns * (size_t)p->n_kernels);
    LLVMValueRef v = STRUCT(t, FtcProgram, string(t, p->name), i32(t, p->n_bufs), i32(t, p->n_slots), i32(t, p->n_kernels),
                            i32(t, p->n_calls), bufs(t, p), kernels(t, p),
                            array(t, fns, p->n_kernels), array(t, calls, p->n_calls), ints(t, p->call_bufs, n_bufs),
                            ints(t, p->call_imms, used_imms), i32(t, p->update_from), i32(t, p->panel_tokens), i32(t, p->step_from));
    return public_constant(t, symbol, v);
}

/* ---- models ------------------------------------------------------------------------------------------------------- */

static LLVMValueRef weights(Tables *t, const FtcModel *m)
{
    LLVMValueRef *v = values(m->n_weights);
    for (int i = 0; i < m->n_weights; i++) {
        const FtcWeight *w = &m->weights[i];
        LLVMValueRef dim[4];
        for (int j = 0; j < 4; j++)
            dim[j] = i64(t, w->dim[j]);
        v[i] = STRUCT(t, FtcWeight, string(t, w->name), i32(t, w->rank), inline_array(dim, 4), i8(t, w->init),
                      i8(t, w->decay), i8(t, w->frozen), i8(t, w->head), i8(t, w->by_rows), f32(t, w->init_scale));
    }
    return array(t, v, m->n_weights);
}

static LLVMValueRef optimizer(Tables *t, const FtcOptimizer *o)
{
    return STRUCT(t, FtcOptimizer, i32(t, o->kind), f64(t, o->lr), f64(t, o->weight_decay), f64(t, o->beta1),
                  f64(t, o->beta2), f64(t, o->eps), f64(t, o->momentum), f64(t, o->clip_norm), i32(t, o->schedule),
                  f64(t, o->warmup));
}

static LLVMValueRef loss(Tables *t, const FtcLoss *l)
{
    LLVMValueRef *class_weights = values(l->n_class_weights);
    for (int i = 0; i < l->n_class_weights; i++)
        class_weights[i] = f64(t, l->class_weights[i]);
    return STRUCT(t, FtcLoss, f64(t, l->label_smoothing), i32(t, l->mode), i32(t, l->n_class_weights),
                  array(t, class_weights, l->n_class_weights),
                  strings(t, l->class_names, l->class_names ? l->n_class_weights : 0),
                  place(t, &l->class_weights_at));
}

LLVMValueRef add_model_table(Tables *t, const char *symbol, const FtcModel *m, LLVMValueRef programs[N_PROGRAMS])
{
    LLVMValueRef state[FTC_MAX_STATES], *rates = values(m->n_dropouts);
    for (int i = 0; i < FTC_MAX_STATES; i++)
        state[i] = i < m->n_states ? string(t, m->state[i]) : null(t);
    for (int i = 0; i < m->n_dropouts; i++)
        rates[i] = f32(t, m->dropout[i]);
    const FtcData *d = &m->data;
    const FtcTrain *r = &m->train;
    LLVMValueRef program[N_PROGRAMS];
    for (int i = 0; i < N_PROGRAMS; i++)
        program[i] = programs[i] ? programs[i] : null(t);
    LLVMValueRef v = STRUCT(
        t, FtcModel, string(t, m->name), program[PROGRAM_STEP], program[PROGRAM_EVAL], program[PROGRAM_ACCUMULATE],
        program[PROGRAM_ENCODE], weights(t, m), i32(t, m->n_weights),
        i32(t, m->n_states), i32(t, m->n_lasting), inline_array(state, FTC_MAX_STATES), i32(t, m->n_dropouts), array(t, rates, m->n_dropouts),
        i32(t, m->task), optimizer(t, &m->optimizer), loss(t, &m->loss),
        STRUCT(t, FtcData, i32(t, d->max_length), i32(t, d->segments), i32(t, d->n_labels),
               strings(t, d->labels, d->n_labels)),
        STRUCT(t, FtcTrain, i32(t, r->epochs), i32(t, r->batch), i32(t, r->accumulate), i32(t, r->eval_batch),
               i64(t, r->seed), i64(t, r->max_steps), i8(t, r->shuffle), i32(t, r->sampling), f64(t, r->memory_limit), i64(t, r->eval_every), i64(t, r->checkpoint_every),
               i64(t, r->checkpoint_keep), i32(t, r->best), i64(t, r->patience), f64(t, r->threshold)));
    return public_constant(t, symbol, v);
}

/* Chosen passes over a stage; see opt.h. */
#include "compiler/api/opt.h"

#include "compiler/codegen/codegen.h"

#include <string.h>

/* The stage that a pass takes, and the one that it leaves. */
static StageId taken_by(const Pass *p)
{
    return p <= find_pass("grad")    ? STAGE_GRAPH
           : p <= find_pass("fuse")  ? STAGE_GRAD
           : p <= find_pass("lower") ? STAGE_FUSED
                                     : STAGE_KERNELS;
}

static StageId left_by(const Pass *p)
{
    return p < find_pass("grad")    ? STAGE_GRAPH
           : p < find_pass("fuse")  ? STAGE_GRAD
           : p < find_pass("lower") ? STAGE_FUSED
           : p < find_pass("plan")  ? STAGE_KERNELS
                                    : STAGE_PLAN;
}

/* The order is one that passes can run in; *at is then the stage they lead to. */
static bool check_order(const StageText *t, const Pass *const *passes, int n, StageId *at, FtcDiag *d)
{
    bool rows = false;
    *at = t->stage;
    for (int i = 0; i < n; i++) {
        if (taken_by(passes[i]) != *at)
            return ftc_error(d, FTC_FILE(t->file), "the pass '%s' takes the stage '%s', and %s the stage '%s'", passes[i]->name,
                             stage_names[taken_by(passes[i])], i ? "behind the passes before it this is" : "this is", stage_names[*at]);
        rows |= !strcmp(passes[i]->name, "rows");
        *at = left_by(passes[i]);
    }
    return !rows || *at != STAGE_GRAPH ||
           ftc_error(d, FTC_FILE(t->file), "what 'rows' found is no part of the graph's text, so 'grad' has to run with it");
}

bool opt_stage(const StageText *t, const Pass *const *passes, int n, FILE *out, FtcDiag *d)
{
    static const Pass *const none[1];
    StageCatch c = { .wanted = STAGE_PLAN };
    StageId to;
    PipelineOptions o = { .level = 2, .chosen = n ? passes : none, .n_chosen = n, .after = stage_catch, .ctx = &c,
                          .machine = codegen_machine(&(CodegenOptions){ .level = 2 }, d) };
    Arena *a = arena_new();
    SpecSource source = { .file = t->file, .text = t->spec, .len = strlen(t->spec) };
    const Spec *spec = check_order(t, passes, n, &to, d) ? spec_load(a, &source, d) : NULL;
    bool ok = spec && run_stage(t, &o, d);
    c.wanted = to;
    ok = ok && stage_print(&c, t->model, spec, out);
    stage_catch_free(&c);
    arena_free(a);
    return ok;
}

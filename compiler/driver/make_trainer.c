/* From a compiled model to a file that runs; see make_trainer.h. */
#include "compiler/driver/make_trainer.h"

#include "compiler/api/origin.h"
#include "compiler/api/trainer.h"
#include "compiler/support/timing.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* free() it */
static char *output_path(const TrainerJob *j)
{
    if (j->output)
        return xstrdup(j->output);
    return j->kind == LINK_SHARED ? xasprintf("lib%s.so", j->symbol) : xstrdup("a.out");
}

static bool write_header(const TrainerJob *j, const char *library, const char *entry, FtcDiag *d)
{
    const Compiled *c = j->model->compiled;
    ObjectModel m = { j->symbol, &c->model, c->step->kernels, c->eval->kernels };
    char *header = emit_header(&m, entry), *path = xasprintf("%.*s%s.h", (int)(path_base(library) - library), library, j->symbol);
    bool ok = file_write(path, header, strlen(header), d);
    free(header);
    free(path);
    return ok;
}

static bool link_objects(const TrainerJob *j, const Trainer *t, const char *output, const char *entry, FtcDiag *d)
{
    const Compiled *c = j->model->compiled;
    bool shared = j->kind == LINK_SHARED;
    TrainerModel m = { .symbol = j->symbol, .exports = shared, .model = &c->model, .trainer = t, .entry = entry,
                       .start = shared ? "ftc_trainer_call" : "ftc_trainer_main",
                       .kernels = { c->step->kernels, c->eval->kernels, c->accumulate ? c->accumulate->kernels : NULL,
                                    c->encode ? c->encode->kernels : NULL } };
    ObjectFiles objects;
    bool ok = trainer_objects(j->codegen, &m, &objects, d);
    LinkJob job = { .kind = j->kind, .output = output, .objects = &objects, .symbol = j->symbol, .reads_weights = t->load != NULL, .verbose = j->verbose };
    double start = timing_now();
    ok = ok && link_trainer(&job, d);
    timing_add(TIMING_STEP, "link", start);
    object_files_free(&objects);
    return ok;
}

static const Trainer *describe(const TrainerJob *j, FtcDiag *d)
{
    TrainerSource source = { .spec = j->model->c.continues ? NULL : j->spec, .embed = j->embed,
                             .origin = origin_of(j->model->arena, j->pipeline, j->codegen, j->init, d) };
    return source.origin ? trainer_of(j->model, &source, d) : NULL;
}

static bool show_link(const TrainerJob *j, FtcDiag *d)
{
    char *output = output_path(j);
    LinkJob job = { .kind = j->kind, .output = output, .symbol = j->symbol, .reads_weights = !j->embed };
    bool ok = link_show(&job, d);
    free(output);
    return ok;
}

bool make_trainer(const TrainerJob *j, FtcDiag *d)
{
    if (j->output && !strcmp(j->output, "-"))
        return ftc_error(d, FTC_NOWHERE, "a program can't go to standard output; name its file with -o");
    if (!j->embed && !j->model->c.folder)
        return ftc_error(d, FTC_NOWHERE, "-fno-embed-weights leaves the weights of a folder out, and none is given; name it with --init");
    if (j->show_only)
        return show_link(j, d);
    const Trainer *t = describe(j, d);
    if (!t)
        return false;
    bool shared = j->kind == LINK_SHARED;
    char *output = output_path(j), *entry = shared ? xasprintf("%s_main", j->symbol) : xstrdup("main");
    bool ok = link_objects(j, t, output, entry, d) && (!shared || write_header(j, output, entry, d));
    free(output);
    free(entry);
    return ok;
}

/* The stages between a spec and machine code as text, and back.
 *
 * A stage's text says all that is needed to go on from it:
 *
 *   # ftc stage grad of tiny_cls
 *   #| data:
 *   #|   text: text                the resolved spec, for what no graph says (learning rate, first values, ...)
 *   #---- step
 *   graph @step { ... }            or, from lowering on, kernels and program @step { ... }
 *   #---- eval
 *   graph @eval { ... } */
#ifndef FTC_STAGE_H
#define FTC_STAGE_H

#include "compiler/api/compile.h"

extern const char *const stage_names[N_STAGES];

/* The last pass of each; "build" comes before all passes. */
const char *stage_last_pass(StageId s);

/* N_STAGES if there is none of this name. */
StageId find_stage(const char *name);

/* Catches a stage as it goes by: let PipelineOptions.after be stage_catch, its ctx this. */
typedef struct {
    StageId wanted;
    char *text[2];       /* step, eval; NULL: didn't come by */
} StageCatch;

void stage_catch(void *ctx, const char *pass, const Stage *s);
void stage_catch_free(StageCatch *c);

/* The text of one entry's graph or program; behind a planned program comments show the arena over time, in a usual batch.
 * free() it. */
char *stage_entry_text(const Stage *s);

/* The whole text; false if the stage didn't come by: compilation began behind it. */
bool stage_print(const StageCatch *c, const char *model, const Spec *spec, FILE *out);

/* What a file may have in bytes that is read as a stage; and whether its text begins as one. */
enum { LARGEST_STAGE = 1 << 30 };
bool is_stage(const char *text, size_t len);

/* Takes a text apart.  The parts live in the arena.  False after an error. */
bool stage_read(StageText *t, Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d);

#endif

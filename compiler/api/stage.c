/* Stages as text; see stage.h. */
#include "compiler/api/stage.h"

#include "runtime/core/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *const stage_names[N_STAGES] = { "graph", "grad", "fused", "kernels", "plan" };

/* The last pass of each stage; "build" comes before all of them. */
static const char *const last_pass[N_STAGES] = { "build", "cse", "pack", "lower", "plan" };

StageId find_stage(const char *name)
{
    int s = 0;
    while (s < N_STAGES && strcmp(stage_names[s], name))
        s++;
    return (StageId)s;
}

const char *stage_last_pass(StageId s) { return last_pass[s]; }

static int pass_number(const char *name)
{
    const Pass *p = find_pass(name);
    return p ? (int)(p - pipeline) : -1;
}

/* ---- catching and printing ---------------------------------------------------------------------------------------------- */

char *stage_entry_text(const Stage *s)
{
    if (!s->program)
        return graph_text(s->graph);
    char *text = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    program_print(s->program, out);
    if (s->program->n_slots) { /* planned */
        int64_t sym[N_SYMBOLS];
        usual_symbols(s->spec, s->program->panel_tokens, sym);
        program_print_arena(s->program, sym, out);
    }
    fclose(out);
    return text;
}

/* A pass that only a training step has doesn't come by for the other entry; the one before it will do. */
void stage_catch(void *ctx, const char *pass, const Stage *s)
{
    StageCatch *c = ctx;
    if (pass_number(pass) > pass_number(last_pass[c->wanted]))
        return;
    char **text = &c->text[strcmp(s->program ? s->program->name : s->graph->name, "step") != 0];
    free(*text);
    *text = stage_entry_text(s);
}

void stage_catch_free(StageCatch *c)
{
    free(c->text[0]);
    free(c->text[1]);
    *c = (StageCatch){ 0 };
}

static void print_spec(const Spec *spec, FILE *out)
{
    char *text = NULL;
    size_t size;
    FILE *f = text_open(&text, &size);
    spec_print(spec, f);
    fclose(f);
    for (char *line = text, *nl; *line; line = nl + 1) {
        nl = strchr(line, '\n'); /* spec_print ends each line */
        fprintf(out, "#|%s%.*s\n", nl > line ? " " : "", (int)(nl - line), line);
    }
    free(text);
}

bool stage_print(const StageCatch *c, const char *model, const Spec *spec, FILE *out)
{
    if (!c->text[0] || !c->text[1])
        return false;
    fprintf(out, "# ftc stage %s of %s\n", stage_names[c->wanted], model);
    print_spec(spec, out);
    fprintf(out, "\n#---- step\n%s\n#---- eval\n%s", c->text[0], c->text[1]);
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *p;
    size_t n;
} Line;

static bool next_line(const char **p, const char *end, Line *line)
{
    if (*p == end)
        return false;
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));
    *line = (Line){ *p, (size_t)((nl ? nl : end) - *p) };
    *p = nl ? nl + 1 : end;
    return true;
}

static bool starts(const Line *l, const char *with) { return l->n >= strlen(with) && !memcmp(l->p, with, strlen(with)); }

bool is_stage(const char *text, size_t len)
{
    static const char begin[] = "# ftc stage ";
    return len >= sizeof begin && !memcmp(text, begin, sizeof begin - 1);
}

/* "# ftc stage grad of tiny_cls" */
static bool read_title(StageText *t, Arena *arena, const Line *l, FtcDiag *d)
{
    const char *title = arena_strndup(arena, l->p, l->n);
    char stage[16], model[128];
    if (sscanf(title, "# ftc stage %15s of %127s", stage, model) != 2)
        return ftc_error(d, FTC_FILE(t->file), "is no stage of a compilation: it doesn't begin with '# ftc stage'; 'ftc compile "
                                               "--emit=graph SPEC.yaml' makes one");
    StageId id = find_stage(stage);
    if (id == N_STAGES)
        return ftc_error(d, (FtcLoc){ t->file, 1, 13, 0 }, "there is no stage '%s'", stage);
    /* it becomes the name of files and of what is in them */
    for (const char *c = model; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return ftc_error(d, (FtcLoc){ t->file, 1, 0, 0 }, "a model's name has letters, digits and '_' only");
    t->model = arena_strdup(arena, model);
    t->stage = id;
    return true;
}

/* The part as the rest of the file from there, behind as many empty lines as come before it, so that places are right. */
static char *part_from(Arena *arena, const char *text, const char *from, const char *end)
{
    size_t lines = 0;
    for (const char *p = text; p < from; p++)
        lines += *p == '\n';
    char *out = arena_alloc(arena, lines + (size_t)(end - from) + 1);
    memset(out, '\n', lines);
    memcpy(out + lines, from, (size_t)(end - from));
    return out;
}

bool stage_read(StageText *t, Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d)
{
    const char *p = text, *end = text + len, *begin[2] = { NULL, NULL }; /* of step and eval */
    Line l = { "", 0 };
    *t = (StageText){ .file = file };
    next_line(&p, end, &l);
    if (!read_title(t, arena, &l, d))
        return false;
    char *spec = arena_alloc(arena, len + 1), *to = spec;
    const char *step_end = end;
    for (const char *at = p; next_line(&p, end, &l); at = p) {
        if (starts(&l, "#|")) {
            size_t skip = l.n > 2 && l.p[2] == ' ' ? 3 : 2;
            memcpy(to, l.p + skip, l.n - skip);
            to += l.n - skip;
            *to++ = '\n';
        } else if (starts(&l, "#---- step"))
            begin[0] = at;
        else if (starts(&l, "#---- eval")) {
            begin[1] = at;
            step_end = at;
        }
    }
    t->spec = spec;
    t->step = begin[0] ? part_from(arena, text, begin[0], begin[0] < step_end ? step_end : end) : NULL;
    t->eval = begin[1] ? part_from(arena, text, begin[1], end) : NULL;
    return true;
}

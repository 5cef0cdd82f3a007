/* Graph -> formulas to read.  In: a graph, best that of the stage 'grad'.  Out: text, one line for each value that has a name of its
 * own: one that is read twice, or by another part of the step.  All others are written out in the formula that reads them.
 *
 * The idea: neighbours that come from one place of the spec are a run (one layer forward, one layer backward, the update of one
 * weight).  A run of several lines is a function, which is called where the run stands and written below; runs of the same formulas are
 * one function: three layer norms are three lines and one definition.  Which values belong to the layer itself (its weights, what
 * its forward part kept) is seen by their names; a function reads them by the rest of the name, as `weight`, and gets all else as
 * arguments. */
#include "compiler/ir/outline.h"

#include "compiler/ir/names.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define MARK OUTLINE_MARK

const char outline_legend[] =
    "# Each value that is read twice has a line; @ multiplies matrices, .T transposes one; views are left out.\n"
    "# f[layer](x) stands for f's lines, which come below, with the layer's own values (weight, bias, ...) and x in them.\n"
    "# 'ftc compile --emit=grad' has every value, under the same names.\n";

enum { MOST_WRITTEN = 8, TYPE_COLUMN = 84, WIDTH = 130, LONGEST = 300 };

typedef struct {
    const Node *node;
    const char *formula; /* names are marks: L and a line, X and an outside */
} Line;

typedef struct {
    const Node *node;
    const char *own;    /* its name as one of the run's own values; NULL: it is none of them */
    int function, line; /* of a forward run's value: which one; else -1 */
} Outside;

typedef struct {
    Node **v; /* neighbours of one place, in order */
    int n;
    const char *layer; /* what all their names begin with, or those of which they are gradients; "": nothing */
    Line *lines;
    int n_lines, n_outside, cap_outside;
    Outside *outside;
    int function;
} Run;

typedef struct {
    const Run *first;
    const char *name;
    const char **arguments; /* [first->n_outside]; NULL: own, or the same for all calls */
    int calls;
    bool listed; /* its calls without arguments and results are written */
} Function;

typedef struct {
    OutlineNames names; /* first: formula.c gives it back */
    const Graph *g;
    Arena *arena;
    FILE *out;
    Run *runs;
    Function *functions;
    int n_runs, cap_runs, n_functions;
    int *run_of, *size; /* by node's id: its run, or -1; ops in its formula */
    bool *named;
    const char **owner; /* the layer with weights that it is of */
    Node **shown;       /* the view whose name it goes by, or NULL */
    Run *at;            /* the run whose formulas are being written */
} Outliner;

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

static bool is_given(const Node *n) { return !n->n_in; }

/* A value that only a view reads goes by the view's name: a gradient, by that of the weight's. */
static const Node *shown(const Outliner *o, const Node *n)
{
    while (o->shown[n->id])
        n = o->shown[n->id];
    return n;
}

static void find_shown(Outliner *o)
{
    int *reads = NEW_ARRAY(o->arena, int, o->g->n);
    EACH_NODE(n, o->g)
    for (int i = 0; i < n->n_in; i++)
        reads[n->in[i]->id]++;
    for (int i = 0; i < o->g->n_outputs; i++)
        reads[o->g->outputs[i].node->id]++;
    EACH_NODE(n, o->g)
    if (n->n_in && outline_base(n) != n && !is_given(n->in[0]) && reads[n->in[0]->id] == 1 && n->region == n->in[0]->region)
        o->shown[n->in[0]->id] = n;
}

/* The layer that a weight belongs to: "pooler" of "pooler.bias". */
static const char *owner_of_weight(const Outliner *o, const char *weight)
{
    const char *dot = strrchr(weight, '.');
    return dot ? arena_strndup(o->arena, weight, (size_t)(dot - weight)) : "";
}

/* Of the layers that have weights the one whose name n's begins with. */
static const char *owner_by_name(const Outliner *o, const char *name)
{
    const char *owner = "";
    EACH_NODE(w, o->g)
    {
        const char *dot = w->op == OP_weight ? strrchr(w->name, '.') : NULL;
        size_t length = dot ? (size_t)(dot - w->name) : 0;
        if (length > strlen(owner) && !strncmp(name, w->name, length) && (!name[length] || name[length] == '.'))
            owner = arena_strndup(o->arena, w->name, length);
    }
    return owner;
}

/* The layer with weights that n is a value of, or a gradient of such a value; "": none. */
static const char *find_owner(const Outliner *o, const Node *n)
{
    const char *name = n->name;
    if (n->region == REGION_FORWARD)
        for (int i = 0; i < n->n_in; i++)
            if (outline_base(n->in[i])->op == OP_weight)
                return owner_of_weight(o, outline_base(n->in[i])->name);
    if (n->region == REGION_BACKWARD) {
        const char *of = shown(o, n)->name;
        EACH_NODE(x, o->g)
        {
            if (x->op == OP_weight && !strncmp(of, "d.", 2) && !strcmp(of + 2, x->name))
                return owner_of_weight(o, x->name);
            if (n->grad_of && x->region == REGION_FORWARD && !is_given(x) && !strcmp(x->name, n->grad_of))
                return o->owner[outline_base(x)->id] ? o->owner[outline_base(x)->id] : "";
        }
        name = n->grad_of ? n->grad_of : n->name;
    }
    return owner_by_name(o, name);
}

/* Weights are updated one after the other: the next one begins behind an update. */
static bool goes_on(const Outliner *o, const Node *before, const Node *n)
{
    if (before->region != n->region)
        return false;
    if (n->region == REGION_UPDATE)
        return !is_update(before) || is_update(n);
    return loc_same(before->loc, n->loc) && !strcmp(o->owner[before->id], o->owner[n->id]);
}

static void find_runs(Outliner *o)
{
    const Node *before = NULL;
    EACH_NODE(n, o->g)
    {
        o->run_of[n->id] = -1;
        if (is_given(n) || outline_base(n) != n)
            continue;
        o->owner[n->id] = find_owner(o, n);
        if (!before || !goes_on(o, before, n)) {
            ARENA_GROW(o->arena, o->runs, o->n_runs, o->cap_runs);
            o->runs[o->n_runs++] = (Run){ .v = NEW_ARRAY(o->arena, Node *, o->g->n) };
        }
        Run *r = &o->runs[o->n_runs - 1];
        r->v[r->n++] = n;
        o->run_of[n->id] = o->n_runs - 1;
        before = n;
    }
}

/* What is stored under a weight's name, or that of its state, has that name as its own. */
static void name_runs(Outliner *o)
{
    for (int i = 0; i < o->n_runs; i++) {
        Run *r = &o->runs[i];
        size_t n = 0;
        const char *first = NULL;
        for (int k = 0; k < r->n; k++) {
            const char *name = r->v[k]->grad_of ? r->v[k]->grad_of : r->v[k]->name;
            if (is_update(r->v[k]))
                continue;
            n = first ? common_name(first, n, name) : strlen(name);
            first = first ? first : name;
        }
        const char *prefix = first ? arena_strndup(o->arena, first, n) : "";
        if (r->v[0]->region == REGION_UPDATE)
            prefix = !strncmp(prefix, "update.", 7) ? prefix + 7 : "";
        r->layer = r->v[0]->region != REGION_UPDATE && *o->owner[r->v[0]->id] ? o->owner[r->v[0]->id] : prefix;
    }
}

/* ---- which values have a line -------------------------------------------------------------------------------------- */

/* A number or two of others, element by element: whoever reads it can write it out. */
static bool is_cheap(const Node *n)
{
    if (n->op == OP_transpose)
        return true;
    if (op_info[n->op].class != CLASS_MAP || is_given(n))
        return false;
    for (int i = 0; i < n->n_in; i++)
        if (!is_given(outline_base(n->in[i])) && outline_base(n->in[i])->op != OP_const)
            return i > 0 ? false : n->n_in == 2 && outline_base(n->in[1])->op == OP_const;
    return true;
}

enum { NOBODY = -1, SEVERAL = -2 };

static void find_named(Outliner *o)
{
    int *reads = NEW_ARRAY(o->arena, int, o->g->n), *reader = NEW_ARRAY(o->arena, int, o->g->n); /* how often, from which run */
    EACH_NODE(n, o->g)
    reader[n->id] = NOBODY;
    for (int i = 0; i < o->g->n_outputs; i++)
        o->named[outline_base(o->g->outputs[i].node)->id] = true;
    for (const Node *n = o->g->last; n; n = n->prev) {
        if (outline_base(n) != n || is_given(n))
            continue;
        bool cheap = is_cheap(n) && !o->named[n->id];
        o->named[n->id] |= is_update(n) || (!cheap && (reads[n->id] > 1 || reader[n->id] != o->run_of[n->id]));
        for (int i = 0; i < n->n_in; i++) {
            int x = outline_base(n->in[i])->id, from = cheap ? reader[n->id] : o->run_of[n->id];
            reads[x] += cheap ? reads[n->id] : 1;
            reader[x] = reader[x] == NOBODY || reader[x] == from ? from : SEVERAL;
        }
    }
    EACH_NODE(n, o->g)
    {
        o->size[n->id] = 1;
        if (is_given(n) || outline_base(n) != n)
            continue;
        for (int i = 0; i < n->n_in; i++) {
            const Node *x = outline_base(n->in[i]);
            o->size[n->id] += is_given(x) || o->named[x->id] ? 0 : o->size[x->id];
        }
        if (n->op == OP_add && outline_base(n->in[0])->op == OP_add) /* a sum may be long */
            o->size[n->id] -= o->size[outline_base(n->in[0])->id];
        o->named[n->id] |= o->size[n->id] >= MOST_WRITTEN;
    }
}

/* ---- formulas of a run, in which names are marks ------------------------------------------------------------------- */

static bool written_out(const OutlineNames *names, const Node *n)
{
    const Outliner *o = (const Outliner *)names;
    return n->op == OP_const || n->op == OP_iota || (!is_given(n) && !o->named[n->id]);
}

static int line_of(const Run *r, const Node *n)
{
    for (int i = 0; i < r->n_lines; i++)
        if (r->lines[i].node == n)
            return i;
    return -1;
}

/* "m:embeddings.weight" of the layer "embeddings.weight" is "m"; "embeddings.norm.bias" of "embeddings.norm" is "bias". */
static const char *own_name(Arena *a, const char *name, const char *layer)
{
    size_t n = strlen(layer);
    const char *at = n ? strstr(name, layer) : NULL;
    if (!at || (at > name && at[-1] != '.' && at[-1] != ':') || (at[n] && at[n] != '.'))
        return NULL;
    const char *rest = at[n] ? at + n + 1 : "";
    if (at == name)
        return *rest ? rest : "w";
    return *rest ? arena_printf(a, "%.*s%s", (int)(at - name), name, rest) : arena_strndup(a, name, (size_t)(at - name) - 1);
}

/* A layer's own are its weights and what its forward part computed; an update's the gradient and the states, too. */
static bool is_own(const Outliner *o, const Run *r, const Node *n)
{
    int run = o->run_of[n->id];
    return run < 0 || n->region != r->v[0]->region || r->v[0]->region == REGION_UPDATE || !strcmp(o->runs[run].layer, r->layer);
}

static int outside_of(Outliner *o, Run *r, const Node *n)
{
    for (int i = 0; i < r->n_outside; i++)
        if (r->outside[i].node == n)
            return i;
    ARENA_GROW(o->arena, r->outside, r->n_outside, r->cap_outside);
    Outside x = { .node = n,
                  .own = is_own(o, r, n) ? own_name(o->arena, shown(o, n)->name, r->layer) : NULL,
                  .function = -1,
                  .line = -1 };
    if (o->run_of[n->id] >= 0 && n->region < r->v[0]->region && r->v[0]->region == REGION_BACKWARD) {
        const Run *from = &o->runs[o->run_of[n->id]];
        x.function = from->function;
        x.line = line_of(from, n);
    }
    r->outside[r->n_outside] = x;
    return r->n_outside++;
}

static const char *mark(const OutlineNames *names, const Node *n)
{
    Outliner *o = (Outliner *)names;
    int line = line_of(o->at, n);
    return line >= 0 ? arena_printf(o->arena, MARK "L%d" MARK, line)
                     : arena_printf(o->arena, MARK "X%d" MARK, outside_of(o, o->at, n));
}

/* The run's formulas and what they read, such that two runs have the same text if one function does for both. */
static char *write_formulas(Outliner *o, Run *r)
{
    char *key = NULL;
    size_t size;
    FILE *out = text_open(&key, &size);
    o->at = r;
    r->lines = NEW_ARRAY(o->arena, Line, r->n);
    for (int i = 0; i < r->n; i++)
        if (o->named[r->v[i]->id])
            r->lines[r->n_lines++].node = r->v[i];
    for (int i = 0; i < r->n_lines; i++) {
        r->lines[i].formula = outline_formula(&o->names, r->lines[i].node);
        fprintf(out, "%s %s\n", op_info[r->lines[i].node->op].name, r->lines[i].formula);
    }
    for (int i = 0; i < r->n_outside; i++) {
        const Outside *x = &r->outside[i];
        if (x->own && x->function >= 0)
            fprintf(out, "own %d.%d\n", x->function, x->line);
        else
            fprintf(out, "%s\n", x->own ? x->own : "argument");
    }
    fclose(out);
    return key;
}

static void find_functions(Outliner *o)
{
    char **keys = NEW_ARRAY(o->arena, char *, o->n_runs);
    o->functions = NEW_ARRAY(o->arena, Function, o->n_runs);
    for (int i = 0; i < o->n_runs; i++) {
        char *key = write_formulas(o, &o->runs[i]);
        int f = 0;
        while (f < o->n_functions && strcmp(keys[f], key))
            f++;
        if (f == o->n_functions) {
            keys[o->n_functions++] = key;
            o->functions[f].first = &o->runs[i];
        } else
            free(key);
        o->functions[f].calls++;
        o->runs[i].function = f;
    }
    for (int f = 0; f < o->n_functions; f++)
        free(keys[f]);
}

static bool is_function(const Function *f) { return f->first->n_lines > 1 && *f->first->layer; }

/* ---- names of functions and their arguments ------------------------------------------------------------------------ */

/* Whether all calls get the same value there; of one that is called once, whether it is given from outside. */
static bool same_for_all(const Outliner *o, int f, int x)
{
    if (o->functions[f].calls == 1)
        return is_given(o->functions[f].first->outside[x].node);
    for (int i = 0; i < o->n_runs; i++)
        if (o->runs[i].function == f && o->runs[i].outside[x].node != o->functions[f].first->outside[x].node)
            return false;
    return true;
}

static void name_arguments(Outliner *o, int f)
{
    Function *fn = &o->functions[f];
    const Run *r = fn->first;
    int seen[2] = { 0 };
    fn->arguments = NEW_ARRAY(o->arena, const char *, r->n_outside);
    for (int i = 0; i < r->n_outside; i++) {
        if (r->outside[i].own || same_for_all(o, f, i))
            continue;
        bool gradient = r->outside[i].node->region == REGION_BACKWARD;
        int n = ++seen[gradient];
        fn->arguments[i] = arena_printf(o->arena, n > 1 ? "%s%d" : "%s", gradient ? "dy" : "x", n);
    }
}

static const char *last_word(const char *dotted)
{
    const char *dot = strrchr(dotted, '.');
    return dot ? dot + 1 : dotted;
}

/* A backward run is named after the forward one whose values it reads. */
static const char *function_word(const Outliner *o, const Run *r)
{
    Region region = r->v[0]->region;
    for (int i = 0; i < r->n_outside; i++)
        if (r->outside[i].own && r->outside[i].function >= 0 && o->functions[r->outside[i].function].name)
            return arena_printf(o->arena, "d_%s", o->functions[r->outside[i].function].name);
    const char *word = region == REGION_UPDATE ? "update" : last_word(r->layer);
    return arena_printf(o->arena, "%s%s", region == REGION_BACKWARD ? "d_" : "", *word ? word : "part");
}

static void name_functions(Outliner *o)
{
    for (int f = 0; f < o->n_functions; f++) {
        Function *fn = &o->functions[f];
        if (!is_function(fn))
            continue;
        const char *name = function_word(o, fn->first);
        int same = 1;
        for (int k = 0; k < f; k++)
            same += o->functions[k].name && !strncmp(o->functions[k].name, name, strlen(name)) &&
                    strspn(o->functions[k].name + strlen(name), "0123456789") == strlen(o->functions[k].name + strlen(name));
        fn->name = same > 1 ? arena_printf(o->arena, "%s%d", name, same) : name;
        name_arguments(o, f);
    }
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

static const char *line_name(const Outliner *o, const Run *r, int line, bool inside)
{
    const Node *n = r->lines[line].node;
    const char *name = is_update(n) ? updated(n) : shown(o, n)->name;
    if (!inside)
        return name;
    const char *own = own_name(o->arena, name, r->layer);
    if (is_update(n))
        return own ? own : name;
    if (!own || !strcmp(own, "w"))
        return "y";
    return n->region == REGION_UPDATE ? own + strlen("update.") : own;
}

/* The line of an update that stores this line's value: both are one, "m <- add = ...".  -1: there is none. */
static int stored_by(const Run *r, int line)
{
    for (int i = 0; i < r->n_lines; i++) {
        const Node *n = r->lines[i].node;
        if (is_update(n) && outline_base(n->in[n->n_in - 1]) == r->lines[line].node)
            return i;
    }
    return -1;
}

/* What stands in front of a line's formula. */
static const char *left_side(const Outliner *o, const Run *r, int line, bool inside)
{
    int store = stored_by(r, line);
    const char *name = line_name(o, r, line, inside);
    return store < 0 ? name : arena_printf(o->arena, "%s <- %s", line_name(o, r, store, inside), name);
}

static bool is_shown_with_value(const Run *r, int line)
{
    if (!is_update(r->lines[line].node))
        return false;
    for (int i = 0; i < r->n_lines; i++)
        if (stored_by(r, i) == line)
            return true;
    return false;
}

/* A name that is used in a function's lines. */
static const char *outside_name(const Outliner *o, const Function *f, int x)
{
    const Outside *out = &f->first->outside[x];
    if (f->arguments[x])
        return f->arguments[x];
    return out->own ? out->own : shown(o, out->node)->name;
}

/* The formula with names in the place of marks: those of the run, or of the function that it is. */
static const char *with_names(const Outliner *o, const Run *r, const char *formula, bool inside)
{
    const char *text = "";
    while (*formula) {
        size_t plain = strcspn(formula, OUTLINE_MARK);
        text = arena_printf(o->arena, "%s%.*s", text, (int)plain, formula);
        formula += plain;
        if (!*formula)
            break;
        int i = atoi(formula + 2);
        const char *name = formula[1] == 'L' ? line_name(o, r, i, inside)
                           : inside          ? outside_name(o, &o->functions[r->function], i)
                                             : shown(o, r->outside[i].node)->name;
        text = arena_printf(o->arena, "%s%s", text, name);
        formula = strchr(formula + 1, *MARK) + 1;
    }
    return text;
}

/* Right sides go on in a new line where one gets long.  Returns the width of the last line. */
static int print_wrapped(FILE *out, const char *text, int width)
{
    if (width + (int)strlen(text) <= LONGEST)
        return width + fprintf(out, "%s", text);
    for (const char *word; *text; text = word) {
        word = text + strcspn(text, " ");
        word += *word == ' ';
        if (width + (int)(word - text) > WIDTH)
            width = fprintf(out, "\n          ") - 1;
        width += fprintf(out, "%.*s", (int)(word - text), text);
    }
    return width;
}

static void print_formula(const Outliner *o, const char *indent, const Node *n, const char *left, const char *right,
                          bool places)
{
    char t[160];
    int width = print_wrapped(o->out, right, fprintf(o->out, "%s%s %s ", indent, left, is_update(n) ? "<-" : "="));
    if (places) {
        fprintf(o->out, "%*s  %s", width < TYPE_COLUMN ? TYPE_COLUMN - width : 0, "", type_name(&shown(o, n)->type, t));
        if (n->loc && n->loc->at.line)
            fprintf(o->out, "  %s:%d", n->loc->at.file, n->loc->at.line);
    }
    fputc('\n', o->out);
}

static void print_function(const Outliner *o, const Function *f)
{
    const Run *r = f->first;
    fprintf(o->out, "  %s(", f->name);
    for (int i = 0, n = 0; i < r->n_outside; i++)
        if (f->arguments[i])
            fprintf(o->out, n++ ? ", %s" : "%s", f->arguments[i]);
    fputs("):\n", o->out);
    for (int i = 0; i < r->n_lines; i++)
        if (!is_shown_with_value(r, i))
            print_formula(o, "      ", r->lines[i].node, left_side(o, r, i, true), with_names(o, r, r->lines[i].formula, true),
                          false);
}

/* Whether another layer reads the value, and not as one of its own. */
static bool is_result(const Outliner *o, const Run *r, const Node *n)
{
    for (int i = 0; i < o->n_runs; i++)
        for (int k = 0; k < o->runs[i].n_outside && &o->runs[i] != r; k++)
            if (o->runs[i].outside[k].node == n && strcmp(o->runs[i].layer, r->layer) &&
                !(o->runs[i].outside[k].own && is_function(&o->functions[o->runs[i].function])))
                return true;
    for (int i = 0; i < o->g->n_outputs; i++)
        if (outline_base(o->g->outputs[i].node) == n && !is_update(n))
            return true;
    return false;
}

/* Calls that have neither arguments nor results, all of them: update[a, b, c]. */
static void print_bare_calls(const Outliner *o, const Function *f)
{
    int width = fprintf(o->out, "  %s[", f->name), n = 0;
    for (int i = 0; i < o->n_runs; i++) {
        const Run *r = &o->runs[i];
        if (&o->functions[r->function] != f)
            continue;
        if (n++ && width + (int)strlen(r->layer) + 2 > WIDTH)
            width = fprintf(o->out, ",\n      ") - 2;
        else if (n > 1)
            width += fprintf(o->out, ", ");
        width += fprintf(o->out, "%s", r->layer);
    }
    fputs("]\n", o->out);
}

static void print_call(const Outliner *o, const Run *r)
{
    Function *f = &o->functions[r->function];
    const char *left = "", *right = "";
    const Node *result = NULL;
    for (int i = 0; i < r->n_lines; i++)
        if (is_result(o, r, r->lines[i].node)) {
            result = r->lines[i].node;
            left = arena_printf(o->arena, "%s%s%s", left, *left ? ", " : "", shown(o, result)->name);
        }
    for (int i = 0; i < r->n_outside; i++)
        if (f->arguments[i])
            right = arena_printf(o->arena, "%s%s%s", right, *right ? ", " : "", shown(o, r->outside[i].node)->name);
    if (!result && !*right && !f->listed) {
        print_bare_calls(o, f);
        f->listed = true;
    } else if (!result && *right)
        fprintf(o->out, "  %s[%s](%s)\n", f->name, r->layer, right);
    else if (result)
        print_formula(o, "  ", result, left, arena_printf(o->arena, "%s[%s](%s)", f->name, r->layer, right), true);
}

void graph_outline(const Graph *g, FILE *out)
{
    Arena *a = arena_new();
    Outliner o = { .names = { a, written_out, mark },
                   .g = g,
                   .arena = a,
                   .out = out,
                   .run_of = NEW_ARRAY(a, int, g->n),
                   .size = NEW_ARRAY(a, int, g->n),
                   .named = NEW_ARRAY(a, bool, g->n),
                   .owner = NEW_ARRAY(a, const char *, g->n),
                   .shown = NEW_ARRAY(a, Node *, g->n) };
    find_shown(&o);
    find_runs(&o);
    name_runs(&o);
    find_named(&o);
    find_functions(&o);
    name_functions(&o);
    Region region = REGION_FORWARD;
    fprintf(out, "%s:\n", region_name(region));
    for (int i = 0; i < o.n_runs; i++) {
        const Run *r = &o.runs[i];
        if (r->v[0]->region != region)
            fprintf(out, "%s:\n", region_name(region = r->v[0]->region));
        if (is_function(&o.functions[r->function]))
            print_call(&o, r);
        else
            for (int k = 0; k < r->n_lines; k++)
                if (!is_shown_with_value(r, k))
                    print_formula(&o, "  ", r->lines[k].node, left_side(&o, r, k, false),
                                  with_names(&o, r, r->lines[k].formula, false), true);
    }
    for (int f = 0, n = 0; f < o.n_functions; f++)
        if (is_function(&o.functions[f])) {
            fputs(n++ ? "" : "functions:\n", out);
            print_function(&o, &o.functions[f]);
        }
    arena_free(a);
}

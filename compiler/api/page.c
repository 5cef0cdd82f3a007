/* The page of all stages; see page.h. */
#include "compiler/api/page.h"

#include "compiler/ir/names.h"
#include "runtime/core/mem.h"
#include "runtime/train/html.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const PageJob *job;
    Arena *a;
    FILE *out;
    FtcDiag *d;
} Page;

static void put(FILE *out, const char *text) { html_text(out, slice_of(text)); }

static void put_code(FILE *out, const char *text)
{
    fputs("<pre>", out);
    put(out, text);
    fputs("</pre>\n", out);
}

static void open_section(FILE *out, const char *id, const char *title, const char *note)
{
    fprintf(out, "<section id=\"%s\">\n<h2>", id);
    put(out, title);
    fputs("</h2>\n<p class=\"note\">", out);
    put(out, note);
    fputs("</p>\n", out);
}

static void open_details(FILE *out, bool open, const char *summary)
{
    fprintf(out, "<details%s><summary>", open ? " open" : "");
    put(out, summary);
    fputs("</summary>\n", out);
}

/* ---- head ---------------------------------------------------------------------------------------------------------- */

static void put_key(FILE *out, const char *what, const char *value, const char *note)
{
    fputs("<div><span>", out);
    put(out, what);
    fputs("</span><b>", out);
    put(out, value);
    fputs("</b><span>", out);
    put(out, note);
    fputs("</span></div>\n", out);
}

static void put_head(const Page *p)
{
    const BenchProfile *b = p->job->profile;
    const Compiled *c = p->job->compiled;
    FILE *out = p->out;
    char *cpu = codegen_describe(p->job->codegen, p->d);
    html_begin(out, p->job->model, ": from the spec to machine code");
    fputs("<h1>", out);
    put(out, p->job->model);
    fprintf(out, ": from the spec to machine code</h1>\n<p class=\"soft\">One training step, compiled by ftc for %s</p>\n<nav>",
            cpu ? cpu : "this machine");
    static const char *const parts[][2] = { { "layers", "Layers" }, { "spec", "Spec" },       { "formulas", "Formulas" },
                                            { "graphs", "Graphs" }, { "kernels", "Kernels" }, { "levels", "-O0 and -O2" },
                                            { "plan", "Memory" } };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        fprintf(out, "%s<a href=\"#%s\">%s</a>", i ? " \xC2\xB7 " : "", parts[i][0], parts[i][1]);
    fputs("</nav>\n<div class=\"key\">\n", out);
    put_key(out, "kernels", arena_printf(p->a, "%d", c->step->n_kernels),
            arena_printf(p->a, "%d calls a step", c->step->n_calls));
    if (b) {
        put_key(
            out, "a step", arena_printf(p->a, "%.1f ms", b->ms),
            arena_printf(p->a, "measured here: %lld rows, %lld tokens", (long long)b->size.rows, (long long)b->size.tokens));
        put_key(out, "useful work", arena_printf(p->a, "%.1f GFLOP/s", b->gflops),
                arena_printf(p->a, "of %.0f that the machine can", b->peak_gflops));
        put_key(out, "arena", arena_printf(p->a, "%.1f MiB", b->arena_mib), "for all values between");
    }
    fputs("</div>\n", out);
    free(cpu);
}

/* ---- spec ---------------------------------------------------------------------------------------------------------- */

static void put_spec(const Page *p)
{
    const BenchProfile *b = p->job->profile;
    char *text = NULL;
    size_t size;
    FILE *f = text_open(&text, &size);
    if (b)
        lines_print(b->spec, b->n_spec, b->peak_gflops, f);
    else
        spec_print(p->job->compiled->spec, f);
    fclose(f);
    open_section(p->out, "spec", "The spec, line by line",
                 b ? "Every default filled in, and what each line costs. A kernel that serves several lines is shared out "
                     "among them by the work in it."
                   : "Every default filled in.");
    put_code(p->out, text + (*text == '\n'));
    fputs("</section>\n", p->out);
    free(text);
}

/* ---- text, folded by layer ----------------------------------------------------------------------------------------- */

/* The first name in a line of a graph or of formulas: "  %x.y = ..." or "  x.y = ...". */
static const char *name_in_line(Arena *a, const char *line, size_t n)
{
    size_t from = 0;
    while (from < n && (line[from] == ' ' || line[from] == '%' || line[from] == '#'))
        from++;
    size_t length = 0;
    while (from + length < n && (isalnum((unsigned char)line[from + length]) || strchr("._:", line[from + length])))
        length++;
    return arena_strndup(a, line + from, length);
}

static int layer_number(const char *layer)
{
    const char *dot = strrchr(layer, '.');
    return dot && isdigit((unsigned char)dot[1]) ? atoi(dot + 1) : -1;
}

static int last_layer(const Page *p)
{
    int last = -1;
    EACH_NODE(w, p->job->built)
    {
        int number = w->op == OP_weight ? layer_number(layer_of_value(p->a, p->job->built, w->name)) : -1;
        last = number > last ? number : last;
    }
    return last;
}

/* "  norm(x):", and what stands under it. */
static bool belongs_to_function(const char *line, size_t n)
{
    return !strncmp(line, "      ", 6) || (n > 2 && !strncmp(line + n - 2, "):", 2));
}

/* Lines by the layer that they are of; a comment goes with the line behind it. */
static void put_folded(const Page *p, const char *text, int last, bool open)
{
    FILE *out = p->out;
    const char *now = NULL;
    int lines = 0;
    bool hidden = false, opened = false;
    for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        size_t n = (size_t)(end - line);
        bool begins = n && *line == ' ' && !belongs_to_function(line, n);
        const char *layer = begins ? layer_of_value(p->a, p->job->built, name_in_line(p->a, line, n)) : now ? now : "";
        if (n == 10 && !memcmp(line, "functions:", 10)) /* of formulas, at their end */
            layer = "functions";
        if (!now || strcmp(layer, now)) {
            if (now) {
                if (hidden)
                    fprintf(out, "%d lines, those of the first layer under other numbers; ftc compile --emit prints them",
                            lines);
                fputs("</pre></details>\n", out);
            }
            now = layer;
            int number = layer_number(layer);
            hidden = number > 0 && number < last;
            bool here = open && number == 0 && !opened;
            opened |= here;
            open_details(out, here, *layer ? layer : "head");
            fputs("<pre>", out);
            lines = 0;
        }
        lines++;
        if (!hidden) {
            html_text(out, (Slice){ line, n });
            fputc('\n', out);
        }
    }
    if (now) {
        if (hidden)
            fprintf(out, "%d lines, those of the first layer under other numbers; ftc compile --emit prints them", lines);
        fputs("</pre></details>\n", out);
    }
}

static void put_graphs(const Page *p)
{
    static const char *const titles[] = { "As built: the forward part, of primitives",
                                          "With gradients and the update: each op's rule applied backward",
                                          "Fused: 'in 7' names the kernel that a value is computed in" };
    int last = last_layer(p);
    open_section(p->out, "formulas", "The step as formulas",
                 "Each value that is read twice has a line; f[layer](x) stands for the lines under f, with the layer's own "
                 "values in them.");
    put_folded(p, p->job->outline, last, true);
    fputs("</section>\n", p->out);
    open_section(p->out, "graphs", "Graphs",
                 "The same values in the compiler's own language. Each names the line of the spec that it comes from; "
                 "gradients name the value that they are of, "
                 "and its rule.");
    for (int i = 0; i < 3; i++) {
        open_details(p->out, false, titles[i]);
        put_folded(p, p->job->stage[i], last, true);
        fputs("</details>\n", p->out);
    }
    fputs("</section>\n", p->out);
}

/* ---- kernels ------------------------------------------------------------------------------------------------------- */

static bool block_has_line(const KStmt *s, const char *file, int line)
{
    size_t n = strlen(file);
    for (; s; s = s->next) {
        const char *name = s->loc && s->loc->at.file ? s->loc->at.file : "";
        size_t length = strlen(name);
        bool ends = length >= n && !strcmp(name + length - n, file) && (length == n || name[length - n - 1] == '/');
        if ((ends && s->loc->at.line == line) || block_has_line(s->body, file, line))
            return true;
    }
    return false;
}

bool kernel_has_line(const Kernel *k, const char *file, int line) { return block_has_line(k->body, file, line); }

/* The lines that a block comes from, each once: "layers/bert.yaml:29". */
static void add_places(Arena *a, const KStmt *s, const char **list)
{
    for (; s; s = s->next) {
        if (s->loc && s->loc->at.file && s->loc->at.line) {
            const char *place = arena_printf(a, "%s:%d", s->loc->at.file, s->loc->at.line);
            if (!strstr(arena_printf(a, "%s,", *list), arena_printf(a, "%s,", place)))
                *list = arena_printf(a, "%s%s%s", *list, **list ? ", " : "", place);
        }
        add_places(a, s->body, list);
    }
}

static char *loops(const Kernel *k)
{
    char *text = NULL;
    size_t size;
    FILE *f = text_open(&text, &size);
    kernel_print(k, f);
    fclose(f);
    return text;
}

static bool put_kernel(const Page *p, int i, bool open)
{
    const Kernel *k = p->job->compiled->step->kernels[i];
    const KernelLine *l = p->job->profile && i < p->job->profile->n_lines ? &p->job->profile->lines[i] : NULL;
    const char *places = "";
    add_places(p->a, k->body, &places);
    open_details(p->out, open,
                 l && l->calls ? arena_printf(p->a, "%s: %.3f ms in %d calls", k->name, l->ms, l->calls) : k->name);
    fputs("<p class=\"note\">", p->out);
    put(p->out, *places ? arena_printf(p->a, "from %s", places) : "of no line of the spec");
    if (l && l->calls)
        fprintf(p->out, "; a step: %.4f GFLOP, %.2f MB, %.1f GFLOP/s, %.1f GB/s", l->flop * 1e-9, l->bytes * 1e-6,
                l->flop / l->ms * 1e-6, l->bytes / l->ms * 1e-6);
    fputs("</p>\n", p->out);
    char *text = loops(k), *llvm = emit_kernel_text(p->job->codegen, TEXT_LLVM, k, p->d),
         *assembly = emit_kernel_text(p->job->codegen, TEXT_ASM, k, p->d);
    bool ok = llvm && assembly;
    put_code(p->out, text);
    open_details(p->out, false, "LLVM IR");
    put_code(p->out, ok ? llvm : "");
    fputs("</details>\n", p->out);
    open_details(p->out, false, "Assembly");
    put_code(p->out, ok ? assembly : "");
    fputs("</details></details>\n", p->out);
    free(text);
    free(llvm);
    free(assembly);
    return ok;
}

static double time_of(const Page *p, int kernel)
{
    const BenchProfile *f = p->job->profile;
    return f && kernel < f->n_lines ? f->lines[kernel].ms : 0;
}

static bool put_kernels(const Page *p)
{
    int n = p->job->compiled->step->n_kernels, *order = NEW_ARRAY(p->a, int, n + 1);
    for (int i = 0; i < n; i++) { /* the dearest first; of equals as they come */
        int at = i;
        for (; at > 0 && time_of(p, order[at - 1]) < time_of(p, i); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    open_section(p->out, "kernels", "Kernels",
                 p->job->profile ? "Groups of values that are computed in one go, the dearest first: loops, LLVM IR, assembly."
                                 : "Groups of values that are computed in one go: loops, LLVM IR, assembly.");
    bool ok = true;
    for (int i = 0; i < n && ok; i++)
        ok = put_kernel(p, order[i], i == 0);
    fputs("</section>\n", p->out);
    return ok;
}

/* ---- -O0 beside -O2 ------------------------------------------------------------------------------------------------ */

static bool has_dot(const KStmt *s)
{
    for (; s; s = s->next)
        if (s->kind == K_DOT || s->kind == K_PACK || (s->body && has_dot(s->body)))
            return true;
    return false;
}

static int statements(const KStmt *s)
{
    int n = 0;
    for (; s; s = s->next)
        n += 1 + statements(s->body);
    return n;
}

/* Kernels of the line; 0 if a dot is among them. */
static int count_of_line(const Program *p, FtcLoc at)
{
    int n = 0;
    for (int i = 0; i < p->n_kernels; i++)
        if (kernel_has_line(p->kernels[i], at.file, at.line)) {
            if (has_dot(p->kernels[i]->body))
                return 0;
            n++;
        }
    return n;
}

static int statements_of_line(const KStmt *s, FtcLoc at)
{
    int n = 0;
    for (; s; s = s->next)
        n += (s->loc && s->loc->at.line == at.line && s->loc->at.file && !strcmp(s->loc->at.file, at.file)) +
             statements_of_line(s->body, at);
    return n;
}

/* The kernel with the most of the line in it, and of those the smallest. */
static const Kernel *kernel_of_line(const Program *p, FtcLoc at)
{
    const Kernel *best = NULL;
    int most = 0;
    for (int i = 0; i < p->n_kernels; i++) {
        int here = statements_of_line(p->kernels[i]->body, at);
        if (here > most || (here == most && best && statements(p->kernels[i]->body) < statements(best->body))) {
            most = here;
            best = p->kernels[i];
        }
    }
    return best;
}

/* The line that -O0 makes the most kernels of, without any dot among them. */
static FtcLoc line_to_compare(const Program *plain)
{
    FtcLoc best = FTC_NOWHERE;
    int most = 0;
    for (int i = 0; i < plain->n_calls; i++) {
        const Node *n = plain->calls[i].node;
        if (!n || n->region != REGION_FORWARD || !n->loc || !n->loc->at.file || !n->loc->at.line)
            continue;
        int here = count_of_line(plain, n->loc->at);
        if (here > most) {
            most = here;
            best = n->loc->at;
        }
    }
    return best;
}

static void put_levels(const Page *p)
{
    FtcLoc at = p->job->plain ? line_to_compare(p->job->plain->step) : FTC_NOWHERE;
    if (!at.file)
        return;
    open_section(p->out, "levels", "One line at -O0 and at -O2",
                 arena_printf(p->a,
                              "What %s:%d becomes. At -O0 each op is a kernel, and its result goes to memory; at -O2 the ops "
                              "share a loop, and with what stands around "
                              "them. 'ftc compile --emit=kernels --line=%s:%d -O0' prints the left side.",
                              at.file, at.line, at.file, at.line));
    fputs("<div class=\"pair\"><div><h3>-O0</h3>\n", p->out);
    const Program *plain = p->job->plain->step, *step = p->job->compiled->step;
    for (int i = 0, shown = 0; i < plain->n_kernels && shown < 8; i++)
        if (kernel_has_line(plain->kernels[i], at.file, at.line)) {
            char *text = loops(plain->kernels[i]);
            put_code(p->out, text);
            free(text);
            shown++;
        }
    fputs("</div><div><h3>-O2</h3>\n", p->out);
    const Kernel *k = kernel_of_line(step, at);
    if (k) {
        char *text = loops(k);
        put_code(p->out, text);
        free(text);
    }
    fputs("</div></div></section>\n", p->out);
}

/* ---- memory -------------------------------------------------------------------------------------------------------- */

static void put_plan(const Page *p)
{
    int64_t sym[N_SYMBOLS];
    char *text = NULL;
    size_t size;
    FILE *f = text_open(&text, &size);
    const Program *step = p->job->compiled->step;
    usual_symbols(p->job->compiled->spec, step->panel_tokens, sym);
    program_print_arena(step, sym, f);
    fclose(f);
    open_section(p->out, "plan", "Memory",
                 "One arena holds all values between; slots are shared. How much is alive during each call, and what it is at "
                 "the peak.");
    open_details(p->out, false, "Call by call");
    put_code(p->out, text);
    fputs("</details>\n</section>\n", p->out);
    free(text);
}

bool page_write(const PageJob *job, FILE *out, FtcDiag *d)
{
    Page p = { job, arena_new(), out, d };
    put_head(&p);
    open_section(
        out, "layers", "Layers",
        "What the spec asks for, and the gradients that come back. Shapes: T tokens, B rows, C classes, V vocabulary.");
    picture_svg(job->picture, false, out);
    fputs("</section>\n", out);
    put_spec(&p);
    put_graphs(&p);
    bool ok = put_kernels(&p);
    put_levels(&p);
    put_plan(&p);
    html_end(out);
    arena_free(p.a);
    return ok;
}

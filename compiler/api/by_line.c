/* Sharing a step's time among the lines of the spec; see by_line.h. */
#include "compiler/api/by_line.h"

#include "compiler/ir/names.h"
#include "compiler/kernel/kcost.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- the spec's lines ---------------------------------------------------------------------------------------------- */

typedef struct {
    FILE *out;
    char **text;
    FtcLoc place[MOST_LINES];
} Placed;

/* The line that is begun comes from there. */
static void note_place(void *ctx, FtcLoc at)
{
    Placed *p = ctx;
    fflush(p->out);
    int line = 0;
    for (const char *c = *p->text; *c; c++)
        line += *c == '\n';
    if (line < MOST_LINES)
        p->place[line] = at;
}

int lines_begin(SpecLine *lines, FtcLoc *places, const Compiled *c)
{
    char *text = NULL;
    size_t size;
    Placed *p = xcalloc(1, sizeof *p);
    FILE *out = text_open(&text, &size);
    *p = (Placed){ .out = out, .text = &text };
    spec_print_places(c->spec, out, note_place, p);
    fclose(out);
    int n = 0;
    for (char *line = text, *end; *line && n < MOST_LINES; line = end + 1, n++) {
        end = strchr(line, '\n');
        lines[n] = (SpecLine){ 0 };
        places[n] = p->place[n];
        snprintf(lines[n].text, sizeof lines[n].text, "%.*s", (int)(end - line), line);
    }
    free(text);
    free(p);
    return n;
}

/* The line that says it.  Of what no line does, there is one line more for each place. */
static int line_of(SpecLine *lines, FtcLoc *places, int *n, const Loc *loc)
{
    FtcLoc at = loc ? loc->at : FTC_NOWHERE;
    for (int i = 0; i < *n; i++)
        if (places[i].file && place_same_line(places[i], at) && (at.line || strstr(lines[i].text, "loss")))
            return i;
    for (int i = 0; i < *n; i++)
        if (!places[i].file && !at.file && lines[i].counts)
            return i;
    if (*n == MOST_LINES)
        return MOST_LINES - 1;
    lines[*n] = (SpecLine){ 0 };
    places[*n] = at;
    snprintf(lines[*n].text, LINE_TEXT, at.file ? at.line ? "%s:%d" : "%s, where it says nothing" : "(the rest)", at.file,
             at.line);
    return (*n)++;
}

/* ---- costs --------------------------------------------------------------------------------------------------------- */

enum { MOST_PLACES = 64 };

int lines_add(SpecLine *lines, FtcLoc *places, int n, const LineCall *c)
{
    const Call *call = &c->program->calls[c->call];
    const Kernel *k = c->program->kernels[call->kernel];
    PlaceCost cost[MOST_PLACES + 1];
    int parts = kernel_place_costs(k, c->bufs, c->sym, cost, MOST_PLACES);
    double total = 0;
    if (!parts) /* it only copies */
        cost[parts++] = (PlaceCost){ .loc = call->node ? call->node->loc : NULL, .weight = 1 };
    for (int i = 0; i < parts; i++)
        total += cost[i].weight;
    for (int i = 0; i < parts; i++) {
        SpecLine *l = &lines[line_of(lines, places, &n, cost[i].loc)];
        double share = c->part * (total > 0 ? cost[i].weight / total : 1.0 / parts);
        l->ms[call->node ? call->node->region : REGION_FORWARD] += share * c->ms;
        l->flop += c->part * cost[i].flop;
        l->bytes += share * c->bytes;
        l->counts = true;
    }
    return n;
}

void lines_count_layers(SpecLine *lines, const FtcLoc *places, int n, const Graph *g)
{
    EACH_NODE(x, g)
    {
        size_t number = x->region == REGION_FORWARD && x->loc && x->loc->up ? layer_number_at(g, x->name) : 0;
        if (!number)
            continue;
        int layer = atoi(x->name + number);
        for (int i = 0; i < n; i++)
            if (layer >= lines[i].layers && place_same_line(x->loc->at, places[i]))
                lines[i].layers = layer + 1;
    }
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

void lines_print(const SpecLine *lines, int n, double peak, FILE *out)
{
    double total = 0;
    for (int i = 0; i < n; i++)
        total += lines[i].ms[0] + lines[i].ms[1] + lines[i].ms[2];
    fprintf(out, "\n%9s %6s %8s %8s %8s %9s %8s %8s\n", "ms a step", "share", "forward", "backward", "update", "GFLOP",
            "of peak", "MB");
    for (int i = 0; i < n; i++) {
        const SpecLine *l = &lines[i];
        double ms = l->ms[0] + l->ms[1] + l->ms[2];
        if (l->counts)
            fprintf(out, "%9.3f %5.1f%% %8.3f %8.3f %8.3f %9.4f %7.1f%% %8.2f", ms, 100 * ms / total, l->ms[0], l->ms[1],
                    l->ms[2], l->flop * 1e-9, ms > 0 ? 100 * l->flop / ms * 1e-6 / peak : 0, l->bytes * 1e-6);
        else
            fprintf(out, "%71s", "");
        fprintf(out, "  %s", l->text);
        if (l->layers > 1)
            fprintf(out, "  x%d", l->layers);
        fputc('\n', out);
    }
    fprintf(out, "%9.3f in all\n", total);
}

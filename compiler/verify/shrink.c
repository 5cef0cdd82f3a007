/* Small specs of the same shape; see shrink.h. */
#include "compiler/verify/shrink.h"

enum { LEAST_WIDTH = 24, MOST_UNIT = 64, MOST_WIDTHS = 64, MOST_REPEATS = 2 };

typedef struct {
    int64_t was[MOST_WIDTHS], is[MOST_WIDTHS]; /* by size */
    int n;
    int64_t unit;       /* new widths are multiples: of all numbers of heads */
    bool keeps_repeats; /* train.freeze may name each of them */
} Shrink;

static int64_t common_multiple(int64_t a, int64_t b)
{
    int64_t x = a, y = b;
    while (y) {
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

static void add_width(Shrink *s, int64_t w)
{
    int at = 0;
    while (at < s->n && s->was[at] < w)
        at++;
    if (w <= 0 || (at < s->n && s->was[at] == w) || s->n == MOST_WIDTHS)
        return;
    for (int i = s->n++; i > at; i--)
        s->was[i] = s->was[i - 1];
    s->was[at] = w;
}

static bool is_table(const Layer *l) { return l->kind == LAYER_position_embedding || l->kind == LAYER_segment_embedding; }

static void collect(Shrink *s, const LayerList *list)
{
    for (int i = 0; i < list->n; i++) {
        const Layer *l = &list->v[i];
        add_width(s, l->width_in);
        add_width(s, l->width_out);
        add_width(s, l->size);
        if (l->heads > 0 && s->unit <= MOST_UNIT)
            s->unit = common_multiple(s->unit, l->heads);
        collect(s, &l->body);
    }
}

/* The next multiple of the unit for each width in turn, unless it is small already. */
static void choose(Shrink *s)
{
    int64_t next = (LEAST_WIDTH + s->unit - 1) / s->unit * s->unit;
    for (int i = 0; i < s->n; i++) {
        if (i && next <= s->is[i - 1])
            next = (s->is[i - 1] / s->unit + 1) * s->unit;
        s->is[i] = s->was[i] < next ? s->was[i] : next;
    }
}

static int64_t shrunk(const Shrink *s, int64_t w)
{
    for (int i = 0; i < s->n; i++)
        if (s->was[i] == w)
            return s->is[i];
    return w;
}

static void apply(const Shrink *s, LayerList *list)
{
    for (int i = 0; i < list->n; i++) {
        Layer *l = &list->v[i];
        l->width_in = shrunk(s, l->width_in);
        l->width_out = shrunk(s, l->width_out);
        l->size = shrunk(s, l->size);
        if (is_table(l) && l->count > SHRUNK_LENGTH)
            l->count = SHRUNK_LENGTH;
        if (l->kind == LAYER_repeat && !s->keeps_repeats && l->count > MOST_REPEATS)
            l->count = MOST_REPEATS;
        apply(s, &l->body);
    }
}

void shrink_spec(Spec *s, Arena *arena)
{
    SpecEncoder *e = &s->model.encoder;
    Shrink *how = NEW(arena, Shrink);
    how->unit = 1;
    how->keeps_repeats = s->train.freeze.n > 0;
    collect(how, &e->layers);
    if (how->unit <= MOST_UNIT)
        choose(how);
    else
        how->n = 0;
    apply(how, &e->layers);
    e->width = shrunk(how, e->width);
    if (e->max_positions > SHRUNK_LENGTH)
        e->max_positions = SHRUNK_LENGTH;
    if (s->data.max_length > SHRUNK_LENGTH)
        s->data.max_length = SHRUNK_LENGTH;
    e->shipped = false; /* it is written out from now on: the list of that name has other sizes */
    e->type = NULL;
    e->n_params = 0;
}

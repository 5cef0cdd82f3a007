/* One variant of ftc bench, in a process of its own: see bench_child.h. */
#include "compiler/api/bench_child.h"

#include "runtime/run/tables.h"
#include "compiler/kernel/kcost.h"
#include "runtime/core/clock.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/random.h"
#include "runtime/train/form.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PROFILED_STEPS = 3, MAX_BUFS = 256 };

/* ---- batches ---------------------------------------------------------------------------------------------------------- */

/* Where rows come from: all equally long; lengths from a file; or a table's texts. */
typedef struct {
    int64_t rows, length;
    int32_t *lengths;       /* [n_lengths] */
    int64_t n_lengths, next;
    const Examples *texts;
    int64_t vocab, drawn;
    BatchSize most;
    int32_t *ids, *row_start, *labels;
    float *targets;         /* the same as labels, 1 at the class */
} Source;

static int32_t length_of(const Source *s, int64_t row)
{
    if (s->texts)
        return (int32_t)(s->texts->start[row % s->texts->n + 1] - s->texts->start[row % s->texts->n]);
    return s->n_lengths ? s->lengths[row % s->n_lengths] : (int32_t)s->length;
}

static void find_most(Source *s)
{
    int64_t total = s->texts ? s->texts->n : s->n_lengths ? s->n_lengths : 1, longest = 0;
    for (int64_t i = 0; i < total; i++)
        longest = length_of(s, i) > longest ? length_of(s, i) : longest;
    int64_t most = 0, sum = 0;
    for (int64_t i = 0; i < total + s->rows; i++) { /* a window over the rows, taken round and round */
        sum += length_of(s, i);
        if (i >= s->rows)
            sum -= length_of(s, i - s->rows);
        most = sum > most ? sum : most;
    }
    s->most = (BatchSize){ most, s->rows, longest };
    s->ids = xcalloc((size_t)most, sizeof *s->ids);
    s->row_start = xcalloc((size_t)s->rows + 1, sizeof *s->row_start);
    s->labels = xcalloc((size_t)s->rows, sizeof *s->labels);
    s->targets = xcalloc((size_t)s->rows * BENCH_CLASSES, sizeof *s->targets);
}

/* Ids are uniform over the vocabulary, labels over the classes, unless a table gives them. */
static void next_batch(Source *s, FtcBatch *b)
{
    *b = (FtcBatch){ .rows = (int32_t)s->rows, .ids = s->ids, .row_start = s->row_start, .labels = s->labels,
                     .targets = s->targets };
    for (int64_t r = 0; r < s->rows; r++, s->next++) {
        int32_t n = length_of(s, s->next);
        for (int32_t i = 0; i < n; i++)
            s->ids[b->tokens + i] = s->texts ? examples_id(s->texts, s->texts->start[s->next % s->texts->n] + i)
                                             : (int32_t)random_below(1, 0, (uint64_t)s->drawn++, (uint64_t)s->vocab);
        b->tokens += n;
        b->longest = n > b->longest ? n : b->longest;
        s->row_start[r + 1] = b->tokens;
        s->labels[r] = (int32_t)random_below(2, 0, (uint64_t)s->drawn++, BENCH_CLASSES);
        for (int32_t k = 0; k < BENCH_CLASSES; k++)
            s->targets[r * BENCH_CLASSES + k] = k == s->labels[r];
    }
}

static bool read_lengths(Source *s, const char *file, int64_t max, FtcDiag *d)
{
    size_t size;
    char *text = file_read(file, 1 << 26, &size, d), *at = text;
    int cap = 0, n = 0, line = 0;
    bool ok = text != NULL;
    while (ok && at < text + size) {
        char *end = memchr(at, '\n', (size_t)(text + size - at)), *stop;
        end = end ? end : text + size;
        line++;
        long v = strtol(at, &stop, 10);
        if (end > at && (stop == at || stop > end || v < 1 || v > max))
            ok = ftc_error(d, (FtcLoc){ file, line, 1, 0 }, "a row has 1 to %lld tokens (data.max_length)", (long long)max);
        if (end > at) {
            GROW(s->lengths, n, cap);
            s->lengths[n++] = (int32_t)v;
        }
        at = end + 1;
    }
    s->n_lengths = n;
    free(text);
    return ok && (n || ftc_error(d, FTC_FILE(file), "has no line; it should have a row length on each"));
}

/* ---- the variant ----------------------------------------------------------------------------------------------- */

/* A dot's shapes: its left operand's and result's; k as the operand has it. */
typedef struct {
    Type a, y;
    Dim k;
} Product;

typedef struct {
    const BenchJob *job;
    const Variant *variant;
    FtcDiag *d;
    SpecModel m;
    Pool *pool;
    Dataset table;
    Source source;
    int64_t step;
    Product *products; /* what the model multiplies in a step, see find_products */
    int n_products, cap_products;
} Child;

/* FLOP that the model needs for this batch. */
static double useful_flop(const Child *c, const FtcBatch *batch)
{
    double total = 0;
    const int64_t sym[N_SYMBOLS] = { batch->tokens, batch->rows, batch->longest, c->m.c.n_labels, c->source.vocab };
    for (const Product *p = c->products; p < c->products + c->n_products; p++) {
        double fixed = 2;
        int ragged = 0;
        for (int i = 0; i < p->y.rank; i++) {
            Dim dim = p->y.dim[i];
            bool row = i == 0 && (type_ragged(&p->y) || type_ragged(&p->a)) && dim == DIM_B;
            if (dim == DIM_N)
                ragged++;
            else if (!row)
                fixed *= (double)(dim >= 0 ? dim : sym[symbol_index(dim)]);
        }
        if (p->k == DIM_N)
            ragged++;
        else
            fixed *= (double)(p->k >= 0 ? p->k : sym[symbol_index(p->k)]);
        if (!type_ragged(&p->y) && !type_ragged(&p->a)) {
            total += fixed;
            continue;
        }
        for (int32_t r = 0; r < batch->rows; r++)
            total += fixed * pow(batch->row_start[r + 1] - batch->row_start[r], ragged);
    }
    return total;
}

/* After cse nothing is computed twice yet: its dots are what the model needs. */
static void find_products(void *ctx, const char *pass, const Stage *s)
{
    Child *c = ctx;
    if (strcmp(pass, "cse") || strcmp(s->graph->name, "step"))
        return;
    c->n_products = 0;
    EACH_NODE(n, s->graph) {
        if (n->op != OP_dot)
            continue;
        GROW(c->products, c->n_products, c->cap_products);
        c->products[c->n_products++] = (Product){ n->in[0]->type, n->type, n->in[0]->type.dim[n->a.ca] };
    }
}

static bool open_source(Child *c)
{
    const BenchJob *j = c->job;
    const Spec *spec = c->m.spec;
    Source *s = &c->source;
    s->rows = j->rows ? j->rows : spec->train.batch;
    s->length = j->tokens ? j->tokens : spec->data.max_length;
    if (j->lengths && !read_lengths(s, j->lengths, spec->data.max_length, c->d))
        return false;
    if (j->data) {
        if (!table_open(&c->table, c->m.c.recipe, j->data, TABLE_TEXTS, c->d) || !table_tokenizer(&c->m.c, &c->table, c->pool, c->d) ||
            !dataset_tokenize(&c->table, c->m.c.tokenizer, (int)spec->data.max_length, c->pool, c->d))
            return false;
        s->texts = &c->table.examples;
        if (!s->texts->n)
            return ftc_error(c->d, FTC_FILE(j->data), "has no records");
    }
    if (!classifier_vocab(&c->m.c))
        c->m.c.vocab = spec->model.tokenizer.vocab_size;
    s->vocab = classifier_vocab(&c->m.c);
    find_most(s);
    return true;
}

static bool compile_variant(Child *c, Ready *ready)
{
    PipelineOptions p = c->variant->pipeline;
    CodegenOptions g = c->variant->codegen;
    p.after = find_products;
    p.ctx = c;
    bool measured = !strcmp(c->variant->name, "fused");
    g.no_cache = measured;
    for (int turn = 0; turn < (measured ? 3 : 1); turn++) { /* cold; into the cache; from the cache */
        compiled_free(c->m.compiled);
        c->m.compiled = NULL;
        if (!spec_model_compile(&c->m, true, &p, &g, c->d))
            return false;
        *(turn == 0 ? &ready->compile_ms : &ready->cache_ms) = c->m.compiled->compile_ms;
        g.no_cache = false;
    }
    ready->kernels = c->m.compiled->step->n_kernels;
    ready->calls = c->m.compiled->step->n_calls;
    return true;
}

static bool prepare(Child *c, Ready *ready)
{
    static const char *const labels[BENCH_CLASSES] = { "0", "1" };
    Source *s = &c->source;
    if (!spec_model_open(&c->m, &c->job->source, c->d))
        return false;
    classifier_set_labels(&c->m.c, labels, BENCH_CLASSES);
    c->pool = pool_new(c->job->threads);
    if (!open_source(c) || !compile_variant(c, ready))
        return false;
    FtcDiag *quiet = ftc_diag_new(NULL);
    c->m.c.diag = quiet;
    bool ok = classifier_make(&c->m.c, c->pool, false) &&
              exec_reserve(c->m.c.exec, s->most.tokens, s->most.rows, s->most.longest, c->d);
    if (!ok && *ftc_diag_last(quiet))
        ftc_error(c->d, FTC_NOWHERE, "%s", ftc_diag_last(quiet));
    c->m.c.diag = c->d;
    ftc_diag_free(quiet);
    if (ok)
        exec_own_weights(c->m.c.exec, true);
    ready->arena_mib = ok ? (double)exec_arena_bytes(c->m.c.exec) / (1 << 20) : 0;
    ready->bf16 = c->m.spec->train.precision == PRECISION_BF16;
    ready->size = s->most;
    return ok;
}

static StepDone do_step(Child *c)
{
    FtcBatch b;
    next_batch(&c->source, &b);
    StepDone done = { .tokens = b.tokens, .useful_flop = useful_flop(c, &b) };
    exec_set_step(c->m.c.exec, c->step++, 1e-5);
    double start = clock_ms();
    exec_step(c->m.c.exec, &b);
    done.ms = clock_ms() - start;
    return done;
}

static void place_of(const Node *n, char *out, size_t size)
{
    const Loc *l = n ? n->loc : NULL;
    snprintf(out, size, "%s", "");
    if (l && l->at.file)
        snprintf(out, size, "%s:%d", l->at.file, l->at.line);
}

/* Adds the step that was just done to the means of PROFILED_STEPS: batches differ, and so does what their kernels do. */
static int add_step(Child *c, const double *ms, KernelLine *lines, SpecLine *spec, FtcLoc *places, int n_spec)
{
    const FtcProgram *p = c->m.compiled->model.step;
    const Program *program = c->m.compiled->step;
    const int64_t *sym = exec_sizes(c->m.c.exec);
    const double part = 1.0 / PROFILED_STEPS;
    for (int i = p->step_from; i < p->n_calls; i++) {
        const FtcCall *call = &p->calls[i];
        const Kernel *k = program->kernels[call->kernel];
        if (call->kernel >= MAX_KERNELS)
            continue;
        KernelLine *line = &lines[call->kernel];
        void *bufs[MAX_BUFS] = { 0 };
        int64_t sizes[MAX_BUFS] = { 0 };
        for (int b = 0; b < k->n_params && k->params[b].mode != PARAM_SCRATCH; b++) {
            int at = p->call_bufs[call->first_buf + b];
            bufs[b] = exec_buffer(c->m.c.exec, p, at);
            sizes[b] = form_at(&p->bufs[at].size, sym);
        }
        KernelCost cost = kernel_cost(k, bufs, sizes, sym);
        line->ms += part * ms[i];
        line->flop += part * cost.flop;
        line->bytes += part * cost.bytes;
        LineCall one = { program, i, part, ms[i], cost.bytes, bufs, sym };
        n_spec = lines_add(spec, places, n_spec, &one);
    }
    return n_spec;
}

/* Time, work and traffic of each kernel in a step. */
static int profile(Child *c, KernelLine *lines, SpecLine *spec, int *n_spec)
{
    const Program *program = c->m.compiled->step;
    int n_lines = program->n_kernels < MAX_KERNELS ? program->n_kernels : MAX_KERNELS;
    for (int i = 0; i < n_lines; i++)
        snprintf(lines[i].name, sizeof lines[i].name, "%s", program->kernels[i]->name);
    for (int i = program->n_prepare; i < program->n_calls; i++) {
        int kernel = program->calls[i].kernel;
        if (kernel < n_lines && !lines[kernel].calls++)
            place_of(program->calls[i].node, lines[kernel].place, sizeof lines[kernel].place);
    }
    FtcLoc places[MOST_LINES];
    *n_spec = lines_begin(spec, places, c->m.compiled);
    double *ms = xcalloc((size_t)program->n_calls, sizeof *ms);
    for (int i = 0; i < PROFILED_STEPS; i++) {
        memset(ms, 0, (size_t)program->n_calls * sizeof *ms);
        exec_profile(c->m.c.exec, ms);
        do_step(c);
        exec_profile(c->m.c.exec, NULL);
        *n_spec = add_step(c, ms, lines, spec, places, *n_spec);
    }
    if (c->m.compiled->step_graph)
        lines_count_layers(spec, places, *n_spec, c->m.compiled->step_graph);
    free(ms);
    return n_lines;
}

/* ---- the pipes -------------------------------------------------------------------------------------------------- */

void write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n <= 0)
            _exit(1);
        at += n;
        size -= (size_t)n;
    }
}

bool read_all(int fd, void *data, size_t size)
{
    char *at = data;
    while (size > 0) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

void bench_child(const BenchJob *job, const Variant *v, int in, int out, FtcDiag *d)
{
    Child c = { .job = job, .variant = v, .d = d };
    Ready ready = { 0 };
    Ask ask;
    if (!read_all(in, &ask, sizeof ask)) /* its turn to compile */
        _exit(1);
    ready.ok = prepare(&c, &ready);
    write_all(out, &ready, sizeof ready);
    while (ready.ok && read_all(in, &ask, sizeof ask) && ask != ASK_END) {
        if (ask == ASK_STEP) {
            StepDone done = do_step(&c);
            write_all(out, &done, sizeof done);
        } else {
            KernelLine *lines = xcalloc(MAX_KERNELS, sizeof *lines);
            SpecLine *spec = xcalloc(MOST_LINES, sizeof *spec);
            int n_spec, n = profile(&c, lines, spec, &n_spec);
            write_all(out, &n, sizeof n);
            write_all(out, lines, (size_t)n * sizeof *lines);
            write_all(out, &n_spec, sizeof n_spec);
            write_all(out, spec, (size_t)n_spec * sizeof *spec);
            free(spec);
            free(lines);
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double mib = (double)usage.ru_maxrss / 1024;
    write_all(out, &mib, sizeof mib);
    _exit(ready.ok ? 0 : 1);
}

/* ftc bench; see bench.h.
 *
 * The parent forks a child for each variant before anything is compiled.  A child compiles its variant and then does what it
 * is asked over a pipe: a step, a profile, or the end. */
#include "compiler/api/bench.h"

#include "compiler/api/peak.h"
#include "compiler/kernel/kcost.h"
#include "runtime/core/files.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"
#include "runtime/core/random.h"
#include "runtime/train/dataset.h"
#include "runtime/train/form.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_VARIANTS = 32, WARM_UPS = 2, CLASSES = 2, PROFILED_STEPS = 3, MAX_KERNELS = 512, MAX_BUFS = 128 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- batches ---------------------------------------------------------------------------------------------------------- */

/* Where rows come from: all equally long; lengths from a file; or a table's texts. */
typedef struct {
    int64_t rows, length;
    int32_t *lengths;       /* [n_lengths] */
    int64_t n_lengths, next;
    const Examples *texts;
    int64_t vocab, drawn;
    int32_t segments;
    BatchSize most;
    int32_t *ids, *row_start, *labels;
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
}

/* Ids are uniform over the vocabulary, labels over the classes, unless a table gives them. */
static void next_batch(Source *s, FtcBatch *b)
{
    *b = (FtcBatch){ .rows = (int32_t)s->rows, .ids = s->ids, .row_start = s->row_start, .labels = s->labels };
    for (int64_t r = 0; r < s->rows; r++, s->next++) {
        int32_t n = length_of(s, s->next);
        for (int32_t i = 0; i < n; i++)
            s->ids[b->tokens + i] = s->texts ? s->texts->ids[s->texts->start[s->next % s->texts->n] + i]
                                             : (int32_t)random_below(1, 0, (uint64_t)s->drawn++, (uint64_t)s->vocab);
        b->tokens += n;
        b->longest = n > b->longest ? n : b->longest;
        s->row_start[r + 1] = b->tokens;
        s->labels[r] = (int32_t)random_below(2, 0, (uint64_t)s->drawn++, CLASSES);
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

/* ---- a child: one variant ----------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    PipelineOptions pipeline;
    CodegenOptions codegen;
} Variant;

typedef enum { ASK_STEP, ASK_PROFILE, ASK_END } Ask;

/* What a child answers when it is ready. */
typedef struct {
    bool ok, bf16;
    double compile_ms, cache_ms, useful_flop, tokens;
    int kernels, calls;
    double arena_mib;
    BatchSize size;
} Ready;

typedef struct {
    char name[64], place[96];
    int calls;
    double ms, flop, bytes; /* a step's */
} KernelLine;

typedef struct {
    const BenchJob *job;
    const Variant *variant;
    FtcDiag *d;
    Classifier c;
    Pool *pool;
    Dataset table;
    Source source;
    int64_t step;
    double useful; /* FLOP of a batch, see count_useful */
    const Graph *graph;
} Child;

/* The multiplications the model needs: those of the graph's dots, on a batch of these rows. */
static double dots_flop(const Graph *g, const Classifier *c, const Source *s)
{
    double total = 0;
    int64_t T = 0, longest = 0;
    for (int64_t r = 0; r < s->rows; r++) {
        T += length_of(s, r);
        longest = length_of(s, r) > longest ? length_of(s, r) : longest;
    }
    const int64_t sym[N_SYMBOLS] = { T, s->rows, longest, c->n_labels, s->vocab };
    EACH_NODE(n, g) {
        if (n->op != OP_dot)
            continue;
        const Type *a = &n->in[0]->type, *y = &n->type;
        double fixed = 2;
        int ragged = 0;
        Dim k = a->dim[n->a.ca];
        for (int i = 0; i < y->rank; i++) {
            bool row = i == 0 && (type_ragged(y) || type_ragged(a)) && y->dim[0] == DIM_B;
            if (y->dim[i] == DIM_N)
                ragged++;
            else if (!row)
                fixed *= (double)(y->dim[i] >= 0 ? y->dim[i] : sym[symbol_index(y->dim[i])]);
        }
        if (k == DIM_N)
            ragged++;
        else
            fixed *= (double)(k >= 0 ? k : sym[symbol_index(k)]);
        if (!type_ragged(y) && !type_ragged(a)) {
            total += fixed;
            continue;
        }
        for (int64_t r = 0; r < s->rows; r++)
            total += fixed * pow(length_of(s, r), ragged);
    }
    return total;
}

/* After cse nothing is computed twice yet: that is what the model needs. */
static void count_useful(void *ctx, const char *pass, const Stage *s)
{
    Child *c = ctx;
    if (!strcmp(pass, "cse") && !strcmp(s->graph->name, "step"))
        c->useful = dots_flop(s->graph, &c->c, &c->source);
}

static bool open_source(Child *c)
{
    const BenchJob *j = c->job;
    const Spec *spec = c->c.spec;
    Source *s = &c->source;
    s->rows = j->rows ? j->rows : spec->train.batch;
    s->length = j->tokens ? j->tokens : spec->data.max_length;
    if (j->lengths && !read_lengths(s, j->lengths, spec->data.max_length, c->d))
        return false;
    if (j->data) {
        DatasetColumns columns = { .text = { spec->data.text.v[0], spec->data.text.n > 1 ? spec->data.text.v[1] : NULL } };
        if (!dataset_open(&c->table, j->data, &columns, c->d))
            return false;
        if (!c->c.tokenizer)
            c->c.tokenizer = dataset_learn_tokenizer(&c->table, spec->model.tokenizer.lowercase,
                                                     (int32_t)spec->model.tokenizer.vocab_size, c->d);
        if (!c->c.tokenizer || !dataset_tokenize(&c->table, c->c.tokenizer, (int)spec->data.max_length, c->pool, c->d))
            return false;
        s->texts = &c->table.examples;
        if (!s->texts->n)
            return ftc_error(c->d, FTC_FILE(j->data), "has no records");
    }
    if (!c->c.tokenizer)
        c->c.vocab = spec->model.tokenizer.vocab_size;
    s->vocab = c->c.config.family != HF_NONE ? c->c.config.vocab_size : c->c.tokenizer ? tokenizer_size(c->c.tokenizer) : c->c.vocab;
    find_most(s);
    return true;
}

static bool compile_variant(Child *c, Ready *ready)
{
    PipelineOptions p = c->variant->pipeline;
    CodegenOptions g = c->variant->codegen;
    p.after = count_useful;
    p.ctx = c;
    bool measured = !strcmp(c->variant->name, "fused");
    g.no_cache = measured;
    for (int turn = 0; turn < (measured ? 3 : 1); turn++) { /* cold; into the cache; from the cache */
        compiled_free(c->c.compiled);
        c->c.compiled = NULL;
        if (!classifier_compile(&c->c, true, &p, &g, c->d))
            return false;
        *(turn == 0 ? &ready->compile_ms : &ready->cache_ms) = c->c.compiled->compile_ms;
        g.no_cache = false;
    }
    ready->kernels = c->c.compiled->step->n_kernels;
    ready->calls = c->c.compiled->step->n_calls;
    return true;
}

static bool prepare(Child *c, Ready *ready)
{
    static const char *const labels[CLASSES] = { "0", "1" };
    Source *s = &c->source;
    if (!classifier_open(&c->c, &c->job->source, c->d))
        return false;
    classifier_set_labels(&c->c, labels, CLASSES);
    c->pool = pool_new(c->job->threads);
    if (!open_source(c) || !compile_variant(c, ready))
        return false;
    FtcDiag *quiet = ftc_diag_new(NULL);
    c->c.diag = quiet;
    bool ok = classifier_make(&c->c, c->pool, false) &&
              exec_reserve(c->c.exec, s->most.tokens, s->most.rows, s->most.longest, c->d);
    if (!ok && *ftc_diag_last(quiet))
        ftc_error(c->d, FTC_NOWHERE, "%s", ftc_diag_last(quiet));
    c->c.diag = c->d;
    ftc_diag_free(quiet);
    ready->arena_mib = ok ? (double)exec_arena_bytes(c->c.exec) / (1 << 20) : 0;
    ready->bf16 = c->c.spec->train.precision == PRECISION_BF16;
    ready->useful_flop = c->useful;
    ready->size = s->most;
    return ok;
}

/* One step, in milliseconds; its tokens. */
static double do_step(Child *c, double *tokens)
{
    FtcBatch b;
    next_batch(&c->source, &b);
    *tokens = b.tokens;
    exec_set_step(c->c.exec, c->step++, 1e-5);
    double start = now_ms();
    exec_step(c->c.exec, &b);
    return now_ms() - start;
}

static void place_of(const Node *n, char *out, size_t size)
{
    const Loc *l = n ? n->loc : NULL;
    snprintf(out, size, "%s", "");
    if (l && l->at.file)
        snprintf(out, size, "%s:%d", l->at.file, l->at.line);
}

/* Time, work and traffic of each kernel in a step. */
static int profile(Child *c, KernelLine *lines)
{
    const FtcProgram *p = c->c.compiled->model.step;
    const Program *program = c->c.compiled->step;
    double *ms = xcalloc((size_t)p->n_calls + 64, sizeof *ms), tokens;
    exec_profile(c->c.exec, ms);
    for (int i = 0; i < PROFILED_STEPS; i++)
        do_step(c, &tokens);
    exec_profile(c->c.exec, NULL);
    FtcBatch last = { .rows = (int32_t)c->source.rows };
    for (int64_t r = 0; r < c->source.rows; r++) {
        int32_t n = c->source.row_start[r + 1] - c->source.row_start[r];
        last.longest = n > last.longest ? n : last.longest;
    }
    const int64_t sym[N_SYMBOLS] = { c->source.row_start[c->source.rows], c->source.rows, last.longest, CLASSES, c->source.vocab };
    int n_lines = p->n_kernels < MAX_KERNELS ? p->n_kernels : MAX_KERNELS;
    for (int i = 0; i < n_lines; i++)
        snprintf(lines[i].name, sizeof lines[i].name, "%s", program->kernels[i]->name);
    for (int i = 0; i < p->n_calls; i++) {
        const FtcCall *call = &p->calls[i];
        const Kernel *k = program->kernels[call->kernel];
        if (call->kernel >= n_lines)
            continue;
        KernelLine *line = &lines[call->kernel];
        void *bufs[MAX_BUFS] = { 0 };
        int64_t sizes[MAX_BUFS] = { 0 };
        for (int b = 0; b < k->n_params && k->params[b].mode != PARAM_SCRATCH; b++) {
            int at = p->call_bufs[call->first_buf + b];
            bufs[b] = exec_buffer(c->c.exec, p, at);
            sizes[b] = form_at(&p->bufs[at].size, sym);
        }
        KernelCost cost = kernel_cost(k, bufs, sizes, sym);
        if (!line->calls++)
            place_of(program->calls[i].node, line->place, sizeof line->place);
        line->ms += ms[i] / PROFILED_STEPS;
        line->flop += cost.flop;
        line->bytes += cost.bytes;
    }
    free(ms);
    return n_lines;
}

static void write_all(int fd, const void *data, size_t size)
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

static bool read_all(int fd, void *data, size_t size)
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

/* A child's life. */
static void serve(const BenchJob *job, const Variant *v, int in, int out, FtcDiag *d)
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
            double answer[2];
            answer[0] = do_step(&c, &answer[1]);
            write_all(out, answer, sizeof answer);
        } else {
            KernelLine *lines = xcalloc(MAX_KERNELS, sizeof *lines);
            int n = profile(&c, lines);
            write_all(out, &n, sizeof n);
            write_all(out, lines, (size_t)n * sizeof *lines);
            free(lines);
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double mib = (double)usage.ru_maxrss / 1024;
    write_all(out, &mib, sizeof mib);
    _exit(ready.ok ? 0 : 1);
}

/* ---- the parent ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    Variant variant;
    pid_t pid;
    int to, from;
    Ready ready;
    double *ms, tokens, total_ms;
    double median, low, high, rss_mib;
} Contestant;

typedef struct {
    const BenchJob *job;
    FtcDiag *d;
    Arena *arena;
    Contestant v[MAX_VARIANTS];
    int n;
    Peak before, after;
    KernelLine *lines;
    int n_lines;
} Bench;

static void add_variant(Bench *b, const char *name, const PipelineOptions *p, const CodegenOptions *g)
{
    b->v[b->n++].variant = (Variant){ name, *p, *g };
}

static PipelineOptions without(Bench *b, const PipelineOptions *p, const char *pass)
{
    PipelineOptions o = *p;
    o.off = arena_printf(b->arena, "%s%s,", p->off ? p->off : ",", pass);
    return o;
}

static void choose_variants(Bench *b)
{
    const BenchJob *j = b->job;
    add_variant(b, "fused", &j->pipeline, &j->codegen);
    if (j->quick)
        return;
    PipelineOptions unfused = without(b, &j->pipeline, "fuse"), plain = j->pipeline;
    CodegenOptions scalar = j->codegen;
    add_variant(b, "unfused", &unfused, &j->codegen);
    plain.level = scalar.level = 0;
    add_variant(b, "-O0", &plain, &scalar);
    for (int i = 0; j->ablate && i < n_passes && b->n < MAX_VARIANTS; i++) {
        if (pipeline[i].needed || !strcmp(pipeline[i].name, "fuse"))
            continue;
        PipelineOptions o = without(b, &j->pipeline, pipeline[i].name);
        add_variant(b, arena_printf(b->arena, "no %s", pipeline[i].name), &o, &j->codegen);
    }
}

static bool start(Bench *b, Contestant *v)
{
    int to[2], from[2];
    if (pipe(to) || pipe(from))
        return ftc_error(b->d, FTC_NOWHERE, "no pipe to another process: %s", strerror(errno));
    fflush(NULL);
    v->pid = fork();
    if (v->pid < 0)
        return ftc_error(b->d, FTC_NOWHERE, "no process for the variant '%s': %s", v->variant.name, strerror(errno));
    if (v->pid == 0) {
        for (Contestant *other = b->v; other < v; other++) {
            close(other->to);
            close(other->from);
        }
        close(to[1]);
        close(from[0]);
        serve(b->job, &v->variant, to[0], from[1], b->d);
    }
    close(to[0]);
    close(from[1]);
    v->to = to[1];
    v->from = from[0];
    v->ms = xcalloc((size_t)b->job->repeats + WARM_UPS, sizeof *v->ms);
    return true;
}

static bool died(Bench *b, const Contestant *v)
{
    return ftc_error(b->d, FTC_NOWHERE, "the process of the variant '%s' ended early", v->variant.name);
}

static bool ask_step(Bench *b, Contestant *v, int turn)
{
    Ask ask = ASK_STEP;
    double answer[2];
    write_all(v->to, &ask, sizeof ask);
    if (!read_all(v->from, answer, sizeof answer))
        return died(b, v);
    if (turn >= WARM_UPS) {
        v->ms[turn - WARM_UPS] = answer[0];
        v->total_ms += answer[0];
        v->tokens += answer[1];
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(Bench *b)
{
    for (int i = 0; i < b->n; i++)
        if (!start(b, &b->v[i]))
            return false;
    Pool *pool = pool_new(b->job->threads);
    b->before = peak_measure(pool);
    for (int i = 0; i < b->n; i++) {
        Ask ask = ASK_STEP;
        write_all(b->v[i].to, &ask, sizeof ask);
        if (!read_all(b->v[i].from, &b->v[i].ready, sizeof b->v[i].ready))
            return died(b, &b->v[i]);
        if (!b->v[i].ready.ok)
            return false;
    }
    for (int turn = 0; turn < WARM_UPS + b->job->repeats; turn++)
        for (int i = 0; i < b->n; i++)
            if ((strcmp(b->v[i].variant.name, "-O0") || turn == 0) && !ask_step(b, &b->v[i], b->v[i].variant.codegen.level ? turn : WARM_UPS))
                return false;
    Ask ask = ASK_PROFILE;
    Contestant *v = &b->v[0];
    write_all(v->to, &ask, sizeof ask);
    b->lines = xcalloc(MAX_KERNELS, sizeof *b->lines);
    if (!read_all(v->from, &b->n_lines, sizeof b->n_lines) || !read_all(v->from, b->lines, (size_t)b->n_lines * sizeof *b->lines))
        return died(b, v);
    b->after = peak_measure(pool);
    pool_free(pool);
    for (int i = 0; i < b->n; i++) {
        Contestant *c = &b->v[i];
        int n = c->variant.codegen.level ? b->job->repeats : 1;
        ask = ASK_END;
        write_all(c->to, &ask, sizeof ask);
        if (!read_all(c->from, &c->rss_mib, sizeof c->rss_mib))
            return died(b, c);
        qsort(c->ms, (size_t)n, sizeof *c->ms, by_size);
        c->median = n % 2 ? c->ms[n / 2] : (c->ms[n / 2 - 1] + c->ms[n / 2]) / 2;
        c->low = c->ms[0];
        c->high = c->ms[n - 1];
    }
    return true;
}

/* ---- reports ---------------------------------------------------------------------------------------------------------------- */

static double larger(double a, double b) { return a > b ? a : b; }

/* Of the multiplications this model asks for. */
static double peak_gflops(const Bench *b)
{
    return b->v[0].ready.bf16 ? larger(b->before.gflops_bf16, b->after.gflops_bf16) : larger(b->before.gflops, b->after.gflops);
}

static double gflops(const Contestant *v) { return v->ready.useful_flop / v->median * 1e-6; }

static int by_time(const void *a, const void *b)
{
    const KernelLine *x = a, *y = b;
    return (x->ms < y->ms) - (x->ms > y->ms);
}

static void report(const Bench *b, FILE *out)
{
    const Ready *r = &b->v[0].ready;
    double peak = peak_gflops(b), total = 0, bytes = larger(b->before.gbytes, b->after.gbytes);
    char *cpu = codegen_describe(&b->job->codegen, b->d);
    fprintf(out, "a batch of %lld rows, up to %lld tokens, the longest row %lld; %s\n", (long long)r->size.rows,
            (long long)r->size.tokens, (long long)r->size.longest, cpu ? cpu : "");
    free(cpu);
    fprintf(out, "this machine: %.0f GFLOP/s before and %.0f after (bf16: %.0f and %.0f), %.1f and %.1f GB/s\n", b->before.gflops,
            b->after.gflops, b->before.gflops_bf16, b->after.gflops_bf16, b->before.gbytes, b->after.gbytes);
    fprintf(out, "compiled in %.0f ms, from the cache in %.0f ms: %d kernels, %d calls; %.1f useful GFLOP a step\n\n", r->compile_ms,
            r->cache_ms, r->kernels, r->calls, r->useful_flop * 1e-9);
    fprintf(out, "%-12s %10s %10s %10s %12s %10s %8s %10s %10s\n", "variant", "median ms", "fastest", "slowest", "tokens/s",
            "GFLOP/s", "of peak", "arena MiB", "peak MiB");
    for (int i = 0; i < b->n; i++) {
        const Contestant *v = &b->v[i];
        fprintf(out, "%-12s %10.1f %10.1f %10.1f %12.0f %10.1f %7.1f%% %10.1f %10.0f\n", v->variant.name, v->median, v->low, v->high,
                v->tokens / v->total_ms * 1e3, gflops(v), 100 * gflops(v) / peak, v->ready.arena_mib, v->rss_mib);
    }
    fprintf(out, "\n%10s %6s %6s %10s %8s %8s %8s  %-34s %s\n", "ms a step", "share", "calls", "GFLOP/s", "of peak", "GB/s", "of sweep",
            "kernel", "first of");
    for (int i = 0; i < b->n_lines; i++)
        total += b->lines[i].ms;
    for (int i = 0; i < b->n_lines; i++) {
        const KernelLine *l = &b->lines[i];
        if (l->ms < total * 5e-4)
            continue;
        fprintf(out, "%10.2f %5.1f%% %6d %10.1f %7.1f%% %8.1f %7.1f%%  %-34.34s %s\n", l->ms, 100 * l->ms / total, l->calls,
                l->flop / l->ms * 1e-6, 100 * l->flop / l->ms * 1e-6 / peak, l->bytes / l->ms * 1e-6, 100 * l->bytes / l->ms * 1e-6 / bytes,
                l->name, l->place);
    }
    fprintf(out, "%10.2f in all\n", total);
}

static void report_json(const Bench *b)
{
    const Contestant *f = &b->v[0];
    JsonWriter w;
    jsonw_begin(&w, stdout, JSON_LINE);
    jsonw_object(&w, NULL);
    jsonw_double(&w, "fused_ms", f->median);
    jsonw_double(&w, "fused_spread_ms", f->high - f->low);
    if (!b->job->quick) {
        jsonw_double(&w, "unfused_ms", b->v[1].median);
        jsonw_double(&w, "o0_ms", b->v[2].median);
    }
    jsonw_double(&w, "tokens_per_s", f->tokens / f->total_ms * 1e3);
    jsonw_double(&w, "gflops", gflops(f));
    jsonw_double(&w, "peak_gflops", peak_gflops(b));
    jsonw_double(&w, "peak_share", gflops(f) / peak_gflops(b));
    jsonw_double(&w, "peak_gbytes", larger(b->before.gbytes, b->after.gbytes));
    jsonw_double(&w, "compile_ms", f->ready.compile_ms);
    jsonw_double(&w, "cache_ms", f->ready.cache_ms);
    jsonw_double(&w, "arena_mib", f->ready.arena_mib);
    jsonw_double(&w, "peak_rss_mib", f->rss_mib);
    jsonw_int(&w, "kernels", f->ready.kernels);
    if (b->job->ablate && !b->job->quick) {
        jsonw_object(&w, "ablated_ms");
        for (int i = 3; i < b->n; i++)
            jsonw_double(&w, b->v[i].variant.name, b->v[i].median);
        jsonw_end(&w);
    }
    jsonw_array(&w, "by_kernel");
    for (int i = 0; i < b->n_lines; i++) {
        jsonw_object(&w, NULL);
        jsonw_string(&w, "kernel", b->lines[i].name);
        jsonw_string(&w, "at", b->lines[i].place);
        jsonw_int(&w, "calls", b->lines[i].calls);
        jsonw_double(&w, "ms", b->lines[i].ms);
        jsonw_double(&w, "flop", b->lines[i].flop);
        jsonw_double(&w, "bytes", b->lines[i].bytes);
        jsonw_end(&w);
    }
    jsonw_end(&w);
    jsonw_end(&w);
}

bool bench_run(const BenchJob *job, FILE *out, FtcDiag *d)
{
    Bench *b = xcalloc(1, sizeof *b);
    b->job = job;
    b->d = d;
    b->arena = arena_new();
    choose_variants(b);
    bool ok = measure(b);
    for (int i = 0; i < b->n; i++)
        if (b->v[i].pid > 0) {
            close(b->v[i].to);
            close(b->v[i].from);
            waitpid(b->v[i].pid, NULL, 0);
        }
    if (ok) {
        qsort(b->lines, (size_t)b->n_lines, sizeof *b->lines, by_time);
        if (job->json)
            report_json(b);
        else
            report(b, out);
    }
    free(b->lines);
    for (int i = 0; i < b->n; i++)
        free(b->v[i].ms);
    arena_free(b->arena);
    free(b);
    return ok;
}

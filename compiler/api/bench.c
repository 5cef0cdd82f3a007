/* ftc bench; see bench.h.
 *
 * The parent forks a child for each variant before anything is compiled, and lets them take turns. */
#include "compiler/api/bench.h"

#include "compiler/api/bench_child.h"
#include "compiler/api/peak.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_VARIANTS = 32, WARM_UPS = 2 };

typedef struct {
    Variant variant;
    pid_t pid;
    int to, from;
    Ready ready;
    double *ms, *rate, *gflops; /* of each step; rate: tokens a second; gflops: GFLOP/s that the model needs */
    double median, low, high, median_rate, median_gflops, useful_gflop, rss_mib; /* useful_gflop: a step's, on average */
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
    SpecLine *spec;
    int n_spec;
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
        if (pass_is_needed(&pipeline[i]) || !strcmp(pipeline[i].name, "fuse"))
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
        bench_child(b->job, &v->variant, to[0], from[1], b->d);
    }
    close(to[0]);
    close(from[1]);
    v->to = to[1];
    v->from = from[0];
    v->ms = xcalloc((size_t)b->job->repeats + WARM_UPS, sizeof *v->ms);
    v->rate = xcalloc((size_t)b->job->repeats + WARM_UPS, sizeof *v->rate);
    v->gflops = xcalloc((size_t)b->job->repeats + WARM_UPS, sizeof *v->gflops);
    return true;
}

static bool died(Bench *b, const Contestant *v)
{
    return ftc_error(b->d, FTC_NOWHERE, "the process of the variant '%s' ended early", v->variant.name);
}

static bool ask_step(Bench *b, Contestant *v, int turn)
{
    Ask ask = ASK_STEP;
    StepDone done;
    write_all(v->to, &ask, sizeof ask);
    if (!read_all(v->from, &done, sizeof done))
        return died(b, v);
    if (turn >= WARM_UPS) {
        v->ms[turn - WARM_UPS] = done.ms;
        v->rate[turn - WARM_UPS] = done.tokens / done.ms * 1e3;
        v->gflops[turn - WARM_UPS] = done.useful_flop / done.ms * 1e-6;
        v->useful_gflop += done.useful_flop * 1e-9 / b->job->repeats;
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static double median_of(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_size);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
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
    b->spec = xcalloc(MOST_LINES, sizeof *b->spec);
    if (!read_all(v->from, &b->n_lines, sizeof b->n_lines) || !read_all(v->from, b->lines, (size_t)b->n_lines * sizeof *b->lines) ||
        !read_all(v->from, &b->n_spec, sizeof b->n_spec) || !read_all(v->from, b->spec, (size_t)b->n_spec * sizeof *b->spec))
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
        c->median = median_of(c->ms, n);
        c->median_rate = median_of(c->rate, n);
        c->median_gflops = median_of(c->gflops, n);
        c->low = c->ms[0];
        c->high = c->ms[n - 1];
    }
    return true;
}

/* ---- reports ------------------------------------------------------------------------------------------------------------- */

static double larger(double a, double b) { return a > b ? a : b; }

/* Of the multiplications this model asks for. */
static double peak_gflops(const Bench *b)
{
    return b->v[0].ready.bf16 ? larger(b->before.gflops_bf16, b->after.gflops_bf16) : larger(b->before.gflops, b->after.gflops);
}

static int by_time(const void *a, const void *b)
{
    const KernelLine *x = a, *y = b;
    return (x->ms < y->ms) - (x->ms > y->ms);
}

static void report_kernels(const Bench *b, double peak, FILE *out)
{
    double total = 0, bytes = larger(b->before.gbytes, b->after.gbytes);
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

static void report(const Bench *b, FILE *out)
{
    const Ready *r = &b->v[0].ready;
    double peak = peak_gflops(b);
    char *cpu = codegen_describe(&b->job->codegen, b->d);
    fprintf(out, "a batch of %lld rows, up to %lld tokens, the longest row %lld; %s\n", (long long)r->size.rows,
            (long long)r->size.tokens, (long long)r->size.longest, cpu ? cpu : "");
    free(cpu);
    fprintf(out, "this machine: %.0f GFLOP/s of its vectors before and %.0f after (bf16: %.0f and %.0f), %.1f and %.1f GB/s\n", b->before.gflops,
            b->after.gflops, b->before.gflops_bf16, b->after.gflops_bf16, b->before.gbytes, b->after.gbytes);
    fprintf(out, "compiled in %.0f ms, from the cache in %.0f ms: %d kernels, %d calls; %.3g useful GFLOP a step\n\n", r->compile_ms,
            r->cache_ms, r->kernels, r->calls, b->v[0].useful_gflop);
    fprintf(out, "%-12s %10s %10s %10s %12s %10s %8s %10s %10s\n", "variant", "median ms", "fastest", "slowest", "tokens/s",
            "GFLOP/s", "of peak", "arena MiB", "peak MiB");
    for (int i = 0; i < b->n; i++) {
        const Contestant *v = &b->v[i];
        fprintf(out, "%-12s %10.1f %10.1f %10.1f %12.0f %10.1f %7.1f%% %10.1f %10.0f\n", v->variant.name, v->median, v->low, v->high,
                v->median_rate, v->median_gflops, 100 * v->median_gflops / peak, v->ready.arena_mib, v->rss_mib);
    }
    if (b->job->by_line)
        lines_print(b->spec, b->n_spec, peak, out);
    else
        report_kernels(b, peak, out);
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
    jsonw_double(&w, "tokens_per_s", f->median_rate);
    jsonw_double(&w, "useful_gflop", f->useful_gflop);
    jsonw_double(&w, "gflops", f->median_gflops);
    jsonw_double(&w, "peak_gflops", peak_gflops(b));
    jsonw_double(&w, "peak_share", f->median_gflops / peak_gflops(b));
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
    jsonw_array(&w, "by_line");
    for (int i = 0; i < b->n_spec; i++) {
        const SpecLine *l = &b->spec[i];
        if (!l->counts)
            continue;
        jsonw_object(&w, NULL);
        jsonw_string(&w, "line", l->text + strspn(l->text, " #"));
        jsonw_int(&w, "layers", l->layers);
        jsonw_double(&w, "forward_ms", l->ms[0]);
        jsonw_double(&w, "backward_ms", l->ms[1]);
        jsonw_double(&w, "update_ms", l->ms[2]);
        jsonw_double(&w, "flop", l->flop);
        jsonw_double(&w, "bytes", l->bytes);
        jsonw_end(&w);
    }
    jsonw_end(&w);
    jsonw_end(&w);
}

/* Forks, measures, and waits for all to end. */
static Bench *bench_measure(const BenchJob *job, bool *ok, FtcDiag *d)
{
    Bench *b = xcalloc(1, sizeof *b);
    b->job = job;
    b->d = d;
    b->arena = arena_new();
    choose_variants(b);
    *ok = measure(b);
    for (int i = 0; i < b->n; i++)
        if (b->v[i].pid > 0) {
            close(b->v[i].to);
            close(b->v[i].from);
            waitpid(b->v[i].pid, NULL, 0);
        }
    return b;
}

static void bench_free(Bench *b)
{
    free(b->lines);
    free(b->spec);
    for (int i = 0; i < b->n; i++) {
        free(b->v[i].ms);
        free(b->v[i].gflops);
        free(b->v[i].rate);
    }
    arena_free(b->arena);
    free(b);
}

bool bench_run(const BenchJob *job, FILE *out, FtcDiag *d)
{
    bool ok;
    Bench *b = bench_measure(job, &ok, d);
    if (ok) {
        qsort(b->lines, (size_t)b->n_lines, sizeof *b->lines, by_time);
        if (job->json)
            report_json(b);
        else
            report(b, out);
    }
    bench_free(b);
    return ok;
}

bool bench_profile(const BenchJob *job, BenchProfile *out, FtcDiag *d)
{
    bool ok;
    Bench *b = bench_measure(job, &ok, d);
    if (ok) {
        *out = (BenchProfile){ .n_lines = b->n_lines, .n_spec = b->n_spec, .ms = b->v[0].median, .gflops = b->v[0].median_gflops,
                               .peak_gflops = peak_gflops(b), .arena_mib = b->v[0].ready.arena_mib, .size = b->v[0].ready.size };
        memcpy(out->lines, b->lines, sizeof *b->lines * (size_t)b->n_lines);
        memcpy(out->spec, b->spec, sizeof *b->spec * (size_t)b->n_spec);
    }
    bench_free(b);
    return ok;
}

/* Keeping what took how long; see timing.h.  One list for the process: a compilation is one thing, however many threads it has. */
#include "compiler/support/timing.h"

#include "runtime/core/clock.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    TimingKind kind;
    char *what;
    double start, ms;
    int thread;
} Event;

static struct {
    pthread_mutex_t lock;
    bool on;
    double start;
    Event *v;
    int n, cap, threads;
} timing = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local int own_number; /* from 1; 0: none yet */

void timing_start(void)
{
    timing.on = true;
    timing.start = clock_ms();
}

bool timing_is_on(void) { return timing.on; }

double timing_now(void) { return timing.on ? clock_ms() : 0; }

void timing_add(TimingKind kind, const char *what, double start)
{
    if (!timing.on)
        return;
    double end = clock_ms();
    pthread_mutex_lock(&timing.lock);
    if (!own_number)
        own_number = ++timing.threads;
    GROW(timing.v, timing.n, timing.cap);
    timing.v[timing.n++] = (Event){ kind, xstrdup(what), start, end - start, own_number };
    pthread_mutex_unlock(&timing.lock);
}

void timing_report(FILE *out)
{
    double total = clock_ms() - timing.start, said = 0;
    fprintf(out, "%-34s %10s %8s %6s\n", "Time report", "wall ms", "share", "times");
    for (int i = 0; i < timing.n; i++) {
        const Event *e = &timing.v[i];
        double ms = 0;
        int times = 0;
        for (int k = 0; k < timing.n; k++) {
            if (timing.v[k].kind != TIMING_STEP || strcmp(timing.v[k].what, e->what))
                continue;
            if (k < i)
                break;
            ms += timing.v[k].ms;
            times++;
        }
        if (!times)
            continue;
        fprintf(out, "  %-32s %10.1f %6.1f %% %6d\n", e->what, ms, 100 * ms / total, times);
        said += ms;
    }
    fprintf(out, "  %-32s %10.1f %6.1f %%\n", "rest", total - said, 100 * (total - said) / total);
    fprintf(out, "  %-32s %10.1f\n", "total", total);
}

void timing_trace(FILE *out)
{
    JsonWriter w;
    jsonw_begin(&w, out, JSON_LINE);
    jsonw_object(&w, NULL);
    jsonw_array(&w, "traceEvents");
    for (int i = 0; i < timing.n; i++) {
        const Event *e = &timing.v[i];
        jsonw_object(&w, NULL);
        jsonw_string(&w, "name", e->what);
        jsonw_string(&w, "cat", e->kind == TIMING_KERNEL ? "kernel" : "step");
        jsonw_string(&w, "ph", "X");
        jsonw_double(&w, "ts", (e->start - timing.start) * 1000); /* microseconds */
        jsonw_double(&w, "dur", e->ms * 1000);
        jsonw_int(&w, "pid", 1);
        jsonw_int(&w, "tid", e->thread);
        jsonw_end(&w);
    }
    jsonw_end(&w);
    jsonw_end(&w);
}

/* The progress line; see progress.h. */
#include "runtime/train/progress.h"

#include "runtime/core/clock.h"

#include "runtime/core/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.1
#define PLAIN_SECONDS 30.0
#define PLAIN_LINES 10     /* in a whole run, at least */
#define SMOOTHING 0.95     /* of the loss: the weight of all before */

struct Progress {
    FILE *out;
    bool terminal, shown;
    int64_t total;
    double loss, weight;   /* smoothed loss is loss / weight */
    double seconds;        /* in steps so far */
    int64_t tokens;
    double drawn;          /* when (terminal: by the clock; else in seconds of steps) */
    int64_t printed;       /* plain: the tenth that was printed last */
};

Progress *progress_new(FILE *out, int64_t total_steps)
{
    if (!out)
        return NULL;
    const char *term = getenv("TERM");
    Progress *p = xcalloc(1, sizeof *p);
    *p = (Progress){ .out = out, .total = total_steps, .terminal = isatty(fileno(out)) && term && strcmp(term, "dumb") };
    return p;
}

void progress_free(Progress *p)
{
    if (p && p->shown)
        fputc('\n', p->out);
    free(p);
}

char *progress_time(double seconds, char text[24])
{
    long long s = seconds < 1e9 ? llround(seconds) : 1000000000;
    if (s < 60)
        snprintf(text, 24, "%lld s", s);
    else if (s < 3600)
        snprintf(text, 24, "%lld:%02lld", s / 60, s % 60);
    else
        snprintf(text, 24, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    return text;
}

static void draw(Progress *p, const char *line)
{
    struct winsize size;
    int columns = ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
    fprintf(p->out, "\r%.*s\033[K", columns, line);
    fflush(p->out);
    p->shown = true;
    p->drawn = clock_s();
}

void progress_clear(Progress *p)
{
    if (!p || !p->shown)
        return;
    fputs("\r\033[K", p->out);
    fflush(p->out);
    p->shown = false;
    p->drawn = 0;
}

/* Whether a plain line is due: a new tenth has begun, or nothing was said for long. */
static bool plain_is_due(Progress *p, int64_t step)
{
    int64_t tenth = step * PLAIN_LINES / p->total;
    if (step != p->total && tenth == p->printed && p->seconds - p->drawn < PLAIN_SECONDS)
        return false;
    p->printed = tenth;
    p->drawn = p->seconds;
    return true;
}

static void add_step(Progress *p, const StepRecord *r)
{
    p->loss = SMOOTHING * p->loss + (1 - SMOOTHING) * r->loss;
    p->weight = SMOOTHING * p->weight + (1 - SMOOTHING);
    p->seconds += r->ms / 1000;
    p->tokens += r->tokens;
}

void progress_skip(Progress *p, const StepRecord *r)
{
    if (!p)
        return;
    add_step(p, r);
    p->printed = r->step * PLAIN_LINES / p->total;
    p->drawn = p->terminal ? 0 : p->seconds;
}

void progress_step(Progress *p, const StepRecord *r)
{
    if (!p)
        return;
    add_step(p, r);
    bool last = r->step == p->total;
    if (p->terminal ? !last && clock_s() - p->drawn < REDRAW_SECONDS : !plain_is_due(p, r->step))
        return;
    char line[200], left[24];
    progress_time(p->seconds / (double)r->step * (double)(p->total - r->step), left);
    snprintf(line, sizeof line, "step %lld/%lld  loss %.4f  lr %.3g  %.0f tokens/s  %s left", (long long)r->step,
             (long long)p->total, p->loss / p->weight, r->lr, p->seconds > 0 ? (double)p->tokens / p->seconds : 0, left);
    if (p->terminal) {
        draw(p, line);
    } else {
        fprintf(p->out, "%s\n", line);
        fflush(p->out);
    }
}

void progress_rows(Progress *p, const char *what, int64_t done, int64_t total)
{
    if (!p || !p->terminal || (p->shown && clock_s() - p->drawn < REDRAW_SECONDS))
        return;
    char line[200];
    snprintf(line, sizeof line, "%.60s: row %lld/%lld", what, (long long)done, (long long)total);
    draw(p, line);
}

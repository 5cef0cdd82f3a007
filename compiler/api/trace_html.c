/* A trace as a page with pictures; see trace.h.  Colours are classes of the style sheet that ftc's pages share (runtime/train/html.c). */
#include "compiler/api/trace.h"

#include "runtime/train/html.h"

#include <math.h>
#include <string.h>

enum { MOST_TOKENS = 24, CELL = 9, LARGE_CELL = 24, LABELS = 86, STRIP = 1100 };

static void put(FILE *out, const char *text) { html_text(out, slice_of(text)); }

static void section(FILE *out, const char *title)
{
    fputs("<section>\n<h2>", out);
    put(out, title);
    fputs("</h2>\n", out);
}

static void put_key(FILE *out, const char *what, double value, const char *format, const char *note)
{
    fputs("<div><span>", out);
    put(out, what);
    fputs("</span><b>", out);
    fprintf(out, format, value);
    fputs("</b><span>", out);
    put(out, note);
    fputs("</span></div>\n", out);
}

/* ---- text and tokens ----------------------------------------------------------------------------------------------- */

static void put_head(const Trace *t, FILE *out)
{
    html_begin(out, t->model, ": one text through one training step");
    fputs("<h1>One text through one training step</h1>\n<p class=\"soft\">of ", out);
    put(out, t->model);
    fputs(", by compiled code, with dropout off</p>\n<div class=\"key\">\n", out);
    put_key(out, "loss", t->loss, "%.4f", t->loss_name);
    for (int i = 0; i < t->classes && t->probability; i++)
        if (t->target[i] > 0)
            put_key(out, "probability of what is right", t->probability[i], "%.4f", t->labels[i]);
    put_key(out, "length of all gradients", t->grad_norm, "%.4f",
            t->clip < 1 ? "more than optimizer.clip_norm: shortened" : "not shortened");
    put_key(out, "learning rate", t->lr, "%g", t->optimizer);
    fputs("</div>\n", out);
}

static void put_tokens(const Trace *t, FILE *out)
{
    section(out, "Tokens");
    fputs("<p class=\"note\">The text as the tokenizer cuts it; below each token its number in the vocabulary.</p>\n<div "
          "class=\"tokens\">",
          out);
    for (int i = 0; i < t->n_tokens; i++) {
        fprintf(out, "<span%s>", i >= t->n_first ? " class=\"second\"" : "");
        put(out, t->token[i]);
        fprintf(out, "<small>%d</small></span>", (int)t->id[i]);
    }
    fputs("</div>\n</section>\n", out);
}

/* Numbers as a strip of cells: blue above 0, orange below, the stronger the larger. */
static void put_vector(const float *v, int64_t n, FILE *out)
{
    double most = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)v[i]));
        sum += (double)v[i] * v[i];
    }
    double cell = fmin(22, (double)STRIP / (double)n);
    fprintf(out, "<svg viewBox=\"0 0 %.1f 28\" width=\"%.1f\" height=\"28\" role=\"img\" aria-label=\"%lld numbers\">",
            cell * (double)n, cell * (double)n, (long long)n);
    for (int64_t i = 0; i < n; i++)
        fprintf(
            out,
            "<rect x=\"%.2f\" width=\"%.2f\" height=\"28\" class=\"%s\" fill-opacity=\"%.2f\"><title>%lld: %.5g</title></rect>",
            cell * (double)i, cell, v[i] < 0 ? "f1" : "f0", most > 0 ? fabs((double)v[i]) / most : 0, (long long)i,
            (double)v[i]);
    fprintf(
        out,
        "</svg>\n<p class=\"note\">%lld numbers; the largest is %.4g, the length %.4g. Blue is above 0, orange below.</p>\n",
        (long long)n, most, sqrt(sum));
}

/* ---- attention ----------------------------------------------------------------------------------------------------- */

static void put_map(const Trace *t, const TracedAttention *a, const double *share, int cell, bool labels, const char *title,
                    FILE *out)
{
    int n = a->tokens < MOST_TOKENS ? a->tokens : MOST_TOKENS, left = labels ? LABELS : 0, size = left + n * cell;
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">", size, size, size,
            size, title);
    for (int i = 0; labels && i < n; i++) {
        fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", left - 6, left + i * cell + cell / 2 + 4);
        html_cut(out, slice_of(t->token[i]), 10);
        fprintf(out, "</text><text class=\"tick\" transform=\"translate(%d %d) rotate(-90)\">", left + i * cell + cell / 2 + 4,
                left - 6);
        html_cut(out, slice_of(t->token[i]), 10);
        fputs("</text>", out);
    }
    for (int q = 0; q < n; q++)
        for (int k = 0; k < n; k++) {
            double p = share[(int64_t)q * a->tokens + k];
            if (p < 0.005 && !labels)
                continue;
            fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"f0\" fill-opacity=\"%.2f\"",
                    left + k * cell, left + q * cell, cell, cell, p);
            if (labels) {
                fputs("><title>", out);
                put(out, t->token[q]);
                fputs(" takes ", out);
                fprintf(out, "%.3f of ", p);
                put(out, t->token[k]);
                fputs("</title></rect>", out);
            } else
                fputs("/>", out);
        }
    fprintf(out, "<rect class=\"frame\" x=\"%d.5\" y=\"%d.5\" width=\"%d\" height=\"%d\"/></svg>", left, left, n * cell - 1,
            n * cell - 1);
}

static void put_attention(const Trace *t, FILE *out)
{
    Arena *arena = arena_new();
    if (t->n_attention) {
        section(out, "Attention");
        fputs("<p class=\"note\">A row is the token that looks, a column the token that it looks at; the stronger a cell, the "
              "more of that token's value is taken. "
              "Each row's shares sum to 1. The large picture is the mean of a layer's heads.</p>\n",
              out);
        if (t->n_tokens > MOST_TOKENS)
            fprintf(out, "<p class=\"note\">The first %d of %d tokens are shown.</p>\n", MOST_TOKENS, t->n_tokens);
    }
    for (int i = 0; i < t->n_attention; i++) {
        const TracedAttention *a = &t->attention[i];
        int64_t n = (int64_t)a->tokens * a->tokens;
        double *mean = NEW_ARRAY(arena, double, n), *head = NEW_ARRAY(arena, double, n);
        for (int64_t k = 0; k < n * a->heads; k++)
            mean[k % n] += (double)a->share[k] / a->heads;
        fprintf(out, "<details%s><summary>", i == t->n_attention - 1 ? " open" : "");
        put(out, a->name);
        fprintf(out, ", %d heads</summary>\n<div class=\"maps\"><div>", a->heads);
        put_map(t, a, mean, LARGE_CELL, true, "mean of the heads", out);
        fputs("</div><div class=\"heads\">", out);
        for (int h = 0; h < a->heads; h++) {
            for (int64_t k = 0; k < n; k++)
                head[k] = (double)a->share[h * n + k];
            fputs("<figure>", out);
            put_map(t, a, head, CELL, false, "one head", out);
            fprintf(out, "<figcaption>head %d</figcaption></figure>", h);
        }
        fputs("</div></div></details>\n", out);
    }
    if (t->n_attention)
        fputs("</section>\n", out);
    arena_free(arena);
}

/* ---- logits to gradients ------------------------------------------------------------------------------------------- */

static void put_bar(double share, const char *colour, FILE *out)
{
    fprintf(out,
            "<svg viewBox=\"0 0 260 14\" width=\"260\" height=\"14\" aria-hidden=\"true\"><rect class=\"none\" width=\"260\" "
            "height=\"14\"/>"
            "<rect class=\"%s\" width=\"%.1f\" height=\"14\"/></svg>",
            colour, isfinite(share) ? 260 * fmin(1, share) : 0);
}

static void put_logits(const Trace *t, FILE *out)
{
    section(out, t->task == FTC_REGRESSION ? "Prediction" : "Logits, probabilities, loss");
    if (t->read) {
        fputs("<p>The classifier reads ", out);
        put(out, t->read);
        fputs(":</p>\n", out);
        put_vector(t->read_value, t->n_read, out);
    }
    if (t->task == FTC_REGRESSION)
        fprintf(out, "<p>It answers %.6g; wanted is %.6g.</p>\n", t->logits[0], t->target[0]);
    else {
        fprintf(out,
                "<table>\n<tr><th>label</th><th class=\"n\">logit</th><th class=\"n\">%s</th><th></th><th>wanted</th></tr>\n",
                t->task == FTC_SINGLE_LABEL ? "softmax" : "sigmoid");
        for (int i = 0; i < t->classes; i++) {
            fputs("<tr><td class=\"label\">", out);
            put(out, t->labels[i]);
            fprintf(out, "</td><td class=\"n\">%.4f</td><td class=\"n\">%.4f</td><td>", t->logits[i], t->probability[i]);
            put_bar(t->probability[i], t->target[i] > 0 ? "f2" : "f0", out);
            fprintf(out, "</td><td>%s</td></tr>\n", t->target[i] > 0 ? "\xE2\x9C\x93" : "");
        }
        fputs("</table>\n", out);
    }
    for (int i = 0; i < t->classes && t->plain; i++)
        if (t->target[i] > 0)
            fprintf(out, "<p>loss = \xE2\x88\x92log p = \xE2\x88\x92log %.4f = <b>%.6f</b></p>\n", t->probability[i],
                    -log(t->probability[i]));
    fprintf(out, "<p class=\"note\">As the step computed it: %.6f.</p>\n</section>\n", t->loss);
}

static void put_gradients(const Trace *t, FILE *out)
{
    Arena *a = arena_new();
    int n;
    double most = 0;
    TracedLayer *l = trace_layers(t, a, &n);
    for (int i = 0; i < n; i++)
        most = fmax(most, l[i].gradient);
    section(out, "Gradients");
    fputs("<table>\n<tr><th>layer</th><th class=\"n\">parameters</th><th class=\"n\">length of the weights</th><th "
          "class=\"n\">of the gradient</th><th></th></tr>\n",
          out);
    for (int i = 0; i < n; i++) {
        fputs("<tr><td class=\"label\">", out);
        put(out, l[i].name);
        fprintf(out, "</td><td class=\"n\">%lld</td><td class=\"n\">%.4f</td><td class=\"n\">%.6f</td><td>", (long long)l[i].n,
                l[i].norm, l[i].gradient);
        put_bar(most > 0 ? l[i].gradient / most : 0, "f0", out);
        fputs("</td></tr>\n", out);
    }
    fprintf(out, "</table>\n<p>All of them as one vector: %.6f", t->grad_norm);
    if (t->clip < 1)
        fprintf(out, ", shortened by the factor %.6f (optimizer.clip_norm)", t->clip);
    fputs(".</p>\n<details><summary>Tensor by tensor</summary>\n<table>\n<tr><th>weight</th><th class=\"n\">parameters</th><th "
          "class=\"n\">its length</th>"
          "<th class=\"n\">that of its gradient</th></tr>\n",
          out);
    for (int i = 0; i < t->n_weights; i++) {
        fputs("<tr><td class=\"label\">", out);
        put(out, t->weight[i].name);
        fprintf(out, "</td><td class=\"n\">%lld</td><td class=\"n\">%.4f</td><td class=\"n\">%.6f</td></tr>\n",
                (long long)t->weight[i].n, t->weight[i].norm, t->weight[i].gradient);
    }
    fputs("</table></details>\n</section>\n", out);
    arena_free(a);
}

static void put_steps(const Trace *t, FILE *out)
{
    section(out, "The update");
    fprintf(out,
            "<p class=\"note\">The first step of %s, with the learning rate %g. Beside each gradient stands the difference of "
            "the loss a little above and a little "
            "below the weight, divided by what lies between: it should be the same.</p>\n",
            t->optimizer, t->lr);
    fputs("<table>\n<tr><th>weight</th><th class=\"n\">before</th><th class=\"n\">after</th><th class=\"n\">gradient</th><th "
          "class=\"n\">finite difference</th></tr>\n",
          out);
    for (int i = 0; i < t->n_steps; i++) {
        const TracedStep *s = &t->step[i];
        fputs("<tr><td class=\"label\">", out);
        put(out, s->name);
        fprintf(
            out,
            "</td><td class=\"n\">%.7f</td><td class=\"n\">%.7f</td><td class=\"n\">%.6f</td><td class=\"n\">%.6f</td></tr>\n",
            s->before, s->after, s->gradient, s->difference);
    }
    fputs("</table>\n</section>\n", out);
}

void trace_html(const Trace *t, FILE *out)
{
    put_head(t, out);
    put_tokens(t, out);
    if (t->embedding) {
        section(out, "Embedding");
        fputs("<p>The row of <b>", out);
        put(out, t->token[t->embedded]);
        fputs("</b> in ", out);
        put(out, t->embedding);
        fputs(":</p>\n", out);
        put_vector(t->embedding_row, t->width, out);
        fputs("</section>\n", out);
    }
    put_attention(t, out);
    put_logits(t, out);
    put_gradients(t, out);
    put_steps(t, out);
    html_end(out);
}

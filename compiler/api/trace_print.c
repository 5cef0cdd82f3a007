/* A trace for a terminal; see trace.h.  Plain text, at most 100 columns; bars are of '#'. */
#include "compiler/api/trace.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 100, BAR = 30, SHOWN_TOKENS = 12, CELL = 7 };

static int characters_of(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += (*s & 0xC0) != 0x80;
    return n;
}

static void cell(const char *token, FILE *out)
{
    int shown = characters_of(token) > CELL - 1 ? CELL - 1 : characters_of(token), bytes = 0;
    for (int i = 0; i < shown; i++)
        for (bytes++; (token[bytes] & 0xC0) == 0x80; bytes++)
            ;
    fprintf(out, "%*s%.*s", CELL - shown, "", bytes, token);
}

static void bar(double share, FILE *out)
{
    int n = isfinite(share) ? (int)lround(share * BAR) : 0;
    for (int i = 0; i < n && i < BAR; i++)
        fputc('#', out);
    fputc('\n', out);
}

static void vector(const float *v, int64_t n, FILE *out)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    fputs("  [", out);
    for (int64_t i = 0; i < n && i < 8; i++)
        fprintf(out, "%s%.4f", i ? " " : "", (double)v[i]);
    fprintf(out, "%s]  %lld numbers, length %.4f\n", n > 8 ? " ..." : "", (long long)n, sqrt(sum));
}

static void print_tokens(const Trace *t, FILE *out)
{
    fprintf(out, "tokens: %d\n ", t->n_tokens);
    int width = 1;
    for (int i = 0; i < t->n_tokens; i++) {
        int n = characters_of(t->token[i]) + 8;
        if (width + n > WIDTH)
            width = fprintf(out, "\n ") - 1;
        width += n;
        fprintf(out, " %s(%d)", t->token[i], (int)t->id[i]);
    }
    fputc('\n', out);
}

/* Of each head whom the first token, whose vector most classifiers read, looks at; with few tokens the whole table of the last layer. */
static void print_attention(const Trace *t, FILE *out)
{
    for (int i = 0; i < t->n_attention; i++) {
        const TracedAttention *a = &t->attention[i];
        fprintf(out, "\nattention of %s: how much the first token, %s, takes of each (a row is a head, its sum is 1)\n",
                a->name, t->token[0]);
        int n = a->tokens < SHOWN_TOKENS ? a->tokens : SHOWN_TOKENS;
        fprintf(out, "  %6s", "head");
        for (int k = 0; k < n; k++)
            cell(t->token[k], out);
        fputs(a->tokens > n ? "    ...\n" : "\n", out);
        for (int h = 0; h < a->heads; h++) {
            fprintf(out, "  %6d", h);
            for (int k = 0; k < n; k++)
                fprintf(out, "%*.3f", CELL, (double)a->share[(int64_t)h * a->tokens * a->tokens + k]);
            fputc('\n', out);
        }
    }
}

static void print_probabilities(const Trace *t, FILE *out)
{
    if (t->task == FTC_REGRESSION) {
        fprintf(out, "\nprediction %.6g, wanted %.6g\n", t->logits[0], t->target[0]);
        return;
    }
    fprintf(out, "\n%-24s %10s %12s\n", "label", "logit", t->task == FTC_SINGLE_LABEL ? "softmax" : "sigmoid");
    for (int i = 0; i < t->classes; i++) {
        fprintf(out, "%-24.24s %10.4f %12.4f %s ", t->labels[i], t->logits[i], t->probability[i],
                t->target[i] > 0 ? "<-" : "  ");
        bar(t->probability[i], out);
    }
}

static void print_loss(const Trace *t, FILE *out)
{
    if (t->plain)
        for (int i = 0; i < t->classes; i++)
            if (t->target[i] > 0)
                fprintf(out, "\nloss: -log p(%s) = -log %.4f = %.6f\n", t->labels[i], t->probability[i],
                        -log(t->probability[i]));
    fprintf(out, "%sloss (%s), as the step computed it: %.6f\n", t->plain ? "" : "\n", t->loss_name, t->loss);
}

static void print_gradients(const Trace *t, FILE *out)
{
    Arena *a = arena_new();
    int n;
    double most = 0;
    TracedLayer *l = trace_layers(t, a, &n);
    for (int i = 0; i < n; i++)
        most = fmax(most, l[i].gradient);
    fprintf(out, "\n%-28s %12s %12s %12s\n", "layer", "parameters", "|weights|", "|gradient|");
    for (int i = 0; i < n; i++) {
        fprintf(out, "%-28.28s %12lld %12.4f %12.6f  ", l[i].name, (long long)l[i].n, l[i].norm, l[i].gradient);
        bar(most > 0 ? l[i].gradient / most : 0, out);
    }
    fprintf(out, "all gradients as one vector: %.6f", t->grad_norm);
    if (t->clip < 1)
        fprintf(out, ", shortened by the factor %.6f (optimizer.clip_norm)", t->clip);
    fputc('\n', out);
    arena_free(a);
}

static void print_steps(const Trace *t, FILE *out)
{
    fprintf(out, "\nthe first step of %s, with the learning rate %g\n%-38s %11s %11s %11s %11s\n", t->optimizer, t->lr,
            "weight", "before", "after", "gradient", "difference");
    for (int i = 0; i < t->n_steps; i++) {
        const TracedStep *s = &t->step[i];
        fprintf(out, "%-38.38s %11.7f %11.7f %11.6f %11.6f\n", s->name, s->before, s->after, s->gradient, s->difference);
    }
    if (t->n_steps)
        fputs("difference: (loss at w + h - loss at w - h) / 2h, from more runs of the step; it should be the gradient\n", out);
}

void trace_print(const Trace *t, FILE *out)
{
    print_tokens(t, out);
    if (t->embedding) {
        fprintf(out, "\nthe row of %s in %s\n", t->token[t->embedded], t->embedding);
        vector(t->embedding_row, t->width, out);
    }
    print_attention(t, out);
    if (t->read) {
        fprintf(out, "\nwhat the classifier reads: %s\n", t->read);
        vector(t->read_value, t->n_read, out);
    }
    print_probabilities(t, out);
    print_loss(t, out);
    print_gradients(t, out);
    print_steps(t, out);
}

/* Reports as an array of JSON, with gcc's names (-fdiagnostics-format=json): notes are the children of what they belong to.
 * An element is written when the next one begins, and the array closed when the sink is freed. */
#include "runtime/core/diag_parts.h"

#include <stdlib.h>
#include <string.h>

static void put_place(JsonWriter *w, const char *key, FtcLoc at, int col)
{
    jsonw_object(w, key);
    jsonw_string(w, "file", at.file);
    if (at.line > 0)
        jsonw_int(w, "line", at.line);
    if (at.line > 0 && col > 0)
        jsonw_int(w, "column", col);
    jsonw_end(w);
}

static void put_members(JsonWriter *w, const Report *r)
{
    char option[80];
    jsonw_string(w, "kind", diag_words[r->severity]);
    jsonw_string(w, "message", r->message);
    if (r->warning) {
        snprintf(option, sizeof option, "-W%s%s", r->severity == FTC_ERROR ? "error=" : "", r->warning);
        jsonw_string(w, "option", option);
    }
    jsonw_array(w, "locations");
    if (r->at.file) {
        jsonw_object(w, NULL);
        put_place(w, "caret", r->at, r->at.col);
        if (r->at.end_col > r->at.col + 1)
            put_place(w, "finish", r->at, r->at.end_col - 1);
        jsonw_end(w);
    }
    jsonw_end(w);
    if (r->suggestion) {
        jsonw_array(w, "fixits");
        jsonw_object(w, NULL);
        put_place(w, "start", r->at, r->at.col);
        put_place(w, "next", r->at, r->at.end_col);
        jsonw_string(w, "string", r->suggestion);
        jsonw_end(w);
        jsonw_end(w);
    }
}

/* An array's next elements, n of them in a text. */
static void put_elements(FtcDiag *d, const char *text, size_t size, int n)
{
    FILE *out = d->parent ? d->kept.out : d->out;
    fputs(d->written ? ",\n " : d->parent ? "" : "[", out);
    fwrite(text, 1, size, out);
    fflush(out);
    d->written += n;
}

static void finish_pending(FtcDiag *d)
{
    PendingJson *p = &d->pending;
    if (!p->out)
        return;
    jsonw_end(&p->w); /* children */
    jsonw_end(&p->w);
    fclose(p->out);
    p->out = NULL;
    put_elements(d, p->text, p->size - 1, 1); /* without the line's end */
    free(p->text);
}

void diag_json(FtcDiag *d, const Report *r)
{
    PendingJson *p = &d->pending;
    if (r->severity == FTC_NOTE && p->out) {
        jsonw_object(&p->w, NULL);
        put_members(&p->w, r);
        jsonw_end(&p->w);
        return;
    }
    finish_pending(d);
    if (d->parent && !d->kept.out && !(d->kept.out = open_memstream(&d->kept.text, &d->kept.size)))
        return;
    p->out = open_memstream(&p->text, &p->size);
    if (!p->out)
        return;
    jsonw_begin(&p->w, p->out, JSON_LINE);
    jsonw_object(&p->w, NULL);
    put_members(&p->w, r);
    jsonw_array(&p->w, "children");
}

/* The sink of another thread: nothing of it reaches its parent before both are one thread's again. */
static void hand_over(FtcDiag *d)
{
    if (!d->kept.out)
        return;
    fclose(d->kept.out);
    finish_pending(d->parent);
    put_elements(d->parent, d->kept.text, d->kept.size, d->written);
    free(d->kept.text);
}

void diag_json_end(FtcDiag *d)
{
    finish_pending(d);
    if (d->parent) {
        hand_over(d);
        return;
    }
    fputs(d->written ? "]\n" : "[]\n", d->out);
    fflush(d->out);
}

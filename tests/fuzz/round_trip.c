/* Text to a stage and back, twice; see round_trip.h. */
#include "tests/fuzz/round_trip.h"

#include "tests/fuzz/fuzzing.h"

#include <stdlib.h>
#include <string.h>

char *printed(void (*print)(void *what, FILE *out), void *what)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    must(out, "there is memory for a text");
    print(what, out);
    fclose(out);
    return text;
}

void round_trip(const TextForm *form, const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Arena *arena = arena_new();
    const char *given = (const char *)data;
    ftc_diag_source(d, form->file, given, size);
    void *parsed = form->parse(arena, form->file, given, size, d);
    must(parsed || ftc_diag_errors(d), "a refusal comes with an error");
    if (parsed) {
        char promise[80], *text = form->text(parsed);
        void *again = form->parse(arena, "again", text, strlen(text), d);
        snprintf(promise, sizeof promise, "a printed %s can be read", form->what);
        must(again, promise);
        char *same = form->text(again);
        snprintf(promise, sizeof promise, "a printed %s reads as the same", form->what);
        must(!strcmp(text, same), promise);
        free(same);
        free(text);
    }
    ftc_diag_free(d);
    arena_free(arena);
}

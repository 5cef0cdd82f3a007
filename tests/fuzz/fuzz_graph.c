/* Graphs as text (.ftir).  What is taken keeps all rules for graphs, and prints as a text that reads as the same. */
#include "tests/fuzz/fuzzing.h"

#include "compiler/ir/ir.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Arena *arena = arena_new();
    ftc_diag_source(d, "fuzz.ftir", (const char *)data, size);
    Graph *g = graph_parse(arena, "fuzz.ftir", (const char *)data, size, d);
    must(g || ftc_diag_errors(d), "a refusal comes with an error");
    if (g) {
        graph_verify(g);
        char *text = graph_text(g);
        Graph *again = graph_parse(arena, "again.ftir", text, strlen(text), d);
        must(again, "a printed graph can be read");
        char *same = graph_text(again);
        must(!strcmp(text, same), "a printed graph reads as the same");
        free(same);
        free(text);
    }
    ftc_diag_free(d);
    arena_free(arena);
    return 0;
}

/* Graphs as text (.ftir).  What is taken keeps all rules for graphs, and prints as a text that reads as the same. */
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/round_trip.h"

#include "compiler/ir/ir.h"

static void *parse(Arena *a, const char *file, const char *text, size_t size, FtcDiag *d)
{
    Graph *g = graph_parse(a, file, text, size, d);
    if (g)
        graph_verify(g);
    return g;
}

static char *text_of(void *graph) { return graph_text(graph); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    round_trip(&(TextForm){ "graph", "fuzz.ftir", parse, text_of }, data, size);
    return 0;
}

/* Spoiled rules; see mutate.h. */
#include "compiler/ir/mutate.h"

#include <stdlib.h>
#include <string.h>

static const char *spoiled;
static bool asked;

void mutate(const char *rule)
{
    spoiled = rule;
    asked = true;
}

bool mutated(const char *rule)
{
    if (!asked)
        mutate(getenv("FTC_TEST_MUTATE"));
    return spoiled && !strcmp(spoiled, rule);
}

Node *said_by(const char *rule, Graph *g, Node *n)
{
    if (!mutated(rule) || (n->type.elem != F32 && n->type.elem != I32))
        return n;
    return n->type.elem == F32 ? mul(g, n, constant(g, 1.5, F32)) : add(g, n, constant(g, 1, I32));
}

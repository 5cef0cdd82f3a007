/* A switch for tests: one rule at a time is spoiled, to see that `ftc verify` notices (tests/codegen/test_mutations.c).
 *
 * A rule that can be spoiled has a name, "PASS:RULE" or "grad:OP", and asks whether it is the one; that is so where a test said it
 * with mutate() or the environment says it with FTC_TEST_MUTATE.  Everyone else gets "no", at the price of looking at a pointer. */
#ifndef FTC_MUTATE_H
#define FTC_MUTATE_H

#include "compiler/ir/ir.h"

void mutate(const char *rule);   /* NULL: none */
bool mutated(const char *rule);

/* What a rule says is n: n itself, or, of the rule that is spoiled, another number of its type. */
Node *said_by(const char *rule, Graph *g, Node *n);

#endif

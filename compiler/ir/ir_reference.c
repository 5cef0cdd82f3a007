/* The rows of ops.def and attrs.def -> tables of ops by class.  See ir_reference.h. */
#include "compiler/ir/ir_reference.h"

#include "compiler/ir/attrs.h"

#include <string.h>

static const char *const infer_of[N_OPS] = {
#define MAP(name, inputs, traits, infer, ...) [OP_##name] = #infer,
#define OP(name, inputs, class, infer, ...) [OP_##name] = #infer,
#include "compiler/ir/ops.def"
};

static const struct {
    OpClass class;
    const char *title, *text;
} classes[] = {
    { CLASS_MAP, "Element by element",
      "Operands broadcast as NumPy's do: dims align at the right, a missing one or one of 1 repeats." },
    { CLASS_REDUCE, "Reductions", "The reduced axes stay, as dims of 1." },
    { CLASS_SHAPE, "Shapes", "They compute nothing; a kernel that reads one reads its operand at another index." },
    { CLASS_CONTRACT, "Products", "A linear layer is one, forward, and two backward; attention is two." },
    { CLASS_INDEX, "Indices", "Embeddings, the first token of a row, positions." },
    { CLASS_RANDOM, "Random numbers", "Nothing is stored: whoever needs the bits again computes them again." },
    { CLASS_STATE, "What comes from outside, and what stays",
      "Inputs, weights, the optimizer's state, constants, and the update of a step." },
};

/* The rule of types in a few words, by the name of the function that checks it. */
static const struct {
    const char *infer, *text;
} types[] = {
    { "infer_same", "operands of one type of numbers, and y of it" },
    { "infer_float", "f32, and y too" },
    { "infer_compare", "operands of one type of numbers; y is bool" },
    { "infer_logic", "bool, and y too" },
    { "infer_select", "c is bool; a and b of one type, and y of it" },
    { "infer_cast", "any to any" },
    { "infer_given", "as it is written" },
    { "infer_first", "that of a" },
    { "infer_update", "the value's type is the target's" },
    { "infer_update_rows", "rows are i32[n], values [n, ...] of the target's rows" },
    { "infer_reduce", "that of a, with dims of 1" },
    { "infer_reshape", "as it is written; as many elements, symbols one to one" },
    { "infer_transpose", "the dims of a in their new order" },
    { "infer_broadcast", "as it is written; a's dims fit, or are 1" },
    { "infer_slice", "that of a, shorter along one axis" },
    { "infer_concat", "operands alike but for one axis, along which y is their sum" },
    { "infer_split", "[T, ...] gives [r:B, n(r), ...]" },
    { "infer_join", "[r:B, n(r), ...] gives [T, ...]" },
    { "infer_dot", "[batch..., a's other dim, b's other dim]" },
    { "infer_gather", "index's dims, then the table's but the first" },
    { "infer_scatter_add", "[rows, values' further dims]" },
    { "infer_rand", "i32[row's dims, columns]" },
};

static const char *type_rule(Op op)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].infer, infer_of[op]))
            return types[i].text;
    ftc_bug("the reference has no words for the type rule '%s'", infer_of[op]);
}

/* A cell's text: a bar would end the cell, and < begin a tag. */
static void cell(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<')
            fputs("&lt;", out);
        else
            fprintf(out, *text == '|' || *text == '*' ? "\\%c" : "%c", *text);
}

/* As docs and rules call them. */
static const char *operands(Op op)
{
    switch (op) {
    case OP_select: return " c, a, b";
    case OP_gather: return " table, index";
    case OP_scatter_add: return " index, values";
    case OP_update: return " target, value";
    case OP_update_rows: return " target, rows, values";
    case OP_rand: return " row, seed, step";
    default:
        return op_info[op].inputs < 0 ? " a, ..." : op_info[op].inputs == 0 ? "" : op_info[op].inputs == 1 ? " a" : " a, b";
    }
}

static void put_op(FILE *out, Op op)
{
    const OpInfo *o = &op_info[op];
    fprintf(out, "| `%s%s`", o->name, operands(op));
    int attrs = 0;
    for (int i = 0; i < n_attr_rows; i++)
        if (attr_rows[i].op == op)
            fprintf(out, "%s`%s`", attrs++ ? ", " : "<br>", attr_rows[i].word);
    fputs(" | ", out);
    cell(out, o->doc);
    fputs(" | ", out);
    cell(out, type_rule(op));
    fputs(" | ", out);
    cell(out, *o->rule ? o->rule : "none");
    fputs(" |\n", out);
}

void ir_reference(FILE *out)
{
    fputs("# The ops of the tensor IR\n\nMade from `ops.def`, which is what the compiler reads; the text form and the meaning "
          "of types stand in `ir.h`. An op's "
          "gradient is written with the same ops: da is what flows to operand a where dy comes back to y. `a.b` is a product "
          "of matrices, `a'` a transpose.\n",
          out);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        fprintf(out, "\n## %s\n\n%s\n\n| op, attributes | what y is | types | gradient |\n|---|---|---|---|\n",
                classes[i].title, classes[i].text);
        for (Op op = 0; op < N_OPS; op++)
            if (op_info[op].class == classes[i].class)
                put_op(out, op);
    }
}

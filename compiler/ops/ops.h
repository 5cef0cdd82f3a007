/* The rules of every op: the functions that ops.def names.
 *
 *   infer_*   operands and attributes -> type, or a located error          grad_*   builds ordinary IR: dx from dy
 *   eval_*    the op's definition: plain loops in double (eval.h)          sample_* small graphs to test the op on
 * They include nothing of codegen or runtime/train. */
#ifndef FTC_OPS_H
#define FTC_OPS_H

#include "compiler/ir/eval.h"
#include "compiler/ir/ir.h"

/* Sample graphs: number `which` of op's samples, with inputs and the output "y"; false when there are no more.
 * An input's name says what to draw: "real.." [-2,2] off zero, "positive.." [0.5,2], "int.." small, "bool..",
 * "index.." below the first dim of the node's type named in its suffix (see samples.c), "seed", "step". */
typedef bool SampleFn(Graph *g, Op op, int which);
typedef bool InferFn(Node *n, FtcDiag *d);
typedef void GradFn(Graph *g, const Node *y, Node *dy, Node *dx[]);
typedef void EvalFn(const Node *n, Tensor *y, Tensor *const *x);

#define MAP(name, inputs, traits, infer, grad, samples, ...) InferFn infer; GradFn grad; SampleFn samples; \
    double eval_##name(const double *x);
#define OP(name, inputs, class, infer, grad, eval, lower, samples, ...) InferFn infer; GradFn grad; EvalFn eval; SampleFn samples;
#include "compiler/ir/ops.def"

extern SampleFn *const op_samples[N_OPS];
extern EvalFn *const op_eval[N_OPS]; /* MAP ops: eval_map */
EvalFn eval_map;

/* One element of a MAP op.  elem is the operands' type: i32 wraps, floats are double. */
double map_eval(Op op, Elem elem, const double x[3]);

/* A cast's result in its new type: integers truncate and saturate, NaN is 0; floats stay in double. */
double cast_value(Elem to, double v);

/* The 16 random bits of ir.h's `rand`. */
uint32_t rand_bits16(uint32_t seed, uint32_t site, uint32_t step, uint32_t row, uint32_t col);

/* For infer rules: reports an error that names the op and its operand types; returns false. */
bool type_error(const Node *n, FtcDiag *d, const char *fmt, ...) FTC_PRINTF(3, 4);

#endif

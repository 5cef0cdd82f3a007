/* C's structs as constants of an object file.  Private to codegen.
 *
 * In:  a struct in memory.
 * Out: the same struct as an LLVM constant, field by field in C's order, so that equal structs give equal bytes and
 *      pointers become relocations.  That C and LLVM agree on each struct's size is checked here. */
#ifndef FTC_CONSTANTS_H
#define FTC_CONSTANTS_H

#include "compiler/codegen/tables.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

static inline LLVMValueRef integer(LLVMTypeRef t, int64_t v) { return LLVMConstInt(t, (unsigned long long)v, true); }
static inline LLVMValueRef i8(Tables *t, int64_t v) { return integer(LLVMInt8TypeInContext(t->c), v & 0xFF); }
static inline LLVMValueRef i32(Tables *t, int64_t v) { return integer(LLVMInt32TypeInContext(t->c), v); }
static inline LLVMValueRef i64(Tables *t, int64_t v) { return integer(LLVMInt64TypeInContext(t->c), v); }
static inline LLVMValueRef f32(Tables *t, double v) { return LLVMConstReal(LLVMFloatTypeInContext(t->c), v); }
static inline LLVMValueRef f64(Tables *t, double v) { return LLVMConstReal(LLVMDoubleTypeInContext(t->c), v); }
static inline LLVMValueRef null(Tables *t) { return LLVMConstNull(LLVMPointerTypeInContext(t->c, 0)); }

/* A constant that only this object sees. */
static inline LLVMValueRef private_constant(Tables *t, LLVMValueRef value)
{
    LLVMValueRef g = LLVMAddGlobal(t->m, LLVMTypeOf(value), "");
    LLVMSetInitializer(g, value);
    LLVMSetGlobalConstant(g, true);
    LLVMSetLinkage(g, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr); /* equal ones may become one */
    return g;
}

static inline LLVMValueRef string(Tables *t, const char *s)
{
    return s ? private_constant(t, LLVMConstStringInContext2(t->c, s, strlen(s), false)) : null(t);
}

#define STRUCT(t, c_type, ...)                                                                             \
    structure(t, #c_type, sizeof(c_type), (LLVMValueRef[]){ __VA_ARGS__ },                                 \
              (unsigned)(sizeof((LLVMValueRef[]){ __VA_ARGS__ }) / sizeof(LLVMValueRef)))

static inline LLVMValueRef structure(Tables *t, const char *name, size_t size_in_c, LLVMValueRef *fields, unsigned n)
{
    LLVMValueRef v = LLVMConstStructInContext(t->c, fields, n, false);
    unsigned long long size = LLVMABISizeOfType(t->layout, LLVMTypeOf(v));
    if (size != size_in_c)
        ftc_bug("%s has %zu bytes in C and %llu in LLVM", name, size_in_c, size);
    return v;
}

/* v[0 .. n), inside a struct */
static inline LLVMValueRef inline_array(LLVMValueRef *v, int n) { return LLVMConstArray2(LLVMTypeOf(v[0]), v, (uint64_t)n); }

/* A pointer to v[0 .. n), NULL where there are none; frees v. */
static inline LLVMValueRef array(Tables *t, LLVMValueRef *v, int n)
{
    LLVMValueRef pointer = n ? private_constant(t, inline_array(v, n)) : null(t);
    free(v);
    return pointer;
}

static inline LLVMValueRef *values(int n) { return xcalloc((size_t)n + 1, sizeof(LLVMValueRef)); }

static inline LLVMValueRef strings(Tables *t, const char *const *list, int n)
{
    LLVMValueRef *v = values(n);
    for (int i = 0; i < n; i++)
        v[i] = string(t, list[i]);
    return array(t, v, n);
}

static inline LLVMValueRef place(Tables *t, const FtcLoc *at)
{
    return STRUCT(t, FtcLoc, string(t, at->file), i32(t, at->line), i32(t, at->col), i32(t, at->end_col));
}

/* A constant that other objects see. */
static inline LLVMValueRef public_constant(Tables *t, const char *symbol, LLVMValueRef value)
{
    LLVMValueRef g = LLVMAddGlobal(t->m, LLVMTypeOf(value), symbol);
    LLVMSetInitializer(g, value);
    LLVMSetGlobalConstant(g, true);
    return g;
}

#endif

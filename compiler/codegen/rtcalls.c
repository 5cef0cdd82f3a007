/* The functions that generated code calls: declarations and addresses, from the table rtcalls.def. */
#include "compiler/codegen/rtcalls.h"

#include <cblas.h>
#include <string.h>

typedef enum { ARGS, ANY } Memory;

static const struct {
    const char *symbol, *signature;
    Memory memory;
    void *address;
} rows[N_RTCALLS] = {
#define RTCALL(symbol, signature, memory) [RT_##symbol] = { #symbol, signature, memory, (void *)symbol },
#include "compiler/codegen/rtcalls.def"
};

const char *const rtcall_names[N_RTCALLS + 1] = {
#define RTCALL(symbol, signature, memory) [RT_##symbol] = #symbol,
#include "compiler/codegen/rtcalls.def"
};

void *rtcall_address(RtCall which) { return rows[which].address; }

bool rtcalls_prepare(FtcDiag *d)
{
    if (openblas_get_parallel() == OPENBLAS_SEQUENTIAL)
        return ftc_error(d, FTC_NOWHERE, "the OpenBLAS library of this machine is built without threads, and is not safe to be "
                                         "called from several; install the other one (Debian: libopenblas0-pthread)");
    openblas_set_num_threads(1);
    return true;
}

static LLVMTypeRef type_of_letter(const Emit *e, char letter)
{
    switch (letter) {
    case 'p': return e->ptr;
    case 'i': return e->i32;
    case 'l': return e->i64;
    case 'f': return e->f32;
    default: return LLVMVoidTypeInContext(e->c);
    }
}

LLVMValueRef rtcall_declare(Emit *e, RtCall which)
{
    LLVMValueRef fn = LLVMGetNamedFunction(e->m, rows[which].symbol);
    if (fn)
        return fn;
    LLVMTypeRef types[16];
    unsigned n = 0;
    for (const char *s = rows[which].signature + 1; *s; s++)
        types[n++] = type_of_letter(e, *s);
    LLVMTypeRef result = type_of_letter(e, rows[which].signature[0]);
    fn = LLVMAddFunction(e->m, rows[which].symbol, LLVMFunctionType(result, types, n, false));
    LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->c, LLVMGetEnumAttributeKindForName("nounwind", 8), 0));
    /* LLVM's code for "arguments' memory, and memory nobody else can see" */
    if (rows[which].memory == ARGS)
        LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                LLVMCreateEnumAttribute(e->c, LLVMGetEnumAttributeKindForName("memory", 6), 15));
    return fn;
}

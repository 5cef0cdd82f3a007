/* Kernels and call tables -> files: an object that a C program links, its header, LLVM IR and assembly to read.
 *
 * In:  programs as step.h's tables, with the kernels they call.
 * Out: one LLVM module with every kernel once, as a function that only the tables see, and the tables as constants laid
 *      out as the C structs are; what points to functions and strings is left to the linker, so nothing runs at start. */
#include "compiler/codegen/emit.h"
#include "compiler/codegen/target.h"

#include "runtime/core/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Target target;
    LLVMTargetMachineRef tm;
    LLVMTargetDataRef layout;
    LLVMContextRef c;
    LLVMModuleRef m;
    char **texts;            /* of the kernels so far: equal text is one function */
    LLVMValueRef *functions;
    int n, cap_texts, cap_functions;
    /* the structs of step.h */
    LLVMTypeRef ptr, i8, i32, i64, term, form, buf, info, call, program;
} Module;

/* ---- modules ---------------------------------------------------------------------------------------------------- */

static LLVMTypeRef struct_type(Module *m, LLVMTypeRef *fields, unsigned n, size_t size_in_c)
{
    LLVMTypeRef t = LLVMStructTypeInContext(m->c, fields, n, false);
    if (LLVMABISizeOfType(m->layout, t) != size_in_c)
        ftc_bug("a struct of step.h has %zu bytes in C and %llu in LLVM", size_in_c, LLVMABISizeOfType(m->layout, t));
    return t;
}

static void make_types(Module *m)
{
    LLVMContextRef c = m->c;
    m->ptr = LLVMPointerTypeInContext(c, 0);
    m->i8 = LLVMInt8TypeInContext(c);
    m->i32 = LLVMInt32TypeInContext(c);
    m->i64 = LLVMInt64TypeInContext(c);
    LLVMTypeRef p = m->ptr, i32 = m->i32;
    m->term = struct_type(m, (LLVMTypeRef[]){ m->i64, LLVMArrayType2(m->i8, FTC_SYMBOLS) }, 2, sizeof(FtcTerm));
    m->form = struct_type(m, (LLVMTypeRef[]){ i32, LLVMArrayType2(m->term, 4) }, 2, sizeof(FtcForm));
    m->buf = struct_type(m, (LLVMTypeRef[]){ i32, i32, p, m->form, i32 }, 5, sizeof(FtcBuf));
    LLVMTypeRef forms = LLVMArrayType2(m->form, 3), steps = LLVMArrayType2(m->i64, 3);
    m->info = struct_type(m, (LLVMTypeRef[]){ p, forms, forms, steps, i32, i32, i32, p }, 8, sizeof(FtcKernelInfo));
    m->call = struct_type(m, (LLVMTypeRef[]){ i32, i32, i32 }, 3, sizeof(FtcCall));
    m->program = struct_type(m, (LLVMTypeRef[]){ p, i32, i32, i32, i32, p, p, p, p, p, p, p, i32 }, 13, sizeof(FtcProgram));
}

static bool module_open(Module *m, const CodegenOptions *o, const char *name, FtcDiag *d)
{
    *m = (Module){ 0 };
    if (!target_init(&m->target, o, d))
        return false;
    m->tm = target_machine(&m->target);
    m->layout = LLVMCreateTargetDataLayout(m->tm);
    m->c = LLVMContextCreate();
    m->m = LLVMModuleCreateWithNameInContext(name, m->c);
    LLVMSetTarget(m->m, m->target.triple);
    LLVMSetModuleDataLayout(m->m, m->layout);
    make_types(m);
    return true;
}

static void module_close(Module *m)
{
    for (int i = 0; i < m->n; i++)
        free(m->texts[i]);
    free(m->texts);
    free(m->functions);
    LLVMDisposeModule(m->m);
    LLVMContextDispose(m->c);
    LLVMDisposeTargetData(m->layout);
    LLVMDisposeTargetMachine(m->tm);
    target_free(&m->target);
}

/* The kernel's function; LLVM makes a second function of the same name unique. */
static LLVMValueRef add_kernel(Module *m, const Kernel *k)
{
    char *text = kernel_text(k);
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->texts[i], text)) {
            free(text);
            return m->functions[i];
        }
    int used = m->n;
    GROW(m->texts, used, m->cap_texts);
    GROW(m->functions, used, m->cap_functions);
    m->texts[m->n] = text;
    return m->functions[m->n++] = emit_kernel(m->m, &m->target, k, k->name);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static LLVMValueRef int32(Module *m, int64_t v) { return LLVMConstInt(m->i32, (unsigned long long)v, true); }
static LLVMValueRef int64(Module *m, int64_t v) { return LLVMConstInt(m->i64, (unsigned long long)v, true); }

/* A constant only this object sees. */
static LLVMValueRef private_constant(Module *m, LLVMValueRef value)
{
    LLVMValueRef g = LLVMAddGlobal(m->m, LLVMTypeOf(value), "");
    LLVMSetInitializer(g, value);
    LLVMSetGlobalConstant(g, true);
    LLVMSetLinkage(g, LLVMPrivateLinkage);
    return g;
}

static LLVMValueRef string(Module *m, const char *s)
{
    if (!s)
        return LLVMConstNull(m->ptr);
    LLVMValueRef g = private_constant(m, LLVMConstStringInContext2(m->c, s, strlen(s), false));
    LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
    return g;
}

static LLVMValueRef structure(Module *m, LLVMValueRef *fields, unsigned n)
{
    return LLVMConstStructInContext(m->c, fields, n, false);
}

/* A pointer to n elements; NULL where there are none.  Frees v. */
static LLVMValueRef array(Module *m, LLVMTypeRef t, LLVMValueRef *v, int n)
{
    LLVMValueRef pointer = n ? private_constant(m, LLVMConstArray2(t, v, (uint64_t)n)) : LLVMConstNull(m->ptr);
    free(v);
    return pointer;
}

static LLVMValueRef *values(int n) { return xcalloc((size_t)n + 1, sizeof(LLVMValueRef)); }

static LLVMValueRef form_value(Module *m, const FtcForm *f)
{
    LLVMValueRef terms[4];
    for (int i = 0; i < 4; i++) {
        LLVMValueRef e[FTC_SYMBOLS];
        for (int s = 0; s < FTC_SYMBOLS; s++)
            e[s] = LLVMConstInt(m->i8, f->t[i].e[s], false);
        terms[i] = structure(m, (LLVMValueRef[]){ int64(m, f->t[i].coef), LLVMConstArray2(m->i8, e, FTC_SYMBOLS) }, 2);
    }
    return structure(m, (LLVMValueRef[]){ int32(m, f->n), LLVMConstArray2(m->term, terms, 4) }, 2);
}

static LLVMValueRef forms_pointer(Module *m, const FtcForm *f, int n)
{
    LLVMValueRef *v = values(n);
    for (int i = 0; i < n; i++)
        v[i] = form_value(m, &f[i]);
    return array(m, m->form, v, n);
}

static LLVMValueRef kernels_pointer(Module *m, const FtcProgram *p)
{
    LLVMValueRef *v = values(p->n_kernels);
    for (int i = 0; i < p->n_kernels; i++) {
        const FtcKernelInfo *k = &p->kernels[i];
        LLVMValueRef begin[3], end[3], step[3];
        for (int j = 0; j < 3; j++) {
            begin[j] = form_value(m, &k->begin[j]);
            end[j] = form_value(m, &k->end[j]);
            step[j] = int64(m, k->step[j]);
        }
        LLVMValueRef fields[] = { string(m, k->name), LLVMConstArray2(m->form, begin, 3), LLVMConstArray2(m->form, end, 3),
                                  LLVMConstArray2(m->i64, step, 3), int32(m, k->n_par), int32(m, k->n_params),
                                  int32(m, k->n_scratch), forms_pointer(m, k->scratch, k->n_scratch) };
        v[i] = structure(m, fields, 8);
    }
    return array(m, m->info, v, p->n_kernels);
}

static LLVMValueRef bufs_pointer(Module *m, const FtcProgram *p)
{
    LLVMValueRef *v = values(p->n_bufs);
    for (int i = 0; i < p->n_bufs; i++) {
        const FtcBuf *b = &p->bufs[i];
        LLVMValueRef fields[] = { int32(m, b->kind), int32(m, b->elem), string(m, b->name), form_value(m, &b->size),
                                  int32(m, b->slot) };
        v[i] = structure(m, fields, 5);
    }
    return array(m, m->buf, v, p->n_bufs);
}

static LLVMValueRef ints_pointer(Module *m, const int32_t *list, int n)
{
    LLVMValueRef *v = values(n);
    for (int i = 0; i < n; i++)
        v[i] = int32(m, list[i]);
    return array(m, m->i32, v, n);
}

static void add_program(Module *m, const ObjectProgram *o, LLVMValueRef *functions)
{
    const FtcProgram *p = o->prog;
    LLVMValueRef *calls = values(p->n_calls), *fns = values(p->n_kernels);
    int n_bufs = 0, n_imms = 0;
    for (int i = 0; i < p->n_calls; i++) {
        const FtcCall *c = &p->calls[i];
        const FtcKernelInfo *k = &p->kernels[c->kernel];
        int bufs = c->first_buf + k->n_params - k->n_scratch, imms = c->first_imm + o->kernels[c->kernel]->n_imms;
        n_bufs = bufs > n_bufs ? bufs : n_bufs;
        n_imms = imms > n_imms ? imms : n_imms;
        calls[i] = structure(m, (LLVMValueRef[]){ int32(m, c->kernel), int32(m, c->first_buf), int32(m, c->first_imm) }, 3);
    }
    memcpy(fns, functions, sizeof *fns * (size_t)p->n_kernels);
    LLVMValueRef fields[] = {
        string(m, p->name), int32(m, p->n_bufs), int32(m, p->n_slots), int32(m, p->n_kernels), int32(m, p->n_calls),
        bufs_pointer(m, p), forms_pointer(m, p->slots, p->n_slots), kernels_pointer(m, p), array(m, m->ptr, fns, p->n_kernels),
        array(m, m->call, calls, p->n_calls), ints_pointer(m, p->call_bufs, n_bufs), ints_pointer(m, p->call_imms, n_imms),
        int32(m, p->update_from),
    };
    LLVMValueRef g = LLVMAddGlobal(m->m, m->program, o->symbol);
    LLVMSetInitializer(g, structure(m, fields, 13));
    LLVMSetGlobalConstant(g, true);
}

/* ---- what the driver calls ---------------------------------------------------------------------------------------- */

/* Machine code or assembly of the module; NULL after an error. */
static LLVMMemoryBufferRef generate(Module *m, LLVMCodeGenFileType type, FtcDiag *d)
{
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (!target_optimize(&m->target, m->tm, m->m, d))
        return NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(m->tm, m->m, type, &message, &buffer)) {
        ftc_error(d, FTC_NOWHERE, "no machine code: %s", message);
        LLVMDisposeMessage(message);
        return NULL;
    }
    return buffer;
}

bool emit_object(const CodegenOptions *o, const ObjectProgram *programs, int n, void **data, size_t *size, FtcDiag *d)
{
    Module m;
    if (!module_open(&m, o, n ? programs[0].symbol : "ftc", d))
        return false;
    for (int i = 0; i < n; i++) {
        const ObjectProgram *p = &programs[i];
        LLVMValueRef *functions = values(p->prog->n_kernels);
        for (int k = 0; k < p->prog->n_kernels; k++) {
            functions[k] = add_kernel(&m, p->kernels[k]);
            LLVMSetLinkage(functions[k], LLVMInternalLinkage);
        }
        add_program(&m, p, functions);
        free(functions);
    }
    LLVMMemoryBufferRef object = generate(&m, LLVMObjectFile, d);
    if (object) {
        *size = LLVMGetBufferSize(object);
        *data = xmalloc(*size);
        memcpy(*data, LLVMGetBufferStart(object), *size);
        LLVMDisposeMemoryBuffer(object);
    }
    module_close(&m);
    return object != NULL;
}

char *emit_text(const CodegenOptions *o, TextKind kind, Kernel *const *kernels, int n, FtcDiag *d)
{
    Module m;
    if (!module_open(&m, o, n ? kernels[0]->name : "ftc", d))
        return NULL;
    for (int i = 0; i < n; i++)
        add_kernel(&m, kernels[i]);
    char *text = NULL;
    if (kind == TEXT_ASM) {
        LLVMMemoryBufferRef assembly = generate(&m, LLVMAssemblyFile, d);
        if (assembly) {
            text = xstrndup(LLVMGetBufferStart(assembly), LLVMGetBufferSize(assembly));
            LLVMDisposeMemoryBuffer(assembly);
        }
    } else if (target_optimize(&m.target, m.tm, m.m, d)) {
        char *ir = LLVMPrintModuleToString(m.m);
        text = xstrdup(ir);
        LLVMDisposeMessage(ir);
    }
    module_close(&m);
    return text;
}

char *emit_header(const char *name, const ObjectProgram *programs, int n)
{
    char *guard = xasprintf("%s_H", name), *text = NULL;
    for (char *p = guard; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        ftc_bug("no memory stream");
    fprintf(f, "/* Made by ftc: the entry points of %s.  Link its object file with the ftc runtime library. */\n"
               "#ifndef %s\n#define %s\n\n#include <ftc/step.h>\n\n"
               "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", name, guard, guard);
    for (int i = 0; i < n; i++)
        fprintf(f, "extern const FtcProgram %s; /* %d kernels, %d calls */\n", programs[i].symbol, programs[i].prog->n_kernels,
                programs[i].prog->n_calls);
    fprintf(f, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    fclose(f);
    free(guard);
    return text;
}

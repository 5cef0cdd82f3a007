/* Kernels and a model's tables -> files: an object that a C program links, its header, LLVM IR and assembly to read.
 *
 * In:  kernels, and for an object the tables that call them.
 * Out: one LLVM module with every kernel once, as a function that only the tables see.  The tables are constants: nothing
 *      has to run before a program may use them. */
#include "compiler/codegen/emit.h"
#include "compiler/codegen/tables.h"

#include "compiler/support/timing.h"
#include "runtime/core/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Target target;
    LLVMTargetMachineRef tm;
    Tables t;
    char **texts;            /* of the kernels so far: equal text is one function */
    LLVMValueRef *functions;
    int n, cap_texts, cap_functions;
} Module;

static bool module_open(Module *m, const CodegenOptions *o, const char *name, FtcDiag *d)
{
    *m = (Module){ 0 };
    if (!target_init(&m->target, o, d))
        return false;
    m->tm = target_machine(&m->target);
    m->t.layout = LLVMCreateTargetDataLayout(m->tm);
    m->t.c = LLVMContextCreate();
    m->t.m = LLVMModuleCreateWithNameInContext(name, m->t.c);
    LLVMSetTarget(m->t.m, m->target.triple);
    LLVMSetModuleDataLayout(m->t.m, m->t.layout);
    return true;
}

static void module_close(Module *m)
{
    for (int i = 0; i < m->n; i++)
        free(m->texts[i]);
    free(m->texts);
    free(m->functions);
    LLVMDisposeModule(m->t.m);
    LLVMContextDispose(m->t.c);
    LLVMDisposeTargetData(m->t.layout);
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
    return m->functions[m->n++] = emit_kernel(m->t.m, &m->target, k, k->name, false);
}

/* Machine code or assembly of the module; NULL after an error. */
static LLVMMemoryBufferRef generate(Module *m, LLVMCodeGenFileType type, FtcDiag *d)
{
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    double start = timing_now();
    if (!target_optimize(&m->target, m->tm, m->t.m, d))
        return NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(m->tm, m->t.m, type, &message, &buffer)) {
        ftc_error(d, FTC_NOWHERE, "no machine code: %s", message);
        LLVMDisposeMessage(message);
        return NULL;
    }
    timing_add(TIMING_STEP, "code generation", start);
    return buffer;
}

static LLVMValueRef add_program(Module *m, const char *model, const char *suffix, const FtcProgram *p,
                                Kernel *const *kernels)
{
    if (!p)
        return NULL;
    size_t n = (size_t)p->n_kernels + 1;
    LLVMValueRef *functions = xcalloc(n, sizeof *functions);
    int *n_imms = xcalloc(n, sizeof *n_imms);
    for (int i = 0; i < p->n_kernels; i++) {
        functions[i] = add_kernel(m, kernels[i]);
        n_imms[i] = kernels[i]->n_imms;
        LLVMSetLinkage(functions[i], LLVMInternalLinkage);
    }
    char *symbol = xasprintf("%s_%s", model, suffix);
    LLVMValueRef program = add_program_table(&m->t, symbol, p, functions, n_imms);
    free(symbol);
    free(functions);
    free(n_imms);
    return program;
}

bool emit_object(const CodegenOptions *o, const ObjectModel *model, void **data, size_t *size, FtcDiag *d)
{
    Module m;
    if (!module_open(&m, o, model->symbol, d))
        return false;
    LLVMValueRef programs[N_PROGRAMS] = { /* without accumulate and encode: what is compiled to an object is whole */
        [PROGRAM_STEP] = add_program(&m, model->symbol, "step", model->model->step, model->step_kernels),
        [PROGRAM_EVAL] = add_program(&m, model->symbol, "eval", model->model->eval, model->eval_kernels),
    };
    add_model_table(&m.t, model->symbol, model->model, programs);
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

static char *module_text(Module *m, TextKind kind, FtcDiag *d)
{
    char *text = NULL;
    if (kind == TEXT_ASM) {
        LLVMMemoryBufferRef assembly = generate(m, LLVMAssemblyFile, d);
        if (assembly) {
            text = xstrndup(LLVMGetBufferStart(assembly), LLVMGetBufferSize(assembly));
            LLVMDisposeMemoryBuffer(assembly);
        }
    } else if (target_optimize(&m->target, m->tm, m->t.m, d)) {
        char *ir = LLVMPrintModuleToString(m->t.m);
        text = xstrdup(ir);
        LLVMDisposeMessage(ir);
    }
    return text;
}

char *emit_text(const CodegenOptions *o, TextKind kind, Kernel *const *kernels, int n, FtcDiag *d)
{
    Module m;
    if (!module_open(&m, o, n ? kernels[0]->name : "ftc", d))
        return NULL;
    for (int i = 0; i < n; i++)
        add_kernel(&m, kernels[i]);
    char *text = module_text(&m, kind, d);
    module_close(&m);
    return text;
}

/* Leaves out the lines that say the same of every kernel: what the target is, attributes, metadata. */
static void keep_code(char *text)
{
    char *to = text;
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        end += *end == '\n';
        bool same = *line == '!' || !strncmp(line, "attributes ", 11) || !strncmp(line, "target ", 7) || !strncmp(line, "source_filename", 15) ||
                    !strncmp(line, "; ModuleID", 10) || !strncmp(line, "\t.cfi", 5) || (*line == '\n' && (to == text || to[-1] == '\n'));
        if (same)
            continue;
        memmove(to, line, (size_t)(end - line));
        to += end - line;
    }
    *to = '\0';
}

char *emit_kernel_text(const CodegenOptions *o, TextKind kind, const Kernel *kernel, FtcDiag *d)
{
    Module m;
    if (!module_open(&m, o, kernel->name, d))
        return NULL;
    emit_kernel(m.t.m, &m.target, kernel, kernel->name, true);
    char *text = module_text(&m, kind, d);
    if (text)
        keep_code(text);
    module_close(&m);
    return text;
}

static void declare_program(FILE *f, const ObjectModel *model, const char *suffix, const FtcProgram *p, const char *what)
{
    if (p)
        fprintf(f, "extern const FtcProgram %s_%s; /* %s: %d kernels, %d calls */\n", model->symbol, suffix, what,
                p->n_kernels, p->n_calls);
}

char *emit_header(const ObjectModel *model, const char *entry)
{
    char *guard = xasprintf("%s_H", model->symbol), *text = NULL;
    for (char *p = guard; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    size_t size;
    FILE *f = text_open(&text, &size);
    fprintf(f, "/* Made by ftc: the entry points of %s.  Link %s. */\n"
               "#ifndef %s\n#define %s\n\n#include <ftc/model.h>\n\n"
               "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
               "extern const FtcModel %s;\n", model->symbol,
            entry ? "with the shared library" : "its object file with the ftc runtime library", guard, guard, model->symbol);
    declare_program(f, model, "step", model->model->step, "forward, backward and update");
    declare_program(f, model, "eval", model->model->eval, "forward");
    if (entry)
        fprintf(f, "int %s(int argc, char **argv); /* the trainer's command line; its exit status */\n", entry);
    fprintf(f, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    fclose(f);
    free(guard);
    return text;
}

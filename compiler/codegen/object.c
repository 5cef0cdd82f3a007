/* A kernel's key and its compilation; see object.h. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "compiler/codegen/object.h"
#include "compiler/codegen/emit.h"

#include "runtime/core/clock.h"
#include "runtime/core/mem.h"
#include "runtime/core/sha256.h"

#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which build of ftc this is: the linker's build id of the program or library that holds this function ------- */

static unsigned char build_id[64];
static size_t build_id_size;

static int find_build_id(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    uintptr_t here = (uintptr_t)&find_build_id;
    bool holds_us = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + p->p_vaddr;
        holds_us |= p->p_type == PT_LOAD && here >= start && here < start + p->p_memsz;
    }
    if (!holds_us)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_NOTE)
            continue;
        const unsigned char *at = (const unsigned char *)(info->dlpi_addr + p->p_vaddr), *end = at + p->p_memsz;
        size_t align = p->p_align == 8 ? 8 : 4;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
            const unsigned char *name = at + sizeof *note;
            const unsigned char *content = name + (note->n_namesz + align - 1) / align * align;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(name, "GNU", 4) &&
                note->n_descsz <= sizeof build_id) {
                memcpy(build_id, content, note->n_descsz);
                build_id_size = note->n_descsz;
            }
            at = content + (note->n_descsz + align - 1) / align * align;
        }
    }
    return 1;
}

static void look_for_build_id(void) { dl_iterate_phdr(find_build_id, NULL); }

bool build_is_known(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look_for_build_id);
    return build_id_size > 0;
}

char *codegen_build(void)
{
    char hex[2 * sizeof build_id + 1] = "unknown";
    if (build_is_known())
        for (size_t i = 0; i < build_id_size; i++)
            snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
    return xasprintf("%s, %s, build %s", FTC_VERSION, target_versions(), hex);
}

/* ---- keys and objects ------------------------------------------------------------------------------------------- */

static void add_text(Sha256 *s, const char *text) { sha256_add(s, text, strlen(text) + 1); }

static KernelKey key_of(const Target *t, const char *text)
{
    Sha256 s;
    sha256_begin(&s);
    if (build_is_known())
        sha256_add(&s, build_id, build_id_size);
    add_text(&s, target_versions());
    add_text(&s, t->triple);
    add_text(&s, t->cpu);
    add_text(&s, t->features);
    char numbers[64];
    snprintf(numbers, sizeof numbers, "level %d, %d lanes, gemm %d, streams %d, amx %d", t->level, t->lanes, (int)t->gemm,
             t->streams, t->amx);
    add_text(&s, numbers);
    add_text(&s, text);
    KernelKey key;
    sha256_hex(&s, key.hex);
    snprintf(key.symbol, sizeof key.symbol, "k_%.16s", key.hex);
    return key;
}

KernelKey kernel_key(const Target *t, const Kernel *k)
{
    char *text = kernel_text(k);
    if (k->debug) { /* its code names files, from the folder on */
        char *here = getcwd(NULL, 0), *plain = text;
        text = xasprintf("-g in %s\n%s", here ? here : ".", plain);
        free(plain);
        free(here);
    }
    KernelKey key = key_of(t, text);
    free(text);
    return key;
}

KernelKey dot_key(const Target *t, DotLayout layout)
{
    char text[40];
    snprintf(text, sizeof text, "dot %d %d %d %d %d %d %d %d", layout.tiles, layout.a_turned, layout.b_turned, layout.packed,
             layout.bf16, layout.split, layout.packs, layout.rounds);
    return key_of(t, text);
}

LLVMMemoryBufferRef compile_kernel(const Target *t, LLVMTargetMachineRef tm, const Kernel *k, DotLayout layout, const char *symbol,
                                   double ms[3], FtcDiag *d)
{
    double start = clock_ms();
    LLVMContextRef c = LLVMContextCreate();
    LLVMModuleRef m = LLVMModuleCreateWithNameInContext(symbol, c);
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(tm);
    LLVMSetTarget(m, t->triple);
    LLVMSetModuleDataLayout(m, data);
    LLVMDisposeTargetData(data);
    if (k)
        emit_kernel(m, t, k, symbol, true);
    else
        emit_dot_function(m, t, layout, symbol);
    double emitted = clock_ms();
    LLVMMemoryBufferRef object = NULL;
    bool ok = target_optimize(t, tm, m, d);
    double optimized = clock_ms();
    char *message = NULL;
    if (ok && LLVMTargetMachineEmitToMemoryBuffer(tm, m, LLVMObjectFile, &message, &object)) {
        ftc_error(d, FTC_NOWHERE, "no machine code for '%s': %s", k ? k->name : "dot", message);
        LLVMDisposeMessage(message);
        object = NULL;
    }
    ms[0] += emitted - start;
    ms[1] += optimized - emitted;
    ms[2] += clock_ms() - optimized;
    LLVMDisposeModule(m);
    LLVMContextDispose(c);
    return object;
}

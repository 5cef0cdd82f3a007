/* -g: the lines of the YAML in debug information (DWARF).
 *
 * In:  the places of a kernel's statements: a line, and where it is one of a shipped layer list the line that asked for the list.
 * Out: a function that a debugger takes for one of the user's file, with what the layer list says inlined into it, as a compiler
 *      does it with a function of a header.  So `break bert.yaml:29` stops in the kernels made of that line, and a backtrace goes on to
 *      the line of the user's spec.
 * What a kernel computes does not change by it. */
#include "compiler/codegen/emit.h"

#include "runtime/core/mem.h"

#include <llvm-c/DebugInfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const Loc *loc;
    LLVMMetadataRef at;
} Known;

typedef struct Lines {
    LLVMDIBuilderRef di;
    LLVMContextRef c;
    const char *folder;
    LLVMMetadataRef kernel; /* its subprogram */
    char *file;             /* of it */
    Known *known;
    int n, cap;
} Lines;

static LLVMMetadataRef file_of(const Lines *l, const char *path)
{
    return LLVMDIBuilderCreateFile(l->di, path, strlen(path), l->folder, strlen(l->folder));
}

static LLVMMetadataRef subprogram(Lines *l, const char *name, const char *path, unsigned line)
{
    LLVMMetadataRef file = file_of(l, path), none = NULL;
    LLVMMetadataRef type = LLVMDIBuilderCreateSubroutineType(l->di, file, &none, 0, LLVMDIFlagZero);
    return LLVMDIBuilderCreateFunction(l->di, file, name, strlen(name), "", 0, file, line, type, true, true, line,
                                       LLVMDIFlagZero, true);
}

/* Where the user's own file says it, or asks for the list that does. */
static const Loc *outermost(const Loc *l)
{
    while (l->up)
        l = l->up;
    return l;
}

static const Loc *first_place(const KStmt *s)
{
    for (; s; s = s->next) {
        if (s->loc && s->loc->at.file)
            return s->loc;
        const Loc *inside = s->body ? first_place(s->body) : NULL;
        if (inside)
            return inside;
    }
    return NULL;
}

static void add_flag(LLVMModuleRef m, const char *name, unsigned value)
{
    LLVMContextRef c = LLVMGetModuleContext(m);
    if (!LLVMGetModuleFlag(m, name, strlen(name)))
        LLVMAddModuleFlag(m, LLVMModuleFlagBehaviorWarning, name, strlen(name),
                          LLVMValueAsMetadata(LLVMConstInt(LLVMInt32TypeInContext(c), value, false)));
}

struct Lines *lines_open(Emit *e)
{
    const Loc *first = first_place(e->k->body);
    if (!first)
        return NULL;
    Lines *l = xcalloc(1, sizeof *l);
    char *here = getcwd(NULL, 0);
    l->di = LLVMCreateDIBuilder(e->m);
    l->c = e->c;
    l->folder = here ? here : xstrdup(".");
    l->file = xstrdup(outermost(first)->at.file);
    LLVMDIBuilderCreateCompileUnit(l->di, LLVMDWARFSourceLanguageC11, file_of(l, l->file), "ftc", 3, true, "", 0, 0, "", 0,
                                   LLVMDWARFEmissionFull, 0, false, false, "", 0, "", 0);
    l->kernel = subprogram(l, e->k->name, l->file, (unsigned)outermost(first)->at.line);
    LLVMSetSubprogram(e->fn, l->kernel);
    add_flag(e->m, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(e->m, "Dwarf Version", 4);
    e->lines = l;
    lines_at(e, first);
    return l;
}

/* A line within a scope of its own file. */
static LLVMMetadataRef location(const Lines *l, const Loc *loc, LLVMMetadataRef scope, const char *file,
                                LLVMMetadataRef inlined_at)
{
    if (strcmp(loc->at.file, file))
        scope = LLVMDIBuilderCreateLexicalBlockFile(l->di, scope, file_of(l, loc->at.file), 0);
    return LLVMDIBuilderCreateDebugLocation(l->c, (unsigned)loc->at.line, (unsigned)loc->at.col, scope, inlined_at);
}

static LLVMMetadataRef place_of(Lines *l, const Loc *loc)
{
    for (int i = 0; i < l->n; i++)
        if (l->known[i].loc == loc)
            return l->known[i].at;
    LLVMMetadataRef at;
    if (!loc->at.file)
        at = LLVMDIBuilderCreateDebugLocation(l->c, 0, 0, l->kernel, NULL);
    else if (!loc->up || !loc->up->at.file)
        at = location(l, loc, l->kernel, l->file, NULL);
    else { /* the list, as a function that was inlined where it was asked for */
        LLVMMetadataRef inner = subprogram(l, loc->at.file, loc->at.file, (unsigned)loc->at.line);
        at = location(l, loc, inner, loc->at.file, place_of(l, loc->up));
    }
    GROW(l->known, l->n, l->cap);
    l->known[l->n++] = (Known){ loc, at };
    return at;
}

void lines_at(Emit *e, const Loc *loc) { LLVMSetCurrentDebugLocation2(e->b, place_of(e->lines, loc)); }

void lines_close(struct Lines *l)
{
    if (!l)
        return;
    LLVMDIBuilderFinalize(l->di);
    LLVMDisposeDIBuilder(l->di);
    free((char *)l->folder);
    free(l->file);
    free(l->known);
    free(l);
}

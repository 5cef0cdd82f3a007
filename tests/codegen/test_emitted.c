/* What is emitted: telling lines of LLVM IR and assembly (folder checks, with FileCheck), and the object file: its symbols,
 * its bytes, and a C program that links it. */
#include "tests/support/testing.h"

#include "compiler/codegen/codegen.h"

#include <dirent.h>
#include <elf.h>
#include <unistd.h>

static char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(*size + 1);
    assert_int_equal(fread(text, 1, *size, f), *size);
    text[*size] = '\0';
    fclose(f);
    return text;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_true(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

/* ---- FileCheck ---------------------------------------------------------------------------------------------------- */

static const char *find_filecheck(void)
{
    static const char *const places[] = { "FileCheck-22", "FileCheck-19", "/usr/lib/llvm-22/bin/FileCheck",
                                          "/usr/lib/llvm-19/bin/FileCheck", "FileCheck" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char command[200];
        snprintf(command, sizeof command, "%s --version >/dev/null 2>&1", places[i]);
        if (system(command) == 0)
            return places[i];
    }
    return NULL;
}

static void test_telling_lines(void **state)
{
    (void)state;
#ifdef __x86_64__
    const char *filecheck = find_filecheck(), *folder = source_path("tests/codegen/checks"), *out = temp_folder();
    if (!filecheck) {
        printf("skipped: FileCheck (package llvm-22-tools) is absent\n");
        skip();
    }
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int done = 0;
    for (struct dirent *f; (f = readdir(dir));) {
        if (*f->d_name == '.')
            continue;
        char path[4500], emitted[300], command[6000], cpu[32], kind[8];
        snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
        size_t size;
        char *text = read_file(path, &size), *target = strstr(text, "TARGET: ");
        CodegenOptions o = { 0 };
        assert_true(target && sscanf(target, "TARGET: %31s %d %7s", cpu, &o.level, kind) == 3);
        o.cpu = cpu;
        Arena *a = arena_new();
        FtcDiag *d = ftc_diag_new(stderr);
        Kernel *k = kernel_parse(a, path, text, size, d);
        assert_non_null(k);
        char *got = emit_text(&o, strcmp(kind, "asm") ? TEXT_LLVM : TEXT_ASM, &k, 1, d);
        assert_non_null(got);
        snprintf(emitted, sizeof emitted, "%s/%s", out, f->d_name);
        write_file(emitted, got, strlen(got));
        snprintf(command, sizeof command, "%s '%s' --input-file='%s'", filecheck, path, emitted);
        if (system(command))
            fail_msg("%s: what was emitted is not as its CHECK lines say", f->d_name);
        free(got);
        free(text);
        ftc_diag_free(d);
        arena_free(a);
        done++;
    }
    closedir(dir);
    assert_true(done >= 8);
#endif
}

/* ---- the object file ------------------------------------------------------------------------------------------------ */

static const char *const texts[] = {
    "kernel @activations(in f32 %x, out f32 %y) { par %p = 0 .. B step 1 vec %i = 0 .. T { let %a = load %x[T*%p + %i] let %b = exp %a"
    " let %c = tanh %b let %d = erf %c let %e = log %b let %f = rsqrt %b let %g = add %d, %e let %h = add %g, %f"
    " let %k = cast %h i32 let %l = cast %k f32 let %m = div %l, %h let %n = max %m, %a store %y[T*%p + %i] = %n } }",
    "kernel @product(in f32 %x, in f32 %w, out f32 %y) { dot %y[8*i + j] = %x[4*i + k] * %w[8*k + j], i < T, j < 8, k < 4 }",
    "kernel @twice(in f32 %x, out f32 %y) { vec %i = 0 .. T { let %a = load %x[%i] let %b = add %a, %a store %y[%i] = %b } }",
    ("kernel @bits(out i32 %y) { let %s = const 1 i32"
     " vec %i = 0 .. T { let %r = rand site 0, seed %s, step %s, row %s, column %i store %y[%i] = %r } }"),
};

/* A model of few numbers, each of its own value, to find them again. */
static const FtcForm form_t = { 1, { { 1, { 1 } } } }, form_tb = { 2, { { 3, { 1, 1 } }, { -4, { 0 } } } };
static const FtcBuf bufs[] = { { FTC_BUF_INPUT, FTC_F32, "x", form_t, 0 }, { FTC_BUF_OUTPUT, FTC_F32, "y", form_tb, 7 } };
static const FtcKernelInfo infos[] = { { .name = "twice", .n_params = 2 }, { .name = "bits", .n_params = 1 } };
static const FtcCall calls[] = { { 0, 0, 0 }, { 1, 1, 0 }, { 1, 1, 1 } };
static const int32_t call_bufs[] = { 0, 1 }, call_imms[] = { 11, 12 };
static const FtcProgram program = { "forward", 2, 0, 2, 3, bufs, infos, NULL, calls, call_bufs, call_imms, 3, 56, 0 };
static const FtcWeight weights[] = { { "head.bias", 1, { -4 }, FTC_INIT_NORMAL, true, false, true, false, 0.02f } };
static const char *const labels[] = { "no", "yes" };
static const float rates[] = { 0.25f };
static const FtcModel model = {
    .name = "small", .eval = &program, .weights = weights, .n_weights = 1, .n_states = 1, .state = { "m" }, .n_dropouts = 1,
    .dropout = rates, .optimizer = { FTC_ADAMW, 1e-3, 0.01, 0.9, 0.99, 1e-8, 0.5, 2.5, FTC_SCHEDULE_COSINE, 0.1 },
    .loss = { .label_smoothing = 0.125, .class_weights_at = { "a.yaml", 3, 4, 5 } }, .data = { 77, 2, 2, labels },
    .train = { .epochs = 3, .batch = 32, .seed = 42, .max_steps = 9, .shuffle = true, .memory_limit = 1.5 },
};

static void emit(const ObjectModel *m, void **data, size_t *size)
{
    FtcDiag *d = ftc_diag_new(stderr);
    assert_true(emit_object(&(CodegenOptions){ .level = 2 }, m, data, size, d));
    ftc_diag_free(d);
}

/* Every symbol the object needs from elsewhere is a row of rtcalls.def. */
static void test_undefined_symbols(void **state)
{
    (void)state;
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Kernel *k[4];
    for (int i = 0; i < 4; i++)
        assert_non_null(k[i] = kernel_parse(a, "test", texts[i], strlen(texts[i]), d));
    FtcKernelInfo four[4] = { { .name = "a" }, { .name = "b" }, { .name = "c" }, { .name = "d" } };
    FtcProgram all = { .name = "all", .n_kernels = 4, .kernels = four };
    FtcModel m = { .name = "m", .eval = &all };
    static const struct { const char *cpu; int level; } targets[] = { { "native", 2 }, { "native", 0 },
#ifdef __x86_64__
        { "x86-64", 2 }, { "x86-64-v3", 2 },
#endif
    };
    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
        void *data;
        size_t size;
        CodegenOptions o = { .level = targets[t].level, .cpu = targets[t].cpu };
        assert_true(emit_object(&o, &(ObjectModel){ "m", &m, NULL, k }, &data, &size, d));
        const Elf64_Ehdr *elf = data;
        const Elf64_Shdr *sections = (const Elf64_Shdr *)((const char *)data + elf->e_shoff);
        bool sgemm = false;
        for (int s = 0; s < elf->e_shnum; s++) {
            if (sections[s].sh_type != SHT_SYMTAB)
                continue;
            const Elf64_Sym *sym = (const Elf64_Sym *)((const char *)data + sections[s].sh_offset);
            const char *names = (const char *)data + sections[sections[s].sh_link].sh_offset;
            for (size_t i = 1; i < sections[s].sh_size / sizeof *sym; i++) {
                if (sym[i].st_shndx != SHN_UNDEF)
                    continue;
                const char *name = names + sym[i].st_name;
                bool known = !strcmp(name, "_GLOBAL_OFFSET_TABLE_");
                for (const char *const *r = rtcall_names; *r; r++)
                    known |= !strcmp(name, *r);
                if (!known)
                    fail_msg("-march=%s -O%d: generated code calls %s, which is no row of rtcalls.def", targets[t].cpu,
                             targets[t].level, name);
                sgemm |= !strcmp(name, "cblas_sgemm");
            }
        }
        assert_true(sgemm == (targets[t].level == 0 || !strcmp(targets[t].cpu, "x86-64")) || !strcmp(targets[t].cpu, "native"));
        free(data);
    }
    ftc_diag_free(d);
    arena_free(a);
}

static const char user[] =
    "#include \"small.h\"\n"
    "#include <stdio.h>\n"
    "int main(void)\n"
    "{\n"
    "    float x[] = { 1, 2, 3 }, y[3];\n"
    "    int64_t sym[FTC_SYMBOLS] = { 3 };\n"
    "    void *bufs[] = { x, y };\n"
    "    const FtcProgram *p = small.eval;\n"
    "    p->fns[p->calls[0].kernel](&(FtcKernelArgs){ bufs, sym, 0 }, 0);\n"
    "    const FtcForm *f = &p->bufs[1].size;\n"
    "    printf(\"%g %g %g|%s %d %d|%s %d %lld %d %d|\", y[0], y[1], y[2], p->bufs[1].name, p->bufs[1].slot, p->update_from,\n"
    "           p->kernels[1].name, f->n, (long long)f->t[1].coef, f->t[0].e[1], p->call_imms[1]);\n"
    "    printf(\"%s %lld %d %g %d|%s %g %g %d|\", small.weights[0].name, (long long)small.weights[0].dim[0], small.weights[0].decay,\n"
    "           small.weights[0].init_scale, small.weights[0].init, small.state[0], small.dropout[0], small.optimizer.clip_norm,\n"
    "           small.optimizer.schedule);\n"
    "    printf(\"%g %s %d|%d %s|%d %lld %lld %d %g %d\\n\", small.loss.label_smoothing, small.loss.class_weights_at.file,\n"
    "           small.loss.class_weights_at.end_col, small.data.max_length, small.data.labels[1], small.train.batch,\n"
    "           (long long)small.train.seed, (long long)small.train.max_steps, small.train.shuffle, small.train.memory_limit,\n"
    "           p == &small_eval);\n"
    "    return 0;\n"
    "}\n";

static void test_c_program_links_it(void **state)
{
    (void)state;
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Kernel *k[2];
    for (int i = 0; i < 2; i++)
        assert_non_null(k[i] = kernel_parse(a, "test", texts[i + 2], strlen(texts[i + 2]), d));
    ObjectModel m = { "small", &model, NULL, k };
    void *data, *again;
    size_t size, size_again;
    emit(&m, &data, &size);
    emit(&m, &again, &size_again);
    assert_true(size == size_again && !memcmp(data, again, size)); /* equal input, equal bytes */

    const char *folder = temp_folder();
    char path[200], command[5000], line[300] = "";
    snprintf(path, sizeof path, "%s/small.o", folder);
    write_file(path, data, size);
    snprintf(path, sizeof path, "%s/small.h", folder);
    char *header = emit_header(&m, NULL);
    write_file(path, header, strlen(header));
    snprintf(path, sizeof path, "%s/user.c", folder);
    write_file(path, user, sizeof user - 1);
    if (system("cc --version >/dev/null 2>&1")) {
        printf("skipped: no C compiler\n");
        skip();
    }
    snprintf(command, sizeof command, "cd '%s' && cc -std=c11 -Wall -Wextra -Werror -I'%s' user.c small.o -o user && ./user >out",
             folder, source_path("include"));
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/out", folder);
    size_t length;
    char *out = read_file(path, &length);
    snprintf(line, sizeof line, "%s", out);
    assert_string_equal(line, "2 4 6|y 7 3|bits 2 -4 1 12|head.bias -4 1 0.02 2|m 0.25 2.5 2|0.125 a.yaml 5|77 yes|32 42 9 1 1.5 1\n");
    free(out);
    free(header);
    free(data);
    free(again);
    ftc_diag_free(d);
    arena_free(a);
}

static void test_options(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    assert_false(codegen_check_options(&(CodegenOptions){ .level = 2, .cpu = "pentium-x" }, d));
    assert_non_null(strstr(ftc_diag_last(d), "pentium-x"));
    assert_false(codegen_check_options(&(CodegenOptions){ .level = 2, .vector_bits = 96 }, d));
#ifdef __x86_64__
    assert_false(codegen_check_options(&(CodegenOptions){ .level = 2, .cpu = "x86-64-v3", .vector_bits = 512 }, d));
    char *s = codegen_describe(&(CodegenOptions){ .level = 2, .cpu = "x86-64-v3" }, d);
    assert_string_equal(s, "x86-64-v3, 256-bit vectors");
    free(s);
#endif
    assert_true(codegen_check_options(&(CodegenOptions){ .level = 3 }, d));
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_telling_lines),
        cmocka_unit_test(test_undefined_symbols),
        cmocka_unit_test(test_c_program_links_it),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

# cmake -DOUT=FILE.c -DROOT=models -DFILES="a.yaml;layers/b.yaml" -P embed.cmake: files as C arrays, so that an installed
# ftc needs none of its source tree.
set(arrays "")
set(rows "")
set(n 0)
foreach(file ${FILES})
  file(READ "${ROOT}/${file}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char file${n}[] = {${bytes}0};\n")
  string(APPEND rows "    { \"${file}\", (const char *)file${n}, sizeof file${n} - 1 },\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE "${OUT}" "/* Made from models/ by embed.cmake. */
#include \"compiler/spec/schema.h\"

#include <string.h>

${arrays}
static const struct {
    const char *name, *text;
    size_t len;
} files[] = {
${rows}};

const char *shipped_file(const char *name, size_t *len)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(files[i].name, name)) {
            *len = files[i].len;
            return files[i].text;
        }
    return NULL;
}
")

/* Reading text files; see textfile.h. */
#include "runtime/text/textfile.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/text/unicode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

FtcLoc textfile_loc(const TextFile *f, size_t begin, size_t end)
{
    FtcLoc loc = { .file = f->name, .line = 1 };
    const char *line = f->text + f->start, *at = f->text + (begin > f->start ? begin : f->start), *nl;
    while ((nl = memchr(line, '\n', (size_t)(at - line)))) {
        line = nl + 1;
        if (loc.line < INT32_MAX)
            loc.line++;
    }
    const char *stop = f->text + end;
    if (stop > at && (nl = memchr(at, '\n', (size_t)(stop - at))))
        stop = nl;
    if (stop - line < INT32_MAX - 1) {
        loc.col = (int)(at - line) + 1;
        loc.end_col = stop > at ? (int)(stop - line) + 1 : 0;
    }
    return loc;
}

static bool check(const TextFile *f, FtcDiag *d)
{
    FtcLoc whole = FTC_FILE(f->name);
    const char *text = f->text;
    if (f->size >= 2 && (!memcmp(text, "\xFF\xFE", 2) || !memcmp(text, "\xFE\xFF", 2)))
        return ftc_error(d, whole, "is UTF-16, not UTF-8; convert it first: iconv -f UTF-16 -t UTF-8");
    const char *nul = memchr(text, '\0', f->size);
    if (nul) {
        size_t at = (size_t)(nul - text);
        return ftc_error(d, textfile_loc(f, at, at), "byte %zu is a NUL: this is no text file, or it is damaged", at);
    }
    size_t bad = utf8_check(text, f->size);
    if (bad < f->size)
        return ftc_error(d, textfile_loc(f, bad, bad),
                         "byte %zu (0x%02X) is not valid UTF-8: the file is in another encoding or damaged; from Windows-1252, "
                         "convert it first: iconv -f WINDOWS-1252 -t UTF-8", bad, (unsigned char)text[bad]);
    return true;
}

bool textfile_read(TextFile *f, const char *path, FtcDiag *d)
{
    bool standard_input = !strcmp(path, "-");
    *f = (TextFile){ .name = xstrdup(standard_input ? "<stdin>" : path) };
    f->text = file_read(standard_input ? "/dev/stdin" : path, SIZE_MAX / 2, &f->size, d);
    if (f->text && f->size >= 3 && !memcmp(f->text, "\xEF\xBB\xBF", 3))
        f->start = 3;
    if (f->text && check(f, d))
        return true;
    textfile_free(f);
    return false;
}

void textfile_free(TextFile *f)
{
    free(f->name);
    free(f->text);
    *f = (TextFile){ 0 };
}

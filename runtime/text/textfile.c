/* Reading text files; see textfile.h. */
#include "runtime/text/textfile.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/text/unicode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ----- places ----- */

/* How many bytes of the file became these of the text: in the encodings other than UTF-8, one a character. */
static size_t file_bytes(const TextFile *f, const char *from, const char *to)
{
    if (f->encoding == TEXT_UTF8)
        return (size_t)(to - from);
    size_t n = 0;
    for (; from < to; from++)
        n += ((unsigned char)*from & 0xC0) != 0x80;
    return n;
}

/* The beginning of the last line that begins up to `at`, counting lines from `line` on. */
static const char *find_line(const char *line, const char *at, int *count)
{
    const char *nl;
    while ((nl = memchr(line, '\n', (size_t)(at - line)))) {
        line = nl + 1;
        if (*count < INT32_MAX)
            ++*count;
    }
    return line;
}

FtcLoc textfile_loc(const TextFile *f, size_t begin, size_t end)
{
    size_t from = f->forgotten ? f->forgotten : f->start;
    FtcLoc loc = { .file = f->name, .line = 1 + f->lines_forgotten };
    if (end < from) /* no more than the file is known of it */
        return FTC_FILE(f->name);
    const char *at = f->text + (begin > from ? begin : from), *nl, *line = find_line(f->text + from, at, &loc.line);
    const char *stop = f->text + end;
    if (stop > at && (nl = memchr(at, '\n', (size_t)(stop - at))))
        stop = nl;
    if (stop - line < INT32_MAX - 1) {
        loc.col = (int)file_bytes(f, line, at) + 1;
        loc.end_col = stop > at ? (int)file_bytes(f, line, stop) + 1 : 0;
    }
    return loc;
}

void textfile_forget(TextFile *f, size_t end)
{
    if (end <= f->forgotten)
        return;
    size_t from = f->forgotten ? f->forgotten : f->start;
    find_line(f->text + from, f->text + end, &f->lines_forgotten);
    mem_give_back(f->text + f->forgotten, end - f->forgotten);
    f->forgotten = end;
}

/* ----- encodings ----- */

/* The characters of cp1252's bytes from 0x80 on; 0: it has none.  All others are those of Latin-1. */
static const uint16_t cp1252[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
    0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
};

static int32_t character(unsigned char byte, TextEncoding e)
{
    return e == TEXT_CP1252 && byte >= 0x80 && byte < 0xA0 ? cp1252[byte - 0x80] : byte;
}

/* The first byte from 0x80 to 0x9F, of those only that cp1252 lacks if so asked; f->size where there is none. */
static size_t find_control(const TextFile *f, bool undefined)
{
    for (size_t i = 0; i < f->size; i++) {
        unsigned char byte = (unsigned char)f->text[i];
        if (byte >= 0x80 && byte < 0xA0 && (!undefined || !cp1252[byte - 0x80]))
            return i;
    }
    return f->size;
}

/* A byte that UTF-8 can't have here: names the encodings that have it, and all others of the file. */
static bool not_utf8(const TextFile *f, size_t bad, FtcDiag *d)
{
    FtcLoc at = textfile_loc(f, bad, bad);
    unsigned byte = (unsigned char)f->text[bad];
    size_t good = 0, wrong = 0; /* characters of several bytes */
    for (size_t i = 0, length; i < f->size; i += length) {
        int n = 1;
        if ((unsigned char)f->text[i] >= 0x80) {
            bool is_wrong = utf8_decode(f->text + i, f->size - i, &n) == 0xFFFD && n == 1;
            *(is_wrong ? &wrong : &good) += 1;
        }
        length = (size_t)n;
    }
    if (good > wrong)
        return ftc_error(d, at, "byte %zu (0x%02X) is not valid UTF-8, though most of the file is: it is damaged here, or made of "
                         "parts in two encodings", bad, byte);
    bool latin1 = find_control(f, false) == f->size, windows = find_control(f, true) == f->size;
    if (!windows)
        return ftc_error(d, at, "byte %zu (0x%02X) is not valid UTF-8, nor does cp1252 or latin1 fit: the file is damaged, or in an "
                         "encoding to convert it from first: iconv -f ENCODING -t UTF-8", bad, byte);
    return ftc_error(d, at, "byte %zu (0x%02X) is not valid UTF-8; the file may be in cp1252%s: say so with -D data.encoding=cp1252, or "
                     "convert it with iconv", bad, byte, latin1 ? " or latin1 (the same, as far as it goes)" : "");
}

static bool check(const TextFile *f, TextEncoding encoding, FtcDiag *d)
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
    size_t bad = encoding == TEXT_CP1252 ? find_control(f, true) : encoding == TEXT_UTF8 ? utf8_check(text, f->size) : f->size;
    if (bad == f->size)
        return true;
    if (encoding == TEXT_UTF8)
        return not_utf8(f, bad, d);
    return ftc_error(d, textfile_loc(f, bad, bad), "byte %zu (0x%02X) is none that cp1252 has; the file is in another encoding or "
                     "damaged", bad, (unsigned char)text[bad]);
}

/* What was saved as UTF-8 and is read as something else becomes nonsense without an error. */
static void warn_of_utf8(const TextFile *f, FtcDiag *d)
{
    for (size_t i = 0; i < f->size; i++)
        if ((unsigned char)f->text[i] >= 0x80) {
            if (utf8_check(f->text, f->size) == f->size)
                ftc_warn(d, "encoding", textfile_loc(f, i, i), "all of the file is valid UTF-8, and is read as another encoding; "
                         "-D data.encoding=utf-8 reads it as it is");
            return;
        }
}

/* In place, from the end: a character takes 1 to 3 bytes instead of one. */
static bool to_utf8(TextFile *f, TextEncoding encoding, FtcDiag *d)
{
    char one[4];
    size_t size = 0;
    for (size_t i = 0; i < f->size; i++)
        size += (size_t)utf8_encode(character((unsigned char)f->text[i], encoding), one);
    char *text = realloc(f->text, size + 1);
    if (!text)
        return ftc_error(d, FTC_FILE(f->name), "there is not enough memory to read it");
    for (size_t from = f->size + 1, to = size + 1; from-- > 0;) {
        int n = utf8_encode(character((unsigned char)text[from], encoding), one);
        memcpy(text + (to -= (size_t)n), one, (size_t)n);
    }
    f->text = text;
    f->size = size;
    f->encoding = encoding;
    return true;
}

/* ----- reading ----- */

bool textfile_read(TextFile *f, const char *path, TextEncoding encoding, FtcDiag *d)
{
    *f = (TextFile){ .name = xstrdup(input_name(path)) };
    f->text = input_read(path, SIZE_MAX / 8, &f->size, d);
    if (f->text && encoding == TEXT_UTF8 && f->size >= 3 && !memcmp(f->text, "\xEF\xBB\xBF", 3))
        f->start = 3;
    bool ok = f->text && check(f, encoding, d);
    if (ok && encoding != TEXT_UTF8) {
        warn_of_utf8(f, d);
        ok = to_utf8(f, encoding, d);
    }
    if (!ok)
        textfile_free(f);
    return ok;
}

void textfile_free(TextFile *f)
{
    free(f->name);
    free(f->text);
    *f = (TextFile){ 0 };
}

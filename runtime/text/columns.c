/* Columns of a terminal; see columns.h. */
#include "runtime/text/columns.h"

#include <stdint.h>
#include <string.h>

/* One character of text that is UTF-8 or nearly so: its length in bytes and how many columns it takes. */
static int char_width(const char *text, int *bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    static const struct {
        uint32_t from, to;
    } wide[] = { { 0x1100, 0x115F }, { 0x2E80, 0xA4CF },   { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },
                 { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 },   { 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1FAFF }, { 0x20000, 0x3FFFD } };
    int n = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            n = i;
            break;
        }
        c = c << 6 | (p[i] & 0x3Fu);
    }
    *bytes = n;
    if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F))
        return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (c >= wide[i].from && c <= wide[i].to)
            return 2;
    return 1;
}

int columns_width(const char *text)
{
    int width = 0, n;
    for (; *text; text += n)
        width += char_width(text, &n);
    return width;
}

void columns_put(FILE *out, const char *text, int width, bool right)
{
    int full = columns_width(text), used = 0, n;
    int room = full > width ? width - 1 : width;
    int pad = full > width ? 0 : width - full;
    if (right)
        fprintf(out, "%*s", pad, "");
    for (; *text; text += n) {
        int w = char_width(text, &n);
        if (used + w > room)
            break;
        used += w;
        if (n == 1 && ((unsigned char)*text < 0x20 || *text == 0x7F))
            fputc('?', out);
        else
            fwrite(text, 1, (size_t)n, out);
    }
    if (full > width)
        fprintf(out, "%*s…", room - used, "");
    if (!right)
        fprintf(out, "%*s", pad, "");
}

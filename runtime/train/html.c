/* Pages; see html.h. */
#include "runtime/train/html.h"

#include "runtime/text/unicode.h"

static const char style[] =
    ":root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1a1d23;--soft:#565d69;--line:#dfe2e7;"
    "--none:#e9ebef;--c0:#1f5fbf;--c1:#b45309;--c2:#15803d;--c3:#7c3aed;--c4:#0e7490;--c5:#be123c}\n"
    "@media (prefers-color-scheme:dark){:root{--page:#111419;--card:#1a1e25;--ink:#eceff4;--soft:#a4adba;"
    "--line:#333a45;--none:#2b313b;--c0:#6fa8ff;--c1:#f0a04b;--c2:#5fcf8a;--c3:#c0a2ff;--c4:#55c7dd;--c5:#ff8ba0}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"DejaVu Sans\",sans-serif}main{max-width:1180px;margin:0 auto;padding:24px 20px 60px}\n"
    "h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:17px;margin:0 0 12px}\n"
    "p{margin:8px 0}.soft,.note,.legend{color:var(--soft)}.note,.legend{font-size:13px}\n"
    ".legend span{display:inline-block;margin-right:14px}.legend svg{vertical-align:middle;margin-right:6px}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:18px 0;"
    "overflow-x:auto}.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:18px;margin:18px 0}\n"
    ".pair section{margin:0}.key{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0}\n"
    ".key div{flex:1 1 170px;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}\n"
    ".key b{display:block;font-size:26px;line-height:1.3;font-variant-numeric:tabular-nums}\n"
    ".key span{display:block;font-size:13px;color:var(--soft)}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:5px 10px;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "th{font-size:13px;font-weight:600;color:var(--soft);vertical-align:bottom}tr:last-child td{border-bottom:0}\n"
    ".n{text-align:right;white-space:nowrap}td small{display:block;color:var(--soft);font-size:12px}\n"
    "td svg{display:block;margin-top:4px}.text{overflow-wrap:anywhere;white-space:pre-wrap;min-width:280px}\n"
    ".label{overflow-wrap:break-word;min-width:120px}tr.sum td{border-top:2px solid var(--line);color:var(--soft)}\n"
    "tr.sum+tr.sum td{border-top:0}section>svg,.plot>svg{display:block;height:auto;max-width:100%}.wide>svg{max-width:none}\n"
    "svg text{font-family:inherit;fill:var(--ink)}svg .tick{font-size:12px;fill:var(--soft)}\n"
    "svg .title{font-size:13px;fill:var(--soft)}.grid{stroke:var(--line);fill:none}.axis{stroke:var(--soft);fill:none}\n"
    ".frame{stroke:var(--soft);fill:none}.none{fill:var(--none)}.line{fill:none;stroke-width:2;stroke-linejoin:round}\n"
    ".thin{stroke-width:1.2}.faint{stroke:var(--soft);stroke-width:1.5}.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}\n"
    ".c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}.f0{fill:var(--c0)}\n"
    ".f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}\n"
    ".dash1{stroke-dasharray:6 4}.dash2{stroke-dasharray:2 3}.dash3{stroke-dasharray:10 3 2 3}.dash4{stroke-dasharray:12 5}\n"
    ".tokens{display:flex;flex-wrap:wrap;gap:6px}.tokens span{border:1px solid var(--line);border-radius:6px;padding:3px 9px;text-align:center}\n"
    ".tokens .second{background:var(--none)}.tokens small{display:block;color:var(--soft);font-size:11px}\n"
    "summary{cursor:pointer;padding:6px 0;font-weight:600}.maps{display:flex;flex-wrap:wrap;gap:24px;align-items:flex-start}\n"
    "pre{font:12.5px/1.45 ui-monospace,\"DejaVu Sans Mono\",monospace;overflow-x:auto;background:var(--none);border-radius:6px;padding:10px 12px;margin:8px 0}\n"
    "details details{margin-left:14px}nav{margin:10px 0}a{color:var(--c0)}h3{font-size:14px;margin:6px 0}\n"
    ".heads{display:flex;flex-wrap:wrap;gap:12px;flex:1 1 300px}figure{margin:0}figcaption{font-size:12px;color:var(--soft)}\n"
    ".dash5{stroke-dasharray:4 2 1 2}@media print{body{background:#fff}section,.key div{break-inside:avoid}}\n";

static void put_char(FILE *out, int32_t c)
{
    char bytes[4];
    switch (c) {
    case '&': fputs("&amp;", out); return;
    case '<': fputs("&lt;", out); return;
    case '>': fputs("&gt;", out); return;
    case '"': fputs("&quot;", out); return;
    case '\'': fputs("&#39;", out); return;
    default: break;
    }
    bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7F && c < 0xA0);
    fwrite(bytes, 1, (size_t)utf8_encode(control ? 0xFFFD : c, bytes), out);
}

void html_cut(FILE *out, Slice text, int characters)
{
    int size;
    for (size_t at = 0; at < text.n; at += (size_t)size, characters--) {
        if (characters == 0) {
            fputs("\xE2\x80\xA6", out);
            return;
        }
        put_char(out, utf8_decode(text.p + at, text.n - at, &size));
    }
}

void html_text(FILE *out, Slice text) { html_cut(out, text, -1); }

/* ---- pages --------------------------------------------------------------------------------------------------------------- */

void html_begin(FILE *out, const char *title, const char *what)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>", out);
    html_text(out, slice_of(title));
    fprintf(out, "%s</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", what, style);
}

void html_end(FILE *out) { fputs("</main>\n</body>\n</html>\n", out); }

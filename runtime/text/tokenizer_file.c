/* Tokenizers from and to Hugging Face's files: tokenizer.json, or vocab.txt with tokenizer_config.json.
 *
 * In:  files that others wrote: everything in them is checked.
 * Out: a Tokenizer, or an error that names the file and what in it ftc can't use.
 *
 * Only what BertTokenizerFast does is taken: a WordPiece model behind BertNormalizer and BertPreTokenizer,
 * [CLS] and [SEP] around texts. Anything else in tokenizer.json is an error rather than a guess. */
#include "runtime/text/tokenizer.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* BERT's own names for the tokens with a meaning, where no file says otherwise. */
enum { UNK, CLS, SEP, PAD, MASK, MEANINGS };
static const char *const meaning_keys[MEANINGS] = { "unk_token", "cls_token", "sep_token", "pad_token", "mask_token" };
static const char *const bert_names[MEANINGS] = { "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]" };

static int32_t *meaning_id(Tokenizer *t, int meaning)
{
    int32_t *const ids[MEANINGS] = { &t->unk, &t->cls, &t->sep, &t->pad, &t->mask };
    return ids[meaning];
}

/* Ids may leave some numbers out, but not so many that a few bytes ask for a huge table. */
#define ID_GAPS_LIMIT (1 << 16)

/* Each part of a text is held against all added tokens of its kind. */
#define ADDED_TOKENS_LIMIT (1 << 14)

/* --- from a list of tokens --------------------------------------------------------------------------- */

/* Fills the vocabulary and finds the tokens with a meaning.  Of a token that is there twice, the last one counts. */
static bool take_tokens(Tokenizer *t, const Slice *tokens, int32_t n, const char *const names[MEANINGS], const char *file,
                        FtcDiag *d)
{
    for (int32_t id = n - 1; id >= 0; id--)
        vocab_add(t->vocab, tokens[id], id);
    for (int i = 0; i < MEANINGS; i++) {
        int32_t id = *meaning_id(t, i) = vocab_find(t->vocab, slice_of(names[i]));
        if (id >= 0)
            tokenizer_add(t, (AddedToken){ .text = (char *)names[i], .id = id, .special = true });
        else if (i == UNK || i == CLS || i == SEP)
            return ftc_error(d, FTC_FILE(file), "the vocabulary has no token '%s', which every BERT vocabulary has", names[i]);
    }
    return true;
}

Tokenizer *tokenizer_from_tokens(const Slice *tokens, int32_t n, bool lowercase, FtcDiag *d)
{
    Tokenizer *t = tokenizer_new("##");
    t->normalizer.lowercase = t->normalizer.strip_accents = lowercase;
    if (!take_tokens(t, tokens, n, bert_names, NULL, d)) {
        tokenizer_free(t);
        return NULL;
    }
    tokenizer_ready(t);
    return t;
}

/* Splits a vocab.txt at its line ends; the slices point into `text`. */
static Slice *split_lines(const char *text, size_t size, int32_t *count)
{
    Slice *lines = NULL;
    int32_t n = 0, cap = 0;
    for (const char *p = text, *end = text + size; p < end && n < VOCAB_LIMIT;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end, *next = nl ? nl + 1 : end;
        if (stop > p && stop[-1] == '\r')
            stop--;
        GROW(lines, n, cap);
        lines[n++] = (Slice){ p, (size_t)(stop - p) };
        p = next;
    }
    *count = n;
    return lines;
}

static Tokenizer *load_vocab(const char *path, Normalizer normalizer, const char *const names[MEANINGS], FtcDiag *d)
{
    size_t size, bad;
    char *text = file_read(path, JSON_FILE_LIMIT, &size, d);
    if (!text)
        return NULL;
    Tokenizer *t = NULL;
    Slice *lines = NULL;
    int32_t n = 0;
    if (size == 0)
        ftc_error(d, FTC_FILE(path), "the vocabulary is empty; a vocab.txt has one token on each line");
    else if (memchr(text, '\0', size))
        ftc_error(d, FTC_FILE(path), "there are NUL bytes in this vocabulary; a vocab.txt is plain text");
    else if ((bad = utf8_check(text, size)) < size) {
        int line = 1;
        for (size_t i = 0; i < bad; i++)
            line += text[i] == '\n';
        ftc_error(d, (FtcLoc){ path, line, 0, 0 }, "byte %zu (0x%02X) is not valid UTF-8", bad, (unsigned char)text[bad]);
    } else {
        lines = split_lines(text, size, &n);
        t = tokenizer_new("##");
        t->normalizer = normalizer;
        if (take_tokens(t, lines, n, names, path, d))
            tokenizer_ready(t);
        else {
            tokenizer_free(t);
            t = NULL;
        }
    }
    free(lines);
    free(text);
    return t;
}

Tokenizer *tokenizer_load_vocab(const char *path, bool lowercase, FtcDiag *d)
{
    return load_vocab(path, (Normalizer){ true, true, lowercase, lowercase }, bert_names, d);
}

/* --- tokenizer.json ---------------------------------------------------------------------------------- */

static JsonReader reader(const json_t *object, const char *file, FtcDiag *d)
{
    return (JsonReader){ .object = object, .file = file, .diag = d };
}

/* The "type" of a part of tokenizer.json: "null" if the part isn't there. */
static const char *type_of(JsonReader *root, const char *part, const json_t **object)
{
    *object = json_get_object(root, part);
    const char *type = *object ? json_string_value(json_object_get(*object, "type")) : "null";
    return type ? type : "no type";
}

/* The first id that so many tokens can't have. */
static int32_t id_limit(size_t tokens)
{
    return tokens < VOCAB_LIMIT - ID_GAPS_LIMIT ? (int32_t)tokens + ID_GAPS_LIMIT : VOCAB_LIMIT;
}

static bool read_added(Tokenizer *t, JsonReader *root)
{
    const json_t *list = json_get_array(root, "added_tokens");
    if (json_array_size(list) > ADDED_TOKENS_LIMIT)
        return ftc_error(root->diag, FTC_FILE(root->file), "has %zu added tokens; the limit is %d", json_array_size(list),
                         ADDED_TOKENS_LIMIT);
    int32_t limit = id_limit(vocab_size(t->vocab) + json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        JsonReader r = reader(json_array_get(list, i), root->file, root->diag);
        if (!json_is_object(r.object))
            return ftc_error(r.diag, FTC_FILE(r.file), "'added_tokens' has an entry that is not an object");
        const char *text = json_get_string(&r, "content", "");
        AddedToken token = { .text = (char *)text };
        token.id = (int32_t)json_get_int(&r, "id", -1, 0, limit - 1);
        token.special = json_get_bool(&r, "special", false);
        token.normalized = json_get_bool(&r, "normalized", !token.special);
        token.single_word = json_get_bool(&r, "single_word", false);
        token.lstrip = json_get_bool(&r, "lstrip", false);
        token.rstrip = json_get_bool(&r, "rstrip", false);
        if (r.failed)
            return false;
        int32_t known = vocab_find(t->vocab, slice_of(text));
        if (known >= 0)
            token.id = known;
        else if (token.id < 0 || vocab_has(t->vocab, token.id))
            return ftc_error(r.diag, FTC_FILE(r.file), "the added token '%s' has no id of its own", text);
        tokenizer_add(t, token);
    }
    return !root->failed;
}

static int32_t find_token(const Tokenizer *t, const char *text)
{
    for (int i = 0; i < t->n_added; i++)
        if (!strcmp(t->added[i].text, text))
            return t->added[i].id;
    return vocab_find(t->vocab, slice_of(text));
}

static bool read_model(Tokenizer *t, const json_t *model, JsonReader *root)
{
    JsonReader r = reader(model, root->file, root->diag);
    t->max_word_chars = (int)json_get_int(&r, "max_input_chars_per_word", 100, 1, INT32_MAX);
    const json_t *vocab = json_get_object(&r, "vocab");
    if (r.failed)
        return false;
    if (!vocab || json_object_size(vocab) == 0)
        return ftc_error(r.diag, FTC_FILE(r.file), "the vocabulary ('model.vocab') is missing or empty");
    const char *token;
    json_t *value;
    int32_t limit = id_limit(json_object_size(vocab));
    json_object_foreach((json_t *)vocab, token, value) {
        json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (id < 0 || id >= limit)
            return ftc_error(r.diag, FTC_FILE(r.file), "the id of token '%.100s' is not a whole number from 0 to %d", token,
                             limit - 1);
        if (!vocab_add(t->vocab, slice_of(token), (int32_t)id))
            return ftc_error(r.diag, FTC_FILE(r.file), "two tokens have the id %d; one of them is '%.100s'", (int)id, token);
    }
    return true;
}

static bool read_normalizer(Tokenizer *t, JsonReader *root)
{
    const json_t *object;
    const char *type = type_of(root, "normalizer", &object);
    if (root->failed)
        return false;
    if (!object) {
        t->normalizer = (Normalizer){ 0 };
        return true;
    }
    if (strcmp(type, "BertNormalizer"))
        return ftc_error(root->diag, FTC_FILE(root->file), "the normalizer is '%s'; ftc has 'BertNormalizer' only", type);
    JsonReader r = reader(object, root->file, root->diag);
    t->normalizer.clean = json_get_bool(&r, "clean_text", true);
    t->normalizer.split_cjk = json_get_bool(&r, "handle_chinese_chars", true);
    t->normalizer.lowercase = json_get_bool(&r, "lowercase", true);
    t->normalizer.strip_accents = json_get_bool(&r, "strip_accents", t->normalizer.lowercase);
    return !r.failed;
}

/* Whether a template's entry `i` is `kind` ("SpecialToken" or "Sequence") with this segment; *id is its name. */
static bool template_entry(const json_t *list, size_t i, const char *kind, int segment, const char **id)
{
    const json_t *entry = json_object_get(json_array_get(list, i), kind);
    const json_t *type = json_object_get(entry, "type_id");
    *id = json_string_value(json_object_get(entry, "id"));
    return *id && json_is_integer(type) && json_integer_value(type) == segment;
}

/* [CLS] A [SEP] and [CLS] A [SEP] B:1 [SEP]:1, whatever the two tokens are called. */
static bool read_template(const json_t *object, const char **cls, const char **sep)
{
    const json_t *single = json_object_get(object, "single"), *pair = json_object_get(object, "pair");
    const char *a, *b, *cls2, *sep2, *sep3;
    return json_array_size(single) == 3 && template_entry(single, 0, "SpecialToken", 0, cls) &&
           template_entry(single, 1, "Sequence", 0, &a) && template_entry(single, 2, "SpecialToken", 0, sep) &&
           json_array_size(pair) == 5 && template_entry(pair, 0, "SpecialToken", 0, &cls2) && !strcmp(*cls, cls2) &&
           template_entry(pair, 1, "Sequence", 0, &a) && !strcmp(a, "A") && template_entry(pair, 2, "SpecialToken", 0, &sep2) &&
           !strcmp(*sep, sep2) && template_entry(pair, 3, "Sequence", 1, &b) && !strcmp(b, "B") &&
           template_entry(pair, 4, "SpecialToken", 1, &sep3) && !strcmp(*sep, sep3);
}

static bool read_post_processor(Tokenizer *t, JsonReader *root)
{
    const json_t *object;
    const char *type = type_of(root, "post_processor", &object), *cls = NULL, *sep = NULL;
    bool fits = false;
    if (!strcmp(type, "TemplateProcessing"))
        fits = read_template(object, &cls, &sep);
    else if (!strcmp(type, "BertProcessing")) {
        cls = json_string_value(json_array_get(json_object_get(object, "cls"), 0));
        sep = json_string_value(json_array_get(json_object_get(object, "sep"), 0));
        fits = cls && sep;
    }
    if (!fits)
        return ftc_error(root->diag, FTC_FILE(root->file),
                         "the post-processor ('%s') does not put texts as [CLS] a [SEP] and pairs as [CLS] a [SEP] b [SEP], "
                         "the only way ftc knows", type);
    t->cls = find_token(t, cls);
    t->sep = find_token(t, sep);
    if (t->cls < 0 || t->sep < 0)
        return ftc_error(root->diag, FTC_FILE(root->file), "the token '%s' of the post-processor is not in the vocabulary",
                         t->cls < 0 ? cls : sep);
    return true;
}

static Tokenizer *read_tokenizer(JsonReader *root)
{
    const json_t *model, *pre;
    const char *type = type_of(root, "model", &model);
    if (root->failed)
        return NULL;
    if (model && !strcmp(type, "no type")) /* older files leave it out */
        type = json_object_get(model, "merges")                  ? "BPE"
               : json_object_get(model, "unk_id")                ? "Unigram"
               : json_object_get(model, "continuing_subword_prefix") ? "WordPiece"
                                                                     : "WordLevel";
    if (strcmp(type, "WordPiece")) {
        ftc_error(root->diag, FTC_FILE(root->file), "the tokenizer's model is '%s'; ftc has 'WordPiece' (BERT and its kin) only",
                  type);
        return NULL;
    }
    const char *pre_type = type_of(root, "pre_tokenizer", &pre);
    if (!root->failed && strcmp(pre_type, "BertPreTokenizer"))
        ftc_error(root->diag, FTC_FILE(root->file), "the pre-tokenizer is '%s'; ftc has 'BertPreTokenizer' only", pre_type);
    if (root->failed || strcmp(pre_type, "BertPreTokenizer"))
        return NULL;

    JsonReader r = reader(model, root->file, root->diag);
    const char *unk = json_get_string(&r, "unk_token", "[UNK]");
    Tokenizer *t = tokenizer_new(json_get_string(&r, "continuing_subword_prefix", "##"));
    if (r.failed || !read_model(t, model, root) || !read_added(t, root) || !read_normalizer(t, root) ||
        !read_post_processor(t, root))
        goto fail;
    t->unk = vocab_find(t->vocab, slice_of(unk));
    if (t->unk < 0) {
        ftc_error(root->diag, FTC_FILE(root->file), "the unknown token '%s' is not in the vocabulary", unk);
        goto fail;
    }
    t->pad = find_token(t, bert_names[PAD]);
    t->mask = find_token(t, bert_names[MASK]);
    tokenizer_ready(t);
    return t;
fail:
    tokenizer_free(t);
    return NULL;
}

Tokenizer *tokenizer_load_json(const char *path, FtcDiag *d)
{
    json_t *tree = json_read_file(path, d);
    if (!tree)
        return NULL;
    Tokenizer *t = NULL;
    JsonReader root = reader(tree, path, d);
    if (json_is_object(tree))
        t = read_tokenizer(&root);
    else
        ftc_error(d, FTC_FILE(path), "this is no tokenizer.json: it holds no object");
    json_decref(tree);
    return t;
}

/* --- a folder ---------------------------------------------------------------------------------------- */

/* vocab.txt, with what tokenizer_config.json says about it, if anything. */
static Tokenizer *load_with_config(const char *vocab, const char *config, FtcDiag *d)
{
    const char *names[MEANINGS];
    memcpy(names, bert_names, sizeof names);
    Normalizer how = { true, true, true, true };
    json_t *tree = NULL;
    Tokenizer *t = NULL;
    if (path_is_file(config)) {
        if (!(tree = json_read_file(config, d)))
            return NULL;
        JsonReader r = reader(tree, config, d);
        if (!json_is_object(tree)) {
            ftc_error(d, FTC_FILE(config), "this is no tokenizer_config.json: it holds no object");
            goto done;
        }
        how.lowercase = json_get_bool(&r, "do_lower_case", true);
        how.strip_accents = json_get_bool(&r, "strip_accents", how.lowercase);
        how.split_cjk = json_get_bool(&r, "tokenize_chinese_chars", true);
        for (int i = 0; i < MEANINGS; i++) {
            const json_t *name = json_object_get(tree, meaning_keys[i]); /* a string, or an object with its "content" */
            if (json_is_object(name))
                name = json_object_get(name, "content");
            if (json_is_string(name))
                names[i] = json_string_value(name);
        }
        if (r.failed)
            goto done;
    }
    t = load_vocab(vocab, how, names, d);
done:
    json_decref(tree);
    return t;
}

Tokenizer *tokenizer_load(const char *folder, FtcDiag *d)
{
    char *json = path_join(folder, "tokenizer.json"), *vocab = path_join(folder, "vocab.txt");
    char *config = path_join(folder, "tokenizer_config.json"), *merges = path_join(folder, "merges.txt");
    Tokenizer *t = NULL;
    if (path_is_file(json))
        t = tokenizer_load_json(json, d);
    else if (path_is_file(vocab))
        t = load_with_config(vocab, config, d);
    else if (path_is_file(merges))
        ftc_error(d, FTC_FILE(merges), "this is a 'BPE' tokenizer; ftc has 'WordPiece' (BERT and its kin) only");
    else if (!path_is_folder(folder))
        ftc_error(d, FTC_FILE(folder), "there is no such folder");
    else
        ftc_error(d, FTC_FILE(folder), "there is no tokenizer here: neither tokenizer.json nor vocab.txt");
    free(json);
    free(vocab);
    free(config);
    free(merges);
    return t;
}

/* --- writing ----------------------------------------------------------------------------------------- */

/* Strings of the vocabulary have no NUL inside. */
static const char *token_string(const Tokenizer *t, int32_t id, Bytes *buffer)
{
    Slice token = tokenizer_token(t, id);
    buffer->n = 0;
    bytes_add(buffer, token.p, token.n);
    bytes_put(buffer, '\0');
    return buffer->p;
}

static void write_entry(JsonWriter *w, const char *kind, const char *id, int segment)
{
    jsonw_object(w, NULL);
    jsonw_object(w, kind);
    jsonw_string(w, "id", id);
    jsonw_int(w, "type_id", segment);
    jsonw_end(w);
    jsonw_end(w);
}

static void write_post_processor(JsonWriter *w, const Tokenizer *t, Bytes *buffer)
{
    char *cls = xstrdup(token_string(t, t->cls, buffer)), *sep = xstrdup(token_string(t, t->sep, buffer));
    jsonw_object(w, "post_processor");
    jsonw_string(w, "type", "TemplateProcessing");
    for (int pair = 0; pair < 2; pair++) {
        jsonw_array(w, pair ? "pair" : "single");
        write_entry(w, "SpecialToken", cls, 0);
        write_entry(w, "Sequence", "A", 0);
        write_entry(w, "SpecialToken", sep, 0);
        if (pair) {
            write_entry(w, "Sequence", "B", 1);
            write_entry(w, "SpecialToken", sep, 1);
        }
        jsonw_end(w);
    }
    jsonw_object(w, "special_tokens");
    for (int i = 0; i < (t->cls == t->sep ? 1 : 2); i++) {
        const char *name = i ? sep : cls;
        jsonw_object(w, name);
        jsonw_string(w, "id", name);
        jsonw_array(w, "ids");
        jsonw_int(w, NULL, i ? t->sep : t->cls);
        jsonw_end(w);
        jsonw_array(w, "tokens");
        jsonw_string(w, NULL, name);
        jsonw_end(w);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_end(w);
    free(cls);
    free(sep);
}

static void write_added(JsonWriter *w, const AddedToken *token)
{
    jsonw_object(w, NULL);
    jsonw_int(w, "id", token->id);
    jsonw_string(w, "content", token->text);
    jsonw_bool(w, "single_word", token->single_word);
    jsonw_bool(w, "lstrip", token->lstrip);
    jsonw_bool(w, "rstrip", token->rstrip);
    jsonw_bool(w, "normalized", token->normalized);
    jsonw_bool(w, "special", token->special);
    jsonw_end(w);
}

static void write_tokenizer(JsonWriter *w, const Tokenizer *t)
{
    Bytes buffer = { 0 };
    const Normalizer *how = &t->normalizer;
    jsonw_string(w, "version", "1.0");
    jsonw_null(w, "truncation");
    jsonw_null(w, "padding");
    jsonw_array(w, "added_tokens");
    for (int i = 0; i < t->n_added; i++)
        write_added(w, &t->added[i]);
    jsonw_end(w);
    if (how->clean || how->split_cjk || how->strip_accents || how->lowercase) {
        jsonw_object(w, "normalizer");
        jsonw_string(w, "type", "BertNormalizer");
        jsonw_bool(w, "clean_text", how->clean);
        jsonw_bool(w, "handle_chinese_chars", how->split_cjk);
        if (how->strip_accents == how->lowercase)
            jsonw_null(w, "strip_accents");
        else
            jsonw_bool(w, "strip_accents", how->strip_accents);
        jsonw_bool(w, "lowercase", how->lowercase);
        jsonw_end(w);
    } else
        jsonw_null(w, "normalizer");
    jsonw_object(w, "pre_tokenizer");
    jsonw_string(w, "type", "BertPreTokenizer");
    jsonw_end(w);
    write_post_processor(w, t, &buffer);
    jsonw_object(w, "decoder");
    jsonw_string(w, "type", "WordPiece");
    jsonw_string(w, "prefix", t->prefix);
    jsonw_bool(w, "cleanup", true);
    jsonw_end(w);
    jsonw_object(w, "model");
    jsonw_string(w, "type", "WordPiece");
    jsonw_string(w, "unk_token", token_string(t, t->unk, &buffer));
    jsonw_string(w, "continuing_subword_prefix", t->prefix);
    jsonw_int(w, "max_input_chars_per_word", t->max_word_chars);
    jsonw_object(w, "vocab");
    for (int32_t id = 0; id < vocab_size(t->vocab); id++)
        if (vocab_has(t->vocab, id) && vocab_token(t->vocab, id).n)
            jsonw_int(w, token_string(t, id, &buffer), id);
    jsonw_end(w);
    jsonw_end(w);
    bytes_free(&buffer);
}

static void write_meanings(JsonWriter *w, const Tokenizer *t)
{
    Bytes buffer = { 0 };
    for (int i = 0; i < MEANINGS; i++) {
        int32_t id = *meaning_id((Tokenizer *)t, i);
        if (id >= 0)
            jsonw_string(w, meaning_keys[i], token_string(t, id, &buffer));
    }
    bytes_free(&buffer);
}

static void write_config(JsonWriter *w, const Tokenizer *t)
{
    jsonw_string(w, "tokenizer_class", "BertTokenizer");
    jsonw_bool(w, "do_lower_case", t->normalizer.lowercase);
    if (t->normalizer.strip_accents == t->normalizer.lowercase)
        jsonw_null(w, "strip_accents");
    else
        jsonw_bool(w, "strip_accents", t->normalizer.strip_accents);
    jsonw_bool(w, "tokenize_chinese_chars", t->normalizer.split_cjk);
    jsonw_bool(w, "clean_up_tokenization_spaces", true);
    write_meanings(w, t);
}

/* max_length goes into the file too, unless it is 0. */
typedef struct {
    const Tokenizer *tokenizer;
    int max_length;
    void (*fill)(JsonWriter *w, const Tokenizer *t);
} JsonFile;

static void print_json(FILE *out, const void *what)
{
    const JsonFile *file = what;
    JsonWriter w;
    jsonw_begin(&w, out, JSON_PRETTY);
    jsonw_object(&w, NULL);
    file->fill(&w, file->tokenizer);
    if (file->max_length > 0)
        jsonw_int(&w, "model_max_length", file->max_length);
    jsonw_end(&w);
}

static bool save_json(const char *folder, const char *name, const JsonFile *file, FtcDiag *d)
{
    char *path = path_join(folder, name);
    bool ok = file_print(path, print_json, file, d);
    free(path);
    return ok;
}

/* vocab.txt can say neither unused ids nor tokens with a line end in them: then tokenizer.json must do. */
static bool save_vocab(const Tokenizer *t, const char *folder, FtcDiag *d)
{
    Bytes text = { 0 };
    bool plain = true;
    for (int32_t id = 0; id < vocab_size(t->vocab); id++) {
        Slice token = vocab_token(t->vocab, id);
        plain = plain && vocab_has(t->vocab, id) && !memchr(token.p, '\n', token.n) && !memchr(token.p, '\r', token.n);
        bytes_add(&text, token.p, token.n);
        bytes_put(&text, '\n');
    }
    char *path = path_join(folder, "vocab.txt");
    bool ok = !plain || file_write(path, text.p, text.n, d);
    free(path);
    bytes_free(&text);
    return ok;
}

bool tokenizer_save(const Tokenizer *t, const char *folder, int max_length, FtcDiag *d)
{
    return save_vocab(t, folder, d) && save_json(folder, "tokenizer.json", &(JsonFile){ t, 0, write_tokenizer }, d) &&
           save_json(folder, "tokenizer_config.json", &(JsonFile){ t, max_length, write_config }, d) &&
           save_json(folder, "special_tokens_map.json", &(JsonFile){ t, 0, write_meanings }, d);
}

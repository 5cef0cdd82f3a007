/* Safetensors files: named tensors behind a JSON header; read by mmap, written as a stream.
 *
 * Layout of a file (https://github.com/huggingface/safetensors): the header's length as 8 little-endian bytes, the
 * header {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ..., "__metadata__": {strings}}, the
 * data.  A file is untrusted: opening it checks all there is to check (lengths, offsets, overflow, no
 * overlap, no hole, no byte left over), so that afterwards each tensor's bytes are as many as its shape says.
 * It accepts what the reference implementation (0.8) accepts, except a name that stands twice. */
#ifndef FTC_SAFETENSORS_H
#define FTC_SAFETENSORS_H

#include "ftc/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, bits an element */
#define SAFETENSORS_DTYPES(X)                                                                                     \
    X(F64, 64) X(F32, 32) X(F16, 16) X(BF16, 16) X(I64, 64) X(I32, 32) X(I16, 16) X(I8, 8) X(U64, 64) X(U32, 32) \
    X(U16, 16) X(U8, 8) X(BOOL, 8) X(C64, 64) X(F8_E4M3, 8) X(F8_E5M2, 8) X(F8_E8M0, 8) X(F8_E4M3FNUZ, 8)        \
    X(F8_E5M2FNUZ, 8) X(F6_E2M3, 6) X(F6_E3M2, 6) X(F4, 4)

typedef enum {
#define X(name, bits) DTYPE_##name,
    SAFETENSORS_DTYPES(X)
#undef X
    DTYPE_COUNT
} Dtype;

const char *dtype_name(Dtype t);

typedef struct {
    const char *name;
    Dtype dtype;
    int rank;
    const int64_t *dims;
    const void *data;   /* little-endian, row-major, perhaps unaligned */
    size_t size;        /* bytes */
} Tensor;

typedef struct Safetensors Safetensors;

Safetensors *safetensors_open(const char *path, FtcDiag *d);

/* The same for a file in memory, which must outlive the result; `file` names it in messages. */
Safetensors *safetensors_parse(const void *bytes, size_t size, const char *file, FtcDiag *d);

/* Names, dims and data of all tensors go with it. */
void safetensors_close(Safetensors *s);

/* Tensors in the order of their names' bytes; NULL if there is none of that name. */
int safetensors_count(const Safetensors *s);
const Tensor *safetensors_at(const Safetensors *s, int i);
const Tensor *safetensors_find(const Safetensors *s, const char *name);

/* A value of the metadata, or NULL. */
const char *safetensors_metadata(const Safetensors *s, const char *key);

/* Converts a tensor of F64, F32, F16 or BF16 to floats; false for other types, without a message. */
bool tensor_to_floats(const Tensor *t, float *out);

/* Bytes of a tensor's data; -1 on overflow, -2 where its bits fill no whole bytes. */
int64_t tensor_bytes(Dtype dtype, int rank, const int64_t *dims);

/* A shape as text, "[2,3]", in buf, which it returns. */
char *tensor_shape(int rank, const int64_t *dims, char *buf, size_t size);

/* Writes tensors (in any order; sizes follow from dtype and dims) in place of `path`, atomically.  Metadata is
 * {"format": "pt"}, which `transformers` asks for. */
bool safetensors_write(const char *path, const Tensor *tensors, int n, FtcDiag *d);

#endif

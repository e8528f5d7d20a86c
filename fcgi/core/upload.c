#include "fcgi/core/upload.h"

#include "fcgi/core/multipart.h"
#include "fcgi/core/route.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/pg.h"

#include <ctype.h>
#include <string.h>

#define CHUNK          EA_KB(64)
#define PARTS_MAX      64
#define NAME_MAX_BYTES 255

enum part { PART_SKIPPED, PART_TEXT, PART_FILE };

struct reading {
    struct ea_req *r;
    const struct ea_upload_limits *limits;
    struct ea_upload *up;
    enum part part;
    size_t files_seen;
    bool misnamed; /* told once */
    struct ea_buf text;
    struct ea_blob_writer *writer; /* of the file that is coming in */
    struct ea_upload_file *file;
    int64_t size;
};

/* What a file is said to be when it is downloaded: decided by its extension, never by who sent it. */
static const struct {
    const char *extension, *media_type;
} media_types[] = {
    { "csv", "text/csv" },
    { "doc", "application/msword" },
    { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
    { "gif", "image/gif" },
    { "jpeg", "image/jpeg" },
    { "jpg", "image/jpeg" },
    { "markdown", "text/markdown; charset=utf-8" },
    { "md", "text/markdown; charset=utf-8" },
    { "mp3", "audio/mpeg" },
    { "mp4", "video/mp4" },
    { "odt", "application/vnd.oasis.opendocument.text" },
    { "pdf", "application/pdf" },
    { "png", "image/png" },
    { "txt", "text/plain; charset=utf-8" },
    { "zip", "application/zip" },
};

static const char *extension_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && dot > name ? dot + 1 : "";
}

static const char *media_type_of(const char *name)
{
    for (size_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++)
        if (strcasecmp(extension_of(name), media_types[i].extension) == 0)
            return media_types[i].media_type;
    return "application/octet-stream";
}

static bool extension_allowed(const char *allowed, const char *name)
{
    const char *ext = extension_of(name);
    size_t n = strlen(ext);

    if (!allowed)
        return true;
    for (const char *p = allowed; *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (len == n && n > 0 && strncasecmp(p, ext, n) == 0)
            return true;
        p += len;
    }
    return false;
}

static void fault(struct reading *in, const char *pointer, const char *code, const char *detail)
{
    ea_faults_add(&in->r->faults, in->r->arena, pointer, code, "%s", detail);
}

static enum ea_err start_text(struct reading *in)
{
    if (!in->limits->text)
        fault(in, "/text", "invalid", "Only files are taken here.");
    else if (in->up->text)
        fault(in, "/text", "duplicate", "There is more than one text.");
    else
        in->part = PART_TEXT;
    return EA_OK;
}

/* Why this file cannot be taken; NULL when it can. */
static const char *file_trouble(const struct reading *in, const char *name, const char **code)
{
    *code = "invalid";
    if (!in->limits->file)
        return "Only a text is taken here.";
    if (in->files_seen > in->limits->max_files) {
        *code = "too-long";
        return ea_arena_printf(in->r->arena, "At most %zu files are taken here.", in->limits->max_files);
    }
    if (!ea_utf8_valid(name, strlen(name)) || strlen(name) > NAME_MAX_BYTES)
        return "The name of a file is UTF-8 of at most 255 bytes.";
    if (!extension_allowed(in->limits->extensions, name))
        return ea_arena_printf(in->r->arena, "Files of this kind are not accepted here, only: %s.",
                               in->limits->extensions);
    return NULL;
}

static enum ea_err start_file(struct reading *in, const char *name)
{
    const char *code, *trouble, *pointer = ea_arena_printf(in->r->arena, "/file/%zu", in->files_seen);
    enum ea_err err;

    if (!*name) /* a form's file field that was left empty */
        return EA_OK;
    in->files_seen++;
    trouble = file_trouble(in, name, &code);
    if (trouble)
        fault(in, pointer, code, trouble);
    if (in->r->faults.n > 0) /* it will be refused: nothing more needs to be stored */
        return EA_OK;
    in->file = &in->up->files[in->up->files_n];
    in->file->name = ea_arena_dup(in->r->arena, name);
    in->file->media_type = media_type_of(name);
    if (!in->file->name)
        return EA_ENOMEM;
    err = ea_blob_create(in->up->blobs, &in->writer);
    if (err)
        return err;
    ea_id_new(&in->file->id);
    in->size = 0;
    in->part = PART_FILE;
    return EA_OK;
}

static enum ea_err on_part(const char *name, const char *filename, const char *content_type, void *arg)
{
    struct reading *in = arg;

    (void)content_type;
    in->part = PART_SKIPPED;
    if (strcmp(name, "text") == 0 && !filename)
        return start_text(in);
    if (strcmp(name, "file") == 0 && filename)
        return start_file(in, filename);
    if (!in->misnamed)
        fault(in, "/", "unknown", "Parts are called text, and file with a filename.");
    in->misnamed = true;
    return EA_OK;
}

static enum ea_err on_text(struct reading *in, const char *p, size_t n)
{
    ea_buf_add(&in->text, p, n);
    if (!in->text.failed)
        return EA_OK;
    return ea_fail(in->r, EA_ETOOLARGE, "A text has at most %zu bytes.", in->limits->text_max);
}

static enum ea_err on_file(struct reading *in, const char *p, size_t n)
{
    in->size += (int64_t)n;
    if (in->size > in->limits->max_bytes)
        return ea_fail(in->r, EA_ETOOLARGE, "The file %.100s is larger than %lld bytes.", in->file->name,
                       (long long)in->limits->max_bytes);
    return ea_blob_write(in->writer, p, n);
}

static enum ea_err on_data(const char *p, size_t n, void *arg)
{
    struct reading *in = arg;

    switch (in->part) {
    case PART_TEXT:
        return on_text(in, p, n);
    case PART_FILE:
        return on_file(in, p, n);
    case PART_SKIPPED:
        break;
    }
    return EA_OK;
}

static enum ea_err end_text(struct reading *in)
{
    if (!ea_utf8_valid(in->text.p ? in->text.p : "", in->text.len))
        fault(in, "/text", "utf8", "The text is not UTF-8 without U+0000.");
    in->up->text = ea_arena_ndup(in->r->arena, in->text.p ? in->text.p : "", in->text.len);
    in->up->text_len = in->text.len;
    return in->up->text ? EA_OK : EA_ENOMEM;
}

static enum ea_err end_file(struct reading *in)
{
    struct ea_blob_writer *writer = in->writer;
    enum ea_err err;

    in->writer = NULL; /* commit frees it either way */
    if (in->size == 0) {
        ea_blob_abort(writer);
        fault(in, ea_arena_printf(in->r->arena, "/file/%zu", in->files_seen - 1), "too-short",
              "The file is empty.");
        return EA_OK;
    }
    err = ea_blob_commit(writer, &in->file->blob);
    if (!err)
        in->up->files_n++;
    return err;
}

static enum ea_err on_part_end(void *arg)
{
    struct reading *in = arg;
    enum part part = in->part;

    in->part = PART_SKIPPED;
    return part == PART_TEXT ? end_text(in) : part == PART_FILE ? end_file(in) : EA_OK;
}

/* The connection was lost while it committed: nobody knows whether the submission is there. */
static bool is_unknown(const struct ea_upload *up)
{
    PGconn *conn = ea_pg_conn(up->r->pg);

    return up->commits && (!conn || PQstatus(conn) != CONNECTION_OK);
}

/* The request's end, before its reply goes out. Files that a submission may name stay; all others go. */
static void on_end(bool committed, void *arg)
{
    const struct ea_upload *up = arg;
    bool unknown = !committed && is_unknown(up);

    for (size_t i = 0; !committed && i < up->files_n; i++)
        if (unknown || ea_blob_delete(up->blobs, up->files[i].blob.key))
            ea_log(EA_LOG_WARN, "a file is kept that perhaps nothing names",
                   EA_F_STR(KEY, up->files[i].blob.key), EA_F_STR(REQUEST_ID, up->r->request_id));
}

static enum ea_err upload_new(struct ea_req *r, struct ea_blobs *blobs, struct ea_upload **out)
{
    struct ea_upload *up = ea_arena_alloc(r->arena, sizeof(*up));

    *out = up;
    if (!up)
        return EA_ENOMEM;
    up->r = r;
    up->blobs = blobs;
    return ea_req_after(r, on_end, up);
}

static enum ea_err feed_all(struct reading *in, struct ea_multipart *m)
{
    char *chunk = ea_arena_alloc(in->r->arena, CHUNK);
    ssize_t n;
    enum ea_err err;

    if (!chunk)
        return EA_ENOMEM;
    while ((n = ea_req_read(in->r, chunk, CHUNK)) > 0)
        if ((err = ea_multipart_feed(m, chunk, (size_t)n)))
            return err;
    if (n < 0)
        return n == -2 ? EA_ETOOLARGE : EA_ECLOSED;
    return ea_multipart_end(m);
}

enum ea_err ea_upload_read(struct ea_req *r, struct ea_blobs *blobs, const struct ea_upload_limits *limits,
                           struct ea_upload **out)
{
    static const struct ea_multipart_ops ops = { on_part, on_data, on_part_end };
    struct reading in = { .r = r, .limits = limits, .text = { .max = limits->text_max } };
    struct ea_multipart *m = NULL;
    enum ea_err err;

    err = upload_new(r, blobs, &in.up);
    if (err)
        goto out;
    err = ea_multipart_new(ea_req_header(r, "Content-Type"), PARTS_MAX, &ops, &in, &m);
    if (err)
        goto out;
    err = feed_all(&in, m);
    if (!err && r->faults.n > 0)
        err = EA_EINPUT;
out:
    ea_blob_abort(in.writer);
    ea_buf_free(&in.text);
    ea_multipart_free(m);
    *out = in.up;
    return err;
}

enum ea_err ea_upload_text(struct ea_req *r, const char *text, size_t n, struct ea_upload **out)
{
    enum ea_err err = upload_new(r, NULL, out);

    if (err)
        return err;
    (*out)->text = text;
    (*out)->text_len = n;
    return EA_OK;
}

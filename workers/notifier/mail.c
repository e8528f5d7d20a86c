#include "workers/notifier/mail.h"

#include "lib/id.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORD_BYTES                                                                                           \
    39 /* of text in one encoded word: 52 characters of base64, so that a header line stays under 76 */
#define LINE_MAX_QP 75

static const struct template
{
    const char *kind, *subject, *what, *page;
}
templates[] = {
    { "submission.graded", "Graded: ", "Your submission to", "submissions" },
    { "attempt.graded", "Graded: ", "Your attempt at", "attempts" },
};

static const struct template *template_of(const char *kind)
{
    size_t i;

    for (i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        if (strcmp(templates[i].kind, kind) == 0)
            return &templates[i];
    }
    return NULL;
}

/* Bytes of the first n that can be cut off without splitting a UTF-8 character. */
static size_t whole_characters(const char *s, size_t len, size_t n)
{
    if (len <= n)
        return len;
    while (n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* RFC 2047: as encoded words, whatever it is made of, so that nothing in it can end the header. */
static void add_words(struct ea_buf *out, const char *text)
{
    char coded[sodium_base64_ENCODED_LEN(WORD_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    size_t len = strlen(text), at = 0;

    while (at < len) {
        size_t n = whole_characters(text + at, len - at, WORD_BYTES);

        if (n == 0) /* not UTF-8 */
            n = len - at < WORD_BYTES ? len - at : WORD_BYTES;
        sodium_bin2base64(coded, sizeof(coded), (const unsigned char *)text + at, n,
                          sodium_base64_VARIANT_ORIGINAL);
        ea_buf_printf(out, "%s=?UTF-8?B?%s?=", at > 0 ? "\r\n " : "", coded);
        at += n;
    }
}

/* RFC 2045, 6.7. Lines of the text end with \n; every other control character is coded. */
static void add_quoted_printable(struct ea_buf *out, const char *text)
{
    size_t column = 0;
    const char *p;

    for (p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        bool at_end = p[1] == '\n' || p[1] == '\0';
        bool plain = c > ' ' && c < 127 && c != '=';

        if (c == '\n') {
            ea_buf_str(out, "\r\n");
            column = 0;
            continue;
        }
        if (column + (plain ? 1 : 3) > LINE_MAX_QP) {
            ea_buf_str(out, "=\r\n");
            column = 0;
        }
        if (plain || (c == ' ' && !at_end)) {
            ea_buf_char(out, (char)c);
            column++;
        } else {
            ea_buf_printf(out, "=%02X", c);
            column += 3;
        }
    }
}

/* A title or name in the middle of a line. */
static void add_inline(struct ea_buf *text, const char *s)
{
    for (; *s != '\0'; s++)
        ea_buf_char(text, (unsigned char)*s < ' ' ? ' ' : *s);
}

static void write_text(struct ea_buf *text, const struct notifier_mail *m, const struct template *t,
                       const char *public_url)
{
    ea_buf_str(text, "Hello ");
    add_inline(text, m->name);
    ea_buf_printf(text, ",\n\n%s \u201c", t->what);
    add_inline(text, m->title);
    ea_buf_str(text, "\u201d has been graded");
    if (m->points[0] != '\0' && m->of[0] != '\0')
        ea_buf_printf(text, ": %s of %s points", m->points, m->of);
    ea_buf_str(text, ".\n\n");
    if (ea_id_valid(m->subject_id))
        ea_buf_printf(text, "See it here: %s/%s/%s\n\n", public_url, t->page, m->subject_id);
    ea_buf_printf(text, "-- \nYou can turn these e-mails off in the settings of your notifications.\n%s\n",
                  public_url);
}

static void add_date(struct ea_buf *out, int64_t wall_us)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t s = (time_t)(wall_us / 1000000);
    struct tm t;

    if (gmtime_r(&s, &t) == NULL)
        return;
    ea_buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday], t.tm_mday,
                  months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void write_headers(struct ea_buf *out, const struct notifier_mail *m, const char *name,
                          const char *subject, const char *from, int64_t wall_us)
{
    const char *domain = strchr(from, '@');

    ea_buf_printf(out, "From: %s\r\nTo: ", from);
    add_words(out, name);
    ea_buf_printf(out, "%s<%s>\r\nSubject: ", name[0] != '\0' ? "\r\n " : "", m->to);
    add_words(out, subject);
    ea_buf_str(out, "\r\n");
    add_date(out, wall_us);
    ea_buf_printf(out, "Message-ID: <event-%" PRId64 ".%s%s>\r\n", m->event_id, m->user_id,
                  domain != NULL ? domain : "@localhost");
    ea_buf_str(out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n");
}

bool notifier_mail_address(const char *address)
{
    const char *at = strchr(address, '@'), *p;

    if (at == NULL || at == address || at[1] == '\0' || strchr(at + 1, '@') != NULL || strlen(address) > 254)
        return false;
    for (p = address; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 127 || strchr("<>()[],;:\\\"", *p) != NULL)
            return false;
    }
    return true;
}

enum ea_err notifier_mail_write(const struct notifier_mail *m, const char *from, const char *public_url,
                                int64_t wall_us, struct ea_buf *out)
{
    const struct template *t = template_of(m->kind);
    struct ea_buf text = { .max = 65536 }, subject = { .max = 4096 }, name = { .max = 4096 };
    enum ea_err err = EA_OK;

    if (t == NULL || !notifier_mail_address(m->to))
        return EA_EINPUT;
    ea_buf_str(&subject, t->subject);
    add_inline(&subject, m->title);
    add_inline(&name, m->name);
    write_text(&text, m, t, public_url);
    if (subject.failed || name.failed || text.failed) {
        err = EA_ENOMEM;
        goto out;
    }
    write_headers(out, m, name.p != NULL ? name.p : "", subject.p, from, wall_us);
    add_quoted_printable(out, text.p);
    if (out->failed)
        err = EA_ENOMEM;
out:
    ea_buf_free(&subject);
    ea_buf_free(&name);
    ea_buf_free(&text);
    return err;
}

#include "tests/unit/unit.h"

#include "workers/notifier/mail.h"

#include <stdio.h>
#include <string.h>

#define USER "018f0000-0000-7000-8000-000000000001"

static struct notifier_mail plain(void)
{
    return (struct notifier_mail){ .event_id = 42,
                                   .user_id = USER,
                                   .to = "ana@example.org",
                                   .name = "Ana",
                                   .kind = "submission.graded",
                                   .title = "Essay",
                                   .points = "7.5",
                                   .of = "10",
                                   .subject_id = USER };
}

static char *written(const struct notifier_mail *m, struct ea_buf *out)
{
    assert_int_equal(
        notifier_mail_write(m, "school@example.edu", "https://school.example", 1795420800000000, out), EA_OK);
    return out->p;
}

static void a_mail_is_whole(void **state)
{
    struct notifier_mail m = plain();
    struct ea_buf out = { 0 };

    (void)state;
    assert_string_equal(written(&m, &out),
                        "From: school@example.edu\r\n"
                        "To: =?UTF-8?B?QW5h?=\r\n <ana@example.org>\r\n"
                        "Subject: =?UTF-8?B?R3JhZGVkOiBFc3NheQ==?=\r\n"
                        "Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n"
                        "Message-ID: <event-42." USER "@example.edu>\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "\r\n"
                        "Hello Ana,\r\n"
                        "\r\n"
                        "Your submission to =E2=80=9CEssay=E2=80=9D has been graded: 7.5 of 10 point=\r\n"
                        "s.\r\n"
                        "\r\n"
                        "See it here: https://school.example/submissions/018f0000-0000-7000-8000-000=\r\n"
                        "000000001\r\n"
                        "\r\n"
                        "--=20\r\n"
                        "You can turn these e-mails off in the settings of your notifications.\r\n"
                        "https://school.example\r\n");
    ea_buf_free(&out);
}

static void a_score_that_is_not_shown_is_not_told(void **state)
{
    struct notifier_mail m = plain();
    struct ea_buf out = { 0 };

    (void)state;
    m.points = m.of = "";
    m.kind = "attempt.graded";
    m.subject_id = "../../etc";
    assert_non_null(strstr(written(&m, &out), "has been graded.\r\n"));
    assert_null(strstr(out.p, "points"));
    assert_null(strstr(out.p, "See it here"));
    ea_buf_free(&out);
}

/* Whatever the texts hold: the headers are ours, every line ends with CRLF and is short, every byte is ASCII. */
static void no_text_changes_the_form(void **state)
{
    static const char *const texts[] = {
        "",
        "\r\nBcc: x@example.org",
        "a\r\n\r\n.\r\nMAIL FROM:<x@example.org>\r\n",
        "\xff\xfe\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
        "=?UTF-8?B?QmNj?= ?= =",
        "\u00e4\u00f6\u00fc\u4e2d\u6587\U0001F600\u00e4\u00f6\u00fc\u4e2d\u6587\U0001F600\u00e4\u00f6\u00fc\u4e2d\u6587\U0001F600\u00e4\u00f6\u00fc\u4e2d\u6587\U0001F600",
        "\"<>,;:\\()[]@\t\x01\x7f",
        "                                                                                                                             ",
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            struct notifier_mail m = plain();
            struct ea_buf out = { 0 };
            const char *line, *end, *body;
            int headers = 0;

            m.name = texts[i];
            m.title = texts[j];
            body = strstr(written(&m, &out), "\r\n\r\n");
            assert_non_null(body);
            for (line = out.p; (end = strstr(line, "\r\n")) != NULL; line = end + 2) {
                assert_true(end - line <= 76);
                if (line < body && *line != ' ')
                    headers++;
            }
            assert_string_equal(line, "");
            assert_int_equal(headers, 9);
            for (line = out.p; *line != '\0'; line++) {
                assert_true((unsigned char)*line < 127);
                assert_true(*line >= ' ' || *line == '\r' || *line == '\n');
                assert_int_equal(*line == '\r', line[1] == '\n');
            }
            assert_null(strstr(out.p, "\nBcc"));
            assert_null(strstr(out.p, "\n.\r"));
            ea_buf_free(&out);
        }
    }
}

static void addresses(void **state)
{
    static const char *const good[] = { "a@b", "ana.maria+school@mail.example.org" };
    static const char *const bad[] = { "",        "a",           "@b",           "a@",
                                       "a@b@c",   "a b@c",       "a@b\n",        "<a@b>",
                                       "a@b,c@d", "a,b@c",       "\"a b\"@c.d",  "\u00e4@b.c",
                                       "a@b>",    "a@b\r\nRCPT", "a@b:25(c)[d]", "a;b@c" };
    struct notifier_mail m = plain();
    struct ea_buf out = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(notifier_mail_address(good[i]));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(notifier_mail_address(bad[i]));
        m.to = bad[i];
        assert_int_equal(notifier_mail_write(&m, "s@b", "https://x", 0, &out), EA_EINPUT);
    }
    m = plain();
    m.kind = "message.created";
    assert_int_equal(notifier_mail_write(&m, "s@b", "https://x", 0, &out), EA_EINPUT);
    assert_int_equal(out.len, 0);
    ea_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_whole),
        cmocka_unit_test(a_score_that_is_not_shown_is_not_told),
        cmocka_unit_test(no_text_changes_the_form),
        cmocka_unit_test(addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "workers/notifier/smtp.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_S 5L
#define TOTAL_S   20L

struct notifier_smtp {
    CURL *curl;
    bool (*abort)(void);
    char from[260];
    char error[CURL_ERROR_SIZE];
};

struct reader {
    const char *p;
    size_t left;
};

static size_t read_text(char *out, size_t size, size_t n, void *arg)
{
    struct reader *r = arg;
    size_t take = size * n < r->left ? size * n : r->left;

    memcpy(out, r->p, take);
    r->p += take;
    r->left -= take;
    return take;
}

static int on_progress(void *arg, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul)
{
    const struct notifier_smtp *s = arg;

    (void)dl_total;
    (void)dl;
    (void)ul_total;
    (void)ul;
    return s->abort() ? 1 : 0;
}

static bool has_password(const char *url)
{
    const char *host = strstr(url, "://");

    return host != NULL && strchr(host, '@') != NULL;
}

static bool set_up(struct notifier_smtp *s, const char *url)
{
    CURL *c = s->curl;
    long tls = has_password(url) ? CURLUSESSL_ALL : CURLUSESSL_TRY;

    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USE_SSL, tls) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_MAIL_FROM, s->from) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, TOTAL_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_READFUNCTION, read_text) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->error) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFODATA, s) == CURLE_OK;
}

static enum ea_err judge(struct notifier_smtp *s, CURLcode code, char *why, size_t size)
{
    long answer = 0;

    if (code == CURLE_OK)
        return EA_OK;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &answer);
    snprintf(why, size, "%s (%ld)", s->error[0] != '\0' ? s->error : curl_easy_strerror(code), answer);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_LOGIN_DENIED:
        return EA_EUNAVAILABLE;
    default:
        return answer >= 500 && answer < 600 ? EA_EINPUT : EA_ERETRY;
    }
}

struct notifier_smtp *notifier_smtp_new(const char *url, const char *from, bool (*abort)(void))
{
    struct notifier_smtp *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->abort = abort;
    snprintf(s->from, sizeof(s->from), "<%s>", from);
    s->curl = curl_easy_init();
    if (s->curl != NULL && set_up(s, url))
        return s;
    notifier_smtp_free(s);
    return NULL;
}

void notifier_smtp_free(struct notifier_smtp *s)
{
    if (s == NULL)
        return;
    curl_easy_cleanup(s->curl);
    free(s);
}

enum ea_err notifier_smtp_send(struct notifier_smtp *s, const char *to, const char *text, size_t len,
                               char *why, size_t size)
{
    struct reader reader = { .p = text, .left = len };
    struct curl_slist *rcpt = curl_slist_append(NULL, to);
    CURLcode code = CURLE_OUT_OF_MEMORY;

    s->error[0] = '\0';
    if (rcpt != NULL) {
        curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, rcpt);
        curl_easy_setopt(s->curl, CURLOPT_READDATA, &reader);
        curl_easy_setopt(s->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
        code = curl_easy_perform(s->curl);
        curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, NULL);
    }
    curl_slist_free_all(rcpt);
    return judge(s, code, why, size);
}

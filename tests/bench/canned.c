/* The ceiling: one epoll loop that answers every FastCGI request with the same bytes, without looking at it.   canned SOCKET */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEADER = 8, STDIN = 5, STDOUT = 6, END_REQUEST = 3, CONNECTIONS = 4096 };

/* Where in a record a connection is: bytes of the header seen, then bytes of content left. */
struct peer {
    unsigned char header[HEADER];
    size_t have, left;
};

static struct peer peers[CONNECTIONS];
static unsigned char answer[512];
static size_t answer_n;

static void record(int type, const void *content, size_t n)
{
    const unsigned char h[HEADER] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(n >> 8), (unsigned char)n, 0, 0
    };
    memcpy(answer + answer_n, h, HEADER);
    if (n > 0)
        memcpy(answer + answer_n + HEADER, content, n);
    answer_n += HEADER + n;
}

/* Takes the bytes; true when the empty STDIN record, the end of a request, was among them. */
static bool feed(struct peer *p, const unsigned char *bytes, size_t n)
{
    bool end = false;
    while (n > 0) {
        if (p->left > 0) {
            size_t skip = n < p->left ? n : p->left;
            p->left -= skip;
            bytes += skip;
            n -= skip;
            continue;
        }
        p->header[p->have++] = *bytes++;
        n--;
        if (p->have == HEADER) {
            size_t content = (size_t)p->header[4] << 8 | p->header[5];
            end = end || (p->header[1] == STDIN && content == 0);
            p->left = content + p->header[6];
            p->have = 0;
        }
    }
    return end;
}

static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 4096) != 0 ||
        chmod(path, 0666) != 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void on_peer(int fd)
{
    unsigned char bytes[16384];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        close(fd);
    else if (n > 0 && feed(&peers[fd], bytes, (size_t)n) && send(fd, answer, answer_n, MSG_NOSIGNAL) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    static const char reply[] =
        "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"hello\":\"world\"}";
    static const unsigned char complete[HEADER] = { 0 };
    if (argc != 2) {
        fprintf(stderr, "usage: canned SOCKET\n");
        return 2;
    }
    record(STDOUT, reply, sizeof(reply) - 1);
    record(STDOUT, NULL, 0);
    record(END_REQUEST, complete, sizeof(complete));
    int listener = listen_at(argv[1]), epoll = epoll_create1(0);
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = listener };
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev);
    for (;;) {
        struct epoll_event ready[256];
        int n = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd != listener) {
                on_peer(fd);
                continue;
            }
            int one = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (one < 0 || one >= CONNECTIONS)
                continue;
            peers[one] = (struct peer){ 0 };
            ev = (struct epoll_event){ .events = EPOLLIN, .data.fd = one };
            epoll_ctl(epoll, EPOLL_CTL_ADD, one, &ev);
        }
    }
}

/* The peer: a bare libfcgi program in the classic shape, N threads that each block in FCGX_Accept_r.   hello SOCKET THREADS */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int listener;

static void *serve(void *arg)
{
    (void)arg;
    FCGX_Request r;
    if (FCGX_InitRequest(&r, listener, 0) != 0)
        exit(1);
    while (FCGX_Accept_r(&r) == 0) {
        FCGX_FPrintF(
            r.out,
            "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"hello\":\"world\"}");
        FCGX_Finish_r(&r);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: hello SOCKET THREADS\n");
        return 2;
    }
    FCGX_Init();
    listener = FCGX_OpenSocket(argv[1], 4096);
    chmod(argv[1], 0666);
    int threads = atoi(argv[2]);
    for (int i = 1; i < threads; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, serve, NULL) != 0)
            return 1;
    }
    serve(NULL);
    return 0;
}

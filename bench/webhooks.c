/* Load generator of bench/friend_webhooks.py and bench/receipts.py: K kept-alive connections, one request after another on each.
   Usage: load PORT CONNECTIONS FILE. FILE holds requests, each behind its length as four bytes (little endian). Prints
   "seconds not200 p50_us p99_us" when every request is answered. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct line { int fd; const uint8_t *out; uint32_t left; double since; char in[512]; uint32_t got; };

static const uint8_t *at, *end;
static uint32_t *micros;
static long answered, not200;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static void die(const char *what) { perror(what); exit(1); }

static void push(int poll, struct line *l) {
    while (l->left) {
        ssize_t n = send(l->fd, l->out, l->left, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) die("send");
            struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = l};
            epoll_ctl(poll, EPOLL_CTL_MOD, l->fd, &e);
            return;
        }
        l->out += n; l->left -= n;
    }
}

static int next(int poll, struct line *l) {
    if (at >= end) return 0;
    memcpy(&l->left, at, 4); l->out = at + 4; at += 4 + l->left; l->got = 0; l->since = now();
    push(poll, l);
    return 1;
}

static int compare(const void *a, const void *b) { uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b; return (x > y) - (x < y); }

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int port = atoi(argv[1]), k = atoi(argv[2]), file = open(argv[3], O_RDONLY), poll = epoll_create1(0);
    struct stat s;
    if (file < 0 || fstat(file, &s)) die("file");
    const uint8_t *all = mmap(0, s.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    at = all; end = all + s.st_size;
    long total = 0;
    for (const uint8_t *p = all; p < end; total++) { uint32_t n; memcpy(&n, p, 4); p += 4 + n; }
    micros = malloc(total * sizeof *micros);
    struct line *lines = calloc(k, sizeof *lines);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < k; i++) {
        int one = 1;
        lines[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(lines[i].fd, (struct sockaddr *)&there, sizeof there)) die("connect");
        setsockopt(lines[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(lines[i].fd, F_SETFL, O_NONBLOCK);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &lines[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, lines[i].fd, &e);
    }
    double begun = now();
    for (int i = 0; i < k; i++) next(poll, &lines[i]);
    struct epoll_event events[256];
    while (answered < total) {
        int n = epoll_wait(poll, events, 256, 30000);
        if (n <= 0) { fprintf(stderr, "no answer for 30 s\n"); return 1; }
        for (int i = 0; i < n; i++) {
            struct line *l = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) {
                push(poll, l);
                if (!l->left) { struct epoll_event e = {.events = EPOLLIN, .data.ptr = l}; epoll_ctl(poll, EPOLL_CTL_MOD, l->fd, &e); }
            }
            if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            ssize_t got = recv(l->fd, l->in + l->got, sizeof l->in - 1 - l->got, 0);
            if (got < 0 && errno == EAGAIN) continue;
            if (got <= 0) { fprintf(stderr, "connection closed\n"); return 1; }
            l->got += got; l->in[l->got] = 0;
            if (!strstr(l->in, "\r\n\r\n")) continue;
            if (strncmp(l->in + 9, "200", 3)) not200++;
            micros[answered++] = (uint32_t)((now() - l->since) * 1e6);
            next(poll, l);
        }
    }
    double seconds = now() - begun;
    qsort(micros, total, sizeof *micros, compare);
    printf("%.6f %ld %u %u\n", seconds, not200, micros[total / 2], micros[total * 99 / 100]);
    return 0;
}

/* An MQTT 3.1.1 client that does nothing but keep up: the bench's gateways, and the limit the collector is held against.
 *
 *   client publish PORT USER PASSWORD FILE WINDOW RECEIPTS
 *       Publishes the messages of FILE with QoS 1, at most WINDOW unacknowledged, and waits for so many receipts.
 *       FILE holds, for each message, the lengths of topic (2 bytes) and payload (4 bytes), big-endian, and then both.
 *   client drain PORT USER PASSWORD FILTER CLIENT_ID MESSAGES
 *       Takes and acknowledges so many messages in a session that stays; 0 only makes the session.
 *
 * Says "ready", waits for a line on standard input, and from then on counts seconds. Ends with one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CONNACK = 2, PUBLISH = 3, PUBACK = 4, SUBACK = 9 };
enum { ROOM = 1 << 20, PATIENCE_MS = 60000 };

typedef struct {
    int fd;
    size_t in, out;  /* bytes in the buffers */
    uint8_t inbox[ROOM], outbox[2 * ROOM];
} Link;

static Link first, second;

static void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    exit(1);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

/* Writing ---------------------------------------------------------------------------------------------------------- */

static void put(Link *link, const void *bytes, size_t length) {
    memcpy(link->outbox + link->out, bytes, length);
    link->out += length;
}

static void put_byte(Link *link, int byte) {
    uint8_t one = (uint8_t)byte;
    put(link, &one, 1);
}

static void put_two(Link *link, unsigned number) {
    put_byte(link, (int)(number >> 8));
    put_byte(link, (int)(number & 255));
}

static void put_text(Link *link, const char *text) {
    put_two(link, (unsigned)strlen(text));
    put(link, text, strlen(text));
}

static void put_head(Link *link, int head, size_t remaining) {
    put_byte(link, head);
    do {
        put_byte(link, (int)(remaining % 128) | (remaining > 127 ? 128 : 0));
        remaining /= 128;
    } while (remaining);
}

static void flush(Link *link) {
    ssize_t sent = send(link->fd, link->outbox, link->out, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fail("the broker closed the connection: %s", strerror(errno));
    if (sent > 0) {
        memmove(link->outbox, link->outbox + sent, link->out - (size_t)sent);
        link->out -= (size_t)sent;
    }
}

/* Reading ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    int head;
    const uint8_t *body;
    size_t length;
} Packet;

/* The packet that begins there; 0 if it is not complete yet, else its whole length. */
static size_t packet_at(const uint8_t *at, size_t held, Packet *packet) {
    size_t length = 0, place = 1;
    for (int shift = 0;; shift += 7) {
        if (place >= held) return 0;
        length |= (size_t)(at[place] & 127) << shift;
        if (!(at[place++] & 128)) break;
    }
    if (place + length > held) return 0;
    *packet = (Packet){at[0], at + place, length};
    return place + length;
}

static void take(Link *link, void (*handle)(Link *, const Packet *)) {
    ssize_t got = recv(link->fd, link->inbox + link->in, ROOM - link->in, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) fail("the broker closed the connection");
    if (got > 0) link->in += (size_t)got;
    size_t done = 0, length;
    Packet packet;
    while ((length = packet_at(link->inbox + done, link->in - done, &packet))) {
        handle(link, &packet);
        done += length;
    }
    memmove(link->inbox, link->inbox + done, link->in - done);
    link->in -= done;
}

static void turn(Link **links, int count, void (*handle)(Link *, const Packet *)) {
    struct pollfd wanted[2];
    for (int i = 0; i < count; i++)
        wanted[i] = (struct pollfd){links[i]->fd, (short)(POLLIN | (links[i]->out ? POLLOUT : 0)), 0};
    if (poll(wanted, (nfds_t)count, PATIENCE_MS) <= 0) fail("nothing happened for a minute");
    for (int i = 0; i < count; i++) {
        if (wanted[i].revents & ~POLLOUT) take(links[i], handle);
        if (links[i]->out) flush(links[i]);
    }
}

/* Connecting ------------------------------------------------------------------------------------------------------- */

static int answers;

static void on_answer(Link *link, const Packet *packet) {
    (void)link;
    int kind = packet->head >> 4;
    if (kind == CONNACK && packet->body[1] != 0) fail("the broker refuses the account (%d)", packet->body[1]);
    if (kind == SUBACK && packet->body[2] & 128) fail("the broker refuses the subscription");
    answers += kind == CONNACK || kind == SUBACK;
}

static void await_answer(Link *link, void (*handle)(Link *, const Packet *)) {
    for (int before = answers; answers == before;) turn(&link, 1, handle);
}

static void open_link(Link *link, char **account, const char *id, int clean, void (*handle)(Link *, const Packet *)) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(account[0]))};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    link->in = link->out = 0;
    if (connect(link->fd, (struct sockaddr *)&address, sizeof address)) fail("no broker on port %s", account[0]);
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    put_head(link, 0x10, 10 + 6 + strlen(id) + strlen(account[1]) + strlen(account[2]));
    put_text(link, "MQTT");
    put_byte(link, 4);
    put_byte(link, 0xc0 | (clean ? 2 : 0));
    put_two(link, 0);  /* no keep-alive */
    put_text(link, id);
    put_text(link, account[1]);
    put_text(link, account[2]);
    await_answer(link, handle);
}

static void subscribe(Link *link, const char *filter, int qos, void (*handle)(Link *, const Packet *)) {
    put_head(link, 0x82, 2 + 2 + strlen(filter) + 1);
    put_two(link, 1);
    put_text(link, filter);
    put_byte(link, qos);
    await_answer(link, handle);
}

static void close_link(Link *link) {
    put_head(link, 0xe0, 0);
    while (link->out) flush(link);
    close(link->fd);
}

static void await_go(void) {
    char line[16];
    puts("ready");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) exit(1);
}

/* Publishing ------------------------------------------------------------------------------------------------------- */

static long acknowledged, receipts, accepted, duplicate, conflict;

static long number_after(const uint8_t *text, size_t length, const char *key) {
    const uint8_t *at = memmem(text, length, key, strlen(key));
    return at ? strtol((const char *)at + strlen(key), NULL, 10) : 0;
}

static void on_published(Link *link, const Packet *packet) {
    on_answer(link, packet);
    if (packet->head >> 4 == PUBACK) acknowledged++;
    if (packet->head >> 4 != PUBLISH) return;
    receipts++;
    accepted += number_after(packet->body, packet->length, "\"accepted\":");
    duplicate += number_after(packet->body, packet->length, "\"duplicate\":");
    conflict += number_after(packet->body, packet->length, "\"conflict\":");
}

/* Appends the message and returns where the next one begins. */
static const uint8_t *put_message(Link *link, const uint8_t *at, long number) {
    size_t topic = (size_t)at[0] << 8 | at[1];
    size_t payload = (size_t)at[2] << 24 | (size_t)at[3] << 16 | (size_t)at[4] << 8 | at[5];
    put_head(link, 0x32, 2 + topic + 2 + payload);
    put(link, at, 2);
    put(link, at + 6, topic);
    put_two(link, (unsigned)(number % 65535) + 1);
    put(link, at + 6 + topic, payload);
    return at + 6 + topic + payload;
}

static const uint8_t *contents(const char *path, const uint8_t **end) {
    int fd = open(path, O_RDONLY);
    struct stat about;
    if (fd < 0 || fstat(fd, &about)) fail("cannot read %s", path);
    if (!about.st_size) return *end = NULL;
    const uint8_t *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) fail("cannot map %s", path);
    *end = bytes + about.st_size;
    return bytes;
}

static void publish(char **account, const char *path, long window, long expected) {
    Link *links[] = {&first, &second};
    const uint8_t *end, *at = contents(path, &end);
    long sent = 0;
    double begun, published = 0;
    open_link(&first, account, "bench-publisher", 1, on_published);
    if (expected) {
        open_link(&second, account, "bench-receipts", 1, on_published);
        subscribe(&second, "enermon/v1/+/receipt", 0, on_published);
    }
    await_go();
    begun = seconds();
    while (at < end || acknowledged < sent || receipts < expected) {
        while (at < end && sent - acknowledged < window && first.out < ROOM) at = put_message(&first, at, sent++);
        flush(&first);
        if (at < end || acknowledged < sent || receipts < expected) turn(links, expected ? 2 : 1, on_published);
        if (!published && at == end && acknowledged == sent) published = seconds() - begun;
    }
    printf("{\"published_s\": %.6f, \"answered_s\": %.6f, \"receipts\": %ld, \"accepted\": %ld, \"duplicate\": %ld, "
           "\"conflict\": %ld}\n",
           published, seconds() - begun, receipts, accepted, duplicate, conflict);
}

/* Draining --------------------------------------------------------------------------------------------------------- */

static long drained;

static void on_drained(Link *link, const Packet *packet) {
    on_answer(link, packet);
    if (packet->head >> 4 != PUBLISH) return;
    size_t topic = (size_t)packet->body[0] << 8 | packet->body[1];
    put_head(link, 0x40, 2);
    put(link, packet->body + 2 + topic, 2);
    drained++;
}

static void drain(char **account, const char *filter, const char *id, long messages) {
    Link *link = &first;
    await_go();
    double begun = seconds();
    open_link(link, account, id, 0, on_drained);
    if (!messages) subscribe(link, filter, 1, on_drained);
    while (drained < messages || link->out) turn(&link, 1, on_drained);
    printf("{\"drained_s\": %.6f, \"messages\": %ld}\n", seconds() - begun, drained);
    close_link(link);
}

int main(int count, char **words) {
    if (count == 8 && !strcmp(words[1], "publish"))
        publish(words + 2, words[5], atol(words[6]), atol(words[7]));
    else if (count == 8 && !strcmp(words[1], "drain"))
        drain(words + 2, words[5], words[6], atol(words[7]));
    else
        fail("see the head of client.c");
    return 0;
}

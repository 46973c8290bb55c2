/* The bench's gateway: Solapi's wire format as the sandbox answers it, over raw sockets, in one thread.

   It keeps books of its own, of every id, every number and every outcome, and asks the client nothing. It is narrower
   than the sandbox and says so: a request that it cannot take as a whole (an id that is not campaign-chunk-seq, a
   number that is none, a kind it does not know) is refused with 400, never half taken. Signatures are not checked,
   money is never short, contents are not judged. tests/channels/test_gateway.py holds the two to the same answers. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { ACCEPTED = 2000, WAITING = 3000, DELIVERED = 4000, DUPLICATE = 1026, OPTED_OUT = 1061,
       BAD_PROFILE = 3101, NOT_A_FRIEND = 3102, NO_TALK = 3104, BLOCKS_TALK = 3107, OUT_OF_HOURS = 3108 };
enum { REQUEST_MESSAGES = 10000, REQUEST_BYTES = 15 << 20, BODY_LIMIT = 24 << 20, HEADER_LIMIT = 32 << 10,
       GROUP_MESSAGES = 1000000, LATE_ENDING = 99, LATE_FACTOR = 10, OPTED_OUT_ENDING = 98, CODES = 8192 };

#define MAX_MESSAGES (1ull << 28)
#define MAX_RUNS (1ull << 26)
#define MAX_GROUPS (1ull << 26)
#define MAX_WORDS 65536u

static const char *const KINDS[] = {
    "SMS", "LMS", "MMS", "ATA", "BMS_FREE", "BMS_TEXT", "BMS_IMAGE", "BMS_WIDE", "BMS_WIDE_ITEM_LIST",
    "BMS_CAROUSEL_FEED", "BMS_PREMIUM_VIDEO", "BMS_COMMERCE", "BMS_CAROUSEL_COMMERCE" };
enum { ATA = 3, BRAND = 4, N_KINDS = 13 }; /* from BRAND on, all are brand messages */
static const int PRICES[N_KINDS] = { 12, 39, 90, 10, 25, 25, 25, 25, 25, 25, 25, 25, 25 };
static char small_names[N_KINDS][32], price_list[512]; /* as the price list spells them */

typedef struct { const char *p; size_t n; } text;
typedef struct { char *p; size_t n, cap; } buffer;

/* Messages are numbered in order of arrival; a run is a stretch of one request with the same campaign, kind, channel
   and sender; a group is a basket. All three lie in flat arrays that the kernel fills with memory as they grow. */
typedef struct {
    uint64_t first, campaign;
    double made_at, arrived;                /* on the simulated clock, on the machine's */
    uint32_t count, group, channel, sender; /* channel and sender are words, 0 for none */
    uint32_t next;                          /* of the same group; 0 for none */
    uint32_t request;
    uint8_t kind;
    char stamp[18];
} run;

enum { PENDING, SENT, DELETED };
typedef struct {
    uint64_t *seen; /* the numbers in it, open addressing, while it is PENDING */
    uint32_t seen_cap, seen_count;
    uint32_t first_run, last_run;
    uint32_t total, accepted, by_kind[N_KINDS];
    uint32_t late, delivered, delivered_late;
    int64_t charged, refund, refund_late;                 /* won */
    double made_at, updated_at, sent_at, delay, due_at, late_at; /* the last two on the machine's clock */
    uint8_t state;
    bool allows_duplicates;
    char stamp[18];
} group;

static uint64_t *numbers, *ids; /* digits behind a leading 1; chunk << 32 | seq */
static uint16_t *codes;         /* 1xxx refused; 2000 accepted, and once sent the code it ends with */
static run *runs;               /* [0] is no run */
static group *groups;
static uint64_t n_messages, n_runs = 1, n_groups, base;
static uint32_t n_requests;
static buffer out; /* the answer being written */

static double clock_offset, delay_seconds = 0.2, share_not_friend, share_refused;
static bool by_ending = true; /* outcomes by the number's ending, as the sandbox has them; else by shares of a hash */
static char account_id[40] = "00000000000000";

static void die(const char *what) {
    perror(what);
    exit(1);
}

static char PAIRS[200];

static char *padded(char *p, uint64_t n, int width) { /* `width` digits, zeros before; returns what follows them */
    char *end = p + width, *at = end;
    for (; width >= 2; width -= 2, n /= 100) memcpy(at -= 2, PAIRS + n % 100 * 2, 2);
    if (width) *--at = (char)('0' + n % 10);
    return end;
}

/* ---- clocks ---- */
static double anchor;

static double seconds_of(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static double machine_now(void) { return anchor + seconds_of(CLOCK_MONOTONIC); }
static double simulated_now(void) { return seconds_of(CLOCK_REALTIME) + clock_offset; }

static bool is_night(void) { /* 20:50 to 08:00 in Seoul */
    int minutes = (int)(((time_t)simulated_now() + 9 * 3600) % 86400 / 60);
    return minutes >= 20 * 60 + 50 || minutes < 8 * 60;
}

static const char *iso(double at) { /* good until the fourth call from now */
    static char texts[4][28], second[24];
    static time_t of = -1;
    static int turn;
    char *into = texts[turn++ & 3];
    time_t whole = (time_t)at;
    if (whole != of) {
        struct tm t;
        gmtime_r(&whole, &t);
        strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S.", &t);
        of = whole;
    }
    memcpy(into, second, 20);
    memcpy(padded(into + 20, (uint64_t)((at - (double)whole) * 1000) % 1000, 3), "Z", 2);
    return into;
}

static void print_stamp(char kind, double at, char into[18]) { /* kind, 4V, Seoul's date and time */
    static time_t of;
    static char digits[16];
    time_t whole = (time_t)at;
    if (whole != of) {
        time_t seoul = whole + 9 * 3600;
        struct tm t;
        gmtime_r(&seoul, &t);
        strftime(digits, sizeof digits, "%Y%m%d%H%M%S", &t);
        of = whole;
    }
    into[0] = kind, into[1] = '4', into[2] = 'V';
    memcpy(into + 3, digits, 15);
}

/* ---- writing ---- */
static char *room(buffer *b, size_t more) {
    if (b->n + more > b->cap) {
        b->cap = (b->n + more) * 3 / 2 + 4096;
        if (!(b->p = realloc(b->p, b->cap))) die("realloc");
    }
    return b->p + b->n;
}

__attribute__((format(printf, 1, 2))) static void say(const char *shape, ...) {
    char *into = room(&out, 4096);
    va_list rest;
    va_start(rest, shape);
    int n = vsnprintf(into, 4096, shape, rest);
    va_end(rest);
    if (n < 0 || n >= 4096) die("an answer is too long");
    out.n += (size_t)n;
}

/* Where a thing is written for each message: printf reads its shape anew each time, and costs more than all the rest. */
#define LITERAL(s) (memcpy(p, s, sizeof s - 1), p += sizeof s - 1)

static char *copied(char *p, const char *from, size_t n) {
    memcpy(p, from, n);
    return p + n;
}
static char *spelled(char *p, const char *word) { return copied(p, word, strlen(word)); }

static void put_byte(char c) {
    *room(&out, 1) = c;
    out.n++;
}

static char *printed(char *p, uint64_t n) {
    int width = 1;
    for (uint64_t most = 10; width < 20 && n >= most; most *= 10) width++;
    return padded(p, n, width);
}

static char *print_number(char *p, uint64_t number) { /* without the leading 1 */
    if (number >= 100000000000ull && number < 200000000000ull) return padded(p, number - 100000000000ull, 11);
    char whole[20];
    char *end = printed(whole, number);
    memcpy(p, whole + 1, (size_t)(end - whole - 1));
    return p + (end - whole - 1);
}

/* ---- words: channels and senders, each kept once ---- */
enum { UNKNOWN, WIDE, NEAR };
static struct { char *p; uint32_t n; uint8_t reach; } words[MAX_WORDS];
static uint32_t n_words = 1, word_table[MAX_WORDS * 2];

static uint64_t mixed(uint64_t x) { /* splitmix64's finish: one to one, so sets of hashes are sets of numbers */
    x ^= x >> 30, x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27, x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static uint32_t word(text t) { /* 0 for the empty one, and when there is no room */
    if (!t.n) return 0;
    uint64_t hash = t.n;
    for (size_t i = 0; i < t.n; i++) hash = hash * 1099511628211ull ^ (unsigned char)t.p[i];
    uint32_t at = (uint32_t)mixed(hash) & (MAX_WORDS * 2 - 1);
    for (; word_table[at]; at = (at + 1) & (MAX_WORDS * 2 - 1)) {
        uint32_t found = word_table[at];
        if (words[found].n == t.n && !memcmp(words[found].p, t.p, t.n)) return found;
    }
    if (n_words == MAX_WORDS) return 0;
    if (!(words[n_words].p = malloc(t.n))) die("malloc");
    memcpy(words[n_words].p, t.p, t.n);
    words[n_words].n = (uint32_t)t.n;
    return word_table[at] = n_words++;
}

/* ---- reading JSON: as much as is needed; NULL means it is none ---- */
static const char *blank(const char *p, const char *e) {
    while (p < e && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

static const char *string(const char *p, const char *e, text *into) {
    if (p >= e || *p != '"') return NULL;
    const char *start = ++p;
    for (;;) {
        const char *quote = memchr(p, '"', (size_t)(e - p)), *before = quote;
        if (!quote) return NULL;
        while (before > start && before[-1] == '\\') before--;
        p = quote + 1;
        if ((quote - before) % 2 == 0) {
            *into = (text){ start, (size_t)(quote - start) };
            return p;
        }
    }
}

static const char *skip(const char *p, const char *e) { /* behind any value */
    text ignored;
    int depth = 0;
    do {
        p = blank(p, e);
        if (p >= e) return NULL;
        if (*p == '"') {
            if (!(p = string(p, e, &ignored))) return NULL;
        } else if (*p == '{' || *p == '[') depth++, p++;
        else if (*p == '}' || *p == ']') { if (--depth < 0) return NULL; p++; }
        else if (*p == ',' || *p == ':') { if (!depth) return NULL; p++; }
        else {
            const char *start = p;
            while (p < e && *p && !strchr(",:{}[]\" \n\r\t", *p)) p++;
            if (p == start) return NULL;
        }
    } while (depth);
    return p;
}

static const char *member(const char *p, const char *e, text *key) { /* "key": of an object; key.p NULL at its end */
    p = blank(p, e);
    if (p < e && *p == ',') p = blank(p + 1, e);
    if (p < e && *p == '}') { key->p = NULL; return p + 1; }
    if (!(p = string(p, e, key))) return NULL;
    p = blank(p, e);
    return p < e && *p == ':' ? blank(p + 1, e) : NULL;
}

static bool is(text t, const char *what) { return t.n == strlen(what) && !memcmp(t.p, what, t.n); }

typedef struct { text to, type, from, channel, id, said; bool is_odd; } message;

/* One message at `{`, any order of members. What else is in customFields than our id makes it odd. */
static const char *read_message(const char *p, const char *e, message *m) {
    text key;
    *m = (message){ 0 };
    if (p >= e || *p != '{') return NULL;
    for (p++;;) {
        if (!(p = member(p, e, &key))) return NULL;
        if (!key.p) return p;
        text *plain = is(key, "to") ? &m->to : is(key, "type") ? &m->type : is(key, "from") ? &m->from
                      : is(key, "text") ? &m->said : NULL;
        bool is_ours = is(key, "customFields");
        if (plain) {
            if (!(p = string(p, e, plain))) return NULL;
        } else if ((is_ours || is(key, "kakaoOptions")) && p < e && *p == '{') {
            for (p++;;) {
                if (!(p = member(p, e, &key))) return NULL;
                if (!key.p) break;
                text *inner = is(key, is_ours ? "id" : "pfId") ? is_ours ? &m->id : &m->channel : NULL;
                if (is_ours && !inner) m->is_odd = true;
                if (!(p = inner ? string(p, e, inner) : skip(p, e))) return NULL;
            }
        } else if (!(p = skip(p, e))) return NULL;
    }
}

#define ID_MARK "\"customFields\":{\"id\":\""
#define TO_MARK "{\"to\":\""
enum { ID_SIZE = sizeof ID_MARK - 1, TO_SIZE = sizeof TO_MARK - 1 };

/* The next of the two marks, and which it is. Neither can stand inside a JSON text, whose quotes are escaped. */
static const char *next_mark(const char *p, const char *e, bool *is_id) {
    *is_id = false;
#ifdef __AVX2__
    const __m256i i0 = _mm256_set1_epi8('"'), i7 = _mm256_set1_epi8('F'), t0 = _mm256_set1_epi8('{'), t5 = _mm256_set1_epi8(':');
    for (; p + 32 + ID_SIZE <= e; p += 32) {
        __m256i first = _mm256_loadu_si256((const __m256i *)p), fifth = _mm256_loadu_si256((const __m256i *)(p + 5)),
                seventh = _mm256_loadu_si256((const __m256i *)(p + 7));
        __m256i id = _mm256_and_si256(_mm256_cmpeq_epi8(first, i0), _mm256_cmpeq_epi8(seventh, i7));
        __m256i to = _mm256_and_si256(_mm256_cmpeq_epi8(first, t0), _mm256_cmpeq_epi8(fifth, t5));
        uint32_t hits = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(id, to));
        for (; hits; hits &= hits - 1) {
            const char *at = p + __builtin_ctz(hits);
            if ((*is_id = !memcmp(at, ID_MARK, ID_SIZE)) || !memcmp(at, TO_MARK, TO_SIZE)) return at;
        }
    }
#endif
    for (; p + TO_SIZE <= e; p++) {
        if (*p == '"' && p + ID_SIZE <= e && !memcmp(p, ID_MARK, ID_SIZE)) { *is_id = true; return p; }
        if (*p == '{' && !memcmp(p, TO_MARK, TO_SIZE)) return p;
    }
    return NULL;
}

/* Most messages of a request differ from the first in number, words and id alone. This reads one of those: the bytes
   between the number and the channel, and those before the id, must be the first one's. NULL: read it the long way. */
typedef struct { text between, before_id; } mould;

static const char *read_alike(const char *p, const char *e, const mould *of, message *m) {
    if (!of->between.n || e - p < TO_SIZE || memcmp(p, TO_MARK, TO_SIZE)) return NULL;
    const char *start = p + TO_SIZE, *q = start;
    while (q < e && (unsigned char)(*q - '0') < 10) q++;
    if ((size_t)(e - q) < of->between.n || memcmp(q, of->between.p, of->between.n)) return NULL;
    m->to = (text){ start, (size_t)(q - start) };
    bool is_id;
    const char *mark = next_mark(q + of->between.n, e, &is_id);
    if (!mark || !is_id || (size_t)(mark - q) < of->before_id.n) return NULL;
    if (memcmp(mark - of->before_id.n, of->before_id.p, of->before_id.n)) return NULL;
    start = q = mark + ID_SIZE;
    while (q < e && (*q == '-' || (unsigned char)(*q - '0') < 10)) q++;
    if (e - q < 3 || memcmp(q, "\"}}", 3)) return NULL;
    m->id = (text){ start, (size_t)(q - start) };
    return q + 3;
}

static mould mould_of(const char *start, const message *m) {
    if (!m->channel.p || !m->to.p || !m->id.p) return (mould){ { 0 }, { 0 } };
    const char *behind_channel = m->channel.p + m->channel.n + 1;
    const char *mark = m->id.p - ID_SIZE, *before = m->from.p ? m->from.p - 8 : mark - 1;
    bool is_usual = m->to.p == start + TO_SIZE && !memcmp(start, TO_MARK, TO_SIZE) && m->type.p > m->to.p
                    && m->type.p < m->channel.p && mark > behind_channel && !memcmp(mark, ID_MARK, ID_SIZE)
                    && (!m->from.p || (m->from.p > behind_channel && !memcmp(before, "\"from\":\"", 8) && mark == m->from.p + m->from.n + 2));
    if (!is_usual) return (mould){ { 0 }, { 0 } };
    const char *number_end = m->to.p + m->to.n;
    return (mould){ { number_end, (size_t)(behind_channel - number_end) }, { before, (size_t)(mark - before) } };
}

static bool read_number(text t, uint64_t *into) { /* 8 to 15 digits */
    if (t.n < 8 || t.n > 15) return false;
    uint64_t n = 1;
    for (size_t i = 0; i < t.n; i++) {
        unsigned digit = (unsigned char)(t.p[i] - '0');
        if (digit > 9) return false;
        n = n * 10 + digit;
    }
    *into = n;
    return true;
}

static bool read_id(text t, uint64_t *campaign, uint64_t *id) { /* campaign-chunk-seq, without needless zeros */
    uint64_t parts[3] = { 0, 0, 0 };
    const char *p = t.p, *e = t.p + t.n;
    for (int i = 0; i < 3; i++) {
        const char *start = p;
        for (; p < e && (unsigned char)(*p - '0') < 10; p++) parts[i] = parts[i] * 10 + (unsigned)(*p - '0');
        if (p == start || p - start > (i ? 9 : 10) || (*start == '0' && p - start > 1)) return false;
        if (i < 2 && (p == e || *p++ != '-')) return false;
    }
    *campaign = parts[0], *id = parts[1] << 32 | parts[2];
    return p == e && parts[0];
}

/* ---- what becomes of a message ---- */
static bool in_share(uint64_t number, uint64_t salt, double share) {
    return share > 0 && (double)(mixed(number + salt) >> 11) * 0x1p-53 < share;
}

static uint16_t registered(uint64_t number, uint8_t kind, text said) {
    bool is_advertising = kind >= BRAND || (kind < ATA && said.n >= 8 && !memcmp(said.p, "(광고)", 8));
    if (!is_advertising) return ACCEPTED;
    bool has_refused = by_ending ? number % 100 == OPTED_OUT_ENDING : in_share(number, 1, share_refused);
    return has_refused ? OPTED_OUT : ACCEPTED;
}

static uint16_t outcome(uint64_t number, uint8_t kind, uint8_t reach, bool night) {
    if (kind < ATA) return DELIVERED;
    bool is_brand = kind >= BRAND;
    if (by_ending && reach == UNKNOWN) return BAD_PROFILE;
    if (is_brand && night) return OUT_OF_HOURS;
    if (!by_ending) return is_brand && in_share(number, 2, share_not_friend) ? NOT_A_FRIEND : DELIVERED;
    unsigned ending = number % 100;
    if (ending >= 93 && ending <= 95) return NO_TALK;
    if (ending == 96 || ending == 97) return BLOCKS_TALK;
    return is_brand && ending >= 70 && ending <= (reach == NEAR ? 92 : 79) ? NOT_A_FRIEND : DELIVERED;
}

static const char *sentence(int code) {
    switch (code) {
    case ACCEPTED: return "정상 접수(이통사로 접수 예정)";
    case WAITING: return "이통사로 접수 완료, 결과 대기";
    case DELIVERED: return "수신 완료";
    case DUPLICATE: return "한 그룹 안에 같은 수신번호가 있습니다.";
    case OPTED_OUT: return "080으로 수신거부한 번호입니다.";
    case BAD_PROFILE: return "발신 프로필이 올바르지 않음";
    case NOT_A_FRIEND: return "채널 친구가 아님";
    case NO_TALK: return "카카오톡을 쓰지 않는 번호";
    case BLOCKS_TALK: return "72시간 미사용 또는 알림톡 차단";
    case OUT_OF_HOURS: return "보낼 수 없는 시간(20:50–08:00)";
    default: return "알 수 없는 상태";
    }
}

static bool is_late(uint64_t number) { return by_ending && number % 100 == LATE_ENDING; }

static uint16_t code_now(const group *g, uint64_t at, double now) {
    if (g->state != SENT || codes[at] < WAITING) return codes[at];
    return now >= (is_late(numbers[at]) ? g->late_at : g->due_at) ? codes[at] : WAITING;
}

/* ---- numbers of an open basket ---- */
static void remember(group *g, uint64_t number) {
    uint32_t at = (uint32_t)mixed(number) & (g->seen_cap - 1);
    while (g->seen[at]) at = (at + 1) & (g->seen_cap - 1);
    g->seen[at] = number;
    g->seen_count++;
}

static bool is_there(const group *g, uint64_t number) {
    uint32_t at = (uint32_t)mixed(number) & (g->seen_cap - 1);
    for (; g->seen[at]; at = (at + 1) & (g->seen_cap - 1))
        if (g->seen[at] == number) return true;
    return false;
}

static void make_room(group *g, uint32_t more) {
    uint32_t cap = 8;
    while (cap < 2 * (g->seen_count + more)) cap *= 2;
    if (cap <= g->seen_cap) return;
    uint64_t *old = g->seen;
    uint32_t n = g->seen_cap;
    if (!(g->seen = calloc(cap, sizeof *g->seen))) die("calloc");
    g->seen_cap = cap, g->seen_count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (old[i]) remember(g, old[i]);
    free(old);
}

static void forget_numbers(group *g) {
    free(g->seen);
    g->seen = NULL, g->seen_cap = g->seen_count = 0;
}

/* ---- refusals ---- */
static int status;

static void refuse(int with, const char *code, const char *message) {
    status = with;
    say("{\"errorCode\":\"%s\",\"errorMessage\":\"%s\"}", code, message);
}
static void invalid(const char *message) { refuse(400, "ValidationError", message); }

/* ---- printing messages ---- */
enum { ROW = 160 }; /* a row without its ending is shorter */
typedef struct { char p[1024]; size_t n; } ending;
static ending *endings_of_run[CODES]; /* by code, of the run being printed */
static ending ending_pool[32];
static int n_endings;
static uint16_t ending_codes[32];

static void forget_endings(void) {
    while (n_endings) endings_of_run[ending_codes[--n_endings]] = NULL;
}

static char *print_id(char *p, const char stamp[18], uint64_t at) { return padded(copied(p, stamp, 17), base + at, 15); }

static char *print_sender(char *p, const run *r) {
    if (!r->sender) return spelled(p, "null");
    *p++ = '"';
    p = copied(p, words[r->sender].p, words[r->sender].n < 200 ? words[r->sender].n : 200);
    *p++ = '"';
    return p;
}

static const ending *ending_of(const run *r, uint16_t code) {
    ending *made = endings_of_run[code];
    if (made) return made;
    made = endings_of_run[code] = &ending_pool[n_endings];
    ending_codes[n_endings++] = code;
    const group *g = &groups[r->group];
    char *p = made->p;
    LITERAL(",\"from\":");
    p = print_sender(p, r);
    LITERAL(",\"type\":\"");
    p = spelled(p, KINDS[r->kind]);
    LITERAL("\",\"country\":\"82\",\"accountId\":\"");
    p = spelled(p, account_id);
    LITERAL("\",\"groupId\":\"");
    p = print_id(p, g->stamp, r->group);
    LITERAL("\",\"status\":\"");
    p = spelled(p, code == ACCEPTED ? "PENDING" : code == WAITING ? "SENDING" : "COMPLETE");
    LITERAL("\",\"statusCode\":\"");
    p = printed(p, code);
    LITERAL("\",\"statusMessage\":\"");
    p = spelled(p, sentence(code));
    LITERAL("\",\"dateCreated\":\"");
    p = spelled(p, iso(r->made_at));
    LITERAL("\"}");
    made->n = (size_t)(p - made->p);
    return made;
}

static void print_row(const run *r, uint64_t at, uint16_t code, bool keyed) {
    const ending *end = ending_of(r, code);
    char *start = room(&out, ROW + end->n), *p = start;
    if (keyed) {
        *p++ = '"';
        p = print_id(p, r->stamp, at);
        LITERAL("\":");
    }
    LITERAL("{\"messageId\":\"");
    p = print_id(p, r->stamp, at);
    LITERAL("\",\"to\":\"");
    p = print_number(p, numbers[at]);
    LITERAL("\",\"customFields\":{\"id\":\"");
    p = printed(p, r->campaign);
    *p++ = '-';
    p = printed(p, ids[at] >> 32);
    *p++ = '-';
    p = printed(p, ids[at] & 0xffffffff);
    LITERAL("\"}");
    memcpy(p, end->p, end->n);
    out.n += (size_t)(p - start) + end->n;
}

/* ---- groups ---- */
static double now_machine, now_simulated; /* of the request being answered */

static bool is_settled(const group *g) { return g->state == SENT && now_machine >= (g->late ? g->late_at : g->due_at); }

static void print_group(const group *g) {
    bool is_sent = g->state == SENT, done = is_settled(g), due = is_sent && now_machine >= g->due_at;
    bool all_due = is_sent && now_machine >= g->late_at;
    uint32_t delivered = due ? g->delivered + (all_due ? g->delivered_late : 0) : 0;
    uint32_t pending = !is_sent ? 0 : all_due ? 0 : due ? g->late : g->accepted;
    uint32_t sent = is_sent ? g->accepted : 0, failed = sent - pending - delivered;
    int64_t refund = due ? g->refund + (all_due ? g->refund_late : 0) : 0;
    say("{\"groupId\":\"%.17s%015llu\",\"accountId\":\"%s\",\"masterAccountId\":null,\"apiVersion\":\"4\",\"status\":\"%s\",",
        g->stamp, (unsigned long long)(base + (uint64_t)(g - groups)), account_id,
        g->state == DELETED ? "DELETED" : g->state == PENDING ? "PENDING" : done ? "COMPLETE" : "SENDING");
    say("\"count\":{\"total\":%u,\"sentTotal\":%u,\"sentFailed\":%u,\"sentSuccess\":%u,\"sentPending\":%u,"
        "\"sentReplacement\":0,\"refund\":%u,\"registeredFailed\":%u,\"registeredSuccess\":%u},\"countForCharge\":{",
        g->total, sent, failed, delivered, pending, failed, g->total - g->accepted, g->accepted);
    for (int kind = 0, n = 0; kind < N_KINDS; kind++)
        if (g->by_kind[kind]) say("%s\"%s\":{\"82\":%u}", n++ ? "," : "", small_names[kind], g->by_kind[kind]);
    say("},\"balance\":{\"requested\":%lld.0,\"replacement\":0,\"refund\":%lld.0,\"sum\":%lld.0},"
        "\"point\":{\"requested\":0,\"replacement\":0,\"refund\":0,\"sum\":0},\"app\":{\"profit\":{},\"appId\":null},"
        "\"log\":[],\"price\":{\"82\":{%s}},",
        (long long)g->charged, (long long)refund, (long long)(g->charged - refund), price_list);
    double completed_at = g->sent_at + g->delay;
    say("\"allowDuplicates\":%s,\"isRefunded\":%s,\"customFields\":null,\"dateCreated\":\"%s\",\"dateUpdated\":\"%s\","
        "\"scheduledDate\":null,", g->allows_duplicates ? "true" : "false", refund ? "true" : "false", iso(g->made_at),
        iso(done ? completed_at : g->updated_at));
    if (!is_sent) say("\"dateSent\":null,\"dateCompleted\":null}");
    else if (!done) say("\"dateSent\":\"%s\",\"dateCompleted\":null}", iso(g->sent_at));
    else say("\"dateSent\":\"%s\",\"dateCompleted\":\"%s\"}", iso(g->sent_at), iso(completed_at));
}

static group *new_group(bool allows_duplicates) {
    if (n_groups == MAX_GROUPS) die("too many groups");
    group *g = &groups[n_groups++];
    *g = (group){ .made_at = now_simulated, .updated_at = now_simulated, .allows_duplicates = allows_duplicates };
    print_stamp('G', now_simulated, g->stamp);
    return g;
}

static bool counter_of(text t, char kind, uint64_t *into) { /* the counter in an id of ours */
    if (t.n != 32 || t.p[0] != kind) return false;
    uint64_t n = 0;
    for (int i = 17; i < 32; i++) {
        if ((unsigned char)(t.p[i] - '0') > 9) return false;
        n = n * 10 + (unsigned)(t.p[i] - '0');
    }
    *into = n - base;
    return n >= base;
}

static group *find_group(text name) {
    uint64_t at;
    if (counter_of(name, 'G', &at) && at < n_groups && !memcmp(groups[at].stamp, name.p, 17)) return &groups[at];
    refuse(404, "ResourceNotFound", "그룹을 찾을 수 없습니다.");
    return NULL;
}

static group *open_group(text name, const char *what_is_forbidden) {
    group *g = find_group(name);
    if (!g || g->state == PENDING) return g;
    char sentence_of_state[120];
    snprintf(sentence_of_state, sizeof sentence_of_state, "%s 상태의 그룹%s", is_settled(g) ? "COMPLETE" : "SENDING", what_is_forbidden);
    if (g->state == DELETED) refuse(400, "DeletedGroup", "지운 그룹입니다.");
    else refuse(400, "InvalidStatus", sentence_of_state);
    return NULL;
}

/* ---- taking messages in ---- */
static int kind_of(text name) {
    for (int kind = 0; kind < N_KINDS; kind++)
        if (is(name, KINDS[kind])) return kind;
    return -1;
}

/* The messages of a list (or only one, that stands alone) into a group; nothing stays of what cannot be taken as a whole. With `with_rows` their
   rows are printed as they are taken. Returns how many were refused at registration, or -1. */
static int64_t take(group *g, const char *p, const char *e, bool with_rows, bool only_one) {
    group before = *g;
    uint64_t messages_before = n_messages, runs_before = n_runs;
    size_t written = out.n;
    const char *why = NULL;
    run *r = NULL;
    text last_type = { 0 }, last_channel = { 0 }, last_from = { 0 };
    mould alike = { { 0 }, { 0 } };
    int64_t refused = 0, count = 0;
    int kind = -1;

    p = blank(p, e);
    if (p >= e || *p != (only_one ? '{' : '[')) { invalid("messages는 하나 이상의 메시지를 담은 목록이어야 합니다."); return -1; }
    forget_endings();
    n_requests++;
    for (p = only_one ? p : blank(p + 1, e); !why;) {
        message m;
        const char *next = read_alike(p, e, &alike, &m);
        if (next) m.said = (text){ 0 };
        else {
            if (!(next = read_message(p, e, &m))) { why = "JSON을 읽을 수 없거나 목록이 비었습니다."; break; }
            if (!alike.between.n) alike = mould_of(p, &m);
            bool is_same = r && m.type.n == last_type.n && m.channel.n == last_channel.n && m.from.n == last_from.n
                           && !memcmp(m.type.p, last_type.p, m.type.n) && (!m.channel.n || !memcmp(m.channel.p, last_channel.p, m.channel.n))
                           && (!m.from.n || !memcmp(m.from.p, last_from.p, m.from.n));
            if (!is_same) {
                r = NULL, kind = kind_of(m.type), last_type = m.type, last_channel = m.channel, last_from = m.from;
                alike = mould_of(p, &m);
            }
            if (kind < 0 || m.is_odd || (kind >= ATA && !m.channel.n)) { why = "빠른 관문은 이런 메시지를 받지 않습니다."; break; }
        }
        uint64_t number, campaign, id;
        if (!read_number(m.to, &number) || !read_id(m.id, &campaign, &id)) { why = "to나 customFields.id가 올바르지 않습니다."; break; }
        if (++count > REQUEST_MESSAGES || g->total >= GROUP_MESSAGES) { why = "한 번에 1–10,000건, 그룹에 1,000,000건까지 보낼 수 있습니다."; break; }
        if (!r || r->campaign != campaign) {
            if (n_runs == MAX_RUNS) die("too many runs");
            r = &runs[n_runs];
            *r = (run){ .first = n_messages, .campaign = campaign, .made_at = now_simulated, .arrived = now_machine,
                        .group = (uint32_t)(g - groups), .channel = word(last_channel), .sender = word(last_from),
                        .kind = (uint8_t)kind, .request = n_requests };
            print_stamp('M', now_simulated, r->stamp);
            if (g->last_run) runs[g->last_run].next = (uint32_t)n_runs;
            else g->first_run = (uint32_t)n_runs;
            g->last_run = (uint32_t)n_runs++;
            forget_endings();
        }
        uint16_t code = registered(number, (uint8_t)kind, m.said);
        if (code == ACCEPTED && !g->allows_duplicates) {
            make_room(g, 1);
            if (is_there(g, number)) code = DUPLICATE;
            else remember(g, number);
        }
        if (n_messages == MAX_MESSAGES) die("too many messages");
        numbers[n_messages] = number, ids[n_messages] = id, codes[n_messages] = code;
        r->count++, g->total++;
        if (code == ACCEPTED) g->accepted++, g->by_kind[kind]++;
        else refused++;
        if (with_rows) {
            if (count > 1) put_byte(',');
            print_row(r, n_messages, code, false);
        }
        n_messages++;
        if (only_one) break;
        p = blank(next, e);
        if (p < e && *p == ',') p = blank(p + 1, e);
        else if (p < e && *p == ']') break;
        else why = "JSON을 읽을 수 없습니다.";
    }
    g->updated_at = now_simulated;
    if (!why) return refused;
    /* Back to what was before; the set of numbers is built anew from what stays. */
    uint64_t *seen = g->seen;
    *g = before;
    free(seen);
    g->seen = NULL, g->seen_cap = g->seen_count = 0;
    if (g->last_run) runs[g->last_run].next = 0;
    n_messages = messages_before, n_runs = runs_before, out.n = written;
    if (!g->allows_duplicates)
        for (uint32_t at = g->first_run; at; at = runs[at].next)
            for (uint64_t i = runs[at].first; i < runs[at].first + runs[at].count; i++)
                if (codes[i] == ACCEPTED) make_room(g, 1), remember(g, numbers[i]);
    invalid(why);
    return -1;
}

/* Money, night and what becomes of each; when it is known is a matter of time alone. */
static void send_group(group *g) {
    bool night = is_night();
    for (uint32_t at = g->first_run; at; at = runs[at].next) {
        const run *r = &runs[at];
        int price = PRICES[r->kind];
        for (uint64_t i = r->first; i < r->first + r->count; i++) {
            if (codes[i] != ACCEPTED) continue;
            bool late = is_late(numbers[i]);
            codes[i] = outcome(numbers[i], r->kind, words[r->channel].reach, night);
            g->charged += price;
            g->late += late;
            if (codes[i] == DELIVERED) *(late ? &g->delivered_late : &g->delivered) += 1;
            else *(late ? &g->refund_late : &g->refund) += price;
        }
    }
    forget_numbers(g);
    g->state = SENT, g->sent_at = g->updated_at = now_simulated;
    g->delay = delay_seconds * (g->late ? LATE_FACTOR : 1);
    g->due_at = now_machine + delay_seconds, g->late_at = now_machine + delay_seconds * LATE_FACTOR;
}

/* ---- the gateway's calls ---- */
enum { BEFORE = 320 }; /* bytes kept free in front of an answer, for its head */
static size_t answer_at;

static text query_value(text query, const char *name) {
    size_t n = strlen(name);
    for (const char *p = query.p, *e = query.p + query.n; p < e;) {
        const char *end = memchr(p, '&', (size_t)(e - p));
        if (!end) end = e;
        if ((size_t)(end - p) > n && p[n] == '=' && !memcmp(p, name, n)) return (text){ p + n + 1, (size_t)(end - p) - n - 1 };
        p = end + 1;
    }
    return (text){ NULL, 0 };
}

static double number_at(const char *p, const char *e) { /* NaN when there is none */
    char copy[40] = { 0 }, *end;
    size_t n = (size_t)(e - p) < sizeof copy - 1 ? (size_t)(e - p) : sizeof copy - 1;
    memcpy(copy, p, n);
    double found = strtod(copy, &end);
    return end == copy ? __builtin_nan("") : found;
}

static double asked_limit(text query) { /* 0: refused */
    text t = query_value(query, "limit");
    double limit = t.n ? number_at(t.p, t.p + t.n) : 20;
    if (limit >= 1 && limit <= 1000) return limit;
    invalid("limit는 1–1000 사이의 수여야 합니다.");
    return 0;
}

static double moment(text query, const char *name) { /* an ISO 8601 text in UTC; NaN for any other */
    text t = query_value(query, name);
    char plain[64];
    size_t n = 0;
    for (size_t i = 0; i < t.n && n < sizeof plain - 1; i++) {
        unsigned byte;
        bool is_coded = t.p[i] == '%' && i + 2 < t.n && sscanf((char[]){ t.p[i + 1], t.p[i + 2], 0 }, "%2x", &byte) == 1;
        plain[n++] = is_coded ? (char)byte : t.p[i];
        if (is_coded) i += 2;
    }
    plain[n] = 0;
    struct tm at = { 0 };
    double second;
    if (sscanf(plain, "%d-%d-%dT%d:%d:%lf", &at.tm_year, &at.tm_mon, &at.tm_mday, &at.tm_hour, &at.tm_min, &second) != 6) return __builtin_nan("");
    at.tm_year -= 1900, at.tm_mon -= 1;
    return (double)timegm(&at) + second;
}

static const char *value_of(text body, const char *name) { /* where the object's member begins, NULL without it */
    text key;
    const char *e = body.p + body.n, *p = blank(body.p, e);
    if (p >= e || *p != '{') return NULL;
    for (p++; (p = member(p, e, &key)) && key.p; p = skip(p, e)) {
        if (is(key, name)) return p;
    }
    return NULL;
}

static bool is_true(text body, const char *name) {
    const char *p = value_of(body, name);
    return p && (size_t)(body.p + body.n - p) >= 4 && !memcmp(p, "true", 4);
}

static void put_messages(text name, text body) {
    group *g = open_group(name, "에는 담을 수 없습니다.");
    if (!g) return;
    if (body.n > REQUEST_BYTES) { refuse(413, "RequestEntityTooLarge", "요청은 15 MB까지입니다."); return; }
    const char *list = value_of(body, "messages");
    if (!list) { invalid("messages는 하나 이상의 메시지를 담은 목록이어야 합니다."); return; }
    int64_t refused = take(g, list, body.p + body.n, true, false);
    if (refused < 0) return;
    char head[64];
    int n = snprintf(head, sizeof head, "{\"errorCount\":\"%lld\",\"resultList\":[", (long long)refused);
    memcpy(out.p + (answer_at -= (size_t)n), head, (size_t)n);
    say("]}");
}

static void send_at_once(text body) {
    const char *list = value_of(body, "messages");
    if (!list) { invalid("messages는 하나 이상의 메시지를 담은 목록이어야 합니다."); return; }
    if (body.n > REQUEST_BYTES) { refuse(413, "RequestEntityTooLarge", "요청은 15 MB까지입니다."); return; }
    group *g = new_group(is_true(body, "allowDuplicates"));
    if (take(g, list, body.p + body.n, false, false) < 0) { n_groups--; return; }
    send_group(g);
    for (int whole = 0; whole < 2; whole++) {
        if (whole && !is_true(body, "showMessageList")) break;
        say(whole ? ",\"messageList\":[" : "{\"failedMessageList\":[");
        int n = 0;
        for (uint32_t at = g->first_run; at; at = runs[at].next) {
            forget_endings();
            for (uint64_t i = runs[at].first; i < runs[at].first + runs[at].count; i++) {
                if (codes[i] >= WAITING && !whole) continue;
                if (n++) put_byte(',');
                print_row(&runs[at], i, codes[i] < WAITING ? codes[i] : ACCEPTED, false);
            }
        }
        put_byte(']');
        if (!whole) say(",\"groupInfo\":"), print_group(g);
    }
    put_byte('}');
}

static void send_one(text body) {
    const char *one = value_of(body, "message");
    if (!one || one >= body.p + body.n || *one != '{') { invalid("message는 한 사람에게 보내는 메시지 객체여야 합니다."); return; }
    group *g = new_group(true); /* one message cannot repeat itself */
    if (take(g, one, body.p + body.n, false, true) < 0) { n_groups--; return; }
    g->allows_duplicates = false;
    send_group(g);
    const run *r = &runs[g->first_run];
    uint64_t at = r->first;
    uint16_t code = codes[at] < WAITING ? codes[at] : ACCEPTED;
    char *start = room(&out, 1024), *p = start;
    LITERAL("{\"groupId\":\"");
    p = print_id(p, g->stamp, r->group);
    LITERAL("\",\"to\":\"");
    p = print_number(p, numbers[at]);
    LITERAL("\",\"from\":");
    p = print_sender(p, r);
    LITERAL(",\"type\":\"");
    p = spelled(p, KINDS[r->kind]);
    LITERAL("\",\"statusMessage\":\"");
    p = spelled(p, sentence(code));
    LITERAL("\",\"country\":\"82\",\"messageId\":\"");
    p = print_id(p, r->stamp, at);
    LITERAL("\",\"statusCode\":\"");
    p = printed(p, code);
    LITERAL("\",\"accountId\":\"");
    p = spelled(p, account_id);
    LITERAL("\"}");
    out.n += (size_t)(p - start);
}

/* Every message, the newest first, of a stretch of time and to a number. Runs begin in order of time. */
static void list_all(text query) {
    double limit = asked_limit(query), since = moment(query, "startDate"), until = moment(query, "endDate");
    text key = query_value(query, "startKey"), to = query_value(query, "to");
    uint64_t number = 0, i = n_messages;
    if (!limit) return;
    if (!(since <= until)) { invalid("startDate와 endDate는 ISO 8601 시각이어야 합니다."); return; }
    if (to.n && !read_number(to, &number)) number = 1;
    if (key.n && (!counter_of(key, 'M', &i) || i >= n_messages)) { invalid("startKey가 메시지가 아닙니다."); return; }
    uint64_t low = 0, high = n_runs; /* the last run that begins before what is asked for ends */
    while (high - low > 1) {
        uint64_t middle = (low + high) / 2;
        if (runs[middle].made_at <= until && runs[middle].first < i + (key.n > 0)) low = middle; else high = middle;
    }
    say(key.n ? "{\"startKey\":\"%.*s\"," : "{\"startKey\":null,", (int)key.n, key.p);
    say("\"limit\":%d,\"messageList\":{", (int)limit);
    size_t left = (size_t)limit;
    char following[40] = "null";
    bool is_first = true;
    for (uint64_t at = low; at > 0 && runs[at].made_at >= since && *following == 'n'; at--) {
        const run *r = &runs[at];
        const group *g = &groups[r->group];
        if (g->state == DELETED) continue;
        forget_endings();
        uint64_t end = r->first + r->count;
        if (key.n && end > i + 1) end = i + 1;
        for (uint64_t m = end; m > r->first;) {
            if (number && numbers[--m] != number) continue;
            if (!number) m--;
            if (!left--) {
                snprintf(following, sizeof following, "\"%.17s%015llu\"", r->stamp, (unsigned long long)(base + m));
                break;
            }
            if (!is_first) put_byte(',');
            is_first = false;
            print_row(r, m, code_now(g, m, now_machine), true);
        }
    }
    say("},\"nextKey\":%s}", following);
}

/* With a code: of the group only the messages that have it now, the next page's key behind them. */
static void list_messages(text name, text query, int wanted) {
    group *g = find_group(name);
    if (!g) return;
    text key = query_value(query, "startKey");
    double limit = asked_limit(query);
    if (!limit) return;
    uint32_t at = g->first_run;
    uint64_t offset = 0, i;
    if (key.n) {
        uint64_t low = 1, high = n_runs; /* runs begin in order of arrival: the last that begins at or before i */
        bool is_known = counter_of(key, 'M', &i) && i < n_messages && n_runs > 1;
        while (is_known && high - low > 1) {
            uint64_t middle = (low + high) / 2;
            if (runs[middle].first <= i) low = middle; else high = middle;
        }
        if (!is_known || runs[low].group != (uint32_t)(g - groups)) { invalid("startKey가 이 그룹의 메시지가 아닙니다."); return; }
        at = (uint32_t)low, offset = i - runs[low].first;
    }
    size_t left = (size_t)limit;
    if (wanted) {
        text following = { 0 };
        char key_of_next[40];
        say(key.n ? "{\"startKey\":\"%.*s\"," : "{\"startKey\":null,", (int)key.n, key.p);
        say("\"limit\":%d,\"messageList\":{", (int)limit);
        for (bool is_first = true; at && !following.n; at = runs[at].next, offset = 0) {
            const run *r = &runs[at];
            forget_endings();
            for (uint64_t m = r->first + offset; m < r->first + r->count; m++) {
                if (code_now(g, m, now_machine) != wanted) continue;
                if (!left--) {
                    int n = snprintf(key_of_next, sizeof key_of_next, "%.17s%015llu", r->stamp, (unsigned long long)(base + m));
                    following = (text){ key_of_next, (size_t)n };
                    break;
                }
                if (!is_first) put_byte(',');
                is_first = false;
                print_row(r, m, (uint16_t)wanted, true);
            }
        }
        say(following.n ? "},\"nextKey\":\"%.*s\"}" : "},\"nextKey\":null}", (int)following.n, following.p);
        return;
    }
    /* The next page's key stands before the rows: it is found first. */
    uint32_t next_run = at;
    uint64_t next_offset = offset + left;
    while (next_run && next_offset >= runs[next_run].count) next_offset -= runs[next_run].count, next_run = runs[next_run].next;
    say(key.n ? "{\"startKey\":\"%.*s\"," : "{\"startKey\":null,", (int)key.n, key.p);
    if (next_run) say("\"nextKey\":\"%.17s%015llu\",", runs[next_run].stamp, (unsigned long long)(base + runs[next_run].first + next_offset));
    else say("\"nextKey\":null,");
    say("\"limit\":%d,\"messageList\":{", (int)limit);
    for (bool is_first = true; at && left; at = runs[at].next, offset = 0) {
        const run *r = &runs[at];
        forget_endings();
        for (uint64_t m = r->first + offset; m < r->first + r->count && left; m++, left--) {
            if (!is_first) put_byte(',');
            is_first = false;
            print_row(r, m, code_now(g, m, now_machine), true);
        }
    }
    say("}}");
}

static void list_of_none(const char *name) { say("{\"startKey\":null,\"nextKey\":null,\"limit\":20,\"%s\":[]}", name); }

/* ---- books ---- */
typedef struct { uint64_t *p; size_t n, cap; } pile;

static void lay(pile *a, uint64_t value) {
    if (a->n == a->cap && !(a->p = realloc(a->p, (a->cap = a->cap * 2 + 1024) * sizeof *a->p))) die("realloc");
    a->p[a->n++] = value;
}

static void sort(pile *a) { /* by bytes, the lowest first */
    uint64_t *other = malloc(a->n * sizeof *other + 1);
    if (!other) die("malloc");
    for (int shift = 0; shift < 64; shift += 8) {
        size_t starts[257] = { 0 };
        for (size_t i = 0; i < a->n; i++) starts[(a->p[i] >> shift & 255) + 1]++;
        bool is_alike = false;
        for (int byte = 1; byte <= 256; byte++) is_alike |= starts[byte] == a->n;
        if (is_alike) continue;
        for (int byte = 1; byte <= 256; byte++) starts[byte] += starts[byte - 1];
        for (size_t i = 0; i < a->n; i++) other[starts[a->p[i] >> shift & 255]++] = a->p[i];
        uint64_t *swap = a->p;
        a->p = other, other = swap, a->cap = a->n;
    }
    free(other);
}

static size_t distinct(pile *a) { /* leaves each value once, in order */
    sort(a);
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        if (!i || a->p[i] != a->p[n - 1]) a->p[n++] = a->p[i];
    return a->n = n;
}

static size_t repeated(pile *a) { /* values that are there more than once */
    sort(a);
    size_t n = 0;
    for (size_t i = 1; i < a->n; i++) n += a->p[i] == a->p[i - 1] && (i < 2 || a->p[i - 2] != a->p[i]);
    return n;
}

enum { TAKEN, TAKEN_ACCEPTED, TAKEN_REFUSED, TAKEN_DELIVERED, ARRIVED, N_STATES };
static const char *const STATES[N_STATES] = { "taken", "accepted", "refused", "delivered", "arrived" };

static bool has_state(int state, const group *g, uint64_t i) {
    uint16_t code = codes[i];
    bool accepted = g->state == SENT && code >= WAITING, refused = code < ACCEPTED && code != DUPLICATE;
    switch (state) {
    case TAKEN: return accepted || refused;
    case TAKEN_ACCEPTED: return accepted;
    case TAKEN_REFUSED: return refused;
    case TAKEN_DELIVERED: return accepted && code_now(g, i, now_machine) == DELIVERED;
    default: return true;
    }
}

#define EACH_MESSAGE(campaign_, r_, i_)                                                                  \
    for (const run *r_ = &runs[1]; r_ < &runs[n_runs]; r_++)                                             \
        if (r_->campaign == (campaign_))                                                                 \
            for (uint64_t i_ = r_->first; i_ < r_->first + r_->count; i_++)

static void print_codes(const char *name, const uint64_t *by_code) {
    say("\"%s\":{", name);
    for (int code = 0, n = 0; code < CODES; code++)
        if (by_code[code]) say("%s\"%d\":%llu", n++ ? "," : "", code, (unsigned long long)by_code[code]);
    say("},");
}

static void print_books(uint64_t campaign) {
    static uint64_t refused_by[CODES], failed_by[CODES];
    memset(refused_by, 0, sizeof refused_by), memset(failed_by, 0, sizeof failed_by);
    uint64_t requests = 0, messages = 0, accepted = 0, refused = 0, delivered = 0, failed = 0, pending = 0, unsent = 0;
    uint32_t request = 0;
    double first = 0, last = 0;
    pile all = { 0 }, taken = { 0 }, accepted_ids = { 0 }, delivered_numbers = { 0 };
    for (const run *r = &runs[1]; r < &runs[n_runs]; r++) {
        if (r->campaign != campaign) continue;
        requests += r->request != request;
        request = r->request;
        if (!messages || r->arrived < first) first = r->arrived;
        if (r->arrived > last) last = r->arrived;
        messages += r->count;
    }
    EACH_MESSAGE(campaign, r, i) {
        const group *g = &groups[r->group];
        lay(&all, ids[i]);
        unsent += codes[i] == ACCEPTED;
        if (has_state(TAKEN, g, i)) lay(&taken, ids[i]);
        if (has_state(TAKEN_REFUSED, g, i)) refused++, refused_by[codes[i]]++;
        if (!has_state(TAKEN_ACCEPTED, g, i)) continue;
        uint16_t code = code_now(g, i, now_machine);
        accepted++;
        lay(&accepted_ids, ids[i]);
        if (code == DELIVERED) delivered++, lay(&delivered_numbers, numbers[i]);
        else if (code == WAITING) pending++;
        else failed++, failed_by[code]++;
    }
    size_t twice = repeated(&accepted_ids), numbers_twice = repeated(&delivered_numbers);
    say("{\"campaign\":%llu,\"requests\":%llu,\"messages\":%llu,\"distinct_ids\":%zu,\"gateway_saw\":%zu,", (unsigned long long)campaign,
        (unsigned long long)requests, (unsigned long long)messages, distinct(&all), distinct(&taken));
    say("\"ids_taken_more_than_once\":%zu,", twice);
    if (messages) say("\"first_arrival\":%.6f,\"last_arrival\":%.6f,", first, last);
    else say("\"first_arrival\":null,\"last_arrival\":null,");
    say("\"gateway_seconds\":%.6f,\"accepted\":%llu,\"refused\":%llu,", last - first, (unsigned long long)accepted, (unsigned long long)refused);
    print_codes("refused_by_code", refused_by);
    say("\"delivered\":%llu,\"not_delivered\":%llu,", (unsigned long long)delivered, (unsigned long long)failed);
    print_codes("not_delivered_by_code", failed_by);
    say("\"pending\":%llu,\"in_unsent_baskets\":%llu,\"numbers_delivered_more_than_once\":%zu}", (unsigned long long)pending,
        (unsigned long long)unsent, numbers_twice);
    free(all.p), free(taken.p), free(accepted_ids.p), free(delivered_numbers.p);
}

static int state_of(text query) {
    text name = query_value(query, "state");
    if (!name.n) return TAKEN;
    for (int state = 0; state < N_STATES; state++)
        if (is(name, STATES[state])) return state;
    return -1;
}

static void print_ids(uint64_t campaign, int state) { /* each once, in order, a line each */
    pile found = { 0 };
    EACH_MESSAGE(campaign, r, i) if (has_state(state, &groups[r->group], i)) lay(&found, ids[i]);
    distinct(&found);
    for (size_t i = 0; i < found.n; i++) {
        char *start = room(&out, 64), *p = printed(start, campaign);
        *p++ = '-';
        p = printed(p, found.p[i] >> 32);
        *p++ = '-';
        p = printed(p, found.p[i] & 0xffffffff);
        *p++ = '\n';
        out.n += (size_t)(p - start);
    }
    free(found.p);
}

static void print_binary(uint64_t campaign, int state, bool of_numbers) { /* every time it came, in order of arrival */
    EACH_MESSAGE(campaign, r, i) if (has_state(state, &groups[r->group], i)) {
        uint64_t value = of_numbers ? mixed(numbers[i]) : ids[i];
        memcpy(room(&out, 8), &value, 8);
        out.n += 8;
    }
}

static void print_messages(uint64_t campaign) {
    EACH_MESSAGE(campaign, r, i) {
        char number[24] = { 0 };
        print_number(number, numbers[i]);
        say("%llu-%llu-%llu %s %.*s %d\n", (unsigned long long)campaign, (unsigned long long)(ids[i] >> 32),
            (unsigned long long)(ids[i] & 0xffffffff), number, r->channel ? (int)words[r->channel].n : 1,
            r->channel ? words[r->channel].p : "-", code_now(&groups[r->group], i, now_machine));
    }
}

static void print_campaigns(void) { /* newest first */
    pile seen = { 0 };
    put_byte('[');
    for (uint64_t at = n_runs - 1; at > 0; at--) {
        bool is_known = false;
        for (size_t i = 0; i < seen.n && !is_known; i++) is_known = seen.p[i] == runs[at].campaign;
        if (is_known) continue;
        say("%s%llu", seen.n ? "," : "", (unsigned long long)runs[at].campaign);
        lay(&seen, runs[at].campaign);
    }
    put_byte(']');
    free(seen.p);
}

/* ---- control ---- */
static void begin_anew(void) { /* books and baskets are gone; ids that were given out mean nothing any more */
    for (uint64_t i = 0; i < n_groups; i++) free(groups[i].seen);
    madvise(numbers, n_messages * sizeof *numbers, MADV_DONTNEED);
    madvise(ids, n_messages * sizeof *ids, MADV_DONTNEED);
    madvise(codes, n_messages * sizeof *codes, MADV_DONTNEED);
    madvise(runs, n_runs * sizeof *runs, MADV_DONTNEED);
    madvise(groups, n_groups * sizeof *groups, MADV_DONTNEED);
    base += (n_messages > n_groups ? n_messages : n_groups) + 1;
    n_messages = n_groups = 0, n_runs = 1;
}

static void add_channels(text body) {
    const char *e = body.p + body.n, *p = blank(body.p, e);
    int n = 0;
    if (p >= e || *p != '[') { invalid("객체의 목록이 필요합니다."); return; }
    for (p = blank(p + 1, e); p < e && *p == '{'; n++) {
        text key, value, name = { 0 };
        uint8_t reach = WIDE;
        for (p++; (p = member(p, e, &key)) && key.p;) {
            if (p < e && *p != '"') { p = skip(p, e); if (!p) break; continue; }
            if (!(p = string(p, e, &value))) break;
            if (is(key, "pfId")) name = value;
            if (is(key, "reach")) reach = is(value, "near") ? NEAR : WIDE;
        }
        uint32_t at = word(name);
        if (!p || !at) { invalid("pfId가 필요합니다."); return; }
        words[at].reach = reach;
        p = blank(p, e);
        if (p < e && *p == ',') p = blank(p + 1, e);
    }
    say("{\"channels\":%d}", n);
}

static void change_settings(text body) {
    static const char *const NAMES[] = { "report_delay_seconds", "not_friend_share", "refused_share" };
    double *const targets[] = { &delay_seconds, &share_not_friend, &share_refused };
    text key;
    const char *e = body.p + body.n, *p = blank(body.p, e);
    if (p >= e || *p != '{') { invalid("JSON 객체가 필요합니다."); return; }
    for (p++; (p = member(p, e, &key)) && key.p; p = skip(p, e)) {
        double value = number_at(p, e);
        int known = -1;
        for (int i = 0; i < 3; i++) if (is(key, NAMES[i])) known = i;
        if (is(key, "by_ending")) { by_ending = *p == 't'; continue; }
        if (known < 0 || !(value >= 0 && value <= (known ? 1 : 1e8))) { invalid("모르는 설정이거나 값이 올바르지 않습니다."); return; }
        *targets[known] = value;
        if (known) by_ending = false;
    }
    if (!p) { invalid("JSON 객체가 필요합니다."); return; }
    say("{\"report_delay_seconds\":%g,\"not_friend_share\":%g,\"refused_share\":%g,\"by_ending\":%s}", delay_seconds,
        share_not_friend, share_refused, by_ending ? "true" : "false");
}

static void set_clock(text body) {
    const char *p = value_of(body, "offset_seconds");
    double offset = p ? number_at(p, body.p + body.n) : __builtin_nan("");
    if (!(offset >= -3.2e8 && offset <= 3.2e8)) { invalid("offset_seconds는 초를 나타내는 수여야 합니다."); return; }
    clock_offset = offset;
}

static void name_account(text body) {
    text id;
    const char *p = value_of(body, "accountId");
    if (p && string(p, body.p + body.n, &id) && id.n && id.n < sizeof account_id) {
        memcpy(account_id, id.p, id.n);
        account_id[id.n] = 0;
    }
    say("{\"accountId\":\"%s\"}", account_id);
}

static const char *content_type;

static void control(bool is_post, text path, text query, text body) {
    if (is(path, "health")) { say("{\"ok\":true,\"messages\":%llu}", (unsigned long long)n_messages); return; }
    if (is(path, "campaigns")) { print_campaigns(); return; }
    if (is(path, "settings") && is_post) { change_settings(body); return; }
    if (is(path, "channels") && is_post) { add_channels(body); return; }
    if (is(path, "accounts") && is_post) { name_account(body); return; }
    if (is(path, "forget") && is_post) { begin_anew(); say("{\"ok\":true}"); return; }
    if (is(path, "clock")) {
        if (is_post) set_clock(body);
        if (status == 200) say("{\"offset_seconds\":%g,\"night\":%s}", clock_offset, is_night() ? "true" : "false");
        return;
    }
    if (path.n >= 5 && !memcmp(path.p, "books", 5)) {
        text wanted = query_value(query, "campaign");
        double campaign = wanted.n && wanted.n <= 10 ? number_at(wanted.p, wanted.p + wanted.n) : -1;
        int state = state_of(query);
        if (!(campaign >= 0)) { invalid("campaign은 수여야 합니다."); return; }
        if (state < 0) { invalid("state는 taken, accepted, refused, delivered, arrived 가운데 하나입니다."); return; }
        if (is(path, "books")) { print_books((uint64_t)campaign); return; }
        content_type = "text/plain; charset=utf-8";
        if (is(path, "books/ids")) { print_ids((uint64_t)campaign, state); return; }
        if (is(path, "books/messages")) { print_messages((uint64_t)campaign); return; }
        content_type = "application/octet-stream";
        if (is(path, "books/binary")) { print_binary((uint64_t)campaign, state, is(query_value(query, "of"), "numbers")); return; }
        content_type = "application/json; charset=utf-8";
    }
    refuse(404, "ResourceNotFound", "그런 주소가 없습니다.");
}

/* ---- routes ---- */
static bool starts(text *t, const char *with) {
    size_t n = strlen(with);
    if (t->n < n || memcmp(t->p, with, n)) return false;
    t->p += n, t->n -= n;
    return true;
}

static void answer(text method, text path, text query, text body) {
    bool get = is(method, "GET"), post = is(method, "POST"), put = is(method, "PUT"), delete = is(method, "DELETE");
    text rest = path;
    group *g;
    if (starts(&rest, "/messages/v4/groups")) {
        if (!rest.n && post) { print_group(new_group(is_true(body, "allowDuplicates"))); return; }
        if (rest.n > 1 && *rest.p == '/') {
            const char *slash = memchr(rest.p + 1, '/', rest.n - 1), *end = rest.p + rest.n;
            text name = { rest.p + 1, (size_t)((slash ? slash : end) - rest.p - 1) };
            text verb = slash ? (text){ slash + 1, (size_t)(end - slash - 1) } : (text){ "", 0 };
            if (!verb.n && get) { if ((g = find_group(name))) print_group(g); return; }
            if (is(verb, "messages") && put) { put_messages(name, body); return; }
            if (is(verb, "messages") && get) { list_messages(name, query, 0); return; }
            if (is(verb, "send") && post) {
                if (!(g = open_group(name, "은 보낼 수 없습니다."))) return;
                if (!g->accepted) { refuse(400, "FailedGroup", "보낼 수 있는 메시지가 없습니다."); return; }
                send_group(g);
                print_group(g);
                return;
            }
            if (!verb.n && delete) {
                if (!(g = open_group(name, "은 지울 수 없습니다."))) return;
                forget_numbers(g);
                g->state = DELETED, g->updated_at = now_simulated;
                print_group(g);
                return;
            }
        }
    } else if (is(path, "/messages/v4/list") && get) {
        text name = query_value(query, "groupId"), code = query_value(query, "statusCode");
        if (!name.n && !code.n && query_value(query, "startDate").n && query_value(query, "endDate").n) { list_all(query); return; }
        if (!name.n || !code.n) { invalid("빠른 관문은 groupId와 statusCode로, 아니면 startDate와 endDate로 찾습니다."); return; }
        int wanted = (int)number_at(code.p, code.p + code.n);
        list_messages(name, query, wanted > 0 ? wanted : -1);
        return;
    } else if (is(path, "/messages/v4/send") && post) { send_one(body); return; }
    else if (is(path, "/messages/v4/send-many/detail") && post) { send_at_once(body); return; }
    else if (starts(&rest, "/_control/") && (get || post)) { control(post, rest, query, body); return; }
    else if (get) {
        if (is(path, "/cash/v1/balance")) {
            say("{\"balance\":1000000000.0,\"point\":0,\"deposit\":0,\"autoRecharge\":0,\"accountId\":\"%s\"}", account_id);
            return;
        }
        if (is(path, "/pricing/v1/messaging")) { say("[{\"countryId\":\"82\",%s}]", price_list); return; }
        if (is(path, "/senderid/v1/numbers/active")) { say("[]"); return; }
        if (is(path, "/iam/v1/black")) { list_of_none("blackList"); return; }
        if (is(path, "/iam/v1/block/numbers")) { list_of_none("blockNumbers"); return; }
        if (is(path, "/kakao/v2/channels")) { list_of_none("channelList"); return; }
        if (is(path, "/kakao/v2/templates")) { list_of_none("templateList"); return; }
    }
    refuse(404, "ResourceNotFound", "그런 주소가 없습니다.");
}

/* ---- HTTP ---- */
typedef struct {
    int fd;
    buffer in, out;
    size_t done;          /* bytes of `out` already sent */
    size_t head, length;  /* of the request that is coming in; head 0 until it is there */
    bool says_goodbye, waits_to_write;
} connection;

static int poll_fd;

static void hang_up(connection *c) {
    close(c->fd);
    free(c->in.p), free(c->out.p), free(c);
}

static void watch(connection *c, bool writing) {
    if (c->waits_to_write == writing) return;
    c->waits_to_write = writing;
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){ .events = writing ? EPOLLOUT : EPOLLIN, .data.ptr = c });
}

static bool flush(connection *c) { /* false: hung up */
    while (c->done < c->out.n) {
        ssize_t n = send(c->fd, c->out.p + c->done, c->out.n - c->done, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) { watch(c, true); return true; }
        if (n < 0) { hang_up(c); return false; }
        c->done += (size_t)n;
    }
    c->done = c->out.n = 0;
    if (c->says_goodbye) { hang_up(c); return false; }
    watch(c, false);
    return true;
}

static const char *reason(int code) {
    return code == 200 ? "OK" : code == 400 ? "Bad Request" : code == 404 ? "Not Found" : "Content Too Large";
}

static void finish(connection *c) { /* the head goes in front of the answer; the buffers change places, or it stands behind others */
    char head[BEFORE], *p = head;
    LITERAL("HTTP/1.1 ");
    p = printed(p, (uint64_t)status);
    *p++ = ' ';
    p = spelled(p, reason(status));
    LITERAL("\r\nContent-Type: ");
    p = spelled(p, content_type);
    LITERAL("\r\nContent-Length: ");
    p = printed(p, out.n - answer_at);
    LITERAL("\r\nConnection: ");
    p = spelled(p, c->says_goodbye ? "close" : "keep-alive");
    LITERAL("\r\n\r\n");
    size_t n = (size_t)(p - head);
    memcpy(out.p + (answer_at -= n), head, n);
    if (c->out.n > c->done) {
        n = out.n - answer_at;
        memcpy(room(&c->out, n), out.p + answer_at, n);
        c->out.n += n;
        return;
    }
    buffer spare = c->out;
    c->out = out, c->done = answer_at;
    out = spare;
}

static void begin_answer(void) {
    out.n = 0;
    room(&out, BEFORE);
    out.n = answer_at = BEFORE;
    status = 200, content_type = "application/json; charset=utf-8";
    now_machine = machine_now(), now_simulated = simulated_now();
}

static void malformed(connection *c, const char *why) {
    begin_answer();
    c->says_goodbye = true;
    refuse(400, "BadRequest", why);
    c->in.n = 0;
    finish(c);
}

static bool read_head(connection *c) { /* whether the request's size is known now */
    const char *end = memmem(c->in.p, c->in.n < HEADER_LIMIT ? c->in.n : HEADER_LIMIT, "\r\n\r\n", 4);
    if (!end) {
        if (c->in.n >= HEADER_LIMIT) malformed(c, "Headers too large");
        return false;
    }
    c->head = (size_t)(end - c->in.p) + 4, c->length = 0;
    for (const char *p = memchr(c->in.p, '\n', c->head); p && ++p < end; p = memchr(p, '\n', (size_t)(end + 2 - p))) {
        if (!strncasecmp(p, "content-length:", 15)) {
            c->length = 0;
            for (p += 15; *p == ' '; p++) {}
            for (; (unsigned char)(*p - '0') < 10 && c->length <= BODY_LIMIT; p++) c->length = c->length * 10 + (size_t)(*p - '0');
        } else if (!strncasecmp(p, "connection: close", 17)) c->says_goodbye = true;
        else if (!strncasecmp(p, "expect:", 7)) (void)!send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
        else if (!strncasecmp(p, "transfer-encoding:", 18)) { malformed(c, "Content-Length is needed"); c->head = 0; return false; }
    }
    if (c->length > BODY_LIMIT) { malformed(c, "Body too large"); c->head = 0; return false; }
    return true;
}

static void serve(connection *c) { /* one whole request */
    const char *p = c->in.p, *line = memchr(p, '\r', c->head), *space = memchr(p, ' ', (size_t)(line - p));
    const char *target = space ? space + 1 : NULL, *end = target ? memchr(target, ' ', (size_t)(line - target)) : NULL;
    if (!end) { malformed(c, "Malformed HTTP request"); return; }
    const char *mark = memchr(target, '?', (size_t)(end - target));
    text path = { target, (size_t)((mark ? mark : end) - target) };
    text query = mark ? (text){ mark + 1, (size_t)(end - mark - 1) } : (text){ "", 0 };
    begin_answer();
    answer((text){ p, (size_t)(space - p) }, path, query, (text){ c->in.p + c->head, c->length });
    finish(c);
    size_t whole = c->head + c->length;
    memmove(c->in.p, c->in.p + whole, c->in.n - whole);
    c->in.n -= whole, c->head = 0;
}

static void go_on(connection *c) { /* with what has come in, as long as the other side takes the answers */
    while (c->in.n) {
        /* All requests that are whole are answered together, up to a size: those of a connection that carries several. */
        while (c->in.n && c->out.n < 65536 && !(c->says_goodbye && c->out.n) && (c->head || read_head(c)) && c->in.n >= c->head + c->length) serve(c);
        if (!c->out.n) return;
        if (!flush(c) || c->out.n) return;
    }
}

static void hear(connection *c) {
    size_t wanted = c->head ? c->head + c->length - c->in.n : 0;
    room(&c->in, wanted > 65536 ? wanted : 65536);
    ssize_t n = recv(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) { hang_up(c); return; }
    c->in.n += (size_t)n;
    go_on(c);
}

static void *reserve(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) die("mmap");
    return p;
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 0;
    const char *offset = getenv("MAJUNG_CLOCK");
    clock_offset = offset ? atof(offset) : 0;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (int i = 0; i < 100; i++) PAIRS[2 * i] = (char)('0' + i / 10), PAIRS[2 * i + 1] = (char)('0' + i % 10);
    for (int kind = 0, n = 0; kind < N_KINDS; kind++) {
        for (int i = 0; KINDS[kind][i]; i++) small_names[kind][i] = (char)(KINDS[kind][i] == '_' ? '_' : KINDS[kind][i] | 32);
        n += sprintf(price_list + n, "%s\"%s\":%d.0", kind ? "," : "", small_names[kind], PRICES[kind]);
    }
    anchor = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_MONOTONIC);
    base = (uint64_t)((seconds_of(CLOCK_REALTIME) - 1767225600.0) * 1000) * 1000 % 1000000000000000ull;
    numbers = reserve(MAX_MESSAGES * sizeof *numbers), ids = reserve(MAX_MESSAGES * sizeof *ids);
    codes = reserve(MAX_MESSAGES * sizeof *codes), runs = reserve(MAX_RUNS * sizeof *runs), groups = reserve(MAX_GROUPS * sizeof *groups);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 512)) die("listen");
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("gateway listens on http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);

    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = NULL });
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(poll_fd, events, 64, -1);
        for (int i = 0; i < n; i++) {
            connection *c = events[i].data.ptr;
            if (c) {
                if (!c->waits_to_write) hear(c);
                else if (flush(c)) go_on(c);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) continue;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
            if (!(c = calloc(1, sizeof *c))) die("calloc");
            c->fd = fd;
            epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c });
        }
    }
}

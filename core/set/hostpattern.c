/* hostpattern.c - reads and expands one operand of an expression; see hostpattern.h */
#include "set/hostpattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist_store.h"

#define DIGITS_MAX 18 /* of a number in brackets: it and its step stay below 2^63 */
#define BYTES_MAX (1u << 30) /* of all names of one operand */
#define SHOWN_MAX 72 /* bytes of the expression that an error shows */

static int parse_group(struct hostpattern *p, struct hosttext *text);
static int pattern_measure(struct hostpattern *p, struct hosttext *text, size_t begin,
			   size_t max_names);

int hosttext_locate(const struct hosttext *text, size_t at)
{
	size_t len = strlen(text->text);
	size_t from = len > SHOWN_MAX && at > SHOWN_MAX / 2 ? at - SHOWN_MAX / 2 : 0;

	return pl_error_prefix(text->err, "host set '%s%.*s%s', column %zu", from > 0 ? "..." : "",
			       SHOWN_MAX, text->text + from, len - from > SHOWN_MAX ? "..." : "",
			       at + 1);
}

int hosttext_error(const struct hosttext *text, size_t at, const char *fmt, ...)
{
	char words[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	pl_errorf(text->err, PL_EUSAGE, "%s", words);
	return hosttext_locate(text, at);
}

bool hosttext_is_operator(char c)
{
	return c == ',' || c == '!' || c == '&' || c == '^';
}

bool hosttext_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void hosttext_skip_blanks(struct hosttext *text)
{
	while (hosttext_is_blank(text->text[text->at]))
		text->at++;
}

void hostpattern_fini(struct hostpattern *p)
{
	free(p->parts);
	free(p->ranges);
	strbuf_fini(&p->name);
	*p = (struct hostpattern)HOSTPATTERN_INIT;
}

/* ---- reading ---- */

/* What a byte outside brackets means. */
enum byte_kind { BYTE_NAME, BYTE_WILD, BYTE_OPEN, BYTE_CLOSE, BYTE_END, BYTE_REFUSED };

static enum byte_kind byte_kind(char c)
{
	if (c == '\0' || hosttext_is_operator(c) || hosttext_is_blank(c))
		return BYTE_END;
	switch (c) {
	case '*': case '?':
		return BYTE_WILD;
	case '[':
		return BYTE_OPEN;
	case ']':
		return BYTE_CLOSE;
	case '(': case ')': case '{': case '}': case '"': case '\'': case '`': case '\\':
	case ';': case '|': case '<': case '>': case '$': case '#': case '\x7f':
		return BYTE_REFUSED;
	default:
		return (unsigned char)c < ' ' ? BYTE_REFUSED : BYTE_NAME;
	}
}

/* Each of these is a habit from somewhere else: say what is written here instead. */
static int refuse_byte(const struct hosttext *text)
{
	unsigned char c = (unsigned char)text->text[text->at];

	switch (c) {
	case '(': case ')':
		return hosttext_error(text, text->at, "parentheses do not group here: operators "
				      "work from left to right");
	case '{': case '}':
		return hosttext_error(text, text->at, "'%c' cannot be in a host name; ranges are "
				      "written node[1-3]", c);
	case '|':
		return hosttext_error(text, text->at, "'|' is no operator; the union is ','");
	default:
		if (c < ' ' || c == 0x7f)
			return hosttext_error(text, text->at, "control character 0x%02x cannot be "
					      "in a host name", c);
		return hosttext_error(text, text->at, "'%c' cannot be in a host name", c);
	}
}

static struct hostpart *part_begin(struct hostpattern *p, size_t at)
{
	ARRAY_GROW(p->parts, p->n_parts, p->cap_parts);
	p->parts[p->n_parts] = (struct hostpart){ .literal = at, .first_range = p->n_ranges };
	return &p->parts[p->n_parts++];
}

static int parse_bracket(struct hostpattern *p, struct hosttext *text, struct hostpart *part)
{
	if (++p->n_groups > HOSTPATTERN_GROUPS_MAX)
		return hosttext_error(text, text->at, "more than %d number groups in one name",
				      HOSTPATTERN_GROUPS_MAX);
	if (parse_group(p, text) != 0)
		return -1;
	part->n_ranges = p->n_ranges - part->first_range;
	return 0;
}

int hostpattern_parse(struct hostpattern *p, struct hosttext *text, size_t max_names)
{
	size_t begin = text->at;
	struct hostpart *part;

	p->text = text->text;
	p->n_parts = p->n_ranges = p->n_groups = 0;
	p->wildcard = false;
	part = part_begin(p, begin);
	for (;;) {
		switch (byte_kind(text->text[text->at])) {
		case BYTE_WILD:
			p->wildcard = true;
			/* fall through */
		case BYTE_NAME:
			part->literal_len++;
			text->at++;
			break;
		case BYTE_OPEN:
			if (parse_bracket(p, text, part) != 0)
				return -1;
			part = part_begin(p, text->at);
			break;
		case BYTE_CLOSE:
			return hosttext_error(text, text->at, "']' without '[' before it");
		case BYTE_REFUSED:
			return refuse_byte(text);
		case BYTE_END:
			return pattern_measure(p, text, begin, max_names);
		}
	}
}

/* "[::1" or "[fe80::1%eth0]:22": the length of the address, 0 when it is none. */
static size_t bracketed_address(const char *open)
{
	const char *address = open + 1, *colon = strchr(address, ':');
	size_t len = strspn(address, "0123456789abcdefABCDEF:.");

	if (colon == NULL || colon >= address + len || strchr(colon + 1, ':') == NULL ||
	    strchr(colon + 1, ':') >= address + len)
		return 0;
	if (address[len] == '%')
		len += strcspn(address + len, "],");
	return address[len] == ']' || address[len] == '\0' ? len : 0;
}

/* What stands where a number was expected. */
static int refuse_number(const struct hosttext *text, size_t open)
{
	char c = text->text[text->at];
	int address = (int)bracketed_address(text->text + open);

	if (address > 0)
		return hosttext_error(text, open, "an IPv6 address is written without brackets: "
				      "%.*s; its port, if it is not 22, stands in the ssh "
				      "configuration (Host %.*s, Port ...)", address,
				      text->text + open + 1, address, text->text + open + 1);
	if (c == '\0')
		return hosttext_error(text, open, "'[' is never closed; write ']' after the ranges");
	if (c == '[')
		return hosttext_error(text, text->at, "brackets do not nest; write one list of "
				      "ranges, [1-3,7]");
	if ((c == ']' || c == ',') && text->at == open + 1)
		return hosttext_error(text, text->at, "no range in these brackets; write [1-3] or "
				      "[1,3]");
	return hosttext_error(text, text->at, "a number is expected here; ranges are written "
			      "[1-3], [1,3] or [0-70/2]");
}

/* Reads digits; *begin is where they stand, *len how many. */
static int parse_number(struct hosttext *text, size_t open, uint64_t *value, size_t *begin,
			size_t *len)
{
	const char *s = text->text;

	hosttext_skip_blanks(text);
	*begin = text->at;
	*value = 0;
	for (; s[text->at] >= '0' && s[text->at] <= '9'; text->at++) {
		if (text->at - *begin == DIGITS_MAX)
			return hosttext_error(text, *begin, "a number in brackets has at most %d "
					      "digits", DIGITS_MAX);
		*value = *value * 10 + (uint64_t)(s[text->at] - '0');
	}
	*len = text->at - *begin;
	if (*len == 0)
		return refuse_number(text, open);
	hosttext_skip_blanks(text);
	return 0;
}

/* Padding counts when either end shows it, and then both ends must. */
static int parse_range_end(struct hosttext *text, size_t open, struct hostrange *r, size_t begin,
			   size_t len)
{
	const char *s = text->text;
	size_t end_begin, end_len;

	text->at++;
	if (parse_number(text, open, &r->last, &end_begin, &end_len) != 0)
		return -1;
	if (r->last < r->first)
		return hosttext_error(text, begin, "range %.*s-%.*s runs backwards; write %.*s-%.*s",
				      (int)len, s + begin, (int)end_len, s + end_begin,
				      (int)end_len, s + end_begin, (int)len, s + begin);
	if (len != end_len && (r->width > 0 || (end_len > 1 && s[end_begin] == '0')))
		return hosttext_error(text, begin, "the ends of %.*s-%.*s are padded differently; "
				      "write %0*llu-%0*llu", (int)len, s + begin, (int)end_len,
				      s + end_begin, (int)(len > end_len ? len : end_len),
				      (unsigned long long)r->first,
				      (int)(len > end_len ? len : end_len),
				      (unsigned long long)r->last);
	return 0;
}

static int parse_step(struct hosttext *text, size_t open, struct hostrange *r, bool is_range)
{
	size_t slash = text->at++;
	size_t begin, len;

	if (!is_range)
		return hosttext_error(text, slash, "a step needs a range before it, as in [0-70/2]");
	if (parse_number(text, open, &r->step, &begin, &len) != 0)
		return -1;
	if (r->step == 0)
		return hosttext_error(text, begin, "a step of 0 never ends; the least is 1");
	return 0;
}

static int parse_range(struct hostpattern *p, struct hosttext *text, size_t open)
{
	struct hostrange r = { .step = 1 };
	size_t begin, len;
	bool is_range;

	if (parse_number(text, open, &r.first, &begin, &len) != 0)
		return -1;
	r.last = r.first;
	r.width = len > 1 && text->text[begin] == '0' ? (unsigned int)len : 0;
	is_range = text->text[text->at] == '-';
	if (is_range && parse_range_end(text, open, &r, begin, len) != 0)
		return -1;
	if (text->text[text->at] == '/' && parse_step(text, open, &r, is_range) != 0)
		return -1;
	ARRAY_GROW(p->ranges, p->n_ranges, p->cap_ranges);
	p->ranges[p->n_ranges++] = r;
	return 0;
}

/* From '[' to behind ']'. */
static int parse_group(struct hostpattern *p, struct hosttext *text)
{
	size_t open = text->at;

	do {
		text->at++;
		if (parse_range(p, text, open) != 0)
			return -1;
	} while (text->text[text->at] == ',');
	if (text->text[text->at] != ']')
		return refuse_number(text, open);
	text->at++;
	return 0;
}

/* ---- measuring ---- */

static uint64_t range_count(const struct hostrange *r)
{
	return (r->last - r->first) / r->step + 1;
}

static size_t number_digits(uint64_t value)
{
	size_t n = 1;

	while (value >= 10) {
		value /= 10;
		n++;
	}
	return n;
}

/* A group cannot give the same text twice when its ranges rise and are padded alike. */
static bool ranges_rise(const struct hostrange *r, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (r[i].first <= r[i - 1].last || r[i].width != r[i - 1].width)
			return false;
	}
	return true;
}

static bool has_non_digit(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return true;
	}
	return false;
}

static void part_measure(struct hostpattern *p, size_t i, uint64_t *count)
{
	const struct hostpart *part = &p->parts[i];
	size_t longest = 0;

	*count = part->n_ranges == 0;
	for (size_t k = 0; k < part->n_ranges; k++) {
		const struct hostrange *r = &p->ranges[part->first_range + k];
		size_t digits = number_digits(r->last);

		digits = digits > r->width ? digits : r->width;
		longest = digits > longest ? digits : longest;
		if (*count <= PL_HOSTLIST_MAX) /* beyond it is too many already: no overflow */
			*count += range_count(r);
	}
	p->longest += part->literal_len + longest;
	if (part->n_ranges > 1 && !ranges_rise(p->ranges + part->first_range, part->n_ranges))
		p->distinct = false;
	/* two groups with only digits between them: 1[1-2][1-12] has 1112 from several sides */
	if (i > 0 && part->n_ranges > 0 &&
	    !has_non_digit(p->text + part->literal, part->literal_len))
		p->distinct = false;
}

static int refuse_count(const struct hosttext *text, size_t begin, size_t max_names)
{
	return hosttext_error(text, begin, "this expands to more than %zu names; name fewer "
			      "hosts", max_names);
}

/* Counts before anything is expanded, so that a slip of the finger costs no memory. */
static int pattern_measure(struct hostpattern *p, struct hosttext *text, size_t begin,
			   size_t max_names)
{
	p->count = 1;
	p->longest = 0;
	p->distinct = true;
	for (size_t i = 0; i < p->n_parts; i++) {
		uint64_t count;

		part_measure(p, i, &count);
		if (count > max_names || p->count * count > max_names)
			return refuse_count(text, begin, max_names);
		p->count *= count;
	}
	if (p->longest > HOSTPATTERN_NAME_MAX)
		return hosttext_error(text, begin, "a name of %zu bytes is too long; the limit is "
				      "%d", p->longest, HOSTPATTERN_NAME_MAX);
	if (p->count * (p->longest + 1) > BYTES_MAX)
		return refuse_count(text, begin, BYTES_MAX / (p->longest + 1));
	return 0;
}

/* ---- expanding ---- */

struct expansion {
	const struct hostpattern *pattern;
	struct pl_hostlist *out;
	char *name; /* room for the longest */
	bool fresh; /* no name can be there already */
};

static size_t number_put(char *to, uint64_t value, unsigned int width)
{
	size_t digits = number_digits(value);
	size_t len = digits > width ? digits : width;

	for (size_t i = len; i-- > 0; value /= 10)
		to[i] = (char)('0' + value % 10);
	return len;
}

/* Puts part i behind the first `len` bytes of the name, and every further part behind that.
 * Calls itself once per number group. */
static void expand_from(struct expansion *e, size_t i, size_t len)
{
	const struct hostpart *part = &e->pattern->parts[i];

	memcpy(e->name + len, e->pattern->text + part->literal, part->literal_len);
	len += part->literal_len;
	if (part->n_ranges == 0) {
		if (e->fresh)
			hostlist_append(e->out, e->name, len);
		else
			hostlist_add_n(e->out, e->name, len);
		return;
	}
	for (size_t k = 0; k < part->n_ranges; k++) {
		const struct hostrange *r = &e->pattern->ranges[part->first_range + k];

		/* first + step * count stays below 2^64: both have at most 18 digits */
		for (uint64_t v = r->first; v <= r->last; v += r->step)
			expand_from(e, i + 1, len + number_put(e->name + len, v, r->width));
	}
}

void hostpattern_expand(struct hostpattern *p, struct pl_hostlist *out)
{
	struct expansion e = { .pattern = p, .out = out };

	strbuf_reset(&p->name);
	e.name = strbuf_reserve(&p->name, p->longest);
	e.fresh = p->distinct && pl_hostlist_count(out) == 0;
	expand_from(&e, 0, 0);
}

/*
 * precompile.c - a program of the build: `precompile FILE NAME` compiles the module NAME of the
 * program from its file and writes the bytecode on standard output, as the strings of a C
 * initializer.
 *
 * Nothing is stripped: the chunk keeps the name and the lines that errors and tracebacks tell.
 */
#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "traceback.h"

#define BYTES_A_LINE 32

static const char *read_piece(lua_State *L, void *file, size_t *size)
{
	static char piece[4096];

	(void)L;
	*size = fread(piece, 1, sizeof(piece), file);
	return *size > 0 ? piece : NULL;
}

/* True when FILE was read to its end; the function is then at -1, else a message. */
static bool compile(lua_State *L, const char *path, const char *chunk)
{
	FILE *file = fopen(path, "r");
	bool good;

	if (file == NULL) {
		lua_pushfstring(L, "%s cannot be opened", path);
		return false;
	}
	good = lua_load(L, read_piece, file, chunk, "t") == LUA_OK;
	if (good && ferror(file)) {
		lua_pushfstring(L, "%s cannot be read", path);
		good = false;
	}
	fclose(file);
	return good;
}

/* Octal escapes have all three digits, so that no digit that follows is taken for one of theirs. */
static void put_byte(int c)
{
	if (c < 128 && isprint(c) && strchr("\"\\?", c) == NULL)
		putchar(c);
	else
		printf("\\%03o", c);
}

static int write_piece(lua_State *L, const void *bytes, size_t size, void *written)
{
	const unsigned char *byte = bytes;
	size_t *n = written;

	(void)L;
	for (size_t i = 0; i < size; i++) {
		if (*n % BYTES_A_LINE == 0)
			fputs(*n == 0 ? "\t\"" : "\"\n\t\"", stdout);
		put_byte(byte[i]);
		++*n;
	}
	return ferror(stdout);
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	size_t written = 0;
	bool good;

	if (L == NULL || argc != 3) {
		fputs("usage: precompile FILE NAME\n", stderr);
		return 2;
	}
	good = compile(L, argv[1], lua_pushfstring(L, TRACEBACK_OURS "%s", argv[2]));
	if (good) {
		lua_dump(L, write_piece, &written, 0);
		puts("\"");
		good = fflush(stdout) == 0 && !ferror(stdout);
	} else {
		fprintf(stderr, "precompile: %s\n", lua_tostring(L, -1));
	}
	lua_close(L);
	return good ? 0 : 1;
}

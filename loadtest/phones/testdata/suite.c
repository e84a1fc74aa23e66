/*
 * baresip knows four SRTP suites and offers one, always the same. Loaded before it (LD_PRELOAD), this lets it offer the one that
 * SDES_SUITE names: the module copies the name when it makes a session, with str_dup of libre, and makes key and lines of the copy.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int str_dup(char **dst, const char *src)
{
	int (*copy)(char **, const char *) = (int (*)(char **, const char *))dlsym(RTLD_NEXT, "str_dup");
	const char *suite = getenv("SDES_SUITE");

	return copy(dst, suite && src && !strcmp(src, "AES_CM_128_HMAC_SHA1_80") ? suite : src);
}

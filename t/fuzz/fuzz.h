/*
 * fuzz.h - the one function of a fuzz target, t/fuzz/NAME.c: reads bytes as its module would from
 * outside and aborts when a promise is broken. Deterministic, no file, no network, a millisecond.
 *
 * `make fuzz` gives it to libFuzzer; `make check` links it with driver.c. Seeds are the files in
 * t/fuzz/corpus/NAME.
 */
#ifndef PL_T_FUZZ_H
#define PL_T_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0, always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

#pragma once
#include <stddef.h>
#include <stdint.h>

// Memory for machine code: written once, then only executed. Null when the system refuses.
void *placeCode(const void *code, size_t bytes);
void freeCode(void *place, size_t bytes);

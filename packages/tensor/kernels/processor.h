#pragma once

// Whether this processor, and the system's switching of threads, have the instruction set: avx512, avx2 or neon.
bool processorRuns(const char *isa);

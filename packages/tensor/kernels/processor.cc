#include "processor.h"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>

namespace {

bool hasAll(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

// The vector registers that the system saves (XCR0). Asked by hand, because what __builtin_cpu_supports needs is not there with
// every compiler on Windows.
uint32_t savedState() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Intel's manual, volume 2, CPUID: leaf 1 ECX 12 FMA, 27 OSXSAVE, 28 AVX; leaf 7 EBX 5 AVX2, 16 F, 17 DQ, 30 BW, 31 VL.
bool runs(bool wide) {
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || !hasAll(c, 1u << 12 | 1u << 27 | 1u << 28)) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || !hasAll(b, 1u << 5)) return false;
  // XMM and YMM; for 512 bits also the masks and both halves of the ZMM registers.
  if (!hasAll(savedState(), wide ? 0xe6 : 0x6)) return false;
  return !wide || hasAll(b, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31);
}

}  // namespace

bool processorRuns(const char *isa) {
  if (std::strcmp(isa, "avx2") == 0) return runs(false);
  return std::strcmp(isa, "avx512") == 0 && runs(true);
}

#elif defined(__aarch64__)

bool processorRuns(const char *isa) { return std::strcmp(isa, "neon") == 0; }

#else

bool processorRuns(const char *) { return false; }

#endif

// The machine's floating-point peak: multiply-adds whose operands never leave the registers.
// Usage: peak ISA (avx512, avx2 or neon) [cpu: count processor time instead of the clock's]; then each line "THREADS MILLISECONDS" on stdin is answered by a line of GFLOP/s.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;
bool countsProcessor = false;

double seconds() {
  if (!countsProcessor) return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  return double(std::clock()) / CLOCKS_PER_SEC;
}
volatile float sink;

// Chains that do not wait for each other: as many as hide the latency of a multiply-add.
#define CHAINS(SET, STEP)                                                                     \
  auto a = SET, b = SET, c = SET, d = SET, e = SET, f = SET, g = SET, h = SET, i = SET, j = SET; \
  for (long n = 0; n < rounds; n++) {                                                         \
    a = STEP(a), b = STEP(b), c = STEP(c), d = STEP(d), e = STEP(e);                          \
    f = STEP(f), g = STEP(g), h = STEP(h), i = STEP(i), j = STEP(j);                          \
  }
enum { CHAIN_COUNT = 10 };

#if defined(__x86_64__)
#define STEP512(v) _mm512_fmadd_ps(v, x, y)
__attribute__((target("avx512f"))) double run512(long rounds) {
  const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  CHAINS(_mm512_set1_ps(sink), STEP512)
  sink = _mm512_reduce_add_ps(a + b + c + d + e + f + g + h + i + j);
  return 2.0 * 16 * CHAIN_COUNT * double(rounds);
}
#define STEP256(v) _mm256_fmadd_ps(v, x, y)
__attribute__((target("avx2,fma"))) double run256(long rounds) {
  const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  CHAINS(_mm256_set1_ps(sink), STEP256)
  sink = _mm256_cvtss_f32(a + b + c + d + e + f + g + h + i + j);
  return 2.0 * 8 * CHAIN_COUNT * double(rounds);
}
double run(const char *isa, long rounds) { return std::strcmp(isa, "avx512") == 0 ? run512(rounds) : run256(rounds); }
#elif defined(__aarch64__)
#define STEP_NEON(v) vfmaq_f32(y, v, x)
double run(const char *, long rounds) {
  const float32x4_t x = vdupq_n_f32(0.999f), y = vdupq_n_f32(0.001f);
  CHAINS(vdupq_n_f32(sink), STEP_NEON)
  sink = vaddvq_f32(a + b + c + d + e + f + g + h + i + j);
  return 2.0 * 4 * CHAIN_COUNT * double(rounds);
}
#endif

}  // namespace

int main(int count, char **words) {
  const char *isa = count > 1 ? words[1] : "avx2";
  countsProcessor = count > 2 && std::strcmp(words[2], "cpu") == 0;
  int threads, milliseconds;
  while (std::scanf("%d %d", &threads, &milliseconds) == 2) {
    std::atomic<double> total{0};
    const auto start = Clock::now();
    const auto end = start + std::chrono::milliseconds(milliseconds);
    std::vector<std::thread> others;
    const auto work = [&] {
      double done = 0;
      const double before = seconds();
      while (Clock::now() < end) done += run(isa, 20000);
      const double rate = done / (seconds() - before);
      for (double sum = total; !total.compare_exchange_weak(sum, sum + rate);) {
      }
    };
    for (int t = 1; t < threads; t++) others.emplace_back(work);
    work();
    for (std::thread &thread : others) thread.join();
    std::printf("%.2f\n", double(total) / 1e9);
    std::fflush(stdout);
  }
}

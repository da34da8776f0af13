// Runs what test/kernels/record.ts recorded, with one thread and with three, and compares: how the kernels are tested where no
// Node runs (tools/testArm64.mjs). Usage: replay FILE; compiled with -DREPLAY=fai_run_ISA.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "abi.h"
#include "poolNative.h"

namespace {

enum { RECORDED_THREADS = 3 };

struct Slot {
  int32_t type, bytes;  // 0: float, 1: int32, 2: byte
  const uint8_t *before, *after;
  size_t line;
};

bool isClose(const Slot &slot, const uint8_t *actual, float tolerance, int *where) {
  for (int i = 0; i < slot.bytes / (slot.type == 2 ? 1 : 4); i++) {
    *where = i;
    if (slot.type != 0) {
      const int size = slot.type == 1 ? 4 : 1;
      if (std::memcmp(actual + i * size, slot.after + i * size, size) != 0) return false;
      continue;
    }
    float got, want;
    std::memcpy(&got, actual + i * 4, 4);
    std::memcpy(&want, slot.after + i * 4, 4);
    if (got == want || (std::isnan(got) && std::isnan(want))) continue;
    if (!(std::fabs(got - want) <= tolerance * std::fmax(1.0f, std::fabs(want)))) return false;
  }
  return true;
}

}  // namespace

int main(int count, char **words) {
  FILE *file = count > 1 ? std::fopen(words[1], "rb") : nullptr;
  if (file == nullptr) return std::fprintf(stderr, "usage: replay FILE\n"), 2;
  std::vector<uint8_t> data;
  uint8_t buffer[1 << 16];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) data.insert(data.end(), buffer, buffer + n);
  std::fclose(file);
  Pool *const pools[] = {createPool(1), createPool(RECORDED_THREADS)};
  int records = 0, failures = 0;
  for (const uint8_t *at = data.data(), *end = at + data.size(); at < end; records++) {
    int32_t head[6];
    std::memcpy(head, at, sizeof head);
    float tolerance;
    std::memcpy(&tolerance, head + 5, 4);
    const uint8_t *const program = at + sizeof head, *const scalars = program + head[0] * 4;
    at = scalars + head[1] * 4;
    std::vector<Slot> slots(static_cast<size_t>(head[2]));
    const auto lines = [](size_t bytes) { return (bytes + 63) / 64 + 1; };
    const size_t block = lines(size_t(head[0]) * 4), workspace = block + lines(size_t(4 + head[1] + head[2]) * 4);
    size_t line = workspace + size_t(head[3]) + 1;
    for (Slot &slot : slots) {
      std::memcpy(&slot.type, at, 8);
      const size_t padded = (size_t(slot.bytes) + 3) & ~size_t(3);
      slot.before = at + 8;
      slot.after = slot.before + padded;
      slot.line = line;
      line += lines(padded) + 4;
      at = slot.after + padded;
    }
    std::vector<std::vector<uint8_t>> results;
    for (Pool *pool : pools) {
      uint8_t *const arena = static_cast<uint8_t *>(std::aligned_alloc(64, line * 64));
      // What kernels do not write must not matter: not a number, as floats.
      std::memset(arena, 0xff, line * 64);
      std::memcpy(arena, program, size_t(head[0]) * 4);
      int32_t *const guard = reinterpret_cast<int32_t *>(arena + block * 64);
      std::memset(guard, 0, 16);
      std::memcpy(guard + 4, scalars, size_t(head[1]) * 4);
      uint32_t *const table = reinterpret_cast<uint32_t *>(guard + 4 + head[1]);
      for (size_t i = 0; i < slots.size(); i++) {
        table[i] = uint32_t(slots[i].line);
        std::memcpy(arena + slots[i].line * 64, slots[i].before, size_t(slots[i].bytes));
      }
      REPLAY(reinterpret_cast<int32_t *>(arena), head[0], table, guard + 4, arena, arena + workspace * 64, pool, guard);
      const char *problem = (guard[0] != 0) != (head[4] != 0) ? "the fault differs" : nullptr;
      std::vector<uint8_t> result;
      int where = 0;
      for (size_t i = 0; i < slots.size() && head[4] == 0 && problem == nullptr; i++) {
        const uint8_t *actual = arena + slots[i].line * 64;
        if (!isClose(slots[i], actual, tolerance, &where)) problem = "an element differs";
        result.insert(result.end(), actual, actual + slots[i].bytes);
      }
      results.push_back(result);
      if (problem == nullptr && results[0] != result) problem = "threads change the bits";
      if (problem != nullptr) {
        std::printf("record %d, kind %d, element %d: %s\n", records, *reinterpret_cast<const int32_t *>(arena), where, problem);
        failures++;
      }
      std::free(arena);
    }
  }
  for (Pool *pool : pools) destroyPool(pool);
  std::printf("%d records, %d failures\n", records, failures);
  return records == 0 || failures > 0;
}

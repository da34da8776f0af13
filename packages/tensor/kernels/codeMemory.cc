#include "codeMemory.h"

#include <cstring>

#if defined(_WIN32)
#include <windows.h>

void *placeCode(const void *code, size_t bytes) {
  void *place = VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (place == nullptr) return nullptr;
  std::memcpy(place, code, bytes);
  DWORD before = 0;
  if (VirtualProtect(place, bytes, PAGE_EXECUTE_READ, &before)) return place;
  VirtualFree(place, 0, MEM_RELEASE);
  return nullptr;
}

void freeCode(void *place, size_t) { VirtualFree(place, 0, MEM_RELEASE); }

#else
#include <sys/mman.h>

void *placeCode(const void *code, size_t bytes) {
  void *place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return nullptr;
  std::memcpy(place, code, bytes);
  if (mprotect(place, bytes, PROT_READ | PROT_EXEC) == 0) return place;
  munmap(place, bytes);
  return nullptr;
}

void freeCode(void *place, size_t bytes) { munmap(place, bytes); }

#endif

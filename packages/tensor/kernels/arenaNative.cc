#include "arenaNative.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace {

const size_t smallest = size_t(1) << 26;

#if defined(_WIN32)
const size_t commitStep = size_t(1) << 26;

size_t pageSize() {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}
#else
// What systems other than Linux do by themselves, Linux does when asked: reserving costs nothing.
#if defined(MAP_NORESERVE)
const int mapFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#else
const int mapFlags = MAP_PRIVATE | MAP_ANONYMOUS;
#endif

size_t pageSize() { return size_t(sysconf(_SC_PAGESIZE)); }
#endif

}  // namespace

#if defined(_WIN32)

NativeArena::NativeArena(size_t bytes) {
  for (; bytes >= smallest && base_ == nullptr; bytes /= 2) {
    base_ = static_cast<uint8_t *>(VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_READWRITE));
    if (base_ != nullptr) size_ = bytes;
  }
}

NativeArena::~NativeArena() {
  if (base_ != nullptr) VirtualFree(base_, 0, MEM_RELEASE);
}

bool NativeArena::commit(size_t bytes) {
  if (bytes <= committed_) return true;
  if (bytes > size_) return false;
  size_t wanted = (bytes + commitStep - 1) / commitStep * commitStep;
  if (wanted > size_) wanted = size_;
  if (VirtualAlloc(base_, wanted, MEM_COMMIT, PAGE_READWRITE) == nullptr) return false;
  committed_ = wanted;
  return true;
}

void NativeArena::discard(size_t offset, size_t bytes) {
  const size_t page = pageSize();
  const size_t from = (offset + page - 1) / page * page;
  const size_t to = (offset + bytes) / page * page;
  // MEM_RESET keeps the pages usable and lets the system take what they hold.
  if (to > from) VirtualAlloc(base_ + from, to - from, MEM_RESET, PAGE_READWRITE);
}

#else

NativeArena::NativeArena(size_t bytes) {
  for (; bytes >= smallest && base_ == nullptr; bytes /= 2) {
    void *const mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, mapFlags, -1, 0);
    if (mapped == MAP_FAILED) continue;
    base_ = static_cast<uint8_t *>(mapped);
    size_ = bytes;
  }
#if defined(__linux__)
  // Large pages spare most page faults and address look-ups; a system without them ignores this.
  if (base_ != nullptr) madvise(base_, size_, MADV_HUGEPAGE);
#endif
}

NativeArena::~NativeArena() {
  if (base_ != nullptr) munmap(base_, size_);
}

bool NativeArena::commit(size_t bytes) { return bytes <= size_; }

void NativeArena::discard(size_t offset, size_t bytes) {
  const size_t page = pageSize();
  const size_t from = (offset + page - 1) / page * page;
  const size_t to = (offset + bytes) / page * page;
  if (to <= from) return;
#if defined(__linux__)
  madvise(base_ + from, to - from, MADV_DONTNEED);
#else
  mmap(base_ + from, to - from, PROT_READ | PROT_WRITE, mapFlags | MAP_FIXED, -1, 0);
#endif
}

#endif

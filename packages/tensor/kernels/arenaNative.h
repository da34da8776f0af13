#pragma once
#include <stddef.h>
#include <stdint.h>

// One range of addresses for all tensors of a backend: reserved whole, so it never moves, and backed by memory
// only where it was touched.
class NativeArena {
 public:
  // Reserves `bytes`, or half as long as the system refuses; size() tells what it became, 0 when nothing was given.
  explicit NativeArena(size_t bytes);
  ~NativeArena();
  NativeArena(const NativeArena &) = delete;
  NativeArena &operator=(const NativeArena &) = delete;

  uint8_t *base() const { return base_; }
  size_t size() const { return size_; }
  // Makes [0, bytes) usable; false when the system has no memory for it.
  bool commit(size_t bytes);
  // Gives the pages inside [offset, offset + bytes) back to the system; their contents are lost.
  void discard(size_t offset, size_t bytes);

 private:
  uint8_t *base_ = nullptr;
  size_t size_ = 0;
  size_t committed_ = 0;
};

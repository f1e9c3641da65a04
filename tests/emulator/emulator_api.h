#pragma once
// What an emulated kernel asks of whoever runs it. Plain types only: kernels
// compile without any header of the system.

// A product of tiles of shared memory, of one thread's part of it.
struct EmulatedTile {
  float* sums;  // 64
  unsigned long long left, right;  // wgmma's descriptors
  bool keep;                       // adds to the sums
  unsigned element;                // bytes of a number
  float (*left_number)(const void* bytes);
  float (*right_number)(const void* bytes);
};

// `line` is the caller's, for messages.
struct EmulatorApi {
  unsigned (*thread_index)();
  unsigned (*block_threads)();
  unsigned (*block_index)();
  unsigned (*block_count)();
  unsigned char* (*shared_memory)();
  void (*warp_barrier)(int line);
  void (*block_barrier)(int line);
  // Gives every lane of the warp the `bytes` that lane `from` put in.
  void (*exchange)(const void* mine, void* theirs, unsigned bytes,
                   unsigned from, int line);
  // Gives every lane the `bytes` of all 32 lanes, in order.
  void (*gather)(const void* mine, void* all, unsigned bytes, int line);
  // The thread has waited for the results of the kernel before.
  void (*after_predecessor)();
  // A copy to shared memory that lands when its thread waits for its group;
  // until then there is no number.
  void (*begin_move)(void* to, const void* from, unsigned bytes, int line);
  void (*group_moves)();
  // For all groups of the thread but the last `left`.
  void (*await_moves)(unsigned left);
  // See async_units.h.
  void (*start_barrier)(const void* barrier, unsigned arrivals, int line);
  void (*end_barrier)(const void* barrier, int line);
  void (*fence_barriers)();
  void (*fence_copies)();
  void (*arrive)(const void* barrier, unsigned bytes, int line);
  void (*await_phase)(const void* barrier, unsigned parity, int line);
  void (*fetch_tile)(void* to, const void* map, const void* barrier,
                     long long number, long long first_line, int line);
  void (*begin_products)();
  void (*add_product)(const EmulatedTile* tile, int line);
  void (*group_products)();
  void (*await_products)(unsigned left, int line);
  // Ends the kernel with a message.
  void (*fail)(const char* text, int line);
};

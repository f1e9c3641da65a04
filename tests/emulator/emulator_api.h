#pragma once
// What an emulated kernel asks of whoever runs it. Plain types only: kernels
// compile without any header of the system.

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
  // Ends the kernel with a message.
  void (*fail)(const char* text, int line);
};

// The time between events, by the name that drivers of today export, or, for
// another library, by that of older ones.
#include "tests/fake_cuda/fake_cuda.h"
#include "tests/fake_cuda/fake_state.h"

#ifdef LATHE_FAKE_OLD_DRIVER
#undef cuEventElapsedTime
#endif

using lathe::fake::FakeEvent;

extern "C" {

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  LATHE_FAKE_BEGIN("cuEventElapsedTime", kContext)
  if (!reinterpret_cast<FakeEvent*>(start)->recorded ||
      !reinterpret_cast<FakeEvent*>(end)->recorded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  *milliseconds = 0.001f;
  return CUDA_SUCCESS;
}

}  // extern "C"

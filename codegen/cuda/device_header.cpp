#include "codegen/cuda/device_header.h"

#include "codegen/cuda/device_text.h"
#include "codegen/prelude_text.h"

namespace lathe::cuda {

std::string device_header() {
  return std::string(kPreludeScalars) + kDeviceTypes + kDeviceHardware +
         kPreludeFormats + kDeviceFormats + kPreludeElements + kPreludeIntegers +
         kPreludeFloat32 + kPreludeFloat64 + kPreludeFunctions +
         kDeviceFunctions + kDeviceSm90;
}

}  // namespace lathe::cuda

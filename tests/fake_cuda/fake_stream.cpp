// Streams, events and graphs. What a stream is given is done at once, in the
// order of the calls, unless the stream is being captured.
#include "tests/fake_cuda/fake_cuda.h"
#include "tests/fake_cuda/fake_state.h"

using lathe::fake::FakeEvent;
using lathe::fake::FakeGraph;
using lathe::fake::FakeStream;
using lathe::fake::FakeWork;
using lathe::fake::state;

namespace {

constexpr CUresult kOk = CUDA_SUCCESS;

FakeStream& of(CUstream stream) {
  return *reinterpret_cast<FakeStream*>(stream);
}

template <typename Object, typename Handle>
void make(Handle* to, Object* object) {
  ++state().objects;
  *to = reinterpret_cast<Handle>(object);
}

template <typename Object, typename Handle>
void unmake(Handle handle) {
  --state().objects;
  delete reinterpret_cast<Object*>(handle);
}

// A graph may be given new addresses, not other work.
bool same_work(const FakeGraph& a, const FakeGraph& b) {
  if (a.work.size() != b.work.size()) return false;
  for (size_t i = 0; i < a.work.size(); ++i) {
    if (a.work[i].what != b.work[i].what) return false;
  }
  return true;
}

}  // namespace

extern "C" {

CUresult cuStreamCreate(CUstream* stream, unsigned) {
  LATHE_FAKE_BEGIN("cuStreamCreate", kContext)
  make(stream, new FakeStream);
  return kOk;
}
CUresult cuStreamDestroy(CUstream stream) {
  unmake<FakeStream>(stream);
  return kOk;
}
CUresult cuStreamSynchronize(CUstream) {
  LATHE_FAKE_BEGIN("cuStreamSynchronize", kNoCapture)
  return kOk;
}
CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode) {
  LATHE_FAKE_BEGIN("cuStreamBeginCapture", kNoCapture)
  of(stream).captured = true;
  of(stream).spoiled = false;
  of(stream).work.clear();
  state().captured = &of(stream);
  return kOk;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  *graph = nullptr;
  if (!of(stream).captured) return CUDA_ERROR_ILLEGAL_STATE;
  of(stream).captured = false;
  state().captured = nullptr;
  if (of(stream).spoiled) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  make(graph, new FakeGraph{std::move(of(stream).work)});
  LATHE_FAKE_BEGIN("cuStreamEndCapture", kContext)
  return kOk;
}
CUresult cuGraphDestroy(CUgraph graph) {
  unmake<FakeGraph>(graph);
  return kOk;
}
CUresult cuGraphInstantiate(CUgraphExec* exec, CUgraph graph,
                            unsigned long long) {
  LATHE_FAKE_BEGIN("cuGraphInstantiate", kNoCapture)
  auto* recorded = reinterpret_cast<FakeGraph*>(graph);
  lathe::fake::log_line("graph of " + std::to_string(recorded->work.size()));
  make(exec, new FakeGraph(*recorded));
  return kOk;
}
CUresult cuGraphExecUpdate(CUgraphExec exec, CUgraph graph,
                           CUgraphExecUpdateResultInfo*) {
  LATHE_FAKE_BEGIN("cuGraphExecUpdate", kNoCapture)
  auto& now = *reinterpret_cast<FakeGraph*>(exec);
  const auto& next = *reinterpret_cast<FakeGraph*>(graph);
  if (!same_work(now, next)) return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
  lathe::fake::log_line("graph updated");
  now = next;
  return kOk;
}
CUresult cuGraphExecDestroy(CUgraphExec exec) {
  unmake<FakeGraph>(exec);
  return kOk;
}
CUresult cuGraphLaunch(CUgraphExec exec, CUstream) {
  LATHE_FAKE_BEGIN("cuGraphLaunch", kNoCapture)
  lathe::fake::log_line("graph launch");
  for (const FakeWork& work : reinterpret_cast<FakeGraph*>(exec)->work) {
    if (const CUresult result = work.run(); result != kOk) return result;
  }
  return kOk;
}

CUresult cuEventCreate(CUevent* event, unsigned) {
  LATHE_FAKE_BEGIN("cuEventCreate", kContext)
  make(event, new FakeEvent);
  return kOk;
}
CUresult cuEventDestroy(CUevent event) {
  unmake<FakeEvent>(event);
  return kOk;
}
CUresult cuEventRecord(CUevent event, CUstream) {
  LATHE_FAKE_BEGIN("cuEventRecord", kContext)
  reinterpret_cast<FakeEvent*>(event)->recorded = true;
  return kOk;
}
CUresult cuEventSynchronize(CUevent) {
  LATHE_FAKE_BEGIN("cuEventSynchronize", kNoCapture)
  return kOk;
}

}  // extern "C"

// Any bytes as what buildah prints: nothing but noise is lost, steps come in order,
// and it makes no difference how the bytes were cut.

#include "engine/buildah_output.h"
#include "fuzz/fuzz.h"

#include <string>
#include <vector>

namespace {

using namespace cooper;
using fuzz::require;

/// Writes down what it is told: each event at the place where the log stood.
class Recorder : public engine::Progress {
 public:
  void output(std::string_view bytes) override { shown += bytes; }
  void idle() override {}
  void step_started(std::string_view text) override { note("start " + std::string(text)); }
  void step_cached() override { note("cached"); }
  void step_finished(std::optional<int> exit_code) override {
    note("end " + std::to_string(exit_code.value_or(-1)));
  }
  std::uint64_t position() const override { return shown.size(); }
  void step_ended(const engine::EndedStep& /*step*/) override {}

  std::string shown;
  std::vector<std::string> events;

 private:
  void note(const std::string& what) {
    events.push_back(what + " at " + std::to_string(shown.size()));
  }
};

struct Read {
  explicit Read(engine::LastStep last) : output(recorder, {"localhost/hello:web.b1"}, last) {}
  Recorder recorder;
  engine::BuildahOutput output;
};

/// Is `part` what is left of `whole` when bytes are taken out of it?
bool is_subsequence(std::string_view part, std::string_view whole) {
  std::size_t at = 0;
  for (const char byte : whole) {
    if (at < part.size() && part[at] == byte) ++at;
  }
  return at == part.size();
}

void check_steps(const std::vector<engine::StepLine>& steps) {
  const engine::StepLine* before = nullptr;
  for (const engine::StepLine& step : steps) {
    require(step.number >= 1 && step.number <= step.total, "a step is one of all");
    require(step.stage <= step.stages, "its stage, too");
    const bool same_stage = before != nullptr && step.stage == before->stage;
    require(!same_stage || step.number > before->number, "steps come in order");
    before = &step;
  }
}

void check(std::string_view bytes, engine::LastStep last) {
  Read whole(last);
  whole.output.feed(bytes);
  whole.output.finish();
  check_steps(whole.output.steps());
  // A hidden last step is taken out of the others' "1/9", too.
  if (last == engine::LastStep::of_the_dockerfile) {
    require(is_subsequence(whole.recorder.shown, bytes), "nothing is shown that was not printed");
  }

  Read cut(last);
  fuzz::in_pieces(bytes, [&](std::string_view piece) { cut.output.feed(piece); });
  cut.output.finish();
  require(cut.recorder.shown == whole.recorder.shown, "cuts make no difference to what is shown");
  require(cut.recorder.events == whole.recorder.events, "nor to steps");
  require(cut.output.error() == whole.output.error(), "nor to the reason");
  require(cut.output.before_error() == whole.output.before_error(), "nor to the words before it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  check(bytes, engine::LastStep::of_the_dockerfile);
  check(bytes, engine::LastStep::adds_labels);
  return 0;
}

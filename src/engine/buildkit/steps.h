#pragma once
// From a daemon's graph of vertexes to the steps of a Dockerfile. Pure: status in,
// Progress calls out.

#include "engine/buildkit/status.h"
#include "engine/engine.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine::buildkit {

/// A vertex's name that is an instruction: "[build 2/5] RUN make".
struct Instruction {
  std::string place;  ///< "2/5", or "build 2/5" where stages have names
  std::string text;   ///< "RUN make"
  bool operator==(const Instruction&) const = default;
};

/// nullopt for what the daemon does besides ("[internal] load build context").
std::optional<Instruction> parse_instruction(std::string_view vertex_name);

/// Tells a Progress of one image's steps and shows their output.
///
/// Steps of several stages run at once. Each gets a line `[place] text` when it
/// begins, and `[place] ...` where its output goes on after another's. Steps are numbered as they
/// stand in the Dockerfile, but each after those that it needs; daemons name them in
/// any order.
class StepReader {
 public:
  /// `tag` is shown with the export, `dockerfile` is the text that is built. The
  /// reference must outlive it. `cache_problem` gets what the daemon says of a layer
  /// cache that it can't read or write.
  StepReader(Progress& progress, std::string tag, std::string dockerfile,
             std::function<void(const std::string&)> cache_problem = {})
      : progress_(progress),
        tag_(std::move(tag)),
        dockerfile_(std::move(dockerfile)),
        cache_problem_(std::move(cache_problem)) {}

  void update(const StatusUpdate& update);
  /// Nothing came for a moment: partial lines may be shown.
  void idle() { progress_.idle(); }
  /// The build has ended. `exit_code`: of the step that failed; absent if the build
  /// was ended from outside.
  void finish(std::optional<int> exit_code);

  /// Did all steps come from a cache? Known when the build has ended.
  bool all_cached() const;

  /// Has a RUN that was not cached printed something or ended well? What it runs in is
  /// there by then.
  bool something_ran() const noexcept { return something_ran_; }

  /// What failed first; nullopt if no step did.
  struct Failed {
    Instruction instruction;
    std::string error;
  };
  const std::optional<Failed>& failed() const noexcept { return failed_; }

 private:
  struct Node {
    bool is_step = false;
    int number = 0;
    std::vector<std::string> inputs;  // digests
    int line = 0;                     // in the Dockerfile; not before that of any that it needs
    int depth = 0;                    // how many it needs, one after the other
    Instruction instruction;          // of a step; else only the text
    bool shown = false;               // its first line was printed
    bool ended = false;               // the progress knows of its end
    std::optional<Time> started;
    std::optional<Time> completed;
    bool cached = false;
    enum class Outcome { fine, failed, interrupted } outcome = Outcome::fine;
    std::uint64_t log_begin = 0;
  };
  void add(const Vertex& vertex);
  void number_new();
  void take(const Vertex& vertex);
  void take(const VertexStatus& status);
  void note_cache(const Vertex& vertex);
  void show(const std::string& digest, std::string_view bytes);
  void begin(Node& node, const std::string& digest);
  void end(Node& node, std::optional<int> exit_code);
  void head(const Node& node, const std::string& digest, std::string_view text);
  void end_line();

  Progress& progress_;
  std::string tag_;
  std::string dockerfile_;
  std::function<void(const std::string&)> cache_problem_;
  std::map<std::string, Node> nodes_;  // by digest
  std::vector<std::string> order_;     // digests of steps
  std::vector<std::string> new_;       // digests of vertexes that were not numbered yet
  std::map<std::string, bool> parts_;  // parts of steps that were shown as complete
  std::string current_;                // whose output was shown last
  bool line_open_ = false;             // and it did not end its line
  bool something_ran_ = false;
  std::optional<Failed> failed_;
};

}  // namespace cooper::engine::buildkit

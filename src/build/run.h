#pragma once
// One build from its running record to its outcome.

#include "build/containment.h"
#include "build/images.h"
#include "build/plan.h"
#include "build/request.h"
#include "build/settings.h"
#include "build/step_log.h"
#include "build/unpacked_source.h"
#include "engine/choose.h"
#include "log/log_file.h"
#include "log/redact.h"
#include "store/layout.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace cooper::build {

/// Has the stored source as files, plans it, makes the images, and cleans up. Writes
/// the log and the steps; touches no record. Runs in the supervisor, which must
/// have called block_end_signals() and be a subreaper.
class Run {
 public:
  struct Parts {
    const store::Layout& layout;
    const AppName& app;
    const BuildId& id;
    const BuildRequest& request;
    const Settings& settings;
    const std::map<std::string, std::string>& environment;  ///< the app's
    const engine::BuildSecrets& secrets;
    log::LogFile& log;
    const log::Redactor& redactor;
    const engine::EngineMaker& make_engine;
    /// Told the engine's name before it makes anything.
    std::function<void(const std::string&)> engine_is;
  };
  /// Throws Error if the steps file can't be made.
  explicit Run(Parts parts);

  /// Does it all; a failure is an outcome. When it returns, no process, working
  /// container, mount or scratch file of the build is left; what can't be removed
  /// the log names. The steps are durable.
  Outcome run();

  /// The text of the manifest it was built from; known after run().
  const std::string& manifest_text() const { return plan_.manifest_text; }

  /// A line of cooper's own in the log.
  void say(const std::string& line) const;

 private:
  Outcome work(std::stop_token stop);
  bool is_import() const;
  void plan_source(std::stop_token stop);
  Outcome make_images(std::stop_token stop);
  void choose_cache();
  void choose_engine();
  std::unique_ptr<engine::Engine> reach_one(engine::EngineChoice choice);
  std::unique_ptr<engine::Engine> reach(const engine::EngineChoice& choice);
  void check_engine() const;
  void save(Outcome& outcome, std::stop_token stop);
  void push(unsigned jobs, Outcome& outcome, std::stop_token stop);
  void say_what_comes(unsigned jobs);
  unsigned jobs_at_once() const;
  Outcome judge() const;
  std::string memory_verdict(const engine::ImageResult& image) const;
  void keep_statement(const Outcome& outcome) const;
  void clean_up(const Outcome& outcome);

  Parts parts_;
  store::BuildFiles files_;
  UnpackedSource source_;
  StepLog steps_;
  log::OutputClock clock_;
  std::optional<Containment> containment_;
  engine::EngineKind engine_kind_ = engine::EngineKind::buildah;
  std::unique_ptr<engine::Engine> engine_;
  Time began_ = now();
  Plan plan_;
  ImagesResult made_;
  std::vector<std::string> registries_;  // that images or layers are pushed to
};

}  // namespace cooper::build

#include "engine/buildkit/steps.h"

#include "base/text.h"
#include "engine/dockerfile_lines.h"

#include <algorithm>

namespace cooper::engine::buildkit {

namespace {

bool is_fraction(std::string_view text) {
  const auto slash = text.find('/');
  return slash != std::string_view::npos && parse_number(text.substr(0, slash)) &&
         parse_number(text.substr(slash + 1));
}

}  // namespace

std::optional<Instruction> parse_instruction(std::string_view vertex_name) {
  const auto close = vertex_name.find("] ");
  if (!vertex_name.starts_with('[') || close == std::string_view::npos) return std::nullopt;
  const std::string_view place = vertex_name.substr(1, close - 1);
  if (!is_fraction(place.substr(place.rfind(' ') + 1))) return std::nullopt;
  // "[stage-1 2/3]" is how a stage without a name is called, "[ 2/10]" is padding.
  return Instruction{.place = std::string(trim(place)),
                     .text = std::string(vertex_name.substr(close + 2))};
}

void StepReader::update(const StatusUpdate& update) {
  for (const Vertex& vertex : update.vertexes) add(vertex);
  for (const Vertex& vertex : update.vertexes) take(vertex);
  for (const VertexStatus& status : update.statuses) take(status);
  for (const VertexLog& log : update.logs) show(log.vertex, log.bytes);
  for (const std::string& warning : update.warnings) {
    end_line();
    progress_.output("warning: " + warning + "\n");
  }
}

void StepReader::add(const Vertex& vertex) {
  auto [found, is_new] = nodes_.try_emplace(vertex.digest);
  if (!is_new) return;
  Node& node = found->second;
  node.inputs = vertex.inputs;
  if (auto instruction = parse_instruction(vertex.name)) {
    node.is_step = true;
    node.line = line_of(dockerfile_, instruction->text);
    node.instruction = std::move(*instruction);
  } else if (vertex.name.starts_with("exporting to ")) {
    node.is_step = true;
    node.instruction.text = "COMMIT " + tag_;
  }
  new_.push_back(vertex.digest);
}

/// Called when the first of them begins: a daemon names all of a build before that.
void StepReader::number_new() {
  // No vertex needs itself, so after as many rounds as there are all is settled.
  bool settled = false;
  for (std::size_t round = 0; !settled && round < new_.size(); ++round) {
    settled = true;
    for (const std::string& digest : new_) {
      Node& node = nodes_[digest];
      for (const std::string& input : node.inputs) {
        const auto needed = nodes_.find(input);
        if (needed == nodes_.end()) continue;
        const auto [line, depth] = std::pair(needed->second.line, needed->second.depth + 1);
        settled = settled && line <= node.line && depth <= node.depth;
        node.line = std::max(line, node.line);
        node.depth = std::max(depth, node.depth);
      }
    }
  }
  std::ranges::stable_sort(new_, {}, [&](const std::string& digest) {
    const Node& node = nodes_[digest];
    return std::pair(node.line, node.depth);
  });
  for (const std::string& digest : new_) {
    Node& node = nodes_[digest];
    if (!node.is_step) continue;
    order_.push_back(digest);
    node.number = static_cast<int>(order_.size());
  }
  new_.clear();
}

void StepReader::take(const Vertex& vertex) {
  Node& node = nodes_.at(vertex.digest);
  if (!node.is_step) note_cache(vertex);
  if (!node.is_step || node.ended) return;
  // One vertex may run several times, the first of them for no time at all.
  if (vertex.started)
    node.started = std::min(*vertex.started, node.started.value_or(*vertex.started));
  if (vertex.completed) {
    node.completed = std::max(*vertex.completed, node.completed.value_or(*vertex.completed));
  }
  node.cached = node.cached || vertex.cached;
  if (node.started) begin(node, vertex.digest);
  if (!vertex.error.empty()) {
    // The first is the cause; the others were ended because of it.
    node.outcome = failed_ ? Node::Outcome::interrupted : Node::Outcome::failed;
    if (!failed_) failed_ = Failed{.instruction = node.instruction, .error = vertex.error};
    return;
  }
  const bool may_run_again = node.instruction.text.starts_with("FROM ");
  if (node.completed && !may_run_again) end(node, 0);
}

/// The build goes on without it.
void StepReader::note_cache(const Vertex& vertex) {
  const bool is_cache = vertex.name.starts_with("importing cache manifest from ") ||
                        vertex.name.starts_with("exporting cache");
  if (!is_cache || vertex.error.empty() || !cache_problem_) return;
  end_line();
  cache_problem_(vertex.error);
}

/// A pulled layer; a line for each, as there may be no other sign of life for minutes.
void StepReader::take(const VertexStatus& status) {
  const auto found = nodes_.find(status.vertex);
  if (found == nodes_.end() || !found->second.is_step || !status.completed || status.total <= 0) {
    return;
  }
  if (!found->second.instruction.text.starts_with("FROM ")) return;
  bool& shown = parts_[status.vertex + status.id];
  if (shown) return;
  shown = true;
  show(status.vertex, "pulled " + status.id.substr(0, 19) + " (" +
                          human_bytes(static_cast<std::uint64_t>(status.total)) + ")\n");
}

void StepReader::begin(Node& node, const std::string& digest) {
  if (node.shown) return;
  node.shown = true;
  node.log_begin = progress_.position();
  if (node.number == 0) number_new();
  head(node, digest, node.instruction.text);
}

/// The first time with the whole text; where its output goes on after another's,
/// the place is enough.
void StepReader::head(const Node& node, const std::string& digest, std::string_view text) {
  end_line();
  current_ = digest;
  std::string line = node.cached ? "CACHED " : "";
  if (!node.instruction.place.empty()) line += "[" + node.instruction.place + "] ";
  progress_.output(line.append(text) + "\n");
}

void StepReader::show(const std::string& digest, std::string_view bytes) {
  const auto found = nodes_.find(digest);
  if (bytes.empty() || found == nodes_.end() || !found->second.is_step) return;
  begin(found->second, digest);
  if (found->second.instruction.text.starts_with("RUN ")) something_ran_ = true;
  if (current_ != digest) head(found->second, digest, "...");
  progress_.output(bytes);
  line_open_ = !bytes.ends_with('\n');
}

void StepReader::end_line() {
  if (line_open_) progress_.output("\n");
  line_open_ = false;
}

void StepReader::end(Node& node, std::optional<int> exit_code) {
  if (node.ended || !node.started) return;
  node.ended = true;
  if (exit_code == 0 && !node.cached && node.instruction.text.starts_with("RUN ")) {
    something_ran_ = true;
  }
  progress_.step_ended({.number = node.number,
                        .text = node.instruction.text,
                        .started = *node.started,
                        .finished = node.completed.value_or(now()),
                        .cached = node.cached,
                        .log_begin = node.log_begin,
                        .exit_code = exit_code});
}

bool StepReader::all_cached() const {
  return std::ranges::all_of(order_, [&](const std::string& digest) {
    const Node& node = nodes_.at(digest);
    const std::string& text = node.instruction.text;
    return node.cached || text.starts_with("FROM ") || text.starts_with("COMMIT ");
  });
}

void StepReader::finish(std::optional<int> exit_code) {
  end_line();
  number_new();
  for (const std::string& digest : order_) {
    Node& node = nodes_[digest];
    if (node.outcome == Node::Outcome::failed) {
      end(node, exit_code);
    } else {
      const bool whole = node.completed && node.outcome == Node::Outcome::fine;
      end(node, whole ? std::optional(0) : std::nullopt);
    }
  }
}

}  // namespace cooper::engine::buildkit

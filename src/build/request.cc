#include "build/request.h"

#include "base/text.h"
#include "model/json.h"

#include <boost/json.hpp>

#include <algorithm>

namespace cooper::build {
namespace json = boost::json;

namespace {

/// A text; of one that JSON can't hold, the list of its bytes.
json::value to_value(const std::string& word) {
  if (valid_utf8(word) == word) return json::string(word);
  json::array bytes;
  for (const char c : word) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

std::optional<std::string> word_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (!value.is_array()) return std::nullopt;
  std::string word;
  for (const json::value& byte : value.get_array()) {
    boost::system::error_code failure;
    word += static_cast<char>(byte.to_number<std::uint8_t>(failure));
    if (failure) return std::nullopt;
  }
  return word;
}

json::array to_array(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.push_back(json::string(text));
  return array;
}

/// What is no text is left out.
std::vector<std::string> texts_of(const json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  const json::value* value = object.if_contains(key);
  if (!value || !value->is_array()) return texts;
  for (const json::value& each : value->get_array()) {
    if (each.is_string()) texts.emplace_back(each.get_string());
  }
  return texts;
}

/// nullopt if it is damaged.
std::optional<TrackedCommand> command_of(const json::value& value) {
  const json::object* object = value.if_object();
  const json::value* words = object ? object->if_contains("words") : nullptr;
  const json::value* folder = object ? object->if_contains("folder") : nullptr;
  if (!words || !words->is_array() || words->get_array().empty() || !folder) return std::nullopt;
  TrackedCommand command;
  for (const json::value& each : words->get_array()) {
    auto word = word_of(each);
    if (!word) return std::nullopt;
    command.words.push_back(std::move(*word));
  }
  auto path = word_of(*folder);
  if (!path) return std::nullopt;
  command.folder = std::move(*path);
  return command;
}

}  // namespace

std::string command_line(const TrackedCommand& command) {
  std::string line;
  for (const std::string& word : command.words) {
    const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
      return static_cast<unsigned char>(c) > ' ' &&
             std::string_view("\"'\\$`&;|<>()*?[]{}~#!").find(c) == std::string_view::npos;
    });
    if (!line.empty()) line += ' ';
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

std::string to_json(const BuildRequest& request) {
  json::array build_args;
  for (const auto& [name, value] : request.build_args) {
    build_args.push_back(json::object{{"name", name}, {"value", value}});
  }
  json::object object{{"source", request.source},           {"description", request.description},
                      {"git_sha", request.git_sha},         {"git_url", request.git_url},
                      {"manifest", request.manifest},       {"build_args", std::move(build_args)},
                      {"no_cache", request.no_cache},       {"force", request.force},
                      {"development", request.development}, {"platform", request.platform},
                      {"engine", request.engine},           {"jobs", request.jobs}};
  if (!request.tree.empty()) {
    object["tree"] = request.tree;
    object["archive"] = request.archive;
    object["archive_bytes"] = request.archive_bytes;
  }
  if (!request.branch.empty()) object["branch"] = request.branch;
  if (!request.image.empty()) object["image"] = request.image;
  if (!request.output.empty()) object["output"] = to_value(request.output);
  if (request.kind) object["kind"] = to_string(*request.kind);
  if (!request.release.empty()) object["release"] = request.release;
  if (!request.retry_of.empty()) object["retry_of"] = request.retry_of;
  if (!request.imported_from.empty()) object["imported_from"] = request.imported_from;
  if (!request.secrets.empty()) object["secrets"] = to_array(request.secrets);
  if (!request.agents.empty()) object["agents"] = to_array(request.agents);
  if (request.has_redact_variable) object["has_redact_variable"] = true;
  if (request.command) {
    json::array words;
    for (const std::string& word : request.command->words) words.push_back(to_value(word));
    object["command"] =
        json::object{{"words", std::move(words)}, {"folder", to_value(request.command->folder)}};
  }
  return pretty(object);
}

Result<BuildRequest> parse_request(std::string_view text) {
  boost::system::error_code failure;
  const json::value value = json::parse(text, failure);
  const auto bad = [](const char* what) {
    return Error(Errc::corrupt, std::string("build request: ") + what);
  };
  if (failure || !value.is_object()) return bad("is no JSON object");
  const json::object& object = value.get_object();
  const auto text_of = [](const json::object& from, std::string_view key) {
    const json::value* found = from.if_contains(key);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto flag_of = [&](std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found && found->is_bool() && found->get_bool();
  };
  BuildRequest request{.source = text_of(object, "source"),
                       .description = text_of(object, "description"),
                       .git_sha = text_of(object, "git_sha"),
                       .git_url = text_of(object, "git_url"),
                       .branch = text_of(object, "branch"),
                       .manifest = text_of(object, "manifest"),
                       .image = text_of(object, "image"),
                       .no_cache = flag_of("no_cache"),
                       .force = flag_of("force"),
                       .development = flag_of("development"),
                       .platform = text_of(object, "platform"),
                       .engine = text_of(object, "engine"),
                       .tree = text_of(object, "tree"),
                       .archive = text_of(object, "archive"),
                       .release = text_of(object, "release"),
                       .retry_of = text_of(object, "retry_of"),
                       .imported_from = text_of(object, "imported_from"),
                       .secrets = texts_of(object, "secrets"),
                       .agents = texts_of(object, "agents"),
                       .has_redact_variable = flag_of("has_redact_variable")};
  if (const json::value* bytes = object.if_contains("archive_bytes")) {
    request.archive_bytes = bytes->to_number<std::uint64_t>(failure);
    if (failure) return bad("field \"archive_bytes\" is no number");
  }
  if (const json::value* jobs = object.if_contains("jobs")) {
    const auto number = jobs->to_number<std::uint32_t>(failure);
    if (failure) return bad("field \"jobs\" is no number");
    request.jobs = number;
  }
  if (const json::value* output = object.if_contains("output")) {
    auto folder = word_of(*output);
    if (!folder) return bad("field \"output\" is damaged");
    request.output = std::move(*folder);
  }
  const json::value* build_args = object.if_contains("build_args");
  if (!build_args || !build_args->is_array()) return bad("field \"build_args\" is no list");
  for (const json::value& entry : build_args->get_array()) {
    if (!entry.is_object()) return bad("a build argument is no object");
    request.build_args.emplace_back(text_of(entry.get_object(), "name"),
                                    text_of(entry.get_object(), "value"));
  }
  request.kind = parse_kind(text_of(object, "kind"));
  if (const json::value* command = object.if_contains("command")) {
    request.command = command_of(*command);
    if (!request.command) return bad("field \"command\" is damaged");
  }
  return request;
}

}  // namespace cooper::build

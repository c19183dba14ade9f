#include "engine/buildkit/error_details.h"

#include "base/text.h"
#include "engine/dockerfile_lines.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <failure.pb.h>
#include <vector>

namespace cooper::engine::buildkit {
namespace json = boost::json;

namespace {

const json::value* member(const json::value* value, std::string_view key) {
  return value && value->is_object() ? value->get_object().if_contains(key) : nullptr;
}

int number(const json::value* value) {
  boost::system::error_code problem;
  const int result = value ? value->to_number<int>(problem) : 0;
  return problem ? 0 : result;
}

void read_part(const cooper::wire::Failure::Part& part, ErrorDetails& details) {
  boost::system::error_code problem;
  const json::value value = json::parse(part.value(), problem);
  if (problem) return;
  if (part.type_url().ends_with("gatewayapi.ExitMessage+json")) {
    if (const json::value* code = member(&value, "Code")) details.exit_code = number(code);
  }
  if (part.type_url().ends_with("errdefs.Source+json")) {
    const json::value* file = member(member(&value, "info"), "filename");
    if (file && file->is_string()) details.file = std::string(file->get_string());
    const json::value* ranges = member(&value, "ranges");
    if (ranges && ranges->is_array() && !ranges->get_array().empty()) {
      details.line = number(member(member(&ranges->get_array()[0], "start"), "line"));
    }
  }
}

}  // namespace

ErrorDetails read_error_details(std::string_view status) {
  ErrorDetails details;
  cooper::wire::Failure failure;
  if (!failure.ParseFromArray(status.data(), static_cast<int>(status.size()))) return details;
  for (const cooper::wire::Failure::Part& part : failure.details()) read_part(part, details);
  return details;
}

std::optional<int> exit_code_in(std::string_view message) {
  constexpr std::string_view kWords = "exit code: ";
  const auto at = message.rfind(kWords);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = message.substr(at + kWords.size());
  const auto code = parse_number(rest.substr(0, rest.find_first_not_of("0123456789")));
  if (!code || *code > 255) return std::nullopt;
  return static_cast<int>(*code);
}

std::string plain_message(std::string_view message) {
  constexpr std::array<std::string_view, 8> kWrappings = {
      "failed to solve with frontend dockerfile.v0: ",
      "failed to solve: ",
      "failed to create LLB definition: ",
      "failed to build LLB: ",
      "failed to compute cache key: ",
      "rpc error: code = Unknown desc = ",
      "rpc error: code = NotFound desc = ",
      "failed to calculate checksum of ref "};
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view wrapping : kWrappings) {
      if (!message.starts_with(wrapping)) continue;
      message.remove_prefix(wrapping.size());
      // Of the last, an id of the daemon's follows: "<id>::<id>: ".
      if (wrapping.ends_with("ref ")) message.remove_prefix(message.find(": ") + 2);
      found = true;
    }
  }
  return printable(one_space(message));
}

int line_in(std::string_view message) {
  constexpr std::string_view kWords = "parse error line ";
  constexpr std::string_view kNewerWords = "parse error on line ";
  for (const std::string_view words : {kWords, kNewerWords}) {
    const auto at = message.find(words);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = message.substr(at + words.size());
    const auto line = parse_number(rest.substr(0, rest.find_first_not_of("0123456789")));
    if (line && *line < 1'000'000) return static_cast<int>(*line);
  }
  return 0;
}

}  // namespace cooper::engine::buildkit

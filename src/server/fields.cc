#include "server/fields.h"

#include "base/ascii.h"
#include "base/text.h"
#include "base/utf8.h"

#include <algorithm>

namespace cooper::server {

namespace {

enum class Plus { itself, blank };

/// nullopt: half a %XX.
std::optional<std::string> decoded(std::string_view text, Plus plus) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::blank) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      const auto byte = percent_byte(text.substr(i));
      if (!byte) return std::nullopt;
      result += *byte;
      i += 2;
    }
  }
  return result;
}

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

Error bad_target(const char* why) {
  return {Errc::invalid, std::string("the request's URL ") + why};
}

}  // namespace

std::optional<std::string_view> Fields::find(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &Entries::value_type::first);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string_view> Fields::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : entries_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

Result<Fields> parse_form(std::string_view text) {
  Fields fields;
  std::size_t count = 0;
  for (const std::string_view pair : split(text, '&')) {
    if (pair.empty()) continue;
    if (++count > kMaxFields) return Error(Errc::invalid, "the form has too many fields");
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals), Plus::blank);
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())), Plus::blank);
    if (!name || !value || !is_text(*name) || !is_text(*value)) {
      return Error(Errc::invalid,
                   "field " + std::to_string(count) + " of the form is not well-formed",
                   "a form is NAME=VALUE&NAME=VALUE in UTF-8, with %XX for special characters");
    }
    fields.add(std::move(*name), std::move(*value));
  }
  return fields;
}

Result<Target> parse_target(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(std::min(text.find('/', scheme.size()), text.size()));
    if (text.empty()) text = "/";
  }
  if (!text.starts_with('/')) return bad_target("does not begin with a slash");
  const std::size_t mark = std::min(text.find('?'), text.size());
  Target target;
  std::string_view path = text.substr(1, mark - 1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!path.empty()) {
    for (const std::string_view part : split(path, '/')) {
      auto plain = decoded(part, Plus::itself);
      if (!plain || !is_text(*plain)) return bad_target("is not well-formed");
      if (has_control_characters(*plain)) return bad_target("has control characters");
      if (plain->empty() || *plain == "." || *plain == "..") {
        return bad_target("has an empty part, or . or ..");
      }
      target.path.push_back(std::move(*plain));
    }
  }
  auto query = parse_form(text.substr(std::min(mark + 1, text.size())));
  if (!query) return bad_target("has a query that is not well-formed");
  target.query = std::move(*query);
  return target;
}

}  // namespace cooper::server

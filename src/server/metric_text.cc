#include "server/metric_text.h"

#include <array>
#include <charconv>

namespace cooper::server {

namespace {

void add_label(std::string& text, std::string_view name, std::string_view value) {
  text.append(text.empty() ? "{" : ",").append(name).append("=\"");
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  text += '"';
}

}  // namespace

std::string MetricText::number(double value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

void MetricText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  text_.append(name).append(" ").append(type).append("\n");
}

void MetricText::sample(Labels labels, std::uint64_t value) {
  write({}, labels, {}, std::to_string(value));
}

void MetricText::sample(Labels labels, double value) { write({}, labels, {}, number(value)); }

void MetricText::write(std::string_view suffix, Labels labels, std::string_view limit,
                       std::string_view value) {
  std::string shown;
  for (const auto& [name, text] : labels) add_label(shown, name, text);
  if (!limit.empty()) add_label(shown, "le", limit);
  if (!shown.empty()) shown += "}";
  text_.append(name_).append(suffix).append(shown).append(" ").append(value).append("\n");
}

}  // namespace cooper::server

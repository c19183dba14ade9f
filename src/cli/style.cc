#include "cli/style.h"

namespace cooper::cli {

namespace {

std::string_view sequence(Style style) noexcept {
  switch (style) {
    case Style::plain:
      return {};
    case Style::heading:
      return "\x1b[1m";
    case Style::good:
      return "\x1b[32m";
    case Style::bad:
      return "\x1b[31m";
    case Style::busy:
      return "\x1b[36m";
    case Style::warned:
      return "\x1b[33m";
    case Style::faint:
      return "\x1b[2m";
  }
  return {};
}

}  // namespace

std::string styled(std::string_view text, Style style, Colours colours) {
  const std::string_view begin = sequence(style);
  if (colours == Colours::off || begin.empty() || text.empty()) return std::string(text);
  std::string result(begin);
  result += text;
  result += "\x1b[0m";
  return result;
}

Style style_of(DisplayStatus status) noexcept {
  switch (status) {
    case DisplayStatus::queued:
      return Style::faint;
    case DisplayStatus::running:
      return Style::busy;
    case DisplayStatus::succeeded:
      return Style::good;
    case DisplayStatus::failed:
      return Style::bad;
    case DisplayStatus::canceled:
    case DisplayStatus::abandoned:
      return Style::warned;
  }
  return Style::plain;
}

Colours choose_colours(const ColourFacts& facts) noexcept {
  if (facts.mode == ColourMode::always) return Colours::on;
  if (facts.mode == ColourMode::never) return Colours::off;
  const bool wanted = facts.is_terminal && facts.no_color.empty() && facts.term != "dumb";
  return wanted ? Colours::on : Colours::off;
}

}  // namespace cooper::cli

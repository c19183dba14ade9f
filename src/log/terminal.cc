#include "log/terminal.h"

#include "base/utf8.h"

#include <cstdint>

namespace cooper::log {

namespace {

constexpr std::size_t kLongestSequence = 4096;
constexpr std::size_t kLongestSgr = 128;
constexpr unsigned char kEscape = 0x1B;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_plain(unsigned char byte) { return byte >= 0x20 && byte < 0x7F; }
bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// How long the character is that begins so; 0: none begins so. (What comes may
// be cut anywhere, so base's utf8_length, which wants it whole, does not do.)
std::size_t length_after(unsigned char first) {
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

// Whether `second` may follow `first`: no overlong forms, surrogates, or
// values above U+10FFFF (Unicode, table 3-7).
bool may_follow(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return is_continuation(second);
  }
}

}  // namespace

std::string TerminalFilter::filter(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t run = i;
    if (state_ == State::text)
      while (run < bytes.size() && is_plain(static_cast<unsigned char>(bytes[run]))) ++run;
    if (run > i) {
      show(bytes.substr(i, run - i), out);
      i = run;
    } else {
      take(static_cast<unsigned char>(bytes[i++]), out);
    }
  }
  return out;
}

std::string TerminalFilter::finish() {
  std::string out;
  if (state_ == State::utf8) show(kReplacement, out);
  enter(State::text);
  if (return_waits_ && !line_is_empty_) out += '\n';
  return_waits_ = false;
  line_is_empty_ = true;
  if (styled_) out += "\x1B[0m";
  styled_ = false;
  return out;
}

void TerminalFilter::take(unsigned char byte, std::string& out) {
  switch (state_) {
    case State::text:
      return take_text(byte, out);
    case State::escape:
      return take_escape(byte, out);
    case State::csi:
      return take_csi(byte, out);
    case State::string:
      return take_string(byte, out);
    case State::utf8:
      return take_utf8(byte, out);
  }
}

void TerminalFilter::enter(State state) {
  state_ = state;
  pending_.clear();
  length_ = 0;
  previous_ = 0;
}

void TerminalFilter::take_text(unsigned char byte, std::string& out) {
  if (byte == '\n') {
    out += '\n';
    line_is_empty_ = true;
    return_waits_ = false;
  } else if (byte == '\r') {
    return_waits_ = true;
  } else if (byte == kEscape) {
    enter(State::escape);
  } else if (is_plain(byte) || byte == '\t') {
    const char c = static_cast<char>(byte);
    show({&c, 1}, out);
  } else if (byte >= 0x80) {
    expected_ = length_after(byte);
    if (expected_ == 0) return show(kReplacement, out);
    enter(State::utf8);
    pending_ += static_cast<char>(byte);
  }
}

void TerminalFilter::take_escape(unsigned char byte, std::string& out) {
  ++length_;
  if (byte == '[') return enter(State::csi);
  // OSC, DCS, SOS, PM, APC: a string of bytes up to its terminator.
  if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_')
    return enter(State::string);
  if (byte >= 0x20 && byte < 0x30 && length_ < kLongestSequence) return;  // intermediate
  enter(State::text);
  if (!is_plain(byte)) take_text(byte, out);  // not a part of the sequence
}

void TerminalFilter::take_csi(unsigned char byte, std::string& out) {
  if (!is_plain(byte)) {  // a control cuts the sequence off, and counts
    enter(State::text);
    return take_text(byte, out);
  }
  ++length_;
  if (byte >= 0x40) {
    if (byte == 'm') show_sgr(out);
    return enter(State::text);
  }
  if (pending_.size() <= kLongestSgr) pending_ += static_cast<char>(byte);
  if (length_ >= kLongestSequence) enter(State::text);
}

// Only numbers: with a private mark (`>`, `?`) or an intermediate byte, a
// sequence that ends in `m` sets keyboard modes.
void TerminalFilter::show_sgr(std::string& out) {
  if (colour_ == Colour::removed || pending_.size() > kLongestSgr) return;
  if (pending_.find_first_not_of("0123456789;:") != std::string::npos) return;
  out += "\x1B[";
  out += pending_;
  out += 'm';
  styled_ = pending_.find_first_not_of("0;") != std::string::npos;
}

void TerminalFilter::take_string(unsigned char byte, std::string& out) {
  constexpr unsigned char kBell = 0x07, kCancel = 0x18, kSubstitute = 0x1A;
  const bool ended_by_c1 = previous_ == 0xC2 && byte == 0x9C;  // ST as UTF-8
  if (byte == kBell || byte == kCancel || byte == kSubstitute || ended_by_c1)
    return enter(State::text);
  if (byte == kEscape) return enter(State::escape);  // `ESC \` ends it; so does any other
  if (byte == '\n' || byte == '\r') {
    enter(State::text);
    return take_text(byte, out);
  }
  previous_ = byte;
  if (++length_ >= kLongestSequence) enter(State::text);
}

void TerminalFilter::take_utf8(unsigned char byte, std::string& out) {
  const bool fits = pending_.size() == 1 ? may_follow(static_cast<unsigned char>(pending_[0]), byte)
                                         : is_continuation(byte);
  if (!fits) {
    show(kReplacement, out);
    enter(State::text);
    return take_text(byte, out);
  }
  pending_ += static_cast<char>(byte);
  if (pending_.size() == expected_) end_character(out);
}

void TerminalFilter::end_character(std::string& out) {
  const std::uint32_t c = code_point(pending_);
  if (c >= 0x80 && c <= 0x9F) {
    // Terminals take these for the controls that `ESC @` to `ESC _` stand for.
    enter(State::escape);
    return take_escape(static_cast<unsigned char>(c - 0x40), out);
  }
  if (!changes_direction(c)) show(pending_, out);
  enter(State::text);
}

void TerminalFilter::show(std::string_view text, std::string& out) {
  if (return_waits_ && !line_is_empty_) out += '\n';
  return_waits_ = false;
  line_is_empty_ = false;
  out += text;
}

}  // namespace cooper::log

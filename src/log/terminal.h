#pragma once
// Makes build output harmless on a terminal: what a build prints may come from
// anyone, and must not move the cursor, rewrite earlier lines, set the title
// or the clipboard, or reorder text.

#include <cstddef>
#include <string>
#include <string_view>

namespace cooper::log {

enum class Colour { kept, removed };

/// Kept: text, tab, newline, and SGR sequences (colours, bold) unless colour is
/// removed. Removed: all other escape sequences with their contents (of a
/// hyperlink the text stays), C0 and C1 controls, DEL, controls that change
/// the direction of text. A byte that is not UTF-8 becomes U+FFFD.
///
/// A carriage return that does not end a line would let later text overwrite
/// earlier text; it becomes a newline, so that every state of a progress bar
/// is a line of its own: more lines, but all of them true.
///
/// Works on a stream in any pieces. An escape sequence that has not ended
/// after 4 KiB, or at the end of the line, is given up: what follows is text.
/// One thread at a time.
class TerminalFilter {
 public:
  explicit TerminalFilter(Colour colour) : colour_(colour) {}

  /// What of `bytes`, and of what waited before them, may be shown.
  std::string filter(std::string_view bytes);
  /// The end of the stream: what still waits, and a reset if a colour is on.
  std::string finish();

 private:
  enum class State { text, escape, csi, string, utf8 };

  void take(unsigned char byte, std::string& out);
  void take_text(unsigned char byte, std::string& out);
  void take_escape(unsigned char byte, std::string& out);
  void take_csi(unsigned char byte, std::string& out);
  void take_string(unsigned char byte, std::string& out);
  void take_utf8(unsigned char byte, std::string& out);
  void end_character(std::string& out);
  void enter(State state);
  void show(std::string_view text, std::string& out);
  void show_sgr(std::string& out);

  Colour colour_;
  State state_ = State::text;
  std::string pending_;         // of a CSI sequence its parameters, of a character its bytes
  std::size_t length_ = 0;      // of the sequence so far
  std::size_t expected_ = 0;    // bytes of the UTF-8 character
  unsigned char previous_ = 0;  // byte before, within a string
  bool return_waits_ = false;   // a carriage return, not yet known to be lone
  bool line_is_empty_ = true;   // nothing shown since the last newline
  bool styled_ = false;         // the last SGR shown was not a reset
};

}  // namespace cooper::log

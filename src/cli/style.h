#pragma once
// What colours mean. Colour is never the only signal: the word is always there.

#include "model/build.h"

#include <string>
#include <string_view>

namespace cooper::cli {

/// What a text is, not how it looks.
enum class Style { plain, heading, good, bad, busy, warned, faint };

enum class Colours { off, on };

/// `text`, between the style's escape sequence and a reset if colours are on.
std::string styled(std::string_view text, Style style, Colours colours);

/// How a status is shown.
Style style_of(DisplayStatus status) noexcept;

/// `--color`.
enum class ColourMode { automatic, always, never };

/// What decides about colours: https://no-color.org and TERM=dumb count only
/// where the command line is silent.
struct ColourFacts {
  ColourMode mode = ColourMode::automatic;
  bool is_terminal = false;
  std::string_view no_color;  ///< $NO_COLOR; empty: unset
  std::string_view term;      ///< $TERM
};

/// Whether a stream is coloured.
Colours choose_colours(const ColourFacts& facts) noexcept;

}  // namespace cooper::cli

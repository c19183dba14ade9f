#pragma once
// UTF-8, one character at a time.

#include <cstddef>
#include <string_view>

namespace cooper {

/// Length of the well-formed sequence at the start of `text` (1 to 4); 0 if none
/// is there: no overlong forms, surrogates, or values above U+10FFFF.
std::size_t utf8_length(std::string_view text) noexcept;

/// What a whole well-formed sequence stands for.
char32_t code_point(std::string_view sequence) noexcept;

/// Characters that change the direction of the text around them, and so can show
/// it in another order than it has ("Trojan Source", CVE-2021-42574).
bool changes_direction(char32_t c) noexcept;

}  // namespace cooper

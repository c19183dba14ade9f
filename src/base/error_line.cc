#include "base/error_line.h"

#include "base/text.h"

namespace cooper {

namespace {
constexpr char kFieldEnd = '\x1f';  // ASCII unit separator: in no message of ours
}  // namespace

std::string to_line(const Error& error) {
  return std::to_string(static_cast<int>(error.code())) + kFieldEnd + error.message() + kFieldEnd +
         error.hint() + "\n";
}

std::optional<Error> parse_error_line(std::string_view text) {
  const auto fields = split(trim(text), kFieldEnd);
  const auto code = fields.size() == 3 ? parse_number(fields[0]) : std::nullopt;
  if (!code || *code > static_cast<std::uint64_t>(Errc::internal)) return std::nullopt;
  return Error(static_cast<Errc>(*code), std::string(fields[1]), std::string(fields[2]));
}

}  // namespace cooper

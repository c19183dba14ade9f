#pragma once
// How cooper says that something can't be done: one exception type, one result
// type. docs/decisions.md tells when each is used.

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace cooper {

/// Why an operation could not be done, as far as a caller can act on it.
enum class Errc : std::uint8_t {
  invalid,      ///< the request or file is wrong; retrying can't help
  not_found,    ///< the named thing does not exist
  conflict,     ///< the thing exists, in a state that forbids the operation
  denied,       ///< no permission
  unavailable,  ///< a tool, disk or peer can't be reached; retrying may help
  canceled,     ///< someone asked for it to stop
  engine,       ///< the image engine failed in a way that is not the user's build
  corrupt,      ///< stored bytes do not parse
  internal,     ///< a bug in cooper
};

/// The only exception type that cooper throws: a code for programs, a sentence
/// for people, and optionally a hint that says what to do.
class Error : public std::exception {
 public:
  /// Needed by Result's error(); means nothing went wrong, or a bug.
  Error() : Error(Errc::internal, {}) {}
  Error(Errc code, std::string message, std::string hint = {},
        boost::source_location where = BOOST_CURRENT_LOCATION);

  Errc code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  /// What the reader can do about it; empty if there is nothing to add.
  const std::string& hint() const noexcept { return hint_; }
  const boost::source_location& where() const noexcept { return where_; }
  const char* what() const noexcept override { return message_.c_str(); }

  /// Prefixes the message with what was being done: "importing a.tar: ...".
  Error while_doing(std::string_view doing) &&;

 private:
  Errc code_;
  std::string message_;
  std::string hint_;
  boost::source_location where_;
};

/// Outcome of reading bytes that somebody else wrote (manifest, JSON, archive,
/// command line). `.value()` turns a bad outcome into a thrown Error.
template <class T>
using Result = boost::system::result<T, Error>;

/// Found by ADL from Result<T>::value().
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
  throw error;
}

/// Throws Error for the current errno. `doing` names the call and its object,
/// for example "open /a/b". EACCES and EPERM give denied, ENOENT not_found,
/// anything else unavailable; ENOSPC and EDQUOT carry a hint about the disk.
[[noreturn]] void throw_errno(std::string_view doing,
                              boost::source_location where = BOOST_CURRENT_LOCATION);
[[noreturn]] void throw_errno(int error_number, std::string_view doing,
                              boost::source_location where = BOOST_CURRENT_LOCATION);

/// Exit code of cooper's own commands for a failure of this kind.
int exit_code(Errc code) noexcept;

}  // namespace cooper

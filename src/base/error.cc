#include "base/error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace cooper {

Error::Error(Errc code, std::string message, std::string hint, boost::source_location where)
    : code_(code), message_(std::move(message)), hint_(std::move(hint)), where_(where) {}

Error Error::while_doing(std::string_view doing) && {
  message_ = std::string(doing) + ": " + message_;
  return std::move(*this);
}

void throw_errno(std::string_view doing, boost::source_location where) {
  throw_errno(errno, doing, where);
}

void throw_errno(int error_number, std::string_view doing, boost::source_location where) {
  Errc code = Errc::unavailable;
  std::string hint;
  if (error_number == EACCES || error_number == EPERM) {
    code = Errc::denied;
    hint = "check the owner and mode, or run as a user who has access";
  } else if (error_number == EROFS) {
    code = Errc::denied;
    hint = "it lies on a file system that is read-only for us: mount it writable";
  } else if (error_number == ENOENT) {
    code = Errc::not_found;
  } else if (error_number == ENOSPC || error_number == EDQUOT) {
    hint = "the disk is full: free some space and try again";
  }
  throw Error(code, std::string(doing) + ": " + std::generic_category().message(error_number), hint,
              where);
}

int exit_code(Errc code) noexcept {
  switch (code) {        // no default: a new Errc must be a compile error here
    case Errc::invalid:  // typed wrongly; a mistake in an app's source is a failed build, no Error
      return 2;
    case Errc::engine:
    case Errc::corrupt:
    case Errc::internal:
      return 1;
    case Errc::not_found:
      return 3;
    case Errc::denied:
      return 4;
    case Errc::unavailable:
      return 5;
    case Errc::conflict:
      return 6;
    case Errc::canceled:
      return 130;
  }
  return 1;
}

}  // namespace cooper

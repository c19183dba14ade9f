#include "engine/build_input.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <fcntl.h>
#include <system_error>

namespace cooper::engine {

std::string shown_path(const std::filesystem::path& file, const std::filesystem::path& context) {
  const std::filesystem::path relative = file.lexically_relative(context);
  if (relative.empty() || *relative.begin() == "..") return printable(file.string());
  return printable(relative.string());
}

std::string missing_input(const ImageRequest& request) {
  std::error_code error;
  if (!std::filesystem::is_directory(request.context, error)) {
    return "the build context " + printable(request.context.string()) + " is not a folder";
  }
  if (!std::filesystem::exists(request.dockerfile, error)) {
    return "there is no " + shown_path(request.dockerfile, request.context) + " to build from";
  }
  return {};
}

bool is_label_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view("\"'$\\`").find(c) == std::string_view::npos;
  });
}

void write_scratch(const std::filesystem::path& path, std::string_view text) {
  // Secrets, too: it stays root's where the folder is somebody else's, and no link that
  // they put there is followed.
  remove_file(path);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw_errno("create " + path.string());
  write_all(file.get(), text);
}

}  // namespace cooper::engine

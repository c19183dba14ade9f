// LocalRack: credentials of registries.

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "rack/local_rack.h"
#include "store/folder_lock.h"
#include "store/folders.h"

namespace cooper::rack {

namespace {

void check_host(const std::string& host) {
  if (engine::is_registry_host(host)) return;
  throw Error(Errc::invalid, "\"" + shorten(printable(host), 60) + "\" names no registry",
              "expected HOST or HOST:PORT, such as ghcr.io or registry.example.com:5000");
}

}  // namespace

std::vector<engine::KnownLogin> LocalRack::list_registries(std::vector<std::string>& warnings) {
  return engine::known_logins(layout_.registry_logins(), warnings);
}

void LocalRack::add_registry(const std::string& host, const engine::Login& login) {
  check_host(host);
  if (login.user.empty() || login.user.find_first_of(":\n\r") != std::string::npos) {
    throw Error(Errc::invalid, "the user of a registry is a text without a colon");
  }
  if (login.password.empty()) throw Error(Errc::invalid, "the password is empty");
  const std::filesystem::path file = layout_.registry_logins();
  const Fd folder = store::make_folder(layout_, file.parent_path(), 0700);
  const store::FolderLock lock(folder);
  const std::string text = engine::with_login(read_file(file).value_or(""), host, login).value();
  write_file_durably(folder, file.filename(), text, 0600);
}

void LocalRack::remove_registry(const std::string& host) {
  check_host(host);
  const std::filesystem::path file = layout_.registry_logins();
  const auto none = [&] {
    return Error(Errc::not_found, "cooper keeps no credentials of " + host,
                 "`cooper registries` lists whose it keeps; other tools' remain theirs");
  };
  const Fd folder = store_.find_folder(file.parent_path());
  if (!folder) throw none();
  const store::FolderLock lock(folder);
  const auto text = engine::without_login(read_file(file).value_or(""), host).value();
  if (!text) throw none();
  write_file_durably(folder, file.filename(), *text, 0600);
}

}  // namespace cooper::rack

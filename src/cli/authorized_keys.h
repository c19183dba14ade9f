#pragma once
// The file by which sshd tells who may log in, and the lines of it that are cooper's.

#include "base/error.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::cli {

/// A public key as its file has it.
struct PublicKey {
  std::string type;  ///< "ssh-ed25519"
  std::string blob;  ///< base64
};

/// "SHA256:...", as ssh-keygen -l shows it.
std::string fingerprint(const PublicKey& key);

/// Of a file with one public key, without options. Error{invalid} says what is wrong with it.
[[nodiscard]] Result<PublicKey> parse_public_key(std::string_view text);

/// Letters, digits and `.`, `_`, `-`, `@`; the first is a letter or digit.
bool is_key_name(std::string_view text);

/// One line of the file that lets somebody in.
struct AuthorizedKey {
  std::string name;  ///< empty: it is not cooper's
  PublicKey key;
};

/// nullopt: an empty line, a comment, or nothing that sshd would understand.
std::optional<AuthorizedKey> parse_authorized_line(std::string_view line);

/// The line that lets a key do what `cooper git-shell` allows, and nothing else. `root`: the data
/// root, absolute.
std::string authorized_line(const std::string& name, const PublicKey& key,
                            const std::filesystem::path& program,
                            const std::filesystem::path& root);

/// The file, which may not be there yet: then it is made, 0600, its folder 0700. What is not
/// cooper's in it is kept byte by byte; a change is visible whole or not at all, and of two at
/// once none is lost. All may throw Error.
class AuthorizedKeys {
 public:
  /// A symbolic link is followed: what it leads to is changed.
  explicit AuthorizedKeys(const std::filesystem::path& file);

  std::vector<AuthorizedKey> list() const;  ///< cooper's, in the file's order
  /// Error{conflict} if the name, or the key in whatever line, is there already.
  void add(const std::string& name, const PublicKey& key, const std::string& line);
  /// Error{not_found}.
  void remove(const std::string& name);

 private:
  std::string read() const;

  std::filesystem::path file_;
};

}  // namespace cooper::cli

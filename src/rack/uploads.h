#pragma once
// Sources on their way here, piece by piece: only what no earlier build of the app has is sent.

#include "base/fd.h"
#include "model/names.h"
#include "source/archive_pieces.h"
#include "store/layout.h"

#include <compare>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::rack {

struct DigestRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
/// SHA-256, 64 lower-case hex digits.
using Digest = CheckedName<DigestRule>;

/// What an archive consists of.
struct UploadPlan {
  Digest archive;  ///< of the whole
  std::vector<source::ArchivePiece> pieces;
};

/// Checks digests and lengths, and sets the offsets. Error{invalid} for an empty archive, pieces
/// without or with too many bytes, or more than `most_bytes` together.
[[nodiscard]] Result<UploadPlan> make_upload_plan(std::string_view archive,
                                                  std::vector<source::ArchivePiece> pieces,
                                                  std::uint64_t most_bytes);

/// Unfinished archives, each a file called by its digest that is filled in any order, by anybody
/// who has the pieces; so who begins again goes on. They lie beside the app's objects and go like
/// those, a day after the last piece. Safe to use from several threads and processes at once.
class Uploads {
 public:
  explicit Uploads(store::Layout layout) : layout_(std::move(layout)) {}

  /// Digests of the pieces that are missing, each once. What came before, what the app's last
  /// builds have, and what other unfinished archives of the app have, is taken from there.
  /// Throws Error.
  std::vector<std::string> begin(const AppName& app, const UploadPlan& plan,
                                 const std::stop_token& stop);
  /// Puts a piece, all of the open file, durably where it belongs. Error{not_found} if that archive
  /// was not begun, or is to be begun again; Error{invalid} for what is no such piece of it.
  void add(const AppName& app, const Digest& archive, const Digest& piece, const Fd& bytes);
  /// The archive, open for reading at its begin. Error{not_found}; Error{conflict} if it is not all
  /// there: begin() tells what is missing.
  Fd finish(const AppName& app, const Digest& archive);
  /// It is needed no more.
  void remove(const AppName& app, const Digest& archive);

 private:
  Fd folder(const AppName& app) const;

  store::Layout layout_;
};

}  // namespace cooper::rack

#pragma once
// JSON of what belongs to a host and no app: engines, registries, tokens, disks; see builds.h.

#include "model/json_values.h"
#include "rack/rack.h"

namespace cooper::api {

/// `engine`, `version`, `where`, `missing` (why it can't be used) and `chosen` (why builds use it);
/// what is empty is absent.
boost::json::object to_object(const engine::EngineReport& report);
[[nodiscard]] Result<engine::EngineReport> parse_engine(const boost::json::object& object);

/// `host`, `user` (absent: a token) and `file`. No password.
boost::json::object to_object(const engine::KnownLogin& login);
[[nodiscard]] Result<engine::KnownLogin> parse_login(const boost::json::object& object);

/// `id`, `name`, `role`, `app`, `created_at` and `expires_at`; what is empty is absent.
boost::json::object to_object(const store::Token& token);
[[nodiscard]] Result<store::Token> parse_token_object(const boost::json::object& object);
/// The same, and `secret`.
boost::json::object to_object(const store::MadeToken& made);
[[nodiscard]] Result<store::MadeToken> parse_made_token(const boost::json::object& object);

/// `where`, `what`, `count` and `bytes`.
boost::json::object to_object(const build::DiskItem& item);
[[nodiscard]] Result<build::DiskItem> parse_disk_item(const boost::json::object& object);

/// `engine`, `images`, `image_bytes`, `cache_bytes` and `warnings`.
boost::json::object to_object(const build::EnginePruned& pruned);
[[nodiscard]] Result<build::EnginePruned> parse_engine_pruned(const boost::json::object& object);

}  // namespace cooper::api

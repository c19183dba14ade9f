// A line of the audit log as JSON.

#include "base/text.h"
#include "store/audit_log.h"

#include <boost/json.hpp>

namespace cooper::store {
namespace json = boost::json;

namespace {

constexpr std::size_t kMostCharacters = 300;

std::string bounded(std::string_view text) { return shorten(valid_utf8(text), kMostCharacters); }

}  // namespace

std::string to_json_line(const AuditEntry& entry) {
  json::object object{{"at", to_rfc3339(entry.at)}};
  const auto add = [&](std::string_view key, std::string_view text) {
    if (!text.empty()) object[key] = bounded(text);
  };
  add("who", entry.who);
  add("name", entry.name);
  add("action", entry.action);
  add("app", entry.app);
  if (!entry.about.empty()) {
    json::object about;
    for (const auto& [key, text] : entry.about) about[bounded(key)] = bounded(text);
    object["about"] = std::move(about);
  }
  add("made", entry.made);
  object["status"] = entry.status;
  add("from", entry.from);
  add("request", entry.request);
  return json::serialize(object) + "\n";
}

Result<AuditEntry> parse_audit_entry(std::string_view line, AuditKind kind) {
  const Error bad(Errc::corrupt, "a line of the audit log is damaged");
  boost::system::error_code failure;
  const json::value value = json::parse(line, failure);
  if (failure || !value.is_object()) return bad;
  const json::object& object = value.get_object();
  const auto text = [&](std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto at = parse_rfc3339(text("at"));
  const json::value* status = object.if_contains("status");
  if (!at || !status || !status->is_int64() || text("action").empty()) return bad;
  AuditEntry entry{.at = *at,
                   .kind = kind,
                   .who = text("who"),
                   .name = text("name"),
                   .action = text("action"),
                   .app = text("app"),
                   .about = {},
                   .made = text("made"),
                   .status = static_cast<int>(status->get_int64()),
                   .from = text("from"),
                   .request = text("request")};
  if (const json::value* about = object.if_contains("about"); about && about->is_object()) {
    for (const auto& [key, part] : about->get_object()) {
      if (part.is_string()) entry.about.emplace(key, part.get_string());
    }
  }
  return entry;
}

}  // namespace cooper::store

#include "build/queue_ticket.h"

#include "base/text.h"

#include <boost/json.hpp>

namespace cooper::build {
namespace json = boost::json;

namespace {

constexpr std::size_t kLeastBytes = 1024;

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  boost::system::error_code failure;
  const std::uint64_t number = found ? found->to_number<std::uint64_t>(failure) : 0;
  return failure ? 0 : number;
}

}  // namespace

std::string to_text(const QueueTicket& ticket) {
  json::object object{{"app", ticket.app.str()},
                      {"for", ticket.what == TicketFor::build ? "build" : "deploy"},
                      {"state", ticket.state == TicketState::running ? "running" : "waiting"},
                      {"turn", ticket.turn},
                      {"since", to_rfc3339({ticket.since})},
                      {"pid", ticket.pid},
                      {"branch", ticket.branch},
                      {"key", ticket.key},
                      {"overtook", ticket.overtook},
                      {"resumed", ticket.resumed},
                      {"superseded_by", ticket.superseded_by}};
  std::string text = json::serialize(object);
  if (text.size() < kLeastBytes) text.append(kLeastBytes - text.size(), ' ');
  return text + '\n';
}

Result<QueueTicket> parse_ticket(std::string_view text, const BuildId& id) {
  boost::system::error_code failure;
  const json::value value = json::parse(trim(text.substr(0, text.find('\n'))), failure);
  const auto bad = [&](const char* what) {
    return Error(Errc::corrupt, "ticket " + id.str() + " " + what);
  };
  if (failure || !value.is_object()) return bad("is no JSON object");
  const json::object& object = value.get_object();
  const Result<AppName> app = AppName::parse(text_of(object, "app"));
  if (!app) return bad("names no app");
  const auto since = parse_rfc3339(text_of(object, "since"));
  if (!since) return bad("has no time");
  const json::value* overtook = object.if_contains("overtook");
  return QueueTicket{
      .app = *app,
      .id = id,
      .what = text_of(object, "for") == "deploy" ? TicketFor::deploy : TicketFor::build,
      .state = text_of(object, "state") == "running" ? TicketState::running : TicketState::waiting,
      .turn = number_of(object, "turn"),
      .since = since->at,
      .pid = static_cast<std::int64_t>(number_of(object, "pid")),
      .branch = text_of(object, "branch"),
      .key = text_of(object, "key"),
      .overtook = overtook && overtook->is_bool() && overtook->get_bool(),
      .resumed = static_cast<unsigned>(number_of(object, "resumed")),
      .superseded_by = text_of(object, "superseded_by")};
}

}  // namespace cooper::build

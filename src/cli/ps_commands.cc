// `cooper ps`, `cooper logs` and `cooper ps:stop`: the containers that run an app.

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/show_log.h"
#include "cli/table.h"
#include "cli/when.h"

#include <array>
#include <stop_token>
#include <string>

namespace cooper::cli {

namespace {

constexpr std::size_t kIdDigits = 12;

Cell state_cell(const engine::Container& container) {
  if (container.is_running()) return {"running", Style::good};
  if (container.state != "exited") return {container.state, Style::warned};
  return {"exited (" + std::to_string(container.exit_code) + ")", Style::bad};
}

Cell health_cell(const std::string& health) {
  if (health == "unhealthy") return {health, Style::bad};
  return {health, health == "healthy" ? Style::good : Style::plain};
}

std::string ports_text(const engine::Container& container) {
  if (!container.is_running()) return "";
  if (container.is_on_host_network()) return "the host's";
  std::string text;
  for (const engine::PortMapping& port : container.ports) {
    text += (text.empty() ? "" : ", ") + to_text(port);
  }
  return text;
}

int run_ps(Context& context, const Options& options) {
  const auto containers = context.rack.list_containers(resolve_app(context, options));
  if (options.json()) {
    context.out.write(containers_json(containers));
    return 0;
  }
  Table table({"SERVICE", "ID", "RELEASE", "STATE", "HEALTH", "STARTED", "PORTS"});
  const Time now = context.clock();
  for (const rack::ServiceContainer& view : containers) {
    const engine::Container& container = view.container;
    table.add({{view.service + "." + std::to_string(view.instance)},
               {container.id.substr(0, kIdDigits)},
               {view.release},
               state_cell(container),
               health_cell(view.health),
               {container.started ? ago(*container.started, now) : ""},
               {ports_text(container)}});
  }
  context.out.write(table.text(context.out.colours()));
  return 0;
}

int run_logs(Context& context, const Options& options) {
  rack::ContainerLogQuery query{.app = resolve_app(context, options),
                                .service = options.service.value_or("")};
  if (options.tail) query.tail = *options.tail;
  if (options.since) query.since = parse_when("since", *options.since, context.clock()).value();
  LogView view(context.out, LogForm::harmless);
  std::stop_source ended;
  const auto show = [&](std::string_view container, std::string_view line) {
    view.write(std::string(container) + " | " + std::string(line) + "\n");
    if (context.out.closed()) ended.request_stop();
  };
  if (options.follow) {
    const Interrupts interrupts(Interrupts::Takes::all_ends);
    const std::stop_callback at_interrupt(interrupts.first(), [&] { ended.request_stop(); });
    context.rack.follow_container_logs(query, show, ended.get_token());
  } else {
    context.rack.read_container_logs(query, show);
  }
  view.finish();
  return 0;
}

int run_stop(Context& context, const Options& options) {
  const App app = context.rack.get_app(AppName::parse(options.words[0]).value());
  const std::size_t stopped = context.rack.stop_containers(app.name);
  context.out.write(stopped == 0 ? "Nothing of app " + app.name.str() + " runs\n"
                                 : "Stopped " + std::to_string(stopped) +
                                       (stopped == 1 ? " container" : " containers") + " of app " +
                                       app.name.str() + "\n");
  return 0;
}

constexpr std::array kListFlags = {kAppFlag, kFormatFlag};
constexpr std::array kLogFlags = {
    kAppFlag,
    Flag{.name = "service",
         .letter = 's',
         .value = "SERVICE",
         .summary = "of this service alone",
         .target = &Options::service},
    Flag{.name = "follow",
         .letter = 'f',
         .summary = "go on until Ctrl-C, also with the containers of later deploys",
         .target = &Options::follow},
    Flag{.name = "tail",
         .letter = 'n',
         .value = "N",
         .summary = "the newest N lines of each container (default: 100)",
         .target = &Options::tail},
    Flag{.name = "since",
         .value = "TIME",
         .summary = "since a day (2026-11-21), a moment, or for so long (90m, 3d)",
         .target = &Options::since}};
constexpr std::array kApp = {Positional{.name = "APP", .summary = "the app", .offer = Offer::app}};

constexpr std::array kCommands = {
    Command{.name = "ps",
            .summary = "List the containers that run an app",
            .flags = kListFlags,
            .examples = "cooper ps -a hello",
            .run = run_ps},
    Command{.name = "logs",
            .summary = "Show what the containers of an app print",
            .flags = kLogFlags,
            .examples = "cooper logs -a hello --follow\n"
                        "cooper logs -a hello --service web --since 10m",
            .run = run_logs},
    Command{.name = "ps:stop",
            .summary = "Stop the containers of an app, until it is deployed or started again",
            .positionals = kApp,
            .examples = "cooper ps:stop hello",
            .run = run_stop}};

}  // namespace

std::span<const Command> ps_commands() { return kCommands; }

}  // namespace cooper::cli

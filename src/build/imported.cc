#include "build/imported.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "bundle/import_plan.h"
#include "model/json.h"

#include <fcntl.h>
#include <vector>

namespace cooper::build {

namespace {

constexpr std::size_t kMostSteps = std::size_t{64} << 20;

}  // namespace

Plan plan_import(const store::Layout& layout, const AppName& app, const BuildId& id) {
  const bundle::ImportFiles files(layout.build(app, id).work);
  const auto text = read_file(files.plan);
  if (!text) throw Error(Errc::not_found, files.plan.string() + " is missing");
  const bundle::ImportPlan import = bundle::parse_import_plan(*text).value();
  Plan plan{.manifest_file = "", .manifest_text = import.manifest};
  for (const bundle::ImportedService& service : import.services) {
    if (service.image >= plan.images.size()) plan.images.resize(service.image + 1);
    engine::ImageRequest& image = plan.images[service.image];
    if (image.tags.empty()) {
      image.service = service.name.str();
      image.archive = files.images;
    }
    const std::string reference = image_reference(app, service.name, id);
    image.tags.push_back(reference);
    plan.services.push_back({.name = service.name, .image = service.image, .reference = reference});
  }
  return plan;
}

void copy_history(const std::filesystem::path& work, log::LogFile& log, StepLog& steps,
                  const log::Redactor& redactor) {
  const bundle::ImportFiles files(work);
  log::Channel channel(log, "", &redactor);
  const std::uint64_t begin = channel.position();
  if (const Fd old = find_regular_file(files.log, O_RDONLY)) {
    std::vector<char> buffer(std::size_t{256} << 10);
    for (ssize_t got = 0; (got = read_some(old.get(), buffer)) > 0;) {
      channel.write({buffer.data(), static_cast<std::size_t>(got)});
    }
  }
  channel.finish();
  const std::uint64_t end = channel.position();
  const std::string text = read_file(files.steps, kMostSteps).value_or("");
  for (const std::string_view line : split(text, '\n')) {
    auto step = parse_step(line);
    if (!step) continue;
    step->log_begin = std::min(begin + step->log_begin, end);
    step->log_end = std::min(begin + step->log_end, end);
    step->text = redactor.redact(step->text);
    steps.append(*step);
  }
}

bool keep_imported_statement(const store::Layout& layout, const AppName& app, const BuildId& id) {
  const store::BuildFiles build = layout.build(app, id);
  const auto text = read_file(bundle::ImportFiles(build.work).statement, kMostSteps);
  if (!text) return false;
  write_file_durably(build.statement, *text, layout.log_mode());
  return true;
}

}  // namespace cooper::build

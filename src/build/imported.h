#pragma once
// A build whose images come from elsewhere: its plan, and what is kept of the one that made them.

#include "build/plan.h"
#include "build/step_log.h"
#include "log/log_file.h"
#include "log/redact.h"
#include "store/layout.h"

#include <filesystem>

namespace cooper::build {

/// The plan of what is staged in the build's scratch folder. Throws Error.
Plan plan_import(const store::Layout& layout, const AppName& app, const BuildId& id);

/// Puts the log and the steps of the build that was exported, if they came along, into those of
/// this one. Throws Error.
void copy_history(const std::filesystem::path& work, log::LogFile& log, StepLog& steps,
                  const log::Redactor& redactor);

/// Keeps the statement that came along as this build's. False: there is none. Throws Error.
bool keep_imported_statement(const store::Layout& layout, const AppName& app, const BuildId& id);

}  // namespace cooper::build

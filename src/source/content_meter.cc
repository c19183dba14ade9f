#include "source/content_meter.h"

#include "base/error.h"
#include "base/error_line.h"
#include "base/text.h"
#include "process/libexec.h"
#include "source/import_archive.h"

#include <array>
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace cooper::source {

namespace {

/// On a standard error of its own: its standard output may be the content.
process::Child start(std::vector<std::string> words, int in, int out, int answer,
                     std::chrono::seconds limit) {
  words.insert(words.begin(), process::libexec_program(kUnpackName).string());
  words.insert(words.end(), {"--seconds", std::to_string(limit.count())});
  return process::Child::start({.argv = std::move(words),
                                .environment = process::own_environment(),
                                .in = in,
                                .out = out,
                                .err = answer,
                                .death_signal = SIGKILL});
}

}  // namespace

UnpackProcess::UnpackProcess(std::vector<std::string> words, int in, int out,
                             std::chrono::seconds limit, std::stop_token stop)
    : stop_(std::move(stop)),
      answer_(make_pipe()),
      child_(start(std::move(words), in, out, answer_.write.get(), limit)),
      killed_(stop_, Kill{child_.pidfd()}) {
  answer_.write.reset();
}

UnpackProcess::~UnpackProcess() {
  child_.signal(SIGKILL);  // nothing happens to one that has ended
  child_.wait();
}

void UnpackProcess::Kill::operator()() const noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
}

std::string UnpackProcess::finish() {
  constexpr std::size_t kMostAnswer = 4096;
  std::string answer;
  std::array<char, 512> buffer{};
  for (ssize_t got = 0; (got = read_some(answer_.read.get(), buffer)) != 0;) {
    if (got > 0 && answer.size() < kMostAnswer) {
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  const process::ExitStatus status = child_.wait();
  if (stop_.stop_requested()) throw Error(Errc::canceled, "canceled");
  if (answer.starts_with("ok ")) return std::string(trim(answer.substr(3)));
  if (const auto error = parse_error_line(answer)) throw Error(*error);
  if (status.signal == SIGXCPU) throw Error(Errc::corrupt, "it takes too long to unpack");
  if (status.signal != 0) {
    throw Error(Errc::corrupt, "it can't be unpacked: " + std::string(kUnpackName) +
                                   " was ended by signal " + std::to_string(status.signal));
  }
  throw Error(Errc::internal, std::string(kUnpackName) + ": " + printable(trim(answer)));
}

ContentMeter::ContentMeter(std::uint64_t size, const Limits& limits, std::stop_token stop)
    : input_(make_pipe()) {
  process_.emplace(std::vector<std::string>{"--measure", std::to_string(limits.bytes), "--size",
                                            std::to_string(size)},
                   input_.read.get(), -1, limits.time, std::move(stop));
  input_.read.reset();
}

void ContentMeter::write(std::string_view bytes) {
  if (!is_wanted_) return;
  try {
    write_all(input_.write.get(), bytes);
  } catch (const Error&) {  // adapter: it has ended, and said why
    is_wanted_ = false;
  }
}

ContentMeter::Measured ContentMeter::finish() {
  input_.write.reset();
  const std::string answer = process_->finish();
  const auto words = split(answer, ' ');
  const auto bytes = words.size() == 2 ? parse_number(words[0]) : std::nullopt;
  if (!bytes) throw Error(Errc::internal, std::string(kUnpackName) + ": " + printable(answer));
  return {.bytes = *bytes, .digest = std::string(words[1])};
}

void unpack_apart(Compression compression, int in, int out, std::stop_token stop) {
  // As long as who writes and who reads the stream: not bounded by the processor's time.
  constexpr std::chrono::seconds kLimit{std::chrono::hours(24)};
  const char* const option = compression == Compression::gzip ? "--gunzip" : "--unzstd";
  UnpackProcess process({option, "rest"}, in, out, kLimit, std::move(stop));
  process.finish();
}

}  // namespace cooper::source

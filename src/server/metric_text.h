#pragma once
// Prometheus' text format, version 0.0.4.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cooper::server {

/// Writes families of metrics one after the other; samples belong to the last one begun.
class MetricText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// `type`: counter, gauge or histogram. `help`: one line.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, double value);
  void sample(std::uint64_t value) { sample({}, value); }

  /// Of a Histogram: its buckets, sum and count. Nothing if nothing was observed.
  template <class Histogram>
  void histogram(Labels labels, const Histogram& histogram) {
    std::uint64_t below = 0;
    const auto limits = histogram.limits();
    for (std::size_t i = 0; i < limits.size(); ++i) {
      below += histogram.count(i);
      write("_bucket", labels, number(limits[i]), std::to_string(below));
    }
    below += histogram.count(limits.size());
    write("_bucket", labels, "+Inf", std::to_string(below));
    write("_sum", labels, {}, number(histogram.sum_seconds()));
    write("_count", labels, {}, std::to_string(below));
  }

  std::string take() { return std::move(text_); }

 private:
  static std::string number(double value);
  /// `limit`: of a bucket; empty: it is none.
  void write(std::string_view suffix, Labels labels, std::string_view limit,
             std::string_view value);

  std::string name_;
  std::string text_;
};

}  // namespace cooper::server

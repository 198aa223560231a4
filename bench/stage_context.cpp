// What stages have in common: see stage_context.hpp.
#include "bench/stage_context.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace quire::bench {

namespace {

bool contains(const std::vector<Promise>& list, Promise promise) {
  return std::find(list.begin(), list.end(), promise) != list.end();
}

}  // namespace

StageContext::StageContext(const StageOptions& options, const EngineKind& kind, const Workload& workload,
                           const Report& report)
    : options_(options), kind_(kind), workload_(workload), report_(report), engine_(kind.make()) {}

bool StageContext::wanted(std::string_view row) const {
  return std::find(options_.rows.begin(), options_.rows.end(), row) != options_.rows.end();
}

bool StageContext::any_wanted(std::initializer_list<std::string_view> rows) const {
  return std::any_of(rows.begin(), rows.end(), [&](std::string_view row) { return wanted(row); });
}

std::vector<Promise> StageContext::promises_of(std::string_view row) const {
  const Row& found = *find_row(row);
  std::vector<Promise> result;
  for (const Promise promise : all_promises) {
    const bool asked = contains(found.promises, promise) || (options_.full && contains(found.promises_full, promise));
    if (asked && contains(kind_.promises, promise)) result.push_back(promise);
  }
  return result;
}

Promise StageContext::cheap_promise() const {
  return contains(kind_.promises, Promise::process) ? Promise::process : Promise::durable;
}

bool StageContext::take_turn(std::string_view row) const {
  if (!wanted(row)) return false;
  options_.turn(row);
  return true;
}

void StageContext::report(std::string_view row, Promise promise, const Measurement& measurement) const {
  report_(*find_row(row), promise, measurement);
}

std::uint64_t StageContext::small_cache_bytes() const noexcept {
  constexpr std::uint64_t smallest = std::uint64_t{8} << 20;
  return std::max(smallest, workload_.rows() * (key_bytes + value_bytes) / 10);
}

void StageContext::start_over(const OpenOptions& options) const {
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) std::filesystem::remove_all(entry);
  engine_->open(options);
}

void StageContext::finish() const {
  engine_->close();
  for_each_file([](int file) { ::fsync(file); });
}

void StageContext::for_each_file(const std::function<void(int file)>& fn) const {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.folder)) {
    if (!entry.is_regular_file()) continue;
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    fn(file);
    ::close(file);
  }
}

}  // namespace quire::bench

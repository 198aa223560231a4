// Single puts: see puts.hpp.
#include "bench/puts.hpp"

#include <algorithm>

#include "bench/together.hpp"

namespace quire::bench {

namespace {

constexpr Version other(Version version) noexcept {
  return version == Version::first ? Version::second : Version::first;
}

}  // namespace

Puts::Puts(const Workload& workload, Version first) : workload_(workload), versions_(workload.rows(), other(first)) {}

Version Puts::flip(std::uint64_t row) { return versions_[row] = other(versions_[row]); }

Measurement Puts::run(Engine& engine, unsigned threads, PutLimit limit, const std::function<void()>& after_put) {
  parts_.clear();
  for (std::uint64_t t = 0; t < threads; ++t) {
    const std::uint64_t from = workload_.rows() * t / threads;
    parts_.push_back({from, workload_.rows() * (t + 1) / threads - from, 0});
  }
  std::vector<Meter> meters(threads);
  work_together(
      engine, threads, [](unsigned, Session&) {},
      [&](unsigned t, Session& session) { put_some(session, parts_[t], limit, after_put, meters[t]); });
  for (unsigned t = 1; t < threads; ++t) meters[0].merge(meters[t]);
  return meters[0].measurement();
}

void Puts::put_some(Session& session, Part& part, PutLimit limit, const std::function<void()>& after_put,
                    Meter& meter) {
  std::string value;
  meter.start();
  while (part.size > 0 && part.done < limit.puts) {
    if (part.done > 0 && meter.seconds_so_far() >= limit.seconds) break;
    const std::uint64_t row = workload_.order()[part.from + part.done % part.size];
    workload_.make_value(row, flip(row), value);
    session.put_alone(Key::present(row), value);
    ++part.done;
    meter.lap();
    if (after_put) after_put();
  }
  meter.stop();
}

void Puts::note_done(std::uint64_t puts) {
  parts_.assign(1, {0, workload_.rows(), puts});
  for (std::uint64_t i = 0; i < puts; ++i) flip(workload_.order()[i]);
}

void Puts::check(Session& session) const {
  std::string value;
  for (const Part& part : parts_) {
    for (std::uint64_t i = 0; i < std::min(part.done, part.size); ++i) {
      const std::uint64_t row = workload_.order()[part.from + i];
      if (!session.get(Key::present(row), value)) throw BenchError("a key is missing: row " + std::to_string(row));
      workload_.check_value(row, versions_[row], value);
    }
  }
}

}  // namespace quire::bench

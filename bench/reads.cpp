// The reading rows: see reads.hpp.
#include "bench/reads.hpp"

#include <algorithm>
#include <optional>

#include "bench/together.hpp"

namespace quire::bench {

namespace {

// A part of the workload's random order.
struct Share {
  std::uint64_t from;
  std::uint64_t to;
};

void get_row(Session& session, const Workload& workload, std::uint64_t row, std::string& value) {
  if (!session.get(Key::present(row), value)) throw BenchError("a key is missing: row " + std::to_string(row));
  workload.check_value(row, Version::first, value);
}

// Calls work(i) for i of a share, `step` apart, and again, as long as the range says. The work laps the meter.
template <class Work>
void repeat(Share share, std::uint64_t step, SecondsRange seconds, Meter& meter, Work&& work) {
  constexpr std::uint64_t steps_between_looks = 1024;
  bool late = false;
  meter.start();
  do {
    std::uint64_t looked = 0;
    for (std::uint64_t i = share.from; i + step <= share.to && !late; i += step) {
      work(i);
      if (++looked % steps_between_looks == 0) late = meter.seconds_so_far() > seconds.max;
    }
  } while (!late && meter.seconds_so_far() < seconds.min);
  meter.stop();
}

void get_share(Session& session, const Workload& workload, Share share, SecondsRange seconds, Meter& meter) {
  std::string value;
  repeat(share, 1, seconds, meter, [&](std::uint64_t i) {
    get_row(session, workload, workload.order()[i], value);
    meter.lap();
  });
}

void require_scan(const ScanCheck& check, std::uint64_t count, std::uint64_t sum) {
  if (check.right() && check.count() == count && check.sum() == sum) return;
  throw BenchError("a scan met " + std::to_string(check.count()) + " entries of " + std::to_string(count) +
                   (check.right() ? "" : ", or out of order"));
}

}  // namespace

void check_scan(Session& session, const Workload& workload, Direction direction) {
  ScanCheck check(direction);
  session.scan(direction, check);
  require_scan(check, workload.rows(), workload.sum_of(0, workload.rows()));
}

Reads::Reads(Engine& engine, const Workload& workload, SecondsRange seconds)
    : engine_(engine), workload_(workload), seconds_(seconds), session_(engine.session()) {
  check_scan(*session_, workload_, Direction::forward);
}

Measurement Reads::get(unsigned threads) {
  const std::uint64_t rows = workload_.rows();
  Meter own;
  if (threads == 1) {
    get_share(*session_, workload_, {0, rows}, seconds_, own);
    return own.measurement();
  }
  std::vector<Meter> meters(threads);
  work_together(
      engine_, threads,
      // A cache of a connection's own is warmed as that of the first session was.
      [&](unsigned, Session& session) { check_scan(session, workload_, Direction::forward); },
      [&](unsigned t, Session& session) {
        get_share(session, workload_, {rows * t / threads, rows * (t + 1) / threads}, seconds_, meters[t]);
      });
  for (unsigned t = 1; t < threads; ++t) meters[0].merge(meters[t]);
  return meters[0].measurement();
}

Measurement Reads::get_missing() {
  std::string value;
  Meter meter;
  repeat({0, workload_.rows()}, 1, seconds_, meter, [&](std::uint64_t i) {
    const std::uint64_t row = workload_.order()[i];
    if (session_->get(Key::missing(row), value))
      throw BenchError("a missing key was found after row " + std::to_string(row));
    meter.lap();
  });
  return meter.measurement();
}

Measurement Reads::multi_get(std::uint64_t keys) {
  const std::uint64_t batch = std::min(keys, workload_.rows());
  std::vector<Key> own(batch, Key::present(0));
  std::vector<std::string_view> wanted(batch);
  std::vector<std::optional<std::string>> values;
  Meter meter;
  repeat({0, workload_.rows()}, batch, seconds_, meter, [&](std::uint64_t first) {
    const std::uint32_t* rows = &workload_.order()[first];
    for (std::uint64_t i = 0; i < batch; ++i) {
      own[i] = Key::present(rows[i]);
      wanted[i] = own[i].view();
    }
    session_->multi_get(wanted, values);
    for (std::uint64_t i = 0; i < batch; ++i) {
      if (!values.at(i)) throw BenchError("a key is missing: row " + std::to_string(rows[i]));
      workload_.check_value(rows[i], Version::first, *values[i]);
    }
    meter.lap(batch);
  });
  return meter.measurement();
}

Measurement Reads::scan(Direction direction) {
  Meter meter;
  meter.start();
  do {
    check_scan(*session_, workload_, direction);
    meter.add(workload_.rows());
  } while (meter.seconds_so_far() < seconds_.min);
  meter.stop();
  return meter.measurement();
}

Measurement Reads::scan_ranges(std::uint64_t entries) {
  const std::uint64_t rows = workload_.rows();
  const std::uint64_t scans = std::max<std::uint64_t>(rows / 10, 1);
  std::vector<ScanCheck> checks(scans);
  std::uint64_t reached = 0;  // of them, before the time was up
  Meter meter;
  repeat({0, scans}, 1, seconds_, meter, [&](std::uint64_t i) {
    reached = std::max(reached, i + 1);
    checks[i] = ScanCheck();
    session_->scan_from(Key::present(workload_.order()[i]), entries, checks[i]);
    meter.lap();
  });
  for (std::uint64_t i = 0; i < reached; ++i) {
    const std::uint64_t from = workload_.order()[i];
    const std::uint64_t to = std::min(from + entries, rows);
    require_scan(checks[i], to - from, workload_.sum_of(from, to));
  }
  return meter.measurement();
}

}  // namespace quire::bench

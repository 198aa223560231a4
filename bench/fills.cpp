// Fills: see fills.hpp.
#include "bench/fills.hpp"

#include <algorithm>

#include "bench/reads.hpp"

namespace quire::bench {

Measurement fill(const StageContext& stage, const Fill& how) {
  const Workload& workload = stage.workload();
  stage.start_over(stage.open_options(how.promise));
  Meter meter;
  {
    const std::unique_ptr<Session> session = stage.engine().session();
    std::string value;
    meter.start();
    for (std::uint64_t first = 0; first < workload.rows(); first += how.rows_per_transaction) {
      const std::uint64_t end = std::min(first + how.rows_per_transaction, workload.rows());
      session->begin(how.order);
      for (std::uint64_t i = first; i < end; ++i) {
        const std::uint64_t row = how.order == KeyOrder::any ? workload.order()[i] : i;
        workload.make_value(row, Version::first, value);
        session->put(Key::present(row), value);
      }
      session->commit();
      meter.lap(end - first);
    }
    meter.stop();
  }
  stage.finish();
  return meter.measurement();
}

Measurement bulk_load(const StageContext& stage, Values values) {
  const Workload& workload = stage.workload();
  stage.start_over(stage.open_options(Promise::durable));
  std::uint64_t row = 0;
  Key current = Key::present(0);
  std::string text;
  Meter meter;
  meter.start();
  stage.engine().bulk_load([&](std::string_view& key, std::string_view& value) {
    if (row == workload.rows()) return false;
    current = Key::present(row);
    if (values == Values::counted) {
      workload.make_counted(current, 0, text);
    } else {
      workload.make_value(row, Version::first, text);
    }
    ++row;
    key = current.view();
    value = text;
    return true;
  });
  meter.lap(workload.rows());
  meter.stop();
  stage.finish();
  const Measurement all = meter.measurement();
  return {.operations = all.operations, .seconds = all.seconds, .cpu_seconds = all.cpu_seconds};
}

void check_file(const StageContext& stage, Promise promise) {
  stage.with_open(stage.open_options(promise),
                  [&] { check_scan(*stage.engine().session(), stage.workload(), Direction::forward); });
}

}  // namespace quire::bench

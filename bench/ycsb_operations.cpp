// Operations of YCSB: see ycsb_operations.hpp.
#include "bench/ycsb_operations.hpp"

namespace quire::bench {

namespace {

Action draw_action(const Mix& mix, Random& random) {
  std::uint64_t left = random.below(100);
  const auto is = [&](unsigned part) {
    if (left < part) return true;
    left -= part;
    return false;
  };
  if (is(mix.reads)) return Action::read;
  if (is(mix.updates)) return Action::update;
  if (is(mix.inserts)) return Action::insert;
  return is(mix.scans) ? Action::scan : Action::modify;
}

}  // namespace

std::vector<Operation> make_operations(const Mix& mix, std::uint64_t count, const Zipfian& ranks, std::uint64_t seed) {
  Random random(seed);
  std::vector<Operation> all(count);
  for (Operation& one : all) {
    one.action = draw_action(mix, random);
    if (one.action == Action::scan) one.entries = static_cast<std::uint8_t>(1 + random.below(ycsb_scan_max));
    if (one.action != Action::insert) one.rank = static_cast<std::uint32_t>(ranks.draw(random));
  }
  return all;
}

}  // namespace quire::bench

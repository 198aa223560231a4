// The data of the benchmark: see workload.hpp.
#include "bench/workload.hpp"

#include <numeric>

#include "base/random.hpp"

namespace quire::bench {

namespace {

// The filler is made of pieces that each stand twice in a row, so that half of it is news.
constexpr std::size_t piece_bytes = 46;
constexpr std::size_t filler_bytes = std::size_t{64} << 10;

std::string make_filler() {
  Random random(7);
  std::string filler;
  while (filler.size() < filler_bytes) {
    std::string piece;
    for (std::size_t i = 0; i < piece_bytes; ++i) piece.push_back(static_cast<char>(' ' + random.below(95)));
    filler += piece + piece;
  }
  filler.resize(filler_bytes);
  return filler;
}

// What tells keys apart.
std::uint64_t mark_of(const Key& key) noexcept {
  std::uint64_t state = key_tail(key.view().data());
  return split_mix(state);
}

}  // namespace

Key::Key(std::uint64_t number) noexcept {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = key_bytes; i-- > 0; number >>= 4) text_[i] = digits[number & 15];
}

Workload::Workload(std::uint64_t rows, Tables tables) : rows_(rows), filler_(make_filler()) {
  if (tables == Tables::none) return;
  order_.resize(rows);
  sums_.resize(rows + 1);
  std::iota(order_.begin(), order_.end(), std::uint32_t{0});
  Random(42).shuffle(order_);
  for (std::uint64_t row = 0; row < rows; ++row) {
    const Key key = Key::present(row);
    sums_[row + 1] = sums_[row] + key_tail(key.view().data()) + head_of(row, Version::first);
  }
}

std::uint64_t Workload::head_of(std::uint64_t row, Version version) noexcept {
  std::uint64_t state = 2 * row + static_cast<std::uint64_t>(version);
  return split_mix(state);
}

void Workload::make_value(std::uint64_t row, Version version, std::string& value) const {
  const std::uint64_t head = head_of(row, version);
  fill_up(head, value);
  std::memcpy(value.data(), &head, sizeof head);
}

void Workload::fill_up(std::uint64_t head, std::string& value) const {
  value.resize(value_bytes);
  std::memcpy(value.data() + sizeof head, filler_.data() + head % (filler_bytes - value_bytes),
              value_bytes - sizeof head);
}

void Workload::make_counted(const Key& key, std::uint64_t counter, std::string& value) const {
  const std::uint64_t mark = mark_of(key);
  fill_up(mark + counter, value);
  std::memcpy(value.data(), &counter, sizeof counter);
  std::memcpy(value.data() + sizeof counter, &mark, sizeof mark);
}

std::uint64_t Workload::counter_of(const Key& key, std::string_view value) const {
  if (value.size() == value_bytes && load_word(value.data() + sizeof(std::uint64_t)) == mark_of(key)) {
    return load_word(value.data());
  }
  throw BenchError("a wrong value: key " + std::string(key.view()) + ", " + std::to_string(value.size()) + " bytes");
}

void Workload::check_value(std::uint64_t row, Version version, std::string_view value) const {
  if (value.size() == value_bytes && load_word(value.data()) == head_of(row, version)) return;
  throw BenchError("a wrong value: row " + std::to_string(row) + ", " + std::to_string(value.size()) + " bytes");
}

}  // namespace quire::bench

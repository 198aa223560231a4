// Claims: what the requirement documents say their systems reach, to be shown beside what is measured here.
//
// Every figure is copied from shared/requirements/sharingan-db.md, section "Performance Benchmarks" (100 000 keys, an
// fsync for each insert, Intel i5-10210U, NVMe). minidb.md, daemondb.md, gokv.md and storage-plan.md claim no speed.
#pragma once

#include <cstdint>

namespace quire::tools {

struct Claim {
  double rows_per_second = 0;  // 0: none of the documents says
  const char* document = "";
};

namespace claims {
inline constexpr Claim none{};
inline constexpr Claim sequential_insert{533.49, "sharingan-db"};   // "Sequential Insert (100k keys)", with WAL and fsync
inline constexpr Claim random_insert{668.53, "sharingan-db"};       // "Random Insert (100k keys)", with WAL and fsync
inline constexpr Claim sequential_read{106'583.88, "sharingan-db"}; // "Sequential Read (100k keys)", 99.60 % cache hits
inline constexpr Claim mixed{2'053.36, "sharingan-db"};             // "Mixed Workload (70% read, 30% write)"
inline constexpr Claim traversal{541'300.61, "sharingan-db"};       // "In-Order Traversal (100k keys)"
}  // namespace claims

// "Buffer Pool Performance Comparison", the table with throughput.
struct CacheClaim {
  std::uint64_t memory_bytes;
  double hit_rate;
  double rows_per_second;
  const char* document;
};
inline constexpr CacheClaim cache_claims[] = {
    {std::uint64_t{128} << 10, 0.65, 7'000, "sharingan-db"},   // 32 pages of 4 KiB
    {std::uint64_t{256} << 10, 0.78, 10'000, "sharingan-db"},  // 64 pages
    {std::uint64_t{512} << 10, 0.85, 12'000, "sharingan-db"},  // 128 pages
    {std::uint64_t{1} << 20, 0.92, 14'000, "sharingan-db"},    // 256 pages
};

}  // namespace quire::tools

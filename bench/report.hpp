// The table for people and the document for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/results.hpp"
#include "bench/runner.hpp"

namespace quire::bench {

struct ReportInput {
  const RunOptions& options;
  const std::vector<EngineKind>& kinds;
  const Results& results;
  const nlohmann::ordered_json& machine;
};

enum class TableFormat : std::uint8_t { aligned, markdown };

// The table with what a reader needs to know about the run.
std::string make_table(const ReportInput& input, TableFormat format);
nlohmann::ordered_json make_document(const ReportInput& input);

}  // namespace quire::bench

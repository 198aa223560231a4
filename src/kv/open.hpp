// Opening a database in a given environment: what Database::open does with the system's.
#pragma once

#include <string>

#include "os/environment.hpp"
#include "quire/database.hpp"

namespace quire::kv {

// The environment must outlive every handle of the database.
Result<Database> open_database(os::Environment& environment, const std::string& path, const Options& options);

}  // namespace quire::kv

// Early return on failure: QUIRE_TRY for a Status, QUIRE_ASSIGN for a Result.
//
//   QUIRE_TRY(file.sync());
//   QUIRE_ASSIGN(WritePage page, pool.write(id));
#pragma once

#include "quire/status.hpp"

#define QUIRE_TRY(expression)                                      \
  do {                                                             \
    ::quire::Status quire_try_status = (expression);               \
    if (!quire_try_status.ok()) return quire_try_status;           \
  } while (false)

#define QUIRE_JOIN_INNER(a, b) a##b
#define QUIRE_JOIN(a, b) QUIRE_JOIN_INNER(a, b)

#define QUIRE_ASSIGN(declaration, expression) \
  QUIRE_ASSIGN_NAMED(QUIRE_JOIN(quire_result_, __LINE__), declaration, expression)

#define QUIRE_ASSIGN_NAMED(result, declaration, expression) \
  auto result = (expression);                               \
  if (!result.ok()) return std::move(result).status();      \
  declaration = std::move(result).value()

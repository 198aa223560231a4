# Tests: one GoogleTest program per folder, the system tests, the scripts and lint.
#
#   src/<folder>/**/*_test.cpp           program <folder>_test
#   src/<folder>/**/*_threads_test.cpp   program <folder>_threads_test, label threads (run under TSan)
#   src/<folder>/**/*_slow_test.cpp      program <folder>_slow_test, label slow (not in the fast tier)
#   bench/*_test.cpp                     program bench_test, with the sources that it tests
#   tests/**/*_test.cpp                  the same three as system_test, system_threads_test, system_slow_test
#   tests/support/*, and the other files of tests/isolation: helpers, linked into every test program
#   tests/scripts/*.sh                   exit code 77 means skipped; *_slow.sh has the label slow
#   tests/model/*_model.py               exhaustive models, label slow
#   fuzz/corpus/<name>                   what the fuzzer <name> is known to meet: corpus.<name>
include(GoogleTest)
set(quire_scratch ${PROJECT_BINARY_DIR}/scratch)
file(MAKE_DIRECTORY ${quire_scratch})

# What all test programs compile with. It has to be the same for all, because they share one precompiled header.
add_library(quire_test_flags INTERFACE)
target_include_directories(quire_test_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR})
target_compile_definitions(quire_test_flags INTERFACE QUIRE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
# Tests themselves are not worth optimising: with sanitizers that takes three times as long to compile. What they look for
# behind undefined behaviour lies in the library.
target_compile_options(quire_test_flags INTERFACE -O0)
if(QUIRE_SANITIZE STREQUAL "address")
  target_compile_options(quire_test_flags INTERFACE -fno-sanitize=undefined)
endif()
target_link_libraries(quire_test_flags INTERFACE quire_flags GTest::gmock Threads::Threads fmt::fmt nlohmann_json::nlohmann_json)
if(TARGET rapidcheck)
  target_link_libraries(quire_test_flags INTERFACE rapidcheck)
  target_compile_definitions(quire_test_flags INTERFACE QUIRE_HAVE_RAPIDCHECK=1)
endif()

# Its carrier is a program, since a precompiled header of a library (-fPIC) does not fit programs (-fPIE).
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_pch.cpp CONTENT "int main() {}\n")
add_executable(quire_test_pch ${PROJECT_BINARY_DIR}/test_pch.cpp)
target_link_libraries(quire_test_pch PRIVATE quire_test_flags)
target_precompile_headers(quire_test_pch PRIVATE
  <algorithm> <cstdint> <functional> <map> <memory> <optional> <span> <string> <string_view> <vector>
  <gmock/gmock.h> <gtest/gtest.h>)

# The helpers name layers but do not link them: a test program of a low folder stays buildable while a
# higher folder is broken, and pulls only the helpers that it uses.
file(GLOB_RECURSE support_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.cpp
  ${PROJECT_SOURCE_DIR}/tests/isolation/*.cpp)
list(FILTER support_sources EXCLUDE REGEX "_test\\.cpp$")
if(support_sources)
  add_library(quire_test_support STATIC ${support_sources})
  target_link_libraries(quire_test_support PRIVATE quire_test_flags quire_dep_xxhash)
else()
  add_library(quire_test_support INTERFACE)
endif()

# quire_add_test_program(name prefix library label source...)
function(quire_add_test_program name prefix library label)
  if(NOT ARGN)
    return()
  endif()
  add_executable(${name} ${ARGN})
  target_precompile_headers(${name} REUSE_FROM quire_test_pch)
  target_link_libraries(${name} PRIVATE quire_test_flags quire_test_support ${library} GTest::gmock_main)
  set(labels ${label})
  if(NOT labels)
    set(labels fast)
  endif()
  set(seconds_max 300)
  if(label STREQUAL "slow")
    set(seconds_max 1500)
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${prefix}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    WORKING_DIRECTORY ${quire_scratch} PROPERTIES TIMEOUT ${seconds_max} LABELS ${labels})
endfunction()

# Splits the test files of one place by their ending into up to three programs.
function(quire_add_test_programs folder library)
  set(threads ${ARGN})
  set(slow ${ARGN})
  set(plain ${ARGN})
  list(FILTER threads INCLUDE REGEX "_threads_test\\.cpp$")
  list(FILTER slow INCLUDE REGEX "_slow_test\\.cpp$")
  list(FILTER plain EXCLUDE REGEX "_(threads|slow)_test\\.cpp$")
  quire_add_test_program(${folder}_test ${folder} ${library} "" ${plain})
  quire_add_test_program(${folder}_threads_test ${folder}_threads ${library} threads ${threads})
  quire_add_test_program(${folder}_slow_test ${folder}_slow ${library} slow ${slow})
endfunction()

foreach(folder IN LISTS quire_folders)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*_test.cpp)
  quire_add_test_programs(${folder} quire_${folder} ${tests})
endforeach()
file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*_test.cpp)
quire_add_test_programs(bench quire_base ${tests} ${PROJECT_SOURCE_DIR}/bench/zipfian.cpp
  ${PROJECT_SOURCE_DIR}/bench/ycsb_operations.cpp)
file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*_test.cpp)
quire_add_test_programs(system quire_tools ${tests})

cmake_path(GET PROJECT_SOURCE_DIR PARENT_PATH source_parent)
set(script_environment "QUIRE_BIN=${PROJECT_BINARY_DIR}/bin;QUIRE_SOURCE=${PROJECT_SOURCE_DIR}")
if(IS_DIRECTORY ${source_parent}/shared)
  string(APPEND script_environment ";QUIRE_SHARED=${source_parent}/shared")
endif()

# quire_add_script_test(name label command...)
function(quire_add_script_test name label)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${quire_scratch})
  set(seconds_max 300)
  if(label STREQUAL "slow")
    set(seconds_max 1500)
  endif()
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${seconds_max} LABELS "${label}"
    ENVIRONMENT "${script_environment}")
endfunction()

file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/scripts/*.sh)
foreach(script IN LISTS scripts)
  cmake_path(GET script STEM name)
  set(label script)
  if(name MATCHES "_slow$")
    set(label slow)
  endif()
  quire_add_script_test(script.${name} ${label} bash ${script})
endforeach()

# fuzz/<name>_fuzz.cpp over fuzz/corpus/<name>, without libFuzzer: program corpus_<name>.
file(GLOB fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/*_fuzz.cpp)
foreach(fuzzer IN LISTS fuzzers)
  cmake_path(GET fuzzer STEM name)
  string(REGEX REPLACE "_fuzz$" "" name ${name})
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name} AND NOT QUIRE_SANITIZE STREQUAL "fuzzer")
    add_executable(corpus_${name} ${fuzzer} ${PROJECT_SOURCE_DIR}/fuzz/runner/run_corpus.cpp)
    target_link_libraries(corpus_${name} PRIVATE quire_kv quire_flags)
    add_test(NAME corpus.${name} COMMAND corpus_${name} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(corpus.${name} PROPERTIES TIMEOUT 300 LABELS fast)
  endif()
endforeach()

find_program(QUIRE_PYTHON python3)
if(QUIRE_PYTHON)
  file(GLOB models CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/model/*_model.py)
  foreach(model IN LISTS models)
    cmake_path(GET model STEM name)
    quire_add_script_test(model.${name} slow ${QUIRE_PYTHON} ${model})
  endforeach()
  quire_add_script_test(lint lint ${QUIRE_PYTHON} ${PROJECT_SOURCE_DIR}/scripts/lint.py)
  quire_add_script_test(lint_selftest lint ${QUIRE_PYTHON} ${PROJECT_SOURCE_DIR}/scripts/lint_selftest.py)
endif()

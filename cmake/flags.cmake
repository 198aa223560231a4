# Compiler settings shared by every target.
#
# `quire_flags` carries the options that only our own targets see. PIC is on everywhere because the
# same objects make libquire.a and libquire.so; -fno-semantic-interposition gives back the inlining
# that PIC would cost. The prefix map keeps absolute paths out of messages and debug information.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# A library does not wait for the libraries it names, so a broken folder stops only what links it.
set(CMAKE_OPTIMIZE_DEPENDENCIES ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

find_program(QUIRE_CCACHE ccache)
if(QUIRE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${QUIRE_CCACHE})
endif()

add_library(quire_flags INTERFACE)
target_compile_options(quire_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Wsign-compare -Wcast-qual -Wunused
  -fno-omit-frame-pointer -fno-semantic-interposition
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(QUIRE_WERROR)
  target_compile_options(quire_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -fpch-preprocess lets ccache see what a precompiled header stands for. -Wrestrict of GCC 12 misjudges
  # std::string's operator+ when it is inlined (GCC bug 105651).
  target_compile_options(quire_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wno-restrict -fpch-preprocess)
else()
  # Capability annotations (QUIRE_GUARDED_BY) are checked by clang alone.
  target_compile_options(quire_flags INTERFACE -Wthread-safety)
endif()
if(QUIRE_CHECKS)
  target_compile_definitions(quire_flags INTERFACE QUIRE_CHECKS=1)
endif()

if(QUIRE_SANITIZE STREQUAL "address")
  set(quire_sanitize_options -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_compile_definitions(quire_flags INTERFACE QUIRE_ASAN=1)
elseif(QUIRE_SANITIZE STREQUAL "thread")
  set(quire_sanitize_options -fsanitize=thread)
  target_compile_definitions(quire_flags INTERFACE QUIRE_TSAN=1)
elseif(QUIRE_SANITIZE STREQUAL "fuzzer")
  set(quire_sanitize_options -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_compile_definitions(quire_flags INTERFACE QUIRE_FUZZ=1)
elseif(NOT QUIRE_SANITIZE STREQUAL "")
  message(FATAL_ERROR "QUIRE_SANITIZE is '${QUIRE_SANITIZE}'; expected empty, address, thread or fuzzer")
endif()
add_compile_options(${quire_sanitize_options})
add_link_options(${quire_sanitize_options})

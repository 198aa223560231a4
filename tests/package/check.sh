#!/usr/bin/env bash
# Installs a build into a scratch prefix and uses it as a stranger would: by find_package with the
# static library, by pkg-config with the shared one, and by pkg-config --static.
#
# usage: check.sh BUILD_DIRECTORY
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
work=$build/package
cxx=${CXX:-c++}

rm -rf "$work"
mkdir -p "$work"
# The prefix moves after installing: the package must not hold absolute paths.
cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix"
if grep -rIn "$build\|$work" "$work/prefix" --include='*.cmake' --include='*.pc' --include='*.hpp'; then
  echo "package: installed files name the build directory"
  exit 1
fi

run() {
  rm -f "$work/consumer.qdb"*
  echo "package: $1"
  shift
  "$@" "$work/consumer.qdb"
}

cmake -S "$source" -B "$work/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_COMPILER="$cxx" >"$work/cmake.log"
cmake --build "$work/cmake" >>"$work/cmake.log" || { cat "$work/cmake.log"; exit 1; }
run "find_package, libquire.a" "$work/cmake/consumer"

PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name quire.pc)")
export PKG_CONFIG_PATH
libraries=$(pkg-config --variable=libdir quire)
# shellcheck disable=SC2046  # lists of options
"$cxx" -std=c++20 "$source/main.cpp" -o "$work/shared" $(pkg-config --cflags --libs quire)
run "pkg-config, libquire.so" env LD_LIBRARY_PATH="$libraries" "$work/shared"
env LD_LIBRARY_PATH="$libraries" ldd "$work/shared" | grep -q 'libquire\.so\.' || { echo "package: the program does not use libquire.so"; exit 1; }

# shellcheck disable=SC2046
"$cxx" -std=c++20 "$source/main.cpp" -o "$work/static" -Wl,-Bstatic $(pkg-config --cflags --libs quire) -Wl,-Bdynamic \
  $(pkg-config --static --libs quire | sed 's/-lquire//')
run "pkg-config --static" "$work/static"
"$work/prefix/bin/quire" "$work/consumer.qdb" 'get key' | grep -qx value
echo "package: ok"

# libquire.a and libquire.so from the folders up to kv, and what `cmake --install` lays down.
#
# The static library is quire::quire for find_package; quire.pc serves both (the linker takes the
# shared one where it exists).
set(quire_objects)
foreach(folder IN LISTS quire_library_folders)
  get_target_property(type quire_${folder} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND quire_objects $<TARGET_OBJECTS:quire_${folder}>)
  endif()
endforeach()
if(NOT quire_objects)
  message(STATUS "libquire: no sources yet")
  return()
endif()

include(CMakePackageConfigHelpers)
set(quire_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/quire)

add_library(quire STATIC ${quire_objects})
add_library(quire::quire ALIAS quire)
set_target_properties(quire PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(quire INTERFACE cxx_std_20)
target_include_directories(quire INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(quire INTERFACE
  $<BUILD_INTERFACE:quire_dep_xxhash> $<INSTALL_INTERFACE:xxhash> Threads::Threads)
install(TARGETS quire EXPORT quireTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

if(QUIRE_BUILD_SHARED)
  add_library(quire_shared SHARED ${quire_objects})
  set_target_properties(quire_shared PROPERTIES
    OUTPUT_NAME quire EXPORT_NAME quire_shared LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_compile_features(quire_shared INTERFACE cxx_std_20)
  target_include_directories(quire_shared INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(quire_shared PRIVATE $<BUILD_INTERFACE:quire_dep_xxhash> $<BUILD_INTERFACE:Threads::Threads>)
  if(NOT QUIRE_SANITIZE)
    target_link_options(quire_shared PRIVATE -Wl,--no-undefined)
  endif()
  install(TARGETS quire_shared EXPORT quireTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

install(DIRECTORY include/quire DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(EXPORT quireTargets NAMESPACE quire:: DESTINATION ${quire_package_dir})
configure_package_config_file(cmake/quireConfig.cmake.in ${PROJECT_BINARY_DIR}/quireConfig.cmake
  INSTALL_DESTINATION ${quire_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/quireConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/quire.pc.in ${PROJECT_BINARY_DIR}/quire.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/quireConfig.cmake ${PROJECT_BINARY_DIR}/quireConfigVersion.cmake
  DESTINATION ${quire_package_dir})
install(FILES ${PROJECT_BINARY_DIR}/quire.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

target_compile_definitions(airtight_cli PRIVATE AIRTIGHT_VERSION="${PROJECT_VERSION}")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(airtight_cli PRIVATE -O1)  # words, not work: its templates take the compiler twice as long at -O3
endif()

# Builds one static library a folder of src/, linked and checked by the table in src/floors.txt.

# Reads the manifest into AIRTIGHT_FOLDERS and, for each folder F, AIRTIGHT_FLOOR_F, AIRTIGHT_BESIDE_F, AIRTIGHT_THIRD_F.
macro(airtight_read_floors manifest)
  file(STRINGS ${manifest} airtight_lines REGEX "^[a-z]")
  set(AIRTIGHT_FOLDERS "")
  foreach(line IN LISTS airtight_lines)
    string(REGEX REPLACE " +" ";" fields "${line}")
    list(POP_FRONT fields folder floor beside)
    string(REPLACE "," ";" beside "${beside}")
    list(REMOVE_ITEM fields "-")
    list(REMOVE_ITEM beside "-")
    list(APPEND AIRTIGHT_FOLDERS ${folder})
    set(AIRTIGHT_FLOOR_${folder} ${floor})
    set(AIRTIGHT_BESIDE_${folder} ${beside})
    set(AIRTIGHT_THIRD_${folder} ${fields})
  endforeach()
endmacro()

# Adds library airtight_F for each folder F, the executable `airtight` for cli/, and the check as part of every build.
function(airtight_add_floors manifest)
  airtight_read_floors(${manifest})
  file(GLOB_RECURSE checked CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*)
  set(passed ${CMAKE_BINARY_DIR}/floors.passed)
  add_custom_command(OUTPUT ${passed}
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR}/src -DMANIFEST=${manifest}
      -P ${CMAKE_SOURCE_DIR}/cmake/check_floors.cmake
    COMMAND ${CMAKE_COMMAND} -E touch ${passed}
    DEPENDS ${checked} ${manifest} ${CMAKE_SOURCE_DIR}/cmake/check_floors.cmake ${CMAKE_SOURCE_DIR}/cmake/floors.cmake
      ${CMAKE_SOURCE_DIR}/cmake/dependencies.cmake
    COMMENT "Checking the floors" VERBATIM)
  add_custom_target(check_floors ALL DEPENDS ${passed})
  foreach(folder IN LISTS AIRTIGHT_FOLDERS)
    file(GLOB sources CONFIGURE_DEPENDS src/${folder}/*.cc src/${folder}/internal/*.cc)
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
    if(NOT sources)
      continue()
    endif()
    add_library(airtight_${folder} STATIC ${sources})
    add_dependencies(airtight_${folder} check_floors)
    if(AIRTIGHT_FUZZ)
      target_compile_options(airtight_${folder} PRIVATE -fsanitize=fuzzer-no-link)  # a fuzzer is led by what it reaches in src/
    endif()
    target_include_directories(airtight_${folder} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(airtight_${folder} PUBLIC airtight_compiler Threads::Threads)
    foreach(other IN LISTS AIRTIGHT_FOLDERS)
      if(TARGET airtight_${other} AND
         (AIRTIGHT_FLOOR_${other} LESS AIRTIGHT_FLOOR_${folder} OR other IN_LIST AIRTIGHT_BESIDE_${folder}))
        target_link_libraries(airtight_${folder} PUBLIC airtight_${other})
      endif()
    endforeach()
    foreach(library IN LISTS AIRTIGHT_THIRD_${folder})
      target_link_libraries(airtight_${folder} PUBLIC ${AIRTIGHT_LIBRARY_${library}})
    endforeach()
    if(EXISTS ${CMAKE_SOURCE_DIR}/src/${folder}/folder.cmake)  # what the folder embeds
      include(${CMAKE_SOURCE_DIR}/src/${folder}/folder.cmake)
    endif()
  endforeach()
  if(EXISTS ${CMAKE_SOURCE_DIR}/src/cli/main.cc)
    add_executable(airtight ${CMAKE_SOURCE_DIR}/src/cli/main.cc)
    target_link_libraries(airtight PRIVATE airtight_cli)
  endif()
endfunction()

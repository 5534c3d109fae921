# Makes the folders of src/floors.txt in SCRATCH/src, writes TEXT into FILE there, and runs the floor check. With a SENTENCE the check must
# fail and say it; without, it must pass.
cmake_minimum_required(VERSION 3.25)
include(${PROJECT}/cmake/floors.cmake)
airtight_read_floors(${PROJECT}/src/floors.txt)

file(REMOVE_RECURSE ${SCRATCH})
foreach(folder IN LISTS AIRTIGHT_FOLDERS)
  file(WRITE ${SCRATCH}/src/${folder}/empty.h "#pragma once\n")
endforeach()
file(COPY ${PROJECT}/src/floors.txt DESTINATION ${SCRATCH}/src)
if(FILE STREQUAL "floors.txt")  # the manifest itself is on trial; folders that it lacks are not
  file(REMOVE_RECURSE ${SCRATCH}/src)
endif()
file(WRITE ${SCRATCH}/src/${FILE} "${TEXT}\n")

execute_process(
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${SCRATCH}/src -DMANIFEST=${SCRATCH}/src/floors.txt -P ${PROJECT}/cmake/check_floors.cmake
  RESULT_VARIABLE status ERROR_VARIABLE said)
if(SENTENCE STREQUAL "")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "The check refused what is allowed:\n${said}")
  endif()
  return()
endif()
string(REGEX REPLACE "[ \n]+" " " words "${said}")  # CMake wraps what it says
string(FIND "${words}" "${SENTENCE}" position)
if(status EQUAL 0 OR position EQUAL -1)
  message(FATAL_ERROR "The check should have said\n  ${SENTENCE}\nbut ended with status ${status} and said\n${said}")
endif()

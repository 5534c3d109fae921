# Copies the project to SCRATCH, adds an upward include on its lowest floor, and builds that folder: the build must fail, before
# it compiles anything, with the sentence that names the rule.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${SCRATCH})
file(COPY ${PROJECT}/CMakeLists.txt ${PROJECT}/cmake ${PROJECT}/src ${PROJECT}/schema ${PROJECT}/fuzz DESTINATION ${SCRATCH}/project)
file(WRITE ${SCRATCH}/project/src/base/upward.h "#pragma once\n#include \"issuer/issuer.h\"\n")

execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SCRATCH}/project -B ${SCRATCH}/build -G Ninja -DCMAKE_CXX_COMPILER=${COMPILER}
    -DAIRTIGHT_TESTS=OFF -DAIRTIGHT_BENCH=OFF
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${SCRATCH}/build --target airtight_base RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
string(REGEX REPLACE "[ \n]+" " " words "${said}")
string(FIND "${words}" "src/base/upward.h includes \"issuer/issuer.h\": base/ is on floor 0 and issuer/ on floor 3; a file includes only from" position)
if(status EQUAL 0 OR position EQUAL -1 OR words MATCHES "Building CXX")
  message(FATAL_ERROR "The build should have refused the upward include, but ended with status ${status} and said\n${said}")
endif()
file(REMOVE_RECURSE ${SCRATCH})

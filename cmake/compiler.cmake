# Compiler settings that every target shares: warnings are errors, hardening is on, ccache is used where there is one.
add_library(airtight_compiler INTERFACE)
target_compile_options(airtight_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -fstack-protector-strong -fno-omit-frame-pointer)
target_link_options(airtight_compiler INTERFACE -Wl,-z,relro,-z,now)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside libstdc++ and Boost for correct code at -O2.
  target_compile_options(airtight_compiler INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer)
endif()
# 1: line numbers in stack traces, but not the types of every template, so that links stay quick. 3 is for the debugger.
set(AIRTIGHT_DEBUG_INFO 1 CACHE STRING "how much debug information: 0 to 3")
target_compile_options(airtight_compiler INTERFACE -g${AIRTIGHT_DEBUG_INFO})
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(airtight_compiler INTERFACE _FORTIFY_SOURCE=2)
endif()
if(AIRTIGHT_SANITIZE)
  target_compile_options(airtight_compiler INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(airtight_compiler INTERFACE -fsanitize=address,undefined)
  target_compile_definitions(airtight_compiler INTERFACE AIRTIGHT_SANITIZED=1)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  find_program(LLD NAMES ld.lld-19 ld.lld)
  if(LLD)
    target_link_options(airtight_compiler INTERFACE --ld-path=${LLD})
  endif()
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

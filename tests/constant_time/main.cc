// Runs the tests under valgrind and not otherwise: without it they would see nothing and pass.
#include <gtest/gtest.h>
#include <valgrind/valgrind.h>

#include <cstdio>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!RUNNING_ON_VALGRIND) {
    std::fputs("constant_time_test says something under valgrind alone: ctest -R constant_time\n", stderr);
    return 2;
  }
  const int status = RUN_ALL_TESTS();
  if (::testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
    std::fputs("no test has run\n", stderr);
    return 2;
  }
  return status;
}

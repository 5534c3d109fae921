// Runs every file of the folders named on the command line through a fuzz target, in order of their names: what libFuzzer would do with
// them, without libFuzzer. A folder without a file is a mistake and fails.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::uint8_t> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "cannot read " << path << '\n';
    std::exit(1);
  }
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argument_count, char** arguments) {
  for (int i = 1; i < argument_count; ++i) {
    std::set<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) {
      if (entry.is_regular_file()) paths.insert(entry.path());
    }
    if (paths.empty()) {
      std::cerr << "there is no corpus in " << arguments[i] << '\n';
      return 1;
    }
    for (const auto& path : paths) {
      std::cout << path.filename().string() << std::endl;  // so that the last line names the file that crashes
      const std::vector<std::uint8_t> input = read(path);
      LLVMFuzzerTestOneInput(input.data(), input.size());
    }
  }
  return 0;
}
